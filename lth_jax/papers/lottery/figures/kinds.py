"""Tickets beside other kinds of networks: figures of appendices D, E and F."""

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import TYPE_CHECKING

from ....plotting.density import (
    STOP,
    TEST_AT_END,
    TEST_AT_STOP,
    TRAIN_AT_END,
    Series,
    bars_text,
)
from ....plotting.figure import EARLY_STOP, Exhibit, Runs, Topic, drawn_of_runs
from ....plotting.kinds import kinds, look_of, noise_of
from ....plotting.many_lines import WHOLE, draw_lines
from ....plotting.style import (
    PALETTE,
    is_first_in_row,
    legend,
    lowered,
    note,
    panels,
    rows_of_panels,
    side_legend,
    under,
)
from ....plotting.variants import by_network, differences, differing, settings_of
from ....results import network_name
from ....store.read import Run

if TYPE_CHECKING:
    from matplotlib.figure import Figure

REINIT, SHUFFLE, RESAMPLE = "random_reinit", "shuffle_mask", "resample_init"
CRITERION = "prune.criterion"
BEFORE_TRAINING = look_of("ticket")._replace(
    name="pruned before training", colour=PALETTE[6]
)
BY_SHARE = ", by the share of weights that remain."


# Accuracy at the last step, a panel per run.


@drawn_of_runs
def figure_12(runs: Runs) -> "Figure":
    """Plot training accuracy at the last step, of LeNet: a panel per variant.

    Reference:
        Frankle & Carbin, "The Lottery Ticket Hypothesis" (2019), figure 12 (appendix
        D).
    """
    return _panels(_one_shot_and_not(runs), TRAIN_AT_END, ("ticket", REINIT))


def _one_shot_and_not(runs: Runs) -> Runs:
    """Return LeNets with reinits if they are pruned both iteratively and at once."""
    some = _with_kinds(by_network(runs).get("lenet", {}), REINIT)
    fields = {*differing(some.values())}
    steps = {"prune.one_shot", "prune.levels", "prune.rate"}
    return some if "prune.one_shot" in fields and fields <= steps else {}


FIGURE_12 = Exhibit(
    name="figure_12",
    topic=Topic.LAST_STEP,
    draw=figure_12,
    supports=lambda runs: len(_one_shot_and_not(runs)) > 1,
    caption=f"Figure 12. Training accuracy of {network_name('lenet')} at the last"
    f" step{BY_SHARE}{WHOLE}",
)


@drawn_of_runs
def figure_13(runs: Runs) -> "Figure":
    """Plot training accuracy at the last step, of Conv-2, Conv-4 and Conv-6.

    Reference:
        Frankle & Carbin, "The Lottery Ticket Hypothesis" (2019), figure 13 (appendix
        D).
    """
    return _panels(_convolutional(runs), TRAIN_AT_END, ("ticket", REINIT))


def _convolutional(runs: Runs) -> Runs:
    """Return convolutional networks with reinits; none if one is there twice."""
    plain = {v: run for v, run in runs.items() if not settings_of(run)["model.dropout"]}
    groups = by_network(_with_kinds(plain, REINIT))
    found = [some for name, some in groups.items() if name.startswith("conv")]
    alone = all(len(some) == 1 for some in found)
    return {v: run for some in found for v, run in some.items()} if alone else {}


FIGURE_13 = Exhibit(
    name="figure_13",
    topic=Topic.LAST_STEP,
    draw=figure_13,
    supports=lambda runs: len(_convolutional(runs)) > 1,
    caption="Figure 13. Training accuracy of convolutional networks at the last"
    f" step{BY_SHARE}{WHOLE}",
)


@drawn_of_runs
def figure_14(runs: Runs) -> "Figure":
    """Plot test accuracy at the last step, of tickets, reinits and random masks.

    Args:
        runs: each has a panel.

    Reference:
        Frankle & Carbin, "The Lottery Ticket Hypothesis" (2019), figure 14 (appendix
        E).
    """
    return _panels(runs, TEST_AT_END, ("ticket", REINIT, SHUFFLE))


def _shows_random_masks(runs: Runs) -> bool:
    """Tell whether all runs, one or of several networks, have both as controls."""
    has_both = len(_with_kinds(runs, REINIT, SHUFFLE)) == len(runs)
    return has_both and (len(runs) == 1 or len(by_network(runs)) > 1)


FIGURE_14 = Exhibit(
    name="figure_14",
    topic=Topic.LAST_STEP,
    draw=figure_14,
    supports=_shows_random_masks,
    caption="Figure 14. Test accuracy at the last step of tickets, of random reinits"
    f" and of networks pruned at random{BY_SHARE}{WHOLE}",
)


# Early stop and accuracy there, a row of panels per run.


@drawn_of_runs
def figure_17(runs: Runs) -> "Figure":
    """Plot early stop and accuracy there, of tickets and of both sorts of reinits.

    Args:
        runs: each has a row of panels.

    Reference:
        Frankle & Carbin, "The Lottery Ticket Hypothesis" (2019), figure 17 (appendix
        F.3).
    """
    rows = {
        title: _lines(run, ("ticket", REINIT, RESAMPLE))
        for title, run in _titled(runs).items()
    }
    return _rows(rows)


def _shows_resampled(runs: Runs) -> bool:
    """Tell whether runs have reinits drawn from the tickets' own initial weights."""
    return bool(runs) and len(_with_kinds(runs, RESAMPLE)) == len(runs)


FIGURE_17 = Exhibit(
    name="figure_17",
    topic=Topic.SWEEP,
    draw=figure_17,
    supports=_shows_resampled,
    caption="Figure 17. Early stop, and test accuracy there, of tickets, of random"
    " reinits and of reinits drawn, layer by layer, from the initial weights that the"
    f" ticket keeps{BY_SHARE}{EARLY_STOP}{WHOLE}",
)


@drawn_of_runs
def figure_18(runs: Runs) -> "Figure":
    """Plot early stop and accuracy there, if pruning reads the initial weights or not.

    Args:
        runs: pairs that are pruned after training and before it; each has a row.

    Reference:
        Frankle & Carbin, "The Lottery Ticket Hypothesis" (2019), figure 18 (appendix
        F.4).
    """
    pairs = _by_criterion(runs)
    titled = _titled({variant: after for variant, (after, _) in pairs.items()})
    rows: dict[str, list[Series]] = {}
    for title, (after, before) in zip(titled, pairs.values(), strict=True):
        last = Series(before, "ticket", BEFORE_TRAINING)
        rows[title] = [*_lines(after, ("ticket", REINIT)), last]
    return _rows(rows)


def _by_criterion(runs: Runs) -> dict[str, tuple[Run, Run]]:
    """Return runs pruned by magnitude after and before training, alike in all else.

    They are named by the variant that is pruned after training.
    """
    criteria = {variant: settings_of(run)[CRITERION] for variant, run in runs.items()}
    before = [runs[v] for v, name in criteria.items() if name == "initial_magnitude"]
    found = {}
    for variant, after in runs.items():
        if criteria[variant] == "magnitude":
            others = [o for o in before if differing([after, o]) == [CRITERION]]
            if others:
                found[variant] = after, others[0]
    return found


FIGURE_18 = Exhibit(
    name="figure_18",
    topic=Topic.SWEEP,
    draw=figure_18,
    supports=lambda runs: bool(_by_criterion(runs)),
    caption="Figure 18. Early stop, and test accuracy there, of tickets, of random"
    " reinits and of networks that keep their initial weights of greatest magnitude"
    f" (pruned before training){BY_SHARE}{EARLY_STOP}{WHOLE}",
)


@drawn_of_runs
def figure_25(runs: Runs) -> "Figure":
    """Plot early stop and accuracy there, of tickets with noise on initial weights.

    Args:
        runs: each has a row of panels.

    Reference:
        Frankle & Carbin, "The Lottery Ticket Hypothesis" (2019), figure 25 (appendix
        F.7).
    """
    rows = {
        title: _lines(run, ("ticket", *_noises(run), REINIT))
        for title, run in _titled(runs).items()
    }
    return _rows(rows)


def _noises(run: Run) -> list[str]:
    return [kind for kind in kinds(run.summary) if noise_of(kind)]


FIGURE_25 = Exhibit(
    name="figure_25",
    topic=Topic.SWEEP,
    draw=figure_25,
    supports=lambda runs: bool(runs) and all(map(_noises, runs.values())),
    caption="Figure 25. Early stop, and test accuracy there, of tickets with Gaussian"
    " noise on their initial weights; sigma is the standard deviation of those of a"
    f" layer{BY_SHARE}{EARLY_STOP}{WHOLE}",
)
FIGURES = (FIGURE_12, FIGURE_13, FIGURE_14, FIGURE_17, FIGURE_18, FIGURE_25)


# How they are drawn.


def _with_kinds(runs: Runs, *wanted: str) -> dict[str, Run]:
    return {v: run for v, run in runs.items() if {*wanted} <= {*run.summary["kind"]}}


def _titled(runs: Runs) -> dict[str, Run]:
    """Return runs by what is special about them; by variant if that is not one word."""
    words = differences(runs)
    told_apart = len(set(words.values())) == len(runs)
    titles = words if told_apart else {variant: variant for variant in runs}
    return {f"{text[:1].upper()}{text[1:]}": runs[v] for v, text in titles.items()}


def _lines(run: Run, shown: Sequence[str]) -> list[Series]:
    there = kinds(run.summary)
    return [Series(run, kind, look_of(kind)) for kind in shown if kind in there]


def _panels(runs: Runs, column: tuple[str, str], shown: Sequence[str]) -> "Figure":
    """Draw a column of the summary, with its title, in a panel per run."""
    titled = _titled(runs)
    name, title = column
    figure, axes = panels(list(titled), columns=3 if len(runs) != 4 else 2)
    lines = [_lines(run, shown) for run in titled.values()]
    for ax, run, own in zip(axes, titled.values(), lines, strict=True):
        linear = bool(settings_of(run)["prune.one_shot"])
        draw_lines(ax, own, name, linear=linear)
        if is_first_in_row(ax):
            ax.set_ylabel(lowered(title))
    legend(figure, axes)
    note(figure, bars_text([*chain(*lines)], name))
    return figure


def _rows(rows: Mapping[str, list[Series]]) -> "Figure":
    """Draw early stop and accuracy there, a row of panels per list of lines."""
    shows = (STOP, TEST_AT_STOP)
    titles = [[under(title, text) for _, text in shows] for title in rows]
    figure, grid = rows_of_panels(titles)
    for axes, lines in zip(grid, rows.values(), strict=True):
        for ax, (column, _) in zip(axes, shows, strict=True):
            draw_lines(ax, lines, column)
        side_legend(axes, "", {})
    note(figure, bars_text([*chain(*rows.values())], TEST_AT_STOP[0]))
    return figure
