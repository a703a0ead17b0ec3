"""What it changes to which step, and how, pruned networks are rewound."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..results import by_level, spreads
from ..study.copies import DATA_ORDER
from ..types import END
from .density import Baseline, Series, draw_by_density
from .rules import by_step, in_words, method, rule_of
from .stability import ANGLES, DISTANCES, Measure, sparsest
from .style import (
    COLOURS,
    INK,
    MORE_COLOURS,
    colour_of,
    draw_level,
    draw_means,
    kinds,
    label,
    legend,
    panels,
    style,
)

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ..store.read import Run

AT_END = "test_accuracy_final"
BARRIERS = (
    Measure("test_barrier", DATA_ORDER, "Test error barrier (%)"),
    Measure("train_barrier", DATA_ORDER, "Training error barrier (%)"),
)
STABLE = 2.0
"""Barrier, in percent of error, below which networks are stable to data order."""
METHODS = {
    "weight rewinding": "-",
    "learning-rate rewinding": "--",
    "fine-tuning": ":",
    "mixed rewinding": "-.",
}
"""The line of each way to train pruned networks again, in the order of the legend."""


class Panel(NamedTuple):
    """A column of a table against the step rewound to.

    Attributes:
        title: in words.
        rows: of a table, with a column ``step``.
        column: of it.
        scale: 100 shows fractions in percent.
        level: value to compare with and its name.
    """

    title: str
    rows: "pd.DataFrame"
    column: str
    scale: float = 1.0
    level: tuple[float, str] | None = None


def figure_rewinding_stability(runs: Mapping[str, "Run"]) -> "Figure":
    """Plot distances, and accuracy at the end, against the step rewound to.

    Lines are means over pairs of networks (accuracy: over networks), bars their min and
    max, all at the sparsest level that was measured in all runs.

    Args:
        runs: a sweep over ``rewind.weights``, with copies under several data orders.

    Reference:
        Frankle et al., "Stabilizing the Lottery Ticket Hypothesis" (2020), figure 4.
    """
    steps = by_step(runs)
    accuracy = Panel(
        "Test accuracy at the last step (%)",
        _joined(steps, "summary"),
        AT_END,
        100,
        (100 * _dense_accuracy(next(iter(steps.values()))), "dense"),
    )
    return _against_step([*_compared(steps, DISTANCES), accuracy])


def figure_rewinding_angle(runs: Mapping[str, "Run"]) -> "Figure":
    """Plot angles against the step rewound to, as `figure_rewinding_stability`.

    Reference:
        Frankle et al., "Stabilizing the Lottery Ticket Hypothesis" (2020), figure 4
        with the measure of appendix B.
    """
    return _against_step(_compared(by_step(runs), ANGLES))


def figure_barrier(runs: Mapping[str, "Run"]) -> "Figure":
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
    compared = _compared(by_step(runs), BARRIERS)
    return _against_step([panel._replace(scale=100, level=line) for panel in compared])


def figure_rewinding_accuracy(runs: Mapping[str, "Run"]) -> "Figure":
    """Plot accuracy at the end against density, of networks rewound to several steps.

    A panel per kind of network that was trained at several levels, a line per step;
    `figure_rewinding_stability` has those of one level. Lines are means over networks,
    bars their min and max, as in `figure_4`.

    Args:
        runs: a sweep over ``rewind.weights``.

    Reference:
        Frankle et al., "Stabilizing the Lottery Ticket Hypothesis" (2020), figures 5
        and 8.
    """
    import pandas as pd
    from matplotlib import colormaps
    from matplotlib.colors import to_hex

    steps = by_step(runs)
    tables = [run.summary for run in steps.values()]
    shown = _at_several_levels(pd.concat(tables))
    # From early, dark, to late, light.
    shades = colormaps["viridis"](np.linspace(0, 0.88, len(steps)))
    colours = list(map(to_hex, shades))
    names = [f"step {step:,}" for step in steps]
    with style():
        figure, axes = panels([f"{label(kind)}s".capitalize() for kind in shown])
        for ax, kind in zip(axes, shown, strict=True):
            lines = [
                Series(name, table, kind, colour, "-")
                for name, table, colour in zip(names, tables, colours, strict=True)
                if kind in set(table["kind"])
            ]
            draw_by_density(ax, lines, [Baseline("dense", tables[0], INK)], AT_END)
        axes[0].set_ylabel("test accuracy at the last step (%)")
        _share_y(axes)
        legend(figure, axes)
        return figure


def figure_retraining(runs: Mapping[str, "Run"]) -> "Figure":
    """Plot the accuracy of pruned networks by how they were trained again.

    A line per run: weight rewinding, learning-rate rewinding or fine-tuning. Lines are
    means over tickets, bars their min and max. At the right, the accuracy of the dense
    network of the same replicate is subtracted.

    Args:
        runs: that differ in ``rewind``.

    Reference:
        Renda et al., "Comparing Rewinding and Fine-tuning in Neural Network Pruning"
        (2020), section 4.
    """
    order = [*METHODS]
    shown = sorted(
        runs, key=lambda name: (order.index(method(runs[name])), _start(runs[name]))
    )
    words = [in_words(runs[name]) for name in shown]
    names = words if len(set(words)) == len(words) else shown
    tables = [_with_gain(runs[name].summary) for name in shown]
    colours = [*COLOURS.values(), *MORE_COLOURS]
    lines = [
        Series(
            names[i],
            tables[i],
            "ticket",
            colours[i % len(colours)],
            METHODS[method(runs[name])],
        )
        for i, name in enumerate(shown)
    ]
    dense = [Baseline("dense", tables[0], INK)]
    titles = (
        "Test accuracy at the last step (%)",
        "Minus the dense network's (points)",
    )
    with style():
        figure, axes = panels(titles)
        draw_by_density(axes[0], lines, dense, AT_END)
        draw_by_density(axes[1], lines, dense, "accuracy_gain")
        legend(figure, axes)
        return figure


def _at_several_levels(summary: "pd.DataFrame") -> list[str]:
    """Return the kinds with a line to draw; tickets are always among them."""
    pruned = summary[summary["level"] > 0]
    levels = pruned.groupby("kind")["level"].nunique()
    found = [kind for kind in kinds(pruned) if levels[kind] > 1 and kind != "chain"]
    return list(dict.fromkeys(["ticket", *found]))


def _start(run: "Run") -> float:
    """Return the step at which the schedule of pruned networks begins."""
    clock = rule_of(run)[1]
    return float("inf") if clock == END else clock


def _with_gain(summary: "pd.DataFrame") -> "pd.DataFrame":
    """Return the summary with what each network is more accurate than its dense one."""
    dense = summary[(summary["level"] == 0) & (summary["kind"] == "ticket")]
    before = summary["replicate"].map(dense.set_index("replicate")[AT_END])
    return summary.assign(accuracy_gain=summary[AT_END] - before)


def _dense_accuracy(run: "Run") -> float:
    dense = by_level(run.summary, "ticket", AT_END).query("level == 0")
    return float(dense["mean"].mean())


def _joined(steps: Mapping[int, "Run"], table: str) -> "pd.DataFrame":
    """Return the rows of all runs at the level compared, with a column ``step``."""
    import pandas as pd

    return pd.concat(
        rows[rows["level"] == level].assign(step=step)
        for step, level in sparsest(steps).items()
        for rows in [getattr(steps[step], table)]
    )


def _compared(steps: Mapping[int, "Run"], measures: Sequence[Measure]) -> list[Panel]:
    rows = _joined(steps, "stability")
    return [
        Panel(measure.title, rows[rows["cause"] == measure.cause], measure.column)
        for measure in measures
    ]


def _against_step(shown: Sequence[Panel]) -> "Figure":
    """Plot panels, a line per kind of which pairs were compared."""
    compared = kinds(shown[0].rows)
    steps = np.unique(np.concatenate([panel.rows["step"] for panel in shown]))
    with style():
        figure, axes = panels([panel.title for panel in shown])
        for ax, panel in zip(axes, shown, strict=True):
            for kind in compared:
                rows = panel.rows[panel.rows["kind"] == kind]
                found = panel.scale * spreads(rows, "step", panel.column)
                values = found[["mean", "min", "max"]].to_numpy().T
                colour = colour_of(kind)
                draw_means(
                    ax, found.index.to_numpy(float), values, kind, label(kind), colour
                )
            if panel.level:
                draw_level(ax, *panel.level)
            if panel.column != AT_END:
                ax.set_ylim(bottom=-0.02 * ax.get_ylim()[1])
            _step_axis(ax, steps)
        legend(figure, axes)
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


def _share_y(axes: Sequence[Any]) -> None:
    ends = np.array([ax.get_ylim() for ax in axes])
    for ax in axes:
        ax.set_ylim(ends[:, 0].min(), ends[:, 1].max())
