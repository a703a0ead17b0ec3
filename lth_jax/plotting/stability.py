"""How alike networks become that start as one, and the error between them."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..results import density_of, density_text, spreads
from ..study.copies import DATA_ORDER, PRUNING
from .rules import by_step
from .style import INK, colour_of, kinds, label, legend, panels, style

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ..store.read import Run

MOST_LINES = 4
"""Levels or variants of which the error on the line is shown, at most."""


class Measure(NamedTuple):
    """A column of the table of stability.

    Attributes:
        column: of the table.
        cause: whose rows.
        title: in words.
    """

    column: str
    cause: str
    title: str


DISTANCES = (
    Measure("distance", DATA_ORDER, "L2 distance between data orders"),
    Measure("distance", PRUNING, "L2 distance to the dense network"),
)
ANGLES = (
    Measure("angle", DATA_ORDER, "Angle between data orders (degrees)"),
    Measure("angle", PRUNING, "Angle to the dense network (degrees)"),
)


class Group(NamedTuple):
    """Networks that stand side by side in a figure.

    Attributes:
        name: below them.
        title: above them, where they have a panel of their own.
        rows: of a table, of one level of one run.
    """

    name: str
    title: str
    rows: "pd.DataFrame"


def figure_stability(runs: Mapping[str, "Run"]) -> "Figure":
    """Plot distance and angle, of tickets and of controls, side by side.

    Columns are means over pairs of networks and replicates, bars their min and max. Of
    one run, every level that was measured is shown; of several, the sparsest level that
    was measured in all of them.

    Args:
        runs: with copies under several data orders (``stability.orders``).

    Reference:
        Frankle et al., "Stabilizing the Lottery Ticket Hypothesis" (2020), figures 3
        and 10.
    """
    groups, about = groups_of(runs, "stability")
    measures = (*DISTANCES, *ANGLES)
    with style():
        figure, axes = panels([measure.title for measure in measures])
        for ax, measure in zip(axes, measures, strict=True):
            _draw_columns(ax, groups, measure)
            ax.set_ylim(bottom=0)
            _name_groups(ax, [group.name for group in groups])
            ax.set_xlabel(about)
        legend(figure, axes)
        return figure


def figure_path(runs: Mapping[str, "Run"]) -> "Figure":
    """Plot the error on the straight line between copies under two data orders.

    Lines are means over pairs of copies and replicates, bands reach from min to max;
    test error is solid, training error dashed. Of one run, the levels that were
    measured are shown; of several, the variants at the sparsest level that all have.
    Of more than four, four are chosen evenly.

    Args:
        runs: with errors on the line (``stability.points``).

    Reference:
        Frankle et al., "Linear Mode Connectivity and the Lottery Ticket Hypothesis"
        (2020), section 2.
    """
    groups, _ = groups_of(runs, "paths")
    places = np.linspace(0, len(groups) - 1, min(MOST_LINES, len(groups)))
    groups = [groups[round(place)] for place in places]
    with style():
        figure, axes = panels([group.title for group in groups])
        for ax, group in zip(axes, groups, strict=True):
            for kind in kinds(group.rows):
                _draw_path(ax, group.rows[group.rows["kind"] == kind], kind)
            ax.set_xlabel("place on the line between two copies")
            if ax.get_subplotspec().is_first_col():  # type: ignore[union-attr]
                ax.set_ylabel("error (%)")
        top = max(ax.get_ylim()[1] for ax in axes)
        for ax in axes:
            ax.set_ylim(0, top)
        legend(figure, axes)
        return figure


def measured(run: "Run", table: str = "stability") -> list[int]:
    """Return the levels of which a table of comparisons has rows, in order."""
    return sorted({int(level) for level in getattr(run, table)["level"]})


def sparsest(runs: Mapping[Any, "Run"], table: str = "stability") -> dict[Any, int]:
    """Return the level at which each run is compared with the others.

    It is the last one that was measured in all of them, else the last of each run. Runs
    without rows are left out.
    """
    levels = {name: measured(run, table) for name, run in runs.items()}
    levels = {name: each for name, each in levels.items() if each}
    shared = set.intersection(*map(set, levels.values())) if levels else set()
    return {name: max(shared or each) for name, each in levels.items()}


def groups_of(runs: Mapping[str, "Run"], table: str) -> tuple[list[Group], str]:
    """Return what stands side by side, and what its names are.

    Args:
        runs: by variant; of one run, its levels stand side by side.
        table: ``stability`` or ``paths``.
    """
    if len(runs) == 1:
        (run,) = runs.values()
        return _levels(run, table), "weights remaining (%)"
    steps = by_step(runs)
    if len(steps) < len(runs):
        return _variants(runs, table), ""
    groups = _variants({f"{step:,}": run for step, run in steps.items()}, table)
    titled = [group._replace(title=f"Rewound to step {group.name}") for group in groups]
    return titled, "rewound to step"


def _levels(run: "Run", table: str) -> list[Group]:
    groups = []
    for level in measured(run, table):
        share = density_text(density_of(run, level))
        rows = _at(getattr(run, table), level)
        groups.append(Group(share[:-2], f"{share} of the weights", rows))
    return groups


def _variants(runs: Mapping[str, "Run"], table: str) -> list[Group]:
    """Return a group per run, with the share of weights that remain if it differs."""
    levels = sparsest(runs, table)
    shares = {
        name: density_text(density_of(runs[name], n)) for name, n in levels.items()
    }
    differ = len(set(shares.values())) > 1
    groups = []
    for variant, level in levels.items():
        name = f"{variant} ({shares[variant]})" if differ else variant
        groups.append(Group(name, name, _at(getattr(runs[variant], table), level)))
    return groups


def _at(table: "pd.DataFrame", level: int) -> "pd.DataFrame":
    return table[table["level"] == level]


def _draw_columns(ax: "Axes", groups: Sequence[Group], measure: Measure) -> None:
    """Draw a column per kind in each group, and its bar."""
    import pandas as pd

    named = [group.rows.assign(group=i) for i, group in enumerate(groups)]
    rows = pd.concat(named).query("cause == @measure.cause")
    shown = kinds(rows)
    width = 0.8 / max(len(shown), 1)
    for i, kind in enumerate(shown):
        found = spreads(rows[rows["kind"] == kind], "group", measure.column)
        mean, low, high, _ = found.to_numpy().T
        ax.bar(
            found.index + (i - (len(shown) - 1) / 2) * width,
            mean,
            0.88 * width,
            yerr=np.maximum((mean - low, high - mean), 0),
            color=colour_of(kind),
            label=label(kind),
            error_kw={"ecolor": INK, "elinewidth": 1.0, "capsize": 0},
        )


def _name_groups(ax: "Axes", names: Sequence[str]) -> None:
    """Write names below the groups, slanted or upright where they are long or many."""
    ax.set_xticks(range(len(names)), names)
    ax.tick_params(axis="x", length=0)
    margin = 1.2 if len(names) == 1 else 0.6
    ax.set_xlim(-margin, len(names) - 1 + margin)
    if sum(len(name) + 2 for name in names) > 56:
        slant = 30 if len(names) <= 12 else 90
        for text in ax.get_xticklabels():
            text.set(
                rotation=slant,
                rotation_mode="anchor",
                horizontalalignment="right",
                verticalalignment="center" if slant == 90 else "top",
            )


def _draw_path(ax: "Axes", rows: "pd.DataFrame", kind: str) -> None:
    """Draw the errors of one kind: test error solid, training error dashed."""
    colour = colour_of(kind)
    for split, dashes in (("test", "-"), ("train", (0, (3, 1.5)))):
        found = 100 * spreads(rows[rows["split"] == split], "alpha", "error")
        name = f"{label(kind)}, {split}"
        x, mean = found.index, found["mean"]
        ax.plot(x, mean, color=colour, linestyle=dashes, linewidth=1.7, label=name)
        ax.fill_between(
            x, found["min"], found["max"], color=colour, alpha=0.12, linewidth=0
        )
