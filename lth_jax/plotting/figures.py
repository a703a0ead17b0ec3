"""The figures of the paper, each a function of loaded runs."""

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from .density import (
    STOP,
    TEST_AT_END,
    TEST_AT_STOP,
    TRAIN_AT_END,
    draw_by_density,
    from_zero,
    series_of,
)
from .during import Shown, draw_during
from .exhibits import Runs
from .moments import MOMENTS, moment_titles, moments_of, with_moments
from .style import legend, panels, style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ..store.read import Run

EARLY_AND_LATE = (STOP, TEST_AT_STOP, TEST_AT_END, TRAIN_AT_END)
DURING: Sequence[Shown] = (
    {"ticket": (1.0, 0.513, 0.211)},
    {"ticket": (1.0, 0.211, 0.070, 0.036, 0.019)},
    {"ticket": (1.0, 0.513, 0.211), "random_reinit": (0.513, 0.211)},
)
"""The lines of the three panels of figures 3 and 11."""
DURING_TITLES = ("Lightly pruned", "Further pruned", "Tickets and reinits")


def figure_1(runs: Runs) -> "Figure":
    """Plot early stop and accuracy there, of tickets and of random sparse networks.

    Args:
        runs: with controls of kind ``shuffle_mask``; the paper has four networks.

    Example:
        >>> from lth_jax.store.read import load_variants  # doctest: +SKIP
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
    return _snapshots(runs, "vgg19")


def figure_8(runs: Runs) -> "Figure":
    """Plot the test accuracy of ResNet-18 as `figure_7` does that of VGG-19.

    Reference:
        Frankle & Carbin, "The Lottery Ticket Hypothesis" (2019), figure 8.
    """
    return _snapshots(runs, "resnet18")


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
                from_zero(ax)
        legend(figure, axes)
        return figure


def _is_one_shot(run: "Run") -> bool:
    return bool(run.config.get("prune", {}).get("one_shot"))


def _snapshots(runs: Runs, network: str) -> "Figure":
    """Show the evaluations nearest to some fractions of training."""
    nearest = [moments_of(run, network) for run in runs.values()]
    names = [f"accuracy at {i}" for i in range(len(MOMENTS[network]))]
    looked = {
        variant: run._replace(summary=with_moments(run, names, mine))
        for (variant, run), mine in zip(runs.items(), nearest, strict=True)
    }
    titles = moment_titles("Test", nearest)
    return _by_density(looked, list(zip(names, titles, strict=True)))


def _during(runs: Runs, split: str, column: str, name: str) -> "Figure":
    (run,) = runs.values()
    with style():
        figure, axes = panels(DURING_TITLES)
        axes[0].set_ylabel(name)
        draw_during(axes, run, split, column, DURING)
        legend(figure, axes)
        return figure
