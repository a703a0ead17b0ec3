"""The paper's figures of the error between copies of a network."""

from typing import TYPE_CHECKING

import numpy as np

from ...plotting.against_step import closeness_panels, draw_against_step
from ...plotting.comparisons import (
    OVER_PAIRS,
    ClosenessColumn,
    groups_of,
    is_measured_sweep,
    pairs_text,
)
from ...plotting.figure import Exhibit, Runs, Topic, drawn_of_runs
from ...plotting.kinds import kinds, look_of
from ...plotting.rewinding import sweep_of
from ...plotting.style import (
    BANDS,
    DASHED,
    draw_band,
    is_first_in_row,
    legend,
    note,
    panels,
)
from ...results import spreads
from ...schema import DATA_ORDER

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PAPER = (
    " of Frankle et al. (2020), Linear Mode Connectivity and the Lottery Ticket"
    " Hypothesis."
)
BARRIERS = (
    ClosenessColumn("test_barrier", DATA_ORDER, "Test error barrier (%)"),
    ClosenessColumn("train_barrier", DATA_ORDER, "Training error barrier (%)"),
)
STABLE = 2.0
"""Barrier, in percent of error, below which networks are stable to data order."""
MOST_LINES = 4
"""Levels or variants of which the error on the line is shown, at most."""


@drawn_of_runs
def figure_barrier(runs: Runs) -> "Figure":
    """Plot the error barrier between copies against the step rewound to.

    Lines are means over pairs of copies and replicates, bars their min and max, at the
    sparsest level that was measured in all runs. Networks whose barrier is below the
    horizontal line, at 2 %, are stable to data order.

    Args:
        runs: a sweep over ``rewind.weights``, with ``stability.points``.

    Reference:
        Frankle et al., "Linear Mode Connectivity and the Lottery Ticket Hypothesis"
        (2020), section 2 and its figures of instability against k.
    """
    line = STABLE, f"{STABLE:g} %: below it stable"
    shown = closeness_panels(sweep_of(runs), BARRIERS)
    return draw_against_step([one._replace(scale=100, level=line) for one in shown])


BARRIER = Exhibit(
    name="barrier",
    topic=Topic.STABILITY_BY_STEP,
    draw=figure_barrier,
    supports=lambda runs: is_measured_sweep(runs, "test_barrier", "train_barrier"),
    caption="Error barrier: how far error rises on the straight line between two copies"
    " above the mean of its ends, by the step to which pruned networks are rewound."
    f" Lines are{OVER_PAIRS}. Below {STABLE:g} % they are stable, by the rule{PAPER}",
)


@drawn_of_runs
def figure_path(runs: Runs) -> "Figure":
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
    figure, axes = panels([group.title for group in groups])
    for ax, group in zip(axes, groups, strict=True):
        for kind in kinds(group.rows):
            _draw_path(ax, group.rows[group.rows["kind"] == kind], kind)
        ax.set_xlabel("place on the line between two copies")
        if is_first_in_row(ax):
            ax.set_ylabel("error (%)")
    top = max(ax.get_ylim()[1] for ax in axes)
    for ax in axes:
        ax.set_ylim(0, top)
    legend(figure, axes)
    note(figure, pairs_text([group.rows for group in groups]), BANDS)
    return figure


def _draw_path(ax: "Axes", rows: "pd.DataFrame", kind: str) -> None:
    """Draw the errors of one kind: test error solid, training error dashed."""
    look = look_of(kind)
    for split, dashes in (("test", "-"), ("train", DASHED)):
        found = 100 * spreads(rows[rows["split"] == split], "alpha", "error")
        values = found[["mean", "min", "max"]].to_numpy().T
        own = look._replace(name=f"{look.name}, {split}", dashes=dashes)
        draw_band(ax, found.index, values, own)


PATH = Exhibit(
    name="path",
    topic=Topic.STABILITY,
    draw=figure_path,
    supports=lambda runs: any(len(run.paths) for run in runs.values()),
    caption="Error on the line: error of the networks on the straight line between two"
    " copies that were trained under two data orders. Lines are means over pairs of"
    " copies and replicates, bands reach from the least to the greatest value. As"
    f" in section 2{PAPER}",
)
FIGURES = (BARRIER, PATH)
