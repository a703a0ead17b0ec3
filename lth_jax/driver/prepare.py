"""Data, network and config brought together and checked, before any training."""

import os
import sys
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from .. import models, sources
from ..config import Config
from ..errors import InputError
from ..sources import Origin
from ..study.given import NOTHING, OWN, Given, data_digest, identities
from ..study.study import Study, check_rows, make_study
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
        identities: digests of the values that the user gave.
    """

    study: Study
    splits: Splits
    origin: Origin
    identities: Mapping[str, str]


def prepare(config: Config, given: Given = NOTHING) -> Prepared:
    """Load the data, build the network, check everything.

    Args:
        config: one study.
        given: what the user gives as values, which the config names.

    Raises:
        InputError: something is wrong; no work has been done.
    """
    return prepare_all([config], given)[0]


def prepare_all(studies: Sequence[Config], given: Given = NOTHING) -> list[Prepared]:
    """Prepare studies; those of the same data share them.

    Args:
        studies: their configs.
        given: what the user gives as values, of all studies.

    Raises:
        InputError: something is wrong with one; no work has been done.
    """
    for config in studies:
        config.validate()
    devices.check_platforms()
    loaded, prepared = {}, []
    for config in studies:
        key = config.data, config.seed, config.n_splits
        if key not in loaded:
            loaded[key] = _load(config, given)
        splits, origin = loaded[key]
        model = given.model or _build(config, splits)
        _check_memory(model, config)
        check_fits(model, config.train, splits.train, splits.n_classes)
        check_rows(config, splits)
        study = make_study(model, config, given, splits.train)
        known = identities(given, config, model, splits)
        prepared.append(Prepared(study, splits, origin, known))
    return prepared


def _load(config: Config, given: Given) -> tuple[Splits, Origin]:
    if given.splits is not None:
        note = "arrays of the user's"
        return given.splits, Origin(data_digest(given.splits), note)
    if config.data.name == OWN:
        raise InputError(
            "data.name is own: the data of this study are values of the user's. Give"
            " them again: splits=... in Python, data() in an experiment file."
        )
    return sources.load(config.data, config.seed, config.n_splits)


def _build(config: Config, splits: Splits) -> Model:
    if config.model.name == OWN:
        raise InputError(
            "model.name is own: the network of this study is a value of the user's."
            " Give it again: model=... in Python, model() in an experiment file."
        )
    return models.build(config.model, splits.train.x.shape[1:], splits.n_classes)


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
