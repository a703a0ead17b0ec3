"""Axes of steps and of accuracies that show all that is drawn, and their ticks."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes

DIGITS = ((1, 2, 5), (1, 3), (1,))
"""First digits of ticks, as many as there is room for."""
MOST_TICKS = 9
STEP_DIGITS = ((1, 1.5, 2, 3, 4, 5, 6, 8), (1, 2, 3, 5), *DIGITS)
MOST_STEPS = 7
LEAST_RATIO = 2.0
"""An axis of steps spans this ratio or more."""
MARGIN = 0.06
"""Of the axis, beyond what is drawn."""
FAR, WIDE = 10, 5.0
"""Accuracies this many times as far below the best one as their median, and this many
points, ask for an axis that is logarithmic in the error."""
LEAST_ERROR = 0.05
"""In percent; errors below it lie side by side."""
PERCENTS = (0, 20, 40, 60, 80, 90, 95, 97, 98, 99, 99.5, 99.9, 100)
FINER_PERCENTS = tuple(sorted({*PERCENTS, *range(10, 100, 10), *range(90, 100)}))


def round_ticks(
    low: float,
    high: float,
    digits: Sequence[Sequence[float]] = DIGITS,
    most: int = MOST_TICKS,
) -> list[float]:
    """Return round numbers from one value to another.

    Args:
        low: the first, above 0.
        high: the last.
        digits: first digits of the numbers, those that are preferred first.
        most: numbers at most, if some digits leave so few.

    Example:
        >>> round_ticks(0.4, 100)
        [0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0]
        >>> round_ticks(1, 1000)
        [1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0]
    """
    powers = range(int(np.floor(np.log10(low))), int(np.ceil(np.log10(high))) + 1)
    found: list[float] = []
    for firsts in digits:
        places = [float(f"{digit}e{power}") for power in powers for digit in firsts]
        # The ends count even if a rounding has put them beside a round number.
        found = [at for at in places if 0.999 * low <= at <= 1.001 * high]
        if len(found) <= most:
            return found
    return found


def steps_axis(ax: "Axes", values: np.ndarray) -> None:
    """Make y, a number of steps, logarithmic: equal savings are equally high.

    Args:
        ax: panel.
        values: all that is drawn; a step of 0 stands below the others.
    """
    from matplotlib.ticker import NullLocator

    found = values[np.isfinite(values)]
    above = found[found > 0]
    low, high = (above.min(), above.max()) if above.size else (1.0, 1.0)
    wider = max(1.0, np.sqrt(LEAST_RATIO * low / high))
    low, high = low / wider, high * wider
    margin = (high / low) ** MARGIN
    ticks = round_ticks(low / margin, high * margin, STEP_DIGITS, MOST_STEPS)
    ticks = [tick for tick in ticks if tick == int(tick)]
    if above.size < found.size:
        # Linear below the least other step, for half a power of ten.
        ax.set_ylim(-0.2 * low, high * margin)
        ax.set_yscale("symlog", linthresh=low, linscale=0.5)
        ticks = [0, *ticks]
    else:
        ax.set_ylim(low / margin, high * margin)
        ax.set_yscale("log")
    ax.set_yticks(ticks, [f"{tick:,.0f}" for tick in ticks])
    ax.yaxis.set_minor_locator(NullLocator())


def accuracy_axis(ax: "Axes", values: np.ndarray) -> None:
    """Make y, an accuracy in percent, logarithmic in the error if some are far below.

    So networks that learn nothing are shown, and do not squash the rest.

    Args:
        ax: panel.
        values: mean, least and greatest values [3, places], all that is drawn.
    """
    from matplotlib.ticker import NullLocator

    means, lows, highs = values[:, np.isfinite(values).all(axis=0)]
    if means.size == 0:
        return
    top, low = means.max(), lows.min()
    if top - low < WIDE or low >= top - FAR * (top - np.median(means)):
        return
    scale = max(100 - highs.max(), LEAST_ERROR)

    def forward(accuracy: Any) -> np.ndarray:
        return -np.arcsinh((100 - np.asarray(accuracy)) / scale)

    def back(place: Any) -> np.ndarray:
        return 100 - scale * np.sinh(-np.asarray(place))

    ax.set_yscale("function", functions=(forward, back))
    ends = forward(np.array([low, highs.max()]))
    ends = ends + MARGIN * (ends[1] - ends[0]) * np.array([-1, 1])
    ticks = [at for at in PERCENTS if ends[0] <= forward(at) <= ends[1]]
    if len(ticks) < 5:
        ticks = [at for at in FINER_PERCENTS if ends[0] <= forward(at) <= ends[1]]
    ax.set_ylim(*back(ends))
    ax.set_yticks(ticks, [f"{tick:g}" for tick in ticks])
    ax.yaxis.set_minor_locator(NullLocator())
