"""Figures of the paper's main part, and figure 11."""

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from ....plotting.density import (
    STOP,
    TEST_AT_END,
    TEST_AT_STOP,
    TRAIN_AT_END,
    bars_text,
    draw_by_density,
    series_of,
)
from ....plotting.evaluations import at_fractions
from ....plotting.figure import (
    EARLY_STOP,
    LINES,
    Exhibit,
    Runs,
    Topic,
    drawn_of_runs,
    only,
)
from ....plotting.style import legend, note, panels
from ....plotting.training_curves import Shown, bands_text, draw_during
from ....results import network_name
from ....store.read import Run

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BY_DENSITY = f", by the share of weights that remain.{LINES}"
CURVES = (
    " during training, up to twice the dense network's early stop, at the run's levels"
    " nearest to those of the paper's figure. Lines are means over networks, bands"
    " reach from the least to the greatest value."
)
EARLY_AND_LATE = (STOP, TEST_AT_STOP, TEST_AT_END, TRAIN_AT_END)
STEPS_SHOWN = {"vgg19": (30_000, 60_000, 112_480), "resnet18": (10_000, 20_000, 30_000)}
"""Steps at which the paper shows accuracy, the last one the end of training."""
MOST_NETWORKS = 8
"""Figure 1 shows at most so many variants."""
CURVES_SHOWN: Sequence[Shown] = (
    {"ticket": (1.0, 0.513, 0.211)},
    {"ticket": (1.0, 0.211, 0.070, 0.036, 0.019)},
    {"ticket": (1.0, 0.513, 0.211), "random_reinit": (0.513, 0.211)},
)
"""The lines of the three panels of figures 3 and 11."""
CURVES_TITLES = ("Lightly pruned", "Further pruned", "Tickets and reinits")


# Which runs have which figure.


def _family(runs: Runs) -> str:
    """Return the kind of network that all runs train; "several" if they differ."""
    names = {run.config.get("model", {}).get("name", "") for run in runs.values()}
    families = {"conv" if name.startswith("conv") else name for name in names}
    return families.pop() if len(families) == 1 else "several"


def _has_dropout(runs: Runs) -> bool:
    return any(run.config.get("model", {}).get("dropout") for run in runs.values())


def _has_curves(runs: Runs) -> bool:
    return all(len(run.curves) for run in runs.values())


def _has_random_masks(runs: Runs) -> bool:
    return len(runs) <= MOST_NETWORKS and all(
        "shuffle_mask" in set(run.summary["kind"]) for run in runs.values()
    )


def _is_alone(runs: Runs) -> bool:
    return len(runs) == 1


# The figures.


@drawn_of_runs
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


FIGURE_1 = Exhibit(
    name="figure_1",
    topic=Topic.RANDOM_MASKS,
    draw=figure_1,
    supports=_has_random_masks,
    caption="Figure 1. Early stop, and accuracy there, of tickets and of networks"
    f" pruned at random{BY_DENSITY}",
)


@drawn_of_runs
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


FIGURE_3 = Exhibit(
    name="figure_3",
    topic=Topic.TRAINING,
    draw=figure_3,
    supports=_is_alone,
    caption=f"Figure 3. Test accuracy{CURVES}",
)


@drawn_of_runs
def figure_4(runs: Runs) -> "Figure":
    """Plot early stop, accuracy there, and accuracy at the end, against density.

    Lines are means over all networks of a kind that have a number, bars their min and
    max. Every line starts at the dense network, which is also a thin horizontal line.
    The axis of steps is logarithmic.
    Runs that prune in one shot have, as in the paper's part (c), a linear x axis.

    Args:
        runs: one, or several such as iterative and one-shot.

    Returns:
        A figure of four panels; ``plotting.render`` makes a file of it.

    Reference:
        Frankle & Carbin, "The Lottery Ticket Hypothesis" (2019), figure 4; the training
        accuracy is of its text.
    """
    return _by_density(runs, EARLY_AND_LATE)


FIGURE_4 = Exhibit(
    name="figure_4",
    topic=Topic.NETWORK,
    draw=figure_4,
    supports=lambda runs: _family(runs) not in ("conv", *STEPS_SHOWN, "several"),
    caption="Figure 4. How early training stops, how accurate the network is then, and"
    f" how accurate it is at the last step{BY_DENSITY}{EARLY_STOP} A control's random"
    " draw is the same at all levels.",
)


@drawn_of_runs
def figure_5(runs: Runs) -> "Figure":
    """Plot what `figure_4` shows, of convolutional networks.

    Reference:
        Frankle & Carbin, "The Lottery Ticket Hypothesis" (2019), figures 5 and 13.

    Deviation:
        Training accuracy is at the last step (the paper's figure 13); figure 5 has it
        at early stop.
    """
    return _by_density(runs, EARLY_AND_LATE)


FIGURE_5 = Exhibit(
    name="figure_5",
    topic=Topic.NETWORK,
    draw=figure_5,
    supports=lambda runs: _family(runs) == "conv" and not _has_dropout(runs),
    caption="Figure 5. How early training stops, how accurate the network is then, and"
    f" how accurate it is at the last step{BY_DENSITY}{EARLY_STOP}",
)


@drawn_of_runs
def figure_6(runs: Runs) -> "Figure":
    """Plot early stop and accuracy there, of tickets trained with dropout.

    Reference:
        Frankle & Carbin, "The Lottery Ticket Hypothesis" (2019), figure 6; the dashed
        lines there are the tickets of figure 5.
    """
    return _by_density(runs, (STOP, TEST_AT_STOP), ("ticket",))


FIGURE_6 = Exhibit(
    name="figure_6",
    topic=Topic.NETWORK,
    draw=figure_6,
    supports=lambda runs: _family(runs) == "conv" and _has_dropout(runs),
    caption="Figure 6. How early training with dropout stops and how accurate the"
    f" network is then{BY_DENSITY}{EARLY_STOP}",
)


@drawn_of_runs
def figure_7(runs: Runs) -> "Figure":
    """Plot the test accuracy of VGG-19 at three moments of training, against density.

    Of shorter runs, the same fractions of training are shown; of networks that were
    rewound and are evaluated at other steps, the nearest evaluation.

    Reference:
        Frankle & Carbin, "The Lottery Ticket Hypothesis" (2019), figure 7.
    """
    return _at_steps(runs, "vgg19")


FIGURE_7 = Exhibit(
    name="figure_7",
    topic=Topic.NETWORK,
    draw=figure_7,
    supports=lambda runs: _family(runs) == "vgg19" and _has_curves(runs),
    caption=f"Figure 7. Test accuracy of {network_name('vgg19')} at three moments of"
    f" training{BY_DENSITY}",
)


@drawn_of_runs
def figure_8(runs: Runs) -> "Figure":
    """Plot the test accuracy of ResNet-18 as `figure_7` does that of VGG-19.

    Reference:
        Frankle & Carbin, "The Lottery Ticket Hypothesis" (2019), figure 8.
    """
    return _at_steps(runs, "resnet18")


FIGURE_8 = Exhibit(
    name="figure_8",
    topic=Topic.NETWORK,
    draw=figure_8,
    supports=lambda runs: _family(runs) == "resnet18" and _has_curves(runs),
    caption=f"Figure 8. Test accuracy of {network_name('resnet18')} at three moments of"
    f" training{BY_DENSITY}",
)


@drawn_of_runs
def figure_11(runs: Runs) -> "Figure":
    """Plot validation loss during training: what early stop reads, as in `figure_3`.

    Args:
        runs: one run.

    Reference:
        Frankle & Carbin, "The Lottery Ticket Hypothesis" (2019), figure 11 (appendix
        C).
    """
    return _during(runs, "validation", "loss", "validation loss")


FIGURE_11 = Exhibit(
    name="figure_11",
    topic=Topic.TRAINING,
    draw=figure_11,
    supports=_is_alone,
    caption=f"Figure 11. Validation loss{CURVES}",
)
FIGURES = (
    FIGURE_1,
    FIGURE_3,
    FIGURE_4,
    FIGURE_5,
    FIGURE_6,
    FIGURE_7,
    FIGURE_8,
    FIGURE_11,
)


# How they are drawn.


def _by_density(
    runs: Runs,
    columns: Sequence[tuple[str, str]],
    kinds: Collection[str] | None = None,
) -> "Figure":
    """Plot columns of the summary, each with its title, in a panel each."""
    linear = all(_is_one_shot(run) for run in runs.values())
    figure, axes = panels([title for _, title in columns])
    lines = series_of(runs, kinds)
    for ax, (column, _) in zip(axes, columns, strict=True):
        draw_by_density(ax, *lines, column, linear)
    legend(figure, axes)
    note(figure, bars_text(lines[0], columns[-1][0]))
    return figure


def _is_one_shot(run: Run) -> bool:
    return bool(run.config.get("prune", {}).get("one_shot"))


def fractions_shown(network: str) -> list[float]:
    """Return at which fractions of training the paper shows a network's accuracy."""
    steps = STEPS_SHOWN[network]
    return [step / steps[-1] for step in steps]


def _at_steps(runs: Runs, network: str) -> "Figure":
    looked, columns = at_fractions([*runs.values()], fractions_shown(network), "test")
    return _by_density(dict(zip(runs, looked, strict=True)), columns)


def _during(runs: Runs, split: str, column: str, name: str) -> "Figure":
    run = only(runs)
    figure, axes = panels(CURVES_TITLES)
    axes[0].set_ylabel(name)
    draw_during(axes, run, split, column, CURVES_SHOWN)
    legend(figure, axes)
    note(figure, bands_text(run, CURVES_SHOWN))
    return figure
