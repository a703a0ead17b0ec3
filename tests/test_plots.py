"""What figures share: runs by name, kinds of any name, the order of a page."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from drawing import made, small, swept
from matplotlib.figure import Figure

from lth_jax import papers, plotting
from lth_jax.config import Config
from lth_jax.errors import InputError
from lth_jax.papers.connectivity.figures import figure_barrier, figure_path
from lth_jax.papers.lottery import figures
from lth_jax.papers.stabilizing.figures import (
    figure_rewinding_accuracy,
    figure_stability,
)
from lth_jax.plotting.figure import by_variant
from lth_jax.plotting.kinds import LOOKS, OTHER_COLOURS, look_of
from lth_jax.plotting.variants import differences, differing, network_words
from lth_jax.results import nearest_levels
from lth_jax.store.read import Run


@pytest.fixture(scope="module")
def run() -> Run:
    return made(small(reinits=1))


def labels(figure: Figure) -> list[list[str]]:
    return [ax.get_legend_handles_labels()[1] for ax in figure.axes]


@pytest.mark.parametrize("draw", [figures.figure_1, figures.figure_4])
def test_a_single_run_needs_no_name(run, draw):
    alone = labels(draw(run))
    assert alone == labels(draw({"": run}))
    assert "ticket" in alone[0]
    assert by_variant(run) == {"": run}


@pytest.mark.parametrize(
    ("runs", "words"),
    [
        ("runs/one", "not of a str"),
        ([1, 2], "not of a list"),
        ({"a": 1}, "not of a dict"),
        ({}, "not of an empty mapping"),
        (None, "not of a NoneType"),
    ],
)
def test_what_is_no_run_is_refused(runs, words):
    with pytest.raises(InputError, match=f"{words}: give it lth_jax.load_run"):
        figures.figure_4(runs)


UNFIT: dict[str, tuple[Any, Any, str]] = {
    "several": (figures.figure_3, {"a", "b"}, "a single run; there are 2: a, b"),
    "not apart": (figures.figure_15, {""}, "nothing that this figure shows"),
    "one shot": (figures.figure_12, {""}, "nothing that this figure shows"),
    "criterion": (figures.figure_18, {""}, "nothing that this figure shows"),
    "no sweep": (figure_rewinding_accuracy, {"x"}, "rewind.weights .* not: 'x'"),
    "barrier": (figure_barrier, {"a", "b"}, "rewind.weights"),
    "no copies": (figure_stability, {""}, "stability.orders of 2 or more"),
    "no paths": (figure_path, {""}, "stability.points of 2 or more"),
}


@pytest.mark.parametrize("case", UNFIT)
def test_figures_say_what_runs_they_show(run, case):
    draw, names, words = UNFIT[case]
    with pytest.raises(InputError, match=words):
        draw(dict.fromkeys(sorted(names), run))


def test_a_sweep_that_is_none_is_refused(run):
    with pytest.raises(InputError, match="nothing that this figure shows"):
        figures.draw_sweep("figure_26", run)


# Kinds.


def test_a_kind_of_any_name_has_a_look(run):
    names = [f"my_control_{i}" for i in range(20)]
    looks = [look_of(name) for name in names]
    assert [look.name for look in looks] == [f"my control {i}" for i in range(20)]
    assert {look.colour for look in looks} <= {*OTHER_COLOURS}
    assert len({look.colour for look in looks}) > 4
    assert len({(look.colour, look.marker) for look in looks}) > 12
    assert not {look.colour for look in LOOKS.values()} & set(OTHER_COLOURS)
    assert look_of("noise_x").name == "noise x"
    table = pd.DataFrame(
        {"kind": ["b", "a", "chain", "noise_3", "noise_0.5", "ticket"]}
    )
    order = ["ticket", "noise_0.5", "noise_3", "chain", "a", "b"]
    assert plotting.kinds(table) == order
    own = run.summary.replace({"kind": {"random_reinit": "my_control_1"}})
    (line,) = [
        bars.lines[0]
        for bars in figures.figure_4(run._replace(summary=own)).axes[0].containers
        if bars.get_label() == "my control 1"
    ]
    assert line.get_color() == looks[1].colour
    assert line.get_marker() == looks[1].marker


# Networks and settings.


def named(run: Run, name: str, **model: Any) -> Run:
    return run._replace(config=run.config | {"model": {"name": name} | model})


def test_networks_are_named_with_the_widths_that_they_share(run):
    def lenet(*widths: int) -> Run:
        return named(run, "lenet", widths=[*widths])

    assert network_words([lenet(300, 100)] * 2) == "LeNet-300-100"
    assert network_words([lenet(300, 100), lenet(25, 9)]) == "LeNet"
    runs = {"a": lenet(300, 100), "b": lenet(25, 9), "c": named(run, "my_net")}
    assert list(differences(runs).values()) == [
        "LeNet, hidden units 300-100",
        "LeNet, hidden units 25-9",
        "my_net",
    ]


def test_networks_that_no_paper_has_are_drawn_as_any(run):
    names = [*plotting.supported(papers.figures(), {"": named(run, "my_net")})]
    assert names == ["figure_4", "figure_3", "figure_11"]


def test_settings_of_controls_make_no_other_tickets():
    one, other = Config(), Config(replicates=1, reinits=3, noises=(1.0,), seed=1)
    assert differing([made(one), made(other)]) == ["seed"]


def test_levels_are_the_nearest_by_ratio():
    densities = {0: 1.0, 1: 0.5, 2: 0.125, 3: 0.0}
    assert nearest_levels(densities, [0.26, 0.24]) == [1, 2]
    assert nearest_levels(densities, [0.25]) == [1]
    assert nearest_levels(dict(reversed(densities.items())), [0.25]) == [1]
    assert nearest_levels({3: 0.0}, [0.5]) == []


# The page.


def exhibit(name: str, topic: plotting.Topic, fits: bool = True) -> plotting.Exhibit:
    return plotting.Exhibit(name, topic, lambda runs: Figure(), lambda runs: fits, "")


def test_a_page_is_in_the_order_of_topics_then_of_papers(run):
    topic = plotting.Topic
    given = [
        exhibit("path", topic.STABILITY),
        exhibit("second", topic.REWINDING),
        exhibit("other", topic.REWINDING, fits=False),
        exhibit("first", topic.REWINDING),
        exhibit("last", topic.LAST_STEP),
        exhibit("all", topic.NETWORK),
        exhibit("masks", topic.RANDOM_MASKS),
        exhibit("curves", topic.TRAINING),
    ]
    two = {"a": run, "b": run}
    names = ["all", "last", "masks", "curves", "second", "first", "path"]
    assert [*plotting.supported(given, two)] == names
    given.append(exhibit("swept", topic.SWEEP))
    few = ["swept", "last", "curves", "second", "first", "path"]
    assert [*plotting.supported(given, two)] == few
    alone = ["swept", "all", "masks", "curves", "second", "first", "path", "last"]
    assert [*plotting.supported(given, {"": run})] == alone


def test_figures_of_papers_have_names_of_their_own_and_captions():
    found = papers.figures()
    names = [each.name for each in found]
    assert len(set(names)) == len(names) > 45
    for each in found:
        assert each.caption.endswith(".") and "  " not in each.caption, each.name


def test_axes_of_learning_rates_are_of_one_network():
    runs = swept(small("conv4"), train__learning_rate=(1, 2))
    titles = [ax.get_title("left") for ax in figures.draw_sweep("figure_32", runs).axes]
    assert [title.split(":")[0] for title in titles] == ["Conv-4"] * 2
    assert np.all([ax.get_xscale() == "log" for ax in figures.figure_5(runs).axes])
