"""Laws that every control, criterion and model obeys (optimizers: test_optim)."""

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import (
    MODELS,
    blobs,
    built,
    count_traces,
    random_mask,
    started,
    tree_close,
    trees_differ,
)

from lth_jax import keys, tree
from lth_jax.keys import Stream, derive
from lth_jax.tickets import masks
from lth_jax.tickets.controls import CONTROLS, noisy_init
from lth_jax.tickets.criteria import CRITERIA
from lth_jax.types import Evidence, LayerInfo, Model, Ticket

each_control = pytest.mark.parametrize("kind", CONTROLS)
of_layers = pytest.mark.parametrize(
    "name", [pytest.param("linear", marks=pytest.mark.long), "mlp", "conv_net"]
)
"""Networks of several layers; one layer alone shows no more."""
each_model = pytest.mark.parametrize("name", MODELS)


@functools.partial(jax.jit, static_argnums=0)
def make_ticket(name, key, density=0.5) -> Ticket:
    params, state = built(name).init(key)
    # Weights without zeros, so that a revived or lost weight shows.
    params = jax.tree.map(lambda p: p + jnp.where(p == 0, 0.1, 0), params)
    mask = random_mask(jax.random.fold_in(key, 1), params, density)
    return Ticket(params, mask, state, jnp.int32(7))


def bare(params) -> Model:
    """Return a table of layers, of no network: enough for most controls."""
    layers = {p: LayerInfo("dense", leaf.shape) for p, leaf in kernels(params).items()}
    return Model(None, None, layers)


@functools.cache
def control_of(kind, name):
    """Return a control of a network, compiled once for all tests."""
    return make_control(kind, built(name))


def make_control(kind, model):
    made = CONTROLS[kind].make(model)
    return jax.jit(functools.partial(made, 1.5) if CONTROLS[kind].scaled else made)


def kernels(tree_):
    return {p: leaf for p, leaf in tree.flatten(tree_).items() if leaf.ndim >= 2}


# Models


@each_model
def test_models_are_two_pure_functions_and_a_table(name, key):
    model, shape = built(name), MODELS[name][1]
    params, state = started(model, key)
    tree_close(started(model, key), (params, state))
    assert trees_differ(params, started(model, jax.random.key(1))[0])
    assert {p: info.shape for p, info in model.layers.items()} == {
        p: leaf.shape for p, leaf in kernels(params).items()
    }
    assert [info.kind for info in model.layers.values()].count("output") == 1
    for train in (True, False):
        apply = jax.jit(model.apply, static_argnums=3)
        logits, after = apply(params, state, jnp.ones((2, *shape)), train, key)
        assert logits.shape == (2, 3)
        assert jax.tree.structure(after) == jax.tree.structure(state)
        assert jnp.isfinite(logits).all()


# Controls


@each_control
@of_layers
def test_controls_keep_the_count_of_every_layer(kind, name, key):
    ticket = make_ticket(name, key)
    control = control_of(kind, name)(key, ticket)
    tree_close(masks.layer_counts(control.mask), masks.layer_counts(ticket.mask))
    assert jax.tree.structure(control.params) == jax.tree.structure(ticket.params)
    for path, leaf in tree.flatten(control.mask).items():
        assert leaf.dtype == bool
        assert leaf.ndim >= 2 or leaf.all(), path
    assert control.clock == ticket.clock


@of_layers
def test_a_reinit_keeps_the_mask_and_changes_every_live_prunable_weight(name, key):
    model = built(name)
    ticket = make_ticket(name, key)
    params, state = started(model, key)
    dirty = jax.tree.map(lambda leaf: leaf + 5, state)
    ticket = Ticket(params, ticket.mask, dirty, ticket.clock, moments={"m": 1.0})
    draw = derive(key, 0, Stream.RANDOM_REINIT)
    control = control_of("random_reinit", name)(draw, ticket)
    tree_close(control.mask, ticket.mask)
    for path, live in kernels(ticket.mask).items():
        old, new = kernels(params)[path], kernels(control.params)[path]
        assert not (live & (old == new)).any(), path
        assert not (live & (new == 0)).any(), path
    tree_close(control.state, state)  # fresh, not the ticket's
    assert control.moments is None, "a fresh network has no optimizer state"


@of_layers
def test_a_shuffle_keeps_the_weights_and_moves_the_mask(name, key):
    ticket = make_ticket(name, key)._replace(moments={"m": jnp.ones(2)})
    control = control_of("shuffle_mask", name)(key, ticket)
    tree_close(control._replace(mask=None), ticket._replace(mask=None))
    for path, live in kernels(control.mask).items():
        assert (live != kernels(ticket.mask)[path]).any(), path
        weights = kernels(control.params)[path]
        assert not (live & (weights == 0)).any(), "live weights are the full ones"


def test_shuffles_are_uniform(key):
    """Every position is kept as often as every other, also those of one layer."""
    ticket = Ticket({"w": jnp.ones((4, 5))}, None, {}, jnp.int32(0))
    ticket = ticket._replace(mask={"w": jnp.arange(20).reshape(4, 5) < 5})
    control = jax.vmap(
        make_control("shuffle_mask", bare(ticket.params)), in_axes=(0, None)
    )
    kept = control(jax.random.split(key, 4000), ticket).mask["w"]
    share = np.asarray(kept).mean(axis=0)
    sigma = math.sqrt(0.25 * 0.75 / 4000)
    assert np.abs(share - 0.25).max() < 4.5 * sigma


def test_shuffles_of_two_layers_of_one_shape_are_independent(key):
    mask = {p: jnp.arange(40).reshape(5, 8) < 20 for p in "ab"}
    ticket = Ticket({p: jnp.ones((5, 8)) for p in "ab"}, mask, {}, jnp.int32(0))
    control = make_control("shuffle_mask", bare(ticket.params))(key, ticket)
    assert (control.mask["a"] != control.mask["b"]).any()


def test_keep_sign_keeps_mask_and_signs_and_draws_magnitudes(key):
    model = built("mlp")
    ticket = make_ticket("mlp", key)
    # Not compiled: two programs may round one draw in two ways.
    control = CONTROLS["keep_sign"].make(model)(jax.random.key(5), ticket)
    tree_close(control.mask, ticket.mask)
    fresh, _ = model.init(jax.random.key(5))
    for path, new in kernels(control.params).items():
        old = kernels(ticket.params)[path]
        np.testing.assert_array_equal(np.sign(new), np.sign(old))
        np.testing.assert_array_equal(abs(new), abs(kernels(fresh)[path]))


def test_permute_init_keeps_mask_and_values_of_every_layer(key):
    ticket = make_ticket("mlp", key)
    control = control_of("permute_init", "mlp")(jax.random.key(5), ticket)
    tree_close(control.mask, ticket.mask)
    for path, new in tree.flatten(control.params).items():
        old = tree.flatten(ticket.params)[path]
        np.testing.assert_array_equal(np.sort(new, axis=None), np.sort(old, axis=None))
        assert (new.ndim >= 2) == bool((new != old).any()), path


def test_permute_init_has_the_numbers_it_always_had(key):
    """Leaves have the keys of a split, in order; an eager permutation of each."""
    ticket, draw = make_ticket("mlp", key), jax.random.key(5)
    control = tree.flatten(control_of("permute_init", "mlp")(draw, ticket).params)
    old = tree.flatten(ticket.params)
    for i, (path, leaf) in enumerate(old.items()):
        one = jax.random.split(draw, len(old))[i]
        if leaf.ndim >= 2:
            leaf = jax.random.permutation(one, leaf.ravel()).reshape(leaf.shape)
        np.testing.assert_array_equal(control[path], leaf)


def test_resample_init_draws_from_what_the_ticket_keeps(key):
    ticket = make_ticket("conv_net", key, 0.3)._replace(moments={"m": jnp.ones(2)})
    control = control_of("resample_init", "conv_net")(jax.random.key(5), ticket)
    tree_close(control.mask, ticket.mask)
    tree_close(control.state, ticket.state)
    assert control.moments is None
    for path, new in tree.flatten(control.params).items():
        old, mask = tree.flatten(ticket.params)[path], tree.flatten(ticket.mask)[path]
        if new.ndim < 2:
            np.testing.assert_array_equal(new, old)
            continue
        assert np.isin(new, np.asarray(old)[np.asarray(mask)]).all(), path


def test_resampling_is_uniform_with_replacement(key):
    """Everywhere in a layer every kept value is as frequent, and some come twice."""
    kept = jnp.arange(20).reshape(4, 5) % 4 == 1
    params = {p: jnp.arange(20.0).reshape(4, 5) for p in "ab"}
    ticket = Ticket(params, dict.fromkeys("ab", kept), {}, jnp.int32(0))
    control = jax.vmap(make_control("resample_init", bare(params)), in_axes=(0, None))
    drawn = control(jax.random.split(key, 4000), ticket).params
    values = np.asarray(params["a"])[np.asarray(kept)]
    assert len(values) == 5
    share = np.stack([(drawn["a"] == value).mean(axis=0) for value in values])
    sigma = math.sqrt(0.2 * 0.8 / 4000)
    assert np.abs(share - 0.2).max() < 4.5 * sigma
    np.testing.assert_allclose(share.sum(axis=0), 1, atol=1e-6)
    both = drawn["a"] == drawn["b"]  # independent: equal in a fifth
    assert np.abs(np.asarray(both).mean(axis=0) - 0.2).max() < 4.5 * sigma
    next_to = drawn["a"][:, 0, 0] == drawn["a"][:, 0, 1]
    assert abs(float(next_to.mean()) - 0.2) < 4.5 * sigma


@pytest.mark.parametrize("survivors", [1, 0])
def test_resampling_a_layer_of_one_survivor_or_none(survivors, key):
    params = {"w": jnp.arange(1.0, 13).reshape(3, 4)}
    mask = {"w": jnp.arange(12).reshape(3, 4) >= 12 - survivors}
    ticket = Ticket(params, mask, {}, jnp.int32(0))
    control = make_control("resample_init", bare(params))(key, ticket)
    assert jnp.isfinite(control.params["w"]).all()
    assert int(control.mask["w"].sum()) == survivors
    assert not survivors or (control.params["w"] == 12).all()


def test_noise_has_the_deviation_of_the_layer_times_the_scale(key):
    shapes = {"a": (60, 50), "b": (60, 50), "c": (50,)}
    params = {
        p: (3.0 if p == "b" else 0.2) * jax.random.normal(jax.random.key(i), shape) + i
        for i, (p, shape) in enumerate(shapes.items())
    }
    mask = jax.tree.map(lambda p: jnp.arange(p.size).reshape(p.shape) % 7 < 3, params)
    ticket = Ticket(params, mask, {"s": jnp.ones(1)}, jnp.int32(4), {"m": 1.0})
    control = jax.jit(noisy_init(bare(params)))
    one, three = (control(scale, jax.random.key(9), ticket) for scale in (1.0, 3.0))
    tree_close(one._replace(params=None), ticket._replace(params=None, moments=None))
    np.testing.assert_array_equal(one.params["c"], params["c"])
    units = {}
    for path in "ab":
        old = np.asarray(params[path], np.float64)
        noise = (np.asarray(one.params[path], np.float64) - old) / old.std()
        assert noise.std() == pytest.approx(1, rel=4 / math.sqrt(2 * old.size))
        assert abs(noise.mean()) < 4 / math.sqrt(old.size)
        assert abs((noise**4).mean() - 3) < 4 * math.sqrt(96 / old.size)  # Gaussian
        tripled = (np.asarray(three.params[path], np.float64) - old) / old.std()
        np.testing.assert_allclose(tripled, 3 * noise, atol=2e-5)
        assert abs(np.corrcoef(noise.ravel(), old.ravel())[0, 1]) < 4 / 3000**0.5
        units[path] = noise.ravel()
    assert abs(np.corrcoef(units["a"], units["b"])[0, 1]) < 4 / 3000**0.5


@each_control
def test_controls_vmapped_equal_one_by_one(kind, key):
    control = control_of(kind, "mlp")
    draws = [derive(key, r, Stream.SHUFFLE_MASK, r + 1) for r in range(3)]
    tickets = [make_ticket("mlp", k, 0.3 + 0.2 * i) for i, k in enumerate(draws)]
    stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *tickets)
    counted = count_traces(control)
    together = jax.jit(jax.vmap(counted))(jnp.stack(draws), stacked)
    for i, (draw, ticket) in enumerate(zip(draws, tickets, strict=True)):
        # Bits of masks; weights to rounding, as a fused program may round differently.
        alone = control(draw, ticket)
        lane = tree.take(together, i)
        tree_close(lane.mask, alone.mask)
        tree_close(lane, alone, rtol=1e-6, atol=1e-7)
    assert counted.traces == 1


@each_control
def test_a_draw_decides_a_control(kind, key):
    ticket, control = make_ticket("mlp", key), control_of(kind, "mlp")
    draws = [derive(key, 0, Stream.NOISY_INIT, draw) for draw in (0, 1)]
    tree_close(control(draws[0], ticket), control(draws[0], ticket))
    first, second = (control(draw, ticket) for draw in draws)
    assert trees_differ(first, second)


# Keys


def test_keys_are_distinct_and_depend_on_their_own_numbers_only(key):
    def table(replicates, draws):
        return {
            (r, stream, d): tuple(
                jax.random.key_data(derive(key, r, stream, d)).tolist()
            )
            for r in range(replicates)
            for stream in Stream
            for d in range(draws)
        }

    small, large = table(2, 2), table(3, 4)
    assert {name: large[name] for name in small} == small
    assert len(set(large.values())) == len(large)


def test_every_control_has_a_stream_of_its_own():
    streams = [entry.stream for entry in CONTROLS.values()]
    assert len(set(streams)) == len(streams)
    others = {Stream.INIT, Stream.ORDER, Stream.NOISE, Stream.AUGMENT}
    others |= {Stream.SCORE, Stream.SCORE_BATCH, Stream.NAMED_CONTROL}
    assert others | set(streams) == set(Stream) and not others & set(streams)


def test_stream_numbers_are_results():
    """Streams are only ever appended: a changed number changes every stored run."""
    names = ["INIT", "ORDER", "NOISE", "RANDOM_REINIT", "SHUFFLE_MASK", "AUGMENT"]
    names += ["KEEP_SIGN", "PERMUTE_INIT", "RESAMPLE_INIT", "NOISY_INIT"]
    names += ["SCORE", "SCORE_BATCH", "NAMED_CONTROL"]
    found = {stream.name: int(stream) for stream in keys.Stream}
    assert found == {name: number for number, name in enumerate(names)}


# Criteria


@pytest.mark.parametrize("criterion", CRITERIA.values(), ids=CRITERIA)
def test_criteria_ignore_the_names_of_units(criterion, key):
    """Permuting the hidden units of a network permutes its scores alike."""
    params, state = started(built("mlp"), key)
    mask = random_mask(key, params)
    order = jax.random.permutation(jax.random.key(3), 5)

    def relabel(like):
        flat = tree.flatten(like)
        flat["Dense_0/kernel"] = flat["Dense_0/kernel"][:, order]
        flat["Dense_0/bias"] = flat["Dense_0/bias"][order]
        flat["Dense_1/kernel"] = flat["Dense_1/kernel"][order]
        return tree.unflatten(like, flat)

    data = blobs(8)
    init = jax.tree.map(lambda p: 0.5 * p + 0.1, params)

    @jax.jit
    def score(*changed):
        return criterion.score(Evidence(*changed, state, data, key))

    scores = score(params, init, mask)
    assert jax.tree.structure(scores) == jax.tree.structure(params)
    for path, leaf in tree.flatten(scores).items():
        assert leaf.shape == tree.flatten(params)[path].shape
        assert jnp.isfinite(leaf).all()
    assert trees_differ(scores, relabel(scores)), "the relabelling moves something"
    tree_close(score(*map(relabel, (params, init, mask))), relabel(scores), rtol=1e-6)


def test_magnitude_is_of_the_final_weights():
    evidence = Evidence({"w": jnp.array([[-3.0, 2.0]])}, {"w": jnp.zeros((1, 2))}, None)
    assert CRITERIA["magnitude"].score(evidence)["w"].tolist() == [[3.0, 2.0]]


def test_initial_magnitude_is_of_the_initial_weights():
    init = {"w": jnp.array([[-3.0, 2.0]])}
    evidence = Evidence({"w": jnp.full((1, 2), jnp.nan)}, init, None)
    assert CRITERIA["initial_magnitude"].score(evidence)["w"].tolist() == [[3.0, 2.0]]
