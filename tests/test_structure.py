"""The structure of tickets, recomputed by loops over units, paths and whole masks."""

import itertools
import math

import jax.numpy as jnp
import numpy as np
import pytest

from lth_jax import analysis
from lth_jax.errors import InputError

CHAINS = {
    "dense": [(4, 3), (3, 5), (5, 2)],
    "convolutions": [(2, 1, 2, 3), (1, 2, 3, 2), (2, 4)],
    "flattened": [(1, 2, 2, 3), (2, 2, 3, 2), (6, 3), (3, 2)],
    "thin": [(1, 1, 2, 2), (6, 3), (3, 2)],
}
"""Shapes of kernels; in two, three positions of two channels are flattened."""


def drawn(shapes, seed: int, density: float = 0.5) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {f"l{i}": rng.random(s) < density for i, s in enumerate(shapes)}


def all_paths(masks) -> list[tuple]:
    """Return every path as the surviving weights that it takes, found one by one."""
    paths = [()]
    for name, mask in masks.items():
        longer = []
        for path, place in itertools.product(paths, np.argwhere(mask)):
            *_, unit, output = map(int, place)
            if path:
                _, _, end, width = path[-1]
                unit %= width
                if unit != end:
                    continue
            elif not path and name != next(iter(masks)):
                continue
            longer.append((*path, (name, tuple(place), output, mask.shape[-1])))
        paths = longer
    return paths


each_chain = pytest.mark.parametrize("shapes", CHAINS.values(), ids=CHAINS)


@each_chain
@pytest.mark.parametrize("seed", range(3))
def test_connections_are_counted_unit_by_unit(shapes, seed):
    masks = drawn(shapes, seed) | {"bias": np.ones(3, bool)}
    found = analysis.connections(masks)
    assert found.keys() == masks.keys() - {"bias"}
    for name, (incoming, outgoing) in found.items():
        mask = masks[name]
        ins, outs = mask.shape[-2:]
        positions = math.prod(mask.shape[:-2])
        for side, units, possible in (
            (incoming, [mask[..., j].sum() for j in range(outs)], positions * ins),
            (outgoing, [mask[..., i, :].sum() for i in range(ins)], positions * outs),
        ):
            assert side.connections.tolist() == units
            assert side.possible == possible


@each_chain
@pytest.mark.parametrize("density", [0.15, 0.3, 0.6, 1.0])
def test_live_connections_and_paths_are_those_enumerated(shapes, density):
    for seed in range(4):
        masks = drawn(shapes, seed, density)
        paths = all_paths(masks)
        on_path = {name: np.zeros_like(mask) for name, mask in masks.items()}
        for name, place, *_ in itertools.chain(*paths):
            on_path[name][place] = True
        for name, mask in analysis.live(masks).items():
            np.testing.assert_array_equal(mask, on_path[name])
        logarithm = analysis.log10_paths(masks)
        if paths:
            assert logarithm == pytest.approx(math.log10(len(paths)), abs=1e-12)
        else:
            assert logarithm == -math.inf


@each_chain
def test_dead_units_lack_connections_on_a_side(shapes):
    some = 0
    for seed in range(4):
        masks = drawn(shapes, seed, 0.3)
        found = analysis.dead_units(masks)
        names = list(masks)
        assert list(found) == names[:-1]
        for name, after in itertools.pairwise(names):
            before, behind = masks[name], masks[after]
            width = before.shape[-1]
            for unit, dead in enumerate(found[name]):
                ins = before[..., unit].any()
                outs = any(
                    behind[..., i, :].any()
                    for i in range(behind.shape[-2])
                    if i % width == unit
                )
                assert dead == (not ins or not outs)
                some += dead
    assert some


def test_more_paths_than_a_float_counts():
    masks = {str(i): np.ones((100, 100), bool) for i in range(160)}
    assert analysis.log10_paths(masks) == pytest.approx(322, abs=1e-9)


@pytest.mark.parametrize(
    ("shapes", "layer"),
    [
        ([(4, 3), (2, 5)], "l1"),
        ([(4, 3), (6, 5)], "l1"),  # a multiple, but nothing is flattened
        ([(2, 2, 3, 4), (2, 2, 8, 4)], "l1"),
        ([(2, 2, 3, 4), (1, 1, 4, 4), (6, 2)], "l2"),
        ([(2, 2, 3, 4), (8, 4), (8, 2)], "l2"),
        ([(3, 4), (4,)], "l1"),
    ],
)
@pytest.mark.parametrize("function", ["dead_units", "live", "log10_paths"])
def test_what_is_no_chain_is_named(shapes, layer, function):
    with pytest.raises(InputError, match=rf"^{layer} "):
        getattr(analysis, function)(drawn(shapes, 0))
    with pytest.raises(InputError, match="masks is empty"):
        getattr(analysis, function)({})


def test_split_joins_the_kernels_and_leaves_biases_out():
    mask = {"a": np.array([[True, False]]), "b": np.ones(2, bool), "c": jnp.eye(2) > 0}
    values = {
        "a": jnp.array([[1, 2]]),
        "b": np.zeros(2),
        "c": np.array([[3, 4], [5, 6]]),
    }
    kept, other = analysis.split(values, mask)
    assert (kept.tolist(), other.tolist()) == ([1, 3, 6], [2, 4, 5])
    kept, other = analysis.split(values["c"], mask["c"])
    assert (kept.tolist(), other.tolist()) == ([3, 6], [4, 5])
    kept, other = analysis.split({"b": np.zeros(2)}, {"b": np.ones(2, bool)})
    assert kept.size == other.size == 0
    with pytest.raises(InputError, match="leaf 'c'"):
        analysis.split(values, mask | {"c": np.ones((2, 3), bool)})


def test_movement_weight_by_weight():
    rng = np.random.default_rng(0)
    start, end = ({"w": rng.normal(size=(3, 4)).astype(np.float32)} for _ in range(2))
    moved, grown = analysis.distance(start, end)["w"], analysis.growth(start, end)["w"]
    assert moved.dtype == grown.dtype == np.float64
    for place in np.ndindex(3, 4):
        a, b = float(start["w"][place]), float(end["w"][place])
        assert moved[place] == abs(b - a)
        assert grown[place] == abs(b) - abs(a)
    for function in (analysis.distance, analysis.growth):
        with pytest.raises(InputError, match="leaf 'w'"):
            function(start, {"w": np.zeros((4, 3))})


@pytest.mark.parametrize("shape", [(3, 2), (2, 4), (1, 3), (5, 1), (1, 1)])
def test_random_spread_is_that_of_all_masks_of_a_count(shape):
    """Its square is the mean square of the spread over every mask."""
    inputs, outputs = shape
    size = inputs * outputs
    for remaining in range(1, size + 1):
        squares = []
        for kept in itertools.combinations(range(size), remaining):
            mask = np.zeros(size, bool)
            mask[list(kept)] = True
            counts = mask.reshape(shape).sum(0)
            squares.append(analysis.spread(counts) ** 2)
        found = analysis.random_spread(size, remaining, inputs)
        assert found == pytest.approx(math.sqrt(np.mean(squares)), abs=1e-12)


def test_nothing_is_spread_over_no_connections():
    assert math.isnan(analysis.random_spread(6, 0, 2))
    assert math.isnan(analysis.spread(np.zeros(3, int)))
    assert analysis.spread(np.array([4, 4, 4])) == 0
    assert analysis.spread(np.array([0, 0, 6])) == pytest.approx(math.sqrt(2))
