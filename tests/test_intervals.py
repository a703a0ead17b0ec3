"""Intervals of verdicts: recomputed from tables, by hand; pairs, scales, power."""

import functools
import math
from pathlib import Path

import numpy as np
import pytest
from made import CLAIMS, REINIT, changed, make_run, row_of
from scipy import stats

from lth_jax.judging.intervals import (
    LOG,
    MANY,
    combined,
    interval_of,
    power,
    replicates_needed,
)
from lth_jax.judging.pool import Pool, pool_runs
from lth_jax.judging.quantities import (
    FINAL_ACCURACY,
    Quantity,
    gain,
    lead,
    saving,
    slowdown,
    speedup,
)
from lth_jax.judging.reductions import (
    Reduction,
    at,
    average,
    crossing,
    greatest,
    levels,
    mean_at,
    rates,
)
from lth_jax.judging.rules import Against, Statistic, above, at_least, at_most
from lth_jax.papers.lottery.settings import LENET, LENET_ONE_SHOT
from lth_jax.store.read import load_run

RESULTS = Path(__file__).parents[1] / "results"
WHOLE = levels(1, 20)


@functools.cache
def pool_of(run: str) -> Pool:
    (pool,) = pool_runs([load_run(RESULTS / run)])
    return pool


def t_interval(values, log: bool = False) -> list[float]:
    """Return the interval of values, without a word of the package."""
    values = np.log(values) if log else np.asarray(values, float)
    half = stats.t.ppf(0.975, len(values) - 1) * stats.sem(values)
    ends = values.mean() + half * np.array([-1, 1])
    return [*(np.exp(ends) if log else ends)]


# Claims on the committed results: what the replicates show, and their interval.

AUDITED = [
    # run, setting, quantity, reduction, replicates, interval to two digits
    ("lenet_mnist", LENET, speedup(), at(3), (1.324, 1.571, 0.882), (0.59, 2.56)),
    (
        "lenet_mnist",
        LENET,
        speedup(),
        crossing(WHOLE, 1),
        (12, 13, 9),
        (11.3 - 5.2, 11.3 + 5.2),
    ),
    (
        "lenet_mnist",
        LENET,
        gain(FINAL_ACCURACY),
        greatest(WHOLE),
        (0.27, 0.29, 0.56),
        (0.37 - 0.40, 0.37 + 0.40),
    ),
    (
        "lenet_mnist",
        LENET,
        gain(kind=REINIT),
        crossing(WHOLE),
        (9, 7, 7),
        (7.7 - 2.9, 7.7 + 2.9),
    ),
    (
        "lenet_mnist",
        LENET,
        slowdown(REINIT, "ticket"),
        at(7),
        (2.09, 2.36, 2.00),
        (1.74, 2.65),
    ),
    ("lenet_mnist", LENET, lead(), at(7), (0.19, 0.23, 0.45), (-0.06, 0.64)),
    ("lenet_mnist", LENET, saving(), at(7), (28.9, 36.4, 3.3), (-30, 56)),
    (
        "lenet_one_shot",
        LENET_ONE_SHOT,
        gain(),
        average(rates(0.05, 0.95)),
        (0.253, 0.138, 0.090),
        (-0.05, 0.37),
    ),
    (
        "lenet_noise",
        LENET,
        lead("test_accuracy_es", "noise_0.5", "ticket"),
        mean_at(8, 12),
        (-0.090, -0.050, -0.045),
        (-0.12, 0.00),
    ),
]


@pytest.mark.parametrize(
    ("run", "setting", "quantity", "reduction", "replicates", "ends"),
    AUDITED,
    ids=[f"{row[0]}-{row[2].text[:20]}" for row in AUDITED],
)
def test_intervals_of_the_committed_results(
    run, setting, quantity: Quantity, reduction: Reduction, replicates, ends
):
    pool = pool_of(run)
    value = Statistic(setting, quantity, reduction).of({setting: pool})
    (sample,) = value.samples
    shown = [value.scale.back(each) for each in sample.values()]
    assert shown == pytest.approx(replicates, rel=0.012, abs=0.006)
    found = value.interval
    if quantity.text.startswith("1 - "):  # on the scale of the ratio behind it
        low, high = t_interval(1 - np.array(shown) / 100, log=True)
        expected = [100 * (1 - high), 100 * (1 - low)]
    else:
        expected = t_interval(shown, log=value.scale is LOG)
    assert found == pytest.approx(expected)
    assert found == pytest.approx(ends, rel=0.02, abs=0.06)


def test_a_ratio_is_one_of_means():
    """25.2 %, as audited, where the mean of the replicates' savings is 22.9 %."""
    pool = pool_of("lenet_mnist")
    value = Statistic(LENET, saving(), at(7)).of({LENET: pool})
    assert value.point == pytest.approx(25.2, abs=0.05)


# Samples.


def sample(values, seed: int = 0) -> dict[tuple[int, int], float]:
    return {(seed, n): float(value) for n, value in enumerate(values)}


FIRST, SECOND = (1.0, 4.0, 9.0), (0.9, 4.1, 8.7)


def test_the_same_networks_are_paired():
    found = interval_of(combined([sample(FIRST)], [sample(SECOND)], -1))
    assert found == pytest.approx(t_interval(np.subtract(FIRST, SECOND)))


def test_the_noise_of_other_networks_adds_up():
    found = interval_of(combined([sample(FIRST)], [sample(SECOND, seed=1)], -1))
    welch = stats.ttest_ind(FIRST, SECOND, equal_var=False).confidence_interval(0.95)
    assert found == pytest.approx((welch.low, welch.high))


def test_differences_of_runs_are_paired_by_seed_and_ratios_are_logs():
    run = make_run(LENET)
    summary = run.summary.copy()
    noisy = summary["replicate"].map({0: 1.0, 1: 1.3, 2: 1.7})
    summary["early_stop_step"] = summary["early_stop_step"] * noisy
    (pool,) = pool_runs([run._replace(summary=summary)])
    steps = Statistic(LENET, slowdown(REINIT, "dense"), at(3))
    both = Against(steps, Statistic(LENET, speedup(), at(3)), divided=True)
    value = both.of({LENET: pool})
    assert (value.n, len(value.samples), value.scale) == (3, 1, LOG)
    assert value.interval == pytest.approx((value.point, value.point))  # noise shared
    other = pool._replace(networks=((1, 0), (1, 1), (1, 2)))
    later = LENET.but("later")
    apart = Against(steps, Statistic(later, speedup(), at(3)))
    assert apart.of({LENET: pool, later: other}).n == 3
    assert len(apart.of({LENET: pool, later: other}).samples) == 2


def test_many_replicates_are_resampled():
    values = np.random.default_rng(1).exponential(size=MANY)
    found = interval_of([sample(values)])
    kwargs = {"method": "BCa", "rng": np.random.default_rng(7), "n_resamples": 9_999}
    ends = stats.bootstrap((values,), np.mean, **kwargs).confidence_interval
    assert found == pytest.approx((ends.low, ends.high), rel=0.05)
    assert found != pytest.approx(t_interval(values), rel=0.1)
    assert found == interval_of([sample(values)])
    assert interval_of([sample(values[:-1])]) == pytest.approx(t_interval(values[:-1]))


def test_one_network_has_no_interval_and_equal_ones_a_point():
    assert interval_of([sample([1.0])]) is None
    assert interval_of([sample([2.0] * 3)]) == (2, 2)
    assert interval_of([sample([2.0] * 12)]) == (2, 2)


def test_how_many_replicates_decide():
    values = sample([1.0, 2.0, 3.0])
    n = replicates_needed([values], off=0.5)
    assert n is not None
    enough = [stats.t.ppf(0.975, k - 1) / math.sqrt(k) <= 0.5 for k in (n - 1, n)]
    assert enough == [False, True]
    assert replicates_needed([values], off=0.0) is None  # it sits on the bound
    assert replicates_needed([sample([1.0])], off=1.0) is None


def test_power_is_that_of_the_t_test():
    values = sample([1.0, 2.0, 3.0, 4.0, 5.0])
    spread = np.std([*values.values()], ddof=1) / math.sqrt(5)
    exact = stats.nct.sf(stats.t.ppf(0.975, 4), 4, 3 / spread)
    assert power([values], 3, 0, math.inf) == pytest.approx(exact, abs=0.03)
    assert power([values], 0, 0, math.inf) == pytest.approx(0.025, abs=0.015)
    assert math.isnan(power([sample([1.0])], 3, 0, math.inf))


# Verdicts.


@pytest.mark.parametrize(
    ("interval", "bound", "inside", "outside"),
    [
        ((1.0, 2.0), at_least(1), True, False),
        ((1.0, 2.0), above(1), False, False),
        ((0.9, 2.0), at_least(1), False, False),
        ((0.1, 0.9), at_least(1), False, True),
        ((0.1, 1.0), above(1), False, True),
        ((0.1, 1.0), at_most(1), True, False),
        ((1.1, 2.0), at_most(1), False, True),
    ],
)
def test_an_interval_is_inside_outside_or_neither(interval, bound, inside, outside):
    from lth_jax.judging.intervals import Interval

    assert bound.contains(Interval(*interval)) == inside
    assert bound.misses(Interval(*interval)) == outside


@pytest.mark.parametrize(
    ("gains", "verdict"),
    [
        ((0.5, 0.52, 0.51), "reproduced"),
        ((0.05, 0.06, 0.07), "not reproduced"),
        ((0.05, 0.3, 0.6), "undecided"),
    ],
)
def test_three_verdicts(gains, verdict):
    run = changed(make_run(LENET), ("ticket", "test_accuracy_es", [9], 0.98))
    summary = run.summary.copy()
    nine = summary["level"].eq(9) & summary["kind"].eq("ticket")
    more = summary["replicate"].map(dict(enumerate(gains))) / 100
    summary.loc[nine, "test_accuracy_es"] += more[nine]
    row = row_of("A7", run._replace(summary=summary))
    assert row.verdict == verdict
    assert row.findings[0].interval == pytest.approx(t_interval(gains))
    assert (row.needed is not None) == (verdict == "undecided")


def test_every_claim_that_was_judged_names_its_old_verdict():
    old = [claim.changed.old for claim in CLAIMS if claim.changed and claim.changed.old]
    assert (old.count("reproduced"), old.count("not reproduced")) == (21, 9)
    for claim in CLAIMS:
        assert claim.changed is None or (claim.changed.date, claim.changed.why > "")
