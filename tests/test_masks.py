"""Pruning: exactly n by rank, ties to the lower index, nothing revived."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import count_traces, tree_close
from hypothesis import given, settings
from hypothesis import strategies as st

from lth_jax import tree
from lth_jax.errors import InputError
from lth_jax.tickets import masks
from lth_jax.tickets.counts import n_pruned
from lth_jax.types import LayerInfo, Ticket


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
LONG_FLOATS = ("float16", "float64")
"""Of which hundreds of cases are long; the other two round more and less as well."""
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


@pytest.mark.parametrize(
    "dtype",
    [
        pytest.param(dtype, id=name, marks=[pytest.mark.long] * (name in LONG_FLOATS))
        for name, dtype in FLOATS.items()
    ],
)
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
        ([1, 2, 3, 4], 4, "1111"),
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


@pytest.mark.parametrize(("n", "kept"), [(-1, "0000"), (9, "1111")])
def test_traced_counts_out_of_range_keep_none_or_all(n, kept):
    found = prune_one_jit(jnp.ones((1, 4)), jnp.ones((1, 4), bool), n)
    assert "".join("01"[k] for k in np.asarray(found).ravel().astype(int)) == kept


def test_an_empty_leaf_is_no_trouble():
    assert prune_one(jnp.ones((0, 3)), jnp.ones((0, 3), bool), 0).shape == (0, 3)


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
    params = {"d": jnp.ones((1, 2)), "a": jnp.ones((1, 2))}
    kept = masks.prune(params, masks.ones(params), 3)
    assert (kept["a"].tolist(), kept["d"].tolist()) == ([[True, True]], [[True, False]])


def test_global_compares_values_not_bits_of_different_dtypes():
    params = {"a": jnp.array([[1.0, 4.0]], jnp.bfloat16), "d": jnp.array([[3.0, 2.0]])}
    kept = masks.prune(params, masks.ones(params), 2)
    assert kept["a"].tolist() == [[False, True]]
    assert kept["d"].tolist() == [[True, False]]


@pytest.mark.parametrize("n_keep", [{"a/kernel": 1, "b/kernel": 1}, 1])
def test_leaves_with_one_axis_are_untouched(n_keep):
    kept = masks.prune(PARAMS, masks.ones(PARAMS), n_keep)
    assert kept["a"]["bias"].all()
    assert kept["b"]["scale"].all()
    assert jax.tree.structure(kept) == jax.tree.structure(PARAMS)


@pytest.mark.parametrize("path", ["c/kernel", "a/bias", "kernel"])
def test_an_unknown_path_is_refused(path):
    known = "Known: a/kernel, b/kernel"
    with pytest.raises(InputError, match=rf"^n_keep names '{path}'.*{known}"):
        masks.prune(PARAMS, masks.ones(PARAMS), {path: 1})


@pytest.mark.parametrize("whole", [False, True], ids=["layerwise", "global"])
def test_jit_and_vmap_equal_one_by_one(key, whole):
    shapes = {"a": (4, 5), "w": (3, 3, 2), "c": (7,)}
    scores = {p: jax.random.normal(key, (3, *s)) for p, s in shapes.items()}
    scores["a"] = scores["a"].round()  # ties
    mask = {p: jnp.ones((3, *s), bool) for p, s in shapes.items()}
    n = np.array([1, 4, 9])
    n_keep = n if whole else {"a": n, "w": n + 1}
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


# What is refused

WEIGHTS = {"w": jnp.arange(12.0).reshape(3, 4), "bias": jnp.zeros(4)}
DENSE = masks.ones(WEIGHTS)
TWO_WAYS = r"counts the weights that stay.*integers.*rate=0\.5"
COUNTS = {
    "a fraction": (0.5, TWO_WAYS),
    "a fraction of a layer": ({"w": 0.2}, rf"^n_keep\['w'\] is 0\.2: it {TWO_WAYS}"),
    "a float count": (np.float32(3), TWO_WAYS),
    "an array of a float": (jnp.array(3.0), TWO_WAYS),
    "a bool": (True, "^n_keep is True: give integers"),
    "words": ("half", "^n_keep is 'half': give integers"),
    "a list": ([1, 2], r"^n_keep is \[1, 2\]: give integers"),
    "no count of a layer": ({"w": None}, r"^n_keep\['w'\] is None: give integers"),
    "one element": (np.array([3]), r"has shape \(1,\).*give one integer"),
    "one element of a layer": ({"w": np.array([3])}, r"\(1,\).*give one integer"),
    "an array of rows": ({"w": np.array([1, 2, 3])}, r"\(3,\).*give one integer"),
    "negative": (-1, "^n_keep is -1: .* from 0 to 12"),
    "too many": ({"w": 13}, r"^n_keep\['w'\] is 13: .* from 0 to 12"),
    "more than what is prunable": (13, "^n_keep is 13: .* from 0 to 12"),
    "nothing": (None, "n_keep.*or rate: neither is given"),
    "a number for a path": ({1: 2}, "^n_keep names 1, which is no leaf"),
}


@pytest.mark.parametrize(("n_keep", "message"), COUNTS.values(), ids=COUNTS)
def test_a_count_that_is_none_is_refused(n_keep, message):
    with pytest.raises(InputError, match=message):
        masks.prune(WEIGHTS, DENSE, n_keep)


@pytest.mark.parametrize("n_keep", [0.5, {"w": 0.5}, np.array([3])])
def test_a_traced_count_that_is_none_is_refused(n_keep):
    with pytest.raises(InputError, match=r"counts the weights that stay|has shape"):
        jax.jit(masks.prune)(WEIGHTS, DENSE, n_keep)


RATES = {
    "all": (1.0, r"^rate is 1\.0: .* in \[0, 1\)"),
    "percent": (20, "^rate is 20: "),
    "negative": (-0.1, "^rate is -0.1: "),
    "NaN": (float("nan"), "^rate is nan: "),
    "of a layer": ({"w": 2}, r"^rate\['w'\] is 2: "),
    "a bool": (True, "^rate is True: give a number"),
    "words": ("half", "^rate is 'half': give a number"),
    "one element": (np.array([0.5]), r"give a number in \[0, 1\)"),
    "an unknown layer": ({"v": 0.5}, "^rate names 'v', which is no leaf"),
}


@pytest.mark.parametrize(("rate", "message"), RATES.values(), ids=RATES)
def test_a_rate_that_is_none_is_refused(rate, message):
    with pytest.raises(InputError, match=message):
        masks.prune(WEIGHTS, DENSE, rate=rate)


def test_a_count_and_a_rate_are_one_too_many():
    with pytest.raises(InputError, match="both are given"):
        masks.prune(WEIGHTS, DENSE, 3, rate=0.5)


FLOATS_FOR_BOOLS = jax.tree.map(jnp.ones_like, WEIGHTS)
GIVEN = {
    "swapped": ((DENSE, WEIGHTS, 3), "^mask has a leaf 'bias' of float32: masks are"),
    "a float mask": ((WEIGHTS, FLOATS_FOR_BOOLS, 3), "masks are bool"),
    "no mask": ((WEIGHTS,), "^mask is None, .* scores, mask and n_keep, in this order"),
    "a count for the mask": ((WEIGHTS, 3), "^mask has a leaf '' that is no array"),
    "a mask for the scores": ((DENSE, DENSE, 3), "^scores has a leaf .* of bool"),
    "no scores": ((None, DENSE, 3), "^scores is None"),
    "a leaf less": (({"w": WEIGHTS["w"]}, DENSE, 3), "differ in leaf 'bias'.*no such"),
    "a leaf more": ((WEIGHTS | {"v": WEIGHTS["w"]}, DENSE, 3), "differ in leaf 'v'"),
    "another shape": (
        (WEIGHTS | {"w": WEIGHTS["w"].T}, DENSE, 3),
        r"differ in leaf 'w': \(4, 3\) and \(3, 4\)",
    ),
    "a function": (({"w": max}, DENSE, 3), "'w' that is no array, but of type builtin"),
    "nothing prunable": (
        ({"bias": jnp.ones(3)}, {"bias": jnp.ones(3, bool)}, 1),
        r"^Of \['bias'\] no leaf can be pruned.*prunable=",
    ),
}


@pytest.mark.parametrize(("given", "message"), GIVEN.values(), ids=GIVEN)
def test_scores_or_masks_that_are_none_are_refused(given, message):
    with pytest.raises(InputError, match=message):
        masks.prune(*given)


def test_ones_are_of_arrays():
    with pytest.raises(InputError, match=r"^params has a leaf 'f' that is no array"):
        masks.ones({"f": max})


# Rates


@given(
    st.lists(st.booleans(), min_size=16, max_size=16),
    st.floats(0, 1, exclude_max=True),
)
def test_a_rate_prunes_what_python_counts(alive, rate):
    """Half to even, of the survivors."""
    mask = {"w": jnp.array([alive])}
    kept = masks.prune({"w": jnp.ones((1, 16))}, mask, rate=rate)
    n = sum(alive)
    assert int(kept["w"].sum()) == n - n_pruned(n, rate)


@pytest.mark.parametrize(
    ("alive", "rate", "left"), [(5, 0.1, 5), (15, 0.1, 13), (7, 0.5, 3), (12, 0.25, 9)]
)
def test_traced_rates_and_masks_count_alike(alive, rate, left):
    scores = {"w": jnp.ones((1, 16))}
    mask = {"w": jnp.arange(16)[None] < alive}
    prune = lambda mask, rate: masks.prune(scores, mask, rate=rate)  # noqa: E731
    for found in (
        prune(mask, rate),
        jax.jit(prune)(mask, rate),
        jax.jit(functools.partial(prune, rate=rate))(mask),
        jax.jit(lambda mask: prune(mask, {"w": rate}))(mask),
    ):
        assert int(found["w"].sum()) == left


def test_rates_by_layer_leave_the_others_alone():
    mask = masks.ones(PARAMS)
    kept = masks.prune(PARAMS, mask, rate={"a/kernel": 0.5})
    assert kept["a"]["kernel"].tolist() == [[True, False], [True, False]]
    tree_close(kept["b"], mask["b"])
    everywhere = masks.prune(PARAMS, mask, rate=0.5)
    counts = {path: int(n) for path, n in masks.layer_counts(everywhere).items()}
    assert counts == {"a/kernel": 2, "b/kernel": 1}


# Prunable


def test_who_says_what_can_be_pruned_is_asked():
    params = {"emb": jnp.ones((3, 4)), "w": jnp.ones((3, 4)), "bias": jnp.ones(4)}
    dense = masks.ones(params)
    by_path = masks.prune(params, dense, {"emb": 5}, prunable=["emb"])
    assert int(by_path["emb"].sum()) == 5
    assert by_path["w"].all()
    larger = lambda path, leaf: leaf.size > 4  # noqa: E731
    assert set(masks.layer_counts(dense, larger)) == {"emb", "w"}
    assert set(masks.layer_counts(dense)) == {"w"}
    with pytest.raises(InputError, match=r"^n_keep names 'w'.*Known: emb"):
        masks.prune(params, dense, {"w": 5}, prunable=["emb"])
    with pytest.raises(InputError, match=r"^prunable names 'embb'.*mean 'emb'"):
        masks.prune(params, dense, 5, prunable=["embb"])
    for wrong in ("emb", 3):
        with pytest.raises(InputError, match=r"^prunable is "):
            masks.layer_counts(dense, wrong)


# Layers that a leaf stacks

STACKED = {
    "blocks/kernel": LayerInfo("dense", (3, 4, 5), 1),
    "head/kernel": LayerInfo("output", (5, 2)),
}


def stack(key):
    return {
        "blocks": {
            "kernel": jax.random.normal(key, (3, 4, 5)),
            "bias": jnp.ones((3, 5)),
        },
        "head": {"kernel": jax.random.normal(key, (5, 2)), "bias": jnp.ones(2)},
    }


@pytest.mark.parametrize("wrap", [lambda f: f, jax.jit], ids=["eager", "jit"])
def test_layers_of_a_stack_are_pruned_by_themselves(wrap, key):
    scores = stack(key)
    dense, counts = masks.ones(scores), np.array([1, 8, 20])
    n_keep = {"blocks/kernel": counts, "head/kernel": 4}
    prune = wrap(functools.partial(masks.prune, prunable=STACKED))
    kept = prune(scores, dense, n_keep)
    found = masks.layer_counts(kept, STACKED)
    np.testing.assert_array_equal(found["blocks/kernel"], counts)
    for i, n in enumerate(counts):
        alone = masks.prune(
            {"w": scores["blocks"]["kernel"][i]}, {"w": jnp.ones((4, 5), bool)}, int(n)
        )
        np.testing.assert_array_equal(kept["blocks"]["kernel"][i], alone["w"])
    assert int(found["head/kernel"]) == 4
    assert kept["blocks"]["bias"].all()
    halved = masks.prune(scores, kept, rate=0.5, prunable=STACKED)
    np.testing.assert_array_equal(
        masks.layer_counts(halved, STACKED)["blocks/kernel"], [1, 4, 10]
    )


@pytest.mark.parametrize(
    ("counts", "message"),
    [
        (5, r"shape \(\), for a leaf .* give an array of shape \(3,\)"),
        (np.array([1, 2]), r"shape \(2,\), .* give an array of shape \(3,\)"),
        (np.array([1, 2, 21]), "from 0 to 20"),
        (np.array([1, 2, -1]), "from 0 to 20"),
        (np.array([0.1, 0.1, 0.1]), TWO_WAYS),
    ],
)
def test_counts_of_a_stack_have_its_shape(counts, message, key):
    scores = stack(key)
    n_keep = {"blocks/kernel": counts}
    with pytest.raises(InputError, match=message):
        masks.prune(scores, masks.ones(scores), n_keep, prunable=STACKED)


def test_layers_of_a_stack_are_drawn_by_themselves(key):
    params = stack(key)

    def draw(key, leaf):
        return leaf.mean() + jax.random.normal(key, leaf.shape)

    drawn = masks.redraw(draw, key, params, prunable=STACKED)["blocks"]
    keys = dict(zip(tree.flatten(params), jax.random.split(key, 4), strict=True))
    for i, own in enumerate(jax.random.split(keys["blocks/kernel"], 3)):
        alone = draw(own, params["blocks"]["kernel"][i])
        np.testing.assert_allclose(drawn["kernel"][i], alone, rtol=1e-5)
    assert drawn["bias"] is params["blocks"]["bias"]


# Masks of several networks


def several(n):
    return jax.tree.map(lambda leaf: jnp.stack([leaf] * n), WEIGHTS)


def test_stacked_masks_are_refused():
    together = several(3)
    dense = masks.ones(together)
    for use in (
        lambda: masks.layer_counts(dense),
        lambda: masks.prune(together, dense, {"w": 6}),
        lambda: masks.prune(together, dense, rate=0.5),
        lambda: jax.jit(masks.layer_counts)(dense),
        lambda: masks.redraw(lambda key, leaf: leaf, jax.random.key(0), together),
    ):
        with pytest.raises(
            InputError, match=r"^These look like stacked masks of 3 net"
        ):
            use()
    counts = jax.vmap(masks.layer_counts)(dense)
    assert counts["w"].tolist() == [12, 12, 12]
    assert masks.layer_counts(dense, ["w"])["w"] == 36


@pytest.mark.parametrize(
    "shapes",
    [
        {"w": (3, 4), "bias": (4,)},
        {"w": (3, 4), "v": (3, 5)},
        {"query/kernel": (8, 2, 4), "query/bias": (2, 4)},
    ],
)
def test_one_network_is_no_stack(shapes):
    assert masks.layer_counts({p: jnp.ones(s, bool) for p, s in shapes.items()})


# Where training starts


@pytest.mark.parametrize("wrap", [lambda f: f, jax.jit], ids=["eager", "jit"])
def test_pruned_weights_start_at_zero_unless_they_are_filled(wrap):
    params = {"w": jnp.array([[1.0, -2.0, jnp.nan, -0.0]])}
    mask = {"w": jnp.array([[True, False, False, True]])}
    ticket = Ticket(params, mask, {}, jnp.int32(0))
    begun = wrap(masks.start)(ticket)["w"]
    np.testing.assert_array_equal(begun, [[1, 0, 0, -0.0]])
    np.testing.assert_array_equal(np.signbit(begun), [[0, 0, 0, 1]])
    full = wrap(masks.start)(ticket._replace(filled=jnp.array(True)))["w"]
    np.testing.assert_array_equal(full, params["w"])


def test_several_tickets_start_under_vmap_only():
    params = jax.tree.map(lambda p: jnp.stack([p] * 4), WEIGHTS)
    mask = jax.tree.map(lambda p: jnp.arange(p.size).reshape(p.shape) % 2 == 0, params)
    filled = jnp.array([True, False, True, False])
    tickets = Ticket(params, mask, {}, jnp.zeros(4, jnp.int32), None, filled)
    with pytest.raises(InputError, match=r"filled has shape \(4,\).*jax\.vmap"):
        masks.start(tickets)
    begun = jax.vmap(masks.start)(tickets)
    tree_close(tree.take(begun, 0), WEIGHTS)
    tree_close(tree.take(begun, 1), masks.apply(tree.take(mask, 1), WEIGHTS))
