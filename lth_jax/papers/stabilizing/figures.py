"""The paper's figures of accuracy and stability of rewound networks."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ...plotting.against_step import (
    StepPanel,
    closeness_panels,
    draw_against_step,
    rows_by_step,
)
from ...plotting.comparisons import (
    ANGLES,
    CLOSENESS,
    DISTANCES,
    OVER_PAIRS,
    ClosenessColumn,
    SideBySide,
    groups_of,
    has_pairs,
    is_measured_sweep,
    pairs_text,
)
from ...plotting.density import (
    TEST_AT_END,
    Baseline,
    Series,
    bars_text,
    dense_mean,
    draw_by_density,
)
from ...plotting.figure import LINES, Exhibit, Runs, Topic, drawn_of_runs
from ...plotting.kinds import kinds, label, look_of
from ...plotting.rewinding import by_step, sweep_of
from ...plotting.style import EXTREMES, INK, bars, legend, lowered, note, panels
from ...results import spreads

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PAPER = " of Frankle et al. (2020), Stabilizing the Lottery Ticket Hypothesis."
AT_END, AT_END_TITLE = TEST_AT_END


@drawn_of_runs
def figure_rewinding_accuracy(runs: Runs) -> "Figure":
    """Plot accuracy at the end against density, of networks rewound to several steps.

    A panel per kind of network that was trained at several levels, a line per step;
    `figure_rewinding_stability` has those of one level. Lines are means over networks,
    bars their min and max.

    Args:
        runs: a sweep over ``rewind.weights``.

    Reference:
        Frankle et al., "Stabilizing the Lottery Ticket Hypothesis" (2020), figures 5
        and 8.
    """
    import pandas as pd
    from matplotlib import colormaps
    from matplotlib.colors import to_hex

    steps = sweep_of(runs)
    first, drawn = next(iter(steps.values())), list[Series]()
    shown = _at_several_levels(pd.concat(run.summary for run in steps.values()))
    # From early, dark, to late, light.
    shades = colormaps["viridis"](np.linspace(0, 0.88, len(steps)))
    colours = list(map(to_hex, shades))
    names = [f"step {step:,}" for step in steps]
    figure, axes = panels([f"{label(kind)}s".capitalize() for kind in shown])
    for ax, kind in zip(axes, shown, strict=True):
        lines = [
            Series(run, kind, look_of(kind)._replace(name=name, colour=colour))
            for name, run, colour in zip(names, steps.values(), colours, strict=True)
            if kind in set(run.summary["kind"])
        ]
        draw_by_density(ax, lines, [Baseline("dense", first, INK)], AT_END)
        drawn += lines
    axes[0].set_ylabel(lowered(AT_END_TITLE))
    _share_y(axes)
    legend(figure, axes)
    note(figure, bars_text(drawn, AT_END))
    return figure


def _at_several_levels(summary: "pd.DataFrame") -> list[str]:
    """Return the kinds with a line to draw; tickets are always among them."""
    pruned = summary[summary["level"] > 0]
    levels = pruned.groupby("kind")["level"].nunique()
    found = [kind for kind in kinds(pruned) if levels[kind] > 1 and kind != "chain"]
    return list(dict.fromkeys(["ticket", *found]))


def _share_y(axes: Sequence["Axes"]) -> None:
    ends = np.array([ax.get_ylim() for ax in axes])
    for ax in axes:
        ax.set_ylim(ends[:, 0].min(), ends[:, 1].max())


REWINDING_ACCURACY = Exhibit(
    name="rewinding_accuracy",
    topic=Topic.REWINDING,
    draw=figure_rewinding_accuracy,
    supports=lambda runs: bool(by_step(runs)),
    caption="Rewinding and accuracy. Test accuracy at the last step, by the share of"
    " weights that remain and the step to which pruned networks are rewound."
    f"{LINES} As figures 5 and 8{PAPER}",
)


@drawn_of_runs
def figure_rewinding_stability(runs: Runs) -> "Figure":
    """Plot distances, and accuracy at the end, against the step rewound to.

    Lines are means over pairs of networks (accuracy: over networks), bars their min and
    max, all at the sparsest level that was measured in all runs.

    Args:
        runs: a sweep over ``rewind.weights``, with copies under several data orders.

    Reference:
        Frankle et al., "Stabilizing the Lottery Ticket Hypothesis" (2020), figure 4.
    """
    steps = sweep_of(runs)
    distances = closeness_panels(steps, DISTANCES)
    first = next(iter(steps.values()))
    dense = dense_mean(first, AT_END)
    accuracy = StepPanel(
        title=AT_END_TITLE,
        rows=rows_by_step(steps, "summary"),
        column=AT_END,
        scale=100,
        level=(dense[0], "dense") if dense else None,
        from_zero=False,
    )
    return draw_against_step([*distances, accuracy])


REWINDING_STABILITY = Exhibit(
    name="rewinding_stability",
    topic=Topic.STABILITY_BY_STEP,
    draw=figure_rewinding_stability,
    supports=lambda runs: is_measured_sweep(runs, "distance"),
    caption=f"Rewinding and stability. L2 distance{CLOSENESS}, and test accuracy, by"
    f" the step to which pruned networks are rewound. Lines are{OVER_PAIRS}. As figure"
    f" 4{PAPER}",
)


@drawn_of_runs
def figure_rewinding_angle(runs: Runs) -> "Figure":
    """Plot angles against the step rewound to, as `figure_rewinding_stability`.

    Reference:
        Frankle et al., "Stabilizing the Lottery Ticket Hypothesis" (2020), figure 4
        with the measure of appendix B.
    """
    return draw_against_step(closeness_panels(sweep_of(runs), ANGLES))


REWINDING_ANGLE = Exhibit(
    name="rewinding_angle",
    topic=Topic.STABILITY_BY_STEP,
    draw=figure_rewinding_angle,
    supports=lambda runs: is_measured_sweep(runs, "angle"),
    caption=f"Rewinding and angle. Angle{CLOSENESS}, by the step to which pruned"
    f" networks are rewound. Lines are{OVER_PAIRS}. As figure 4, with the measure of"
    f" appendix B,{PAPER}",
)


@drawn_of_runs
def figure_stability(runs: Runs) -> "Figure":
    """Plot distance and angle, of tickets and of controls, side by side.

    Columns are means over pairs of networks and replicates, bars their min and max. Of
    one run, every level that was measured is shown; of several, the sparsest level that
    was measured in all of them.

    Args:
        runs: with copies under several data orders (``stability.orders``).

    Reference:
        Frankle et al., "Stabilizing the Lottery Ticket Hypothesis" (2020), figures 3
        and 10.
    """
    groups, about = groups_of(runs, "stability")
    shown = (*DISTANCES, *ANGLES)
    figure, axes = panels([one.title for one in shown])
    for ax, one in zip(axes, shown, strict=True):
        _draw_columns(ax, groups, one)
        ax.set_ylim(bottom=0)
        _name_groups(ax, [group.name for group in groups])
        ax.set_xlabel(about)
    legend(figure, axes)
    note(figure, pairs_text([group.rows for group in groups]), EXTREMES)
    return figure


def _draw_columns(
    ax: "Axes", groups: Sequence[SideBySide], closeness: ClosenessColumn
) -> None:
    """Draw a column per kind in each group, and its bar."""
    import pandas as pd

    named = [group.rows.assign(group=i) for i, group in enumerate(groups)]
    rows = pd.concat(named)
    rows = rows[rows["cause"] == closeness.cause]
    shown = kinds(rows)
    width = 0.8 / max(len(shown), 1)
    for i, kind in enumerate(shown):
        found = spreads(rows[rows["kind"] == kind], "group", closeness.column)
        mean, low, high, _ = found.to_numpy().T
        ax.bar(
            found.index + (i - (len(shown) - 1) / 2) * width,
            mean,
            0.88 * width,
            yerr=bars(mean, low, high),
            color=look_of(kind).colour,
            label=label(kind),
            error_kw={"ecolor": INK, "elinewidth": 1.0, "capsize": 0},
        )


def _name_groups(ax: "Axes", names: Sequence[str]) -> None:
    """Write names below the groups, slanted or upright where they are long or many."""
    ax.set_xticks(range(len(names)), names)
    ax.tick_params(axis="x", length=0)
    margin = 1.2 if len(names) == 1 else 0.6
    ax.set_xlim(-margin, len(names) - 1 + margin)
    if sum(len(name) + 2 for name in names) > 56:
        slant = 30 if len(names) <= 12 else 90
        for text in ax.get_xticklabels():
            text.set(
                rotation=slant,
                rotation_mode="anchor",
                horizontalalignment="right",
                verticalalignment="center" if slant == 90 else "top",
            )


STABILITY = Exhibit(
    name="stability",
    topic=Topic.STABILITY,
    draw=figure_stability,
    supports=lambda runs: has_pairs(runs, "distance"),
    caption=f"Stability. L2 distance and angle{CLOSENESS}. Columns are{OVER_PAIRS}. As"
    f" figures 3 and 10{PAPER}",
)
FIGURES = (REWINDING_ACCURACY, REWINDING_STABILITY, REWINDING_ANGLE, STABILITY)
