"""Run directories, read back: as tables and as tickets."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from . import tree
from .errors import StoreError
from .files import read_json, read_npz, read_table
from .store import level_path, unpacked
from .types import Ticket


class Run(NamedTuple):
    """A run directory, read.

    Attributes:
        path: the directory.
        config: all settings, nested.
        manifest: versions, devices, plan, data, events.
        summary: DataFrame, one row per trained network.
        curves: DataFrame, one row per network, evaluation and split.
    """

    path: Path
    config: dict[str, Any]
    manifest: dict[str, Any]
    summary: Any
    curves: Any


def load_run(path: str | Path) -> Run:
    """Read a run directory.

    Args:
        path: the run directory.

    Returns:
        A `Run` with pandas DataFrames of all levels that are there; for a sweep, of all
        variants that are there, with a column ``variant``.

    Raises:
        StoreError: it is no run directory, or has no complete level.
    """
    import pandas as pd

    path = Path(path)
    parts = load_variants(path)
    if parts:
        tables = [
            pd.concat(
                [
                    getattr(run, table).assign(variant=name)
                    for name, run in parts.items()
                ],
                ignore_index=True,
            )
            for table in ("summary", "curves")
        ]
        about = read_json(path / "manifest.json")
        return Run(path, read_json(path / "config.json"), about, *tables)
    levels = _levels(path)
    tables = [
        pd.concat([read_table(folder / name) for folder in levels], ignore_index=True)
        for name in ("summary.parquet", "curves.parquet")
    ]
    config = read_json(path / "config.json")
    return Run(path, config, read_json(path / "manifest.json"), *tables)


def load_variants(path: str | Path) -> dict[str, Run]:
    """Read the runs of a sweep, as far as they have come.

    Args:
        path: directory of the sweep.

    Returns:
        Runs by variant; empty if the directory is no sweep.

    Raises:
        StoreError: it is a sweep of which nothing is complete yet.
    """
    path = Path(path)
    if not (path / "config.json").exists():
        return {}
    names = read_json(path / "config.json").get("variants", {})
    found = {n: load_run(path / n) for n in names if list((path / n).glob("level_*"))}
    if names and not found:
        raise StoreError(f"{path} has no complete level yet.")
    return found


def _levels(path: Path) -> list[Path]:
    if not (path / "config.json").exists():
        raise StoreError(f"{path} is not a run directory: it has no config.json.")
    folders = [p for p in path.glob("level_*") if re.fullmatch(r"level_\d+", p.name)]
    levels = sorted(folders, key=lambda p: int(p.name.split("_")[1]))
    if not levels:
        raise StoreError(f"{path} has no complete level yet.")
    return levels


def load_ticket(path: str | Path, level: int, replicate: int) -> Ticket:
    """Read a ticket of a run.

    Args:
        path: the run directory.
        level: 0 = dense.
        replicate: which of the independent tickets.

    Returns:
        A `Ticket` whose params are the full weights of the rewind point and whose trees
        are nested dicts of NumPy arrays.

    Raises:
        StoreError: there is no such ticket.
    """
    path = Path(path)
    numbers = [int(folder.name.split("_")[1]) for folder in _levels(path)]
    if level not in numbers:
        raise StoreError(f"{path} has no level {level}; it has {numbers}.")
    summary = read_table(level_path(path, level) / "summary.parquet")
    row = summary[(summary["kind"] == "ticket") & (summary["replicate"] == replicate)]
    if row.empty or row["status"].item() in ("collapsed", "not_run"):
        found = "none" if row.empty else f"one that is {row['status'].item()}"
        raise StoreError(
            f"Level {level} of {path} has no ticket of replicate {replicate} ({found})."
        )
    arrays = read_npz(level_path(path, level) / "tickets.npz")
    whole = read_npz(level_path(path, 0) / "tickets.npz")
    params = _nested(whole, "start/")
    masks = {
        name.removeprefix("start/"): unpacked(arrays, name.removeprefix("start/"), leaf)
        for name, leaf in whole.items()
        if name.startswith("start/")
    }
    mask = _nested({f"mask/{p}": m for p, m in masks.items()}, "mask/")
    clocks = np.zeros(len(next(iter(masks.values()))), np.int32)
    ticket = Ticket(params, mask, _nested(arrays, "state/"), clocks)
    return tree.take(ticket, replicate)


def _nested(arrays: Mapping[str, np.ndarray], prefix: str) -> dict[str, Any]:
    nested: dict[str, Any] = {}
    for name, leaf in arrays.items():
        if name.startswith(prefix):
            *folders, last = name.removeprefix(prefix).split("/")
            place = nested
            for folder in folders:
                place = place.setdefault(folder, {})
            place[last] = leaf
    return nested
