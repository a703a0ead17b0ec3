"""Figures and tables of the appendices' sweeps, from runs made by hand."""

import re
import runpy
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from drawing import ACCURACY, made, numbers, sketched, small, supported, swept
from made import text_of
from matplotlib.colors import to_hex

from lth_jax import plotting, recipes
from lth_jax.config import Config, ModelConfig, PruneConfig, TrainConfig, to_dict
from lth_jax.papers.lottery import figures
from lth_jax.plotting.kinds import look_of
from lth_jax.plotting.style import INK
from lth_jax.plotting.variants import differing, settings_of
from lth_jax.report.run import write_report
from lth_jax.report.sweep import write_reports
from lth_jax.report.tables import settings_section
from lth_jax.results import flat_numbers
from lth_jax.store.read import Run

EXPERIMENTS = Path(__file__).parents[1] / "experiments"


def means(variant: int, kind: str, levels: int = 3, more: float = 0.0) -> np.ndarray:
    """Return what a line of accuracies shows, in percent, the dense network first."""
    values = [numbers(variant, kind, level, 3) for level in range(levels + 1)]
    return 100 * (np.mean(values, axis=1) + more)


def lines(ax: Any) -> list[tuple[str, np.ndarray, np.ndarray, Any]]:
    """Return label, x, y and the line itself of all lines with bars, in order."""
    found = []
    for container in ax.containers:
        line = container.lines[0]
        found.append((container.get_label(), *line.get_data(), line))
    return found


def legend_of(ax: Any) -> list[str]:
    return [text.get_text() for text in ax.get_legend().get_texts()]


# Which runs support which figures.

ALONE = "figure_3 figure_11"
EXPECTED = {
    "1": ("figure_1", f"figure_4 figure_1 {ALONE}"),
    "3": (f"figure_4 {ALONE}", f"figure_4 {ALONE}"),
    "4": ("figure_4 figure_12", "figure_4 figure_12"),
    "5": ("figure_5 figure_13", f"figure_5 {ALONE}"),
    "6": ("figure_6", f"figure_6 {ALONE}"),
    "7": ("figure_7", f"figure_7 {ALONE}"),
    "8": ("figure_8", f"figure_8 {ALONE}"),
    "9": ("figure_9 figure_10", "figure_9"),
    "11": (f"figure_4 {ALONE}", f"figure_4 {ALONE}"),
    "12": ("figure_12 figure_13", "figure_4 figure_12"),
    "14": ("figure_14 figure_13", "figure_14 figure_1"),
    "15": ("figure_4", "figure_4"),
    "17": ("figure_17", "figure_17"),
    "18": ("figure_18", "figure_18"),
    "25": (f"figure_25 figure_4 {ALONE}", f"figure_25 figure_4 {ALONE}"),
    **{str(n): (f"figure_{n}", f"figure_{n}") for n in range(26, 38)},
    "38": ("figure_38 figure_39", "figure_39"),
    "40": ("figure_40 figure_41", f"figure_8 {ALONE}"),
    "42": ("figure_42 figure_43", "figure_42"),
    "44": ("figure_44 figure_45", "figure_44"),
}
"""The figures of each experiment of the first paper, at full size and small."""


def test_the_table_has_every_experiment_of_the_first_paper():
    names = {path.stem for path in EXPERIMENTS.glob("lth_figure_*.py")}
    assert names == {f"lth_figure_{number}" for number in EXPECTED}


@pytest.mark.parametrize("number", EXPECTED)
def test_experiments_support_their_figures(number):
    module = runpy.run_path(str(EXPERIMENTS / f"lth_figure_{number}.py"))
    for form, names in zip(("config", "quick"), EXPECTED[number], strict=True):
        study = module[form]()
        study = {"": study} if isinstance(study, Config) else study
        runs = {variant: sketched(config) for variant, config in study.items()}
        found = supported(runs)
        assert [*found] == names.split(), form
        for name, exhibit in found.items():
            assert exhibit.caption.startswith(f"Figure {name[7:]}. ")


def test_variants_of_an_appendix_keep_their_own_pages():
    runs = swept(small(), train__learning_rate=(0.1, 0.2))
    assert [*supported(runs)] == ["figure_26"]
    for run in runs.values():
        assert [*supported({"": run})] == f"figure_4 {ALONE}".split()


NO_SWEEPS = {
    "nothing differs": lambda: swept(small(), train__learning_rate=(0.1, 0.1)),
    "more differs": lambda: (
        swept(small(), train__learning_rate=(0.1, 0.2))
        | {"other": made(replace(small(), seed=1))}
    ),
    "one twice": lambda: swept(small(), train__learning_rate=(0.1, 0.2, 0.2)),
    "with dropout": lambda: swept(
        replace(small(), model=ModelConfig(dropout=0.5)), train__learning_rate=(1, 2)
    ),
    "layer by layer": lambda: swept(small("vgg19"), train__warmup=(0, 100)),
    "no reinits": lambda: swept(small("vgg19"), train__learning_rate=(1, 2)),
}


@pytest.mark.parametrize("case", NO_SWEEPS)
def test_other_runs_are_no_sweep_of_an_appendix(case):
    names = [*supported(NO_SWEEPS[case]())]
    assert names in (["figure_4"], ["figure_7"])


def test_figures_of_several_networks_need_several():
    both = {"reinits": 1, "shuffles": 1}
    twins = {v: made(small("conv2", **both)) for v in ("a", "b")}
    assert [*supported(twins)] == ["figure_5", "figure_1"]
    found = supported(twins | {"c": made(small("conv4", **both))})
    assert [*found] == ["figure_5", "figure_14", "figure_1"]
    alone = ["figure_5", "figure_1", "figure_3", "figure_11", "figure_14"]
    for variant in ("", "conv2"):
        assert [*supported({variant: twins["a"]})] == alone
    one_kind = made(small("conv2", shuffles=1))
    assert "figure_14" not in supported({"": one_kind})
    (ax,) = figures.figure_14({"": twins["a"]}).axes
    names = ["ticket", "random reinit", "shuffle mask"]
    assert [name for name, *_ in lines(ax)] == names


def test_settings_in_which_runs_differ_are_those_that_runs_are_pooled_by():
    young = made(small())
    old = young._replace(
        config={"model": {"name": "lenet"}, "out": "x", "odd": {"n": 1}}
    )
    found = settings_of(old)
    pooled = flat_numbers(old.config)
    assert found.items() <= pooled.items()
    assert pooled.keys() - found.keys() == {"odd.n"}
    assert differing([young, old]) == differing([old, young]) != []
    assert settings_of(young) == flat_numbers(to_dict(small()))


def test_figures_of_the_first_paper_are_drawn_by_name():
    drawn = {name for name in vars(figures) if name.startswith("figure_")}
    assert drawn < {*figures.__all__}
    names = [each.name for each in figures.FIGURES]
    assert len(names) == len(set(names)) and drawn <= {*names}
    for each in figures.FIGURES:
        assert each.draw == getattr(figures, each.name, each.draw)
    runs = swept(small(), train__learning_rate=(0.1, 0.2))
    assert figures.draw_sweep("figure_26", runs).axes


def test_deep_networks_without_curves_have_no_moments():
    runs = swept(small("vgg19", reinits=1), train__learning_rate=(1, 2))
    assert [*supported(runs)] == ["figure_43"]
    bare = {v: run._replace(curves=run.curves.iloc[:0]) for v, run in runs.items()}
    assert not supported(bare)


def test_controls_and_replicates_make_no_other_tickets():
    a, b = swept(small(), train__learning_rate=(0.1, 0.2)).values()
    more = made(replace(small(reinits=2, noises=(1.0,)), replicates=2))
    changed = to_dict(Config()) | more.config
    changed["train"] = b.config["train"]
    assert [*supported({"a": a, "b": b._replace(config=changed)})] == ["figure_26"]


# What they show.


def test_a_sweep_over_learning_rates_shows_tickets_in_order_of_the_rates():
    rates = (0.01, 2.5e-5, 0.0012)
    runs = swept(small(reinits=1), train__learning_rate=rates)
    figure = supported(runs)["figure_26"].draw(runs)
    stops, accuracy = figure.axes
    assert stops.get_title(loc="left") == "Early-stop step"
    assert accuracy.get_title(loc="left") == "Validation accuracy at early stop (%)"
    assert legend_of(accuracy) == ["0.000025", "0.0012", "0.01"]
    assert accuracy.get_legend().get_title().get_text() == "learning rate"
    for ax in (stops, accuracy):
        assert [name for name, *_ in lines(ax)] == ["0.000025", "0.0012", "0.01"]
        assert ax.get_xscale() == "log" and ax.xaxis_inverted()
    for (_, x, y, _), variant in zip(lines(accuracy), (1, 2, 0), strict=True):
        np.testing.assert_allclose(x, [100, 50, 25, 12.5])
        np.testing.assert_allclose(y, means(variant, "ticket"))
    for (_, _, y, _), variant in zip(lines(stops), (1, 2, 0), strict=True):
        np.testing.assert_allclose(y, 10 * (np.arange(4) + variant + 2))
    (bars,) = accuracy.containers[0].lines[2]
    values = numbers(1, "ticket", 1, 3)
    ends = bars.get_segments()[1][:, 1]
    np.testing.assert_allclose(ends, [100 * values.min(), 100 * values.max()])


def luminance(colour: Any) -> float:
    """Return the relative luminance of a colour (WCAG 2)."""
    rgb = [int(to_hex(colour)[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    line = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in rgb]
    return float(np.dot(line, (0.2126, 0.7152, 0.0722)))


def test_eight_lines_are_told_apart_and_seen():
    rates = [2.0**-n for n in range(8)]
    runs = swept(small(), train__learning_rate=rates)
    drawn = [
        line for *_, line in lines(supported(runs)["figure_26"].draw(runs).axes[1])
    ]
    light = [luminance(line.get_color()) for line in drawn]
    assert light == sorted(light) and len(set(light)) == 8
    assert max(light) < 0.6
    marks = [line.get_marker() for line in drawn]
    assert all(a != b for a, b in pairwise(marks))


def test_a_scale_that_is_no_number_stands_last_in_ink():
    runs = swept(small(), model__init_std=(None, 0.4, 0.1))
    figure = supported(runs)["figure_30"].draw(runs)
    assert legend_of(figure.axes[1]) == ["0.1", "0.4", "Glorot's"]
    assert lines(figure.axes[1])[-1][3].get_color() == INK


def test_sizes_stand_against_thousands_of_weights():
    names, weights = ((300, 100), (25, 9)), (266_200, 19_915)
    configs = [replace(small(), model=ModelConfig(widths=one)) for one in names]
    configs[1] = replace(configs[1], prune=replace(configs[1].prune, levels=2))
    runs = {
        str(i): made(config, i, n)
        for i, (config, n) in enumerate(zip(configs, weights, strict=True))
    }
    figure = supported(runs)["figure_31"].draw(runs)
    assert legend_of(figure.axes[1]) == ["25-9", "300-100"]
    small_one, large = lines(figure.axes[1])
    np.testing.assert_allclose(large[1], [266.2, 133.1, 66.55, 33.275])
    np.testing.assert_allclose(small_one[1], [19.915, 9.958, 4.979])
    ticks = [text.get_text() for text in figure.axes[0].get_xticklabels()]
    assert ticks == ["5", "10", "20", "50", "100", "200"]
    assert figure.axes[0].get_xlabel() == "thousands of weights remaining"


def test_layers_that_are_pruned_are_named_and_tested():
    base = small("conv2")
    rates = ((), (("conv", 0.0),), (("dense", 0.0),))
    runs = swept(base, prune__rates=rates)
    figure = supported(runs)["figure_37"].draw(runs)
    stops, accuracy = figure.axes
    names = ["all layers", "dense layers only", "convolutions only"]
    assert legend_of(accuracy) == [*names]
    assert accuracy.get_title(loc="left") == "Conv-2: test accuracy at early stop (%)"
    for variant, (_, x, y, _) in enumerate(lines(accuracy)):
        np.testing.assert_allclose(x, [50, 25, 12.5, 6.25])
        np.testing.assert_allclose(y, means(variant, "ticket", more=-0.01))
    assert len({line.get_color() for *_, line in lines(stops)}) == 3


def test_a_row_per_network_each_with_its_own_legend():
    runs = {}
    for i, (name, rates) in enumerate({"conv4": (1, 2), "conv2": (3, 4, 5)}.items()):
        some = swept(small(name), train__learning_rate=rates)
        runs |= {f"{i}{variant}": run for variant, run in some.items()}
    runs["alone"] = made(small("conv6"))
    figure = supported(runs)["figure_32"].draw(runs)
    titles = [ax.get_title(loc="left") for ax in figure.axes]
    assert [title.split(":")[0] for title in titles] == 2 * ["Conv-4"] + 2 * ["Conv-2"]
    assert legend_of(figure.axes[1]) == ["1", "2"]
    assert legend_of(figure.axes[3]) == ["3", "4", "5"]


def test_the_dense_network_is_a_line_where_variants_share_it():
    runs = swept(small(), prune__continued=(False, True))
    figure = supported(runs)["figure_9"].draw(runs)
    assert legend_of(figure.axes[1]) == ["resetting", "continued training"]
    one = runs["v0"]
    runs["v1"] = runs["v1"]._replace(summary=one.summary)
    figure = supported(runs)["figure_9"].draw(runs)
    assert legend_of(figure.axes[1])[-1] == "dense network"
    level = [line for line in figure.axes[1].lines if len({*line.get_ydata()}) == 1]
    assert any(np.isclose(x.get_ydata()[0], means(0, "ticket")[0]) for x in level)


def test_ticks_are_round_where_densities_differ():
    runs = swept(small(levels=6), prune__rate=(0.2, 0.5))
    figure = supported(runs)["figure_29"].draw(runs)
    ticks = [text.get_text() for text in figure.axes[0].get_xticklabels()]
    assert ticks == ["2", "5", "10", "20", "50", "100"]
    runs = swept(small(levels=6), train__learning_rate=(0.2, 0.5))
    fewer = runs["v1"].summary.query("level < 3")
    runs["v1"] = runs["v1"]._replace(summary=fewer)
    figure = supported(runs)["figure_26"].draw(runs)
    ticks = [text.get_text() for text in figure.axes[0].get_xticklabels()]
    assert ticks == ["100", "50.0", "25.0", "12.5", "6.2", "3.1", "1.6"]


def test_moments_of_deep_networks_by_rate_and_kind():
    runs = swept(small("resnet18", reinits=1), train__learning_rate=(0.1, 0.01))
    figure = supported(runs)["figure_42"].draw(runs)
    steps = (200, 400, 600)
    titles = [f"Validation accuracy after {step} steps" for step in steps]
    assert [ax.get_title(loc="left") for ax in figure.axes] == titles
    assert legend_of(figure.axes[2]) == ["0.01", "0.1", "ticket", "random reinit"]
    for ax, step in zip(figure.axes, steps, strict=True):
        shown = lines(ax)
        order = [(v, k) for v in (1, 0) for k in ("ticket", "random_reinit")]
        for (variant, kind), (_, _, y, line) in zip(order, shown, strict=True):
            np.testing.assert_allclose(y, means(variant, kind, more=-step / 1e7))
            assert line.is_dashed() == (kind != "ticket")
        colours = [line.get_color() for *_, line in shown]
        assert colours[0] == colours[1] != colours[2] == colours[3]


def test_scopes_are_solid_and_dashed_and_tested():
    runs = {}
    for i, scope in enumerate(("layerwise", "global")):
        base = small("vgg19")
        prune = replace(base.prune, scope=scope)  # type: ignore[arg-type]
        runs[scope] = made(replace(base, prune=prune), i)
    figure = supported(runs)["figure_38"].draw(runs)
    last = figure.axes[2]
    assert legend_of(last) == ["rate 0.0012", "global", "layer by layer"]
    layered, whole = lines(last)
    assert layered[3].is_dashed() and not whole[3].is_dashed()
    np.testing.assert_allclose(whole[2], means(1, "ticket", more=-0.1 - 600 / 1e7))


def test_what_learns_nothing_does_not_squash_the_rest():
    runs = swept(small(), train__learning_rate=(0.1, 0.2, 0.3, 0.4))
    flat = runs["v0"].summary.assign(val_accuracy_es=0.1)
    runs["v0"] = runs["v0"]._replace(summary=flat)
    ax = supported(runs)["figure_26"].draw(runs).axes[1]
    low, high = ax.get_ylim()
    shown = np.concatenate([means(variant, "ticket") for variant in (1, 2, 3)])
    assert low < 10 and high > shown.max()
    ends = [low, 10, shown.min(), shown.max(), high]
    place = ax.transData.transform([(50, y) for y in ends])[:, 1]
    assert np.diff(place).min() > 0.03 * (place[-1] - place[0])
    ticks = [text.get_text() for text in ax.get_yticklabels()]
    assert {"20", "60", "90"} <= {*ticks} and len(ticks) < 12
    everything = {v: run._replace(summary=flat) for v, run in runs.items()}
    figure = supported(everything)["figure_26"].draw(everything)
    low, high = figure.axes[1].get_ylim()
    assert low < 10 < high


def broken(run: Run) -> Run:
    summary = run.summary.assign(status="diverged", early_stop_step=pd.NA)
    return run._replace(summary=summary.assign(**dict.fromkeys(ACCURACY, np.nan)))


@pytest.mark.parametrize("lost", ["one", "all", "levels"])
def test_figures_are_drawn_of_networks_that_failed(lost):
    runs = swept(small(), train__learning_rate=(0.1, 0.2, 0.3))
    if lost == "levels":
        run = runs["v1"]
        runs["v1"] = run._replace(summary=run.summary.query("level < 2"))
    else:
        some = ("v1",) if lost == "one" else tuple(runs)
        runs |= {variant: broken(runs[variant]) for variant in some}
    figure = supported(runs)["figure_26"].draw(runs)
    assert legend_of(figure.axes[1])[:3] == ["0.1", "0.2", "0.3"]
    counts = {"one": [4, 0, 4], "all": [0, 0, 0], "levels": [4, 2, 4]}
    assert [len(x) for _, x, *_ in lines(figure.axes[1])] == counts[lost]
    assert plotting.render(figure, "png")


# Tickets beside other kinds.


def test_noise_darkens_from_ticket_to_reinit():
    run = made(small(reinits=1, noises=(3.0, 0.5, 1.0), shuffles=1))
    figure = supported({"": run})["figure_25"].draw({"": run})
    words = ["ticket", *(f"noise of {n} sigma" for n in ("0.5", "1", "3"))]
    assert legend_of(figure.axes[1]) == [*words, "random reinit", "dense network"]
    kinds = ("ticket", "noise_0.5", "noise_1", "noise_3", "random_reinit")
    for kind, (_, _, y, _) in zip(kinds, lines(figure.axes[1]), strict=True):
        np.testing.assert_allclose(y, means(0, kind, more=-0.01))
    light = [luminance(look_of(kind).colour) for kind in kinds[1:4]]
    assert light == sorted(light, reverse=True) and len(set(light)) == 3
    everything = ["random_reinit", "shuffle_mask", *kinds[1:4]]
    assert plotting.kinds(run.summary) == ["ticket", *everything]


def test_resampled_reinits_have_a_row_for_each_optimizer():
    base = small(reinits=1, resamples=1, shuffles=1)
    sgd = replace(base.train, optimizer="sgd")
    runs = {"a": made(base, 0), "b": made(replace(base, train=sgd), 1)}
    figure = supported(runs)["figure_17"].draw(runs)
    assert [ax.get_title(loc="left").split(":")[0] for ax in figure.axes] == [
        *("Adam", "Adam", "SGD", "SGD")
    ]
    kinds = ("ticket", "random_reinit", "resample_init")
    for variant, ax in enumerate(figure.axes[1::2]):
        names = ["ticket", "random reinit", "resampled reinit", "dense network"]
        assert legend_of(ax) == names
        for kind, (_, _, y, line) in zip(kinds, lines(ax), strict=True):
            np.testing.assert_allclose(y, means(variant, kind, more=-0.01))
            assert line.get_color() == look_of(kind).colour
    assert len({look_of(kind).colour for kind in (*kinds, "shuffle_mask")}) == 4


def test_pruning_before_training_stands_beside_tickets_and_reinits():
    base = small()
    before = replace(base.prune, criterion="initial_magnitude")
    runs = {
        "early": made(replace(base, prune=before), 1),
        "late": made(replace(base, reinits=1), 0),
    }
    figure = supported(runs)["figure_18"].draw(runs)
    names = ["ticket", "random reinit", "pruned before training"]
    assert [name for name, *_ in lines(figure.axes[1])] == names
    expected = ((0, "ticket"), (0, "random_reinit"), (1, "ticket"))
    for (variant, kind), (_, _, y, _) in zip(
        expected, lines(figure.axes[1]), strict=True
    ):
        np.testing.assert_allclose(y, means(variant, kind, more=-0.01))


def test_last_steps_have_a_panel_per_network():
    kinds = {"reinits": 1, "shuffles": 1, "resamples": 1}
    low = replace(small("resnet18"), train=TrainConfig(steps=600, learning_rate=0.01))
    configs = (small(), small("conv2"), small("resnet18"), low)
    runs = {str(i): made(replace(c, **kinds), i) for i, c in enumerate(configs)}
    figure = supported(runs)["figure_14"].draw(runs)
    assert [ax.get_title(loc="left") for ax in figure.axes] == [
        "LeNet-300-100",
        "Conv-2",
        "ResNet-18, rate 0.0012",
        "ResNet-18, rate 0.01",
    ]
    for variant, ax in enumerate(figure.axes):
        names = ("ticket", "random_reinit", "shuffle_mask")
        for kind, (_, _, y, _) in zip(names, lines(ax), strict=True):
            np.testing.assert_allclose(y, means(variant, kind, more=-0.02))
    assert figure.axes[0].get_ylabel() == "test accuracy at the last step (%)"


def test_surplus_places_hold_no_panel():
    runs = {
        str(i): made(small(f"conv{n}", reinits=1, shuffles=1), i)
        for i, n in enumerate((2, 4, 6))
    }
    runs |= {
        name: made(small(name, reinits=1, shuffles=1)) for name in ("lenet", "vgg19")
    }
    assert len(supported(runs)["figure_14"].draw(runs).axes) == 5


def test_training_accuracy_of_one_shot_pruning_is_against_a_linear_axis():
    base = small(reinits=1)
    once = PruneConfig(one_shot=(0.2, 0.5, 0.9))
    runs = {"it": made(base, 0), "os": made(replace(base, prune=once), 1)}
    figure = supported(runs)["figure_12"].draw(runs)
    assert [ax.get_title(loc="left") for ax in figure.axes] == ["Iterative", "One-shot"]
    assert [ax.get_xscale() for ax in figure.axes] == ["log", "linear"]
    for variant, ax in enumerate(figure.axes):
        for kind, (_, _, y, _) in zip(
            ("ticket", "random_reinit"), lines(ax), strict=True
        ):
            np.testing.assert_allclose(y, means(variant, kind, more=0.02))


# Words and tables.


DIFFER = {
    "rates": (
        lambda: swept(small(), train__learning_rate=(2e-4, 0.1)),
        ["rate 0.0002", "rate 0.1"],
    ),
    "networks": (
        lambda: {
            v: sketched(recipes.deep()[v])
            for v in ("resnet18_warmup", "resnet18_standard", "vgg19_low")
        },
        ["ResNet-18, rate 0.03, warmup 20,000", "ResNet-18, rate 0.1", "VGG-19"],
    ),
    "scopes": (
        lambda: swept(small("vgg19"), prune__scope=("global", "layerwise")),
        ["global", "layer by layer"],
    ),
    "sizes": (
        lambda: swept(small(), model__widths=((25, 9), (300, 100))),
        ["hidden units 25-9", "hidden units 300-100"],
    ),
    "scales": (
        lambda: swept(small(), model__init_std=(0.1, None)),
        ["initial standard deviation 0.1", "Glorot's initial weights"],
    ),
    "parts": (
        lambda: swept(small("conv2"), prune__rates=((), (("conv", 0.0),))),
        ["", "pruning rates conv 0"],
    ),
    "one-shot": (
        lambda: {
            "a": sketched(small()),
            "b": sketched(replace(small(), prune=PruneConfig(one_shot=(0.5,)))),
        },
        ["iterative", "one-shot"],
    ),
    "alike": (lambda: swept(small(), train__learning_rate=(0.1, 0.1)), ["", ""]),
}


@pytest.mark.parametrize("case", DIFFER)
def test_variants_are_named_by_what_differs(case):
    runs, words = DIFFER[case]
    assert [*plotting.differences(runs()).values()] == words


def test_the_table_of_a_sweep_has_the_best_ticket_of_each_variant():
    runs = swept(small(reinits=1), train__learning_rate=(0.1, 0.2, 0.3))
    summary = runs["v1"].summary
    best = (summary["level"] == 2) & (summary["kind"] == "ticket")
    summary = summary.assign(val_accuracy_es=summary["val_accuracy_es"] + 0.05 * best)
    runs["v1"] = runs["v1"]._replace(summary=summary)
    runs["v2"] = broken(runs["v2"])
    rows = text_of(settings_section(runs))
    dense = [f"{means(v, 'ticket')[0]:.2f}" for v in (0, 1)]
    sparse = f"{means(0, 'ticket')[3]:.2f}", f"{means(1, 'ticket')[2] + 5:.2f}"
    assert rows == [
        "variant|setting|dense (%)|early stop|best at|ticket (%)|early stop",
        f"v0|rate 0.1|{dense[0]}|20|12.5 %|{sparse[0]}|50",
        f"v1|rate 0.2|{dense[1]}|30|25.0 %|{sparse[1]}|50",
        "v2|rate 0.3|-|-|-|-|-",
    ]
    assert settings_section(swept(small(), train__learning_rate=(0.1, 0.1))) is None


def test_the_page_of_a_sweep_has_its_figure_and_its_table(tmp_path, monkeypatch):
    monkeypatch.setattr(plotting, "render", lambda figure, form: b"<svg></svg>")
    runs = swept(small(), train__learning_rate=(0.1, 0.2))
    monkeypatch.setattr("lth_jax.report.run.write_figures", lambda path, runs: "")
    runs = {v: run._replace(path=tmp_path / v) for v, run in runs.items()}
    monkeypatch.setattr("lth_jax.store.read.load_variants", lambda path: runs)
    paths = {variant: run.path for variant, run in runs.items()}
    monkeypatch.setattr("lth_jax.store.read.variant_paths", lambda path: paths)
    html = write_reports(tmp_path)[-1].read_text()
    assert re.findall('<figure id="(.*?)"', html) == ["figure_26"]
    assert "<td>rate 0.2</td>" in html and html.count("<h2>Side by side</h2>") == 1


SAID = {
    "noises": (
        small(reinits=1, resamples=1, noises=(3.0, 0.5, 1.0)),
        "worth: random reinits, resampled reinits and tickets with noise of 0.5, 1 and"
        " 3 standard deviations.",
    ),
    "one noise": (
        small(noises=(1.0,)),
        "worth: tickets with noise of 1 standard deviation.",
    ),
    "two controls": (
        small(reinits=1, shuffles=1),
        "worth: random reinits and shuffle masks.",
    ),
    "initial magnitude": (
        replace(small(), prune=PruneConfig(criterion="initial_magnitude")),
        "level the weights of least initial magnitude are pruned, and",
    ),
    "initial magnitude at once": (
        replace(
            small(),
            prune=PruneConfig(criterion="initial_magnitude", one_shot=(0.5, 0.9)),
        ),
        "level more of the weights of least initial magnitude are pruned, and",
    ),
    "scale": (
        replace(small(), model=ModelConfig(init_std=0.05)),
        "own initialisation (Gaussian, with a standard deviation of 0.05 in all"
        " layers). The",
    ),
    "plain": (small(), "own initialisation. The"),
}


@pytest.mark.parametrize("case", SAID)
def test_the_page_says_what_the_appendices_change(case, tmp_path, monkeypatch):
    monkeypatch.setattr("lth_jax.report.run.write_figures", lambda path, runs: "")
    config, words = SAID[case]
    run = made(config)._replace(path=tmp_path)
    html = write_report(run).read_text()
    assert words in html


def test_noisy_networks_that_failed_are_named(tmp_path, monkeypatch):
    monkeypatch.setattr("lth_jax.report.run.write_figures", lambda path, runs: "")
    run = made(small(noises=(0.5,)))._replace(path=tmp_path)
    lost = (run.summary["kind"] == "noise_0.5") & (run.summary["level"] == 2)
    summary = run.summary.assign(status=np.where(lost, "diverged", "ok"))
    html = write_report(run._replace(summary=summary)).read_text()
    assert "Level 2: 3 tickets with noise of 0.5 sigma diverged (" in html
