"""Data, network and config brought together and checked, before any training."""

import os
import sys
from collections.abc import Sequence
from typing import NamedTuple

from .. import models, sources
from ..config import Config
from ..errors import InputError
from ..sources import Origin
from ..study import waves
from ..study.waves import Study
from ..training.dataset import Splits
from ..training.loop import check_fits
from ..types import Model
from . import devices

WAITING_COPIES = 3
"""Copies of the weights, about, that a network has on the host while it waits."""


class Prepared(NamedTuple):
    """All that is known before training starts.

    Attributes:
        study: the config made concrete.
        splits: the data, on the host.
        origin: which copy of the data it is.
    """

    study: Study
    splits: Splits
    origin: Origin


def prepare(config: Config) -> Prepared:
    """Load the data, build the network, check everything.

    Args:
        config: one study.

    Raises:
        InputError: something is wrong; no work has been done.
    """
    return prepare_all([config])[0]


def prepare_all(studies: Sequence[Config]) -> list[Prepared]:
    """Prepare studies; those of the same data share them.

    Args:
        studies: their configs.

    Raises:
        InputError: something is wrong with one; no work has been done.
    """
    for config in studies:
        config.validate()
    loaded, prepared = {}, []
    for config in studies:
        key = config.data, config.seed
        if key not in loaded:
            loaded[key] = sources.load(*key)
        splits, origin = loaded[key]
        model = models.build(config.model, splits.train.x.shape[1:], splits.n_classes)
        _check_memory(model, config)
        check_fits(model, config.train, splits.train, splits.n_classes)
        prepared.append(Prepared(waves.make_study(model, config), splits, origin))
    return prepared


def most_on_host(model: Model) -> int:
    """Return how many networks, waiting to train, half of the memory holds."""
    memory = _memory()
    if memory is None:
        return sys.maxsize
    return max(1, int(0.5 * memory / (WAITING_COPIES * devices.size_of(model))))


def _memory() -> int | None:
    """Return the bytes of the host's memory, where the system tells."""
    if not hasattr(os, "sysconf"):
        return None
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _check_memory(model: Model, config: Config) -> None:
    """Refuse studies whose initial weights alone are more than the memory."""
    needed, there = config.replicates * devices.size_of(model), _memory()
    if there is not None and needed > there:
        raise InputError(
            f"model.name is {config.model.name}, model.widths {config.model.widths} and"
            f" replicates {config.replicates}: their weights are {needed / 1e9:,.0f} GB"
            f" and the memory {there / 1e9:,.0f} GB. Make them smaller."
        )
