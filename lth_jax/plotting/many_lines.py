"""Panels of many lines against density or number of weights, all of it shown."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from .density import STOP, Series, dense_mean, density_axis, draw_series
from .figure import APART, BARS
from .scales import accuracy_axis, round_ticks, steps_axis
from .style import DENSE, draw_level

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

MOST_BOLD = 4
"""More lines than these are drawn finely."""

WHOLE = (
    f"{BARS}; every line starts at its dense network, and a thin dashed line is a dense"
    f" network that all share.{APART} Where some are far below the rest, such as"
    " networks that learn nothing, the axis is logarithmic in the error."
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

    def x_of(one: Series, rows: "pd.DataFrame") -> np.ndarray:
        share = 100 * rows["density"].to_numpy(float)
        return _thousands(one.run.summary, rows) if by_weights else share

    values = draw_series(ax, lines, column, x_of, fine=len(lines) > MOST_BOLD)
    dense = {round(y, 9) for one in lines for y in dense_mean(one.run, column)}
    if len(dense) == 1:
        draw_level(ax, dense.pop(), DENSE)
    _place_x(ax, [one.run.summary for one in lines], by_weights, linear)
    (steps_axis if column == STOP[0] else accuracy_axis)(ax, values)


def _thousands(summary: "pd.DataFrame", rows: "pd.DataFrame") -> np.ndarray:
    """Return the thousands of weights that remain at the levels of some rows."""
    left = summary.groupby("level")["n_remaining"].mean() / 1000
    return left[rows.index].to_numpy(float)


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
