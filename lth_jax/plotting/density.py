"""Early stop and accuracy against the share of weights that remain."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..results import by_level, density_text
from ..store.read import Run
from .kinds import kinds, label, look_of
from .rewinding import last_step
from .scales import steps_axis
from .style import (
    DENSE,
    EXTREMES,
    INK,
    NO_STOP,
    PALETTE,
    Look,
    draw_level,
    draw_means,
    name_bounds,
    replicates_text,
    shifts,
)

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


class Series(NamedTuple):
    """What one line shows, and how.

    Attributes:
        run: whose summary it reads.
        kind: of the networks.
        look: of the line.
    """

    run: Run
    kind: str
    look: Look


class Baseline(NamedTuple):
    """The dense network of a run, a thin horizontal line."""

    name: str
    run: Run
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
            lines.append(Series(run, kind, look))
        name = "dense" if is_alone else f"{variant} dense"
        baselines.append(Baseline(name, run, INK if is_alone else own))
    if len(baselines) > 1 and _share_dense(runs.values()):
        baselines = [Baseline(DENSE, baselines[0].run, INK)]
    return lines, baselines


def _share_dense(runs: Iterable[Run]) -> bool:
    """Tell whether the dense networks of runs are the same."""
    tables = [
        run.summary[run.summary["level"] == 0].reset_index(drop=True) for run in runs
    ]
    return all(table.equals(tables[0]) for table in tables)


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
    values = draw_series(ax, series, column, lambda _, rows: 100 * rows["density"])
    for dense in baselines:
        for mean in dense_mean(dense.run, column):
            draw_level(ax, mean, dense.name, dense.colour)
    densities = [dense.run.summary["density"].to_numpy(float) for dense in baselines]
    density_axis(ax, np.concatenate(densities), linear)
    if column == STOP[0]:
        steps_axis(ax, values)


def draw_series(
    ax: "Axes",
    series: Sequence[Series],
    column: str,
    x_of: "Callable[[Series, pd.DataFrame], Any]",
    fine: bool = False,
) -> np.ndarray:
    """Draw a column of the summary: a line per kind of a run, side by side.

    Lines join levels that follow one another.

    Args:
        ax: panel.
        series: lines.
        column: of the summary; accuracies are shown in percent.
        x_of: (line, rows of `means_of`) -> places along x.
        fine: see `draw_means`.

    Returns:
        All values drawn: mean, min and max [3, places].
    """
    drawn, bounds = [np.empty((3, 0))], False
    for one, shift in zip(series, shifts(len(series)), strict=True):
        rows = means_of(one, column)
        values = rows[["mean", "min", "max"]].to_numpy(float).T
        draw_means(
            ax,
            x_of(one, rows),
            values,
            one.look,
            fine=fine,
            joined=np.diff(rows.index) == 1,
            at_least=rows["at_least"],
            shift=shift,
        )
        drawn.append(values)
        bounds |= bool(rows["at_least"].any())
    if bounds:
        name_bounds(ax, NO_STOP)
    return np.concatenate(drawn, axis=1)


def means_of(one: Series, column: str) -> "pd.DataFrame":
    """Return what a line shows, by level, the dense network first.

    Of a control that is not at level 1 the dense network is left out: no line goes
    there.

    Args:
        one: the line.
        column: of the summary; accuracies are in percent.

    Returns:
        Columns density, mean, min and max; and at_least: whether the mean is a lower
        bound, since a network had its early stop at the last step of its training.
    """
    import pandas as pd

    dense = by_level(one.run.summary, "ticket", column)
    pruned = by_level(one.run.summary, one.kind, column)
    rows = pd.concat([dense[dense.index == 0], pruned[pruned.index > 0]])
    if one.kind != "ticket" and 1 not in pruned.index:
        rows = rows[rows.index > 0]
    rows = rows[rows["density"] > 0][["density", "mean", "min", "max"]].astype(float)
    ends = [
        column == STOP[0] and rows["max"][n] >= last_step(one.run, n)
        for n in rows.index
    ]
    scaled = rows * [1, *[_scale(column)] * 3]
    return scaled.assign(at_least=np.array(ends, bool))


def dense_mean(run: Run, column: str) -> list[float]:
    """Return the mean of a column over dense networks.

    It is empty if none has a number, or if it is no more than a lower bound.
    """
    rows = means_of(Series(run, "ticket", look_of("ticket")), column)
    known = (rows.index == 0) & ~rows["at_least"]
    return list(rows["mean"][known])


def _scale(column: str) -> float:
    return 100 if "accuracy" in column else 1


def networks_text(series: Iterable[Series], column: str) -> str:
    """Return how many networks the places of lines stand for.

    Args:
        series: lines.
        column: of the summary.

    Returns:
        Words such as ``n = 3 replicates`` or ``n = 5 replicates (random reinit: 15)``.
    """
    replicates: set[int] = set()
    networks: dict[str, int] = {}
    for one in series:
        summary = one.run.summary
        own = (summary["kind"] == one.kind) & summary[column].notna()
        levels = summary[own].groupby("level")
        replicates |= set(levels["replicate"].nunique())
        most = max([0, *levels.size()])
        networks[label(one.kind)] = max(networks.get(label(one.kind), 0), most)
    high = max(replicates, default=0)
    more = [f"{name}: {n}" for name, n in networks.items() if n > high]
    words = replicates_text(replicates)
    return f"{words} ({', '.join(more)})" if more else words


def bars_text(series: Sequence[Series], column: str) -> str:
    """Return what a figure of lines with bars notes of both."""
    number = networks_text(series, column)
    return number if number in ("", "n = 1 replicate") else f"{number}; {EXTREMES}"


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
