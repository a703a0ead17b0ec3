"""The claims of the papers: rules, matching and pooling of runs, verdicts, faces."""

import dataclasses
import functools
import json
import re
import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from made import (
    CLAIMS,
    CODED,
    CONTROLS,
    REINIT,
    SHUFFLE,
    changed,
    make_run,
    needed,
    row_of,
)
from scipy import stats

from lth_jax import models, papers
from lth_jax.cli import main
from lth_jax.config import Config, to_dict
from lth_jax.judging import Judgement, judge, totals
from lth_jax.judging.matching import mismatches
from lth_jax.judging.pool import pool_runs
from lth_jax.judging.quantities import slowdown
from lth_jax.judging.reductions import at, crossing, levels, trend
from lth_jax.judging.rules import Bound, above, below
from lth_jax.judging.settings import Setting
from lth_jax.judging.units import points, times
from lth_jax.papers.lottery.claims.appendix_lenet import PER_ROUND
from lth_jax.papers.lottery.claims.appendix_tickets import SGD
from lth_jax.papers.lottery.claims.conv import conv_share
from lth_jax.papers.lottery.settings import (
    CONV2,
    CONV4,
    CONV6,
    LENET,
    LENET_ONE_SHOT,
    RESNET_HIGH,
    RESNET_LOW,
    RESNET_WARM,
    VGG_HIGH,
    VGG_LOW,
    VGG_WARM,
)
from lth_jax.report import run as report
from lth_jax.report import sweep
from lth_jax.report.run import write_report
from lth_jax.store.read import Run

PAPERS = Path(papers.__file__).parent
EXPERIMENTS = sorted(
    (Path(__file__).parents[1] / "experiments").glob("lth_figure_?.py")
)
SETTINGS = list(dict.fromkeys(s.setting for claim in CODED for s in claim.statistics))
# Every rule of section 2, and some of the others, can go both ways.

TICKET, STEP, ES = "ticket", "early_stop_step", "test_accuracy_es"
FINAL, TRAIN = "test_accuracy_final", "train_accuracy_final"
ALL = range(1, 23)
FLIPS = [
    ("A1", LENET, TICKET, ES, [8], 0.975),
    ("A1", LENET, TICKET, STEP, [8], 7_001),
    ("A1", CONV6, TICKET, ES, [9], 0.747),
    ("A1", VGG_WARM, TICKET, FINAL, [8], 0.917),
    ("A3", LENET, TICKET, ES, [3], 0.9809),
    ("A3", LENET, TICKET, STEP, [2, 3, 4], 6_700),
    ("A3", LENET, TICKET, STEP, [2, 3, 4], 4_100),
    ("A4", LENET, TICKET, STEP, range(8, 19), 4_000),
    ("A4", LENET, TICKET, STEP, range(1, 7), 4_000),
    ("A5", LENET, TICKET, STEP, [6, 7, 8], 5_300),
    ("A5", LENET, TICKET, STEP, [10], 1_400),
    ("A6", LENET, TICKET, STEP, range(11, 23), 7_100),
    ("A6", LENET, TICKET, STEP, range(14, 21), 6_900),
    ("A7", LENET, TICKET, ES, [9], 0.9819),
    ("A7", LENET, TICKET, ES, [11], 0.9860),
    ("A8", LENET, TICKET, ES, range(11, 23), 0.979),
    ("A8", LENET, TICKET, ES, range(14, 21), 0.981),
    ("A9", LENET, TICKET, FINAL, ALL, 0.9822),
    ("A9", LENET, TICKET, FINAL, [5, 6, 10, 11, 12, 13], 0.972),
    ("A10", LENET, TICKET, TRAIN, [13], 0.997),
    ("A10", LENET, REINIT, TRAIN, [13], 0.997),
    ("A10", LENET, TICKET, TRAIN, [17], 0.989),
    ("A11", LENET, REINIT, ES, range(7, 13), 0.981),
    ("A11", LENET, REINIT, ES, ALL, 0.979),
    ("A12", LENET, REINIT, STEP, [6, 7, 8], 8_399),
    ("A12", LENET, REINIT, ES, [6, 7, 8], 0.9799),
    ("A13", LENET, REINIT, STEP, ALL, 9_000),
    ("A14", LENET_ONE_SHOT, TICKET, STEP, [3], 7_800),
    ("A14", LENET_ONE_SHOT, TICKET, STEP, ALL, 7_001),
    ("A15", LENET_ONE_SHOT, TICKET, ES, [5], 0.9789),
    ("A15", LENET_ONE_SHOT, TICKET, ES, ALL, 0.9799),
    ("A16", LENET_ONE_SHOT, TICKET, STEP, [8, 9], 4_000),
    ("A16", LENET_ONE_SHOT, TICKET, ES, [8, 9], 0.983),
    ("A17", CONV2, TICKET, STEP, [11], 2_700),
    ("A19", CONV6, TICKET, STEP, [5], 1_200),
    ("A20", CONV2, TICKET, ES, [14], 0.772),
    ("A22", CONV6, TICKET, ES, [3], 0.810),
    ("A23", CONV4, TICKET, ES, [20], 0.748),
    ("A23", CONV2, TICKET, ES, ALL, 0.7495),
    ("A24", CONV6, TICKET, TRAIN, [21], 0.99),
    ("A24", CONV2, TICKET, FINAL, ALL, 0.74),
    ("A30", VGG_HIGH, TICKET, FINAL, ALL, 0.91),
    ("A31", VGG_LOW, TICKET, FINAL, [15], 0.908),
    ("A31", VGG_LOW, TICKET, FINAL, range(16, 20), 0.915),
    ("A31", VGG_LOW, TICKET, FINAL, ALL, 0.921),
    ("A33", VGG_WARM, TICKET, FINAL, [19], 0.918),
    ("A33", VGG_WARM, TICKET, FINAL, range(20, 24), 0.925),
    ("A34", VGG_WARM, REINIT, FINAL, [7], 0.917),
    ("A34", VGG_WARM, REINIT, FINAL, range(8, 12), 0.92),
    ("A35", RESNET_HIGH, TICKET, FINAL, [0], 0.89),
    ("A36", RESNET_LOW, TICKET, FINAL, ALL, 0.88),
    ("A38", RESNET_WARM, TICKET, FINAL, [10], 0.902),
    ("A38", RESNET_WARM, TICKET, FINAL, range(11, 15), 0.906),
    ("A38", RESNET_WARM, REINIT, FINAL, ALL, 0.91),
]


@functools.cache
def as_in_the_world(id_: str) -> tuple[dict[Setting, Run], Judgement]:
    """Return the runs that a claim needs, and what it says of them."""
    runs = {each: make_run(each) for each in needed(id_)}
    return runs, row_of(id_, *runs.values())


@pytest.mark.parametrize(
    ("id_", "setting", "kind", "column", "at", "value"),
    FLIPS,
    ids=[f"{f[0]}-{f[2]}-{f[3]}-{n}" for n, f in enumerate(FLIPS)],
)
def test_a_rule_goes_both_ways(id_, setting, kind, column, at, value):
    runs, good = as_in_the_world(id_)
    assert (good.verdict, good.replicates) == ("reproduced", 3)
    there = sorted({*at} & {*runs[setting].summary["level"]})
    other = {setting: changed(runs[setting], (kind, column, there, value))}
    bad = row_of(id_, *(runs | other).values())
    assert bad.verdict == "not reproduced"
    assert bad.ours != good.ours


def test_ours_and_interval_are_of_the_replicates():
    run = make_run(LENET)
    summary = run.summary.copy()
    slower = summary["kind"].eq(REINIT) & summary["level"].isin([6, 7, 8])
    summary.loc[slower, STEP] = 4_200 * (2.0 + summary["replicate"])
    summary.loc[summary["kind"].eq(TICKET) & summary["level"].gt(0), STEP] = 4_200
    row = row_of("A12", run._replace(summary=summary))
    assert row.ours == "3.00x; +0.36 points"
    logs = np.log([2, 3, 4])
    half = stats.t.ppf(0.975, 2) * logs.std(ddof=1) / np.sqrt(3)
    low, high = row.findings[0].interval or (0, 0)
    assert (low, high) == pytest.approx(
        np.exp([logs.mean() - half, logs.mean() + half])
    )
    assert f"3.00x [{low:.2f}, {high:.2f}]; +0.36 points [+0.36, +0.36]" == row.shown
    assert (row.verdict, row.findings[1].outcome) == ("reproduced", "yes")
    assert row.rule.startswith(
        "Intervals over replicates: (1) random_reinit early-stop step / ticket"
        " early-stop step (mean over levels 6 to 8) >= 2.01x, surely > 1.00x"
        " (two thirds"
    )


@pytest.mark.parametrize(
    ("times_slower", "outcome"),
    [
        ((2.4, 2.5, 2.6), "yes"),  # large, and surely an effect
        ((1.1, 2.5, 5.0), "undecided"),  # large, and not surely one
        ((1.6, 2.0, 2.3), "undecided"),  # surely one, and perhaps smaller
        ((1.4, 1.5, 1.6), "no"),  # surely smaller
    ],
)
def test_a_size_is_asked_for_on_average_and_an_effect_surely(times_slower, outcome):
    logs = np.log(times_slower)
    half = stats.t.ppf(0.975, 2) * logs.std(ddof=1) / np.sqrt(3)
    low, high = np.exp([logs.mean() - half, logs.mean() + half])
    large, sure = np.mean(times_slower) >= 1 + 2 / 3 * 1.51, low > 1
    run = make_run(LENET)
    summary = run.summary.copy()
    slower = summary["kind"].eq(REINIT) & summary["level"].isin([6, 7, 8])
    some = summary["replicate"].map(dict(enumerate(times_slower))) * 4_000
    summary.loc[slower, STEP] = some[slower].astype(int)
    summary.loc[summary["kind"].eq(TICKET) & summary["level"].gt(0), STEP] = 4_000
    finding = row_of("A12", run._replace(summary=summary)).findings[0]
    assert finding.outcome == outcome
    assert (outcome == "yes") == (large and sure)
    assert (outcome == "no") == (high < 1 + 2 / 3 * 1.51)


def test_the_value_of_a_ratio_is_that_of_the_means():
    run = make_run(LENET)
    summary = run.summary.copy()
    dense = summary["level"].eq(0) & summary["replicate"].eq(0)
    summary.loc[dense, STEP] = 21_000
    row = row_of("A3", run._replace(summary=summary))
    ticket = [7_000 - 400 * level for level in (2, 3, 4)]
    ratio = np.mean([(21_000 + 7_000 + 7_000) / 3 / step for step in ticket])
    assert row.findings[1].point == pytest.approx(ratio)


def test_draws_of_a_replicate_are_averaged_first():
    run = make_run(LENET)
    more = run.summary[run.summary["kind"] == REINIT].assign(draw=1)
    more = more[more["replicate"] == 0]
    more[STEP] *= 3.0
    both = pd.concat([run.summary, more], ignore_index=True)
    (pool,) = pool_runs([run._replace(summary=both)])
    _, each = pool.reduced(slowdown(REINIT, TICKET), at(7))
    assert [*each.values()] == pytest.approx([2 * 17 / 6, 17 / 6, 17 / 6])


# The table.


def test_there_is_one_row_per_claim_in_order():
    for runs in ([], [make_run(LENET), make_run(CONV2)]):
        rows = judge(runs, CLAIMS)
        first, second = [f"A{n}" for n in range(1, 82)], [f"B{n}" for n in range(1, 17)]
        first[41:42], first[40:41] = ["A42", "A42b"], ["A41", "A41b"]
        second[3:3] = [f"B3{letter}" for letter in "abcdefghijklmnopqrstu"]
        assert [row.id for row in rows] == first + second
        for row in rows:
            assert row.note or row.verdict in JUDGED_WORDS
            assert (row.ours is not None) == (row.verdict in JUDGED_WORDS)
        assert json.loads(json.dumps([r.record() for r in rows], allow_nan=False))
    untestable = [row.id for row in judge([], CLAIMS) if row.verdict == "not testable"]
    assert untestable == "A2 A26 A81 B2 B9 B10 B11 B12 B15 B16".split()


JUDGED_WORDS = ("reproduced", "not reproduced", "undecided")


def test_claims_of_the_same_numbers_count_once():
    counts = totals(judge([], CLAIMS))
    shared = [claim for claim in CLAIMS if claim.shares]
    assert len(shared) == 3 + 6 * 2
    assert {claim.shares for claim in shared} <= {claim.id for claim in CLAIMS}
    assert sum(counts.values()) == len(CLAIMS) - len(shared)
    row = judge([], CLAIMS)[0]
    rows = [
        row._replace(claim=row.claim._replace(id=id_, shares=shares), verdict=verdict)
        for id_, shares, verdict in (
            ("X1", "", "reproduced"),
            ("X2", "X1", "undecided"),
            ("X3", "", "reproduced"),
        )
    ]
    assert totals(rows) == {"undecided": 1, "reproduced": 1}


JUDGED = {flip[0] for flip in FLIPS}
JUDGED |= {claim.id for claim in CODED if claim.id.startswith("B")}
JUDGED |= set(
    "A25 A26 A29 A37 A41 A41b A42 A42b A43 A44 A45 A46 A47 A48 A49 A50 A51 A52 A55 A56"
    " A57 A58 A60 A69 A70 A71 A76 A77 A78".split()
)
"""Claims of which other tests judge runs, here and in test_claims_*.py."""


@pytest.mark.parametrize(
    "claims",
    [
        [claim for claim in CODED if claim.id not in JUDGED],
        pytest.param(CODED, marks=pytest.mark.long),
    ],
    ids=["others", "all"],
)
def test_every_rule_that_is_coded_can_be_computed(claims):
    runs = [
        make_run(
            setting,
            n_levels=27 if setting == PER_ROUND[0.1] else 24,
            close=lambda *_, setting=setting: (
                9.0 - bool(setting.config.rewind.weights),
                8.0,
            ),
            copied=(8, 10, 17),
            kinds=CONTROLS if setting == LENET else (REINIT, SHUFFLE),
            apart=(0, 4, 8, 12) if setting in (LENET, SGD) else (),
        )
        for setting in dict.fromkeys(s.setting for c in claims for s in c.statistics)
    ]
    for row in judge(runs, claims):
        assert row.verdict in ("reproduced", "not reproduced"), (row.id, row.note)


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)
def test_settings_are_valid_and_their_own(setting):
    setting.config.validate()
    run = make_run(setting, n_levels=1)
    (pool,) = pool_runs([run])
    assert [each for each in SETTINGS if not mismatches(each, pool)] == [setting]


def test_names_of_settings_are_unique():
    assert len({setting.name for setting in SETTINGS}) == len(SETTINGS)


def test_every_folder_of_a_paper_is_listed_and_says_which_paper_it_is():
    folders = {path.parent.name for path in PAPERS.glob("*/__init__.py")}
    assert sorted(papers.PAPERS) == sorted(folders)
    for name in folders:
        assert "Reference:" in (PAPERS / name / "__init__.py").read_text()


def test_claims_have_ids_of_their_own():
    assert len({claim.id for claim in CLAIMS}) == len(CLAIMS)


def test_the_engine_names_no_paper():
    words = (
        r"\b([AB][1-9]\d*|LeNet|Conv-\d|VGG-\d+|ResNet-\d+|lenet|conv\d|papers\.\w+\.)"
    )
    for path in PAPERS.parent.glob("judging/*.py"):
        assert re.findall(words, path.read_text()) == [], path.name


def test_claims_load_nothing_that_draws():
    code = """
import sys
from lth_jax import papers
assert papers.claims()
assert "lth_jax.papers.lottery.claims" in sys.modules
assert not {"matplotlib", "lth_jax.plotting", "lth_jax.report"} & sys.modules.keys()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("path", EXPERIMENTS, ids=lambda path: path.stem)
def test_the_experiments_are_of_the_settings(path):
    made = runpy.run_path(str(path))["config"]()
    for config in [made] if isinstance(made, Config) else made.values():
        (pool,) = pool_runs([make_run(LENET)._replace(config=to_dict(config))])
        fits = [setting.name for setting in SETTINGS if not mismatches(setting, pool)]
        assert len(fits) == 1


def test_the_share_of_convolutions_is_that_of_the_networks():
    for depth in (2, 4, 6):
        model = dataclasses.replace(CONV2.config.model, name=f"conv{depth}")
        layers = models.build(model, (32, 32, 3), 10).layers.values()
        sizes = {kind: 0 for kind in ("conv", "dense", "output")}
        for layer in layers:
            sizes[layer.kind] += int(np.prod(layer.shape))
        share = 100 * sizes["conv"] / sum(sizes.values())
        assert conv_share(depth) == pytest.approx(share)
    row = row_of("A26")
    assert (row.verdict, row.ours, row.replicates) == ("not testable", None, 0)
    for number in ("0.90 %", "50.6 %", "2,261,184"):
        assert number in row.note


# Which runs count.

REDUCED = {
    "steps": ({"steps": 20_000}, "20,000 of 50,000 steps"),
    "levels": ({"n_levels": 8}, "8 of 20 levels"),
    "cadence": ({"eval_every": 500}, "evaluated every 500 steps, not 100"),
}


@pytest.mark.parametrize("name", REDUCED)
def test_a_reduced_run_is_not_judged_but_noted(name):
    how, words = REDUCED[name]
    row = row_of("A5", make_run(LENET, **how))
    assert (row.verdict, row.ours) == ("not run", None)
    assert row.note == (
        f"Reduced run of LeNet: {words}. It shows 36.43 % [36.43, 36.43]; 91.07 % on"
        " average."
    )


def test_a_run_without_the_controls_says_so():
    row = row_of("A12", make_run(LENET, kinds=()))
    assert row.verdict == "not run"
    assert row.note.startswith("Reduced run of LeNet: no random_reinit networks")


def test_one_shot_runs_need_the_rates_that_are_named():
    fewer = LENET_ONE_SHOT.but("fewer", prune={"one_shot": (0.325, 0.825)})
    row = row_of("A14", make_run(fewer))
    assert row.verdict == "not run"
    assert "without the one-shot rates 5 %, 90 %, 95 %" in row.note
    named = tuple(sorted({*LENET_ONE_SHOT.config.prune.one_shot, 0.5}))
    few = make_run(LENET_ONE_SHOT.but("few", prune={"one_shot": named}))
    assert "3 of 5 one-shot rates in its span" in row_of("A14", few).note
    assert "6 of 8 one-shot rates in its span" in row_of("A15", few).note
    assert row_of("A14", make_run(LENET_ONE_SHOT)).verdict == "reproduced"


OTHER = {
    "train.learning_rate": {"learning_rate": 2.4e-3},
    "train.batch_size": {"batch_size": 64},
    "train.optimizer": {"optimizer": "sgd"},
    "train.weight_decay": {"weight_decay": 1e-4},
    "train.steps": {"steps": 60_000},
    "train.warmup": {"warmup": 100},
    "train.drops": {"drops": (40_000,)},
}


@pytest.mark.parametrize("field", OTHER)
def test_a_run_of_another_setting_is_not_used(field):
    row = row_of("A5", make_run(LENET, **OTHER[field]))
    assert (row.verdict, row.replicates) == ("not run", 0)
    assert f"{field} (" in row.note.split("The nearest run differs in ")[1]
    assert "it needs levels 0 to 20 of ticket" in row.note
    assert "It shows" not in row.note


@pytest.mark.parametrize(
    "prune",
    [
        {"rate": 0.4},
        {"output_rate": 0.2},
        {"scope": "global"},
        {"rates": (("Dense_0/kernel", 0.1),)},
    ],
    ids=str,
)
def test_rates_and_scope_must_be_the_papers(prune):
    row = row_of("A5", make_run(LENET.but("", prune=prune)))
    assert (row.verdict, row.replicates) == ("not run", 0)


@pytest.mark.parametrize(
    ("setting", "section", "fields", "fits"),
    [
        (CONV2, "prune", {"rate": 0.1, "rates": [["dense", 0.2]]}, True),
        (CONV2, "prune", {"rate": 0.1, "rates": [["conv", 0.2]]}, False),
        (VGG_HIGH, "prune", {"output_rate": None, "rates": [["output", 0]]}, True),
        (LENET, "data", {"validation": None}, True),
        (LENET, "data", {"validation": 4_000}, False),
        (VGG_HIGH, "model", {"widths": [25, 9]}, True),
        (LENET, "model", {"widths": [25, 9]}, False),
    ],
)
def test_what_means_the_same_is_the_same_setting(setting, section, fields, fits):
    run = make_run(setting, n_levels=1)
    config = run.config | {section: run.config[section] | fields}
    (pool,) = pool_runs([run._replace(config=config)])
    assert (mismatches(setting, pool) == []) == fits


def test_how_much_is_run_makes_no_other_setting_but_a_name_does():
    """Of fields that may be added to the config of a study."""
    (pool,) = pool_runs([make_run(LENET, n_levels=1)])
    assert pool.numbers["control_levels"] == []
    for name, value, counts in (
        ("flips", 3, False),
        ("control_levels", [8, 12], False),
        ("stability.pairs", 4, False),
        ("network", "mine.py", True),
        ("train.second_order", 1, True),
    ):
        more = pool._replace(numbers=pool.numbers | {name: value})
        assert bool(mismatches(LENET, more)) == counts, name


def test_half_the_rate_of_the_output_layer_may_be_left_to_the_default():
    assert row_of("A5", make_run(LENET.but("", prune={"output_rate": None}))).ours


def test_a_shorter_run_of_a_deep_network_scales_its_schedule():
    train = {"steps": 3_000, "warmup": 2_000, "drops": (2_000, 2_500)}
    note = row_of("A37", make_run(RESNET_WARM, **train)).note
    assert "Reduced run of ResNet-18 lr 0.03 warmup 20,000: 3,000 of" in note
    other = row_of("A37", make_run(RESNET_WARM, **train | {"warmup": 500}))
    assert "The nearest run differs in train.warmup (500, not 20000)" in other.note


def test_deep_networks_may_be_evaluated_as_often_as_one_likes():
    low = make_run(RESNET_LOW)
    assert row_of("A37", make_run(RESNET_WARM, eval_every=1_000), low).ours


def test_another_precision_is_another_setting():
    row = row_of("A12", make_run(LENET, precision="bfloat16"))
    assert row.verdict == "not run" and "train.precision" in row.note


@pytest.mark.parametrize("steps", [112_480, 1_000])
def test_a_step_at_which_was_not_evaluated_is_named(steps):
    """A40 reads the accuracy of VGG-19 at step 30,000."""
    vgg, resnet = needed("A40")
    drops = tuple(steps * n // 4 for n in (2, 3))
    run = make_run(vgg, steps=steps, drops=drops)
    run = run._replace(curves=run.curves[run.curves["step"] != 30_000])
    row = row_of("A40", run, make_run(resnet))
    assert row.verdict == "not run"
    assert "not evaluated at step 30,000" in row.note


# Pooling.


def test_runs_that_differ_in_seed_only_are_pooled():
    runs = [make_run(LENET, replicates=1, seed=seed) for seed in range(3)]
    row = row_of("A12", *runs)
    assert (row.verdict, row.replicates) == ("reproduced", 3)
    assert row.seeds == (0, 1, 2)
    assert (
        row_of("A12", *runs[:2]).verdict_text
        == "undecided (n = 2; about 3 would decide)"
    )
    (finding, _) = row_of("A12", runs[0]).findings
    assert (finding.interval, finding.outcome) == (None, "undecided")


def test_runs_that_differ_in_extent_are_pooled():
    """One has controls at some levels, another more levels and draws."""
    full = make_run(LENET, replicates=2, seed=1)
    part = make_run(LENET, replicates=2, n_levels=12, kinds=CONTROLS)
    assert row_of("A12", full, part).replicates == 4
    row = row_of("A5", full, part)
    assert row.replicates == 2
    assert "2 replicates without all of the networks; so 2 of 4" in row.note
    assert row_of("A42", full, part).replicates == 4
    config = json.loads(json.dumps(part.config))
    config["prune"]["output_rate"] = None  # half the rate, as is written in the other
    assert row_of("A12", full, part._replace(config=config)).replicates == 4


def test_a_network_that_two_runs_share_counts_once():
    run = make_run(LENET, replicates=2)
    assert row_of("A5", run, run).replicates == 2
    more = make_run(LENET, replicates=3)
    assert row_of("A5", run, more).replicates == 3
    failed = changed(run, (TICKET, "status", [5], "diverged"))
    assert "left out: 2 ticket diverged; " in row_of("A5", failed, failed).note
    assert "by their seed, count once" in row_of("A5", run, more).note
    assert row_of("A5", failed, run).replicates == 2  # what one lacks, the other has


def test_runs_that_differ_otherwise_are_not_pooled():
    first = make_run(LENET)
    other_data = make_run(LENET, seed=1, data={"sha256": "cafe"})
    row = row_of("A5", first, other_data)
    assert (row.replicates, row.seeds) == (3, (0,))
    assert "Not pooled: runs/made (other the data)." in row.note
    config = json.loads(json.dumps(first.config))
    config["data"]["scaling"] = "standard"
    config["seed"] = 1
    row = row_of("A5", first._replace(config=config), first)
    assert (row.replicates, row.seeds) == (3, (0,))  # the usual choice comes first
    assert "Not pooled: runs/made (other data.scaling)." in row.note
    row = row_of("A5", first._replace(config=config))
    assert "not our default: data.scaling (standard, not unit)" in row.note
    config["data"]["scaling"] = "unit"
    assert row_of("A5", first, first._replace(config=config)).replicates == 6


def test_another_scaling_is_judged_apart():
    first, other = make_run(LENET), make_run(LENET, seed=1)
    config = json.loads(json.dumps(other.config))
    config["data"]["scaling"] = "l2"
    other = other._replace(config=config)
    assert len(pool_runs([first, other])) == 2
    assert row_of("A5", first, other).seeds == (0,)


def test_a_note_on_the_data_keeps_no_runs_apart():
    data = {"sha256": "cafe"}
    runs = [
        make_run(LENET, replicates=2, data=data),
        make_run(LENET, replicates=1, seed=1, data=data | {"note": ""}),
    ]
    assert row_of("A5", *runs).replicates == 3


def test_the_best_of_several_pools_counts():
    full = make_run(LENET)
    short = make_run(LENET, replicates=5, steps=20_000)
    for runs in ((full, short), (short, full)):
        assert row_of("A5", *runs).replicates == 3


def test_places_do_not_matter_and_missing_fields_have_their_default():
    runs = [make_run(LENET, replicates=2, seed=seed) for seed in range(2)]
    runs[0].config["out"] = "/elsewhere"
    runs[0].config["data"]["dir"] = "/there"
    del runs[1].config["train"]["warmup"], runs[1].config["plan"]
    assert row_of("A5", *runs).replicates == 4


# What failed.


@pytest.mark.parametrize("status", ["diverged", "collapsed", "not_run"])
def test_a_replicate_that_failed_is_left_out_and_noted(status):
    run = make_run(LENET, replicates=4)
    summary = run.summary.copy()
    failed = (summary["replicate"] == 1) & (summary["level"] >= 5)
    summary.loc[failed, "status"] = status
    summary.loc[failed, [STEP, ES]] = 0.0
    row = row_of("A12", run._replace(summary=summary))
    assert (row.verdict, row.replicates) == ("reproduced", 3)
    assert row.ours and row.ours.endswith("; +0.36 points")
    assert row.note == (
        f"LeNet: left out: 3 random_reinit {status.replace('_', ' ')}, 4 ticket"
        f" {status.replace('_', ' ')}; so 1 of 4 replicates."
    )
    few = summary[summary["replicate"] != 0]
    row = row_of("A12", run._replace(summary=few))
    assert row.verdict_text == "undecided (n = 2; about 3 would decide)"


def test_a_replicate_with_one_failed_draw_is_left_out():
    run = make_run(LENET, replicates=4)
    more = run.summary[run.summary["kind"] == REINIT].assign(draw=1)
    one = (more["replicate"] == 0) & (more["level"] == 7)
    more.loc[one, "status"] = "diverged"
    both = pd.concat([run.summary, more], ignore_index=True)
    row = row_of("A12", run._replace(summary=both))
    assert (row.verdict, row.replicates) == ("reproduced", 3)
    assert "1 random_reinit diverged; so 1 of 4 replicates" in row.note


def test_networks_that_never_learn_have_no_early_stop_to_compare():
    run = make_run(LENET, replicates=4)
    summary = run.summary.copy()
    rows = (summary["replicate"] == 0) & (summary["level"] == 7)
    summary.loc[rows & (summary["kind"] == TICKET), STEP] = 0
    idle = run._replace(summary=summary)
    row = row_of("A12", idle)
    assert (row.verdict, row.replicates) == ("reproduced", 3)
    assert "1 ticket never learned; so 1 of 4 replicates" in row.note
    assert row_of("A9", idle).replicates == 4


def test_above_at_all_levels_means_by_the_interval():
    run = make_run(LENET_ONE_SHOT)
    assert row_of("A15", run).verdict == "reproduced"
    summary = run.summary.copy()
    rows = (summary["replicate"] == 0) & (summary["level"] > 0)
    summary.loc[rows & (summary["kind"] == TICKET), ES] = 0.9799
    row = row_of("A15", run._replace(summary=summary))
    assert row.verdict == "undecided"
    assert "on average" in row.rule


def test_what_failed_below_the_levels_of_a_claim_does_not_matter():
    run = changed(make_run(LENET), ("ticket", "status", range(9, 23), "diverged"))
    row = row_of("A12", run)
    assert (row.verdict, row.note) == ("reproduced", "")
    nothing = row_of("A5", run)
    assert (nothing.verdict, nothing.replicates) == ("not run", 0)


def test_a_value_that_does_not_exist_judges_nothing():
    run = changed(make_run(LENET), (TICKET, STEP, [7], np.nan))
    row = row_of("A12", run)
    assert (row.verdict, row.ours) == ("not run", None)
    assert "nan" not in row.note and "3 ticket without a number" in row.note
    one = make_run(LENET, replicates=4)
    lost = one.summary["replicate"].eq(1) & one.summary["level"].eq(7)
    summary = one.summary.assign(**{ES: one.summary[ES].mask(lost)})
    row = row_of("A12", one._replace(summary=summary))
    assert (row.verdict, row.replicates) == ("reproduced", 3)
    assert "1 ticket without a number; so 1 of 4 replicates" in row.note


def test_a_last_step_is_no_early_stop():
    run = make_run(LENET)
    for kind, levels_, ids in (
        (TICKET, [0], ("A5", "A6")),
        (REINIT, [7], ("A12",)),
        (TICKET, [7], ("A12",)),
    ):
        late = changed(run, (kind, STEP, levels_, 50_000))
        for id_ in ids:
            row = row_of(id_, late)
            assert row.verdict == "undecided", id_
            assert "no early stop within training" in row.note
            assert row.findings[0].interval is None
            assert (row.findings[0].needed, row.findings[0].power) == (None, None)
    elsewhere = changed(run, (REINIT, STEP, [3], 50_000))
    assert row_of("A12", elsewhere).verdict == "reproduced"


def test_a_run_without_its_dense_network_is_no_evidence():
    run = make_run(LENET)
    cut = run._replace(summary=run.summary[run.summary["level"] > 0])
    assert row_of("A5", cut).verdict == "not run"


def test_what_the_manifest_notes_on_its_data_is_noted():
    row = row_of("A17", make_run(CONV2, data={"note": "10,000 examples only"}))
    assert row.verdict == "reproduced"
    assert row.note == "Data cifar10: 10,000 examples only"
    assert row_of("A17", make_run(LENET, data={"note": "x"})).note.count("x") == 0


# Words of the rules.


def test_bounds():
    assert Bound(1, 2).holds(1) and Bound(1, 2).holds(2)
    assert not Bound(1, 2).holds(0.99) and not Bound(1, 2).holds(2.01)
    assert not above(1).holds(1) and not below(1).holds(1)
    assert above(1, "why").text(times) == "> 1.00x (why)"
    assert below(0.5).text(points) == "< +0.50 points"


def test_reductions():
    (pool,) = pool_runs([make_run(LENET, n_levels=1)])
    series = pd.Series([1.0, 2.0, -1.0, 1.0, -2.0], index=[0.0, 1.0, 2.0, 3.0, 4.0])
    assert crossing(levels(1, 4)).of(series, pool) == 3
    assert crossing(levels(1, 2)).of(series, pool) == 1
    assert crossing(levels(1, 4), 5).of(series, pool) == 0
    assert np.isnan(crossing(levels(5, 6)).of(series, pool))
    assert trend(levels(0, 2)).of(series, pool) == pytest.approx(-0.5)
    assert trend(levels(0, 4)).of(series * 0, pool) == 0


# Faces.


def test_the_command_prints_rows(monkeypatch, capsys):
    runs = {"a": make_run(LENET, replicates=2), "b": make_run(LENET, 2, seed=1)}
    monkeypatch.setattr("lth_jax.store.read.load_run", lambda path: runs[str(path)])
    assert main(["claims", "a", "b", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert rows == [row.record() for row in judge(list(runs.values()), CLAIMS)]
    (row,) = [row for row in rows if row["id"] == "A5"]
    assert (row["n"], row["seeds"], row["verdict"]) == (4, [0, 1], "reproduced")
    assert row["interval"][0] == pytest.approx([36.43, 36.43], abs=0.01)
    assert row["bound"][0] == pytest.approx([25.333, None], abs=0.01)
    assert (row["old_verdict"], row["changed_after_result"]) == ("not reproduced", True)
    assert row["beyond"] == [0, None]
    assert row["power"][1] is None
    assert main(["claims", "a", "b"]) == 0
    text = capsys.readouterr().out
    assert "A5    reproduced  LeNet: early stop at 21 %" in text
    assert "ours, 4 replicates of seed 0, 1:" in text
    assert re.search(
        "36.43 % \\[36.43, 36.43\\] +>= 25.33 %, surely > 0.00 % +yes", text
    )
    assert max(map(len, text.splitlines())) <= 100
    assert main(["claims"]) == 2
    assert "lth claims RUN" in capsys.readouterr().err


def claims_of(page: str) -> list[str]:
    section = page.split("Claims of the paper")[1].split("<h2>")[0]
    return re.findall(r"<tr><td>([AB]\d+[a-u]?)</td><td>([a-z0-9 ();=]+)</td>", section)


def test_the_report_shows_a_row_per_claim(monkeypatch, tmp_path):
    monkeypatch.setattr(report, "write_figures", lambda *_: "")
    for name, run in {
        "made": make_run(LENET),
        "quick": make_run(LENET, steps=9),
    }.items():
        page = write_report(run._replace(path=tmp_path / name)).read_text()
        rows = {row.id: row.verdict_text for row in judge([run], CLAIMS)}
        assert dict(claims_of(page)) == rows and len(claims_of(page)) == 120
    page = (tmp_path / "made" / "report.html").read_text()
    assert "pilot of the same three networks. Changed rules are marked" in page
    assert "&gt;= 2.01x" in page


def test_claims_across_variants_are_on_the_page_of_the_sweep(monkeypatch, tmp_path):
    monkeypatch.setattr(sweep, "write_figures", lambda *_: "")
    runs = {"iterative": make_run(LENET), "one_shot": make_run(LENET_ONE_SHOT)}
    page = sweep.write_sweep(tmp_path / "both", runs).read_text()
    assert dict(claims_of(page))["A16"] == "reproduced"


DOCUMENT = Path(__file__).parents[1] / "docs" / "claims.md"


def test_the_document_has_the_rules_of_today():
    """Its verdicts and values are those of the committed results: the long test."""
    text = DOCUMENT.read_text()
    judged = text.split("## Changed rules")[0]
    for claim in CLAIMS:
        if f"| {claim.id} |" in judged:
            named = len({s.setting for s in claim.statistics}) > 1
            for condition in claim.conditions:
                assert condition.text(named) in judged, claim.id
        if claim.changed:
            assert claim.changed.why in text
    assert len(re.findall(r"^\| [AB]\d+", text, re.MULTILINE)) >= len(CLAIMS)


@pytest.mark.long
def test_the_document_is_that_of_the_committed_results(capsys):
    results_ = sorted(
        path for path in DOCUMENT.parents[1].joinpath("results").iterdir()
    )
    assert main(["claims", *map(str, results_), "--markdown"]) == 0
    assert capsys.readouterr().out == DOCUMENT.read_text()
