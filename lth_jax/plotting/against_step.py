"""Panels of numbers against the step to which pruned networks are rewound."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ..results import spreads
from ..store.read import Run
from .comparisons import ClosenessColumn, check_compared, pairs_text, sparsest
from .kinds import kinds, look_of
from .style import EXTREMES, draw_level, draw_means, legend, note, panels, shifts

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


class StepPanel(NamedTuple):
    """A column of a table against the step rewound to.

    Attributes:
        title: in words.
        rows: of a table, with a column ``step``.
        column: of it.
        scale: 100 shows fractions in percent.
        level: value to compare with and its name.
        from_zero: y starts at 0.
    """

    title: str
    rows: "pd.DataFrame"
    column: str
    scale: float = 1.0
    level: tuple[float, str] | None = None
    from_zero: bool = True


def closeness_panels(
    steps: Mapping[int, Run], shown: Sequence[ClosenessColumn]
) -> list[StepPanel]:
    """Return a panel per column of the table of stability.

    Args:
        steps: runs by the step that they rewind to.
        shown: columns.

    Raises:
        InputError: no run was compared.
    """
    check_compared(steps, "stability")
    rows = rows_by_step(steps, "stability")
    return [
        StepPanel(one.title, rows[rows["cause"] == one.cause], one.column)
        for one in shown
    ]


def rows_by_step(steps: Mapping[int, Run], table: str) -> "pd.DataFrame":
    """Return the rows of all runs at the level compared, with a column ``step``."""
    import pandas as pd

    return pd.concat(
        rows[rows["level"] == level].assign(step=step)
        for step, level in sparsest(steps).items()
        for rows in [getattr(steps[step], table)]
    )


def draw_against_step(shown: Sequence[StepPanel]) -> "Figure":
    """Plot panels, a line per kind of which pairs were compared."""
    compared = kinds(shown[0].rows)
    steps = np.unique(np.concatenate([panel.rows["step"] for panel in shown]))
    figure, axes = panels([panel.title for panel in shown])
    for ax, panel in zip(axes, shown, strict=True):
        for kind, shift in zip(compared, shifts(len(compared)), strict=True):
            rows = panel.rows[panel.rows["kind"] == kind]
            found = panel.scale * spreads(rows, "step", panel.column)
            values = found[["mean", "min", "max"]].to_numpy().T
            x = found.index.to_numpy(float)
            draw_means(ax, x, values, look_of(kind), shift=shift)
        if panel.level:
            draw_level(ax, *panel.level)
        if panel.from_zero:
            # A little below 0, so that a line along 0 is seen whole.
            ax.set_ylim(bottom=-0.02 * ax.get_ylim()[1])
        _step_axis(ax, steps)
    legend(figure, axes)
    note(figure, pairs_text([panel.rows for panel in shown]), EXTREMES)
    return figure


def _step_axis(ax: "Axes", steps: np.ndarray) -> None:
    """Make x logarithmic with room for step 0, with ticks at steps that are there."""
    from matplotlib.ticker import NullLocator

    ax.set_xscale("symlog", linthresh=steps[steps > 0].min(), linscale=0.5)
    transform = ax.xaxis.get_transform()
    place = transform.transform(steps)
    width = place[-1] - place[0]
    chosen = [0]
    for i in range(1, steps.size):
        if place[i] - place[chosen[-1]] > width / 7:
            chosen.append(i)
    if chosen[-1] != steps.size - 1:  # The last step is always named.
        chosen = [*(chosen[:-1] or chosen), steps.size - 1]
    ax.set_xticks(steps[chosen], [f"{step:,.0f}" for step in steps[chosen]])
    ax.xaxis.set_minor_locator(NullLocator())
    ends = place[0] - 0.06 * width, place[-1] + 0.06 * width
    ax.set_xlim(*transform.inverted().transform(ends))
    ax.set_xlabel("rewound to step")
