"""Pruning: exactly n by rank, ties to the lower index, nothing revived."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import count_traces, tree_close
from hypothesis import given, settings
from hypothesis import strategies as st

from lth_jax.tickets import masks


def test_what_can_be_pruned_is_drawn_anew_leaf_by_leaf(key):
    params = {"w": jnp.ones((2, 3)), "b": jnp.ones(3), "v": jnp.ones((2, 3))}
    other = {"w": jnp.full((2, 3), 5.0), "b": jnp.zeros(3), "v": jnp.full((2, 3), 7.0)}

    def draw(key, leaf, more):
        return more + leaf * jax.random.uniform(key, leaf.shape)

    drawn = masks.redraw(draw, key, params, other)
    assert drawn["b"] is params["b"]
    shares = drawn["w"] - 5, drawn["v"] - 7
    assert all(((s >= 0) & (s < 1)).all() for s in shares)
    assert (abs(shares[0] - shares[1]) > 1e-3).all(), "each leaf has a key of its own"


FLOATS = {
    "float32": jnp.float32,
    "float64": jnp.float64,
    "bfloat16": jnp.bfloat16,
    "float16": jnp.float16,
}
each_float = pytest.mark.parametrize("dtype", FLOATS.values(), ids=FLOATS.keys())
# Few values, so that most scores have ties; 1e-45 is subnormal in float32.
PALETTE = [-np.inf, -2.0, -1.0, -0.0, 0.0, 1e-45, 1.0, 1.0, 1.0078125, 2.0, 3e38]
PALETTE += [np.inf, np.nan]
SHAPES = [(1, 1), (3, 4), (2, 3, 2), (7, 5)]


def reference(scores: np.ndarray, alive: np.ndarray, n_keep: int) -> np.ndarray:
    """Keep the first ``n_keep`` living of a stable sort by falling score."""
    flat = scores.ravel().astype(np.float64)
    flat = np.where(np.isnan(flat), -np.inf, flat)
    order = np.argsort(-flat, kind="stable")
    living = [i for i in order if alive.ravel()[i]][: max(n_keep, 0)]
    kept = np.zeros(flat.size, bool)
    kept[living] = True
    return kept.reshape(scores.shape)


def prune_one(scores: jax.Array, alive: jax.Array, n_keep: int) -> jax.Array:
    return masks.prune({"w": scores}, {"w": alive}, {"w": n_keep})["w"]


prune_one_jit = jax.jit(prune_one)


@st.composite
def cases(draw, dtype):
    """Draw scores with many ties, who is alive, and how many are to stay."""
    shape = draw(st.sampled_from(SHAPES))
    size = int(np.prod(shape))
    values = [v for v in PALETTE if dtype != jnp.float16 or v != 3e38]
    few = draw(st.lists(st.sampled_from(values), min_size=1, max_size=4))
    pick = st.lists(st.integers(0, len(few) - 1), min_size=size, max_size=size)
    scores = np.array(few)[draw(pick)].reshape(shape)
    alive = draw(st.lists(st.booleans(), min_size=size, max_size=size))
    n = draw(st.integers(0, size + 2))
    return jnp.asarray(scores, dtype), jnp.asarray(alive).reshape(shape), n


def check(scores, alive, n, kept):
    expected = reference(np.asarray(scores), np.asarray(alive), n)
    np.testing.assert_array_equal(kept, expected)
    assert kept.dtype == bool
    assert int(kept.sum()) == min(n, int(alive.sum())), "exactly n"
    assert not (np.asarray(kept) & ~np.asarray(alive)).any(), "nothing is revived"


@each_float
def test_prune_equals_a_stable_sort(dtype, x64):
    @settings(max_examples=100)
    @given(st.data())
    def run(data):
        scores, alive, n = data.draw(cases(dtype))
        check(scores, alive, n, np.asarray(prune_one_jit(scores, alive, n)))

    run()


@given(st.integers(0, 2**32 - 1))
def test_prune_equals_a_stable_sort_without_ties(seed):
    rng = np.random.default_rng(seed)
    scores = rng.normal(size=(7, 5)).astype(np.float32) * 10.0 ** rng.integers(-30, 30)
    alive, n = rng.random((7, 5)) < 0.7, int(rng.integers(0, 36))
    scores = jnp.asarray(scores)
    check(scores, alive, n, np.asarray(prune_one_jit(scores, alive, n)))


@pytest.mark.parametrize(
    ("scores", "n", "kept"),
    [
        ([3, -1, 2, 1], 3, "1011"),
        ([-3, -1, -2, -4], 2, "0110"),
        ([1, 1, 1, 1], 2, "1100"),
        ([0.0, -0.0, 0.0, -0.0], 2, "1100"),
        ([-0.0, 0.0, -0.0, 0.0], 3, "1110"),
        ([-0.0, 0.0, -0.0, -1.0], 1, "1000"),
        ([1e-45, 3e-45, -3e-45, 0.0], 1, "0100"),
        ([1e-45, 3e-45, -3e-45, 0.0], 3, "1101"),
        ([np.nan, -np.inf, -1.0, np.nan], 2, "1010"),
        ([np.nan, 5.0, np.inf, -np.inf], 2, "0110"),
        ([np.inf, np.inf, 1.0, 2.0], 3, "1101"),
        ([np.nan] * 4, 1, "1000"),
        ([1, 2, 3, 4], 0, "0000"),
        ([1, 2, 3, 4], -1, "0000"),
        ([1, 2, 3, 4], 4, "1111"),
        ([1, 2, 3, 4], 9, "1111"),
    ],
)
@pytest.mark.parametrize("prune", [prune_one, prune_one_jit], ids=["eager", "jit"])
def test_ties_and_special_values(prune, scores, n, kept):
    found = prune(jnp.array([scores]), jnp.ones((1, 4), bool), n)
    assert "".join("01"[k] for k in np.asarray(found).ravel().astype(int)) == kept


def test_more_than_alive_keeps_the_living_only():
    alive = jnp.array([[True, False, True, False]])
    kept = prune_one(jnp.array([[1.0, 9.0, 2.0, 9.0]]), alive, 3)
    np.testing.assert_array_equal(kept, alive)


def test_nothing_alive_stays_so():
    dead = jnp.zeros((2, 2), bool)
    assert not prune_one(jnp.ones((2, 2)), dead, 2).any()


def test_an_empty_leaf_is_no_trouble():
    assert prune_one(jnp.ones((0, 3)), jnp.ones((0, 3), bool), 2).shape == (0, 3)


def test_masks_are_nested_over_levels(key):
    mask = masks.ones({"w": jnp.zeros((10, 10))})
    for level, n in enumerate([80, 64, 51, 41, 33]):
        scores = {"w": jax.random.normal(jax.random.fold_in(key, level), (10, 10))}
        pruned = jax.jit(masks.prune)(scores, mask, {"w": n})
        assert int(pruned["w"].sum()) == n
        assert not (pruned["w"] & ~mask["w"]).any()
        mask = pruned


PARAMS = {
    "a": {"kernel": jnp.array([[5.0, 1.0], [2.0, 0.5]]), "bias": jnp.zeros(2)},
    "b": {"kernel": jnp.array([[3.0, 0.1]]), "scale": jnp.zeros(2)},
}


def test_layerwise_compares_within_a_layer():
    kept = masks.prune(PARAMS, masks.ones(PARAMS), {"a/kernel": 2, "b/kernel": 1})
    assert kept["a"]["kernel"].tolist() == [[True, False], [True, False]]
    assert kept["b"]["kernel"].tolist() == [[True, False]]


def test_a_layer_not_named_stays_as_it_is():
    mask = masks.ones(PARAMS)
    mask["a"]["kernel"] = jnp.array([[True, False], [True, True]])
    kept = masks.prune(PARAMS, mask, {"b/kernel": 1})
    np.testing.assert_array_equal(kept["a"]["kernel"], mask["a"]["kernel"])


def test_global_compares_all_layers():
    kept = masks.prune(PARAMS, masks.ones(PARAMS), 3)
    assert kept["a"]["kernel"].tolist() == [[True, False], [True, False]]
    assert kept["b"]["kernel"].tolist() == [[True, False]]
    kept = masks.prune(PARAMS, masks.ones(PARAMS), 2)
    assert kept["a"]["kernel"].tolist() == [[True, False], [False, False]]


def test_global_ties_go_to_the_first_path():
    params = {"b": jnp.ones((1, 2)), "a": jnp.ones((1, 2))}
    kept = masks.prune(params, masks.ones(params), 3)
    assert (kept["a"].tolist(), kept["b"].tolist()) == ([[True, True]], [[True, False]])


def test_global_compares_values_not_bits_of_different_dtypes():
    params = {"a": jnp.array([[1.0, 4.0]], jnp.bfloat16), "b": jnp.array([[3.0, 2.0]])}
    kept = masks.prune(params, masks.ones(params), 2)
    assert kept["a"].tolist() == [[False, True]]
    assert kept["b"].tolist() == [[True, False]]


@pytest.mark.parametrize("n_keep", [{"a/kernel": 1, "b/kernel": 1}, 1])
def test_leaves_with_one_axis_are_untouched(n_keep):
    kept = masks.prune(PARAMS, masks.ones(PARAMS), n_keep)
    assert kept["a"]["bias"].all()
    assert kept["b"]["scale"].all()
    assert jax.tree.structure(kept) == jax.tree.structure(PARAMS)


@pytest.mark.parametrize("path", ["c/kernel", "a/bias", "kernel"])
def test_an_unknown_path_is_refused(path):
    with pytest.raises(KeyError, match=path):
        masks.prune(PARAMS, masks.ones(PARAMS), {path: 1})


@pytest.mark.parametrize("whole", [False, True], ids=["layerwise", "global"])
def test_jit_and_vmap_equal_one_by_one(key, whole):
    shapes = {"a": (4, 5), "b": (3, 3, 2), "c": (7,)}
    scores = {p: jax.random.normal(key, (3, *s)) for p, s in shapes.items()}
    scores["a"] = scores["a"].round()  # ties
    mask = {p: jnp.ones((3, *s), bool) for p, s in shapes.items()}
    n = np.array([1, 4, 9])
    n_keep = n if whole else {"a": n, "b": n + 1}
    counted = count_traces(masks.prune)
    together = jax.jit(jax.vmap(counted))(scores, mask, n_keep)
    compiled = jax.jit(counted)
    at = lambda tree, i: jax.tree.map(lambda leaf: leaf[i], tree)  # noqa: E731
    for i in range(3):
        alone = compiled(at(scores, i), at(mask, i), at(n_keep, i))
        tree_close(at(together, i), alone)
        if i == 1:
            eager = masks.prune(at(scores, i), at(mask, i), at(n_keep, i))
            tree_close(eager, alone)
    assert counted.traces == 2, "counts are traced, not static"


def test_apply_sets_pruned_weights_to_plain_zero():
    weights = jnp.array([np.nan, np.inf, -1.0, 2.0, -0.0])
    mask = jnp.array([False, False, False, True, True])
    masked = np.asarray(masks.apply({"w": mask}, {"w": weights})["w"])
    np.testing.assert_array_equal(masked, [0, 0, 0, 2, 0])
    np.testing.assert_array_equal(np.signbit(masked), [0, 0, 0, 0, 1])


def test_apply_keeps_the_dtype():
    masked = masks.apply({"w": jnp.ones(2, bool)}, {"w": jnp.ones(2, jnp.bfloat16)})
    assert masked["w"].dtype == jnp.bfloat16


def test_counts_cover_prunable_leaves_only():
    mask = masks.ones(PARAMS)
    mask["a"]["kernel"] = jnp.array([[True, False], [False, False]])
    counts = {path: int(n) for path, n in masks.layer_counts(mask).items()}
    assert counts == {"a/kernel": 1, "b/kernel": 2}
