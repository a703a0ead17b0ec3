"""Early stop and accuracy against the share of weights that remain."""

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ..claims import by_level, density_text
from .style import COLOURS, INK, MORE_COLOURS, draw_level, draw_means, kinds, label

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from ..runs import Run

DASHES = {"ticket": "-", "random_reinit": "--", "shuffle_mask": ":"}
"""The line of each kind where colours tell variants apart."""


class Series(NamedTuple):
    """What one line shows, and how.

    Attributes:
        name: in the legend.
        summary: table that it reads.
        kind: of the networks.
        colour: of line and marker.
        dashes: matplotlib's line style.
    """

    name: str
    summary: "pd.DataFrame"
    kind: str
    colour: str
    dashes: str


class Baseline(NamedTuple):
    """The dense network of a run, a thin horizontal line."""

    name: str
    summary: "pd.DataFrame"
    colour: str


def series_of(
    runs: Mapping[str, "Run"], only: Collection[str] | None = None
) -> tuple[list[Series], list[Baseline]]:
    """Choose lines for all kinds of all runs.

    Args:
        runs: by variant. Of one run, colours tell the kinds apart; of several, colours
            tell the runs and line styles the kinds.
        only: kinds to show; default: all.
    """
    lines, baselines = [], []
    palette = [*COLOURS.values(), *MORE_COLOURS]
    for i, (variant, run) in enumerate(runs.items()):
        own = palette[i % len(palette)]
        for kind in kinds(run.summary):
            if only is not None and kind not in only:
                continue
            if len(runs) == 1:
                line = label(kind), COLOURS.get(kind, INK), "-"
            else:
                line = f"{variant} {label(kind)}", own, DASHES.get(kind, "-.")
            lines.append(Series(line[0], run.summary, kind, *line[1:]))
        name = "dense" if len(runs) == 1 else f"{variant} dense"
        baselines.append(Baseline(name, run.summary, INK if len(runs) == 1 else own))
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
    scale = 100 if "accuracy" in column else 1
    for one in series:
        density, *values = _line(one, column, scale)
        draw_means(ax, density, values, one.kind, one.name, one.colour, one.dashes)
    for dense in baselines:
        at_zero = by_level(dense.summary, "ticket", column).query("level == 0")
        for mean in at_zero["mean"]:
            draw_level(ax, scale * mean, dense.name, dense.colour)
    densities = [dense.summary["density"].to_numpy(float) for dense in baselines]
    _axis(ax, np.concatenate(densities), linear)


def _line(one: Series, column: str, scale: float) -> np.ndarray:
    """Return percent of weights, mean, min and max, the dense network first."""
    import pandas as pd

    dense = by_level(one.summary, "ticket", column).query("level == 0")
    rows = by_level(one.summary, one.kind, column).query("level > 0")
    rows = pd.concat([dense, rows])
    rows = rows[rows["density"] > 0]
    columns = rows[["density", "mean", "min", "max"]].to_numpy(dtype=float)
    return (columns * [100, scale, scale, scale]).T


def _axis(ax: "Axes", densities: np.ndarray, linear: bool) -> None:
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
