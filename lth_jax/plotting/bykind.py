"""Tickets beside other kinds of networks: appendices D, E and F of the first paper."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from .density import STOP, TEST_AT_END, TEST_AT_STOP, TRAIN_AT_END, Series
from .differences import differences, differing, networks, settings_of
from .exhibits import Runs
from .lines import draw_lines
from .style import (
    MORE_COLOURS,
    colour_of,
    kinds,
    label,
    legend,
    noise_of,
    panels,
    rows_of_panels,
    side_legend,
    style,
    under,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ..store.read import Run

REINIT, SHUFFLE, RESAMPLE = "random_reinit", "shuffle_mask", "resample_init"
CRITERION = "prune.criterion"
BEFORE = "pruned before training"


def shows_training_accuracy_of_lenet(runs: Runs) -> bool:
    """Tell whether runs are LeNets pruned iteratively and in one shot, with reinits."""
    return len(_one_shot_and_not(runs)) > 1


def _one_shot_and_not(runs: Runs) -> Runs:
    some = _with_kinds(networks(runs).get("lenet", {}), REINIT)
    fields = {*differing(some.values())}
    steps = {"prune.one_shot", "prune.levels", "prune.rate"}
    return some if "prune.one_shot" in fields and fields <= steps else {}


def figure_12(runs: Runs) -> "Figure":
    """Plot training accuracy at the last step, of LeNet: a panel per variant.

    Reference:
        Frankle & Carbin, "The Lottery Ticket Hypothesis" (2019), figure 12 (appendix
        D).
    """
    return _panels(_one_shot_and_not(runs), TRAIN_AT_END, ("ticket", REINIT))


def shows_training_accuracy_of_conv(runs: Runs) -> bool:
    """Tell whether runs are several convolutional networks, one each, with reinits."""
    return len(_conv(runs)) > 1


def _conv(runs: Runs) -> Runs:
    plain = {v: run for v, run in runs.items() if not settings_of(run)["model.dropout"]}
    groups = networks(_with_kinds(plain, REINIT))
    found = [some for name, some in groups.items() if name.startswith("conv")]
    alone = all(len(some) == 1 for some in found)
    return {v: run for some in found for v, run in some.items()} if alone else {}


def figure_13(runs: Runs) -> "Figure":
    """Plot training accuracy at the last step, of Conv-2, Conv-4 and Conv-6.

    Reference:
        Frankle & Carbin, "The Lottery Ticket Hypothesis" (2019), figure 13 (appendix
        D).
    """
    return _panels(_conv(runs), TRAIN_AT_END, ("ticket", REINIT))


def shows_random_masks(runs: Runs) -> bool:
    """Tell whether all runs, one or of several networks, have both as controls."""
    has_both = len(_with_kinds(runs, REINIT, SHUFFLE)) == len(runs)
    return has_both and (len(runs) == 1 or len(networks(runs)) > 1)


def figure_14(runs: Runs) -> "Figure":
    """Plot test accuracy at the last step, of tickets, reinits and random masks.

    Args:
        runs: each has a panel.

    Reference:
        Frankle & Carbin, "The Lottery Ticket Hypothesis" (2019), figure 14 (appendix
        E).
    """
    return _panels(runs, TEST_AT_END, ("ticket", REINIT, SHUFFLE))


def shows_resampled(runs: Runs) -> bool:
    """Tell whether runs have reinits drawn from the tickets' own initial weights."""
    return bool(runs) and len(_with_kinds(runs, RESAMPLE)) == len(runs)


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


def shows_criterion(runs: Runs) -> bool:
    """Tell whether runs are pruned by magnitude after training and before it."""
    return bool(_by_criterion(runs))


def _by_criterion(runs: Runs) -> dict[str, tuple["Run", "Run"]]:
    """Return runs pruned after and before training that differ in nothing else.

    They are named by the variant that is pruned after training.
    """
    is_after = {v: settings_of(r)[CRITERION] == "magnitude" for v, r in runs.items()}
    before = [run for variant, run in runs.items() if not is_after[variant]]
    found = {}
    for variant, after in runs.items():
        if is_after[variant]:
            others = [o for o in before if differing([after, o]) == [CRITERION]]
            if others:
                found[variant] = after, others[0]
    return found


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
        last = Series(BEFORE, before.summary, "ticket", MORE_COLOURS[1], "-")
        rows[title] = [*_lines(after, ("ticket", REINIT)), last]
    return _rows(rows)


def shows_noise(runs: Runs) -> bool:
    """Tell whether all runs have tickets with noise on their initial weights."""
    return bool(runs) and all(map(_noises, runs.values()))


def _noises(run: "Run") -> list[str]:
    return [kind for kind in kinds(run.summary) if noise_of(kind)]


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


def _with_kinds(runs: Runs, *wanted: str) -> dict[str, "Run"]:
    return {v: run for v, run in runs.items() if {*wanted} <= {*run.summary["kind"]}}


def _titled(runs: Runs) -> dict[str, "Run"]:
    """Return runs by what is special about them; by variant if that is not one word."""
    words = differences(runs)
    told_apart = len(set(words.values())) == len(runs)
    titles = words if told_apart else {variant: variant for variant in runs}
    return {f"{text[:1].upper()}{text[1:]}": runs[v] for v, text in titles.items()}


def _lines(run: "Run", shown: Sequence[str]) -> list[Series]:
    there = kinds(run.summary)
    return [
        Series(label(kind), run.summary, kind, colour_of(kind), "-")
        for kind in shown
        if kind in there
    ]


def _panels(
    runs: Mapping[str, "Run"], column: tuple[str, str], shown: Sequence[str]
) -> "Figure":
    """Draw a panel per run."""
    titled = _titled(runs)
    with style():
        figure, axes = panels(list(titled), columns=3 if len(runs) != 4 else 2)
        for ax, run in zip(axes, titled.values(), strict=True):
            linear = bool(settings_of(run)["prune.one_shot"])
            draw_lines(ax, _lines(run, shown), column[0], linear=linear)
            if ax.get_subplotspec().is_first_col():  # type: ignore[union-attr]
                ax.set_ylabel(f"{column[1][0].lower()}{column[1][1:]}")
        legend(figure, axes)
        return figure


def _rows(rows: Mapping[str, list[Series]]) -> "Figure":
    """Draw early stop and accuracy there, a row of panels per list of lines."""
    shows = (STOP, TEST_AT_STOP)
    titles = [[under(title, text) for _, text in shows] for title in rows]
    with style():
        figure, grid = rows_of_panels(titles)
        for axes, lines in zip(grid, rows.values(), strict=True):
            for ax, (column, _) in zip(axes, shows, strict=True):
                draw_lines(ax, lines, column)
            side_legend(axes[-1], "", {})
        return figure
