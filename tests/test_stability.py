"""How close trainings end, against float64 and by hand."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import random_mask
from hypothesis import given
from hypothesis import strategies as st

from lth_jax import tree
from lth_jax.analysis import Closeness, closeness, pairs, to_data_order, to_pruning
from lth_jax.errors import InputError
from lth_jax.types import Ticket

closeness_jit = jax.jit(closeness)


def network(seed: int) -> dict:
    """Draw two kernels, a bias and a scale."""
    rng = np.random.default_rng(seed)

    def draw(*shape):
        return jnp.asarray(rng.normal(size=shape), jnp.float32)

    return {
        "a": {"kernel": draw(3, 3, 2, 4), "bias": draw(4)},
        "b": {"kernel": draw(4, 5), "scale": draw(5)},
    }


@jax.jit
def drawn_mask(seed: int) -> dict:
    return random_mask(jax.random.key(seed), network(0))


def vector(params: dict, mask: dict) -> np.ndarray:
    """Return the surviving entries of both kernels, in float64."""
    return np.concatenate(
        [
            np.asarray(params[name]["kernel"], np.float64)[mask[name]["kernel"]]
            for name in ("a", "b")
        ]
    )


def reference(a: dict, b: dict, mask: dict) -> tuple[float, float]:
    """Return distance and angle from norms and an arccos in float64."""
    u, v = vector(a, mask), vector(b, mask)
    cosine = u @ v / np.sqrt((u @ u) * (v @ v))
    return np.sqrt(((u - v) ** 2).sum()), np.degrees(np.arccos(np.clip(cosine, -1, 1)))


def of(*weights: float) -> dict:
    return {"w": jnp.array([weights])}


def everything(params: dict) -> dict:
    return jax.tree.map(lambda p: jnp.ones(p.shape, bool), params)


@pytest.mark.parametrize("measure", [closeness, closeness_jit], ids=["eager", "jit"])
@pytest.mark.parametrize(
    ("a", "b", "distance", "angle"),
    [
        ((3.0, 0.0), (0.0, 4.0), 5, 90),
        ((1.0, 0.0), (1.0, 1.0), 1, 45),
        ((1.0, 2.0), (1.0, 2.0), 0, 0),
        ((1.0, 2.0), (2.0, 4.0), 5**0.5, 0),
        ((1.0, 2.0), (-1.0, -2.0), 20**0.5, 180),
        ((2.0, 0.0), (-1.0, 3**0.5), 12**0.5, 120),
    ],
)
def test_by_hand(measure, a, b, distance, angle):
    found = measure(of(*a), of(*b), everything(of(*a)))
    np.testing.assert_allclose(found, (distance, angle), rtol=1e-6, atol=1e-5)


@given(*[st.integers(0, 2**16)] * 3)
def test_equals_float64(one, other, drawn):
    a, b, mask = network(one), network(other), drawn_mask(drawn)
    found = closeness_jit(a, b, mask)
    np.testing.assert_allclose(found, reference(a, b, mask), rtol=1e-5, atol=1e-4)
    assert found.distance.dtype == found.angle.dtype == jnp.float32
    np.testing.assert_allclose(closeness_jit(b, a, mask), found, rtol=1e-6)


@pytest.mark.parametrize("degrees", [1e-4, 0.01, 1, 179, 179.99])
def test_small_and_large_angles_are_exact(degrees):
    turned = np.radians(degrees)
    a, b = of(1.0, 0.0, 0.0), of(np.cos(turned), 0.0, np.sin(turned))
    found = closeness_jit(a, b, everything(a)).angle
    np.testing.assert_allclose(found, degrees, rtol=1e-5)


def test_an_angle_does_not_depend_on_lengths_and_a_distance_scales():
    a, b, mask = network(0), network(1), drawn_mask(0)
    found = closeness_jit(a, b, mask)

    def times(factor, params):
        return jax.tree.map(lambda p: p * factor, params)

    longer = closeness_jit(times(100.0, a), times(0.01, b), mask)
    np.testing.assert_allclose(longer.angle, found.angle, rtol=1e-5)
    wider = closeness_jit(times(-3.0, a), times(-3.0, b), mask)
    np.testing.assert_allclose(wider, (3 * found.distance, found.angle), rtol=1e-5)


@pytest.mark.parametrize("value", [1e6, jnp.nan])
def test_what_is_pruned_is_not_looked_at(value):
    a, b, mask = network(0), network(1), drawn_mask(0)
    spoilt = jax.tree.map(lambda p, m: jnp.where(m, p, value), a, mask)
    found = closeness_jit(a, b, mask)
    assert closeness_jit(spoilt, b, mask) == found
    assert closeness_jit(b, spoilt, mask) == closeness_jit(b, a, mask)
    assert to_pruning(spoilt, b, mask) == closeness(a, b, mask)
    assert closeness_jit(a, b, everything(a)) != found


def test_biases_and_norms_do_not_count():
    a, b, mask = network(0), network(1), drawn_mask(0)
    moved = {
        "a": {**a["a"], "bias": a["a"]["bias"] + 5},
        "b": {**a["b"], "scale": a["b"]["scale"] * -3},
    }
    assert closeness_jit(moved, b, mask) == closeness_jit(a, b, mask)


def test_no_angle_to_a_network_of_zeros():
    found = closeness(of(3.0, 4.0), of(0.0, 0.0), everything(of(0.0, 0.0)))
    assert found.distance == 5 and jnp.isnan(found.angle)
    found = closeness(of(3.0, 4.0), of(1.0, 1.0), {"w": jnp.zeros((1, 2), bool)})
    assert found.distance == 0 and jnp.isnan(found.angle)


def test_twenty_million_weights():
    a = {"w": jnp.ones((4000, 5000))}
    b = {"w": jnp.ones((4000, 5000)).at[:2000].set(-1)}
    found = closeness_jit(a, b, everything(a))
    np.testing.assert_allclose(found, (2 * 1e7**0.5, 90), rtol=1e-6)


def test_bfloat16_weights_are_compared_in_float32():
    a, b = (jax.tree.map(lambda p: p.astype("bfloat16"), network(s)) for s in (0, 1))
    found, mask = closeness(a, b, drawn_mask(0)), drawn_mask(0)
    np.testing.assert_allclose(found, reference(a, b, mask), rtol=1e-5)
    assert found.distance.dtype == jnp.float32


def stack(trees: list) -> dict:
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *trees)


def test_vmap_equals_one_by_one():
    a, b = ([network(seed + i) for i in range(3)] for seed in (0, 10))
    drawn = [drawn_mask(i) for i in range(3)]
    found = jax.vmap(closeness)(stack(a), stack(b), stack(drawn))
    single = [closeness(*three) for three in zip(a, b, drawn, strict=True)]
    np.testing.assert_allclose(np.transpose(found), single, rtol=1e-6)


def test_networks_of_two_models_are_refused():
    other = network(0)
    del other["b"]["scale"]
    with pytest.raises(InputError, match=r"second differ in leaf 'b/scale', of shape"):
        closeness(network(0), other, drawn_mask(0))
    with pytest.raises(InputError, match="first network and the mask differ in leaf"):
        closeness(network(0), network(1), other)


def test_pairs():
    assert pairs(4) == [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)]
    assert pairs(2) == [(0, 1)]


def copies(n: int) -> tuple[Ticket, dict]:
    """Return copies of one ticket, and weights that each came to."""
    start, mask = stack([network(7)] * n), stack([drawn_mask(7)] * n)
    finals = [network(100 + i) for i in range(n)]
    return Ticket(start, mask, {}, jnp.zeros(n, jnp.int32)), stack(finals)


@pytest.mark.parametrize("n", [2, 4])
@pytest.mark.parametrize("convert", [lambda x: x, tree.to_host], ids=["jax", "numpy"])
def test_data_order_compares_all_pairs(n, convert):
    tickets, finals = convert(copies(n))
    found = to_data_order(tickets, finals)
    expected = [
        reference(network(100 + i), network(100 + j), drawn_mask(7))
        for i, j in itertools.combinations(range(n), 2)
    ]
    assert isinstance(found, Closeness)
    assert found.distance.shape == found.angle.shape == (n * (n - 1) // 2,)
    np.testing.assert_allclose(np.transpose(found), expected, rtol=1e-5)


def changed(stacked: dict, path: str, copy: int, index: tuple, value) -> dict:
    leaf = tree.flatten(stacked)[path]
    leaf = leaf.at[(copy, *index)].set(value)
    return tree.unflatten(stacked, {**tree.flatten(stacked), path: leaf})


def places(mask: dict, alive: bool) -> tuple:
    """Return the index of an entry of kernel b that is alive, or pruned."""
    return tuple(np.argwhere(np.asarray(mask["b"]["kernel"][0]) == alive)[0])


def test_copies_with_other_masks_are_refused():
    tickets, finals = copies(4)
    index = places(tickets.mask, alive=True)
    other = tickets._replace(
        mask=changed(tickets.mask, "b/kernel", 2, index, False),
    )
    message = (
        "The masks of copies 0 and 2 differ in leaf 'b/kernel', at 1 of 20 places: all"
        " copies must be one ticket, trained under other data orders."
    )
    with pytest.raises(InputError) as caught:
        to_data_order(other, finals)
    assert str(caught.value) == message


@pytest.mark.parametrize("path", ["b/kernel", "b/scale"])
def test_copies_with_other_start_weights_are_refused(path):
    tickets, finals = copies(4)
    index = (2,) if path == "b/scale" else places(tickets.mask, alive=True)
    other = tickets._replace(params=changed(tickets.params, path, 3, index, 9.0))
    with pytest.raises(
        InputError, match=f"start weights of copies 0 and 3 differ in leaf '{path}'"
    ):
        to_data_order(other, finals)


def test_pruned_start_weights_may_differ():
    tickets, finals = copies(3)
    index = places(tickets.mask, alive=False)
    other = tickets._replace(params=changed(tickets.params, "b/kernel", 1, index, 9.0))
    assert (to_data_order(other, finals).angle > 0).all()


def test_one_copy_is_refused():
    with pytest.raises(InputError, match="but there are 1: train at least 2"):
        to_data_order(*copies(1))


def test_a_ticket_that_is_not_stacked_is_refused():
    ticket = Ticket(network(0), drawn_mask(0), {}, jnp.int32(0))
    with pytest.raises(
        InputError, match="Leaf 'a/bias' holds 4 copies, but leaf 'a/kernel' 3: stack"
    ):
        to_data_order(ticket, network(1))


def test_finals_of_other_tickets_are_refused():
    tickets, finals = copies(3)
    with pytest.raises(InputError, match="final weights differ in leaf 'a/bias'"):
        to_data_order(tickets, tree.take(finals, slice(0, 2)))
    del finals["a"]["bias"]
    with pytest.raises(InputError, match=r"of shape \(3, 4\) and none"):
        to_data_order(tickets, finals)
    tickets.mask["b"] = {}
    with pytest.raises(InputError, match="their mask differ in leaf 'b/kernel'"):
        to_data_order(tickets, copies(3)[1])
