"""The tables of pages: levels, stability and anatomy of a run; variants of a sweep."""

from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from .. import plotting
from ..results import by_level, density_of, density_text, spreads
from ..schema import DATA_ORDER, PRUNING
from .page import Section, table

if TYPE_CHECKING:
    import pandas as pd

    from ..store.read import Run

CAUSES = {DATA_ORDER: "data order", PRUNING: "pruning"}
BARRIERS = {"test_barrier": "test barrier (%)", "train_barrier": "train barrier (%)"}
RANDOM = "shuffle_mask"
"""The kind of network that the papers compare tickets with."""


class Compared(NamedTuple):
    """A column of a table, and the digits after the point of its cells."""

    column: str
    cause: str
    name: str
    digits: int


COMPARED = (
    Compared("distance", DATA_ORDER, "distance, data order", 2),
    Compared("distance", PRUNING, "distance, pruning", 2),
    Compared("angle", DATA_ORDER, "angle, data order", 1),
    Compared("angle", PRUNING, "angle, pruning", 1),
)
VARIANT_HEAD = (
    "variant",
    "retraining",
    "weights",
    "dense (%)",
    "ticket (%)",
    *(name for one in COMPARED for name in (one.name, "times")),
    "test barrier (%)",
)
ANATOMY_HEAD = (
    "level",
    "weights",
    "layer",
    "left",
    "positive (%)",
    "moved (others)",
    "grown, % (others)",
    "spread in (random)",
    "spread out (random)",
    "units without in",
    "units without out",
    "live",
    "paths (log10)",
)
OF_ANATOMY = (
    "Means over replicates, layer by layer. Left: weights of the ticket. Positive:"
    " share of them that start above 0. Moved, grown: how far the dense network's"
    " training moves them, and the share whose magnitude it makes grow (in brackets: of"
    " the weights that are pruned). Spread: standard deviation over mean of the"
    " incoming, and of the outgoing, connections of units (in brackets: of random masks"
    " with as many weights). Units without: those that lost all their incoming, or"
    " outgoing, connections. Live: weights on a path from an input to an output; paths:"
    " how many there are in the whole network."
)
SETTINGS_HEAD = (
    "variant",
    "setting",
    "dense (%)",
    "early stop",
    "best at",
    "ticket (%)",
    "early stop",
)
OF_COMPARED = (
    ", and how far they end apart, at the sparsest level that was compared: L2 distance"
    " and angle between copies trained under two data orders, and to the dense network"
    " (pruning). Times: how many times as far apart networks with random masks are"
)


class LevelRow(NamedTuple):
    """Level, weights, and three cells per kind; whether its tickets win."""

    cells: list[str]
    wins: bool


class LevelTable(NamedTuple):
    """The levels of a run, with three columns per kind of network."""

    kinds: list[str]
    rows: list[LevelRow]


def level_table(summary: "pd.DataFrame", winning: Collection[int]) -> LevelTable:
    """Return the table of a run's levels.

    Args:
        summary: one row per trained network, as in ``Run.summary``.
        winning: the levels whose tickets win.
    """
    kinds = plotting.kinds(summary)
    cells = {kind: _level_cells(summary, kind) for kind in kinds}
    rows = []
    for level, density in summary.groupby("level")["density"].mean().items():
        row = [str(level), density_text(density)]
        for kind in kinds:
            row += cells[kind].get(level, ["-", "-", "-"])
        rows.append(LevelRow(row, level in winning))
    return LevelTable([plotting.label(kind) for kind in kinds], rows)


def _level_cells(summary: "pd.DataFrame", kind: str) -> dict[int, list[str]]:
    """Return the three cells of a kind, by level."""
    steps = by_level(summary, kind, "early_stop_step")["mean"]
    accuracies = by_level(summary, kind, "test_accuracy_es")
    return {
        row.Index: [
            f"{steps[row.Index]:,.0f}" if row.Index in steps.index else "-",
            f"{100 * row.mean:.2f}",
            f"{100 * row.min:.2f} to {100 * row.max:.2f}",
        ]
        for row in accuracies.itertuples()
    }


def stability_section(run: "Run") -> Section | None:
    """Return the table of stability of a run; None if it has no rows."""
    if run.stability.empty:
        return None
    shown = {name: text for name, text in BARRIERS.items() if _has(run, name)}
    head = ["level", "weights", "kind", "cause", "pairs", "distance", "angle (degrees)"]
    caption = (
        "Mean (least to greatest) over pairs of networks and replicates: L2 distance"
        " and angle of the weights that remain. Cause data order: two copies of a"
        " network, trained under two data orders. Cause pruning: a pruned network and"
        " the dense one, under the same data order."
    )
    if shown:
        caption += (
            " Barrier: how far error rises on the straight line between two copies"
            " above the mean of its ends; below 2 % they are stable."
        )
    rows = _stability_rows(run, list(shown))
    return Section("Stability", caption, table([*head, *shown.values()], rows))


def _stability_rows(run: "Run", barriers: list[str]) -> Iterator[list[Any]]:
    for level in plotting.measured(run):
        share = density_text(density_of(run, level))
        at = run.stability[run.stability["level"] == level]
        for kind in plotting.kinds(at):
            for cause, name in CAUSES.items():
                rows = at[(at["kind"] == kind) & (at["cause"] == cause)]
                if rows.empty:
                    continue
                cells = [
                    _mean_and_range(rows, "distance", 2),
                    _mean_and_range(rows, "angle", 1),
                ]
                cells += [_mean_and_range(rows, column, 2, 100) for column in barriers]
                yield [str(level), share, plotting.label(kind), name, len(rows), *cells]


def anatomy_section(run: "Run") -> Section | None:
    """Return the table of what tickets are made of; None if it has no rows."""
    layers = run.anatomy.layers
    if layers.empty:
        return None
    words = plotting.layer_words(run, list(dict.fromkeys(layers["layer"])))
    grouped = layers.groupby(["level", "layer"], sort=False)
    means = grouped.mean(numeric_only=True).astype(float)
    rows = [
        [
            str(level),
            density_text(density_of(run, level)),
            words[path],
            *_anatomy_cells(means.loc[(level, path)]),
        ]
        for level, path in sorted(means.index, key=lambda key: key[0])
    ]
    return Section("Anatomy", OF_ANATOMY, table(ANATOMY_HEAD, rows))


def _anatomy_cells(mean: Any) -> list[str]:
    def beside(first: str, second: str, digits: int, scale: float = 1) -> str:
        cell, other = (_number(scale * mean[name], digits) for name in (first, second))
        return f"{cell} ({other})" if other else cell

    return [
        _number(mean["n_remaining"], 0),
        _number(100 * mean["kept_positive"], 1),
        beside("distance_kept", "distance_other", 4),
        beside("grown_kept", "grown_other", 1, 100),
        beside("incoming_spread", "incoming_random", 2),
        beside("outgoing_spread", "outgoing_random", 2),
        _number(mean["units_without_incoming"], 1),
        _number(mean["units_without_outgoing"], 1),
        _number(mean["live"], 0),
        _number(mean["log10_paths"], 2),
    ]


def _number(value: float, digits: int) -> str:
    return f"{value:,.{digits}f}" if value == value else ""


def variants_section(runs: Mapping[str, "Run"]) -> Section | None:
    """Return a table with a row per variant of a sweep.

    It is None unless variants differ in how they rewind, or have rows of stability.
    """
    levels = plotting.sparsest(runs)
    if not levels and len({plotting.rewinding_of(run) for run in runs.values()}) == 1:
        return None
    shared = set.intersection(*(set(run.summary["level"]) for run in runs.values()))
    last = int(max(shared, default=0))
    ordered = list(plotting.by_step(runs).values())
    names = list(runs)
    if len(ordered) == len(runs):
        names.sort(key=lambda name: plotting.rewinding_of(runs[name])[0])
    rows = [_variant(name, runs[name], levels.get(name, last)) for name in names]
    filled = [i for i, cell in enumerate(zip(*rows, strict=True)) if any(cell)]
    cells = [[row[i] for i in filled] for row in rows]
    caption = "Means over tickets: test accuracy at the last step" + (
        OF_COMPARED if levels else ", at the last level that all variants have"
    )
    head = [VARIANT_HEAD[i] for i in filled]
    return Section("Side by side", f"{caption}.", table(head, cells, wraps=True))


def settings_section(runs: Mapping[str, "Run"]) -> Section | None:
    """Return a table with a row per variant of a sweep over settings.

    It is None if the variants have the same settings.
    """
    words = plotting.differences(runs)
    if not any(words.values()):
        return None
    rows = [[name, words[name], *_best(run)] for name, run in runs.items()]
    about = (
        "Means over tickets: validation accuracy at early stop and the step of that, of"
        " the dense network and at the pruned level with the best accuracy."
    )
    return Section("Side by side", about, table(SETTINGS_HEAD, rows, wraps=True))


def _best(run: "Run") -> list[str]:
    """Return accuracy and early stop, dense and best, with the weights of the best."""
    accuracy, stop = (
        by_level(run.summary, "ticket", column)
        for column in ("val_accuracy_es", "early_stop_step")
    )
    pruned = accuracy.query("level > 0")["mean"]
    best = int(pruned.idxmax()) if len(pruned) else None

    def cells(level: int | None) -> list[str]:
        return [
            f"{100 * accuracy['mean'][level]:.2f}" if level in accuracy.index else "",
            f"{stop['mean'][level]:,.0f}" if level in stop.index else "",
        ]

    share = density_text(accuracy["density"][best]) if best is not None else ""
    return [*cells(0), share, *cells(best)]


def _variant(name: str, run: "Run", level: int) -> list[str]:
    """Return the cells of a variant; those without a number are empty."""
    share = density_text(density_of(run, level))
    cells = [
        name,
        plotting.in_words(run),
        share,
        _accuracy(run, 0),
        _accuracy(run, level),
    ]
    at = run.stability[run.stability["level"] == level]
    for one in COMPARED:
        ticket, other = (
            at[(at["kind"] == kind) & (at["cause"] == one.cause)]
            for kind in ("ticket", RANDOM)
        )
        cells += [
            _mean(ticket, one.column, one.digits),
            _ratio(other, ticket, one.column),
        ]
    tickets = at[(at["kind"] == "ticket") & (at["cause"] == DATA_ORDER)]
    return [*cells, _mean(tickets, "test_barrier", 2, 100)]


def _accuracy(run: "Run", level: int) -> str:
    found = by_level(run.summary, "ticket", "test_accuracy_final")["mean"]
    return f"{100 * found[level]:.2f}" if level in found.index else ""


def _ratio(rows: "pd.DataFrame", others: "pd.DataFrame", column: str) -> str:
    means = [spreads(each, "cause", column)["mean"] for each in (rows, others)]
    above, below = (mean.iloc[0] if len(mean) else 0.0 for mean in means)
    return f"{above / below:.1f}" if above and below else ""


def _mean(rows: "pd.DataFrame", column: str, digits: int, scale: float = 1) -> str:
    return _mean_and_range(rows, column, digits, scale).partition(" ")[0]


def _mean_and_range(
    rows: "pd.DataFrame", column: str, digits: int, scale: float = 1
) -> str:
    """Return mean, min and max of the numbers in a column; "" if it has none."""
    found = scale * spreads(rows, "cause", column)
    if found.empty:
        return ""
    mean, low, high = found[["mean", "min", "max"]].to_numpy()[0]
    return f"{mean:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def _has(run: "Run", column: str) -> bool:
    return bool(run.stability[column].notna().any())
