"""The claims of the appendices: anatomy of tickets, controls, sweeps, equal sizes."""

import runpy
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from made import (
    CLAIMS,
    CODED,
    CONTROLS,
    LAYERS,
    REINIT,
    SHUFFLE,
    changed,
    continued,
    make_run,
    needed,
    row_of,
)

from lth_jax import models
from lth_jax.config import Config, to_dict
from lth_jax.judging.matching import mismatches
from lth_jax.judging.pool import Pool, pool_runs
from lth_jax.judging.reductions import Reduction, mean_at
from lth_jax.judging.rules import Statistic
from lth_jax.judging.settings import Setting
from lth_jax.papers.lottery.claims import appendix_lenet
from lth_jax.papers.lottery.claims.appendix_conv import (
    MOMENTUM_HIGHEST,
    MOMENTUM_LOWEST,
    ONE_KIND,
)
from lth_jax.papers.lottery.claims.appendix_tickets import BEFORE, SGD
from lth_jax.papers.lottery.settings import (
    CONV2,
    CONV4,
    CONV6,
    LENET,
    RESAMPLE,
    RESNET_WARM,
    VGG_WARM,
    layerwise,
)
from lth_jax.results import flat_numbers
from lth_jax.store.read import Run
from lth_jax.study.networks import names, plan_study, trainings
from lth_jax.tickets.counts import iterative_counts, layer_rates

EXPERIMENTS = Path(__file__).parents[1] / "experiments"
TICKET, STEP, ES = "ticket", "early_stop_step", "test_accuracy_es"
VAL, FINAL = "val_accuracy_es", "test_accuracy_final"
FINAL_VAL = "val_accuracy_final"
FIRST, SECOND, OUTPUT = LAYERS
DENSE, SMALL, ALL = [0], [8, 12], range(1, 28)
MOMENTUM, STDS = appendix_lenet.MOMENTUM, appendix_lenet.STDS
RATES, SIZES = appendix_lenet.PER_ROUND, appendix_lenet.SIZES
SGDS = appendix_lenet.SGD
ONE = {(each.all, each.better): each.one for each in ONE_KIND}


@cache
def world(setting: Setting) -> Run:
    """Return the run of a setting in which the claims hold, with all that they read."""
    kinds = {LENET: CONTROLS} | dict.fromkeys((CONV2, CONV4, CONV6), (REINIT, SHUFFLE))
    return make_run(
        setting,
        n_levels=27 if setting == RATES[0.1] else 24,
        kinds=kinds.get(setting, ()),
        apart=(0, 4, 8, 12) if setting in (LENET, SGD) else (),
    )


@cache
def pool_of(setting: Setting) -> Pool:
    (pool,) = pool_runs([world(setting)])
    return pool


def holds(id_: str, setting: Setting, pool: Pool) -> bool:
    """Tell whether a rule holds in the world but for the networks of one setting."""
    (claim,) = [claim for claim in CODED if claim.id == id_]
    assert setting in needed(id_)
    pools = {each: pool_of(each) for each in needed(id_)} | {setting: pool}
    return all(each.outcome(each.term.of(pools)) == "yes" for each in claim.conditions)


# Every rule goes both ways, and its bounds are where they are said to be.

NETWORKS = [
    # claim, setting, kind, column, levels, value within the bound, value outside
    ("A41", LENET, TICKET, VAL, ALL, 0.9791, 0.9789),
    ("A41", LENET, TICKET, STEP, ALL, 7_900, 8_100),
    ("A41", continued(LENET), TICKET, VAL, range(7, 16), 0.9820, 0.9822),
    ("A41b", CONV2, TICKET, VAL, ALL, 0.781, 0.779),
    ("A41b", continued(CONV4), TICKET, STEP, ALL, 2_100, 1_900),
    ("A41b", continued(CONV6), TICKET, VAL, ALL, 0.784, 0.786),
    ("A42", LENET, REINIT, FINAL, SMALL, 0.9776, 0.9772),
    ("A42b", CONV2, REINIT, FINAL, ALL, 0.7549, 0.7551),
    ("A42b", CONV6, REINIT, FINAL, ALL, 0.7451, 0.7449),
    ("A45", LENET, REINIT, ES, SMALL, 0.9774, 0.9826),
    ("A45", LENET, RESAMPLE, ES, SMALL, 0.9796, 0.9798),
    ("A45", LENET, RESAMPLE, ES, SMALL, 0.9740, 0.9738),
    ("A45", LENET, RESAMPLE, STEP, SMALL, 17_200, 17_700),
    ("A45", LENET, RESAMPLE, STEP, SMALL, 11_400, 11_000),
    ("A46", BEFORE, TICKET, ES, range(4, 9), 0.9799, 0.9801),
    ("A51", LENET, "noise_0.5", ES, SMALL, 0.98105, 0.98095),
    ("A51", LENET, "noise_0.5", ES, SMALL, 0.98395, 0.98405),
    ("A52", LENET, "noise_3", ES, SMALL, 0.9759, 0.9757),
    ("A52", LENET, "noise_3", STEP, SMALL, 13_900, 14_100),
    ("A52", LENET, "noise_3", ES, SMALL, 0.9809, 0.9815),
    ("A52", LENET, "noise_1", ES, SMALL, 0.98295, 0.98305),
    ("A52", LENET, "noise_2", ES, SMALL, 0.98245, 0.98255),
    ("A52", LENET, "noise_0.5", ES, SMALL, 0.9805, 0.9794),
    ("A55", SGDS[0.4], TICKET, STEP, DENSE, 5_500, 3_400),
    ("A55", SGDS[0.8], TICKET, STEP, DENSE, 13_900, 14_100),
    ("A55", SGDS[0.8], TICKET, STEP, range(20, 23), 7_700, 7_800),
    ("A55", SGDS[0.8], TICKET, VAL, range(17, 23), 0.9795, 0.9815),
    ("A55", LENET, TICKET, STEP, range(17, 23), 7_800, 6_000),
    ("A56", MOMENTUM[0.05], TICKET, VAL, ALL, 0.9781, 0.9779),
    ("A56", MOMENTUM[0.1], TICKET, VAL, ALL, 0.9781, 0.9779),
    ("A56", MOMENTUM[0.4], TICKET, VAL, ALL, 0.9829, 0.9831),
    ("A56", MOMENTUM[0.1], TICKET, VAL, DENSE, 0.9829, 0.9831),
    ("A56", MOMENTUM[0.025], TICKET, VAL, [4, 5, 6], 0.9829, 0.9831),
    ("A57", RATES[0.4], TICKET, VAL, [5], 0.9801, 0.9803),
    ("A57", RATES[0.6], TICKET, VAL, [3], 0.9801, 0.9803),
    ("A57", RATES[0.1], TICKET, VAL, [27], 0.9801, 0.9799),
    ("A57", RATES[0.1], TICKET, STEP, [27], 6_650, 6_680),
    ("A57", RATES[0.4], TICKET, STEP, [5], 6_650, 6_550),
    ("A58", STDS[0.0125], TICKET, VAL, ALL, 0.9791, 0.9789),
    ("A58", STDS[0.4], TICKET, STEP, ALL, 6_650, 6_680),
    ("A58", STDS[0.2], TICKET, VAL, ALL, 0.9829, 0.9831),
    ("A58", STDS[0.1], TICKET, VAL, ALL, 0.9811, 0.9809),
    ("A58", LENET, TICKET, VAL, ALL, 0.9839, 0.9841),
    ("A58", LENET, TICKET, VAL, ALL, 0.9801, 0.9799),
    ("A60", SIZES[100, 34], TICKET, VAL, [7, 8, 9], 0.9805, 0.9807),
    ("A60", SIZES[900, 300], TICKET, VAL, [18, 19, 20], 0.9807, 0.9805),
    ("A60", SIZES[900, 300], TICKET, STEP, [18, 19, 20], 7_300, 7_330),
    ("A60", SIZES[100, 34], TICKET, STEP, [7, 8, 9], 9_900, 9_950),
    ("A70", MOMENTUM_LOWEST[1], TICKET, VAL, range(1, 7), 0.7489, 0.7491),
    ("A70", MOMENTUM_HIGHEST[3], TICKET, STEP, [3, 4, 5], 6_370, 6_350),
    ("A76", ONE[CONV2, True], TICKET, ES, [10, 11, 12], 0.751, 0.749),
    ("A76", ONE[CONV4, True], TICKET, STEP, [10, 11, 12], 6_900, 7_100),
    ("A76", ONE[CONV6, True], TICKET, ES, [11, 12, 13], 0.786, 0.784),
    ("A76", ONE[CONV2, False], TICKET, ES, [15, 16, 17], 0.784, 0.786),
    ("A76", ONE[CONV4, False], TICKET, STEP, [11, 12, 13], 2_100, 1_900),
    ("A76", CONV6, TICKET, ES, [2, 3, 4], 0.789, 0.791),
    ("A76", CONV6, TICKET, STEP, [2, 3, 4], 2_400, 2_600),
    ("A77", layerwise(VGG_WARM), TICKET, FINAL_VAL, range(13, 17), 0.919, 0.921),
    ("A78", layerwise(RESNET_WARM), TICKET, FINAL_VAL, [10], 0.904, 0.906),
    ("A78", layerwise(VGG_WARM), TICKET, FINAL_VAL, [17], 0.919, 0.921),
]
INSIDE = [
    # claim, setting, layer, column, levels, value within the bound, value outside
    ("A43", LENET, FIRST, "near_zero", SMALL, 0.256, 0.252),
    ("A43", LENET, FIRST, "near_zero", SMALL, 0.565, 0.575),
    ("A43", LENET, FIRST, "kept_positive", SMALL, 0.529, 0.531),
    ("A43", LENET, FIRST, "kept_positive", SMALL, 0.471, 0.469),
    ("A43", LENET, SECOND, "hollow", [8], 0.79, 0.81),
    ("A43", LENET, OUTPUT, "hollow", [8], 0.79, 0.81),
    ("A43", LENET, SECOND, "kept_positive", [8], 0.501, 0.499),
    ("A43", LENET, SECOND, "kept_positive", DENSE, 0.599, 0.601),
    ("A43", LENET, OUTPUT, "kept_positive", [8], 0.499, 0.501),
    ("A44", SGD, FIRST, "hollow", [8], 0.79, 0.81),
    ("A44", SGD, OUTPUT, "hollow", [8], 0.79, 0.81),
    ("A44", SGD, FIRST, "kept_positive", [8], 0.499, 0.501),
    ("A44", SGD, SECOND, "kept_positive", [8], 0.501, 0.499),
    ("A44", SGD, OUTPUT, "kept_positive", [8], 0.501, 0.499),
    ("A50", LENET, FIRST, "outgoing_spread", SMALL, 0.401, 0.399),
    ("A50", LENET, SECOND, "outgoing_spread", SMALL, 0.401, 0.399),
    ("A50", LENET, SECOND, "incoming_spread", SMALL, 0.899, 0.901),
    ("A50", SGD, FIRST, "outgoing_spread", [4], 0.899, 0.901),
    ("A50", SGD, FIRST, "outgoing_spread", [12], 0.899, 0.901),
    *(
        row
        for layer in (FIRST, SECOND, OUTPUT)
        for row in (
            ("A47", LENET, layer, "distance_kept", [8], 0.101, 0.099),
            ("A48", LENET, layer, "grown_kept", [8], 0.301, 0.299),
            ("A49", LENET, layer, "incoming_spread", [4], 0.399, 0.401),
            ("A49", SGD, layer, "incoming_spread", [12], 0.399, 0.401),
        )
    ),
]


def inside(pool: Pool, layer: str, column: str, at: Iterable[int], value: Any) -> Pool:
    """Return the pool with other values of a layer's column at some levels."""
    layers = pool.layers.copy()
    rows = (layers["layer"] == layer) & layers["level"].isin([*at])
    assert rows.any()
    layers.loc[rows, column] = value
    return pool._replace(layers=layers)


@pytest.mark.parametrize("id_", dict.fromkeys(flip[0] for flip in (*NETWORKS, *INSIDE)))
def test_the_papers_world_reproduces_it(id_):
    row = row_of(id_, *map(world, needed(id_)))
    assert (row.verdict, row.replicates) == ("reproduced", 3), row
    assert row.note == next(claim.remark for claim in CLAIMS if claim.id == id_)


@pytest.mark.parametrize(
    ("id_", "setting", "kind", "column", "at", "within", "outside"),
    NETWORKS,
    ids=[f"{f[0]}-{f[2]}-{f[3]}-{n}" for n, f in enumerate(NETWORKS)],
)
def test_a_rule_goes_both_ways(id_, setting, kind, column, at, within, outside):
    pool = pool_of(setting)
    assert holds(id_, setting, changed(pool, (kind, column, at, within)))
    assert not holds(id_, setting, changed(pool, (kind, column, at, outside)))


@pytest.mark.parametrize(
    ("id_", "setting", "layer", "column", "at", "within", "outside"),
    INSIDE,
    ids=[f"{f[0]}-{f[2][:7]}-{f[3]}-{n}" for n, f in enumerate(INSIDE)],
)
def test_a_rule_on_anatomy_goes_both_ways(
    id_, setting, layer, column, at, within, outside
):
    pool = pool_of(setting)
    assert holds(id_, setting, inside(pool, layer, column, at, within))
    assert not holds(id_, setting, inside(pool, layer, column, at, outside))


# Which runs count.


def test_controls_are_needed_at_the_levels_that_are_compared():
    """As of ``control_levels = 8 12``, with random_reinit at all levels elsewhere."""
    run = make_run(LENET, n_levels=12, kinds=CONTROLS)
    there = run.summary["kind"].eq(TICKET) | run.summary["level"].isin(SMALL)
    run = run._replace(summary=run.summary[there])
    for id_ in ("A42", "A45", "A51", "A52"):
        assert row_of(id_, run).verdict == "reproduced"
    gone = run.summary["level"].eq(8) & run.summary["kind"].eq("noise_2")
    row = row_of("A52", run._replace(summary=run.summary[~gone]))
    assert row.verdict == "not run"
    assert row.note.startswith(
        "Reduced run of LeNet: noise_2 networks at 1 of 2 levels. It shows"
    )
    short = make_run(LENET, n_levels=8, kinds=CONTROLS)
    assert "LeNet: 8 of 12 levels" in row_of("A42", short).note


def test_reinits_of_another_run_may_be_compared_with_pruning_before_training():
    runs = make_run(BEFORE, n_levels=8, kinds=()), make_run(LENET, kinds=(REINIT,))
    assert row_of("A46", *runs).verdict == "reproduced"


def test_dense_networks_alone_show_what_the_learning_rate_does():
    sweep = [
        make_run(setting, n_levels=0, kinds=())
        for setting in {*needed("A53"), *needed("A54")}
    ]
    for id_ in ("A53", "A54"):
        assert row_of(id_, *sweep).verdict in ("reproduced", "not reproduced")


def test_a_run_without_anatomy_says_how_to_get_it():
    row = row_of("A43", make_run(LENET, n_levels=12, kinds=()))
    assert (row.verdict, row.ours) == ("not run", None)
    assert row.note == (
        "Reduced run of LeNet: no anatomy at levels 0 and 8 (lth anatomy RUN)."
    )
    run = make_run(LENET, n_levels=12, kinds=(), apart=(8, 12))
    assert "no anatomy at level 0 (lth" in row_of("A43", run).note
    assert row_of("A47", run).verdict == "reproduced"
    note = row_of("A44").note
    assert (
        "it needs levels 0 to 8 of ticket and their anatomy at levels 0 and 8" in note
    )


def test_no_run_says_which_controls_are_needed_where():
    words = "it needs levels 0 to 12 of ticket, levels 8 and 12 of noise_3, random_"
    assert words in row_of("A52").note


def test_a_replicate_that_was_not_taken_apart_is_left_out():
    run = make_run(LENET, replicates=4, n_levels=12, kinds=(), apart=(0, 8, 12))
    layers = run.anatomy.layers
    lost = layers["replicate"].eq(1) & layers["level"].eq(8)
    lost &= layers["layer"].eq(SECOND)
    run = run._replace(anatomy=run.anatomy._replace(layers=layers[~lost]))
    row = row_of("A47", run)
    assert (row.verdict, row.replicates) == ("reproduced", 3)
    failed = changed(run, (TICKET, "status", [8], "diverged"))
    assert row_of("A47", failed).verdict == "not run"


@pytest.mark.parametrize(("level", "replicates"), [(3, 3), (8, 2)])
def test_a_control_counts_only_where_it_is_compared(level, replicates):
    run = world(LENET)
    rows = (run.summary["kind"] == RESAMPLE) & (run.summary["level"] == level)
    failed = run.summary.copy()
    failed.loc[rows & (failed["replicate"] == 1), "status"] = "diverged"
    assert row_of("A45", run._replace(summary=failed)).replicates == replicates


def test_anatomy_of_runs_that_differ_in_seed_is_pooled():
    runs = [
        make_run(LENET, 1, 12, seed=seed, kinds=(), apart=(8, 12)) for seed in range(3)
    ]
    layers = runs[2].anatomy.layers
    layers.loc[layers["layer"] == FIRST, "distance_kept"] = 0.4
    row = row_of("A47", *runs)
    assert (row.verdict, row.replicates) == ("undecided", 3)
    assert row.ours == "2.67x; 2.00x; 2.00x"
    assert [each.outcome for each in row.findings] == ["undecided", "yes", "yes"]


# What the rules take as given.


def test_named_levels_are_averaged_and_none_may_be_missing():
    series = pd.Series([1.0, 5.0, 3.0], index=[0.0, 8.0, 12.0])
    (pool,) = pool_runs([make_run(LENET, n_levels=1)])
    assert mean_at(8, 12).of(series, pool) == 4
    assert np.isnan(mean_at(8, 9).of(series, pool))
    assert mean_at(0, 8, 12).text == "(mean of levels 0, 8 and 12)"


@pytest.mark.parametrize("each", ONE_KIND, ids=lambda each: each.one.name)
def test_sizes_that_are_compared_are_equal_and_favour_no_claim(each):
    """A76, from the counts of the networks themselves."""

    def weights(setting: Setting, reduction: Reduction) -> float:
        model = models.build(setting.config.model, (32, 32, 3), 10)
        sizes = {path: int(np.prod(n.shape)) for path, n in model.layers.items()}
        rates = layer_rates(model.layers, setting.config.prune)
        last = int(reduction.last)
        counts = iterative_counts(sizes, rates, last)[int(reduction.first) :]
        return float(np.mean([sum(count.values()) for count in counts]))

    share = weights(each.one, each.at_one) / weights(each.all, each.at_all)
    low, high = (0.92, 1.0) if each.better else (1.0, 1.04)
    assert low <= share <= high


def test_the_networks_of_appendix_g_are_counted():
    """A81: of each study, as the experiments train it."""
    trained = 0
    for number in range(26, 32):
        path = EXPERIMENTS / f"lth_figure_{number}.py"
        variants = runpy.run_path(str(path))["config"]().values()
        trained += len(
            {
                name
                for one in variants
                for name in names(one, plan_study(one)[0].networks)
            }
        )
        trained += sum(n.level > 0 for one in variants for n in trainings(one))
    assert f"lth_figure_26 to 31 train {trained:,}" in row_of("A81").note


# Which experiments show them.


def configs() -> Iterator[Config]:
    for path in EXPERIMENTS.glob("*.py"):
        made = runpy.run_path(str(path)).get("config", dict)()
        yield from [made] if isinstance(made, Config) else made.values()


def reaches(config: Config, statistics: Iterable[Statistic]) -> bool:
    """Tell whether a run has the levels, controls and anatomy that statistics read."""
    there = {(lane.kind, lane.level) for lane in trainings(config)}
    for each in statistics:
        quantity, reduction = each.quantity, each.reduction
        span = range(int(reduction.first), int(reduction.last) + 1)
        at = [int(level) for level in reduction.only] or span
        if config.prune.one_shot:
            continue
        if quantity.layer and not {*at} <= {*config.anatomy}:
            return False
        kinds = quantity.kinds
        if not {(k, n) for k in kinds for n in at if n or k == TICKET} <= there:
            return False
    return True


@pytest.mark.long
def test_the_experiments_show_every_claim_but_one():
    """Nothing trains ResNet-18 at the rate 0.1 with warmup, of which A39 speaks."""
    kept = {repr(config): config for config in configs()}.values()
    blank = pool_of(LENET)
    pools = [blank._replace(numbers=flat_numbers(to_dict(c))) for c in kept]
    fitting = {}
    for claim in CODED:
        for setting in needed(claim.id):
            if setting not in fitting:
                found = zip(kept, pools, strict=True)
                fitting[setting] = [c for c, p in found if not mismatches(setting, p)]
    lost = {
        claim.id
        for claim in CODED
        for setting in needed(claim.id)
        if not any(
            reaches(config, [s for s in claim.statistics if s.setting == setting])
            for config in fitting[setting]
        )
    }
    assert lost == {"A39"}
