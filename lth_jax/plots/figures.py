"""The figures of the paper, each a function of loaded runs."""

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

from .density import draw_by_density, series_of
from .during import Shown, draw_during
from .style import legend, panels, style

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from ..runs import Run

Runs = Mapping[str, "Run"]
"""Loaded runs by name of the variant; a single run is a mapping of one."""

STOP = ("early_stop_step", "Early-stop step")
TEST_AT_STOP = ("test_accuracy_es", "Test accuracy at early stop (%)")
TEST_AT_END = ("test_accuracy_final", "Test accuracy at the last step (%)")
TRAIN_AT_END = ("train_accuracy_final", "Training accuracy at the last step (%)")
EARLY_AND_LATE = (STOP, TEST_AT_STOP, TEST_AT_END, TRAIN_AT_END)
DURING: Sequence[Shown] = (
    {"ticket": (1.0, 0.513, 0.211)},
    {"ticket": (1.0, 0.211, 0.070, 0.036, 0.019)},
    {"ticket": (1.0, 0.513, 0.211), "random_reinit": (0.513, 0.211)},
)
"""The lines of the three panels of figures 3 and 11."""
DURING_TITLES = ("Lightly pruned", "Further pruned", "Tickets and reinits")
SNAPSHOTS = {"vgg19": (30_000, 60_000, 112_480), "resnet18": (10_000, 20_000, 30_000)}
"""Steps at which figures 7 and 8 look, the last one the end of training."""


def figure_1(runs: Runs) -> "Figure":
    """Plot early stop and accuracy there, of tickets and of random sparse networks.

    Args:
        runs: with controls of kind ``shuffle_mask``; the paper has four networks.

    Example:
        >>> from lth_jax.runs import load_variants  # doctest: +SKIP
        >>> figure_1(load_variants("runs/lth_figure_1-1a2b3c4d"))  # doctest: +SKIP

    Reference:
        Frankle & Carbin, "The Lottery Ticket Hypothesis" (2019), figure 1.
    """
    return _by_density(runs, (STOP, TEST_AT_STOP), ("ticket", "shuffle_mask"))


def figure_3(runs: Runs) -> "Figure":
    """Plot test accuracy during training at a few densities.

    Tickets are solid, reinits of the same density dashed in the same colour: means over
    networks, bands from min to max. The levels are those of the run nearest to the
    paper's densities. The steps shown are twice those the dense network needs to its
    early stop; the y axis fits the means after the first quarter of them.

    Args:
        runs: one run.

    Reference:
        Frankle & Carbin, "The Lottery Ticket Hypothesis" (2019), figure 3.

    Deviation:
        The paper's x axis ends at 15,000 steps; ours follows the run.
    """
    return _during(runs, "test", "accuracy", "test accuracy (%)")


def figure_4(runs: Runs) -> "Figure":
    """Plot early stop, accuracy there, and accuracy at the end, against density.

    Lines are means over all networks of a kind that have a number, bars their min and
    max. Every line starts at the dense network, which is also a thin horizontal line.
    Runs that prune in one shot have, as in the paper's part (c), a linear x axis.

    Args:
        runs: one, or several such as iterative and one-shot.

    Returns:
        A figure of four panels; ``render`` makes a file of it.

    Reference:
        Frankle & Carbin, "The Lottery Ticket Hypothesis" (2019), figure 4; the training
        accuracy is of its text.
    """
    return _by_density(runs, EARLY_AND_LATE)


def figure_5(runs: Runs) -> "Figure":
    """Plot what `figure_4` shows, of convolutional networks.

    Reference:
        Frankle & Carbin, "The Lottery Ticket Hypothesis" (2019), figures 5 and 13.

    Deviation:
        Training accuracy is at the last step (the paper's figure 13); figure 5 has it
        at early stop.
    """
    return _by_density(runs, EARLY_AND_LATE)


def figure_6(runs: Runs) -> "Figure":
    """Plot early stop and accuracy there, of tickets trained with dropout.

    Reference:
        Frankle & Carbin, "The Lottery Ticket Hypothesis" (2019), figure 6; the dashed
        lines there are the tickets of figure 5.
    """
    return _by_density(runs, (STOP, TEST_AT_STOP), ("ticket",))


def figure_7(runs: Runs) -> "Figure":
    """Plot the test accuracy of VGG-19 at three moments of training, against density.

    Of shorter runs, the same fractions of training are shown; of networks that were
    rewound and are evaluated at other steps, the nearest evaluation.

    Reference:
        Frankle & Carbin, "The Lottery Ticket Hypothesis" (2019), figure 7.
    """
    return _snapshots(runs, SNAPSHOTS["vgg19"])


def figure_8(runs: Runs) -> "Figure":
    """Plot the test accuracy of ResNet-18 as `figure_7` does that of VGG-19.

    Reference:
        Frankle & Carbin, "The Lottery Ticket Hypothesis" (2019), figure 8.
    """
    return _snapshots(runs, SNAPSHOTS["resnet18"])


def figure_11(runs: Runs) -> "Figure":
    """Plot validation loss during training: what early stop reads, as in `figure_3`.

    Args:
        runs: one run.

    Reference:
        Frankle & Carbin, "The Lottery Ticket Hypothesis" (2019), figure 11 (appendix
        C).
    """
    return _during(runs, "validation", "loss", "validation loss")


def _by_density(
    runs: Runs,
    columns: Sequence[tuple[str, str]],
    only: Collection[str] | None = None,
) -> "Figure":
    linear = all(_is_one_shot(run) for run in runs.values())
    with style():
        figure, axes = panels([title for _, title in columns])
        lines = series_of(runs, only)
        for ax, (column, _) in zip(axes, columns, strict=True):
            draw_by_density(ax, *lines, column, linear)
            if column == STOP[0]:
                ax.set_ylim(0, 1.04 * ax.get_ylim()[1])
                ax.yaxis.set_major_formatter("{x:,.0f}")
        legend(figure, axes)
        return figure


def _is_one_shot(run: "Run") -> bool:
    return bool(run.config.get("prune", {}).get("one_shot"))


def _snapshots(runs: Runs, steps: Sequence[int]) -> "Figure":
    """Show the evaluations nearest to some fractions of training."""
    fractions = [step / steps[-1] for step in steps]
    names = [f"accuracy at {i}" for i in range(len(steps))]
    nearest = [[_nearest(run, f) for f in fractions] for run in runs.values()]
    looked = {
        variant: run._replace(summary=_with_snapshots(run, names, mine))
        for (variant, run), mine in zip(runs.items(), nearest, strict=True)
    }
    titles = [
        f"Test accuracy after {' or '.join(f'{n:,}' for n in sorted(set(mine)))} steps"
        for mine in zip(*nearest, strict=True)
    ]
    return _by_density(looked, list(zip(names, titles, strict=True)))


def _nearest(run: "Run", fraction: float) -> int:
    steps = run.curves.query("level == 0")["step"].drop_duplicates()
    return int(steps[(steps - fraction * steps.max()).abs().idxmin()])


def _with_snapshots(
    run: "Run", names: Sequence[str], steps: Sequence[int]
) -> "pd.DataFrame":
    """Return the summary with columns of the test accuracy at some steps.

    Networks that were rewound may be evaluated at other steps: the nearest one counts.
    """
    network = ["level", "kind", "replicate", "draw"]
    tests, summary = run.curves[run.curves["split"] == "test"], run.summary
    apart = tests.query("level == 0")["step"].drop_duplicates().sort_values().diff()
    for name, step in zip(names, steps, strict=True):
        away = (tests["step"] - step).abs()
        near = away[away < apart.max()].groupby([tests[n] for n in network]).idxmin()
        column = tests.loc[near, [*network, "accuracy"]]
        summary = summary.merge(
            column.rename(columns={"accuracy": name}), on=network, how="left"
        )
    return summary


def _during(runs: Runs, split: str, column: str, name: str) -> "Figure":
    (run,) = runs.values()
    with style():
        figure, axes = panels(DURING_TITLES)
        axes[0].set_ylabel(name)
        draw_during(axes, run, split, column, DURING)
        legend(figure, axes)
        return figure
