"""Figures and table of what tickets are made of, from networks made by hand."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest
from drawing import outside, supported
from made import NO_ANATOMY, curves_of, run_of, text_of
from matplotlib.colors import to_rgba
from scipy import stats

from lth_jax import plotting
from lth_jax.files import read_table, write_table
from lth_jax.papers.lottery import figures
from lth_jax.plotting import histograms as bins
from lth_jax.plotting.style import INK, PALETTE
from lth_jax.report.run import write_report
from lth_jax.report.tables import anatomy_section
from lth_jax.schema import HISTOGRAMS, LAYERS, UNITS
from lth_jax.store.read import Anatomy, Run

SIZES = (60, 50, 40, 10)
LENET = [f"Dense_{i}/kernel" for i in range(3)]
DENSITIES = {0: 1.0, 2: 0.4, 3: 0.16, 5: 0.07}
REPLICATES, BASE = 2, 64
BLUE, ORANGE, GREEN = PALETTE[:3]


class Net(NamedTuple):
    """Kernels [replicates, inputs, outputs] before and after training, and masks."""

    initial: np.ndarray
    final: np.ndarray
    masks: dict[int, np.ndarray]

    def values(self, quantity: str) -> np.ndarray:
        distance = np.abs(self.final - self.initial)
        growth = np.abs(self.final) - np.abs(self.initial)
        found = {"initial": self.initial, "distance": distance, "growth": growth}
        return found[quantity]


def net_of(seed: int, shape: tuple[int, int]) -> Net:
    """Return a layer; tickets are its weights of greatest final magnitude."""
    rng = np.random.default_rng(seed)
    initial = rng.normal(0, 0.1, (REPLICATES, *shape))
    final = initial + rng.normal(0.01, 0.05, initial.shape)
    ranks = np.argsort(np.argsort(-np.abs(final).reshape(REPLICATES, -1)))
    ranks = ranks.reshape(final.shape)
    size = final[0].size
    kept = {level: ranks < round(x * size) for level, x in DENSITIES.items()}
    return Net(initial, final, kept)


def nets_of(seed: int, layers: list[str]) -> dict[str, Net]:
    return {
        path: net_of(seed + i, SIZES[i % 3 : i % 3 + 2])
        for i, path in enumerate(layers)
    }


def edges_of(net: Net, quantity: str) -> np.ndarray:
    top = np.abs(net.values(quantity)).max() or 1.0
    return np.linspace(0 if quantity == "distance" else -top, top, BASE + 1)


def histograms(path: str, net: Net) -> list[pd.DataFrame]:
    found = []
    for level, mask in net.masks.items():
        for quantity in ("initial", "distance", "growth"):
            edges = edges_of(net, quantity)
            for replicate in range(REPLICATES):
                values, kept = net.values(quantity)[replicate], mask[replicate]
                for part, chosen in (("kept", kept), ("other", ~kept)):
                    one = {"level": level, "replicate": replicate, "layer": path}
                    one |= {"quantity": quantity, "part": part, "low": edges[:-1]}
                    one |= {"high": edges[1:]}
                    counts = np.histogram(values[chosen], edges)[0]
                    if chosen.any():
                        found.append(pd.DataFrame(one | {"count": counts}))
    return found


def units(path: str, net: Net) -> list[pd.DataFrame]:
    found = []
    for level, mask in net.masks.items():
        for replicate in range(REPLICATES):
            for axis, side in enumerate(("incoming", "outgoing")):
                counts = mask[replicate].sum(axis)
                one = {"level": level, "replicate": replicate, "layer": path}
                one |= {"side": side, "unit": range(counts.size)}
                one |= {"connections": counts, "possible": mask.shape[1 + axis]}
                found.append(pd.DataFrame(one))
    return found


def layers_of(path: str, net: Net) -> list[dict[str, Any]]:
    """Return rows of numbers that the table of a page can be read off."""
    return [
        dict.fromkeys(LAYERS, 0.25)
        | {"level": level, "replicate": r, "layer": path}
        | {"n_weights": mask[r].size, "n_remaining": int(mask[r].sum())}
        | {"kept_positive": 0.4 + 0.2 * r, "distance_kept": 0.5 + r / 100}
        | {"distance_other": 0.25 if level else None}
        | {"grown_kept": 0.75, "grown_other": 0.5 if level else None}
        | {"incoming_spread": 1.5, "incoming_random": 0.5}
        | {"outgoing_spread": 2.5, "outgoing_random": 0.75}
        | {"units_without_incoming": 2 + r, "units_without_outgoing": 1}
        | {"live": 1000 + 2 * r if level else None}
        for level, mask in net.masks.items()
        for r in range(REPLICATES)
    ]


def make(nets: dict[str, Net], name: str = "lenet", path: str = "runs/made") -> Run:
    levels = {**DENSITIES, 1: 0.7, 4: 0.1}
    who = {"kind": "ticket", "draw": 0, "status": "ok", "early_stop_step": 100}
    scores = [f"{x}_final" for x in ("test_accuracy", "train_accuracy")]
    who |= dict.fromkeys(["test_accuracy_es", *scores], 0.9)
    rows = [
        {"level": level, "density": x, "replicate": r} | who
        for level, x in sorted(levels.items())
        for r in range(REPLICATES)
    ]
    summary = pd.DataFrame(rows)
    return run_of(
        {"model": {"name": name}},
        summary,
        path=Path(path),
        manifest={"experiment": "made"},
        curves=curves_of(summary, (100,), accuracy=0.9),
        anatomy=Anatomy(
            pd.DataFrame([row for item in nets.items() for row in layers_of(*item)]),
            pd.concat([t for item in nets.items() for t in histograms(*item)]),
            pd.concat([t for item in nets.items() for t in units(*item)]),
        ),
    )


@pytest.fixture(scope="module")
def nets() -> dict[str, Net]:
    return nets_of(0, LENET)


@pytest.fixture(scope="module")
def run(nets) -> Run:
    return make(nets)


def pooled_of(net: Net, quantity: str, level: int, kept: bool = True) -> np.ndarray:
    return net.values(quantity)[net.masks[level] == kept]


def lines_of(ax: Any, dashed: bool = False) -> list[Any]:
    """Return the solid, or the dashed, lines of a panel that are distributions."""
    lines = [line for line in ax.lines if len(line.get_xdata()) > 2]
    return [line for line in lines if line.is_dashed() == dashed]


def check_curve(line: Any, values: np.ndarray, edges: np.ndarray) -> None:
    """Compare a line with the histogram of numbers, in bins that it tells itself."""
    x, y = line.get_xdata(), line.get_ydata()
    width = np.diff(x)[1:-1].max()
    times = width / (edges[1] - edges[0])
    assert times == pytest.approx(round(times)), "base bins are joined whole"
    inner = np.arange(np.floor(edges[0] / width), np.ceil(edges[-1] / width) + 1)
    own = (inner * width).clip(edges[0], edges[-1])  # 0 is an edge
    own = own[np.append(True, np.diff(own) > 1e-9 * width)]
    counts, _ = np.histogram(values * (1 - 1e-9), own)
    middles = (own[1:] + own[:-1]) / 2
    filled = slice(np.flatnonzero(counts)[0], np.flatnonzero(counts)[-1] + 1)
    np.testing.assert_allclose(x[1:-1], middles[filled])
    density = (counts / (values.size * np.diff(own)))[filled]
    np.testing.assert_allclose(y[1:-1], density)
    for end, inside, at_edge in ((0, 1, counts[0]), (-1, -2, counts[-1])):
        if at_edge:  # numbers end there, and the line with them
            assert (x[end], y[end]) == (edges[end], y[inside])
        else:
            assert y[end] == 0
    # Outer bins may be narrower, so that the line is not as wide as they are.
    assert np.trapezoid(y, x) == pytest.approx(1, abs=0.02)


# Bins.


def test_counts_of_the_same_bins_are_added_up(run, nets):
    rows = run.anatomy.histograms.query(
        "layer == @LENET[1] and quantity == 'initial' and part == 'kept' and level == 3"
    )
    found = bins.pooled(rows.sample(frac=1, random_state=0))
    values = pooled_of(nets[LENET[1]], "initial", 3)
    counts, edges = np.histogram(values, edges_of(nets[LENET[1]], "initial"))
    np.testing.assert_array_equal(found.counts, counts)
    np.testing.assert_allclose(found.edges, edges)


@pytest.mark.parametrize("n", [1, 2, 3, 5, 100])
def test_joined_bins_keep_all_numbers_and_an_edge_at_0(n):
    counts = np.arange(1.0, 12)
    found = bins.joined(bins.Bins(np.arange(-4.0, 8), counts), n)
    assert found.counts.sum() == counts.sum()
    np.testing.assert_array_equal(np.diff(found.edges)[1:-1], n)
    assert (found.edges[0], found.edges[-1]) == (-4, 7)
    assert 0 in found.edges
    (at,) = np.flatnonzero(found.edges == 0)
    assert found.counts[at] == counts[4 : 4 + n].sum()
    assert found.counts[at - 1] == counts[max(0, 4 - n) : 4].sum()


def test_bins_are_as_wide_as_the_numbers_ask_for():
    edges = np.linspace(0, 1, 1001)
    for many, width in ((27, 6), (1000, 20), (8000, 40), (10**6, 40)):
        flat = bins.Bins(edges, np.full(1000, many / 1000))
        assert bins.grouping(flat) == round(990 / width)
    few = bins.Bins(np.linspace(0, 1, 3), np.array([1.0, 0.0]))
    assert bins.grouping(few) == 1


def test_reach_leaves_as_many_on_both_sides():
    found = bins.reach(bins.Bins(np.linspace(0, 1, 101), np.ones(100)), 0.9)
    np.testing.assert_allclose(found, (0.05, 0.95))


def test_random_masks_have_hypergeometric_connections(run):
    rows = run.anatomy.units.query(
        "layer == @LENET[2] and side == 'incoming' and level == 3"
    )
    uneven = rows[(rows["replicate"] == 0) | (rows["unit"] < 7)]
    found = bins.at_random(uneven)
    expected = 0
    for n_units, one in ((10, rows[:10]), (7, rows[10:17])):
        law = stats.hypergeom(40 * n_units, one["connections"].sum(), 40)
        expected = expected + n_units * law.pmf(np.arange(41))
    np.testing.assert_allclose(found.counts, expected, atol=1e-12)
    np.testing.assert_allclose(found.edges, (np.arange(42) - 0.5) / 40)


def test_the_fewest_connections_at_random_are_spread_over_many_bins():
    rows = {"replicate": 0, "connections": [2304, 2304], "possible": 4608}
    spread_out = bins.at_random(pd.DataFrame(rows))
    assert 0 < spread_out.counts.max() < 0.05
    x, y = bins.curve(spread_out)
    at = np.argmax(y)
    assert x[at] == 0.5 and y[0] == y[-1] == 0
    assert y[at] == pytest.approx(stats.hypergeom(9216, 4608, 4608).pmf(2304) * 4608)
    assert 0.97 < np.trapezoid(y, x) < 1


def test_a_truncated_distribution_ends_at_its_edge_and_others_fall_to_0():
    normal = 1e4 * np.diff(stats.norm.cdf(np.linspace(-2, 2, 65)))
    x, y = bins.curve(bins.joined(bins.Bins(np.linspace(-2, 2, 65), normal), 3))
    assert (x[0], x[-1]) == (-2, 2)
    assert min(y[0], y[-1]) > 0.05, "numbers end there, and so does the line"
    narrow = np.where(np.abs(np.linspace(-2, 2, 64)) < 1, normal, 0)
    x, y = bins.curve(bins.Bins(np.linspace(-2, 2, 65), narrow))
    assert y[0] == y[-1] == 0 < y[1]


@pytest.mark.parametrize("kept", [0, 1, 6])
def test_random_masks_of_few_or_all_weights(kept):
    rows = {"replicate": 0, "connections": [kept // 2, kept - kept // 2], "possible": 3}
    counts = bins.at_random(pd.DataFrame(rows)).counts
    expected = {0: [2, 0, 0, 0], 1: [1, 1, 0, 0], 6: [0, 0, 0, 2]}[kept]
    np.testing.assert_allclose(counts, expected, atol=1e-12)


# Figures.


def test_figure_15_shows_the_initial_weights_of_tickets(run, nets):
    axes = figures.figure_15({"": run}).axes
    titles = ["First layer", "Second layer", "Output layer"]
    assert [ax.get_title("left") for ax in axes] == titles
    for ax, net in zip(axes, nets.values(), strict=True):
        lines = lines_of(ax)
        names = ["100 %", "40.0 %", "16.0 %", "7.0 %"]
        assert [line.get_label() for line in lines] == names
        assert [line.get_color() for line in lines] == [INK, BLUE, ORANGE, GREEN]
        for line, level in zip(lines, DENSITIES, strict=True):
            values = pooled_of(net, "initial", level)
            check_curve(line, values, edges_of(net, "initial"))
        (area,) = ax.collections
        np.testing.assert_array_equal(area.get_facecolor()[0], to_rgba(INK, 0.08))
        left, right = ax.get_xlim()
        outside = (net.initial < left) | (net.initial > right)
        assert outside.mean() < 0.01 and -0.6 < left < 0 < right < 0.6
        assert ax.get_ylim()[0] == 0
        assert ax.get_xlabel() == "initial weight"
    assert axes[0].get_ylabel() == "density"


@pytest.mark.parametrize(("number", "quantity"), [(19, "distance"), (20, "growth")])
def test_figures_19_and_20_compare_the_ticket_with_the_rest(
    run, nets, number, quantity
):
    figure = getattr(figures, f"figure_{number}")({"": run})
    for ax, net in zip(figure.axes, nets.values(), strict=True):
        other, kept = lines_of(ax)
        names = ["other weights", "weights of the ticket (16.0 %)"]
        assert [line.get_label() for line in (other, kept)] == names
        assert kept.get_color() == BLUE != other.get_color()
        for line, is_kept in ((other, False), (kept, True)):
            values = pooled_of(net, quantity, 3, is_kept)
            check_curve(line, values, edges_of(net, quantity))
        left, right = ax.get_xlim()
        assert not ax.texts
        inside = net.values(quantity)[net.masks[3]]
        assert ((inside > left) & (inside < right)).mean() > 0.98
        if quantity == "distance":
            assert -0.03 * right < left < 0
        else:
            assert left < np.quantile(net.values(quantity), 0.01)


def test_a_peak_at_0_leaves_the_panel_and_tells_its_share(nets):
    still = nets[LENET[0]]
    at_rest = np.broadcast_to(np.arange(50) < 20, still.final.shape)
    final = np.where(at_rest, still.initial, still.final)
    one = make(nets | {LENET[0]: still._replace(final=final)})
    for figure in (figures.figure_19({"": one}), figures.figure_20({"": one})):
        first, second, _ = figure.axes
        other, kept = lines_of(first)
        shares = []
        for line in (other, kept):
            x, y = line.get_xdata()[1:-1], line.get_ydata()[1:-1]
            near = np.abs(x) < x[1] - x[0]
            assert y[near].max() > first.get_ylim()[1] > y[~near].max()
            shares.append(y[near].sum() * (x[1] - x[0]))
        texts = [text.get_text() for text in first.texts]
        assert texts == [f"{100 * share:.0f} % near 0" for share in shares]
        colours = [text.get_color() for text in first.texts]
        assert colours == [other.get_color(), kept.get_color()]
        assert min(shares) > 0.3
        highest = max(line.get_ydata().max() for line in lines_of(second))
        assert second.get_ylim()[1] > highest and not second.texts


def test_a_layer_that_never_moved_is_drawn_whole(nets):
    still = nets[LENET[0]]
    one = make(nets | {LENET[0]: still._replace(final=still.initial)})
    ax = figures.figure_19({"": one}).axes[0]
    assert ax.get_ylim()[1] > max(line.get_ydata().max() for line in lines_of(ax))


SIDES = {21: ("incoming", 0), 23: ("outgoing", 1)}
TITLES = {
    21: ["First layer", "Second layer", "Output layer"],
    23: ["Input", "First hidden layer", "Second hidden layer"],
}


@pytest.mark.parametrize("number", SIDES)
def test_figures_21_and_23_show_the_shares_of_connections(run, nets, number):
    side, axis = SIDES[number]
    figure = getattr(figures, f"figure_{number}")({"": run})
    assert [ax.get_title("left") for ax in figure.axes] == TITLES[number]
    assert {ax.get_xlabel() for ax in figure.axes} == {
        f"share of {side} connections that remain"
    }
    for ax, net in zip(figure.axes, nets.values(), strict=True):
        solid, dashed = lines_of(ax), lines_of(ax, dashed=True)
        assert [line.get_label() for line in solid] == ["40.0 %", "16.0 %", "7.0 %"]
        for line, random, level in zip(solid, dashed, (2, 3, 5), strict=True):
            mask = net.masks[level]
            possible = mask.shape[1 + axis]
            counts = mask.sum(1 + axis).ravel()
            x, y = line.get_xdata()[1:-1], line.get_ydata()[1:-1]
            n = round(possible * (x[1] - x[0]))
            first = np.arange(0, possible + 1, n)
            own = (np.append(first, possible + 1) - 0.5) / possible
            here, _ = np.histogram(counts / possible, own)
            filled = slice(np.flatnonzero(here)[0], np.flatnonzero(here)[-1] + 1)
            middles, width = (own[1:] + own[:-1]) / 2, np.diff(own)
            np.testing.assert_allclose(x, middles[filled], atol=1e-12)
            np.testing.assert_allclose(y, (here / (counts.size * width))[filled])
            # The random line is in the same bins.
            law = stats.hypergeom(mask[0].size, int(mask[0].sum()), possible)
            share = [law.pmf(np.arange(k, k + n)).sum() for k in first] / width
            x, y = random.get_xdata()[1:-1], random.get_ydata()[1:-1]
            at = [int(np.argmin(np.abs(middles - place))) for place in x]
            np.testing.assert_allclose(x, middles[at], atol=1e-12)
            np.testing.assert_allclose(y, share[at], rtol=1e-6)
            assert np.trapezoid(random.get_ydata(), random.get_xdata()) > 0.99
            assert random.get_color() == line.get_color()
            assert random.get_linewidth() < line.get_linewidth()
    (legend,) = figure.legends
    names = [text.get_text() for text in legend.get_texts()]
    assert names == ["40.0 %", "16.0 %", "7.0 %", "random masks"]


def test_variants_have_a_row_each_and_share_colours(nets):
    runs = {"adam": make(nets), "sgd": make(nets_of(7, LENET))}
    sparse = runs["sgd"].summary.assign(density=runs["sgd"].summary["density"] / 2)
    runs["sgd"] = runs["sgd"]._replace(summary=sparse)
    figure = figures.figure_21(runs)
    titles = [ax.get_title("left") for ax in figure.axes]
    words = ("first layer", "second layer", "output layer")
    assert titles == [f"{name}: {word}" for name in runs for word in words]
    places = [ax.get_subplotspec() for ax in figure.axes]
    assert [place.rowspan.start for place in places] == [0, 0, 0, 1, 1, 1]
    colours = {
        line.get_label(): line.get_color()
        for ax in figure.axes
        for line in lines_of(ax)
    }
    names = ["40.0 %", "20.0 %", "16.0 %", "8.0 %", "7.0 %"]
    assert colours == dict(zip(names, PALETTE[:5], strict=True))


def test_figures_of_sgd_have_numbers_of_their_own(run):
    by_sgd = run._replace(config=run.config | {"train": {"optimizer": "sgd"}})
    sgd = [f"figure_{n}" for n in (16, 19, 20, 22, 24)]
    assert own({"": run}) == FIGURES and own({"": by_sgd}) == sgd
    both = {"adam": run, "sgd": by_sgd}
    assert own(both) == [f"figure_{n}" for n in (15, 16, 19, 20, 21, 22, 23, 24)]
    for number, shown in ((15, "First"), (16, "First"), (22, "First"), (24, "Input")):
        exhibit = supported(both)[f"figure_{number}"]
        assert exhibit.draw(both).axes[0].get_title("left").startswith(shown)
        assert ("SGD" in exhibit.caption) == (number % 2 == 0)


def test_variants_without_anatomy_are_left_out(run):
    dense = Anatomy(*(table.query("level == 0") for table in run.anatomy))
    for none in (NO_ANATOMY, dense):
        figure = figures.figure_15({"a": run._replace(anatomy=none), "b": run})
        titles = [ax.get_title("left") for ax in figure.axes]
        assert titles == ["b: first layer", "b: second layer", "b: output layer"]


def test_of_deep_networks_the_ends_and_layers_between_are_shown():
    names = [f"Conv_{i}/kernel" for i in range(11)] + ["Dense_0/kernel"]
    deep = make(nets_of(3, names), "vgg19")
    titles = [ax.get_title("left") for ax in figures.figure_15({"": deep}).axes]
    assert titles == ["Conv_0", "Conv_2", "Conv_4", "Conv_7", "Conv_9", "Dense_0"]
    titles = [ax.get_title("left") for ax in figures.figure_23({"": deep}).axes]
    assert titles[0] == "Into Conv_0"
    two = {"a": deep, "b": make(nets_of(4, names[:2]), "conv2")}
    axes = figures.figure_15(two).axes
    shown = [ax.get_title("left") for ax in axes if ax.get_visible()]
    assert shown == [
        *(f"a: {name}" for name in ("Conv_0", "Conv_6", "Dense_0")),
        *(f"b: {name}" for name in ("Conv_0", "Conv_1")),
    ]
    assert [ax.get_visible() for ax in axes] == [True] * 5 + [False]


def test_four_layers_stand_in_two_rows():
    names = [f"Conv_{i}/kernel" for i in range(4)]
    axes = figures.figure_15({"": make(nets_of(3, names), "other")}).axes
    rows = [ax.get_subplotspec().rowspan.start for ax in axes]
    assert rows == [0, 0, 1, 1]


def test_of_many_levels_those_nearest_to_the_papers_are_shown(run, nets):
    every = {n: nets[LENET[0]].masks[2] for n in range(6)} | nets[LENET[0]].masks
    many = make({LENET[0]: nets[LENET[0]]._replace(masks=every)})
    (ax,) = figures.figure_15({"": many}).axes
    names = [line.get_label() for line in lines_of(ax)]
    assert names == ["100 %", "40.0 %", "16.0 %", "7.0 %"]
    only = many.anatomy.histograms.query("level in (0, 1)")
    few = many._replace(anatomy=many.anatomy._replace(histograms=only))
    (ax,) = figures.figure_15({"": few}).axes
    assert [line.get_label() for line in lines_of(ax)] == ["100 %", "70.0 %"]


# Pages.

FIGURES = [f"figure_{n}" for n in (15, 19, 20, 21, 23)]
ANATOMY = [f"figure_{n}" for n in (*range(15, 17), *range(19, 25))]


def own(runs: dict[str, Run]) -> list[str]:
    return [name for name in supported(runs) if name in ANATOMY]


def test_runs_support_what_their_tables_have(run):
    bare = run._replace(anatomy=NO_ANATOMY)
    assert own({"": run}) == own({"a": bare, "b": run}) == FIGURES
    assert own({"": bare}) == []
    tables = run.anatomy
    no_units = tables._replace(units=tables.units.iloc[:0])
    assert own({"": run._replace(anatomy=no_units)}) == FIGURES[:3]
    initial = tables.histograms.query("quantity == 'initial'")
    only = NO_ANATOMY._replace(histograms=initial)
    assert own({"": run._replace(anatomy=only)}) == ["figure_15"]
    dense = Anatomy(*(table.query("level == 0") for table in tables))
    assert own({"": run._replace(anatomy=dense)}) == []


@pytest.mark.parametrize("name", FIGURES)
def test_figures_have_the_same_bytes_each_time(run, name):
    exhibit = supported({"": run})[name]
    if name not in ("figure_19", "figure_20"):  # they show the middle 99 %
        assert not outside(exhibit.draw({"": run}))
    first, again = (plotting.render(exhibit.draw({"": run}), "svg") for _ in range(2))
    assert first == again
    assert exhibit.caption.startswith(f"Figure {name[-2:]}")


def with_numbers(run: Run, live: bool = True) -> Run:
    """Return a run with live connections and paths of made up numbers."""
    layers = run.anatomy.layers.copy()
    index = np.arange(len(layers))
    layers["live"] = layers["n_remaining"] - index % 5 if live else None
    ways = 8.0 - layers["level"] + layers["replicate"] / 4
    layers["log10_paths"] = ways if live else None
    return run._replace(anatomy=run.anatomy._replace(layers=layers))


def bars_of(ax: Any) -> dict[str, tuple[Any, np.ndarray]]:
    """Return x, and mean, least and greatest value [3, levels], by name of the line."""
    found = {}
    for container in ax.containers:
        x, y = np.array(container.lines[0].get_data())
        x, y = x[np.isfinite(x)], y[np.isfinite(x)]  # the line is broken elsewhere
        segments = container.lines[2][0].get_segments()
        ends = np.array([bar[:, 1] for bar in segments if len(bar)])
        found[container.get_label()] = x, np.array([y, ends[:, 0], ends[:, 1]])
    return found


def summed_up(per_ticket: list[np.ndarray]) -> np.ndarray:
    """Return mean, least and greatest of each level over its replicates."""
    values = np.array(per_ticket, float)
    return np.array([values.mean(1), values.min(1), values.max(1)])


def test_dead_units_and_paths_are_shown_by_density(run, nets):
    run = with_numbers(run)
    figure = plotting.figure_dead_units({"": run})
    without_in, without_out, live, paths = figure.axes
    words = ["first layer", "second layer", "output layer"]
    for ax, axis in ((without_in, 1), (without_out, 2)):
        found = bars_of(ax)
        assert list(found) == words
        for name, net in zip(words, nets.values(), strict=True):
            x, values = found[name]
            np.testing.assert_allclose(x, [100 * d for d in DENSITIES.values()])
            dead = [100 * (~m.any(axis)).mean(1) for m in net.masks.values()]
            np.testing.assert_allclose(values, summed_up(dead), atol=1e-12)
        assert any(values.max() > 0 for _, values in found.values())
        assert ax.get_xscale() == "log" and ax.xaxis_inverted()
    layers = run.anatomy.layers.sort_values(["level", "replicate"], kind="stable")
    table = layers[["live", "n_remaining"]].to_numpy(float).reshape(4, REPLICATES, 3, 2)
    found = bars_of(live)
    assert list(found) == [*words, "whole network"]
    for i, name in enumerate(words):
        share = 100 * table[:, :, i, 0] / table[:, :, i, 1]
        np.testing.assert_allclose(found[name][1], summed_up(share))
    whole = table.sum(2)
    share = 100 * whole[..., 0] / whole[..., 1]
    np.testing.assert_allclose(found["whole network"][1], summed_up(share))
    ((name, (_, values)),) = bars_of(paths).items()
    assert name == "whole network"
    ways = [[8 - n, 8.25 - n] for n in DENSITIES]
    np.testing.assert_allclose(values, summed_up(ways))
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == list(found)
    assert not outside(figure)
    (note,) = figure.texts
    assert note.get_text() == "n = 2 replicates; bars: smallest to largest"


def test_networks_that_are_no_chain_have_dead_units_and_no_paths(run):
    bare = with_numbers(run, live=False)
    titles = [
        ax.get_title("left") for ax in plotting.figure_dead_units({"": bare}).axes
    ]
    units = ["Units without incoming", "Inputs without outgoing"]
    assert titles == [f"{text} connections (%)" for text in units]
    lost = run.anatomy.layers.assign(log10_paths=None)
    some = run._replace(anatomy=run.anatomy._replace(layers=lost))
    two = plotting.figure_dead_units({"a": bare, "b": some}).axes
    starts = [ax.get_title("left")[:7] for ax in two]
    assert starts == ["a: Unit", "a: Inpu", "b: Unit", "b: Inpu", "b: Live"]


def test_dead_units_are_shown_of_two_pruned_levels_or_more(run):
    def having(levels: tuple[int, ...]) -> Run:
        few = (table[table["level"].isin(levels)] for table in run.anatomy)
        return run._replace(anatomy=Anatomy(*few))

    for levels, enough in (((0, 2, 3), True), ((2, 5), True), ((0, 3), False)):
        runs = {"": having(levels)}
        assert ("dead_units" in supported(runs)) == enough, levels
    runs = {"a": having((0, 3)), "b": having((0, 2, 3))}
    names = [*supported(runs)]
    assert names.index("dead_units") == names.index("figure_23") + 1
    titles = [ax.get_title("left") for ax in plotting.figure_dead_units(runs).axes]
    assert titles and all(title.startswith("b: ") for title in titles)
    assert plotting.render(plotting.figure_dead_units(runs), "png")


def test_the_table_tells_what_tickets_are_made_of(run):
    cells = text_of(anatomy_section(run))
    assert cells[0] == (
        "level|weights|layer|left|positive (%)|moved (others)|grown, % (others)"
        "|spread in (random)|spread out (random)|units without in|units without out"
        "|live|paths (log10)"
    )
    assert cells[1] == (
        "0|100 %|first layer|3,000|50.0|0.5050|75.0|1.50 (0.50)|2.50 (0.75)|2.5|1.0"
        "|-|0.25"
    )
    assert cells[-1] == (
        "5|7.0 %|output layer|28|50.0|0.5050 (0.2500)|75.0 (50.0)|1.50 (0.50)"
        "|2.50 (0.75)|2.5|1.0|1,001|0.25"
    )
    keys = [row.split("|")[:3:2] for row in cells[1:]]
    words = ("first layer", "second layer", "output layer")
    assert keys == [[str(level), word] for level in DENSITIES for word in words]
    assert anatomy_section(run._replace(anatomy=NO_ANATOMY)) is None


def test_layers_that_are_no_chain_have_no_paths(run, tmp_path):
    rows = run.anatomy.layers.assign(live=None, log10_paths=None).to_dict("records")
    write_table(tmp_path / "layers.parquet", rows, LAYERS)
    stored = read_table(tmp_path / "layers.parquet", LAYERS)
    bare = run._replace(anatomy=run.anatomy._replace(layers=stored))
    cells = text_of(anatomy_section(bare))[1:]
    assert [row[-4:] for row in cells] == ["|-|-"] * (len(rows) // REPLICATES)


def test_the_page_has_the_table_and_the_figures(run, tmp_path, monkeypatch):
    monkeypatch.setattr(plotting, "render", lambda figure, form: b"<svg></svg>")
    html = write_report(run._replace(path=tmp_path)).read_text()
    assert "<h2>Anatomy</h2>" in html
    for name in FIGURES:
        assert f'<figure id="{name}">' in html
    bare = run._replace(path=tmp_path, anatomy=NO_ANATOMY)
    assert "Anatomy" not in write_report(bare).read_text()


def test_made_tables_have_the_columns_of_runs(run):
    tables = zip(run.anatomy, (LAYERS, HISTOGRAMS, UNITS), strict=True)
    for table, columns in tables:
        assert list(table) == list(columns)
