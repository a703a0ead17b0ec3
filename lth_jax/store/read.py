"""Run directories, read back: as tables and as tickets."""

from collections.abc import Callable, Iterable, Mapping
from operator import attrgetter
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from .. import tree
from ..analysis.anatomy import Anatomy
from ..config import Config, fingerprint, to_dict
from ..config.fields import shown
from ..errors import StoreError
from ..files import read_json, read_npz
from ..study.networks import clock_of, parent_of
from ..tickets.rewinding import rule_of
from ..types import FINAL, Ticket
from .resume import unpacked
from .verify import (
    COLUMNS,
    checked,
    is_variant,
    level_files,
    level_numbers,
    level_path,
    read_anatomy,
    read_config,
    read_manifest,
    read_rows,
    tables_of,
)


class Run(NamedTuple):
    """A run directory, read.

    Attributes:
        path: the directory.
        config: all settings, nested.
        manifest: versions, devices, plan, data, events.
        summary: DataFrame, one row per trained network.
        curves: DataFrame, one row per network, evaluation and split.
        stability: DataFrame, one row per pair of networks compared.
        paths: DataFrame, one row per pair, point of the line between them and split.
        anatomy: tables of the tickets that were taken apart, see `Anatomy`.
    """

    path: Path
    config: dict[str, Any]
    manifest: dict[str, Any]
    summary: Any
    curves: Any
    stability: Any
    paths: Any
    anatomy: Anatomy


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
    path = Path(path)
    parts = load_variants(path)
    if not parts:
        return _load(path)
    tables = [
        _of_variants(parts, attrgetter(table))
        for table in ("summary", "curves", "stability", "paths")
    ]
    inside = [_of_variants(parts, attrgetter(f"anatomy.{t}")) for t in Anatomy._fields]
    about = read_json(path / "config.json"), read_manifest(path)
    return Run(path, *about, *tables, anatomy=Anatomy(*inside))


def _of_variants(parts: Mapping[str, Run], table: Callable[[Run], Any]) -> Any:
    return _joined(table(run).assign(variant=name) for name, run in parts.items())


def load_variants(path: str | Path) -> dict[str, Run]:
    """Read the runs of a sweep, as far as they have come.

    Args:
        path: directory of the sweep.

    Returns:
        Runs by variant; empty if the directory is no sweep.

    Raises:
        StoreError: it is a sweep of which nothing is complete yet, or was edited.
    """
    return {name: _load(part) for name, part in variant_paths(Path(path)).items()}


def variant_paths(path: Path) -> dict[str, Path]:
    """Return the run directories of a sweep, as far as they have come, by variant.

    Args:
        path: directory of the sweep.

    Returns:
        Paths; empty if the directory is no sweep.

    Raises:
        StoreError: it is a sweep of which nothing is complete yet, or was edited.
    """
    if not (path / "config.json").exists():
        return {}
    stored = read_json(path / "config.json")
    if "variants" not in stored:
        return {}
    names = stored["variants"]
    if not isinstance(names, dict) or not all(map(is_variant, names)):
        raise StoreError(
            f"{path / 'config.json'} was changed; restore it: variants is"
            f" {shown(names)}."
        )
    found = {n: path / n for n in names if list((path / n).glob("level_*"))}
    if not found:
        raise StoreError(f"{path} has no complete level yet.")
    return found


def _load(path: Path) -> Run:
    """Read a run directory that is none of a sweep."""
    config, manifest = about(path)
    levels = complete_levels(path, config)
    tables = [
        _joined(
            [rows_of(path, n, name) for n in levels if name in tables_of(config, n)],
            columns,
        )
        for name, columns in COLUMNS.items()
    ]
    inside = read_anatomy(path, config)
    return Run(path, to_dict(config), manifest, *tables, anatomy=inside)


def _joined(tables: Iterable[Any], columns: Iterable[str] = ()) -> Any:
    import pandas as pd

    return pd.concat([*tables] or [pd.DataFrame(columns=[*columns])], ignore_index=True)


def about(path: Path) -> tuple[Config, dict[str, Any]]:
    """Return config and manifest of a run, which must belong together.

    Args:
        path: the run directory.

    Raises:
        StoreError: it is no run directory, or one of the two was changed.
    """
    if not (path / "config.json").exists():
        raise StoreError(f"{path} is not a run directory: it has no config.json.")
    config, manifest = read_config(path), read_manifest(path)
    if manifest.get("fingerprint") != fingerprint(config):
        raise StoreError(
            f"{path / 'config.json'} is not the config of the run that manifest.json"
            " names: one of them was changed; restore it."
        )
    return config, manifest


def complete_levels(path: Path, config: Config) -> list[int]:
    """Return the numbers of the levels of a run that are there.

    Args:
        path: the run directory.
        config: of the run.

    Raises:
        StoreError: there are none.
    """
    levels = level_numbers(path, config)
    if not levels:
        raise StoreError(f"{path} has no complete level yet.")
    return levels


def _checked(path: Path, number: int, name: str) -> Path:
    """Return the path of a file of a level, compared with the manifest if it is there.

    Published runs hold tables alone.
    """
    folder = level_path(path, number)
    if not (folder / "manifest.json").exists():
        return folder / name
    try:
        return checked(path, number, name, level_files(path, number))
    except StoreError as error:
        raise StoreError(f"{error}. The same lth run does the level again.") from error


def rows_of(path: Path, number: int, name: str) -> Any:
    """Return a table of a level as a DataFrame.

    Args:
        path: the run directory.
        number: of the level.
        name: of the file.

    Raises:
        StoreError: it is not the file that was written, or cannot be read.
    """
    _checked(path, number, name)
    return read_rows(path, number, name)


def load_ticket(path: str | Path, level: int, replicate: int) -> Ticket:
    """Read a ticket of a run.

    Args:
        path: the run directory.
        level: 0 = dense.
        replicate: which of the independent tickets.

    Returns:
        A `Ticket` whose params are the full weights of the rewind point and whose trees
        are nested dicts of NumPy arrays. Its optimizer starts afresh.

    Raises:
        StoreError: there is no such ticket, or the weights that it started from were
            not kept (``keep_final``).
    """
    path = Path(path)
    config, _ = about(path)
    numbers = complete_levels(path, config)
    if level not in numbers:
        raise StoreError(f"{path} has no level {level}; it has {numbers}.")
    summary = rows_of(path, level, "summary.parquet")
    row = summary[(summary["kind"] == "ticket") & (summary["replicate"] == replicate)]
    if row.empty or row["status"].item() in ("collapsed", "not_run"):
        found = "none" if row.empty else f"one that is {row['status'].item()}"
        raise StoreError(
            f"Level {level} of {path} has no ticket of replicate {replicate} ({found})."
        )
    file, arrays = arrays_of(path, level, "tickets.npz", config)
    start = _full_weights(path, level, config)
    masks = {name: unpacked(arrays, name, leaf, file) for name, leaf in start.items()}
    state = _nested(tree.below(arrays, "state/"), file)
    clocks = np.full(config.replicates, clock_of(config, level), np.int32)
    ticket = Ticket(_nested(start, file), _nested(masks, file), state, clocks)
    return tree.take(ticket, replicate)


def _full_weights(path: Path, level: int, config: Config) -> dict[str, np.ndarray]:
    """Return the weights that the tickets of a level start from, unpruned."""
    weights, source = rule_of(config).weights, parent_of(config, level)
    if source is None or weights == 0:
        _, arrays = arrays_of(path, 0, "tickets.npz", config)
        return tree.below(arrays, "start/")
    if weights == FINAL:
        if not (level_path(path, source) / "final.npz").exists():
            raise StoreError(
                f"The weights that level {level} of {path} started from, those at the"
                f" end of level {source}, were not kept: run it with --keep-final all."
            )
        _, arrays = arrays_of(path, source, "final.npz", config)
        return tree.below(arrays, "final/")
    _, arrays = arrays_of(path, 0, "snapshots.npz", config)
    return tree.below(arrays, f"{weights}/params/")


def arrays_of(
    path: Path, number: int, name: str, config: Config
) -> tuple[Path, dict[str, np.ndarray]]:
    """Return a file of a level, and what it holds: numbers of all replicates.

    Args:
        path: the run directory.
        number: of the level.
        name: of the file, an npz.
        config: of the run.

    Raises:
        StoreError: it is not the file that was written, or cannot be read.
    """
    file = _checked(path, number, name)
    arrays = read_npz(file)
    for name, array in arrays.items():
        if array.shape[:1] != (config.replicates,) or array.dtype.kind not in "biuf":
            raise StoreError(
                f"{file} cannot be read: {name} is {array.dtype} {array.shape}, no"
                f" numbers of {config.replicates} replicates."
            )
    return file, arrays


def _nested(arrays: Mapping[str, np.ndarray], file: Path) -> dict[str, Any]:
    nested: dict[str, Any] = {}
    for name, leaf in arrays.items():
        *folders, last = name.split("/")
        place = nested
        for folder in folders:
            place = place.setdefault(folder, {})
            if not isinstance(place, dict):
                raise StoreError(f"{file} cannot be read: {name} lies in an array.")
        place[last] = leaf
    return nested
