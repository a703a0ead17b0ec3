"""The anatomy of stored tickets, written beside the levels of their run."""

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from .. import folders, tree
from ..analysis import anatomy
from ..analysis.anatomy import Opened
from ..config import Config, Variants
from ..config.fields import shown
from ..errors import InputError, StoreError
from ..files import write_blocks, write_table
from ..schema import (
    ANATOMY,
    ANATOMY_TABLES,
    FINAL_FILE,
    HISTOGRAMS_FILE,
    LAYERS_FILE,
    MANIFEST_FILE,
    SUMMARY_FILE,
    TICKETS_FILE,
    UNITS_FILE,
)
from ..store import arrays
from ..store.arrays import Leaves, Stored
from ..store.read import (
    about,
    arrays_of,
    complete_levels,
    layers_of,
    rows_of,
    variant_paths,
)
from ..store.verify import level_files, level_path, seal
from .provenance import git, versions

_log = logging.getLogger("lth_jax")
_OPENED = ("ok", "diverged")
"""Status of tickets that have a mask; that of the dense network must be the first."""


class Source(NamedTuple):
    """A run, and the levels whose tickets are taken apart."""

    path: Path
    config: Config
    levels: tuple[int, ...]


def write_anatomy(path: str | Path, levels: Sequence[int] | None = None) -> Path:
    """Take the tickets of a run apart, and write what is found into the run directory.

    Initial weights are those of step 0, also where tickets are rewound to a later one;
    movement is that of the dense network in its training. Tickets that collapsed or
    were not run are left out.

    Args:
        path: the run directory; of a sweep, every variant is taken apart.
        levels: which levels; default: those of the config's ``anatomy``, else those
            nearest to the paper's densities.

    Returns:
        The folder of the tables, see `lth_jax.analysis.anatomy`; of a sweep, its
        directory.

    Raises:
        InputError: a level is not there, or the weights were not kept; found before
            anything is written.
        StoreError: it is no run directory, or a file of it is damaged.

    Example:
        >>> write_anatomy("runs/lenet_mnist-1a2b3c4d", (0, 4, 8))  # doctest: +SKIP

    Reference:
        Frankle & Carbin (2019), appendix F.
    """
    path = Path(path)
    variants = [*variant_paths(path).values()]
    sources = [_source(part, levels) for part in variants or [path]]
    with folders.held(path):
        for source in sources:
            _write(source)
    return path if variants else path / ANATOMY


def _source(path: Path, levels: Sequence[int] | None) -> Source:
    """Return what is to be taken apart, as far as it is there."""
    config, _ = about(path)
    there = complete_levels(path, config)
    field = "anatomy" if levels is None else "levels"
    wanted = tuple(config.anatomy if levels is None else levels)
    wanted = wanted or anatomy.nearest_levels(_densities(path, there))
    for number in (0, *wanted):
        if number not in there:
            raise InputError(
                f"{field} is {shown(wanted)}, but {path} has no level {number}; it has"
                f" {there}."
            )
    wanted = tuple(number for number in there if number in wanted)
    _check_kept(path, 0, FINAL_FILE)
    for number in (0, *wanted):
        _check_kept(path, number, TICKETS_FILE)
    return Source(path, config, wanted)


def check_begun(path: Path, variants: Variants) -> None:
    """Raise InputError where runs have begun without what their anatomy needs.

    Args:
        path: run directory of a study named "", or that of a sweep; it need not exist.
        variants: their configs.
    """
    for name, config in variants.items():
        if config.anatomy and level_path(path / name, 0).exists():
            _check_kept(path / name, 0, FINAL_FILE)


def _densities(path: Path, levels: Sequence[int]) -> dict[int, float]:
    summaries = {n: rows_of(path, n, SUMMARY_FILE) for n in levels}
    tickets = {n: s[s["kind"] == "ticket"]["density"] for n, s in summaries.items()}
    found = {n: float(density.mean()) for n, density in tickets.items()}
    return {n: density for n, density in found.items() if density > 0} or {0: 1.0}


def _check_kept(path: Path, number: int, name: str) -> None:
    folder = level_path(path, number)
    if (folder / MANIFEST_FILE).exists():
        kept = name in level_files(path, number)
    else:
        kept = (folder / name).exists()
    if not kept:
        raise InputError(
            f"keep_final: {folder / name} was not kept, but the anatomy of tickets is"
            " that of weights and masks: run the study with --keep-final all, into"
            " another --out where it has begun."
        )


def write_asked(path: Path, variants: Variants) -> list[str]:
    """Take the tickets apart of the levels that configs name (``anatomy``).

    Args:
        path: run directory of a study named "", or that of a sweep.
        variants: their configs.

    Returns:
        What went wrong, variant by variant; the others have their tables.
    """
    problems = []
    for name, config in variants.items():
        try:
            if config.anatomy:
                write_anatomy(path / name, config.anatomy)
        except InputError as error:
            problems.append(str(error))
    return problems


def _write(source: Source) -> None:
    layers, histograms, units = [], [], []
    run = _read(source)
    tops = anatomy.reach(_tickets(run))
    for ticket in _tickets(run):
        layers += anatomy.layer_rows(ticket)
        histograms += anatomy.histogram_blocks(ticket, tops)
        units += anatomy.unit_blocks(ticket)
    if not layers:
        _log.warning(
            "%s has no ticket to take apart at levels %s: their dense networks did not"
            " train to the end.",
            source.path,
            source.levels,
        )
    columns = {name: table.columns for name, table in ANATOMY_TABLES.items()}
    with folders.replacing(source.path / ANATOMY) as folder:
        write_table(folder / LAYERS_FILE, layers, columns[LAYERS_FILE])
        for name, blocks in {HISTOGRAMS_FILE: histograms, UNITS_FILE: units}.items():
            write_blocks(folder / name, blocks, columns[name])
        seal(folder, source.path, versions=versions(), git=git())


class _Arrays(NamedTuple):
    """What is read of a run: replicates as first axis.

    Attributes:
        source: the run.
        initial: kernels of the dense networks at step 0 by layer, in order.
        final: the same at the end of their training.
        finals_file: that the latter are from.
        tickets: masks as they are stored, by level.
    """

    source: Source
    initial: Leaves
    final: Leaves
    finals_file: Path
    tickets: dict[int, Stored]


def _read(source: Source) -> _Arrays:
    path, config, levels = source
    dense = arrays_of(path, 0, TICKETS_FILE, config)
    finals = arrays_of(path, 0, FINAL_FILE, config)
    layers = anatomy.in_order(layers_of(path, config))
    initial, final = arrays.trained_layers(dense, finals, layers)
    tickets = {
        number: arrays.without_weights(arrays_of(path, number, TICKETS_FILE, config))
        for number in levels
    }
    return _Arrays(source, initial, final, finals.file, tickets)


def _tickets(run: _Arrays) -> Iterator[Opened]:
    """Yield the tickets that are there, level by level."""
    is_whole = _having(run.source, 0, _OPENED[:1])
    for number, tickets in run.tickets.items():
        there = is_whole & _having(run.source, number, _OPENED)
        masks = arrays.masks_of(tickets, run.initial, run.initial)
        for replicate in sorted(there):
            trees = run.initial, run.final, masks
            mine = (tree.take(whole, replicate) for whole in trees)
            ticket = Opened(number, replicate, *mine)
            _check(ticket, run.finals_file, tickets.file)
            yield ticket


def _having(source: Source, number: int, status: Sequence[str]) -> set[int]:
    """Return the replicates whose ticket has a status at a level."""
    rows = rows_of(source.path, number, SUMMARY_FILE)
    rows = rows[(rows["kind"] == "ticket") & rows["status"].isin(status)]
    return set(rows["replicate"].tolist())


def _check(ticket: Opened, finals_file: Path, tickets_file: Path) -> None:
    """Raise StoreError, naming the file, where a ticket cannot have been trained."""
    for layer, mask in ticket.masks.items():
        if not mask.any():
            raise StoreError(
                f"{tickets_file} cannot be read: mask/{layer} of replicate"
                f" {ticket.replicate}, whose ticket has been trained, is empty."
            )
        weights = {"initial": ticket.initial[layer], "final": ticket.final[layer]}
        for what, leaf in weights.items():
            if not np.isfinite(leaf).all():
                raise StoreError(
                    f"{finals_file.parent} cannot be read: {what} weights of {layer} of"
                    f" replicate {ticket.replicate} are no numbers."
                )
