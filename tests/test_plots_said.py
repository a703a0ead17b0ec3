"""Figures say of how many networks they are, and draw what is there, all of it."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from drawing import made, outside, small, supported, swept

from lth_jax.config import PruneConfig, RewindConfig, TrainConfig
from lth_jax.papers.lottery import figures
from lth_jax.papers.stabilizing.figures import figure_stability
from lth_jax.plotting.density import STOP, Series, means_of
from lth_jax.plotting.kinds import look_of
from lth_jax.plotting.rewinding import last_step
from lth_jax.plotting.style import NO_STOP
from lth_jax.schema import DATA_ORDER, PRUNING
from lth_jax.store.read import Run
from lth_jax.study.networks import plan_study


def with_stops(run: Run, kind: str, levels: Any, stops: Any) -> Run:
    """Return the run with other early stops of a kind at some levels."""
    rows = (run.summary["kind"] == kind) & run.summary["level"].isin(levels)
    summary = run.summary.copy()
    summary.loc[rows, "early_stop_step"] = stops
    return run._replace(summary=summary)


def line_of(ax: Any, name: str) -> Any:
    """Return the line of a panel with markers, by its name."""
    (found,) = [one.lines[0] for one in ax.containers if one.get_label() == name]
    return found


def bounds_of(ax: Any) -> list[Any]:
    """Return the marks of lower bounds."""
    lines = [one.lines[0] for one in ax.containers]
    return [each for each in lines if each.get_markerfacecolor() == "none"]


def lower_end(ax: Any) -> float:
    return ax.get_tightbbox().y0


def note_of(figure: Any) -> str:
    (note,) = figure.texts
    return note.get_text()


# n, and what bars are.

NOTES = {
    "one draw": (small(reinits=1), "n = 3 replicates; bars: smallest to largest"),
    "more draws": (
        small(reinits=1),
        "n = 3 replicates (random reinit: 6); bars: smallest to largest",
    ),
    "one network": (replace(small(), replicates=1), "n = 1 replicate"),
}


@pytest.mark.parametrize("case", NOTES)
def test_figures_say_how_many_networks_they_are_of(case):
    config, words = NOTES[case]
    run = made(config)
    if case == "more draws":
        second = run.summary.query("kind == 'random_reinit'").assign(draw=1)
        run = run._replace(summary=pd.concat([run.summary, second]))
    assert note_of(figures.figure_4(run)) == words


def test_networks_that_failed_are_no_part_of_n():
    run = made(small())
    lost = (run.summary["level"] == 2) & (run.summary["replicate"] == 0)
    summary = run.summary.assign(
        test_accuracy_final=run.summary["test_accuracy_final"].mask(lost),
        train_accuracy_final=run.summary["train_accuracy_final"].mask(lost),
    )
    words = note_of(figures.figure_4(run._replace(summary=summary)))
    assert words == "n = 2 to 3 replicates; bars: smallest to largest"


@pytest.mark.parametrize("beside", [False, True])
def test_the_note_stands_below_panels_and_legend(beside):
    runs = swept(small(reinits=1), train__learning_rate=(0.1, 0.2))
    figure = figures.draw_sweep("figure_26", runs) if beside else figures.figure_4(runs)
    figure.draw_without_rendering()
    (note,) = figure.texts
    top = note.get_window_extent().y1
    assert note.get_window_extent().y0 >= 0
    lowest = min(lower_end(ax) for ax in figure.axes)
    assert lowest > top
    for legend in figure.legends:
        box = legend.get_window_extent()
        assert lowest > box.y1 and box.y0 > top


def test_pairs_are_said_and_that_they_are_not_independent():
    rows = [
        {"level": 1, "kind": "ticket", "replicate": r, "cause": cause}
        | {"first": i, "second": j, "distance": 1.0 + i, "angle": 2.0}
        for r in range(3)
        for cause, n in ((DATA_ORDER, 4), (PRUNING, 2))
        for i in range(n)
        for j in range(i + 1, n)
    ]
    figure = figure_stability(made(small())._replace(stability=pd.DataFrame(rows)))
    assert note_of(figure) == (
        "data orders: n = 18 pairs of 3 networks (not independent); to the dense"
        " network: n = 3 pairs of 3 networks; bars: smallest to largest"
    )


# Early stops.


def test_a_gain_of_a_quarter_is_seen_beside_late_stops():
    config = replace(small(reinits=1), train=TrainConfig(steps=50_000))
    run = with_stops(made(config), "ticket", [0], 4_000)
    run = with_stops(run, "ticket", [1, 2, 3], 3_000)
    run = with_stops(run, "random_reinit", [1, 2, 3], 48_600)
    ax = figures.figure_4(run).axes[0]
    low, gain, dense, high = ax.transData.transform(
        [(50, y) for y in (ax.get_ylim()[0], 3_000, 4_000, ax.get_ylim()[1])]
    )[:, 1]
    assert ax.get_yscale() == "log"
    assert dense - gain > 0.08 * (high - low)
    ticks = [text.get_text() for text in ax.get_yticklabels()]
    assert ticks == ["3,000", "5,000", "10,000", "20,000", "30,000", "50,000"]


def test_a_stop_at_step_0_is_on_the_axis():
    run = with_stops(made(small()), "ticket", [3], 0)
    figure = figures.figure_4(run)
    ax = figure.axes[0]
    assert ax.get_yscale() == "symlog" and not outside(figure)
    assert ax.get_yticklabels()[0].get_text() == "0"


def test_a_stop_at_the_last_step_is_a_bound_and_no_part_of_the_line():
    run = made(small(reinits=1, levels=4))
    run = with_stops(run, "random_reinit", [2], [20, 600, 40])
    figure = figures.figure_4(run)
    stops, accuracy = figure.axes[:2]
    (bound,) = bounds_of(stops)
    np.testing.assert_allclose(bound.get_xydata(), [[25, 220]])
    assert bound.get_marker() == "^"
    assert bound.get_color() == look_of("random_reinit").colour
    x, y = line_of(stops, "random reinit").get_data()
    np.testing.assert_allclose(x, [100, 50, np.nan, 12.5, 6.25])
    np.testing.assert_array_equal(np.isnan(y), np.isnan(x))
    assert not bounds_of(accuracy)
    assert len(line_of(accuracy, "random reinit").get_xdata()) == 5
    (legend,) = figure.legends
    assert legend.get_texts()[-1].get_text() == NO_STOP
    (legend,) = figures.figure_4(made(small(reinits=1))).legends
    assert NO_STOP not in [text.get_text() for text in legend.get_texts()]


def test_bounds_on_bounds_are_told_apart_and_the_dense_one_is_no_level():
    run = made(small("conv2", reinits=1))
    run = run._replace(summary=run.summary.assign(early_stop_step=600))
    figure = figures.figure_5(run)
    stops, accuracy = figure.axes[:2]
    tickets, reinits = bounds_of(stops)
    apart = [
        each.get_transform().transform(each.get_xydata()) for each in (tickets, reinits)
    ]
    assert np.abs(apart[0] - apart[1])[:, 0].min() > 2
    names = [line.get_label() for line in stops.lines]
    assert "dense" not in names
    assert "dense" in [line.get_label() for line in accuracy.lines]
    assert not outside(figure)


TUNED = RewindConfig(weights="final", steps=70)
ONE_SHOT = PruneConfig(one_shot=(0.2, 0.5))
REWOUND = {
    "reset": (RewindConfig(), small().prune, (600, 600, 600)),
    "rewound": (RewindConfig(weights=50), small().prune, (600, 600, 600)),
    "tuned": (TUNED, small().prune, (600, 670, 740)),
    "tuned one-shot": (TUNED, ONE_SHOT, (600, 670, 670)),
}


@pytest.mark.parametrize("case", REWOUND)
def test_the_last_step_is_counted_as_in_tables(case):
    rewind, prune, ends = REWOUND[case]
    config = replace(small(), rewind=rewind, prune=prune)
    assert ends == tuple(plan.end for plan in plan_study(config)[:3])
    run = made(config)
    assert ends == tuple(last_step(run, level) for level in range(3))
    _, one, two = ends
    run = with_stops(run, "ticket", [1, 2], [one] * 3 + [two - 1] * 3)
    rows = means_of(Series(run, "ticket", look_of("ticket")), STOP[0])
    assert rows["at_least"].tolist() == [level == 1 for level in rows.index]


# Levels that were not run.


def at_levels(run: Run, kind: str, levels: tuple[int, ...]) -> Run:
    rows = (run.summary["kind"] != kind) | run.summary["level"].isin(levels)
    return run._replace(summary=run.summary[rows])


@pytest.mark.parametrize("name", ["figure_4", "figure_14", "figure_17", "figure_25"])
def test_no_line_goes_through_levels_that_were_not_run(name):
    kinds = {"reinits": 1, "shuffles": 1, "resamples": 1, "noises": (1.0,)}
    run = made(small(levels=4, **kinds))
    run = at_levels(run, "random_reinit", (2, 4))
    for ax in getattr(figures, name)({"": run}).axes:
        sparse = line_of(ax, "random reinit")
        np.testing.assert_allclose(sparse.get_xdata(), [25, 6.25])
        assert sparse.get_linestyle() == "None"
        ticket = line_of(ax, "ticket")
        assert ticket.get_linestyle() == "-" and len(ticket.get_xdata()) == 5


def test_levels_that_follow_one_another_are_joined():
    run = at_levels(made(small(levels=4, reinits=1)), "random_reinit", (1, 2, 4))
    line = line_of(figures.figure_4(run).axes[1], "random reinit")
    np.testing.assert_allclose(line.get_xdata(), [100, 50, 25, np.nan, 6.25])
    assert line.get_linestyle() == "-"


# All that is there.


def far_below(run: Run) -> Run:
    """Return a run with a control that is a little worse, at one level."""
    rows = (run.summary["kind"] == "shuffle_mask") & (run.summary["level"] == 3)
    worse = run.summary["test_accuracy_final"] - 0.1 * rows
    return run._replace(summary=run.summary.assign(test_accuracy_final=worse))


def rates(name: str, levels: int = 3) -> dict[str, Run]:
    runs = swept(small(name, levels, reinits=1), train__learning_rate=(1, 2, 3, 4, 5))
    flat = runs["v0"].summary.assign(val_accuracy_es=0.1, test_accuracy_es=0.1)
    return runs | {"v0": runs["v0"]._replace(summary=flat)}


EVERY = {"reinits": 1, "shuffles": 1, "resamples": 1, "noises": (0.5, 3.0)}
WHOLE = {
    "all controls": lambda: {"": far_below(made(small(**EVERY)))},
    "conv": lambda: {"": made(small("conv2", reinits=1))},
    "one network": lambda: {"": made(replace(small(), replicates=1))},
    "learns nothing": lambda: rates("lenet"),
    "deep": lambda: rates("resnet18"),
    "stds": lambda: swept(small(), model__init_std=(0.1, 0.2, None)),
    "sizes": lambda: swept(small(), model__widths=((25, 9), (300, 100))),
    "one-shot": lambda: {
        "a": made(small(reinits=1)),
        "b": made(replace(small(reinits=1), prune=PruneConfig(one_shot=(0.2, 0.9)))),
    },
}
WINDOWS = ("figure_3", "figure_11")
"""They show a part of training."""


@pytest.mark.parametrize("case", WHOLE)
def test_no_panel_cuts_off_a_point_or_a_bar(case):
    runs = WHOLE[case]()
    drawn = [name for name in supported(runs) if name not in WINDOWS]
    assert drawn
    for name in drawn:
        assert not outside(supported(runs)[name].draw(runs)), name


def test_curves_show_their_bands_from_a_quarter_on():
    run = made(small("vgg19"))
    curves = run.curves.assign(step=10 * run.curves["step"])
    run = with_stops(run._replace(curves=curves), "ticket", [0], 3_000)
    ax = figures.figure_3(run).axes[0]
    late = run.curves.query("split == 'test' and step >= 1500 and level <= 1")
    low, high = ax.get_ylim()
    assert low < 100 * late["accuracy"].min() and 100 * late["accuracy"].max() < high


# Side by side.


def test_bars_of_many_lines_stand_beside_each_other():
    runs = swept(small(), train__learning_rate=[2.0**-n for n in range(7)])
    figure = figures.draw_sweep("figure_26", runs)
    figure.draw_without_rendering()
    for ax in figure.axes:
        places, drawn = [], [one.lines for one in list[Any](ax.containers)]
        for line, _, (bars,) in drawn:
            np.testing.assert_allclose(line.get_xdata(), [100, 50, 25, 12.5])
            starts = [segment[0] for segment in bars.get_segments()]
            places.append(bars.get_transform().transform(starts)[:, 0])
            marks = line.get_transform().transform(line.get_xydata())[:, 0]
            np.testing.assert_allclose(marks, places[-1])
        apart = np.diff(places, axis=0)
        assert (apart > 1.2 * figure.dpi / 72).all() and len(places) == 7
        # They stay nearer to their level than to the next one.
        levels = ax.transData.transform([(x, 1) for x in (100, 50)])[:, 0]
        assert np.ptp(places, axis=0).max() < 0.25 * np.diff(levels)[0]
