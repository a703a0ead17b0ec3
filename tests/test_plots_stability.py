"""Figures and tables of rewinding and stability, from runs made by hand."""

import functools
from itertools import pairwise, product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from drawing import outside, supported
from made import curves_of, run_of, text_of
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure

from lth_jax import plotting
from lth_jax.config import (
    Config,
    PruneConfig,
    RewindConfig,
    StabilityConfig,
    TrainConfig,
)
from lth_jax.papers.connectivity.figures import figure_barrier, figure_path
from lth_jax.papers.lottery import figures
from lth_jax.papers.retraining.figures import figure_retraining
from lth_jax.papers.stabilizing import figures as stabilizing
from lth_jax.papers.stabilizing.figures import (
    figure_rewinding_accuracy,
    figure_stability,
)
from lth_jax.plotting.kinds import look_of
from lth_jax.plotting.style import style
from lth_jax.report.page import write_figures
from lth_jax.report.run import write_report
from lth_jax.report.sweep import write_reports
from lth_jax.report.tables import stability_section, variants_section
from lth_jax.schema import PATHS, STABILITY
from lth_jax.store.read import Run

LEVELS, REPLICATES, LENGTH = 3, 3, 1000
KINDS = ("ticket", "shuffle_mask")
PAIRS = [(0, 1), (0, 2), (1, 2)]
ALPHAS = (0.0, 0.5, 1.0)
BASE = {"ticket": 1.0, "shuffle_mask": 2.0, "random_reinit": 3.0}


def spread(mean: float, n: int) -> np.ndarray:
    """Return n numbers, a multiple of 3, of that mean: two below it and one above."""
    return mean * np.resize((0.9, 0.9, 1.2), n)


def accuracy(kind: str, level: int, start: int) -> float:
    return 0.9 - 0.01 * level * BASE[kind] + start / 1e5


def distance(kind: str, level: int, start: int, cause: str) -> float:
    return (10 if cause == "pruning" else 20) * BASE[kind] + level + start / 100


def barrier(kind: str, level: int, start: int) -> float:
    return 0.1 * BASE[kind] + level / 100 - start / 1e4


def summary_of(start: int, levels: int) -> pd.DataFrame:
    rows = []
    for level in range(levels + 1):
        kinds = [*KINDS, "ticket_reorder"] if level else ["ticket"]
        for kind in kinds:
            mean = accuracy(kind.removesuffix("_reorder"), level, start * bool(level))
            if kind == "ticket_reorder":
                mean = 0.123
            rows += [
                {"level": level, "kind": kind, "replicate": replicate, "draw": 0}
                | {"density": 0.5**level, "status": "ok", "early_stop_step": 100}
                | {"test_accuracy_es": value - 0.01, "test_accuracy_final": value}
                | {"train_accuracy_final": value}
                for replicate, value in enumerate(spread(mean, REPLICATES))
            ]
    return pd.DataFrame(rows)


def compared(start: int, at: tuple[int, ...], points: bool) -> list[pd.DataFrame]:
    """Return the tables of stability and of paths."""
    stability, paths, n = [], [], REPLICATES * len(PAIRS)
    for level, kind in product(at, KINDS):
        who = [(r, *pair) for r in range(REPLICATES) for pair in PAIRS]
        pairs = pd.DataFrame(who, columns=["replicate", "first", "second"])
        pairs = pairs.assign(level=level, kind=kind)
        for cause in ("data_order", "pruning"):
            far = spread(distance(kind, level, start, cause), n)
            on_line = cause == "data_order" and points
            high = spread(barrier(kind, level, start), n) if on_line else np.nan
            named = pairs.assign(cause=cause, distance=far, angle=0.6 * far)
            stability.append(named.assign(test_barrier=high, train_barrier=high / 2))
        for alpha, split in product(ALPHAS if points else (), ("test", "train")):
            error = 0.2 + 0.1 * BASE[kind] * alpha * (1 - alpha) + level / 100
            values = spread(error / (1 if split == "test" else 2), n)
            paths.append(pairs.assign(alpha=alpha, split=split, error=values))
    return [
        pd.concat(tables, ignore_index=True)[[*columns]]
        if tables
        else pd.DataFrame(columns=[*columns])
        for columns, tables in ((STABILITY, stability), (PATHS, paths))
    ]


@functools.cache
def make(
    weights: Any = 0,
    clock: Any = None,
    steps: int | None = None,
    at: tuple[int, ...] = (2,),
    points: bool = True,
    levels: int = LEVELS,
    path: Path = Path("runs/made"),
    **train: Any,
) -> Run:
    config = Config(
        train=TrainConfig(steps=LENGTH, eval_every=100, **train),
        prune=PruneConfig(levels=levels, rate=0.5),
        rewind=RewindConfig(weights=weights, clock=clock, steps=steps),
        stability=StabilityConfig(orders=3 if at else 1, points=3 if points else 0),
        replicates=REPLICATES,
    )
    start = weights if isinstance(weights, int) else 50
    summary = summary_of(start, levels)
    stability, paths = compared(start, at, points)
    return run_of(
        config,
        summary,
        path=path,
        manifest={"experiment": "made", "data": {"name": "digits"}},
        curves=curves_of(summary, (0, LENGTH)),
        stability=stability,
        paths=paths,
    )


@pytest.fixture(scope="module")
def one() -> Run:
    return make(500, at=(1, 2))


@pytest.fixture(scope="module")
def sweep() -> dict[str, Run]:
    """Return a sweep whose variants are not in the order of their steps."""
    return {f"k{n}": make(n) for n in (100, 0, 500)}


@pytest.fixture(scope="module")
def methods() -> dict[str, Run]:
    return {
        "tuned": make("final", "end", 70, at=()),
        "rate": make("final", 0.5, at=()),
        "weights": make(500, at=()),
    }


def named(ax: Any) -> dict[str, Any]:
    """Return the columns, or the lines with bars, of a panel by their label."""
    found = {bar.get_label(): bar for bar in ax.containers}
    return {name: bar for name, bar in found.items() if name != "_nolegend_"}


def bars_of(errorbar: Any) -> np.ndarray:
    """Return x, least and greatest value of every bar."""
    segments = np.array(errorbar.lines[2][0].get_segments())
    return np.column_stack([segments[:, 0, 0], segments[:, :, 1]])


def ends(mean: float) -> tuple[float, float]:
    return 0.9 * mean, 1.2 * mean


CAUSES = ("data_order", "pruning", "data_order", "pruning")
WORDS = {"ticket": "ticket", "shuffle_mask": "shuffle mask"}


# Columns: figures 3 and 10.


@pytest.mark.parametrize("panel", range(4))
@pytest.mark.parametrize("kind", KINDS)
def test_columns_are_means_of_pairs_at_all_levels_of_a_run(one, kind, panel):
    ax = figure_stability({"": one}).axes[panel]
    means = [distance(kind, n, 500, CAUSES[panel]) for n in (1, 2)]
    means = np.array(means) * (1 if panel < 2 else 0.6)
    columns = named(ax)[WORDS[kind]]
    assert [bar.get_height() for bar in columns] == pytest.approx(means)
    assert columns[0].get_facecolor() == to_rgba(look_of(kind).colour)
    found = bars_of(columns.errorbar)
    np.testing.assert_allclose(found[:, 1:], [ends(mean) for mean in means])
    middle = [bar.get_x() + bar.get_width() / 2 for bar in columns]
    np.testing.assert_allclose(found[:, 0], middle)
    assert [text.get_text() for text in ax.get_xticklabels()] == ["50.0", "25.0"]
    assert ax.get_xlabel() == "weights remaining (%)"
    assert ax.get_ylim()[0] == 0


def test_columns_of_a_sweep_stand_in_the_order_of_its_steps(sweep):
    ax = figure_stability(sweep).axes[0]
    assert [text.get_text() for text in ax.get_xticklabels()] == ["0", "100", "500"]
    assert ax.get_xlabel() == "rewound to step"
    heights = [bar.get_height() for bar in named(ax)["ticket"]]
    means = [distance("ticket", 2, n, "data_order") for n in (0, 100, 500)]
    assert heights == pytest.approx(means)


def test_variants_that_are_no_sweep_over_steps_keep_names_and_densities():
    runs = {"slow": make(0, learning_rate=0.1), "deep": make(0, at=(3,))}
    ax = figure_stability(runs).axes[0]
    names = [text.get_text() for text in ax.get_xticklabels()]
    assert names == ["slow (25.0 %)", "deep (12.5 %)"]
    alike = {"slow": make(0, learning_rate=0.1), "fast": make(0)}
    ax = figure_stability(alike).axes[0]
    assert [text.get_text() for text in ax.get_xticklabels()] == ["slow", "fast"]


def test_variants_are_compared_at_the_sparsest_level_that_all_have():
    assert plotting.sparsest({"a": make(at=(1, 2)), "b": make(at=(1, 2, 3))}) == {
        "a": 2,
        "b": 2,
    }
    assert plotting.sparsest({"a": make(at=(2,)), "b": make(at=(3,))}) == {
        "a": 2,
        "b": 3,
    }
    assert plotting.sparsest({"a": make(at=(2,)), "b": make(at=())}) == {"a": 2}


def test_a_kind_without_rows_takes_no_place(one):
    gone = one.stability.query("cause == 'data_order' or kind == 'ticket'")
    figure = figure_stability({"": one._replace(stability=gone)})
    assert [list(named(ax)) for ax in figure.axes] == [
        ["ticket", "shuffle mask"],
        ["ticket"],
    ] * 2
    (first, _) = named(figure.axes[1])["ticket"]
    assert first.get_x() + first.get_width() / 2 == pytest.approx(0)


@pytest.mark.parametrize(("many", "slant"), [(3, 0), (7, 30), (13, 90)])
def test_long_names_are_slanted(many, slant):
    runs = {f"resnet18_{n}": make(0, learning_rate=n + 1.0) for n in range(many)}
    ax = figure_stability(runs).axes[0]
    assert {text.get_rotation() for text in ax.get_xticklabels()} == {slant}


# Against the step: figure 4, and barriers.


def drawn(ax: Any, kind: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return x, means and ends of the line of a kind."""
    container = named(ax)[WORDS[kind]]
    line = container.lines[0]
    assert line.get_color() == look_of(kind).colour
    return line.get_xdata(), line.get_ydata(), bars_of(container)[:, 1:]


STEPS = (0, 100, 500)
STEPWISE = {
    "rewinding_stability": [
        lambda kind, k: distance(kind, 2, k, "data_order"),
        lambda kind, k: distance(kind, 2, k, "pruning"),
        lambda kind, k: 100 * accuracy(kind, 2, k),
    ],
    "rewinding_angle": [
        lambda kind, k: 0.6 * distance(kind, 2, k, "data_order"),
        lambda kind, k: 0.6 * distance(kind, 2, k, "pruning"),
    ],
    "barrier": [
        lambda kind, k: 100 * barrier(kind, 2, k),
        lambda kind, k: 50 * barrier(kind, 2, k),
    ],
}
"""The means that panels of figures show, by kind and step."""


@pytest.mark.parametrize("name", STEPWISE)
@pytest.mark.parametrize("kind", KINDS)
def test_figures_against_the_step_show_means_and_extremes(sweep, name, kind):
    axes = supported(sweep)[name].draw(sweep).axes
    for ax, mean_of in zip(axes, STEPWISE[name], strict=True):
        means = [mean_of(kind, step) for step in STEPS]
        x, y, bars = drawn(ax, kind)
        np.testing.assert_allclose(x, STEPS)
        np.testing.assert_allclose(y, means)
        np.testing.assert_allclose(bars, [ends(mean) for mean in means])
        assert list(named(ax)) == list(WORDS.values()), "copies are no kind"


def test_the_step_axis_has_room_for_0_and_names_its_last_step():
    many = (0, 10, 11, 12, 100, 500, 510)
    ax = stabilizing.figure_rewinding_angle({f"k{n}": make(n) for n in many}).axes[0]
    assert ax.get_xscale() == "symlog"
    left, right = ax.get_xlim()
    assert left < 0 and right > 510
    ticks = [text.get_text() for text in ax.get_xticklabels()]
    assert ticks == ["0", "10", "100", "510"]
    transform = ax.get_xaxis().get_transform()
    place = transform.transform([left, 0, 10, 100, 510, right])
    assert np.diff(place).min() > 0.05 * (place[-1] - place[0])
    (thousands,) = [
        text.get_text()
        for text in stabilizing.figure_rewinding_angle(
            {"a": make(0), "b": make(1000, 1000)}
        )
        .axes[0]
        .get_xticklabels()[1:]
    ]
    assert thousands == "1,000"


def test_lines_to_compare_with(sweep):
    ax = stabilizing.figure_rewinding_stability(sweep).axes[2]
    (dense,) = [line for line in ax.lines if line.get_label() == "dense"]
    np.testing.assert_allclose(dense.get_ydata(), 90)
    for ax in figure_barrier(sweep).axes:
        (stable,) = [line for line in ax.lines if "below it stable" in line.get_label()]
        np.testing.assert_allclose(stable.get_ydata(), 2)


# Against density: figures 5 and 8, and retraining.


def test_accuracy_of_a_sweep_has_a_panel_per_kind_and_a_line_per_step(sweep):
    axes = figure_rewinding_accuracy(sweep).axes
    assert [ax.get_title("left") for ax in axes] == ["Tickets", "Shuffle masks"]
    for ax, kind in zip(axes, KINDS, strict=True):
        lines = named(ax)
        assert list(lines) == ["step 0", "step 100", "step 500"]
        for step, container in zip(STEPS, lines.values(), strict=True):
            line = container.lines[0]
            means = [90, *(100 * accuracy(kind, n, step) for n in (1, 2, 3))]
            np.testing.assert_allclose(line.get_xdata(), [100, 50, 25, 12.5])
            np.testing.assert_allclose(line.get_ydata(), means)
            np.testing.assert_allclose(
                bars_of(container)[:, 1:], [ends(mean) for mean in means]
            )
        (dense,) = [line for line in ax.lines if line.get_label() == "dense"]
        np.testing.assert_allclose(dense.get_ydata(), 90)
    assert axes[0].get_ylim() == axes[1].get_ylim()
    colours = {container.lines[0].get_color() for container in lines.values()}
    assert len(colours) == 3


def test_a_control_of_one_level_has_no_panel(sweep):
    at_one = {
        name: run._replace(summary=run.summary.query("kind == 'ticket' or level == 2"))
        for name, run in sweep.items()
    }
    axes = figure_rewinding_accuracy(at_one).axes
    assert [ax.get_title("left") for ax in axes] == ["Tickets"]


def test_retraining_names_its_methods_and_subtracts_the_dense_network(methods):
    left, right = figure_retraining(methods).axes
    names = [
        "weight rewinding to step 500",
        "learning-rate rewinding to step 500",
        "fine-tuning for 70 steps",
    ]
    assert list(named(left)) == list(named(right)) == names
    dashes = [named(left)[name].lines[0].get_linestyle() for name in names]
    assert dashes == ["-", "--", ":"]
    for name, step in zip(names, (500, 50, 50), strict=True):
        means = [90, *(100 * accuracy("ticket", n, step) for n in (1, 2, 3))]
        np.testing.assert_allclose(named(left)[name].lines[0].get_ydata(), means)
        gains = np.array(means) - 90
        np.testing.assert_allclose(
            named(right)[name].lines[0].get_ydata(), gains, atol=1e-9
        )
        # Every replicate is compared with its own dense network.
        wide = np.sort(np.outer(gains, (0.9, 1.2)), axis=1)
        np.testing.assert_allclose(bars_of(named(right)[name])[:, 1:], wide, atol=1e-9)


def test_methods_of_equal_words_keep_the_names_of_their_variants():
    runs = {"b": make(0, at=()), "a": make(0, at=()), "c": make("final", 0.1, at=())}
    assert list(named(figure_retraining(runs).axes[0])) == ["b", "a", "c"]


# Error on the line.


def test_the_path_shows_means_and_bands_of_both_splits(one):
    axes = figure_path({"": one}).axes
    titles = ["50.0 % of the weights", "25.0 % of the weights"]
    assert [ax.get_title("left") for ax in axes] == titles
    for ax, level in zip(axes, (1, 2), strict=True):
        cases = list(product(KINDS, ("test", "train")))
        assert len(ax.lines) == len(cases)
        for line, band, (kind, split) in zip(
            ax.lines, ax.collections, cases, strict=True
        ):
            assert line.get_label() == f"{WORDS[kind]}, {split}"
            assert line.get_color() == look_of(kind).colour
            assert (line.get_linestyle() == "-") == (split == "test")
            errors = [
                (20 + 10 * BASE[kind] * a * (1 - a) + level)
                / (1 if split == "test" else 2)
                for a in ALPHAS
            ]
            np.testing.assert_allclose(line.get_xdata(), ALPHAS)
            np.testing.assert_allclose(line.get_ydata(), errors)
            extent = band.get_paths()[0].get_extents()
            assert extent.ymin == pytest.approx(0.9 * min(errors))
            assert extent.ymax == pytest.approx(1.2 * max(errors))


def test_of_many_variants_the_path_shows_four():
    runs = {f"k{n}": make(n) for n in range(0, 700, 100)}
    titles = [ax.get_title("left") for ax in figure_path(runs).axes]
    assert titles == [f"Rewound to step {n}" for n in (0, 200, 400, 600)]


# Which runs support them.

OWN = (
    "rewinding_accuracy retraining rewinding_stability rewinding_angle barrier"
    " stability path"
).split()


def own(runs: dict[str, Run]) -> str:
    found = supported(runs)
    return " ".join(name for name in OWN if name in found)


STEPWISE_NAMES = "rewinding_accuracy rewinding_stability rewinding_angle"
SUPPORTS = {
    "no copies": (lambda: {"": make(at=())}, ""),
    "rewound": (lambda: {"": make(500, at=())}, ""),
    "copies": (lambda: {"": make(points=False)}, "stability"),
    "line": (lambda: {"": make()}, "stability path"),
    "sweep": (
        lambda: {str(n): make(n) for n in (0, 100)},
        f"{STEPWISE_NAMES} barrier stability path",
    ),
    "no line": (
        lambda: {str(n): make(n, points=False) for n in (0, 100)},
        f"{STEPWISE_NAMES} stability",
    ),
    "no rows": (
        lambda: {str(n): make(n, at=()) for n in (0, 100)},
        "rewinding_accuracy",
    ),
    "rows of one": (
        lambda: {"a": make(0), "b": make(100, at=())},
        "rewinding_accuracy stability path",
    ),
    "same step": (lambda: {"a": make(100), "b": make(0.1)}, "stability path"),
    "same step of three": (
        lambda: {"a": make(100), "b": make(0.1), "c": make(0)},
        "stability path",
    ),
    "mixed rewinding": (
        lambda: {"a": make(0, at=()), "b": make(100, 500, at=())},
        "retraining",
    ),
    "other rates": (
        lambda: {"a": make(100), "b": make(0, learning_rate=0.1)},
        "stability path",
    ),
    "methods": (
        lambda: {"a": make(0, at=()), "b": make("final", 100, at=())},
        "retraining",
    ),
    "methods and steps": (
        lambda: {
            name: make(weights, clock, at=())
            for name, weights, clock in [
                ("a", 0, None),
                ("b", 100, None),
                ("c", "final", 100),
            ]
        },
        "rewinding_accuracy retraining",
    ),
    "methods of other runs": (
        lambda: {"a": make(0, at=(), learning_rate=1.0), "b": make("final", 1, at=())},
        "",
    ),
}


@pytest.mark.parametrize("case", SUPPORTS)
def test_figures_follow_from_the_data(case):
    runs, names = SUPPORTS[case]
    assert own(runs()) == names


def test_parts_of_a_sweep_have_figures_of_their_own(tmp_path, monkeypatch):
    """Two networks, or a dense and a pruned one, at several steps each."""
    runs = {
        f"net_{form}_k{step}": make(step, learning_rate=rate)
        for form, rate in (("dense", 0.1), ("pruned", 0.2))
        for step in (0, 100)
    } | {"other_k0": make(0, learning_rate=0.3)}
    assert own(runs) == "stability path"
    parts = plotting.parts(runs)
    assert {name: [*some] for name, some in parts.items()} == {
        "net_dense": ["net_dense_k0", "net_dense_k100"],
        "net_pruned": ["net_pruned_k0", "net_pruned_k100"],
    }
    monkeypatch.setattr(plotting, "render", lambda figure, form: b"<svg></svg>")
    galleries = write_figures(tmp_path, runs)
    stepwise = (*STEPWISE_NAMES.split(), "barrier")
    files = {path.stem for path in (tmp_path / "figures").iterdir()}
    assert {f"{name}_{part}" for name in stepwise for part in parts} <= files
    assert not {*stepwise} & files
    assert [gallery.part for gallery in galleries] == ["", "net_dense", "net_pruned"]
    captions = [f.caption for gallery in galleries for f in gallery.figures]
    assert not [text for text in captions if "reorder" in text]
    names = {gallery.part: {f.name for f in gallery.figures} for gallery in galleries}
    for part in parts:
        assert {f"{name}_{part}" for name in stepwise} <= names[part]


def test_a_sweep_that_is_alike_has_no_parts():
    assert plotting.parts({str(step): make(step) for step in (0, 100)}) == {}


def test_parts_of_one_name_are_told_apart():
    runs = {f"a{n}": make(learning_rate=0.1 + n // 2) for n in range(4)}
    assert [*plotting.parts(runs)] == ["a0", "a2"]
    named = {f"x_{n}": run for n, run in runs.items()}
    assert [*plotting.parts(named)] == ["x", "x_a2"]


def test_rows_without_numbers_support_nothing(one):
    nothing = one.stability.assign(distance=np.nan, angle=np.nan)
    assert own({"": one._replace(stability=nothing)}) == "path"
    assert "nan" not in stability_section(one._replace(stability=nothing))


def test_captions_have_no_number_of_the_first_paper(sweep, methods):
    found = supported(sweep) | supported(methods)
    captions = [found[name].caption for name in OWN]
    assert not [text for text in captions if text.startswith("Figure")]
    assert all("et al. (2020)" in text for text in captions)


def draw(figure: Figure) -> Any:
    """Draw the figure, so that all its parts have their places."""
    canvas = FigureCanvasAgg(figure)
    with style():
        canvas.draw()
    return canvas.get_renderer()


@pytest.mark.parametrize("name", OWN)
def test_figures_are_drawn_whole(sweep, methods, name):
    runs = methods if name == "retraining" else sweep
    figure = supported(runs)[name].draw(runs)
    renderer = draw(figure)
    (legend,) = figure.legends
    box, page = legend.get_window_extent(renderer), figure.bbox
    assert page.x0 <= box.x0 and box.x1 <= page.x1
    for ax in figure.axes:
        ticks = [t.get_window_extent(renderer) for t in ax.get_xticklabels()]
        assert not any(a.overlaps(b) for a, b in pairwise(ticks)), "labels of x overlap"
    assert not outside(figure)
    (note,) = figure.texts
    pairs = "n = 9 pairs of 3 networks (not independent)" in note.get_text()
    assert pairs == (name not in ("retraining", "rewinding_accuracy"))


def test_a_long_legend_fits_the_figure():
    runs = {f"l{n}": make("final", n, at=()) for n in range(1, 8)} | {"w": make(at=())}
    figure = figure_retraining(runs)
    box = figure.legends[0].get_window_extent(draw(figure))
    assert figure.bbox.x0 <= box.x0 and box.x1 <= figure.bbox.x1


def test_copies_are_no_line_of_the_other_figures(one):
    for name, exhibit in supported({"": one}).items():
        for ax in exhibit.draw({"": one}).axes:
            labels = ax.get_legend_handles_labels()[1]
            assert not [text for text in labels if "reorder" in text], name


def test_networks_that_start_late_are_no_empty_lines():
    run = make("final", "end", 70, at=())
    late = run.curves.assign(step=run.curves["step"] + LENGTH + 1)
    curves = pd.concat([run.curves.query("level == 0"), late.query("level > 0")])
    for ax in figures.figure_3({"": run._replace(curves=curves)}).axes:
        assert [line.get_label() for line in ax.lines] == ["100 %"]


def test_moments_of_training_are_the_nearest_evaluations_of_rewound_networks():
    run = make(30, at=())
    who = ["level", "kind", "replicate", "draw"]
    curves = []
    for step in range(0, LENGTH + 1, 100):
        shown = run.summary[who].assign(split="test", loss=1.0, accuracy=step / 1000)
        late = 30 * (shown["level"] > 0)
        curves.append(shown.assign(step=np.minimum(step + late, LENGTH)))
    figure = figures.figure_7(
        {"": run._replace(curves=pd.concat(curves, ignore_index=True))}
    )
    for ax, step in zip(figure.axes, (300, 500, 1000), strict=True):
        assert ax.get_title("left") == f"Test accuracy after {step:,} steps"
        line = named(ax)["ticket"].lines[0]
        assert line.get_ydata()[0] == pytest.approx(step / 10)
        assert len(line.get_xdata()) == 1 + LEVELS


# Pages.


def test_the_table_of_a_run():
    rows = text_of(stability_section(make(500)))
    assert rows == [
        "level|weights|kind|cause|pairs|distance|angle (degrees)|test barrier (%)"
        "|train barrier (%)",
        "2|25.0 %|ticket|data order|9|27.00 (24.30 to 32.40)|16.2 (14.6 to 19.4)"
        "|7.00 (6.30 to 8.40)|3.50 (3.15 to 4.20)",
        "2|25.0 %|ticket|pruning|9|17.00 (15.30 to 20.40)|10.2 (9.2 to 12.2)|-|-",
        "2|25.0 %|shuffle mask|data order|9|47.00 (42.30 to 56.40)"
        "|28.2 (25.4 to 33.8)|17.00 (15.30 to 20.40)|8.50 (7.65 to 10.20)",
        "2|25.0 %|shuffle mask|pruning|9|27.00 (24.30 to 32.40)|16.2 (14.6 to 19.4)"
        "|-|-",
    ]
    plain = text_of(stability_section(make(500, points=False)))
    assert plain[0].endswith("|angle (degrees)") and len(plain) == 5
    assert stability_section(make(500, at=())) is None


def test_the_table_of_a_sweep(sweep):
    rows = text_of(variants_section(sweep))
    assert rows == [
        "variant|retraining|weights|dense (%)|ticket (%)|distance, data order|times"
        "|distance, pruning|times|angle, data order|times|angle, pruning|times"
        "|test barrier (%)",
        "k0|weight rewinding to step 0|25.0 %|90.00|88.00|22.00|1.9|12.00|1.8|13.2|1.9"
        "|7.2|1.8|12.00",
        "k100|weight rewinding to step 100|25.0 %|90.00|88.10|23.00|1.9|13.00|1.8|13.8"
        "|1.9|7.8|1.8|11.00",
        "k500|weight rewinding to step 500|25.0 %|90.00|88.50|27.00|1.7|17.00|1.6|16.2"
        "|1.7|10.2|1.6|7.00",
    ]


def test_the_table_of_methods_has_accuracies_of_the_last_common_level(methods):
    shorter = {"weights": make(500, at=(), levels=2)}
    rows = text_of(variants_section(methods | shorter))
    assert rows == [
        "variant|retraining|weights|dense (%)|ticket (%)",
        "tuned|fine-tuning for 70 steps|25.0 %|90.00|88.05",
        "rate|learning-rate rewinding to step 500|25.0 %|90.00|88.05",
        "weights|weight rewinding to step 500|25.0 %|90.00|88.50",
    ]
    alike = {"a": make(0, at=()), "b": make(0, at=(), learning_rate=1.0)}
    assert variants_section(alike) is None


EXPLAINED = {
    "first": ((0,), "are set back to their first values and trained again: a ticket."),
    "late": (
        (0.5,),
        "are set back to their values at step 500 and trained again from there: a",
    ),
    "rate": (
        ("final", 500),
        "keep their trained weights; the learning rate goes back to step 500, from"
        " where they are trained again (learning-rate rewinding): a ticket.",
    ),
    "tuned": (
        ("final", "end", 70),
        "keep their trained weights and are trained on for 70 steps at the last"
        " learning rate (fine-tuning): a ticket.",
    ),
    "mixed": (
        (0, 500),
        "are set back to their first values and trained again; the learning rate goes"
        " back to step 500: a ticket.",
    ),
    "low": (
        (500, "end", 70),
        "are set back to their values at step 500 and trained again; the learning rate"
        " stays the last one: a ticket.",
    ),
}


@pytest.fixture
def undrawn(monkeypatch):
    monkeypatch.setattr(plotting, "render", lambda figure, form: b"<svg></svg>")


@pytest.fixture
def no_figures(monkeypatch):
    monkeypatch.setattr("lth_jax.report.run.write_figures", lambda path, runs: "")


@pytest.mark.parametrize("case", EXPLAINED)
def test_the_page_says_what_the_run_rewinds_to(case, tmp_path, no_figures):
    rule, words = EXPLAINED[case]
    html = write_report(make(*rule, path=tmp_path)).read_text()
    assert f"and those that remain {words}" in html
    assert ("first values" in html) == (rule[0] == 0)
    assert "worth: shuffle masks." in html, "copies are no control"
    assert "<h2>Stability</h2>" in html
    assert "reorder" not in html


def test_settings_name_rewinding_and_stability_where_they_were_asked_for(
    tmp_path, no_figures
):
    html = write_report(make(500, path=tmp_path)).read_text()
    assert "<dt>rewind.weights</dt><dd>500</dd>" in html
    assert "<dt>stability.orders</dt><dd>3</dd>" in html
    plain = write_report(make(0, at=(), points=False, path=tmp_path)).read_text()
    assert "<dt>rewind." not in plain and "<dt>stability." not in plain


def test_copies_that_failed_are_named_by_their_data_order(tmp_path, no_figures):
    run = make(path=tmp_path)
    copy = run.summary["kind"] == "ticket_reorder"
    first = copy & (run.summary["level"] == 1) & (run.summary["replicate"] == 1)
    summary = run.summary.assign(draw=np.where(copy, 2, 0))
    summary.loc[first, "status"] = "diverged"
    html = write_report(run._replace(summary=summary)).read_text()
    assert "Level 1: 1 ticket reorder diverged (replicate 1 data order 2)." in html


@pytest.mark.parametrize("many", [1, 2])
def test_the_page_of_a_sweep_of_one_variant_only_links(
    many, tmp_path, undrawn, monkeypatch
):
    runs = {f"k{n}": make(n, at=(), path=tmp_path / f"k{n}") for n in range(many)}
    monkeypatch.setattr("lth_jax.store.read.load_variants", lambda path: runs)
    paths = {variant: run.path for variant, run in runs.items()}
    monkeypatch.setattr("lth_jax.store.read.variant_paths", lambda path: paths)
    html = write_reports(tmp_path)[-1].read_text()
    alone = many == 1
    assert (f"{many} variant{'s' * (not alone)}</p>") in html
    assert all(f'href="{name}/report.html"' in html for name in runs)
    for words in ("<figure", "Claims of the paper", "Side by side"):
        assert (words not in html) == alone
    assert (tmp_path / "figures").exists() != alone
