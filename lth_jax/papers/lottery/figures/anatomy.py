"""What tickets are made of: initial weights, how they move, connections of units."""

from collections.abc import Callable, Mapping, Sequence
from itertools import cycle
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ....analysis.anatomy import DENSITIES
from ....plotting.figure import Exhibit, Runs, Topic, drawn_of_runs
from ....plotting.histograms import (
    Bins,
    at_random,
    curve,
    grouping,
    joined,
    pooled,
    reach,
    shares,
)
from ....plotting.kinds import look_of
from ....plotting.layers import LayerPanel, grid_of, levels_shown, shows
from ....plotting.style import (
    INK,
    PALETTE,
    is_first_in_row,
    legend,
    note,
    panels,
    replicates_text,
)
from ....plotting.variants import settings_of
from ....results import density_text
from ....store.read import Run

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOVED = 0.1688
"""The density of the tickets of figures 19 and 20."""
DWARFS = 4
"""A peak at 0 that is more than so many times as high as all else leaves its panel."""
MIDDLE = 0.99
"""Share of the weights that figures 19 and 20 show: a few move far."""
DENSE = density_text(1.0)
DIM = 0.08
"""Opacity of the area below a line."""
TICKET, OTHER, ZERO = look_of("ticket").colour, "#8c8c8c", "#b8c0c8"
"""Colours of the ticket's weights, of those outside, and of the line at 0."""


POOLED = (
    " replicates pooled; the area below each line is 1. Of many layers, the first, the"
    " last and some between are shown."
)
APART = (
    " of the dense network, separately for the weights of the ticket nearest to 16.9 %"
    f" of the weights and for all others, layer by layer;{POOLED} Weights that do"
    " not move at all, such as those of pixels that are black in all images, count as"
    " just above 0; if they are many, the line leaves the panel there."
)
OVER_UNITS = (
    " connections the units of each layer keep (of a convolution: the channels). A line"
    f" per share of the weights that remains, over units,{POOLED} Thin dashed lines"
    " are expected of random masks that keep as many weights of the layer."
)


class Distribution(NamedTuple):
    """A distribution, and how it is drawn.

    Attributes:
        bins: what lies where.
        name: in the legend; "" has none.
        colour: of the line.
        tint: opacity of the area below it.
        dashed: thin and dashed.
    """

    bins: Bins
    name: str
    colour: str
    tint: float = 0.0
    dashed: bool = False


class Peak(NamedTuple):
    """A line at 0.

    Attributes:
        height: there.
        beside: greatest height elsewhere.
        share: of the numbers in the bins at 0.
        width: of a bin.
        colour: of the line.
    """

    height: float
    beside: float
    share: float
    width: float
    colour: str


Choice = Callable[[Runs], Runs]
"""Which of some runs a figure shows."""


def _is_sgd(run: Run) -> bool:
    return settings_of(run)["train.optimizer"] == "sgd"


def _by_sgd(runs: Runs) -> Runs:
    return {variant: run for variant, run in runs.items() if _is_sgd(run)}


def _not_by_sgd(runs: Runs) -> Runs:
    return {variant: run for variant, run in runs.items() if not _is_sgd(run)}


def _some_show(what: str, choice: Choice = dict) -> Callable[[Runs], bool]:
    return lambda runs: any(shows(run, what) for run in choice(runs).values())


@drawn_of_runs
def figure_15(runs: Runs) -> "Figure":
    """Plot the distribution of the initial weights of tickets, a panel per layer.

    A line per density, replicates pooled; the area below each is 1. The dense network's
    is shaded. Of several runs, each has a row of panels.

    Args:
        runs: with ``anatomy`` of several levels; those trained by SGD are left to
            `figure_16`. Of many layers, six are shown: the first, the last and some
            between; of each of several runs, three.

    Example:
        >>> from lth_jax.store.read import load_variants  # doctest: +SKIP
        >>> figure_15(load_variants("runs/lth_figure_15-1a2b3c4d"))  # doctest: +SKIP

    Reference:
        Frankle & Carbin, "The Lottery Ticket Hypothesis" (2019), figure 15.

    Deviation:
        The paper does not tell its bins; ours are as wide as the number of weights
        asks for, at most 40.
    """
    return _initial(_not_by_sgd(runs))


@drawn_of_runs
def figure_16(runs: Runs) -> "Figure":
    """Plot what `figure_15` shows, of tickets that were found by SGD.

    Reference:
        Frankle & Carbin, "The Lottery Ticket Hypothesis" (2019), figure 16.
    """
    return _initial(_by_sgd(runs))


def _initial_weights(number: int, which: str, choice: Choice, draw: Any) -> Exhibit:
    return Exhibit(
        name=f"figure_{number}",
        topic=Topic.ANATOMY,
        draw=draw,
        supports=_some_show("initial", choice),
        caption=f"Figure {number}. Distribution of the initial weights of tickets"
        f"{which}, layer by layer. A line per share of the weights that remains, that"
        f" of the dense network shaded,{POOLED}",
    )


FIGURE_15 = _initial_weights(15, "", _not_by_sgd, figure_15)
FIGURE_16 = _initial_weights(16, " found by SGD", _by_sgd, figure_16)


@drawn_of_runs
def figure_19(runs: Runs) -> "Figure":
    """Plot how far the dense network's weights move, those of the ticket and others.

    The distance is that of initial and trained weight, of the ticket nearest to 16.88 %
    of the weights. Replicates are pooled, the area below each line is 1. Where many
    weights do not move at all, the line leaves the panel, and their share is written
    beside it.

    Args:
        runs: with ``anatomy`` of a level above 0.

    Reference:
        Frankle & Carbin, "The Lottery Ticket Hypothesis" (2019), figure 19.
    """
    return _movement(runs, "distance", "distance moved in training")


FIGURE_19 = Exhibit(
    name="figure_19",
    topic=Topic.ANATOMY,
    draw=figure_19,
    supports=_some_show("distance"),
    caption=f"Figure 19. How far training moves the weights{APART}",
)


@drawn_of_runs
def figure_20(runs: Runs) -> "Figure":
    """Plot how much the weights' magnitudes grow, as `figure_19` their distance.

    Reference:
        Frankle & Carbin, "The Lottery Ticket Hypothesis" (2019), figure 20.
    """
    return _movement(runs, "growth", "growth of magnitude in training")


FIGURE_20 = Exhibit(
    name="figure_20",
    topic=Topic.ANATOMY,
    draw=figure_20,
    supports=_some_show("growth"),
    caption="Figure 20. By how much training makes the magnitude of weights grow"
    f"{APART}",
)


@drawn_of_runs
def figure_21(runs: Runs) -> "Figure":
    """Plot which share of their incoming connections units keep, a panel per layer.

    A line per density, over units and replicates; the area below each is 1. Thin dashed
    lines are expected of random masks that keep as many weights of the layer.

    Args:
        runs: with ``anatomy`` of a level above 0; those trained by SGD are left to
            `figure_22`.

    Reference:
        Frankle & Carbin, "The Lottery Ticket Hypothesis" (2019), figure 21.

    Deviation:
        The lines of random masks are ours.
    """
    return _connections(_not_by_sgd(runs), "incoming")


@drawn_of_runs
def figure_22(runs: Runs) -> "Figure":
    """Plot what `figure_21` shows, of tickets that were found by SGD.

    Reference:
        Frankle & Carbin, "The Lottery Ticket Hypothesis" (2019), figure 22.
    """
    return _connections(_by_sgd(runs), "incoming")


@drawn_of_runs
def figure_23(runs: Runs) -> "Figure":
    """Plot which share of outgoing connections units keep, as `figure_21` incoming.

    Reference:
        Frankle & Carbin, "The Lottery Ticket Hypothesis" (2019), figure 23.
    """
    return _connections(_not_by_sgd(runs), "outgoing")


@drawn_of_runs
def figure_24(runs: Runs) -> "Figure":
    """Plot what `figure_23` shows, of tickets that were found by SGD.

    Reference:
        Frankle & Carbin, "The Lottery Ticket Hypothesis" (2019), figure 24.
    """
    return _connections(_by_sgd(runs), "outgoing")


def _units_keep(
    number: int, side: str, which: str, choice: Choice, draw: Any
) -> Exhibit:
    return Exhibit(
        name=f"figure_{number}",
        topic=Topic.ANATOMY,
        draw=draw,
        supports=_some_show(side, choice),
        caption=f"Figure {number}. Which share of their {side}{which}{OVER_UNITS}",
    )


SGD_UNITS = " (tickets found by SGD)"
FIGURE_21 = _units_keep(21, "incoming", "", _not_by_sgd, figure_21)
FIGURE_22 = _units_keep(22, "incoming", SGD_UNITS, _by_sgd, figure_22)
FIGURE_23 = _units_keep(23, "outgoing", "", _not_by_sgd, figure_23)
FIGURE_24 = _units_keep(24, "outgoing", SGD_UNITS, _by_sgd, figure_24)
FIGURES = (
    FIGURE_15,
    FIGURE_16,
    FIGURE_19,
    FIGURE_20,
    FIGURE_21,
    FIGURE_22,
    FIGURE_23,
    FIGURE_24,
)


def _colours_of(runs: Runs, what: str, targets: Sequence[float]) -> dict[str, str]:
    """Return a colour for every share of weights that is shown of any run."""
    shown = [
        levels_shown(run, what, targets) for run in runs.values() if shows(run, what)
    ]
    names = {name for levels in shown for name in levels.values()}
    rest = cycle(PALETTE)
    return {
        name: INK if name == DENSE else next(rest)
        for name in sorted(names, key=lambda text: -float(text[:-2]))
    }


def _initial(runs: Runs) -> "Figure":
    colours = _colours_of(runs, "initial", DENSITIES)
    grid, columns = grid_of(runs, "initial")
    lines = [_surviving(panel, colours) if panel else [] for panel in grid]
    return _figure(grid, columns, lines, "initial weight")


def _surviving(panel: LayerPanel, colours: Mapping[str, str]) -> list[Distribution]:
    rows = panel.rows[panel.rows["part"] == "kept"]
    lines = []
    for level, name in levels_shown(panel.run, "initial", DENSITIES).items():
        bins = pooled(rows[rows["level"] == level])
        tint = DIM if name == DENSE else 0.0
        lines += _fitted(Distribution(bins, name, colours[name], tint))
    return lines


def _moved(panel: LayerPanel, what: str) -> list[Distribution]:
    ((level, share),) = levels_shown(panel.run, what, [MOVED]).items()
    rows = panel.rows[panel.rows["level"] == level]
    parts = {
        "other": ("other weights", OTHER),
        "kept": (f"weights of the ticket ({share})", TICKET),
    }
    lines = []
    for part, (name, colour) in parts.items():
        lines += _fitted(
            Distribution(pooled(rows[rows["part"] == part]), name, colour, DIM)
        )
    return lines


def _fitted(line: Distribution) -> list[Distribution]:
    """Return the line with bins as its numbers ask for; none if it has no numbers."""
    if not line.bins.counts.any():
        return []
    return [line._replace(bins=joined(line.bins, grouping(line.bins)))]


def _kept(
    panel: LayerPanel, what: str, colours: Mapping[str, str]
) -> list[Distribution]:
    lines = []
    for level, name in levels_shown(panel.run, what, DENSITIES[1:]).items():
        rows = panel.rows[panel.rows["level"] == level]
        found = shares(rows)
        n = grouping(found)
        random = joined(at_random(rows), n)
        lines.append(Distribution(random, "", colours[name], dashed=True))
        lines.append(Distribution(joined(found, n), name, colours[name], DIM))
    return lines


def _movement(runs: Runs, what: str, label: str) -> "Figure":
    grid, columns = grid_of(runs, what)
    lines = [_moved(panel, what) if panel else [] for panel in grid]
    figure = _figure(grid, columns, lines, label, MIDDLE)
    for ax, here in zip(figure.axes, lines, strict=True):
        _cut_peaks(ax, here)
    return figure


def _connections(runs: Runs, side: str) -> "Figure":
    grid, columns = grid_of(runs, side)
    colours = _colours_of(runs, side, DENSITIES[1:])
    lines = [_kept(panel, side, colours) if panel else [] for panel in grid]
    return _figure(grid, columns, lines, f"share of {side} connections that remain")


def _figure(
    grid: Sequence[LayerPanel | None],
    columns: int,
    lines: Sequence[Sequence[Distribution]],
    label: str,
    window: float = 1.0,
) -> "Figure":
    """Draw lines in panels.

    Args:
        grid: panels, or empty places.
        columns: how many stand in a row.
        lines: of each panel.
        label: of the x axes.
        window: share of the numbers that the x axes show, in the middle.
    """
    titles = [panel.title if panel else "" for panel in grid]
    figure, axes = panels(titles, columns)
    for ax, here in zip(axes, lines, strict=True):
        ax.set_visible(bool(here))
        for line in here:
            _draw(ax, line)
        if here:
            _x_axis(ax, here, window)
        ax.set_ylim(bottom=0)
        ax.set_xlabel(label)
        if is_first_in_row(ax):
            ax.set_ylabel("density")
    if any(line.dashed for here in lines for line in here):
        axes[0].plot([], [], label="random masks", **_dashes(INK))
    legend(figure, axes)
    replicates = {panel.rows["replicate"].nunique() for panel in grid if panel}
    shown = f"x: the middle {100 * window:g} % of the weights" if window < 1 else ""
    note(figure, f"{replicates_text(replicates)}, pooled", shown)
    return figure


def _draw(ax: "Axes", line: Distribution) -> None:
    x, y = curve(line.bins)
    if line.dashed:
        ax.plot(x, y, **_dashes(line.colour))
        return
    ax.plot(x, y, color=line.colour, linewidth=1.7, label=line.name, zorder=3)
    if line.tint:
        ax.fill_between(x, y, color=line.colour, alpha=line.tint, linewidth=0)


def _dashes(colour: str) -> dict[str, Any]:
    return {"color": colour, "linewidth": 1.0, "dashes": (4, 2), "zorder": 2.5}


def _x_axis(ax: "Axes", lines: Sequence[Distribution], window: float) -> None:
    """Fit x to a share of the numbers; it starts at 0 if none are below."""
    from matplotlib.ticker import MaxNLocator

    bins = [line.bins for line in lines]
    if window < 1:
        ends = [reach(each, window) for each in bins]
    else:
        ends = [curve(each)[0][[0, -1]] for each in bins]
    low, high = np.min(ends), np.max(ends)
    if any(each.edges[0] < -np.diff(each.edges).max() for each in bins):
        margin = 0.06 * (high - low)
        ax.set_xlim(low - margin, high + margin)
        ax.axvline(0, color=ZERO, linewidth=0.8, zorder=1)
    else:
        ax.set_xlim(min(low, -0.02 * high), 1.04 * high)
    ax.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))


def _cut_peaks(ax: "Axes", lines: Sequence[Distribution]) -> None:
    """End the y axis below peaks at 0 that dwarf the rest; write their share beside."""
    peaks = []
    for line in lines:
        edges, counts = line.bins
        total, width = counts.sum(), np.diff(edges).max()
        near = np.abs(edges[1:] + edges[:-1]) / 2 < width
        density = counts / (total * np.diff(edges))
        heights = density[near].max(initial=0), density[~near].max()
        share = counts[near].sum() / total
        peaks.append(Peak(*heights, share, width, line.colour))
    end = 1.1 * max((each.beside for each in peaks), default=0.0)
    if not end or all(each.height <= DWARFS * each.beside for each in peaks):
        return
    ax.set_ylim(0, end)
    cut = [each for each in peaks if each.height > end]
    for i, each in enumerate(cut):
        ax.annotate(
            f"{100 * each.share:.0f} % near 0",
            (1.5 * max(one.width for one in cut), 1),
            xycoords=("data", "axes fraction"),
            xytext=(6, -2 - 14 * i),
            textcoords="offset points",
            verticalalignment="top",
            color=each.colour,
        )
