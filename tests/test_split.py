"""Validation sets of replicates: one for all, or one for each; draws of controls."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import blobs, built, ready, splits, trees_differ
from runs import without_figures

import lth_jax as lth
from lth_jax import sources, tree
from lth_jax.config import Config, DataConfig, PlanConfig, PruneConfig, TrainConfig
from lth_jax.errors import InputError
from lth_jax.results import at_common_steps
from lth_jax.study.find import find_ticket
from lth_jax.study.given import with_given
from lth_jax.study.study import make_study
from lth_jax.training.dataset import Dataset, Splits
from lth_jax.types import Criterion

EACH = DataConfig(split="per_replicate")
CONFIG = Config(
    train=TrainConfig(steps=12, batch_size=6, eval_every=6, learning_rate=0.02),
    prune=PruneConfig(levels=1, rate=0.3),
    replicates=2,
    plan=PlanConfig(devices=1),
)


def pooled(train, validation) -> Splits:
    """Return splits of one pool of 52 examples, by the rows of every replicate."""
    pool = blobs(52)
    rows = (np.asarray(some, np.int32) for some in (train, validation))
    chosen = (Dataset(pool.x, pool.y, some) for some in rows)
    return Splits(*chosen, *splits()[2:])


def test_every_replicate_draws_validation_examples_of_its_own():
    shared, origin = sources.load(DataConfig(), seed=0)
    each, same = sources.load(EACH, seed=0, replicates=3)
    more, _ = sources.load(EACH, seed=0, replicates=4)
    assert origin == same
    assert each.train.size == shared.train.size == 1197
    assert each.validation.size == 240
    np.testing.assert_array_equal(more.train.rows[:3], each.train.rows)
    drawn = set()
    for replicate in range(3):
        one = each.of(replicate)
        rows = np.concatenate([one.train.rows, one.validation.rows])
        np.testing.assert_array_equal(np.sort(rows), np.arange(1437))
        assert (np.diff(one.train.rows) > 0).all(), "they keep their order"
        x, y = one.validation.at(np.arange(240))
        np.testing.assert_array_equal(x, each.train.x[one.validation.rows])
        drawn |= {x.tobytes(), shared.validation.x.tobytes()}
        assert len(y) == 240
    assert len(drawn) == 4, "each is another one"
    assert each.train.x is each.validation.x, "one pool"
    assert each.test.rows is None


def test_a_pool_is_scaled_once():
    for scaling in ("standard", "l2"):
        config = DataConfig(split="per_replicate", scaling=scaling)
        each, _ = sources.load(config, seed=0, replicates=2)
        assert each.train.x is each.validation.x
        assert each.train.x.shape == (1437, 8, 8, 1)


def test_a_replicate_trains_on_its_rows_as_on_a_set_of_its_own():
    """Bit for bit, and it is evaluated on its own validation set."""
    order = np.random.default_rng(0).permutation(52)
    train = [np.sort(order[:40]), np.sort(order[12:])]
    validation = [order[40:], order[:12]]
    data = pooled(train, validation)
    levels = list(find_ticket(built("mlp"), data, CONFIG))
    for replicate in range(2):
        chosen = (Dataset(*p.of(replicate).at(np.arange(p.size))) for p in data[:2])
        alone = find_ticket(built("mlp"), Splits(*chosen, *data[2:]), CONFIG)
        for level, other in zip(levels, alone, strict=True):
            one, two = (tree.take(of.outcome, replicate) for of in (level, other))
            assert not trees_differ(one.finals.params, two.finals.params)
            assert not trees_differ(one.curve, two.curve)
            assert not trees_differ(one.train, two.train)


def test_a_criterion_looks_at_examples_of_the_replicate():
    """Of class 0 it keeps the largest weights, of class 1 the smallest."""
    pool = blobs(52)
    rows = [np.flatnonzero(np.asarray(pool.y) == label)[:10] for label in (0, 1)]

    def by_class(evidence):
        _, y = evidence.batches
        sign = jnp.where(y.all(), -1.0, 1.0)
        return jax.tree.map(lambda w: sign * abs(w), evidence.params)

    def signed(sign):
        return lambda evidence: jax.tree.map(lambda w: sign * abs(w), evidence.params)

    def masks(score, batches):
        criterion = Criterion(score, reads="initial", batches=batches)
        config, given = with_given(CONFIG, criterion=criterion)
        train = pooled(rows, rows).train
        return ready(make_study(built("mlp"), config, given, train), 1).masks

    found, largest, smallest = (
        masks(by_class, 1),
        masks(signed(1.0), 0),
        masks(signed(-1.0), 0),
    )
    for replicate, expected in enumerate((largest, smallest)):
        assert not trees_differ(*(tree.take(m, replicate) for m in (found, expected)))
    assert trees_differ(largest, smallest)


def test_rows_for_too_few_replicates_are_refused():
    rows = [np.arange(40)]
    with pytest.raises(InputError, match="rows for 1 replicates, but there are 2"):
        next(find_ticket(built("mlp"), pooled(rows, rows), CONFIG))
    with pytest.raises(InputError, match="validation set has rows for 1 replicates"):
        next(find_ticket(built("mlp"), pooled(rows * 2, rows), CONFIG))
    levels = find_ticket(built("mlp"), pooled(rows[0], rows[0]), CONFIG)
    assert len(next(levels).ids) == 2


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Return a run with validation sets of its replicates' own, seldom tested."""
    config = Config(
        data=EACH,
        model=lth.ModelConfig(widths=(5,)),
        train=TrainConfig(steps=60, eval_every=5, test_every=30, learning_rate=0.1),
        prune=PruneConfig(levels=1, rate=0.5),
        stability=lth.StabilityConfig(orders=2, points=2),
        replicates=2,
        progress=False,
        plan=PlanConfig(devices=2),
    )
    with pytest.MonkeyPatch.context() as patch:
        without_figures(patch)
        return lth.load_run(lth.run(config, out=tmp_path_factory.mktemp("run")))


def test_lines_between_networks_end_at_their_errors_on_their_own_set(run):
    accuracy = run.summary.set_index(["level", "kind", "replicate", "draw"])
    ends = run.paths.query("split == 'train'")
    assert len(ends) == 2 * 2
    for row in ends.itertuples():
        copy = ("ticket", 0) if row.alpha == 1 else ("ticket_reorder", 1)
        network = accuracy.loc[(1, copy[0], row.replicate, copy[1])]
        assert row.error == pytest.approx(1 - network["train_accuracy_final"], abs=1e-6)


def test_a_stored_run_has_rows_of_what_was_evaluated(run):
    """See tests/test_thinned.py for which evaluations take place."""
    tested = run.curves.query("split == 'test'")
    assert len(tested) < len(run.curves.query("split == 'validation'"))
    assert {0, 30, 60} <= set(at_common_steps(tested)["step"])
    assert run.summary["test_accuracy_es"].notna().all()


@pytest.mark.parametrize(("draws", "alike"), [("same", True), ("per_level", False)])
def test_controls_are_one_draw_or_a_new_one_at_every_level(draws, alike):
    config = Config(
        train=CONFIG.train,
        prune=PruneConfig(levels=2, criterion="initial_magnitude"),
        reinits=2,
        replicates=1,
        control_draws=draws,
    )
    study = make_study(built("mlp"), config)
    first, second = (ready(study, number).tickets for number in (1, 2))
    tickets, reinits = ([0], [1, 2])
    assert not trees_differ(*(tree.take(t.params, tickets) for t in (first, second)))
    for lane in reinits:
        differ = trees_differ(*(tree.take(t.params, lane) for t in (first, second)))
        assert bool(differ) != alike
    one, two = (tree.take(second.params, lane) for lane in reinits)
    assert trees_differ(one, two), "two draws"
