"""Errors between two networks, against plain NumPy and point by point."""

from collections.abc import Callable
from functools import cache, partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import IMAGE, MODELS, built, splits, started, tree_close
from hypothesis import given
from hypothesis import strategies as st

from lth_jax import tree
from lth_jax.analysis import Path, alphas, barrier, interpolate, path_errors, recomputed
from lth_jax.errors import InputError
from lth_jax.training.dataset import Dataset
from lth_jax.types import Model, Snapshot

KEY = jax.random.key(3)
POINTS, BATCHES, BATCH_SIZE, BLOCK = 5, 7, 12, 9
"""No size divides another: 40 training and 14 test examples."""


def ends(name: str, *seeds: int) -> list[Snapshot]:
    """Return networks far from each other, with states of their own."""
    drawn = [started(built(name), jax.random.key(seed)) for seed in seeds]
    return [
        Snapshot(params, jax.tree.map(lambda s, i=i: s + 3.0 * (i + 1), state), None, 0)
        for i, (params, state) in enumerate(drawn)
    ]


@cache
def program(name: str, **changes: int) -> Callable[..., Path]:
    """Return the compiled path of a model; its numbers may be changed by name."""
    numbers = {"points": POINTS, "batches": BATCHES, "batch_size": BATCH_SIZE}
    numbers = {**numbers, "block": BLOCK, **changes}
    data = splits(MODELS[name][1])
    return jax.jit(partial(path_errors, built(name), data=data, key=KEY, **numbers))


def measure(name: str, first: Snapshot, second: Snapshot, **changes: int) -> Path:
    return program(name, **changes)(first, second)


def wrapped_batches(data: Dataset, batches: int, batch_size: int) -> list[np.ndarray]:
    """Cut batches from the training set laid end to end."""
    x = np.asarray(data.x)
    laid = np.concatenate([x] * (batches * batch_size // len(x) + 1))
    return [laid[i * batch_size : (i + 1) * batch_size] for i in range(batches)]


def by_hand(name: str, first: Snapshot, second: Snapshot, batches: int) -> np.ndarray:
    """Return errors [2, points]: a Python loop over points, batches and examples."""
    model, data = built(name), splits(MODELS[name][1])
    apply = jax.jit(model.apply, static_argnums=3)
    errors = []
    for alpha in np.linspace(0, 1, POINTS):
        params = jax.tree.map(
            lambda a, b, alpha=alpha: (
                alpha * np.asarray(a) + (1 - alpha) * np.asarray(b)
            ).astype(np.float32),
            first.params,
            second.params,
        )
        state = first.state
        for x in wrapped_batches(data.train, batches, BATCH_SIZE):
            _, state = apply(params, state, x, True, KEY)
        rates = []
        for part in (data.train, data.test):
            logits, _ = apply(params, state, part.x, False, KEY)
            rates.append(np.mean(np.argmax(logits, -1) != np.asarray(part.y)))
        errors.append(rates)
    return np.transpose(errors)


@pytest.mark.parametrize("name", ["mlp", "conv_net"])
def test_a_path_equals_a_loop_over_its_points(name):
    first, second = ends(name, 0, 1)
    found = measure(name, first, second)
    assert found.train.shape == found.test.shape == (POINTS,)
    expected = by_hand(name, first, second, BATCHES)
    np.testing.assert_allclose(np.array(found), expected, atol=1e-6)
    assert len(set(expected[0])) > 2 and len(set(expected[1])) > 2, "a flat path"


def test_a_path_leads_from_the_second_network_to_the_first():
    first, second = ends("mlp", 0, 1)
    there, back = measure("mlp", first, second), measure("mlp", second, first)
    tree_close(jax.tree.map(lambda e: e[::-1], back), there)
    data, apply = splits(), jax.jit(built("mlp").apply, static_argnums=3)
    for network, i in ((first, -1), (second, 0)):
        logits, _ = apply(network.params, {}, data.train.x, False, KEY)
        error = (logits.argmax(-1) != data.train.y).mean()
        np.testing.assert_allclose(there.train[i], error, atol=1e-6)
    assert there.train[0] != there.train[-1]


def test_statistics_are_recomputed_at_every_point():
    first, second = ends("conv_net", 1, 2)
    found = np.array(measure("conv_net", first, second))
    stale = np.array(measure("conv_net", first, second, batches=0))
    np.testing.assert_allclose(stale, by_hand("conv_net", first, second, 0), atol=1e-6)
    assert (found != stale).any(axis=0).all(), "the ends too"
    assert stale.min() == 0, "no error at all is exactly 0"


def test_the_second_network_only_gives_its_weights():
    first, second = ends("conv_net", 0, 1)
    other = second._replace(state=jax.tree.map(lambda s: s * jnp.nan, second.state))
    tree_close(measure("conv_net", first, other), measure("conv_net", first, second))


def test_vmap_over_pairs_equals_one_by_one():
    some = ends("conv_net", 0, 1, 2)
    pairs = [(some[0], some[1]), (some[2], some[0]), (some[1], some[2])]
    stacks = [
        jax.tree.map(lambda *leaves: jnp.stack(leaves), *part)
        for part in zip(*pairs, strict=True)
    ]
    model, data = built("conv_net"), splits(IMAGE)
    numbers = {"points": 3, "batches": BATCHES, "batch_size": BATCH_SIZE}
    found = jax.jit(
        jax.vmap(
            lambda a, b: path_errors(model, a, b, data, **numbers, key=KEY, block=BLOCK)
        )
    )(*stacks)
    for i, (first, second) in enumerate(pairs):
        single = measure("conv_net", first, second, points=3)
        tree_close(tree.take(found, i), single, atol=1e-6)


def test_networks_of_two_models_are_refused():
    first, second = ends("mlp", 0, 1)
    other = second._replace(params={**second.params, "extra": jnp.zeros(2)})
    with pytest.raises(InputError, match=r"leaf 'extra', of none and shape \(2,\)"):
        measure("mlp", first, other)
    with pytest.raises(InputError, match="points is 1: a line has at least 2"):
        measure("mlp", first, second, points=1)


def test_interpolate_mixes_every_leaf():
    (first, second), alpha = ends("conv_net", 0, 1), 0.3
    found = interpolate(first.params, second.params, jnp.float32(alpha))
    expected = jax.tree.map(
        lambda a, b: 0.3 * np.asarray(a, float) + 0.7 * np.asarray(b, float),
        first.params,
        second.params,
    )
    expected = jax.tree.map(np.float32, expected)
    tree_close(found, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_the_ends_are_exact_and_pruned_weights_stay_zero(dtype):
    a, b = (
        jax.random.normal(jax.random.key(i), (50,)).astype(dtype).at[:9].set(0)
        for i in range(2)
    )
    mix = jax.jit(interpolate)
    tree_close(mix({"w": a}, {"w": b}, jnp.float32(1)), {"w": a})
    tree_close(mix({"w": a}, {"w": b}, jnp.float32(0)), {"w": b})
    found = mix({"w": a}, {"w": b}, jnp.float32(0.3))["w"]
    assert (found == 0).sum() == 9 and found.dtype == dtype


@pytest.mark.parametrize(
    ("a", "b", "message"),
    [
        (
            {"w": np.zeros((2, 3))},
            {"w": np.zeros((3, 2))},
            "The first network and the second differ in leaf 'w', of shape (2, 3) and"
            " shape (3, 2): both must be of one model.",
        ),
        (
            {"w": np.zeros(2), "b": np.zeros(1)},
            {"w": np.zeros(2)},
            "The first network and the second differ in leaf 'b', of shape (1,) and"
            " none: both must be of one model.",
        ),
        (
            [np.zeros(2)],
            (np.zeros(2),),
            "The first network and the second have the same leaves in other"
            " containers: PyTreeDef([*]) and PyTreeDef((*,)).",
        ),
    ],
)
def test_interpolate_refuses_networks_of_two_models(a, b, message):
    with pytest.raises(InputError) as caught:
        interpolate(a, b, 0.5)
    assert str(caught.value) == message


def convolved(kernel: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Convolve [n, h, w, 1] images, padded with zeros, with a [3, 3, 1, out] kernel."""
    padded = np.pad(x[..., 0], ((0, 0), (1, 1), (1, 1)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(1, 2))
    return np.einsum("nhwij,ijo->nhwo", windows, kernel[:, :, 0])


def statistics(state: dict) -> dict:
    return state["batch_stats"]["BatchNorm_0"]


def recompute(network: Snapshot, state, batches: int):
    model, data = built("conv_net"), splits(IMAGE).train
    return jax.jit(
        lambda p, s: recomputed(model, p, s, data, batches, BATCH_SIZE, KEY)
    )(network.params, state)


def test_statistics_equal_a_running_average_in_numpy():
    network = ends("conv_net", 0, 1)[1]
    expected = {k: np.asarray(v, float) for k, v in statistics(network.state).items()}
    kernel = np.asarray(network.params["Conv_0"]["kernel"], float)
    for x in wrapped_batches(splits(IMAGE).train, BATCHES, BATCH_SIZE):
        outputs = convolved(kernel, x.astype(float)).reshape(-1, 4)
        batch = {"mean": outputs.mean(0), "var": outputs.var(0)}
        expected = {k: 0.9 * old + 0.1 * batch[k] for k, old in expected.items()}
    found = statistics(recompute(network, network.state, BATCHES))
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, rtol=1e-4, err_msg=name)


def test_old_statistics_fade_with_every_batch():
    network = ends("conv_net", 0)[0]
    shifted = jax.tree.map(lambda s: s + 100, network.state)

    def gap(batches):
        one, other = (recompute(network, s, batches) for s in (network.state, shifted))
        return statistics(other)["mean"] - statistics(one)["mean"]

    np.testing.assert_allclose(gap(7), 100 * 0.9**7, rtol=1e-4)
    np.testing.assert_allclose(gap(250), 0, atol=1e-5)


def test_every_batch_has_a_key_of_its_own():
    def apply(params, state, x, train, key):
        return x, {"draws": state["draws"] + jax.random.normal(key)}

    model = Model(lambda key: ({}, {"draws": 0.0}), apply, {})
    state = {"draws": jnp.zeros(())}
    found = recomputed(model, {}, state, splits().train, 3, BATCH_SIZE, KEY)
    drawn = [jax.random.normal(jax.random.fold_in(KEY, i)) for i in range(3)]
    np.testing.assert_allclose(found["draws"], sum(drawn), rtol=1e-5)


def test_a_model_without_state_runs_nothing():
    def apply(*_):
        raise AssertionError("was run")

    state: dict = {"none": {}}
    model = Model(lambda key: ({}, state), apply, {})
    assert recomputed(model, {}, state, splits().train, 9, 1000, KEY) is state


@pytest.mark.parametrize("batch_size", [0, 41])
def test_batches_must_fit_the_training_set(batch_size):
    first, second = ends("conv_net", 0, 1)
    message = f"batch_size is {batch_size}, but there are 40 training examples"
    with pytest.raises(InputError, match=message):
        measure("conv_net", first, second, batch_size=batch_size)


def test_alphas():
    np.testing.assert_allclose(alphas(5), [0, 0.25, 0.5, 0.75, 1])
    thirty = alphas(30)
    assert len(thirty) == 30 and thirty[0] == 0 and thirty[-1] == 1
    np.testing.assert_allclose(np.diff(thirty), 1 / 29)
    with pytest.raises(InputError, match="points is 1: a line has at least 2"):
        alphas(1)


def test_barrier_by_hand():
    np.testing.assert_allclose(barrier([0.1, 0.4, 0.9, 0.5, 0.3]), 0.7, rtol=1e-6)
    np.testing.assert_allclose(barrier([0.2, 0.1, 0.4]), 0.1, rtol=1e-6)
    assert barrier([0.25, 0.0, 0.25]) == 0
    found = barrier(np.array([[[0.0, 1.0, 0.0], [0.5, 0.5, 0.0]]]))
    np.testing.assert_allclose(found, [[1, 0.25]])


@given(st.lists(st.floats(0, 1, width=32), min_size=2, max_size=6))
def test_a_barrier_is_never_negative(errors):
    curve = np.array(errors, np.float32)
    assert barrier(curve) >= 0
    assert barrier(curve) == barrier(curve[::-1])
