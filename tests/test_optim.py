"""Every optimizer leaves pruned weights at 0; the arithmetic, against NumPy."""

import dataclasses
import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from helpers import blobs, built, count_traces, random_mask, started, tree_close

from lth_jax import tree
from lth_jax.config import TrainConfig
from lth_jax.errors import InputError
from lth_jax.tickets import masks
from lth_jax.training import optim
from lth_jax.training.lanes import make_program
from lth_jax.training.metrics import cross_entropy
from lth_jax.training.optim import OPTIMIZERS, freeze_pruned

each_optimizer = pytest.mark.parametrize("optimizer", OPTIMIZERS)


@functools.cache
def training_of(tx, step):
    """Return compiled (params, mask, steps) -> params, for all who train with it."""
    model, data = built("linear"), blobs(16)

    def loss(params):
        logits, _ = model.apply(params, {}, data.x, True, jax.random.key(0))
        return cross_entropy(logits, data.y)

    @jax.jit
    def training(params, mask, steps):
        def body(i, now):
            params, state = now
            more = {"step": i} if step else {}
            updates, state = tx.update(
                jax.grad(loss)(params), state, params, mask=mask, **more
            )
            return optax.apply_updates(params, updates), state

        return jax.lax.fori_loop(0, steps, body, (params, tx.init(params)))[0]

    return training


def train(tx, mask, params, steps=10, step=False):
    """Take steps on a batch; the update gets the mask, and the step if asked for."""
    return training_of(tx, step)(params, mask, steps)


LAYERS = {"k", "w"}


def make_optimizer(**fields):
    return optimizer_of(TrainConfig(**{"learning_rate": 0.05, **fields}))


@functools.cache
def optimizer_of(config):
    return optim.optimizer(config, optim.hyper(config), layers=LAYERS)


@jax.jit
def full_start(key, density=0.4):
    """Return full weights, as a ticket holds them, and a mask."""
    params, _ = built("linear").init(key)
    params = jax.tree.map(lambda p: p + 0.01, params)  # biases that decay would move
    return params, random_mask(key, params, density)


@jax.jit
def masked_start(key):
    full, mask = full_start(key, 0.5)
    return masks.apply(mask, full), mask


def check_dead_and_alive(params, start, mask):
    for path, live in tree.flatten(mask).items():
        now = np.asarray(tree.flatten(params)[path])
        dead = now[~np.asarray(live)]
        assert (dead == 0).all(), path
        assert not np.signbit(dead).any(), path
        moved = now != np.asarray(tree.flatten(start)[path])
        assert np.isfinite(now).all()
        assert moved[np.asarray(live)].any(), f"{path} does not train"


@each_optimizer
@pytest.mark.parametrize(
    ("weight_decay", "clip_norm"),
    [
        (0.0, None),
        (0.1, 0.1),
        pytest.param(0.0, 0.1, marks=pytest.mark.long),
        pytest.param(0.1, None, marks=pytest.mark.long),
    ],
)
def test_pruned_weights_stay_zero(optimizer, weight_decay, clip_norm, key):
    start, mask = masked_start(key)
    tx = make_optimizer(
        optimizer=optimizer, weight_decay=weight_decay, clip_norm=clip_norm
    )
    check_dead_and_alive(train(tx, mask, start, step=True), start, mask)


USERS = {
    "adamw": lambda: optax.adamw(0.01, weight_decay=0.1),
    "lamb": lambda: optax.lamb(0.01, weight_decay=0.1),
    "lars": lambda: optax.lars(0.01, weight_decay=0.1),
    "adafactor": lambda: optax.adafactor(0.01, min_dim_size_to_factor=2),
    "rmsprop": lambda: optax.rmsprop(0.01, momentum=0.9),
    "lion": lambda: optax.lion(0.01),
    "noisy_sgd": lambda: optax.noisy_sgd(0.01, key=0),
    "clipped": lambda: optax.chain(optax.clip_by_global_norm(0.1), optax.nadam(0.01)),
}


@functools.cache
def frozen_of(name):
    return freeze_pruned(USERS[name]())


@pytest.mark.parametrize("name", USERS)
def test_freeze_pruned_with_other_optimizers(name, key):
    start, mask = masked_start(key)
    frozen = train(frozen_of(name), mask, start)
    check_dead_and_alive(frozen, start, mask)


@each_optimizer
def test_moments_of_before_the_pruning_revive_nothing(optimizer, key):
    start, mask = masked_start(key)
    tx = make_optimizer(optimizer=optimizer, weight_decay=0.1)
    grads = jax.tree.map(jnp.ones_like, start)
    update = jax.jit(tx.update)
    _, moments = update(grads, tx.init(start), start, mask=masks.ones(start), step=0)
    params = start
    for step in (1, 2):
        updates, moments = update(grads, moments, params, mask=mask, step=step)
        params = optax.apply_updates(params, updates)
    check_dead_and_alive(params, start, mask)


@each_optimizer
def test_a_dense_mask_is_no_mask(optimizer, key):
    start, _ = started(built("linear"), key)
    config = TrainConfig(optimizer=optimizer, learning_rate=0.05)
    rate = optim.scale_by_clock(lambda _: 0.05)
    inner = optax.chain(OPTIMIZERS[optimizer](optim.hyper(config)), rate)

    def update(grads, state, params=None, *, mask, **extra):
        return inner.update(grads, state, params, **extra)

    bare = optax.GradientTransformationExtraArgs(inner.init, update)
    dense = masks.ones(start)
    tree_close(
        train(make_optimizer(optimizer=optimizer), dense, start, step=True),
        train(bare, dense, start, step=True),
        rtol=1e-6,
        atol=1e-7,
    )


def test_clipping_ignores_the_gradients_of_pruned_weights():
    tx = make_optimizer(optimizer="sgd", learning_rate=1.0, clip_norm=1.0)
    params = {"w": jnp.array([[1.0, 1.0, 0.0]])}
    mask, update = {"w": jnp.array([[True, True, False]])}, jax.jit(tx.update)
    for dead in (0.0, 1e6, jnp.inf, jnp.nan):
        grads = {"w": jnp.array([[3.0, 4.0, dead]])}
        updates, _ = update(grads, tx.init(params), params, mask=mask, step=0)
        np.testing.assert_allclose(updates["w"], [[-0.6, -0.8, 0.0]], rtol=1e-6)


def test_the_mask_is_traced(key):
    """One compilation, in anybody's own jit, serves all masks and learning rates."""
    start, mask = masked_start(key)
    config = TrainConfig(optimizer="adam")

    def update(grads, params, mask, rate):
        values = optim.hyper(config)._replace(learning_rate=rate)
        tx = optim.optimizer(config, values, layers=LAYERS)
        updates, _ = tx.update(grads, tx.init(params), params, mask=mask, step=0)
        return optax.apply_updates(params, updates)

    counted = count_traces(update)
    jitted = jax.jit(counted)
    for m, rate in [(mask, 0.1), (masks.ones(start), 0.2)]:
        params = masks.apply(m, start)
        after = jitted(params, params, m, rate)
        check_dead_and_alive(after, params, m)
    assert counted.traces == 1


def test_the_rate_is_read_at_the_clock():
    """A rewound ticket's first update has the rate of its clock, not of update 0."""
    tx = optim.scale_by_clock(lambda step: jnp.where(step < 5, 1.0, 0.5))
    for step, rate in [(0, 1.0), (4, 1.0), (5, 0.5)]:
        assert tx.update({"w": 2.0}, tx.init(None), step=step)[0]["w"] == -2 * rate


STEPS = 5
PARAMS = {
    "k": np.array([[1.0, -2.0, 0.0], [0.5, 3.0, -1.5]]),
    "b": np.array([0.3, -0.2]),
}
MASK = {"k": PARAMS["k"] != 0, "b": np.ones(2, bool)}


def gradients():
    rng = np.random.default_rng(0)
    return [{p: rng.normal(size=w.shape) for p, w in PARAMS.items()}] * 2 + [
        {p: rng.normal(size=w.shape) for p, w in PARAMS.items()}
        for _ in range(STEPS - 2)
    ]


def run_optax(fields):
    params, mask = jax.tree.map(jnp.asarray, (PARAMS, MASK))
    tx = make_optimizer(**fields)
    update, state = jax.jit(tx.update), tx.init(params)
    for i, grads in enumerate(gradients()):
        updates, state = update(grads, state, params, mask=mask, step=i)
        params = optax.apply_updates(params, updates)
    return params


def test_momentum_with_decay_against_numpy(x64):
    """Decay joins the gradient before momentum, of kernels only, not of biases."""
    rate, beta, decay = 0.1, 0.8, 0.05
    found = run_optax(
        {
            "optimizer": "momentum",
            "learning_rate": rate,
            "momentum": beta,
            "weight_decay": decay,
        }
    )
    for path, start in PARAMS.items():
        w, v = start.copy(), np.zeros_like(start)
        for grads in gradients():
            g = np.where(MASK[path], grads[path], 0) + (decay * w if path == "k" else 0)
            v = beta * v + g
            w = w - rate * v
        np.testing.assert_allclose(found[path], w, rtol=1e-12, atol=0)


def test_adam_against_numpy(x64):
    found = run_optax({"optimizer": "adam", "learning_rate": 0.01})
    for path, start in PARAMS.items():
        w, m, v = start.copy(), np.zeros_like(start), np.zeros_like(start)
        for t, grads in enumerate(gradients(), start=1):
            g = np.where(MASK[path], grads[path], 0)
            m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
            root = np.sqrt(v / (1 - 0.999**t)) + 1e-8
            w = w - 0.01 * np.where(MASK[path], m / (1 - 0.9**t) / root, 0)
        np.testing.assert_allclose(found[path], w, rtol=1e-11, atol=0)


def test_clipping_precedes_decay_against_numpy(x64):
    rate, decay, norm = 0.1, 0.05, 0.5
    fields = {"learning_rate": rate, "weight_decay": decay, "clip_norm": norm}
    found = run_optax({"optimizer": "sgd", **fields})
    w = {p: start.copy() for p, start in PARAMS.items()}
    for grads in gradients():
        g = {p: np.where(MASK[p], grads[p], 0) for p in w}
        total = math.sqrt(sum((x**2).sum() for x in g.values()))
        scale = min(1.0, norm / total)
        for p in w:
            w[p] = w[p] - rate * (scale * g[p] + (decay * w[p] if p == "k" else 0))
    tree_close(found, jax.tree.map(jnp.asarray, w), rtol=1e-12)


def test_every_hyperparameter_is_a_field_of_the_config():
    fields = {f.name for f in dataclasses.fields(TrainConfig)}
    assert set(optim.Hyper._fields) <= fields


# A loop that masks nothing by itself


@pytest.mark.parametrize("name", USERS)
def test_the_natural_loop_is_sparse(name, key):
    """Readme's three lines: weights that nobody masked are 0 from the first update."""
    full, mask = full_start(key)
    tx = frozen_of(name)
    check_dead_and_alive(train(tx, mask, full, steps=1), full, mask)
    trained = train(tx, mask, full, steps=20)
    check_dead_and_alive(trained, full, mask)
    for path, live in tree.flatten(mask).items():
        share = (np.asarray(tree.flatten(trained)[path]) != 0).mean()
        assert share == np.asarray(live).mean(), path


@each_optimizer
def test_weights_that_are_masked_already_lose_no_bit(optimizer, key):
    """As if updates were masked, and nothing else."""
    start, mask = masked_start(key)
    tx = make_optimizer(optimizer=optimizer, weight_decay=0.1)

    def masked(*given, **extra):
        return tx.update(*given, **extra, filled=True)

    plain = optax.GradientTransformationExtraArgs(tx.init, masked)
    ours = train(tx, mask, start, step=True)
    tree_close(ours, train(plain, mask, start, step=True))
    for leaf in jax.tree.leaves(ours):
        assert not np.signbit(np.asarray(leaf)[np.asarray(leaf) == 0]).any()


def test_updates_of_zeros_are_plain_zeros():
    params = {"w": jnp.array([[0.0, -0.0, 3.0, -3.0]])}
    mask = {"w": jnp.zeros((1, 4), bool)}
    tx = freeze_pruned(optax.sgd(1.0))

    def update(params):
        return tx.update(params, tx.init(params), params, mask=mask)[0]

    for updates in (update(params), jax.jit(update)(params)):
        found = np.asarray(updates["w"])
        np.testing.assert_array_equal(found, [[0, 0, -3, 3]])
        assert not np.signbit(found[0, :2]).any()
        after = np.asarray(optax.apply_updates(params, updates)["w"])
        assert not after.any()
        assert not np.signbit(after).any()


@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float16, jnp.float32])
def test_every_float_becomes_exactly_zero(dtype):
    values = np.random.default_rng(0).normal(size=(50, 20)) * 10.0 ** np.arange(
        -4, 4, 0.4
    )
    params = {"w": jnp.asarray(values, dtype)}
    mask = {"w": jnp.zeros(values.shape, bool)}
    tx = freeze_pruned(optax.sgd(1.0))
    grads = jax.tree.map(lambda p: p.astype(jnp.bfloat16), params)
    updates, _ = tx.update(grads, tx.init(params), params, mask=mask)
    after = optax.apply_updates(params, updates)["w"]
    assert after.dtype == dtype
    assert not np.asarray(after).any()


@pytest.mark.parametrize("traced", [False, True])
def test_filled_weights_stay_what_they_are(traced, key):
    full, mask = full_start(key)
    tx = freeze_pruned(optax.adamw(0.01))
    grads = jax.tree.map(jnp.ones_like, full)

    def step(filled):
        updates, _ = tx.update(grads, tx.init(full), full, mask=mask, filled=filled)
        return optax.apply_updates(full, updates)

    step = jax.jit(step, static_argnums=() if traced else 0)
    for filled in (True, False):
        for path, live in tree.flatten(mask).items():
            dead, now = ~np.asarray(live), np.asarray(tree.flatten(step(filled))[path])
            was = np.asarray(tree.flatten(full)[path])
            np.testing.assert_array_equal(now[dead], was[dead] if filled else 0)
            assert (now[~dead] != was[~dead]).all()


def test_without_params_pruned_weights_are_left_alone():
    params, mask = {"w": jnp.ones((1, 2))}, {"w": jnp.array([[True, False]])}
    tx = freeze_pruned(optax.sgd(0.5))
    updates, _ = tx.update(params, tx.init(params), mask=mask)
    assert updates["w"].tolist() == [[-0.5, 0.0]]


def test_the_mask_may_change_from_step_to_step():
    params = {"w": jnp.array([[1.0, 2.0, 3.0]])}
    tx = freeze_pruned(optax.sgd(1.0))
    zero, state = jax.tree.map(jnp.zeros_like, params), tx.init(params)
    for alive in ([1, 1, 0], [0, 1, 0], [0, 1, 1]):
        mask = {"w": jnp.array([alive], bool)}
        updates, state = tx.update(zero, state, params, mask=mask)
        params = optax.apply_updates(params, updates)
    assert params["w"].tolist() == [[0.0, 2.0, 0.0]]


def test_flax_train_states_take_the_update_written_out(key):
    """As the docstring of freeze_pruned shows it; apply_gradients cannot."""
    from flax.training.train_state import TrainState

    full, mask = full_start(key)
    tx = freeze_pruned(optax.adam(0.01))
    state = TrainState.create(apply_fn=None, params=full, tx=tx)
    grads = jax.tree.map(jnp.ones_like, full)
    for more in ({}, {"mask": mask}):
        with pytest.raises(InputError, match=r"needs the mask: .*apply_gradients"):
            state.apply_gradients(grads=grads, **more)
    update = jax.jit(state.tx.update)
    for _ in range(2):
        updates, moments = update(grads, state.opt_state, state.params, mask=mask)
        state = state.replace(
            step=state.step + 1,
            params=optax.apply_updates(state.params, updates),
            opt_state=moments,
        )
    check_dead_and_alive(state.params, full, mask)


def test_a_mask_of_another_tree_is_refused():
    params = {"w": jnp.ones((1, 2)), "bias": jnp.ones(2)}
    mask = masks.ones(params)
    for tx in (
        optax.masked(freeze_pruned(optax.sgd(0.1)), {"w": True, "bias": False}),
        freeze_pruned(optax.sgd(0.1)),
    ):
        given = mask if isinstance(tx.init(params), optax.MaskedState) else mask["w"]
        with pytest.raises(InputError, match=r"different trees.*put it around"):
            tx.update(params, tx.init(params), params, mask=given)


def test_weight_decay_covers_the_layers_of_the_model():
    params = {"w": jnp.ones((2, 2)), "table": jnp.ones((2, 2)), "bias": jnp.ones(2)}
    config = TrainConfig(optimizer="sgd", learning_rate=1.0, weight_decay=0.5)
    zero = jax.tree.map(jnp.zeros_like, params)
    for layers in (["w"], ["w", "table"]):
        tx = optim.optimizer(config, optim.hyper(config), layers=layers)
        dense = masks.ones(params)
        updates, _ = tx.update(zero, tx.init(params), params, mask=dense, step=0)
        moved = {path for path, leaf in tree.flatten(updates).items() if leaf.any()}
        assert moved == set(layers)


def test_another_entry_of_a_name_is_another_program(monkeypatch):
    model = built("linear")
    before = make_program(model, TrainConfig())
    assert make_program(model, TrainConfig()) is before
    monkeypatch.setitem(OPTIMIZERS, "adam", lambda _: optax.identity())
    assert make_program(model, TrainConfig()) is not before
