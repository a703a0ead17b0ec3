"""Panels of many lines against density or number of weights, cut to what matters."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from .density import STOP, Series, dense_mean, density_axis, from_zero, means_of
from .figure import BARS
from .style import DENSE, draw_level, draw_means

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

TICKS = ((1, 2, 5), (1, 3), (1,))
"""First digits of ticks, as many as there is room for."""
MOST_TICKS = 9
MOST_BOLD = 4
"""More lines than these are drawn finely."""
FAR = 10
"""Accuracies this many times as far below the best one as their median are cut off."""

CUT = (
    f"{BARS}; every line starts at its dense network, and a thin dashed line is a dense"
    " network that all share. What lies far below the rest, such as networks that learn"
    " nothing, is cut off."
)
"""What captions say of these panels."""


def draw_lines(
    ax: "Axes",
    lines: Sequence[Series],
    column: str,
    by_weights: bool = False,
    linear: bool = False,
) -> None:
    """Draw a column of the summary against density, or against the number of weights.

    Lines are means over all networks of a kind that have a number, bars their min and
    max. Where all lines start from one dense network, it is a thin horizontal line.

    Args:
        ax: panel.
        lines: drawn in order.
        column: of the summary; accuracies are shown in percent.
        by_weights: x is thousands of weights.
        linear: x, a density, is not logarithmic.
    """
    means = []
    for one in lines:
        rows = means_of(one, column)
        share = 100 * rows["density"].to_numpy(float)
        x = _thousands(one.summary, rows) if by_weights else share
        values = rows[["mean", "min", "max"]].to_numpy(float).T
        fine = len(lines) > MOST_BOLD
        draw_means(ax, x, values, one.look, fine)
        means.append(values)
    dense = {round(y, 9) for one in lines for y in dense_mean(one.summary, column)}
    if len(dense) == 1:
        draw_level(ax, dense.pop(), DENSE)
    _place_x(ax, [one.summary for one in lines], by_weights, linear)
    if column == STOP[0]:
        from_zero(ax)
    else:
        _cut(ax, np.concatenate(means, axis=1))


def _thousands(summary: "pd.DataFrame", rows: "pd.DataFrame") -> np.ndarray:
    """Return the thousands of weights that remain at the levels of some rows."""
    left = summary.groupby("level")["n_remaining"].mean() / 1000
    return left[rows.index].to_numpy(float)


def _cut(ax: "Axes", values: np.ndarray) -> None:
    """Leave accuracies out that are far below the others.

    Args:
        ax: panel.
        values: rows of means, least and greatest values.
    """
    means, _, highs = values[:, np.isfinite(values).all(axis=0)]
    if means.size == 0:
        return
    top = means.max()
    floor = top - FAR * (top - np.median(means))
    if means.min() < floor < top:
        least = means[means >= floor].min()
        margin = 0.06 * (top - least)
        ax.set_ylim(least - margin, highs.max() + margin)


def _place_x(
    ax: "Axes", summaries: Sequence["pd.DataFrame"], by_weights: bool, linear: bool
) -> None:
    """Make x fall, with ticks at densities if lines have the same, else round ones."""
    each = [summary.loc[summary["density"] > 0] for summary in summaries]
    densities = [np.unique(rows["density"].to_numpy(float).round(9)) for rows in each]
    union = np.unique(np.concatenate(densities))
    shared = union.size == max(map(len, densities))
    if by_weights:
        left = np.concatenate([rows["n_remaining"].to_numpy(float) for rows in each])
        _round_axis(ax, left / 1000)
        ax.set_xlabel("thousands of weights remaining")
    elif shared or linear:
        density_axis(ax, union, linear)
    else:
        _round_axis(ax, 100 * union)
        ax.set_xlabel("weights remaining (%)")


def _round_axis(ax: "Axes", values: np.ndarray) -> None:
    """Make x logarithmic and falling, with ticks at round numbers."""
    from matplotlib.ticker import NullLocator

    ax.set_xscale("log")
    if values.size:
        ticks = round_ticks(values.min(), values.max())
        ax.set_xticks(ticks, [f"{tick:,g}" for tick in ticks])
    ax.xaxis.set_minor_locator(NullLocator())
    ax.invert_xaxis()


def round_ticks(low: float, high: float) -> list[float]:
    """Return round numbers from one value to another, at most nine.

    Example:
        >>> round_ticks(0.4, 100)
        [0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0]
        >>> round_ticks(1, 1000)
        [1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0]
    """
    powers = range(int(np.floor(np.log10(low))), int(np.ceil(np.log10(high))) + 1)
    found: list[float] = []
    for digits in TICKS:
        places = [float(f"{digit}e{power}") for power in powers for digit in digits]
        # The ends count even if a rounding has put them beside a round number.
        found = [at for at in places if 0.999 * low <= at <= 1.001 * high]
        if len(found) <= MOST_TICKS:
            return found
    return found
