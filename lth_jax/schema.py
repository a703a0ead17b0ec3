"""What a run directory holds: its files, its tables, their columns and values.

A file, a table or a column is named here and nowhere else; the names of arrays are in
`lth_jax.store.arrays`. Nothing here needs jax.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple, get_args

CONFIG_FILE = "config.json"
MANIFEST_FILE = "manifest.json"
"""Of a run, of a level and of the anatomy."""
TICKETS_FILE = "tickets.npz"
FINAL_FILE = "final.npz"
SNAPSHOTS_FILE = "snapshots.npz"
SUMMARY_FILE = "summary.parquet"
CURVES_FILE = "curves.parquet"
STABILITY_FILE = "stability.parquet"
PATHS_FILE = "paths.parquet"
ANATOMY = "anatomy"
"""Folder of the tables of a run's anatomy."""
CHECKPOINT = "checkpoint"
"""Folder of the checkpoints of a run that is not complete."""
FIGURES = "figures"
"""Folder of the figures of a run or sweep."""
PAGE = "report.html"
UNCOMMITTED = "uncommitted-{}.diff"
"""What the code of a run differed in from its commit, by the first digits of its
sha256."""
LAYERS_FILE = "layers.parquet"
HISTOGRAMS_FILE = "histograms.parquet"
UNITS_FILE = "units.parquet"

# Words that columns hold.

Status = Literal["ok", "diverged", "collapsed", "not_run"]
DATA_ORDER, PRUNING = "data_order", "pruning"
"""Causes that make two networks differ."""
QUANTITIES = ("initial", "distance", "growth")
"""What is counted: the initial weight, how far it moved, by how much it grew."""
PARTS = ("kept", "other")
"""Where: in the ticket, or outside."""
BINS = 64
"""Of a histogram."""
SIDES = ("incoming", "outgoing")
"""Of which connections: those into an output unit, or those out of an input unit."""

# Columns of the tables of a level, and their types.

SUMMARY = {
    "level": "int64",
    "kind": "string",
    "replicate": "int64",
    "draw": "int64",
    "density": "float64",
    "n_weights": "int64",
    "n_remaining": "int64",
    "early_stop_step": "int64",
    "min_val_loss": "float64",
    "val_accuracy_es": "float64",
    "test_accuracy_es": "float64",
    "val_accuracy_final": "float64",
    "test_accuracy_final": "float64",
    "train_accuracy_final": "float64",
    "status": "string",
}
"""One row per network; a value that does not exist is null."""
CURVES = {
    "level": "int64",
    "kind": "string",
    "replicate": "int64",
    "draw": "int64",
    "step": "int64",
    "split": "string",
    "loss": "float64",
    "accuracy": "float64",
}
"""One row per network, evaluation and split."""
STABILITY = {
    "level": "int64",
    "kind": "string",
    "replicate": "int64",
    "cause": "string",
    "first": "int64",
    "second": "int64",
    "distance": "float64",
    "angle": "float64",
    "train_barrier": "float64",
    "test_barrier": "float64",
}
"""One row per pair of networks compared.

``cause`` is what makes the two differ: ``data_order`` (their data orders are the
``first`` and the ``second``) or ``pruning`` (the second is the dense network)."""
PATHS = {
    "level": "int64",
    "kind": "string",
    "replicate": "int64",
    "first": "int64",
    "second": "int64",
    "alpha": "float64",
    "split": "string",
    "error": "float64",
}
"""One row per pair, point of the line between the two and split."""

# Columns of the tables of an anatomy, and their types.

LAYERS = {
    "level": "int64",
    "replicate": "int64",
    "layer": "string",
    "n_weights": "int64",
    "n_remaining": "int64",
    "kept_positive": "float64",
    "near_zero": "float64",
    "distance_kept": "float64",
    "distance_other": "float64",
    "grown_kept": "float64",
    "grown_other": "float64",
    "incoming_spread": "float64",
    "outgoing_spread": "float64",
    "incoming_random": "float64",
    "outgoing_random": "float64",
    "units_without_incoming": "int64",
    "units_without_outgoing": "int64",
    "live": "int64",
    "log10_paths": "float64",
}
"""One row per ticket and layer; docs/design.md explains each column."""
HISTOGRAMS = {
    "level": "int64",
    "replicate": "int64",
    "layer": "string",
    "quantity": "string",
    "part": "string",
    "low": "float64",
    "high": "float64",
    "count": "int64",
}
"""One row per ticket, layer, quantity, part and bin."""
UNITS = {
    "level": "int64",
    "replicate": "int64",
    "layer": "string",
    "side": "string",
    "unit": "int64",
    "connections": "int64",
    "possible": "int64",
}
"""One row per ticket, layer, side and unit."""


class Range(NamedTuple):
    """Numbers that a column can hold, both ends included."""

    low: float
    high: float


class Table(NamedTuple):
    """A table of a run, and what its rows can be; `lth_jax.store.faults` compares.

    Attributes:
        columns: names and types.
        key: columns in which no two rows are the same.
        required: columns that are never null; default: the key.
        networks: the networks that the rows are of: "every" network of a level, "some"
            of them, or those of which there are "copies" under other data orders;
            "" = the table does not name networks.
        values: words or numbers of a column, where they do not depend on the config.
        ordered: pairs of columns; the first is never larger than the second.
    """

    columns: Mapping[str, str]
    key: tuple[str, ...]
    required: tuple[str, ...] | None = None
    networks: Literal["every", "some", "copies", ""] = ""
    values: Mapping[str, Range | Sequence[Any]] = {}
    ordered: tuple[tuple[str, str], ...] = ()


_LARGEST = math.nextafter(math.inf, 0)
_SHARE = Range(0, 1)
_MEAN = Range(0, 1 + 1e-6)
"""A share that is a mean of float32 numbers."""
_AMOUNT = Range(0, _LARGEST)
_NUMBER = Range(-_LARGEST, _LARGEST)


def _amounts(columns: Mapping[str, str]) -> dict[str, Range | Sequence[Any]]:
    """Return that every number of a table is finite and not negative."""
    return {name: _AMOUNT for name, type_ in columns.items() if type_ != "string"}


LEVEL_TABLES = {
    SUMMARY_FILE: Table(
        SUMMARY,
        key=("level", "kind", "replicate", "draw"),
        networks="every",
        values={
            "density": _MEAN,
            "val_accuracy_es": _MEAN,
            "test_accuracy_es": _MEAN,
            "val_accuracy_final": _MEAN,
            "test_accuracy_final": _MEAN,
            "train_accuracy_final": _MEAN,
            "status": get_args(Status),
        },
    ),
    CURVES_FILE: Table(
        CURVES,
        key=("level", "kind", "replicate", "draw", "step", "split"),
        networks="some",
        values={"split": ("train", "validation", "test"), "accuracy": _MEAN},
    ),
    STABILITY_FILE: Table(
        STABILITY,
        key=("level", "kind", "replicate", "cause", "first", "second"),
        networks="copies",
        values={
            "cause": (DATA_ORDER, PRUNING),
            "distance": Range(0, math.inf),
            "angle": Range(0, 180),
            "train_barrier": _MEAN,
            "test_barrier": _MEAN,
        },
    ),
    PATHS_FILE: Table(
        PATHS,
        key=("level", "kind", "replicate", "first", "second", "split", "alpha"),
        networks="copies",
        values={"split": ("train", "test"), "alpha": _MEAN, "error": _MEAN},
    ),
}
"""The tables of a level, by file."""
_CAN_BE_NULL = {"distance_other", "grown_other", "live", "log10_paths"}
ANATOMY_TABLES = {
    LAYERS_FILE: Table(
        LAYERS,
        key=("level", "replicate", "layer"),
        required=tuple(name for name in LAYERS if name not in _CAN_BE_NULL),
        values=_amounts(LAYERS)
        | {
            "kept_positive": _SHARE,
            "near_zero": _SHARE,
            "grown_kept": _SHARE,
            "grown_other": _SHARE,
        },
        ordered=(("n_remaining", "n_weights"), ("live", "n_remaining")),
    ),
    HISTOGRAMS_FILE: Table(
        HISTOGRAMS,
        key=("level", "replicate", "layer", "quantity", "part", "low"),
        required=tuple(HISTOGRAMS),
        values=_amounts(HISTOGRAMS)
        | {"quantity": QUANTITIES, "part": PARTS, "low": _NUMBER, "high": _NUMBER},
        ordered=(("low", "high"),),
    ),
    UNITS_FILE: Table(
        UNITS,
        key=("level", "replicate", "layer", "side", "unit"),
        required=tuple(UNITS),
        values=_amounts(UNITS) | {"side": SIDES},
        ordered=(("connections", "possible"),),
    ),
}
"""The tables of an anatomy, by file."""
