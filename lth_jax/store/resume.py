"""What later levels need of stored ones: the chain, and the dense network's way."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from .. import tree
from ..errors import StoreError
from ..files import read_npz
from ..study.level import Chain
from ..study.networks import clock_of, kept_steps, pruned_kind, steps_of
from ..study.waves import Study, new_moments
from ..tickets.rewinding import rule_of
from ..types import FINAL, Snapshot, Trajectory
from .verify import level_path, read_rows

FINAL_NAMES = {"ticket": ("final", "state"), "chain": ("chain", "chain_state")}
"""Names of final weights and model state in final.npz, by kind."""


def read_chain(run: Path, study: Study, number: int) -> Chain:
    """Read back what the pruning after a level needs.

    Args:
        run: the run directory.
        study: gives the structure of the trees.
        number: of a complete level whose final weights are kept.

    Raises:
        StoreError: an array is missing, or is not one of the study's.
    """
    file = level_path(run, number) / "tickets.npz"
    tickets, like = read_npz(file), _like(study)
    kind = pruned_kind(study.config, number)
    summary = read_rows(run, number, "summary.parquet")
    mine = summary[summary["kind"] == kind].sort_values("replicate")
    masks = tree.map_with_path(
        lambda path, p: unpacked(tickets, path, p, file), like.params
    )
    finals = _read_finals(run, study, number, kind)
    return Chain(masks, finals, (mine["status"] == "ok").to_numpy())


def read_trajectory(run: Path, study: Study) -> Trajectory:
    """Read back what is needed of the training of the dense networks.

    Args:
        run: the run directory, with a complete level 0.
        study: says which steps; gives the structure of the trees.

    Returns:
        The snapshots at the steps of `kept_steps`; where stability is measured, that at
        the end too.

    Raises:
        StoreError: an array is missing, or is not one of the study's.
    """
    config, trajectory = study.config, {}
    if config.stability.orders > 1:
        trajectory[FINAL] = _read_finals(run, study, 0, "ticket")
    steps, like = kept_steps(config), _like(study)
    if rule_of(config).moments:
        like = like._replace(moments=new_moments(study, like.params))
    file = level_path(run, 0) / "snapshots.npz"
    arrays = read_npz(file) if steps else {}
    for step in steps:
        clock = np.full(config.replicates, step, np.int32)
        parts = {
            name: _read(arrays, f"{step}/{name}", part, file)
            for name, part in like._asdict().items()
            if name != "clock"
        }
        trajectory[step] = Snapshot(**parts, clock=clock)
    return trajectory


def _like(study: Study) -> Snapshot:
    return tree.to_host(study.start._replace(moments=None))


def _read_finals(run: Path, study: Study, number: int, kind: str) -> Snapshot:
    file, like = level_path(run, number) / "final.npz", _like(study)
    arrays = read_npz(file)
    params, state = (
        _read(arrays, name, part, file)
        for name, part in zip(FINAL_NAMES[kind], (like.params, like.state), strict=True)
    )
    end = clock_of(study.config, number) + steps_of(study.config, number)
    return Snapshot(params, state, None, np.full_like(like.clock, end))


def _read(arrays: Mapping[str, np.ndarray], name: str, like: Any, file: Path) -> Any:
    """Return the tree that lies under a name; refuse what is not like it."""

    def read(path: str, leaf: np.ndarray) -> np.ndarray:
        array = arrays.get(f"{name}/{path}")
        if array is None or (array.shape, array.dtype) != (leaf.shape, leaf.dtype):
            raise StoreError(
                f"{file} has no {name}/{path} of {leaf.dtype} {leaf.shape}"
            )
        return array

    return tree.map_with_path(read, like)


def unpacked(
    arrays: Mapping[str, np.ndarray], path: str, like: np.ndarray, file: Path
) -> Any:
    """Return the masks of a leaf from the arrays of tickets.npz.

    Leaves that cannot be pruned have none: all True.

    Args:
        arrays: of tickets.npz.
        path: of the leaf.
        like: the leaf, replicates as first axis.
        file: that the arrays were read from.

    Raises:
        StoreError: the mask is missing, or of another shape.
    """
    if like.ndim < 3:
        return np.ones(like.shape, bool)
    packed, size = arrays.get(f"mask/{path}"), int(np.prod(like.shape[1:]))
    form = (like.shape[0], -(-size // 8)), np.dtype(np.uint8)
    if packed is None or (packed.shape, packed.dtype) != form:
        raise StoreError(f"{file} has no mask/{path} of uint8 {form[0]}")
    return np.unpackbits(packed, axis=1, count=size).astype(bool).reshape(like.shape)
