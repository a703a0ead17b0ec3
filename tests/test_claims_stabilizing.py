"""The claims of the second paper: stability, rewound settings, and mended rules."""

import dataclasses
import json
import runpy
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from made import CLAIMS, CODED, REINIT, SHUFFLE, changed, make_run, needed, row_of

from lth_jax.config import RewindConfig, StabilityConfig
from lth_jax.judging import judge
from lth_jax.judging.matching import Look, mismatches, span_of
from lth_jax.judging.pool import pool_runs
from lth_jax.judging.quantities import closeness, stabler
from lth_jax.judging.reductions import at, highest, levels, lowest
from lth_jax.judging.rules import Statistic
from lth_jax.judging.settings import Setting
from lth_jax.judging.units import degrees, times
from lth_jax.papers.lottery.settings import (
    CONV2,
    CONV4,
    CONV6,
    DROPOUT2,
    DROPOUT4,
    DROPOUT6,
    LENET,
    RESNET_HIGH,
    RESNET_LOW,
    RESNET_WARM,
    VGG_HIGH,
    VGG_LOW,
    VGG_WARM,
)
from lth_jax.papers.stabilizing.claims.stability import PRINTED
from lth_jax.papers.stabilizing.settings import EARLY, LATER, LATEST, LEVEL
from lth_jax.store.read import Run, load_run
from lth_jax.study.networks import LaneId

REPO = Path(__file__).parents[1]
TICKET, FINAL = "ticket", "test_accuracy_final"
ORDER, PRUNING = "data_order", "pruning"
ROWS = (setting for setting in PRINTED for _ in range(3))
NAMES = dict(zip("abcdefghijklmnopqrstu", ROWS, strict=True))


def printed_run(setting: Setting, **more: Any) -> Run:
    """Return a run with the numbers that the paper prints for a setting."""
    printed, level = PRINTED[setting], LEVEL[setting]

    def close(kind: str, cause: str) -> tuple[float, float]:
        n, base = int(cause == PRUNING), kind.removesuffix("_reorder")
        attribute = "ticket" if base == TICKET else "random"
        pair = printed.distances[n], printed.angles[n]
        return getattr(pair[0], attribute), getattr(pair[1], attribute)

    given = {"n_levels": level, "close": close, "copied": (level,), "kinds": (SHUFFLE,)}
    run = make_run(setting, **given | more)
    return changed(
        run,
        (TICKET, FINAL, [level], printed.ticket / 100),
        (SHUFFLE, FINAL, [level], printed.random / 100),
    )


def restabilized(
    run: Run, kind: str, cause: str, column: str, factor: float, **where: int
) -> Run:
    """Return the run with a column of stability times a factor."""
    table = run.stability.copy()
    rows = (table["kind"] == kind) & (table["cause"] == cause)
    for name, value in where.items():
        rows &= table[name] == value
    assert rows.any()
    table.loc[rows, column] *= factor
    return run._replace(stability=table)


def without(run: Run, **where: Any) -> Run:
    """Return the run without some rows of stability."""
    table = run.stability
    rows = np.logical_and.reduce(
        [table[name] == value for name, value in where.items()]
    )
    assert rows.any()
    return run._replace(stability=table[~rows])


# Figures 3 and 10: each rule holds for the numbers of the paper, and can fail.


@pytest.mark.parametrize("letter", NAMES)
def test_the_papers_own_numbers_reproduce_it(letter):
    row = row_of(f"B3{letter}", printed_run(NAMES[letter]))
    assert (row.verdict, row.replicates) == ("reproduced", 3)
    assert row.note == ("" if letter in "cfilorux" else PRINTED[NAMES[letter]].remark)


def test_the_ratios_of_lenet():
    run = printed_run(LENET)
    row = row_of("B3", run)
    assert (row.verdict, row.ours) == ("reproduced", "2.83x; 1.57x")
    assert (
        ">= 2.20x, surely > 1.00x (two thirds of the way"
        " from 1 to the paper's 2.80x)" in row.rule
    )
    for cause, factor in ((ORDER, 0.77), (PRUNING, 0.88)):
        assert row_of("B3", restabilized(run, SHUFFLE, cause, "distance", factor)).ours
        bad = row_of("B3", restabilized(run, SHUFFLE, cause, "distance", factor))
        assert bad.verdict == "not reproduced"
        assert row_of("B3a", restabilized(run, SHUFFLE, cause, "distance", factor)) == (
            row_of("B3a", run)
        )


@pytest.mark.parametrize("kind", [TICKET, SHUFFLE])
@pytest.mark.parametrize("cause", [ORDER, PRUNING])
@pytest.mark.parametrize(("column", "factor"), [("distance", 1.21), ("distance", 0.83)])
def test_distances_may_be_missed_by_a_fifth(kind, cause, column, factor):
    run = printed_run(VGG_WARM)
    inside = restabilized(run, kind, cause, column, 1 + (factor - 1) * 0.9)
    assert row_of("B3t", inside).verdict == "reproduced"
    outside = restabilized(run, kind, cause, column, factor)
    assert row_of("B3t", outside).verdict == "not reproduced"


def test_angles_may_be_missed_by_five_degrees():
    run = printed_run(VGG_LOW)
    for off, verdict in ((4.9, "reproduced"), (-5.1, "not reproduced")):
        factor = (39.9 + off) / 39.9
        row = row_of("B3q", restabilized(run, TICKET, ORDER, "angle", factor))
        assert row.verdict == verdict


@pytest.mark.parametrize("factor", [0.79, 1.21])
@pytest.mark.parametrize("column", ["distance", "angle"])
def test_no_difference_is_bounded_on_both_sides(column, factor):
    run = printed_run(RESNET_HIGH)
    assert row_of("B3d", run).verdict == "reproduced"
    ratio = getattr(PRINTED[RESNET_HIGH], f"{column}s")[1]
    exact = factor * ratio.ticket / ratio.random
    row = row_of("B3d", restabilized(run, SHUFFLE, PRUNING, column, exact))
    assert row.verdict == "not reproduced"
    assert times(factor) in (row.ours or "")


@pytest.mark.parametrize(
    ("letter", "kind", "accuracy"),
    [("c", TICKET, 0.978), ("f", TICKET, 0.8821), ("i", SHUFFLE, 0.8711)],
)
def test_accuracies_can_be_missed(letter, kind, accuracy):
    setting = NAMES[letter]
    run = changed(printed_run(setting), (kind, FINAL, [LEVEL[setting]], accuracy))
    assert row_of(f"B3{letter}", run).verdict == "not reproduced"


def test_units_and_texts_of_stability():
    (pool,) = pool_runs([printed_run(RESNET_LOW)])
    distance = Statistic(RESNET_LOW, closeness("distance", ORDER), at(8))
    assert distance.unit(distance.of({RESNET_LOW: pool}).point) == "7.1"
    angle = Statistic(RESNET_LOW, closeness("angle", PRUNING, SHUFFLE), at(8))
    assert angle.unit is degrees and angle.of(
        {RESNET_LOW: pool}
    ).point == pytest.approx(77.1)
    assert angle.text == "angle of shuffle_mask to the dense network at level 8"
    table = pool.stability.assign(test_barrier=0.034)
    barrier = Statistic(RESNET_LOW, closeness("test_barrier", ORDER), at(8))
    value = barrier.of({RESNET_LOW: pool._replace(stability=table)}).point
    assert barrier.unit(value) == "3.40 %"
    assert stabler("angle", ORDER, than=SHUFFLE).compared == (TICKET, SHUFFLE)
    for name in closeness("distance", ORDER, SHUFFLE).kinds[2:]:
        assert LaneId(1, name, 0, 1).copied == SHUFFLE


def test_pairs_of_a_replicate_are_averaged_first():
    run = printed_run(LENET)
    more = run.stability[run.stability["cause"] == ORDER].assign(first=1, second=2)
    more = more[(more["replicate"] == 0) & (more["kind"] == TICKET)]
    more["distance"] *= 3
    both = pd.concat([run.stability, more], ignore_index=True)
    row = row_of("B3b", run._replace(stability=both))
    assert row.ours and row.ours.startswith("27.6;")  # (2 + 1 + 1) / 3 of 20.7
    assert row.verdict == "undecided"


# What a run lacks.


def test_a_run_without_stability_says_so():
    run = make_run(LENET, kinds=(SHUFFLE,))
    assert run.stability.empty
    row = row_of("B3", run)
    assert (row.verdict, row.ours) == ("not run", None)
    assert row.note == (
        "Reduced run of LeNet: no stability of ticket between two data orders; no"
        " stability of shuffle_mask between two data orders; no stability of ticket to"
        " the dense network; no stability of shuffle_mask to the dense network."
    )
    assert row_of("B3c", run).ours


def test_stability_of_one_kind_or_at_another_level_is_not_enough():
    run = without(printed_run(LENET), kind=SHUFFLE, cause=PRUNING)
    row = row_of("B3", run)
    assert row.note.startswith(
        "Reduced run of LeNet: no stability of shuffle_mask to the dense network. It"
        " shows 2.83x"
    )
    elsewhere = printed_run(LENET, copied=(9,))
    row = row_of("B3", elsewhere)
    assert row.verdict == "not run"
    assert "stability of ticket to the dense network at 0 of 1 levels" in row.note
    assert "nan" not in row.note


def test_no_run_at_all_says_what_is_needed():
    note = row_of("B3").note
    assert "10 of ticket, level 10 of shuffle_mask and their stability." in note
    assert "reorder" not in note
    assert row_of("B3c").note.endswith("10 of ticket, level 10 of shuffle_mask.")


def test_runs_of_before_stability_still_load_and_speak():
    run = load_run(REPO / "results" / "lenet_mnist")
    assert run.stability.empty
    rows = {row.id: row for row in judge([run], CLAIMS)}
    assert rows["A7"].verdict == "reproduced"
    assert "no shuffle_mask networks" in rows["B3"].note
    assert "no stability of ticket between two data orders" in rows["B3"].note


@pytest.mark.parametrize("kind", [TICKET, SHUFFLE])
def test_a_replicate_whose_copy_diverged_is_left_out(kind):
    run = printed_run(LENET, replicates=4)
    summary = run.summary.copy()
    copy = (summary["kind"] == f"{kind}_reorder") & (summary["replicate"] == 1)
    summary.loc[copy, "status"] = "diverged"
    pairs = dict(kind=kind, replicate=1, cause=ORDER)
    failed = without(run._replace(summary=summary), **pairs)
    row = row_of("B3", failed)
    assert (row.verdict, row.replicates) == ("reproduced", 3)
    assert f"1 {kind}_reorder diverged; so 1 of 4 replicates" in row.note
    assert row_of("B3c", failed).replicates == 4


def test_a_replicate_without_its_comparison_is_left_out():
    run = printed_run(LENET, replicates=4)
    row = row_of("B3", without(run, kind=TICKET, replicate=2, cause=PRUNING))
    assert (row.verdict, row.replicates) == ("reproduced", 3)
    assert row.shown == "2.83x [2.83, 2.83]; 1.57x [1.57, 1.57]"
    few = printed_run(LENET, replicates=3)
    row = row_of("B3", without(few, kind=TICKET, replicate=2, cause=PRUNING))
    assert (row.verdict, row.replicates) == ("undecided", 2)


@pytest.mark.parametrize(
    ("id_", "setting", "n"),
    [("A11", LENET, 20), ("A13", LENET, 15), ("A38", RESNET_WARM, 10)],
)
def test_controls_must_be_at_every_level_that_a_rule_reads(id_, setting, n):
    """A run with controls at some levels only is not one in which reinits never win."""
    run = make_run(setting, kinds=(REINIT,))
    assert row_of(id_, run).ours
    summary = run.summary
    some = summary[(summary["kind"] == TICKET) | summary["level"].isin([6, 7, 8])]
    row = row_of(id_, run._replace(summary=some))
    assert (row.verdict, row.ours) == ("not run", None)
    assert f"random_reinit networks at 3 of {n} levels" in row.note
    if setting is LENET:
        assert row_of("A12", run._replace(summary=some)).verdict == "reproduced"


def test_only_tickets_are_dense():
    for kind, cause, wanted in (
        (TICKET, "", [0.0, 1.0, 2.0]),
        (SHUFFLE, "", [1.0, 2.0]),
        (TICKET, ORDER, [1.0, 2.0]),
    ):
        assert span_of(Look(kind, cause, 0, 2), [0.0, 1.0, 2.0, 3.0]) == wanted


# Pools.


def test_stability_of_runs_that_differ_in_seed_is_pooled():
    runs = [printed_run(LENET, replicates=1, seed=seed) for seed in range(3)]
    runs[2] = restabilized(runs[2], SHUFFLE, ORDER, "distance", 4)
    row = row_of("B3", *runs)
    assert (row.verdict, row.replicates) == ("undecided", 3)
    assert row.ours == "5.66x; 1.57x"
    assert row_of("B3", *runs[:2]).replicates == 2


def test_replicates_have_one_number_in_all_tables():
    """Also where the first run lacks the stability that the second has."""
    runs = [printed_run(LENET, replicates=2, seed=seed) for seed in range(2)]
    runs[0] = runs[0]._replace(stability=runs[0].stability.iloc[:0])
    (pool,) = pool_runs(runs)
    assert (
        set(pool.summary["replicate"]) == set(pool.curves["replicate"]) == {*range(4)}
    )
    assert set(pool.stability["replicate"]) == {2, 3}
    assert set(pool.stability["position"]) == {10.0}


def test_a_pair_that_two_runs_share_counts_once():
    run = printed_run(LENET, replicates=2)
    (pool,) = pool_runs([run, run])
    assert len(pool.stability) == len(run.stability)
    assert row_of("B3", run, run).replicates == 2


def test_positions_of_one_shot_stability_are_rates():
    one_shot = LENET.but("", prune={"one_shot": (0.5, 0.9), "output_rate": None})
    run = make_run(one_shot, close=lambda *_: (1.0, 2.0), copied=(2,))
    (pool,) = pool_runs([run])
    assert set(pool.stability["position"]) == {0.9}


# Rewinding.


def config_of(run: Run, **fields: Any) -> Run:
    """Return the run with other fields of its config."""
    config = json.loads(json.dumps(run.config))
    for name, value in fields.items():
        config[name] = config[name] | value if isinstance(value, dict) else value
    return run._replace(config=config)


def differing(setting: Setting, **fields: Any) -> list[str]:
    (pool,) = pool_runs([config_of(make_run(setting, n_levels=1), **fields)])
    return mismatches(setting, pool)


def test_a_moment_may_be_a_step_or_a_fraction():
    late = RESNET_HIGH.rewound(600)
    for fields in (
        {"weights": 0.02},
        {"weights": 0.02, "clock": 600},
        {"weights": 600, "clock": 0.02},
        {"weights": 600, "steps": 29_400},
    ):
        assert differing(late, rewind=fields) == []
    assert differing(RESNET_HIGH.rewound(0.02), rewind={"weights": 600}) == []
    for fields, name in (
        ({"weights": 601}, "rewind.weights (601, not 600)"),
        ({"weights": 0}, "rewind.weights (0, not 600)"),
        ({"weights": "final"}, "rewind.weights (final, not 600)"),
        ({"clock": 0}, "rewind.clock (0, not None)"),
        ({"clock": "end", "steps": 9}, "rewind.clock (end, not None)"),
        ({"steps": 30_000}, "rewind.steps (30000, not None)"),
        ({"moments": "restored"}, "rewind.moments (restored, not fresh)"),
    ):
        assert name in differing(late, rewind=fields)
    assert len(differing(late, rewind={"weights": 601})) == 1


def test_at_step_0_the_state_of_the_optimizer_is_fresh():
    assert differing(LENET, rewind={"moments": "restored"}) == []
    assert differing(LENET, rewind={"clock": 0, "steps": 50_000}) == []
    assert differing(LENET, rewind={"weights": 25}) == ["rewind.weights (25, not 0)"]


def test_a_shorter_run_scales_its_rewinding():
    late = RESNET_HIGH.rewound(500)
    short = {"steps": 3_000, "drops": [2_000, 2_500]}
    assert differing(late, train=short, rewind={"weights": 50}) == []
    assert differing(late, train=short, rewind={"weights": 500}) != []
    assert differing(late, train=short, rewind={"weights": 0}) != []
    assert differing(RESNET_HIGH, train=short, rewind={"weights": 1}) != []
    assert differing(VGG_HIGH.rewound(100), rewind={"weights": 100}) == []
    tiny = {"steps": 1_000, "drops": [500, 750]}
    assert differing(VGG_HIGH.rewound(100), train=tiny, rewind={"weights": 1}) == []
    assert differing(VGG_HIGH.rewound(100), train=tiny, rewind={"weights": 0}) != []
    assert differing(VGG_HIGH.rewound(100), train=tiny, rewind={"weights": 2}) != []
    tiny = {"steps": 500, "drops": [250, 375]}
    assert differing(VGG_HIGH.rewound(100), train=tiny, rewind={"weights": 0}) != []


def test_a_shorter_rewound_run_is_noted():
    setting = LENET.rewound(LATER[LENET])
    run = make_run(setting, n_levels=10, steps=5_000)
    note = row_of("B7", config_of(run, rewind={"weights": 100})).note
    assert f"Reduced run of {setting.name}: 5,000 of 50,000 steps" in note


def test_what_is_measured_makes_no_other_setting():
    fields = {
        "stability": dataclasses.asdict(StabilityConfig(orders=4, points=30)),
        "control_levels": [10],
    }
    assert differing(LENET, **fields) == []


def test_a_config_of_before_rewinding_is_rewound_to_0():
    run = make_run(LENET)
    config = json.loads(json.dumps(run.config))
    for name in ("rewind", "stability", "control_levels"):
        del config[name]
    assert row_of("A5", run._replace(config=config)).verdict == "reproduced"


def test_rewound_settings():
    assert LENET.rewound(0) is LENET
    assert LENET.rewound(0.07).name == "LeNet rewound to 7 %"
    assert LENET.rewound(1_000).config.rewind == RewindConfig(weights=1_000)
    row = row_of("B5", make_run(RESNET_HIGH))
    assert "VGG-19 lr 0.1 rewound to 100" in row.note


# The claims about rewinding: a world in which they hold, and what breaks them.


def rewound_runs(id_: str, changes: Iterable[tuple[Any, ...]] = ()) -> list[Run]:
    """Return what a claim needs: the later the rewind point, the better, until late."""
    runs = {}
    for setting in needed(id_):
        name = setting.name.split(" rewound")[0]
        base = next(each for each in LEVEL if each.name == name)
        step = setting.config.rewind.weights
        early = step and step <= LATER[base]
        gain = 0.003 if early else -0.02
        factor = 1.0 if early else 2.0

        def close(kind: str, cause: str, factor: float = factor) -> tuple[float, float]:
            random = kind.removesuffix("_reorder") == SHUFFLE
            return factor * (30.0 if random else 20.0), 45.0

        run = make_run(
            setting, kinds=(SHUFFLE,), close=close, copied=(LEVEL[base],), n_levels=24
        )
        runs[setting] = changed(
            run,
            (TICKET, FINAL, range(1, 25), 0.9 + gain),
            (SHUFFLE, FINAL, range(1, 25), 0.895 + gain),
            (TICKET, FINAL, [0], 0.9),
        )
    for setting, change, *how in changes:
        runs[setting] = change(runs[setting], *how)
    return [*runs.values()]


def set_to(run: Run, kind: str, at_levels: Iterable[int], accuracy: float) -> Run:
    return changed(run, (kind, FINAL, at_levels, accuracy))


R, V = RESNET_HIGH, VGG_HIGH
R_EARLY, V_EARLY = R.rewound(EARLY[R]), V.rewound(EARLY[V])
R_LATER, V_LATER = R.rewound(LATER[R]), V.rewound(LATER[V])
L_LATER = LENET.rewound(LATER[LENET])
BREAKS = [
    ("B1", (R_EARLY, set_to, TICKET, (4, 5, 6), 0.897)),
    ("B1", (V_EARLY, set_to, TICKET, (4, 5, 6), 0.897)),
    ("B1", (R_LATER, set_to, TICKET, (4, 5, 6), 0.897)),
    ("B1", (V_LATER, set_to, TICKET, (4, 5, 6), 0.897)),
    ("B1", (V_EARLY, set_to, TICKET, range(17, 25), 0.897)),
    ("B4", (R_EARLY, restabilized, TICKET, ORDER, "distance", 1.4)),
    ("B4", (R_EARLY, restabilized, TICKET, PRUNING, "distance", 1.4)),
    ("B4", (V_EARLY, restabilized, TICKET, ORDER, "distance", 1.4)),
    ("B4", (V_EARLY, restabilized, TICKET, PRUNING, "distance", 2.1)),
    ("B5", (R_EARLY, set_to, TICKET, (7, 8, 9), 0.8999)),
    ("B5", (V_EARLY, set_to, TICKET, (16, 17, 18), 0.8999)),
    ("B5", (R, set_to, TICKET, (7, 8, 9), 0.8985)),
    ("B5", (V, set_to, TICKET, (16, 17, 18), 0.8985)),
    ("B6", (R_EARLY, set_to, TICKET, (1, 2, 3), 0.877)),
    ("B6", (R_EARLY, set_to, TICKET, range(4, 9), 0.8799)),
    ("B6", (R_EARLY, set_to, TICKET, range(9, 15), 0.8799)),
    ("B6", (V_EARLY, set_to, TICKET, range(15, 21), 0.8799)),
    ("B7", (LENET.rewound(LATEST[LENET]), set_to, TICKET, (8, 9, 10), 0.9025)),
    ("B7", (R.rewound(LATEST[R]), set_to, TICKET, (6, 7, 8), 0.9025)),
    ("B7", (V.rewound(LATEST[V]), set_to, TICKET, (15, 16, 17), 0.9025)),
    ("B8", (L_LATER, restabilized, SHUFFLE, ORDER, "distance", 2.1)),
    ("B8", (R_LATER, restabilized, SHUFFLE, PRUNING, "distance", 2.1)),
    ("B8", (V_LATER, restabilized, SHUFFLE, ORDER, "distance", 0.6)),
    ("B8", (V_LATER, restabilized, SHUFFLE, PRUNING, "distance", 0.6)),
    ("B8", (R_LATER, set_to, SHUFFLE, [8], 0.874)),
    ("B8", (L_LATER, set_to, SHUFFLE, [10], 0.904)),
]


@pytest.mark.parametrize("id_", ["B1", "B4", "B5", "B6", "B7", "B8"])
def test_a_world_of_rewinding_reproduces_its_claims(id_):
    row = row_of(id_, *rewound_runs(id_))
    assert (row.verdict, row.replicates) == ("reproduced", 3), row.note


@pytest.mark.parametrize(("id_", "change"), BREAKS)
def test_every_claim_about_rewinding_can_fail(id_, change):
    row = row_of(id_, *rewound_runs(id_, [change]))
    assert row.verdict == "not reproduced", row.ours


def test_more_stability_with_no_difference_is_no_jump():
    """Where both differences are negative, their ratio is positive."""
    worse = [
        (s, restabilized, TICKET, ORDER, "distance", 3) for s in (R_EARLY, R_LATER)
    ]
    row = row_of("B4", *rewound_runs("B4", worse))
    assert row.verdict == "not reproduced"


# Appendix A.


def test_reinits_and_tickets_of_vgg_19_end_where_they_should():
    run = make_run(VGG_WARM, kinds=(REINIT,))
    row = row_of("B13", run)
    assert (row.verdict, row.ours) == ("reproduced", "level 7; level 19")
    assert "SNIP is not judged yet" in row.note
    for change in (
        (REINIT, FINAL, range(8, 12), 0.92),
        (REINIT, FINAL, range(1, 12), 0.9),
        (TICKET, FINAL, range(20, 25), 0.92),
        (TICKET, FINAL, range(15, 25), 0.9),
    ):
        assert row_of("B13", changed(run, change)).verdict == "not reproduced"


def test_reinits_of_resnet_18_end_sooner():
    runs = [make_run(each, kinds=(REINIT,)) for each in (RESNET_WARM, VGG_WARM)]
    row = row_of("B14", *runs)
    assert (row.verdict, row.ours) == (
        "reproduced",
        "ResNet-18 lr 0.03 warmup 20,000 level -4",
    )
    runs[0] = changed(runs[0], (REINIT, FINAL, range(1, 6), 0.906))
    assert row_of("B14", *runs).verdict == "not reproduced"


# Rules of the first paper that a single level's noise could pass.


def test_one_level_is_no_peak_and_no_dip():
    (pool,) = pool_runs([make_run(LENET, n_levels=1)])
    series = pd.Series([0.0, 0, 3, 0, -3, -3, -3], index=np.arange(7.0))
    assert highest(levels(0, 6)).of(series, pool) == 1
    assert lowest(levels(0, 6)).of(series, pool) == -3
    assert highest(levels(0, 6), over=1).of(series, pool) == 3
    assert "greatest mean of 3 neighbouring levels" in highest(levels(0, 6)).text
    assert np.isnan(highest(levels(7, 9)).of(series, pool))


def with_reinits(setting: Setting, at_levels: Iterable[int], accuracy: float) -> Run:
    run = changed(make_run(setting), (REINIT, "test_accuracy_es", range(1, 25), 0.749))
    run = changed(run, (REINIT, "early_stop_step", range(1, 25), 7_000))
    for level in range(1, 13):
        run = changed(run, (REINIT, "early_stop_step", [level], 7_000 + 100 * level))
    return changed(run, (REINIT, "test_accuracy_es", at_levels, accuracy))


@pytest.mark.parametrize(
    ("spiky", "verdict"),
    [(None, "reproduced"), (CONV2, "not reproduced"), (CONV4, "not reproduced")],
)
def test_a25_needs_reinits_that_hold(spiky, verdict):
    runs = [
        with_reinits(each, range(1, 7), 0.747 if each == spiky else 0.753)
        for each in (CONV2, CONV4)
    ]
    runs += [with_reinits(CONV6, [3], 0.749)]
    assert row_of("A25", *runs).verdict == verdict


@pytest.mark.parametrize(
    ("at_levels", "verdict"),
    [(range(1, 19), "reproduced"), ([5], "not reproduced")],
)
def test_a29_needs_more_than_one_fast_level(at_levels, verdict):
    runs = []
    for setting, step in ((DROPOUT2, 6_000), (DROPOUT4, 4_000), (DROPOUT6, 4_000)):
        run = changed(
            make_run(setting), (TICKET, "early_stop_step", range(1, 25), 7_900)
        )
        runs.append(changed(run, (TICKET, "early_stop_step", at_levels, step)))
    assert row_of("A29", *runs).verdict == verdict
    slow = changed(runs[0], (TICKET, "early_stop_step", range(1, 19), 2_000))
    assert row_of("A29", slow, *runs[1:]).verdict == "not reproduced"


VAL = "val_accuracy_es"


def with_tickets(setting: Setting, gains: dict[int, float]) -> Run:
    run = changed(make_run(setting), (TICKET, VAL, range(1, 25), 0.7499))
    for level, gain in gains.items():
        run = changed(run, (TICKET, VAL, [level], 0.75 + gain))
    return run


PEAK = dict.fromkeys((9, 10, 11), 0.01)
DIP = dict.fromkeys((1, 2, 3), -0.01)


def test_a69_needs_a_peak_and_a_dip_of_several_levels():
    def verdict(gains: dict[int, float]) -> str:
        runs = [
            with_tickets(each, gains)
            if each.config.train.optimizer == "sgd"
            else changed(make_run(each), (TICKET, VAL, [0], 0.775))
            for each in needed("A69")
        ]
        return row_of("A69", *runs).verdict

    assert verdict(PEAK | DIP) == "reproduced"
    assert verdict({10: 0.003} | DIP) == "not reproduced"
    assert verdict(PEAK | {2: -0.002}) == "not reproduced"


def test_a71_needs_a_peak_of_several_levels():
    def verdict(gains: dict[int, float], fast: Iterable[int]) -> str:
        runs = []
        for each in needed("A71"):
            run = with_tickets(each, gains)
            run = changed(run, (TICKET, "early_stop_step", range(1, 25), 7_100))
            runs.append(changed(run, (TICKET, "early_stop_step", fast, 6_000)))
        return row_of("A71", *runs).verdict

    assert verdict(PEAK, range(5, 9)) == "reproduced"
    assert verdict({10: 0.003}, range(5, 9)) == "not reproduced"
    assert verdict(PEAK, [5]) == "not reproduced"


def test_levels_of_the_experiment_reach_those_of_a78():
    made = runpy.run_path(str(REPO / "experiments" / "lth_figure_8.py"))["config"]()
    last = max(
        each.reduction.last
        for claim_id in ("A38", "A78")
        for setting, each in _statistics(claim_id)
        if setting is RESNET_WARM
    )
    assert last <= min(config.prune.levels for config in made.values())


def _statistics(id_: str) -> list[tuple[Setting, Statistic]]:
    claim = next(claim for claim in CODED if claim.id == id_)
    return [(each.setting, each) for each in claim.statistics]
