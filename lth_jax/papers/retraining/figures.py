"""The paper's figure of three ways to train pruned networks again."""

from typing import TYPE_CHECKING

from ...plotting.density import (
    TEST_AT_END,
    Baseline,
    Series,
    bars_text,
    draw_by_density,
)
from ...plotting.figure import LINES, Exhibit, Runs, Topic, drawn_of_runs
from ...plotting.kinds import look_of
from ...plotting.rewinding import are_alike, in_words, method, rewinding_of
from ...plotting.style import INK, PALETTE, legend, note, panels
from ...store.read import Run
from ...types import END

if TYPE_CHECKING:
    from matplotlib.figure import Figure

METHODS = {
    "weight rewinding": "-",
    "learning-rate rewinding": "--",
    "fine-tuning": ":",
    "mixed rewinding": "-.",
}
"""The line of each way to train pruned networks again, in the order of the legend."""
ACCURACY = TEST_AT_END[0]
GAIN = ("accuracy_gain", "Minus the dense network's (points)")


@drawn_of_runs
def figure_retraining(runs: Runs) -> "Figure":
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
    lines = []
    for i, (variant, name) in enumerate(zip(shown, names, strict=True)):
        run = runs[variant]
        look = look_of("ticket")._replace(
            name=name, colour=PALETTE[i % len(PALETTE)], dashes=METHODS[method(run)]
        )
        lines.append(Series(_with_gain(run), "ticket", look))
    dense = [Baseline("dense", lines[0].run, INK)]
    columns = (TEST_AT_END, GAIN)
    figure, axes = panels([title for _, title in columns])
    for ax, (column, _) in zip(axes, columns, strict=True):
        draw_by_density(ax, lines, dense, column)
    legend(figure, axes)
    note(figure, bars_text(lines, ACCURACY))
    return figure


def _start(run: Run) -> float:
    """Return the step at which the schedule of pruned networks begins."""
    _, clock, _ = rewinding_of(run)
    return float("inf") if clock == END else clock


def _with_gain(run: Run) -> Run:
    """Return the run with what each network is more accurate than its dense one."""
    summary = run.summary
    dense = summary[(summary["level"] == 0) & (summary["kind"] == "ticket")]
    before = summary["replicate"].map(dense.set_index("replicate")[ACCURACY])
    gain = {GAIN[0]: summary[ACCURACY] - before}
    return run._replace(summary=summary.assign(**gain))


def _differ_in_method(runs: Runs) -> bool:
    """Tell whether runs differ in how they train again, and in nothing before that."""
    return len(set(map(method, runs.values()))) > 1 and are_alike(runs.values())


RETRAINING = Exhibit(
    name="retraining",
    topic=Topic.REWINDING,
    draw=figure_retraining,
    supports=_differ_in_method,
    caption="Retraining. Test accuracy at the last step of tickets that go back to"
    " earlier weights (weight rewinding), keep their trained weights and go back to an"
    " earlier learning rate (learning-rate rewinding), or train on at the last one"
    " (fine-tuning). At the right, less the accuracy of the dense network of the same"
    f" replicate.{LINES} After Renda et al. (2020), Comparing Rewinding and Fine-tuning"
    " in Neural Network Pruning.",
)
FIGURES = (RETRAINING,)
