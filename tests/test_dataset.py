"""Batches as a function of (key, step); evaluation of whole sets; early stopping."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import blobs, built, started

from lth_jax import models
from lth_jax.training.dataset import (
    Dataset,
    batch_at,
    epoch_orders,
    steps_per_epoch,
)
from lth_jax.training.metrics import early_stop, mean, n_blocks, no_tally, tally

N, BATCH = 23, 5  # four batches an epoch, three examples left over
PER_EPOCH = 4
NUMBERED = Dataset(jnp.arange(N, dtype=jnp.float32)[:, None], jnp.arange(N))
shuffled = jax.jit(epoch_orders, static_argnums=(1, 3))
batch = jax.jit(batch_at, static_argnums=3)


def evaluate(model, params, state, data, key, block):
    """Evaluate a whole data set at once."""
    span = 0, n_blocks(data.size, block)
    network = model, params, state
    return mean(tally(*network, data, key, block, span, no_tally(params)), data.size)


@functools.cache
def evaluation(name, block):
    """Return a compiled evaluation: (params, data, key) -> metrics."""
    return jax.jit(lambda p, data, key: evaluate(built(name), p, {}, data, key, block))


def test_an_epoch_has_only_full_batches():
    assert steps_per_epoch(N, BATCH) == PER_EPOCH
    assert steps_per_epoch(55_000, 60) == 916
    assert steps_per_epoch(60_000, 60) == 1_000


def test_every_order_is_a_permutation_of_its_own(key):
    indices = np.asarray(shuffled(key, N, 0, 6).indices)
    np.testing.assert_array_equal(np.sort(indices), np.tile(np.arange(N), (6, 1)))
    assert len({tuple(order) for order in indices}) == 6


def test_an_order_depends_on_key_and_epoch_only(key):
    from_0 = shuffled(key, N, 0, 6).indices
    for first, epochs in [(0, 2), (2, 3), (5, 1)]:
        later = shuffled(key, N, first, epochs)
        assert later.first == first
        np.testing.assert_array_equal(later.indices, from_0[first : first + epochs])
    assert (shuffled(jax.random.key(1), N, 0, 6).indices != from_0).any()


def test_batches_of_an_epoch_are_disjoint(key):
    orders = shuffled(key, N, 0, 3)
    seen = []
    for epoch in range(3):
        steps = range(epoch * PER_EPOCH, (epoch + 1) * PER_EPOCH)
        found = np.concatenate([batch(NUMBERED, orders, s, BATCH)[1] for s in steps])
        assert len(found) == len(set(found)) == PER_EPOCH * BATCH
        seen.append(found)
    assert (seen[0] != seen[1]).any()
    left_over = set(range(N)) - set(seen[0])
    assert left_over & set(np.concatenate(seen[1:])), "no example is left out for good"


def test_a_batch_has_the_labels_of_its_examples(key):
    x, y = batch(NUMBERED, shuffled(key, N, 0, 1), 2, BATCH)
    assert (x.shape, y.shape) == ((BATCH, 1), (BATCH,))
    np.testing.assert_array_equal(x[:, 0], y)


def test_a_step_has_one_batch_wherever_the_orders_begin(key):
    from_0 = shuffled(key, N, 0, 5)
    for step in range(5 * PER_EPOCH):
        expected = batch(NUMBERED, from_0, step, BATCH)[1]
        order = np.asarray(from_0.indices)[step // PER_EPOCH]
        position = step % PER_EPOCH * BATCH
        np.testing.assert_array_equal(expected, order[position : position + BATCH])
        for first in {max(0, step // PER_EPOCH - 1), step // PER_EPOCH}:
            orders = shuffled(key, N, first, 2)
            found = batch(NUMBERED, orders, step, BATCH)[1]
            np.testing.assert_array_equal(found, expected)


# Evaluation


def numpy_metrics(logits, y):
    logits = np.asarray(logits, np.float64)
    shifted = logits - logits.max(1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(1, keepdims=True))
    return -log_p[np.arange(len(y)), y].mean(), (logits.argmax(1) == y).mean()


@pytest.mark.parametrize("block", [1, 4, 7, 13, 14, 100])
def test_evaluate_is_the_mean_over_all_examples(block, key):
    data, (params, _) = blobs(14), started(built("linear"), key)
    logits = np.asarray(data.x) @ np.asarray(params["w"]) + np.asarray(params["b"])
    loss, accuracy = numpy_metrics(logits, np.asarray(data.y))
    assert 0.1 < accuracy < 0.9
    found = evaluation("linear", block)(params, data, key)
    np.testing.assert_allclose(found.loss, loss, rtol=1e-5)
    np.testing.assert_allclose(found.accuracy, accuracy, rtol=1e-6)


@pytest.mark.parametrize("position", [0, 5, 13])
def test_evaluate_sees_every_example(position, key):
    """One bad example anywhere is noticed, none is counted twice."""
    data, measured = blobs(14), evaluation("linear", 4)
    params = {"w": jnp.zeros((6, 3)), "b": jnp.array([9.0, 0.0, 0.0])}
    y = jnp.zeros(14, jnp.int32).at[position].set(1)
    found = measured(params, Dataset(data.x, y), key)
    assert found.accuracy == pytest.approx(13 / 14)
    broken = Dataset(data.x.at[position].set(jnp.nan), y)
    assert not np.isfinite(measured(params, broken, key).loss)


def test_evaluate_is_inference(key):
    def apply(params, state, x, train, key):
        assert train is False
        return x @ params["w"], state

    model = models.from_functions(
        lambda key: ({"w": jnp.ones((6, 3))}, {}), apply, output="w"
    )
    evaluate(model, *model.init(key), blobs(4), key, 3)


def test_evaluate_in_float64(x64, key):
    model, data = built("mlp"), blobs(9, dtype=np.float64)
    params, state = started(model, key)
    params = jax.tree.map(lambda p: p.astype(jnp.float64), params)
    found = evaluation("mlp", 4)(params, data, key)
    logits, _ = jax.jit(model.apply, static_argnums=3)(
        params, state, data.x, False, key
    )
    loss, accuracy = numpy_metrics(logits, np.asarray(data.y))
    assert found.loss.dtype == jnp.float64
    np.testing.assert_allclose(found.loss, loss, rtol=1e-12)
    np.testing.assert_allclose(found.accuracy, accuracy, rtol=1e-6)


def test_evaluate_of_narrow_logits_sums_in_float32(key):
    """A sum in bfloat16 would stop growing at 256 times the addend."""
    model = models.from_functions(
        lambda key: ({"w": jnp.zeros((6, 3), jnp.bfloat16)}, {}),
        lambda params, state, x, train, key: (
            x.astype("bfloat16") @ params["w"],
            state,
        ),
        output="w",
    )
    data = Dataset(jnp.ones((3000, 6)), jnp.zeros(3000, jnp.int32))
    found = jax.jit(lambda data: evaluate(model, *model.init(key), data, key, 1))(data)
    np.testing.assert_allclose(found.loss, np.log(3), rtol=1e-3)


@pytest.mark.parametrize(
    ("losses", "index"),
    [
        ([3.0, 2.0, 1.0, 2.0], 2),
        ([1.0], 0),
        ([2.0, 1.0, 1.0, 1.0], 1),
        ([np.nan, 2.0, 1.0], 2),
        ([3.0, 2.0, np.nan, np.nan], 1),
        ([3.0, -np.inf, 2.0, np.inf], 2),
        ([np.inf, np.inf, 5.0], 2),
        ([np.nan, np.inf], None),
        ([], None),
    ],
)
def test_early_stop_is_the_first_minimum_of_the_finite_losses(losses, index):
    assert early_stop(np.array(losses)) == index
