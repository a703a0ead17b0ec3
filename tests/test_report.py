"""The faces of a run: the winning-ticket rule, the figures and the page."""

import os
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
import pytest
from drawing import supported
from made import DRAWS, LEVELS, STEPS, known_run, losses_of, numbers_of
from markupsafe import Markup
from matplotlib.colors import to_rgba
from runs import without_figures

from lth_jax import plotting
from lth_jax.config import Config, PruneConfig, to_dict
from lth_jax.errors import LthError
from lth_jax.papers.lottery import figures
from lth_jax.report.page import Figure, Gallery, write_page
from lth_jax.report.run import write_report
from lth_jax.report.winning import winning_tickets
from lth_jax.report.words import explanation
from lth_jax.store.read import Run

# The rule. Hand-made tables: 2 replicates, 3 draws, levels of density 0.8 ** level.

GOOD = {"accuracy": (0.982, 0.983), "steps": (600, 700), "reinits": (0.970, 0.971)}
DENSE = {"accuracy": (0.980, 0.981), "steps": (700, 900)}  # means: 0.9805 and 800


def rows_of(
    level: int,
    accuracy: tuple[float, ...],
    steps: tuple[int | None, ...],
    reinits: tuple[float, ...] = (),
    status: tuple[str, ...] = ("ok", "ok"),
) -> list[dict[str, Any]]:
    """Return the rows of one level; a reinit accuracy is the mean of three draws."""
    common = {"level": level, "density": 0.8**level}
    tickets = [
        {"kind": "ticket", "replicate": r, "draw": 0, "status": status[r]}
        | {"test_accuracy_es": accuracy[r], "early_stop_step": steps[r]}
        for r in range(len(accuracy))
    ]
    controls = [
        {"kind": "random_reinit", "replicate": r, "draw": draw, "status": "ok"}
        | {"test_accuracy_es": reinit + shift, "early_stop_step": 999}
        for r, reinit in enumerate(reinits)
        for draw, shift in enumerate((-0.01, 0.0, 0.01))
    ]
    return [common | row for row in tickets + controls]


def table_of(*levels: dict[str, Any]) -> pd.DataFrame:
    rows = [row for n, level in enumerate(levels) for row in rows_of(n, **level)]
    return pd.DataFrame(rows).astype({"early_stop_step": "Int64"})


def test_every_level_wins():
    found = winning_tickets(table_of(DENSE, GOOD, GOOD, GOOD))
    assert found.levels == (1, 2, 3)
    assert found.densities == pytest.approx((0.8, 0.64, 0.512))
    assert found.sentence.startswith(
        "Winning tickets were found at 3 consecutive levels, 1 to 3, down to 51.2 % of"
        " the weights: their mean test accuracy at early stop is 98.25 % (dense: 98.05"
        " %), their mean early-stop step 650 (dense: 800), and the ticket of every"
        " replicate beats its own reinits. Rule: "
    )
    assert "minus 0.20 percentage points" in found.sentence
    row = found.table.loc[0]
    assert row[["test_accuracy_es", "early_stop_step", "reinit_margin"]].tolist() == [
        pytest.approx(0.9825),
        650,
        pytest.approx(0.012),
    ]


FAILURES = {
    "accurate": (
        GOOD | {"accuracy": (0.9783, 0.9786)},
        "the mean test accuracy at early stop, 97.84 %, is more than 0.20 percentage"
        " points below the dense network's 98.05 %",
    ),
    "early": (
        GOOD | {"steps": (700, 902)},
        "the mean early-stop step, 801, is later than the dense network's 800",
    ),
    "beats_reinits": (
        GOOD | {"reinits": (0.983, 0.8)},  # on average the tickets are far ahead
        "the ticket of a replicate does not beat its own reinits (difference: -0.10"
        " percentage points)",
    ),
}


@pytest.mark.parametrize("condition", FAILURES)
def test_one_condition_alone_fails_a_level(condition):
    bad, words = FAILURES[condition]
    found = winning_tickets(table_of(DENSE, GOOD, bad, GOOD, GOOD))
    conditions = found.table.loc[1, list(FAILURES)]
    assert conditions.to_dict() == {name: name != condition for name in FAILURES}
    assert found.table["wins"].tolist() == [True, False, True, True]
    assert found.levels == (3, 4)
    none = winning_tickets(table_of(DENSE, bad, bad))
    assert none.levels == none.densities == ()
    assert none.sentence.startswith(
        "No winning tickets were found: at level 1 (80.0 % of the weights)"
        f" {words}. Rule: "
    )


def test_all_that_failed_is_named():
    bad = {name: FAILURES[name][0] for name in FAILURES}
    worst = {
        "accuracy": bad["accurate"]["accuracy"],
        "steps": bad["early"]["steps"],
        "reinits": bad["beats_reinits"]["reinits"],
    }
    sentence = winning_tickets(table_of(DENSE, worst)).sentence
    assert "98.05 % and the mean early-stop step" in sentence
    assert "network's 800 and the ticket of a replicate does not" in sentence


def test_bounds_belong_to_the_winners_but_a_tie_with_reinits_does_not():
    bound = {"accuracy": (0.9785, 0.9785), "steps": (800, 800), "reinits": (0.9, 0.9)}
    assert winning_tickets(table_of(DENSE, bound)).levels == (1,)
    rounded = bound | {"accuracy": (0.9785 - 5e-8,) * 2}  # as float32 may be
    assert winning_tickets(table_of(DENSE, rounded)).levels == (1,)
    beyond = bound | {"accuracy": (0.9785, 0.9784)}
    assert winning_tickets(table_of(DENSE, beyond)).levels == ()
    assert winning_tickets(table_of(DENSE, beyond), tolerance=0.003).levels == (1,)
    tie = GOOD | {"reinits": (0.982, 0.98)}
    assert winning_tickets(table_of(DENSE, tie)).levels == ()


def test_of_equally_long_runs_the_sparser_counts_and_of_others_the_longer():
    late = FAILURES["early"][0]
    tie = winning_tickets(table_of(DENSE, GOOD, GOOD, late, GOOD, GOOD, late))
    assert tie.levels == (4, 5)
    assert "The run of levels ends there: at level 6 (26.2 %" in tie.sentence
    assert winning_tickets(table_of(DENSE, GOOD, GOOD, late, GOOD)).levels == (1, 2)


def test_without_early_stop_within_training_no_ticket_is_early_or_late():
    late = FAILURES["early"][0]
    found = winning_tickets(table_of(DENSE, GOOD, late), steps=800)
    assert found.table["early"].isna().all() and found.levels == (1, 2)
    assert "early-stop step 650" not in found.sentence
    assert "no early stop within training to compare with" in found.sentence
    assert "(not testable: no early stop within training)" in found.sentence
    assert winning_tickets(table_of(DENSE, GOOD, late), steps=1_001).levels == (1,)


def test_one_level_is_no_range():
    sentence = winning_tickets(table_of(DENSE, GOOD)).sentence
    assert "found at level 1, at 80.0 % of the weights: " in sentence


def test_a_missing_level_interrupts_a_run():
    table = table_of(DENSE, GOOD, GOOD, GOOD, GOOD)
    assert winning_tickets(table[table["level"] != 2]).levels == (3, 4)


@pytest.mark.parametrize("reinits", [GOOD["reinits"], ()])
@pytest.mark.parametrize("status", ["diverged", "collapsed", "not_run"])
def test_a_replicate_that_is_not_ok_fails_its_level(status, reinits):
    good = GOOD | {"reinits": reinits}
    bad = good | {"status": ("ok", status)}
    found = winning_tickets(table_of(DENSE, bad, good))
    assert found.levels == (2,)
    none = winning_tickets(table_of(DENSE, bad))
    assert (
        "level 1 (80.0 % of the weights) only 1 of 2 tickets are ok." in none.sentence
    )


@pytest.mark.parametrize(
    "bad", [{"steps": (600, None)}, {"accuracy": (0.982, float("nan"))}]
)
def test_a_ticket_without_numbers_fails_its_level(bad):
    assert winning_tickets(table_of(DENSE, GOOD | bad, GOOD)).levels == (2,)


def test_a_missing_ticket_fails_its_level():
    table = table_of(DENSE, GOOD, GOOD)
    gone = (table["level"] == 1) & (table["replicate"] == 1)
    assert winning_tickets(table[~gone]).levels == (2,)


def test_without_reinits_two_conditions_decide():
    plain = GOOD | {"reinits": ()}
    late = FAILURES["early"][0] | {"reinits": ()}
    found = winning_tickets(table_of(DENSE, plain, late))
    assert found.levels == (1,)
    assert found.table["beats_reinits"].isna().all()
    assert "not testable, as the run has no reinits" in found.sentence
    assert "beats its own reinits. " not in found.sentence


def test_a_replicate_without_reinits_fails_where_others_have_some():
    found = winning_tickets(table_of(DENSE, GOOD | {"reinits": (0.97,)}))
    assert found.levels == ()
    assert "a replicate has no reinits to beat" in found.sentence


def test_only_dense_networks_that_are_ok_set_the_measure():
    weak = {
        "accuracy": (0.980, 0.1),
        "steps": (700, 9000),
        "status": ("ok", "diverged"),
    }
    row = winning_tickets(table_of(weak, GOOD)).table.loc[0]
    assert row["dense_test_accuracy_es"] == 0.980
    assert row["dense_early_stop_step"] == 700


def test_runs_with_nothing_to_compare_say_so():
    alone = winning_tickets(table_of(DENSE))
    assert alone.levels == () and "no pruned level" in alone.sentence
    lost = winning_tickets(table_of(DENSE | {"status": ("diverged",) * 2}, GOOD))
    assert lost.levels == () and "No dense network of the run is ok" in lost.sentence


# A run of known numbers.


@pytest.fixture(scope="module")
def first(tmp_path_factory) -> Run:
    """Return the run whose page and figures are drawn for all tests."""
    return known_run(tmp_path_factory.mktemp("first") / "tiny-0123abcd")


@pytest.fixture
def run(first, tmp_path) -> Run:
    return first._replace(path=tmp_path / first.path.name)


@pytest.fixture(scope="module")
def html(first) -> str:
    """Return the page of the run, written once with its figures."""
    return write_report(first).read_text()


# Figures.


def bars_of(ax):
    return {bar.get_label(): bar for bar in ax.containers}


PANELS = [
    ("early_stop_step", 1, 0),
    ("test_accuracy_es", 100, 0),
    ("test_accuracy_es", 100, -1),
    ("test_accuracy_es", 100, 1),
]
"""Column, scale and shift of the panels of figure 4, from the synthetic numbers."""


@pytest.fixture(scope="module")
def panels(first):
    """Return the panels of figure 4."""
    return figures.figure_4({"": first}).axes


@pytest.mark.parametrize("panel", range(4))
@pytest.mark.parametrize("kind", DRAWS)
def test_figure_4_shows_means_and_extremes_of_all_networks(panels, kind, panel):
    name, scale, shift = PANELS[panel]
    values = numbers_of(kind, name)
    values = shift + scale * values.reshape(LEVELS + 1, -1)
    dense = shift + scale * numbers_of("ticket", name)[0].ravel()
    bars = bars_of(panels[panel])
    line, _, (segments,) = bars[kind.replace("_", " ")].lines
    np.testing.assert_allclose(line.get_xdata(), 100 * 0.8 ** np.arange(LEVELS + 1))
    means = [dense.mean(), *values[1:].mean(axis=1)]
    np.testing.assert_allclose(line.get_ydata(), means)
    ends = [(dense.min(), dense.max())]
    ends += list(zip(values[1:].min(axis=1), values[1:].max(axis=1), strict=True))
    drawn = [segment[:, 1] for segment in segments.get_segments()]
    np.testing.assert_allclose(drawn, ends)


def test_figure_4_has_a_falling_log_axis_and_the_dense_line(panels):
    for ax, (name, scale, shift) in zip(panels, PANELS, strict=True):
        assert ax.get_xscale() == "log"
        left, right = ax.get_xlim()
        assert left > 100 > 100 * 0.8**LEVELS > right
        ticks = [tick.get_text() for tick in ax.get_xticklabels()]
        assert ticks == "100 80.0 64.0 51.2 41.0 32.8 26.2 21.0 16.8".split()
        (dense,) = [line for line in ax.lines if line.get_label() == "dense"]
        mean = shift + scale * numbers_of("ticket", name)[0].mean()
        np.testing.assert_allclose(dense.get_ydata(), mean)


def test_figure_4_ticks_keep_their_distance(run):
    many = pd.concat(
        run.summary.assign(density=run.summary["density"] * factor)
        for factor in np.geomspace(1, 1e-3, 50)
    )
    figure = figures.figure_4({"": run._replace(summary=many)})
    ticks = figure.axes[0].get_xticks()
    assert ticks[0] == 100
    assert 5 <= len(ticks) <= 9
    assert set(np.round(ticks, 6)) <= set(np.round(100 * many["density"], 6))


LINES = [
    [("ticket", 0), ("ticket", 3), ("ticket", 7)],
    [("ticket", 0), ("ticket", 7), ("ticket", 8)],
    [*(("ticket", n) for n in (0, 3, 7)), *(("random_reinit", n) for n in (3, 7))],
]
"""Kind and level of the lines of figure 3: the nearest to the paper's densities."""


@pytest.mark.parametrize(
    ("draw", "split"), [(figures.figure_3, "test"), (figures.figure_11, "validation")]
)
def test_figures_3_and_11_show_the_nearest_levels(run, draw, split):
    last = 2 * numbers_of("ticket", "early_stop_step")[0].mean()
    shown = STEPS[last >= STEPS]
    colours = {}
    for ax, lines in zip(draw({"": run}).axes, LINES, strict=True):
        assert ax.get_xlim() == (0, last)
        for line, who, band in zip(ax.lines, lines, ax.collections, strict=True):
            kind, level = who
            density = "100 %" if level == 0 else f"{100 * 0.8**level:.1f} %"
            plain = kind == "ticket"
            assert line.get_label() == density + ("" if plain else " random reinit")
            assert (line.get_linestyle() == "-") == plain
            values = losses_of(kind, split)[level].reshape(-1, STEPS.size)
            if split == "test":
                values = 100 * (1 - values / 9)
            values = values[:, : shown.size]
            np.testing.assert_array_equal(line.get_xdata(), shown)
            np.testing.assert_allclose(line.get_ydata(), values.mean(axis=0))
            extent = band.get_paths()[0].get_extents()
            assert extent.ymin == pytest.approx(values.min())
            assert extent.ymax == pytest.approx(values.max())
            colours.setdefault(level, set()).add(to_rgba(line.get_color()))
    assert all(len(of_level) == 1 for of_level in colours.values())
    assert len(set.union(*colours.values())) == 4


def test_figure_3_does_not_squash_the_trained_part(run):
    accuracies, losses = (
        draw({"": run}).axes[1] for draw in (figures.figure_3, figures.figure_11)
    )
    assert losses.get_ylim()[1] < 1 < losses.lines[0].get_ydata()[0]
    assert accuracies.get_ylim()[0] > 80 > accuracies.lines[0].get_ydata()[0]


def test_figure_11_leaves_out_losses_that_are_not_finite(run):
    curves = run.curves.copy()
    one = (curves["kind"] == "ticket") & (curves["replicate"] == 0)
    curves.loc[one & (curves["level"] == 3) & (curves["step"] > 0), "loss"] = np.inf
    line = figures.figure_11({"": run._replace(curves=curves)}).axes[0].lines[1]
    values = losses_of("ticket", "validation")[3, 1:, 0].mean(axis=0)
    np.testing.assert_allclose(line.get_ydata()[1:], values[1 : line.get_xdata().size])


def of_model(run: Run, **model) -> Run:
    return run._replace(config=run.config | {"model": model})


@pytest.mark.parametrize(
    ("draw", "steps"),
    [(figures.figure_7, (250, 550, 1000)), (figures.figure_8, (350, 650, 1000))],
)
def test_figures_7_and_8_look_at_moments_of_training(run, draw, steps):
    figure = draw({"": run})
    for ax, step in zip(figure.axes, steps, strict=True):
        at = list(STEPS).index(step)
        for kind in DRAWS:
            values = 100 * (1 - losses_of(kind, "test")[..., at] / 9)
            line, _, _ = bars_of(ax)[kind.replace("_", " ")].lines
            means = values.reshape(LEVELS + 1, -1).mean(axis=1)
            np.testing.assert_allclose(line.get_ydata()[1:], means[1:])
        assert ax.get_title("left") == f"Test accuracy after {step:,} steps"


def test_several_runs_differ_in_colour_and_their_kinds_in_line_style(run):
    runs = {"fast": run, "slow": run._replace(summary=run.summary.query("level < 6"))}
    bars = bars_of(figures.figure_5(runs).axes[0])
    kinds = [kind.replace("_", " ") for kind in DRAWS]
    assert list(bars) == [f"{name} {kind}" for name in runs for kind in kinds]
    look = {
        name: (bar.lines[0].get_color(), bar.lines[0].get_linestyle())
        for name, bar in bars.items()
    }
    assert len(set(look.values())) == 6
    assert look["fast ticket"][0] == look["fast shuffle mask"][0]
    assert look["fast random reinit"][1] == look["slow random reinit"][1] == "--"
    assert len(bars["slow ticket"].lines[0].get_xdata()) == 6


@pytest.mark.parametrize(
    ("draw", "kinds"),
    [(figures.figure_1, {"ticket", "shuffle mask"}), (figures.figure_6, {"ticket"})],
)
def test_figures_1_and_6_show_some_kinds_only(run, draw, kinds):
    assert bars_of(draw({"": run}).axes[0]).keys() == kinds


def test_density_axis_of_one_shot_runs_is_linear(run):
    one_shot = run._replace(config=to_dict(Config(prune=PruneConfig(one_shot=(0.5,)))))
    scales = [
        {ax.get_xscale() for ax in figures.figure_4(runs).axes}
        for runs in ({"": one_shot}, {"one": one_shot, "many": run})
    ]
    assert scales == [{"linear"}, {"log"}]


SUPPORTED = {
    "lenet": (dict(name="lenet"), {"figure_4"}),
    "conv": (dict(name="conv4", dropout=0.0), {"figure_5"}),
    "dropout": (dict(name="conv2", dropout=0.5), {"figure_6"}),
    "vgg19": (dict(name="vgg19"), {"figure_7"}),
    "resnet18": (dict(name="resnet18"), {"figure_8"}),
}


@pytest.mark.parametrize("name", SUPPORTED)
def test_runs_support_the_figures_of_their_network(run, name):
    model, own = SUPPORTED[name]
    one = of_model(run, **model)
    always = {"figure_3", "figure_11"}
    assert supported({"": one}).keys() == own | always | {
        "figure_1",
        "figure_14",
    }
    plain = one._replace(summary=one.summary.query("kind != 'shuffle_mask'"))
    assert supported({"": plain}).keys() == own | always
    assert supported({"a": plain, "b": plain}).keys() == own


def test_mixed_networks_support_figure_1_only_if_all_have_random_masks(run):
    runs = {name: of_model(run, name=name) for name in ("lenet", "conv2", "conv6")}
    assert "figure_1" in supported(runs)
    runs["lenet"] = known_run(run.path, ("ticket",))
    assert "figure_1" not in supported(runs)


def without_numbers(run: Run) -> Run:
    summary = run.summary.assign(test_accuracy_es=np.nan, status="not_run")
    summary["early_stop_step"] = pd.array([pd.NA] * len(summary), dtype="Int64")
    return run._replace(summary=summary, curves=run.curves.iloc[:0])


def without_early_stops(run: Run) -> Run:
    summary = run.summary.copy()
    summary.loc[summary["level"] != 1, "early_stop_step"] = pd.NA
    return run._replace(summary=summary)


def with_an_unknown_kind(run: Run) -> Run:
    names = {"shuffle_mask": "my_control"}
    return run._replace(
        summary=run.summary.replace({"kind": names}),
        curves=run.curves.replace({"kind": names}),
    )


ODD_RUNS = {
    "level 0 only": lambda run: known_run(run.path, ("ticket",), levels=0),
    "level 0 and 1": lambda run: known_run(run.path, ("ticket",), levels=1),
    "no reinits": lambda run: known_run(run.path, ("ticket", "shuffle_mask"), levels=3),
    "no numbers": without_numbers,
    "no early stops": without_early_stops,
    "unknown kind": with_an_unknown_kind,
    "no networks yet": lambda run: run._replace(
        summary=run.summary.iloc[:0], curves=run.curves.iloc[:0]
    ),
    "no manifest": lambda run: run._replace(manifest={}, config={}),
}


@pytest.fixture
def laid_out(monkeypatch):
    """Lay every figure out, text and all, but make no picture of it."""

    def render(figure, form):
        if form == "svg":  # the second form draws the same
            figure.draw_without_rendering()
        return b"<svg></svg>"

    monkeypatch.setattr(plotting, "render", render)


@pytest.mark.parametrize("name", ODD_RUNS)
def test_odd_runs_have_a_page(tmp_path, laid_out, name):
    odd = ODD_RUNS[name](known_run(tmp_path / "odd", levels=3))
    page = parse(write_report(odd).read_text())
    assert page.tags["svg"] == len(supported({"": odd}))
    assert winning_tickets(odd.summary).sentence in page.text


@pytest.mark.parametrize(
    ("manifest", "said"),
    [({"criterion": "weights of least flow"}, "least flow"), ({}, "least grasp score")],
)
def test_a_criterion_of_the_users_has_its_own_words(run, manifest, said):
    config = to_dict(Config(prune=PruneConfig(criterion="grasp")))
    text = explanation(run._replace(config=config, manifest=manifest))
    assert f"the weights of {said}" in text


def test_drawing_leaves_global_settings_alone_and_ignores_them(run):
    first = plotting.render(figures.figure_4({"": run}), "svg")
    with matplotlib.rc_context({"font.size": 23.0, "svg.hashsalt": "other"}):
        before = dict(matplotlib.rcParams)
        assert plotting.render(figures.figure_4({"": run}), "svg") == first
        assert dict(matplotlib.rcParams) == before
    assert b"<dc:date>" not in first


# The page.


class Page(HTMLParser):
    """Checks that tags balance and keeps text and ids."""

    VOID = frozenset({"meta"})

    def __init__(self) -> None:
        super().__init__()
        self.text, self.ids, self.open = "", [], []
        self.tags: Counter[str] = Counter()
        self.attributes: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag, attrs):
        self.handle_startendtag(tag, attrs)
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags[tag] += 1
        self.attributes.append((tag, dict(attrs)))
        self.ids += [value for name, value in attrs if name == "id"]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data.replace("\N{NO-BREAK SPACE}", " ")


def parse(html: str) -> Page:
    page = Page()
    page.feed(html)
    page.close()
    assert page.open == []
    assert len(set(page.ids)) == len(page.ids), "ids of a page are unique"
    return page


@pytest.fixture
def undrawn(monkeypatch):
    """Leave out the figures, which take most of a page's time."""
    without_figures(monkeypatch)


def test_the_page_holds_all_it_shows(html, first):
    page = parse(html)
    assert page.tags["svg"] == 5
    assert page.tags["script"] == page.tags["img"] == page.tags["link"] == 0
    assert winning_tickets(first.summary).sentence in page.text
    accuracy = numbers_of("random_reinit", "test_accuracy_es")[4]
    for words in (
        f"{100 * accuracy.mean():.2f}",
        f"{100 * accuracy.min():.2f} to {100 * accuracy.max():.2f}",
        f"{numbers_of('shuffle_mask', 'early_stop_step')[2].mean():,.0f}",
        "None: every network trained to the end.",
        "lth report tiny-0123abcd",
        "300, 100",
        "as delivered",
        "0.10.2",
        "event resumed",
        "Controls",
    ):
        assert words in page.text, words
    for reference in ("#", "url(#"):
        assert f"{reference}figure_3-" in html and f"{reference}figure_4-" in html


def test_winning_levels_are_shaded(run, undrawn):
    summary = table_of(DENSE, GOOD, FAILURES["early"][0]).assign(
        test_accuracy_final=0.9, train_accuracy_final=0.9
    )
    page = write_report(run._replace(summary=summary)).read_text()
    assert page.count('<tr class="wins"><td>1</td>') == page.count('class="wins"') == 1


def test_settings_name_no_place_of_this_machine(run, undrawn):
    config = to_dict(Config(out="/secret/runs"))
    config["data"] |= {"dir": "/secret/data", "cache": "/secret/cache"}
    assert "/secret" not in write_report(run._replace(config=config)).read_text()


def test_networks_that_are_not_ok_are_listed_in_words(run, undrawn):
    summary = run.summary.copy()
    level, kind = summary["level"] == 2, summary["kind"]
    first = summary["replicate"] == 0
    summary.loc[level & (kind == "ticket") & first, "status"] = "diverged"
    summary.loc[level & (kind == "shuffle_mask") & first, "status"] = "not_run"
    text = parse(write_report(run._replace(summary=summary)).read_text()).text
    assert "Level 2: 1 ticket diverged (replicate 0)." in text
    words = "2 shuffle masks were not run (replicate 0 draw 0, replicate 0 draw 1)."
    assert f"Level 2: {words}" in text


def test_names_are_escaped(run, undrawn):
    evil = "<script>x</script>&"
    kinds = run.summary["kind"].replace("shuffle_mask", "<b>bold</b>")
    odd = run._replace(
        path=run.path.with_name("<i>a b"),
        manifest=run.manifest | {"experiment": evil, "versions": {evil: evil}},
        summary=run.summary.assign(kind=kinds),
    )
    page = parse(write_report(odd).read_text())
    assert page.tags["script"] == page.tags["b"] == page.tags["i"] == 0
    for words in (evil, "<b>bold</b>", "lth report '<i>a b'"):
        assert words in page.text


def test_what_is_the_users_own_has_its_name(run, undrawn):
    config = to_dict(Config())
    config["data"]["name"], config["model"]["name"] = "own_data", "own_net"
    config["train"]["optimizer"] = "lion"
    config["prune"] = {"criterion": "snip", "one_shot": [0.5] * LEVELS, "own": 1}
    summary = run.summary.replace({"kind": {"shuffle_mask": "freeze"}})
    summary.loc[summary["kind"] == "freeze", "status"] = "diverged"
    own = run._replace(config=config, summary=summary)
    text = parse(write_report(own).read_text()).text
    for words in (
        "This run trained own_net on own_data in 3 replicates",
        "more of the weights of least snip score are pruned, and those",
        "worth: random reinits and freeze networks.",
        "Level 1: 6 freeze networks diverged (",
        "lion",
        "prune.own",
    ):
        assert words in text, words


def test_networks_are_spelled_as_in_figures(html):
    assert "This run trained LeNet-300-100 on" in html


def test_boxes_that_scroll_can_be_reached_and_are_named(html):
    page = parse(html)
    boxes = [a for tag, a in page.attributes if a.get("class") in ("wide", "paper")]
    assert len(boxes) == 5 + 3
    assert all(box["tabindex"] == "0" and box["aria-label"] for box in boxes)
    heads = [attributes for tag, attributes in page.attributes if tag == "th"]
    assert {head["scope"] for head in heads} == {"col", "colgroup"}
    captions = [box["aria-label"] for box in boxes if box["class"] == "paper"]
    assert captions == [f"Figure {n}" for n in (4, 1, 3, 11, 14)]


def test_what_part_of_a_sweep_supports_stands_under_its_name(tmp_path):
    figure = Figure("figure_3_a<b", "Figure 3. Of & by.", Markup("<svg></svg>"))
    values = {
        "unpaged": (),
        "name": "x",
        "findings": {},
        "sections": [],
        "claims": None,
    }
    galleries = [Gallery("", []), Gallery("a<b", [figure])]
    html = write_page(tmp_path, "sweep.html", galleries=galleries, **values).read_text()
    assert html.count("<h2>") == html.count("<h2>a&lt;b</h2>") == 1
    assert '<figure id="figure_3_a&lt;b">' in html and "Of &amp; by." in html
    parse(html)


def test_the_same_run_gives_the_same_bytes(html, first, run):
    """Elsewhere too, and over what an older run has left."""

    def contents(path: Path) -> dict[str, bytes]:
        files = (file for file in path.rglob("*") if file.is_file())
        return {str(file.relative_to(path)): file.read_bytes() for file in files}

    written = contents(first.path)
    names = {
        f"figures/figure_{n}.{form}"
        for n in (1, 3, 4, 11, 14)
        for form in ("svg", "png")
    }
    assert set(written) == names | {"report.html"}
    assert written["report.html"] == html.encode()
    for name in written:
        (run.path / name).parent.mkdir(parents=True, exist_ok=True)
        (run.path / name).write_bytes(b"older")
    assert write_report(run) == run.path / "report.html"
    assert contents(run.path) == written


def test_a_failed_write_leaves_the_old_page(run, undrawn, monkeypatch):
    path = write_report(run)
    before = path.read_bytes()

    replace = os.replace

    def fail(source, target, **folders):
        if target == path.name:
            raise OSError("disk full")
        replace(source, target, **folders)

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(LthError, match="disk full"):
        write_report(run._replace(manifest={}))
    assert path.read_bytes() == before
    assert not [file for file in run.path.rglob(".*") if file.is_file()]
