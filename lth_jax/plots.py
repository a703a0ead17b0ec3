"""The paper's figures from the tables of a run (matplotlib's object API, no pyplot)."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from io import BytesIO
from itertools import cycle
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from .claims import by_level, density_text

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from .runs import Run

INK, PALE = "#24292f", "#e4e7eb"
STYLE: dict[Any, Any] = {
    "axes.axisbelow": True,
    "axes.edgecolor": "#8c959f",
    "axes.grid": True,
    "axes.labelcolor": INK,
    "axes.labelpad": 6,
    "axes.linewidth": 0.8,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlecolor": INK,
    "axes.titlelocation": "left",
    "axes.titlepad": 10,
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "figure.constrained_layout.h_pad": 0.08,
    "figure.constrained_layout.w_pad": 0.08,
    "figure.constrained_layout.wspace": 0.04,
    "figure.dpi": 100,
    "figure.facecolor": "white",
    "font.family": "DejaVu Sans",
    "font.size": 9.5,
    "grid.color": PALE,
    "grid.linewidth": 0.8,
    "legend.frameon": False,
    "legend.labelcolor": INK,
    "lines.solid_capstyle": "round",
    "savefig.dpi": 200,
    "svg.fonttype": "path",
    "svg.hashsalt": "lth_jax",
    "xtick.color": "#57606a",
    "ytick.color": "#57606a",
    "ytick.major.size": 0,
}
COLOURS = {
    "ticket": "#0072b2",
    "random_reinit": "#d55e00",
    "shuffle_mask": "#009e73",
    "keep_sign": "#cc79a7",
    "permute_init": "#e69f00",
}
"""The colour of each kind (Okabe and Ito's, safe for colour-blind readers)."""
MARKERS = dict(zip(COLOURS, "osD^v", strict=True))
DENSITIES = {
    "ticket": (1.0, 0.513, 0.211, 0.070, 0.036, 0.019),
    "random_reinit": (0.513, 0.211),
}
"""What the paper's figure 3 shows."""


class Line(NamedTuple):
    """Mean, min and max of several networks, along x."""

    x: np.ndarray
    mean: np.ndarray
    low: np.ndarray
    high: np.ndarray


def figure_4(run: "Run") -> "Figure":
    """Plot early-stop step and test accuracy at early stop against density.

    Lines are means over all networks of a kind that have a number, bars their min and
    max. Every line starts at the dense network, which is also a thin horizontal line.

    Args:
        run: a run directory, loaded.

    Returns:
        A figure of two panels; ``render`` makes a file of it.

    Example:
        >>> from lth_jax.runs import load_run  # doctest: +SKIP
        >>> figure_4(load_run("runs/mnist_lenet-1a2b3c4d"))  # doctest: +SKIP

    Reference:
        Frankle & Carbin, "The Lottery Ticket Hypothesis" (2019), figure 4.
    """
    with _style():
        figure, (steps, accuracies) = _panels(
            ("Early-stop step", "Test accuracy at early stop (%)")
        )
        _draw_by_density(steps, run.summary, "early_stop_step", 1)
        _draw_by_density(accuracies, run.summary, "test_accuracy_es", 100)
        steps.set_ylim(0, 1.04 * steps.get_ylim()[1])
        steps.yaxis.set_major_formatter("{x:,.0f}")
        _legend(figure, steps)
        return figure


def figure_variants(runs: Mapping[str, "Run"]) -> "Figure":
    """Plot what `figure_4` shows for the variants of a sweep, side by side.

    Args:
        runs: loaded runs by name of the variant.

    Returns:
        A figure with a column per variant; rows share their y axis.

    Reference:
        Frankle & Carbin, "The Lottery Ticket Hypothesis" (2019), figures 1, 5 and 6;
        figures 7 and 8 show accuracy alone.
    """
    from matplotlib.figure import Figure

    with _style():
        figure = Figure(figsize=(max(4.8, 3.8 * len(runs)), 6.6), layout="constrained")
        axes = figure.subplots(2, len(runs), squeeze=False, sharey="row")
        for (name, run), (steps, accuracies) in zip(runs.items(), axes.T, strict=True):
            steps.set_title(name)
            _draw_by_density(steps, run.summary, "early_stop_step", 1)
            _draw_by_density(accuracies, run.summary, "test_accuracy_es", 100)
        axes[0, 0].set_ylim(0, None)
        axes[0, 0].set_ylabel("early-stop step")
        axes[0, 0].yaxis.set_major_formatter("{x:,.0f}")
        axes[1, 0].set_ylabel("test accuracy at early stop (%)")
        _legend(figure, axes[0, 0])
        return figure


def figure_3(run: "Run") -> "Figure":
    """Plot validation loss and test accuracy against the step, at a few densities.

    Tickets are solid, reinits of the same density dashed in the same colour: means over
    networks, bands from min to max. The levels are those of the run nearest to the
    paper's densities. The steps shown are twice those the dense network needs to its
    early stop; the y axis fits the means after the first quarter of them.

    Args:
        run: a run directory, loaded.

    Returns:
        A figure of two panels; ``render`` makes a file of it.

    Example:
        >>> from lth_jax.runs import load_run  # doctest: +SKIP
        >>> figure_3(load_run("runs/mnist_lenet-1a2b3c4d"))  # doctest: +SKIP

    Reference:
        Frankle & Carbin, "The Lottery Ticket Hypothesis" (2019), figure 3.

    Deviation:
        The paper shows test accuracy only; validation loss is what early stop reads.
    """
    with _style():
        figure, (losses, accuracies) = _panels(("Validation loss", "Test accuracy (%)"))
        _draw_by_step(losses, run, "validation", "loss", 1)
        _draw_by_step(accuracies, run, "test", "accuracy", 100)
        _legend(figure, losses)
        return figure


def render(figure: "Figure", form: Literal["svg", "png"]) -> bytes:
    """Return the figure as a file's content, the same bytes for the same figure.

    Example:
        >>> from matplotlib.figure import Figure
        >>> render(Figure(), "png")[1:4]
        b'PNG'
    """
    metadata = {"svg": {"Date": None, "Creator": None}, "png": {"Software": None}}
    buffer = BytesIO()
    with _style():
        figure.savefig(buffer, format=form, metadata=metadata[form])
    return buffer.getvalue()


def kinds(summary: "pd.DataFrame") -> list[str]:
    """Return the kinds of networks of a run, in the order in which they are shown.

    Example:
        >>> import pandas as pd
        >>> kinds(pd.DataFrame({"kind": ["shuffle_mask", "other", "ticket"]}))
        ['ticket', 'shuffle_mask', 'other']
    """
    present = set(summary["kind"])
    known = [kind for kind in COLOURS if kind in present]
    return known + sorted(present - set(COLOURS))


def label(kind: str) -> str:
    """Return a kind in words: ``random_reinit`` is a random reinit."""
    return kind.replace("_", " ")


def _style() -> AbstractContextManager[None]:
    import matplotlib

    return matplotlib.rc_context(STYLE)


def _panels(titles: Sequence[str]) -> tuple["Figure", "Sequence[Axes]"]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9.6, 4.3), layout="constrained")
    axes = figure.subplots(1, len(titles))
    for ax, title in zip(axes, titles, strict=True):
        ax.set_title(title)
        ax.grid(axis="x", visible=False)
    return figure, axes


def _legend(figure: "Figure", ax: "Axes") -> None:
    handles, labels = ax.get_legend_handles_labels()
    if handles:
        columns = len(labels) if len(labels) <= 5 else (len(labels) + 1) // 2
        figure.legend(handles, labels, loc="outside lower center", ncols=columns)


def _draw_by_density(
    ax: "Axes", summary: "pd.DataFrame", column: str, scale: float
) -> None:
    dense = by_level(summary, "ticket", column).query("level == 0")
    for kind in kinds(summary):
        line = _density_line(summary, kind, column, scale)
        ax.errorbar(
            line.x,
            line.mean,
            # A mean of equal values can lie beside them by a rounding.
            yerr=np.maximum((line.mean - line.low, line.high - line.mean), 0),
            label=label(kind),
            color=COLOURS.get(kind, INK),
            marker=MARKERS.get(kind, "P"),
            markersize=4.5,
            markeredgecolor="white",
            markeredgewidth=0.6,
            linewidth=1.7,
            elinewidth=1.0,
            capsize=0,
            zorder=4 if kind == "ticket" else 3,
        )
    for mean in dense["mean"]:
        ax.axhline(
            scale * mean,
            color=INK,
            linewidth=0.8,
            dashes=(4, 3),
            zorder=2,
            label="dense",
        )
    _density_axis(ax, summary["density"].to_numpy(dtype=float))


def _density_line(
    summary: "pd.DataFrame", kind: str, column: str, scale: float
) -> Line:
    """Return a kind's line over percent of weights, with the dense network first."""
    import pandas as pd

    dense = by_level(summary, "ticket", column).query("level == 0")
    rows = pd.concat([dense, by_level(summary, kind, column).query("level > 0")])
    rows = rows[rows["density"] > 0]
    columns = rows[["density", "mean", "min", "max"]].to_numpy(dtype=float)
    return Line(*(columns * [100, scale, scale, scale]).T)


def _density_axis(ax: "Axes", densities: np.ndarray) -> None:
    """Make x logarithmic, falling from 100 %, with ticks at densities of the run."""
    from matplotlib.ticker import NullLocator

    levels = np.unique(densities[densities > 0])[::-1]
    ticks = levels[:1]
    # A little less than an eighth of the axis: nine evenly spaced levels all fit.
    spacing = np.log(levels.max() / levels.min()) / 8.1 if levels.size else 0
    for density in levels[1:]:
        if np.log(ticks[-1] / density) > spacing:
            ticks = np.append(ticks, density)
    ax.set_xscale("log")
    ax.set_xticks(100 * ticks, [density_text(tick)[:-2] for tick in ticks])
    ax.xaxis.set_minor_locator(NullLocator())
    ax.set_xlabel("weights remaining (%)")
    ax.invert_xaxis()


def _draw_by_step(
    ax: "Axes", run: "Run", split: str, column: str, scale: float
) -> None:
    last = _last_step(run)
    curves = run.curves.query("split == @split and step <= @last")
    shown = _shown(run.summary)
    colours = _level_colours(sorted({level for _, level, _ in shown}))
    lines = []
    for kind, level, density in shown:
        rows = curves[(curves["kind"] == kind) & (curves["level"] == level)]
        line = _step_line(rows, column, scale)
        plain = kind == "ticket"
        ax.plot(
            line.x,
            line.mean,
            color=colours[level],
            linestyle="-" if plain else (0, (3, 1.5)),
            linewidth=1.7,
            label=density_text(density) + ("" if plain else f" {label(kind)}"),
        )
        ax.fill_between(
            line.x, line.low, line.high, color=colours[level], alpha=0.12, linewidth=0
        )
        lines.append(line)
    _fit_y(ax, lines, last / 4)
    ax.set_xlim(0, last)
    ax.xaxis.set_major_formatter("{x:,.0f}")
    ax.set_xlabel("step")


def _shown(summary: "pd.DataFrame") -> list[tuple[str, int, float]]:
    """Return kind, level and density of each line of figure 3."""
    shown = []
    for kind, targets in DENSITIES.items():
        rows = summary[(summary["kind"] == kind) & (summary["density"] > 0)]
        densities = rows.groupby("level")["density"].mean()
        if not densities.empty:
            ratios = [np.abs(np.log(densities / target)) for target in targets]
            levels = sorted({int(ratio.idxmin()) for ratio in ratios})
            shown += [(kind, level, densities[level]) for level in levels]
    return shown


def _level_colours(levels: Sequence[int]) -> dict[int, str]:
    """Return a colour per level, in order of density; the dense one is ink."""
    pruned = [level for level in levels if level > 0]
    return {0: INK, **dict(zip(pruned, cycle(COLOURS.values()), strict=False))}


def _last_step(run: "Run") -> float:
    """Return twice the dense network's early-stop step, at most the run's last step."""
    last = run.curves["step"].max() if len(run.curves) else 1
    stops = by_level(run.summary, "ticket", "early_stop_step").query("level == 0")
    return min([last, *(2 * stop for stop in stops["mean"] if stop > 0)])


def _step_line(rows: "pd.DataFrame", column: str, scale: float) -> Line:
    finite = rows[np.isfinite(rows[column].to_numpy(dtype=float))]
    table = finite.groupby("step")[column].agg(["mean", "min", "max"])
    return Line(table.index.to_numpy(), *(scale * table.to_numpy(dtype=float)).T)


def _fit_y(ax: "Axes", lines: Sequence[Line], start: float) -> None:
    """Fit y to the means from a step on: untrained networks would squash the rest."""
    values = [value for line in lines for value in line.mean[line.x >= start]]
    if values and min(values) < max(values):
        margin = 0.06 * (max(values) - min(values))
        ax.set_ylim(min(values) - margin, max(values) + margin)
