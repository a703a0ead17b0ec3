"""Run directories, read back: as tables and as tickets."""

import operator
import os
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from operator import attrgetter
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from .. import tree
from ..config import Config, fingerprint, to_dict
from ..config.fields import shown
from ..errors import InputError, StoreError
from ..files import no_rows, npz_names, read_json
from ..schema import (
    ANATOMY,
    ANATOMY_TABLES,
    CONFIG_FILE,
    FINAL_FILE,
    LEVEL_TABLES,
    MANIFEST_FILE,
    SNAPSHOTS_FILE,
    SUMMARY_FILE,
    TICKETS_FILE,
)
from ..study.networks import plan_study
from ..tickets.rewinding import rule_of
from ..types import FINAL, Ticket
from . import arrays
from .arrays import Leaves, Stored
from .faults import most_of_anatomy
from .verify import (
    checked,
    is_variant,
    level_files,
    level_numbers,
    level_path,
    read_checked,
    read_config,
    read_manifest,
    read_rows,
    sealed_files,
    tables_of,
)

NAMED = 10
"""Run directories that an error names, at most."""


class Anatomy(NamedTuple):
    """What the tickets of a run look like inside.

    Attributes:
        layers: DataFrame, one row per ticket and layer.
        histograms: DataFrame, one row per ticket, layer, quantity, part and bin.
        units: DataFrame, one row per ticket, layer, side and unit.
    """

    layers: Any
    histograms: Any
    units: Any

    def __repr__(self) -> str:
        """Return the sizes of the tables."""
        return f"Anatomy({_sizes(self._asdict())})"


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

    def __repr__(self) -> str:
        """Return where it is, and the sizes of its tables."""
        names = ("summary", "curves", "stability", "paths")
        tables = {name: getattr(self, name) for name in names}
        tables |= {f"anatomy.{n}": t for n, t in self.anatomy._asdict().items()}
        levels = self.summary["level"].nunique()
        return f"Run({str(self.path)!r}, {levels} levels: {_sizes(tables)})"


def _sizes(tables: Mapping[str, Any]) -> str:
    """Return how many rows tables have, those that have some.

    Example:
        >>> _sizes({"layers": [1, 2], "units": []})
        'layers of 2 rows'
    """
    sizes = [
        f"{name} of {len(rows):,} rows" for name, rows in tables.items() if len(rows)
    ]
    return ", ".join(sizes) or "no rows"


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
    notes = read_json(path / CONFIG_FILE), read_manifest(path)
    return Run(path, *notes, *tables, anatomy=Anatomy(*inside))


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
        Run directories; empty if the directory is no sweep.

    Raises:
        StoreError: it is a sweep of which nothing is complete yet, or was edited.
    """
    if not (path / CONFIG_FILE).exists():
        return {}
    stored = read_json(path / CONFIG_FILE)
    if "variants" not in stored:
        return {}
    names = stored["variants"]
    if not isinstance(names, dict) or not all(map(is_variant, names)):
        raise StoreError(
            f"{path / CONFIG_FILE} was changed; restore it: variants is {shown(names)}."
        )
    found = {n: path / n for n in names if list((path / n).glob("level_*"))}
    if not found:
        raise StoreError(f"{path} has no complete level yet.")
    return found


def _load(run: Path) -> Run:
    """Read a run directory that is none of a sweep."""
    config, manifest = about(run)
    levels = complete_levels(run, config)
    tables = [
        _joined(
            [rows_of(run, n, name) for n in levels if name in tables_of(config, n)],
            table.columns,
        )
        for name, table in LEVEL_TABLES.items()
    ]
    inside = _read_anatomy(run, config, _shapes(manifest.get("layers", {})))
    return Run(run, to_dict(config), manifest, *tables, anatomy=inside)


def _joined(tables: Iterable[Any], columns: Iterable[str] = ()) -> Any:
    import pandas as pd

    return pd.concat([*tables] or [pd.DataFrame(columns=[*columns])], ignore_index=True)


def about(run: Path) -> tuple[Config, dict[str, Any]]:
    """Return config and manifest of a run, which must belong together.

    Args:
        run: the run directory.

    Raises:
        StoreError: it is no run directory, or one of the two was changed.
    """
    if not (run / CONFIG_FILE).exists():
        raise StoreError(
            f"{run} is not a run directory: it has no {CONFIG_FILE}.{_runs_near(run)}"
        )
    config, manifest = read_config(run), read_manifest(run)
    given = manifest.get("given", {})
    if manifest.get("fingerprint") != fingerprint(config, given):
        raise StoreError(
            f"{run / CONFIG_FILE} is not the config of the run that {MANIFEST_FILE}"
            " names: one of them was changed; restore it."
        )
    return config, manifest


def _runs_near(path: Path) -> str:
    """Return a sentence that names the run directories in a folder, or around it."""
    inside = sorted(file.parent.name for file in path.glob(f"*/{CONFIG_FILE}"))
    if inside:
        names, more = inside[:NAMED], len(inside) - NAMED
        last = f" and {more:,} more" if more > 0 else ""
        return f" Name one of those in it: {', '.join(names)}{last}."
    if (path.parent / CONFIG_FILE).exists() and path.exists():
        return f" It lies in one: {path.parent}."
    return ""


def complete_levels(run: Path, config: Config) -> list[int]:
    """Return the numbers of the levels of a run that are there.

    Args:
        run: the run directory.
        config: of the run.

    Raises:
        StoreError: there are none.
    """
    levels = level_numbers(run, config)
    if not levels:
        raise StoreError(f"{run} has no complete level yet.")
    return levels


# Tables.


def _checked(run: Path, number: int, name: str) -> Path:
    """Return the path of a file of a level, compared with the manifest if it is there.

    Published runs hold tables alone.
    """
    file = level_path(run, number) / name
    if not file.with_name(MANIFEST_FILE).exists():
        return file
    try:
        return checked(file, level_files(run, number))
    except StoreError as error:
        raise StoreError(f"{error}. The same lth run does the level again.") from error


def rows_of(run: Path, number: int, name: str) -> Any:
    """Return a table of a level as a DataFrame.

    Args:
        run: the run directory.
        number: of the level.
        name: of the file.

    Raises:
        StoreError: it is not the file that was written, or cannot be read.
    """
    _checked(run, number, name)
    return read_rows(run, number, name)


def _read_anatomy(
    run: Path, config: Config, shapes: Mapping[str, tuple[int, ...]]
) -> Anatomy:
    """Return the tables of a run's anatomy; one that is not there has no rows."""
    folder = run / ANATOMY
    most = {name: most_of_anatomy(name, config, shapes) for name in ANATOMY_TABLES}
    try:
        files = None
        if os.path.lexists(folder / MANIFEST_FILE):  # published runs have none
            files = sealed_files(run, folder)
        return Anatomy(
            *(_part(folder / name, config, files, n) for name, n in most.items())
        )
    except StoreError as error:
        raise StoreError(
            f"{str(error).rstrip('.')}. Remove {folder}, and make it again where the"
            f" weights are: lth anatomy {run}"
        ) from error


def _shapes(layers: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
    """Return the shapes of the layers that a manifest names; none if one has none."""
    try:
        shapes = {name: tuple(layer["shape"]) for name, layer in layers.items()}
        whole = all(isinstance(n, int) and n > 0 for s in shapes.values() for n in s)
    except (KeyError, TypeError):
        return {}
    return shapes if whole else {}


def _part(
    file: Path, config: Config, files: Mapping[str, Any] | None, most: int
) -> Any:
    """Return a table of the anatomy, compared with the manifest's files if given."""
    table = ANATOMY_TABLES[file.name]
    if files is not None:
        checked(file, files)
    elif not os.path.lexists(file):
        return no_rows(table.columns)
    return read_checked(file, table, config, most)


# Arrays.


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
        InputError: level or replicate is no integer.
        StoreError: there is no such ticket, or the weights that it started from were
            not kept (``keep_final``).
    """
    run = Path(path)
    if variants := variant_paths(run):
        raise StoreError(f"{run} is a sweep. Name a run of it: {', '.join(variants)}.")
    level, replicate = _whole("level", level), _whole("replicate", replicate)
    config, _ = about(run)
    numbers = complete_levels(run, config)
    if level not in numbers:
        raise StoreError(f"{run} has no level {level}; it has {numbers}.")
    _check_trained(run, level, replicate)
    tickets = arrays_of(run, level, TICKETS_FILE, config)
    filled = arrays.filled_of(tickets, config.replicates)
    if filled[replicate]:  # the weights of its start are full
        weights = arrays.starts_of(tickets)
    else:
        weights = _full_weights(run, level, config)
    masks = arrays.masks_of(tickets, weights, layers_of(run, config))
    ticket = Ticket(
        params=arrays.nested(weights, tickets.file),
        mask=arrays.nested(masks, tickets.file),
        state=arrays.nested(arrays.states_of(tickets), tickets.file),
        clock=np.full(config.replicates, plan_study(config)[level].clock, np.int32),
        filled=filled,
    )
    return tree.take(ticket, replicate)


def _whole(name: str, value: Any) -> int:
    try:
        return operator.index(value)
    except TypeError as error:
        raise InputError(f"{name} must be an integer, not {value!r}.") from error


def _check_trained(run: Path, level: int, replicate: int) -> None:
    """Raise StoreError, naming the tickets that there are, if one has not trained."""
    summary = rows_of(run, level, SUMMARY_FILE)
    tickets = summary[summary["kind"] == "ticket"]
    status = dict(zip(tickets["replicate"], tickets["status"], strict=True))
    there = [r for r, word in status.items() if word not in ("collapsed", "not_run")]
    if replicate not in there:
        why = f" ({status[replicate]})" if replicate in status else ""
        has = f"it has those of replicates {there}" if there else "it has none"
        raise StoreError(
            f"Level {level} of {run} has no ticket of replicate {replicate}{why};"
            f" {has}."
        )


def _full_weights(run: Path, level: int, config: Config) -> Leaves:
    """Return the weights that the tickets of a level start from, unpruned."""
    step, source = rule_of(config).weights, plan_study(config)[level].parent
    if source is None or step == 0:
        return arrays.starts_of(arrays_of(run, 0, TICKETS_FILE, config))
    if step != FINAL:
        return arrays.weights_at(arrays_of(run, 0, SNAPSHOTS_FILE, config), step)
    if not (level_path(run, source) / FINAL_FILE).exists():
        raise StoreError(
            f"The weights that level {level} of {run} started from, those at the end of"
            f" level {source}, were not kept: run it with --keep-final all."
        )
    return arrays.ends_of(arrays_of(run, source, FINAL_FILE, config))


def arrays_of(run: Path, number: int, name: str, config: Config) -> Stored:
    """Return what a file of a level holds: numbers of all replicates.

    Args:
        run: the run directory.
        number: of the level.
        name: of the file, an npz.
        config: of the run.

    Raises:
        StoreError: it is not the file that was written, or cannot be read.
    """
    check = arrays.of_replicates(config.replicates)
    return arrays.opened(_checked(run, number, name), check)


def layers_of(run: Path, config: Config) -> set[str]:
    """Return the paths of the leaves of a run's networks that can be pruned.

    They are in the manifest. That of an older run does not name them; then they are
    those of which any level has a mask: one that a level lacks is missed.

    Args:
        run: the run directory.
        config: of the run.
    """
    if noted := read_manifest(run).get("layers"):
        return set(noted)
    names: set[str] = set()
    for number in level_numbers(run, config):
        with suppress(StoreError):  # of another level than the one that is read
            names |= set(npz_names(level_path(run, number) / TICKETS_FILE))
    return arrays.masked_layers(names)
