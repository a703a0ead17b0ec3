"""Early stop and accuracy against the share of weights that remain."""

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ..results import by_level, density_text
from ..store.read import Run
from .kinds import kinds, look_of
from .style import INK, PALETTE, Look, draw_level, draw_means

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

STOP = ("early_stop_step", "Early-stop step")
TEST_AT_STOP = ("test_accuracy_es", "Test accuracy at early stop (%)")
TEST_AT_END = ("test_accuracy_final", "Test accuracy at the last step (%)")
TRAIN_AT_END = ("train_accuracy_final", "Training accuracy at the last step (%)")
DASHES = {"ticket": "-", "random_reinit": "--", "shuffle_mask": ":"}
"""The line of each kind where colours tell variants apart."""
OTHER_DASHES = "-."
STEPS = (1, 2, 2.5, 5, 10)
"""Distances of ticks, times powers of ten: matplotlib's own."""


class Series(NamedTuple):
    """What one line shows, and how.

    Attributes:
        summary: table that it reads.
        kind: of the networks.
        look: of the line.
    """

    summary: "pd.DataFrame"
    kind: str
    look: Look


class Baseline(NamedTuple):
    """The dense network of a run, a thin horizontal line."""

    name: str
    summary: "pd.DataFrame"
    colour: str


def series_of(
    runs: Mapping[str, Run], only: Collection[str] | None = None
) -> tuple[list[Series], list[Baseline]]:
    """Choose lines for all kinds of all runs.

    Args:
        runs: by variant. Of one run, colours tell the kinds apart; of several, colours
            tell the runs and line styles the kinds.
        only: kinds to show; default: all.
    """
    lines, baselines = [], []
    for i, (variant, run) in enumerate(runs.items()):
        is_alone = len(runs) == 1
        own = PALETTE[i % len(PALETTE)]
        for kind in kinds(run.summary):
            if only is not None and kind not in only:
                continue
            look = look_of(kind)
            if not is_alone:
                dashes = DASHES.get(kind, OTHER_DASHES)
                name = f"{variant} {look.name}"
                look = look._replace(name=name, colour=own, dashes=dashes)
            lines.append(Series(run.summary, kind, look))
        name = "dense" if is_alone else f"{variant} dense"
        baselines.append(Baseline(name, run.summary, INK if is_alone else own))
    return lines, baselines


def draw_by_density(
    ax: "Axes",
    series: Sequence[Series],
    baselines: Sequence[Baseline],
    column: str,
    linear: bool = False,
) -> None:
    """Draw a column of the summary against density, every line from the dense network.

    Lines are means over all networks of a kind that have a number, bars their min and
    max.

    Args:
        ax: panel.
        series: lines.
        baselines: dense networks.
        column: of the summary; accuracies are shown in percent.
        linear: x axis is linear, not logarithmic.
    """
    for one in series:
        rows = means_of(one, column)
        values = rows[["mean", "min", "max"]].to_numpy(float).T
        x = 100 * rows["density"].to_numpy(float)
        draw_means(ax, x, values, one.look)
    for dense in baselines:
        for mean in dense_mean(dense.summary, column):
            draw_level(ax, mean, dense.name, dense.colour)
    densities = [dense.summary["density"].to_numpy(float) for dense in baselines]
    density_axis(ax, np.concatenate(densities), linear)


def means_of(one: Series, column: str) -> "pd.DataFrame":
    """Return what a line shows: density, mean, min and max by level, the dense first.

    Args:
        one: the line.
        column: of the summary; accuracies are in percent.
    """
    import pandas as pd

    dense = by_level(one.summary, "ticket", column)
    pruned = by_level(one.summary, one.kind, column)
    rows = pd.concat([dense[dense.index == 0], pruned[pruned.index > 0]])
    rows = rows[rows["density"] > 0][["density", "mean", "min", "max"]].astype(float)
    return rows * [1, *[_scale(column)] * 3]


def dense_mean(summary: "pd.DataFrame", column: str) -> list[float]:
    """Return the mean of a column over dense networks; empty if none has a number."""
    rows = by_level(summary, "ticket", column)
    return [_scale(column) * mean for mean in rows["mean"][rows.index == 0]]


def _scale(column: str) -> float:
    return 100 if "accuracy" in column else 1


def from_zero(ax: "Axes") -> None:
    """Make y, a number of steps, rise from 0."""
    from matplotlib.ticker import MaxNLocator

    ax.set_ylim(0, 1.04 * max(1, ax.get_ylim()[1]))
    # As usual, but there are no parts of steps.
    ax.yaxis.set_major_locator(MaxNLocator("auto", steps=STEPS, integer=True))
    ax.yaxis.set_major_formatter("{x:,.0f}")


def density_axis(ax: "Axes", densities: np.ndarray, linear: bool = False) -> None:
    """Make x fall from 100 %, with ticks at densities that are there."""
    from matplotlib.ticker import NullLocator

    levels = np.unique(densities[densities > 0])[::-1]
    place = levels if linear else np.log(levels)
    # A little less than an eighth of the axis: nine evenly spaced levels all fit.
    spacing = (place.max() - place.min()) / 8.1 if levels.size else 0
    chosen: list[int] = []
    for i in range(levels.size):
        if not chosen or place[chosen[-1]] - place[i] > spacing:
            chosen.append(i)
    ax.set_xscale("linear" if linear else "log")
    ticks = levels[chosen]
    ax.set_xticks(100 * ticks, [density_text(tick)[:-2] for tick in ticks])
    ax.xaxis.set_minor_locator(NullLocator())
    ax.set_xlabel("weights remaining (%)")
    ax.invert_xaxis()
