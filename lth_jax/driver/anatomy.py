"""The anatomy of stored tickets, written beside the levels of their run."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from .. import tree
from ..analysis import anatomy
from ..analysis.anatomy import Opened
from ..config import Config, Variants, fingerprint
from ..config.fields import shown
from ..errors import InputError, StoreError
from ..files import entry, replacing, write_blocks, write_json, write_table
from ..store.read import about, arrays_of, complete_levels, rows_of, variant_paths
from ..store.resume import unpacked
from ..store.verify import ANATOMY, level_files, level_path

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
    for number, name in [(0, "final.npz"), *((n, "tickets.npz") for n in (0, *wanted))]:
        _check_kept(path, number, name)
    return Source(path, config, wanted)


def check_begun(path: Path, variants: Variants) -> None:
    """Raise InputError where runs have begun without what their anatomy needs.

    Args:
        path: run directory of a study named "", or that of a sweep; it need not exist.
        variants: their configs.
    """
    for name, config in variants.items():
        if config.anatomy and level_path(path / name, 0).exists():
            _check_kept(path / name, 0, "final.npz")


def _densities(path: Path, levels: Sequence[int]) -> dict[int, float]:
    summaries = {n: rows_of(path, n, "summary.parquet") for n in levels}
    tickets = {n: s[s["kind"] == "ticket"]["density"] for n, s in summaries.items()}
    found = {n: float(density.mean()) for n, density in tickets.items()}
    return {n: density for n, density in found.items() if density > 0} or {0: 1.0}


def _check_kept(path: Path, number: int, name: str) -> None:
    folder = level_path(path, number)
    if (folder / "manifest.json").exists():
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
    layers, blocks = [], {"histograms.parquet": [], "units.parquet": []}
    weights, masks = _weights(source), _masks(source)
    tops = anatomy.reach(_tickets(source, weights, masks))
    for ticket in _tickets(source, weights, masks):
        layers += anatomy.layer_rows(ticket)
        blocks["histograms.parquet"] += anatomy.histogram_blocks(ticket, tops)
        blocks["units.parquet"] += anatomy.unit_blocks(ticket)
    if not layers:
        print(
            f"{source.path} has no ticket to take apart at levels {source.levels}:"
            " their dense networks did not train to the end.",
            file=sys.stderr,
        )
    with replacing(source.path / ANATOMY) as folder:
        write_table(folder / "layers.parquet", layers, anatomy.LAYERS)
        for name, found in blocks.items():
            write_blocks(folder / name, found, anatomy.TABLES[name])
        files = {p.name: entry(p) for p in sorted(folder.iterdir())}
        owner = {"fingerprint": fingerprint(source.config)}
        write_json(folder / "manifest.json", owner | {"files": files})


class _Weights(NamedTuple):
    """Kernels of the dense networks by layer, in order; replicates as first axis."""

    initial: dict[str, np.ndarray]
    final: dict[str, np.ndarray]
    file: Path


def _weights(source: Source) -> _Weights:
    path, config, _ = source
    _, arrays = arrays_of(path, 0, "tickets.npz", config)
    initial = tree.below(arrays, "start/")
    kernels = {p: leaf for p, leaf in initial.items() if leaf.ndim >= 3}
    kernels = {path: kernels[path] for path in anatomy.in_order(kernels)}
    file, arrays = arrays_of(path, 0, "final.npz", config)
    ends = tree.below(arrays, "final/")
    for name, leaf in kernels.items():
        if name not in ends or ends[name].shape != leaf.shape:
            raise StoreError(f"{file} has no final/{name} of shape {leaf.shape}.")
    return _Weights(kernels, {name: ends[name] for name in kernels}, file)


Masks = dict[int, tuple[Path, dict[str, np.ndarray]]]
"""Masks as they are stored, with their file, by level."""


def _masks(source: Source) -> Masks:
    path, config, levels = source
    found = {}
    for number in levels:
        file, arrays = arrays_of(path, number, "tickets.npz", config)
        packed = {n: leaf for n, leaf in arrays.items() if n.startswith("mask/")}
        found[number] = file, packed
    return found


def _tickets(source: Source, weights: _Weights, masks: Masks) -> Iterator[Opened]:
    """Yield the tickets that are there, level by level."""
    is_whole = _having(source, 0, _OPENED[:1])
    for number in source.levels:
        file, packed = masks[number]
        there = is_whole & _having(source, number, _OPENED)
        kept = {
            name: unpacked(packed, name, leaf, file)
            for name, leaf in weights.initial.items()
        }
        for replicate in sorted(there):
            trees = weights.initial, weights.final, kept
            mine = (tree.take(whole, replicate) for whole in trees)
            ticket = Opened(number, replicate, *mine)
            _check(ticket, weights.file, file)
            yield ticket


def _having(source: Source, number: int, status: Sequence[str]) -> set[int]:
    """Return the replicates whose ticket has a status at a level."""
    rows = rows_of(source.path, number, "summary.parquet")
    rows = rows[(rows["kind"] == "ticket") & rows["status"].isin(status)]
    return set(rows["replicate"].tolist())


def _check(ticket: Opened, ends: Path, masks: Path) -> None:
    for name, mask in ticket.masks.items():
        if not mask.any():
            raise StoreError(
                f"{masks} cannot be read: mask/{name} of replicate {ticket.replicate},"
                " whose ticket has been trained, is empty."
            )
        pair: Mapping[str, np.ndarray] = {
            "initial": ticket.initial[name],
            "final": ticket.final[name],
        }
        for what, leaf in pair.items():
            if not np.isfinite(leaf).all():
                raise StoreError(
                    f"{ends.parent} cannot be read: {what} weights of {name} of"
                    f" replicate {ticket.replicate} are no numbers."
                )
