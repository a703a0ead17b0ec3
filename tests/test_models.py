"""Networks, and the adapters for a user's own."""

import dataclasses
import itertools
import math

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from helpers import (
    CLASSES,
    FEATURES,
    Known,
    built,
    random_mask,
    ready,
    splits,
    started,
    tree_close,
    trees_differ,
)

from lth_jax import models, tree
from lth_jax.config import Config, ModelConfig, PlanConfig, PruneConfig, TrainConfig
from lth_jax.errors import InputError
from lth_jax.models import SlowConvolutionWarning, conv_general_dilated
from lth_jax.study.find import find_ticket
from lth_jax.study.level import Parent
from lth_jax.study.study import make_study
from lth_jax.tickets import masks
from lth_jax.tickets.counts import level_counts
from lth_jax.training.loop import Fixed, check_fits, make_trainer
from lth_jax.training.optim import hyper
from lth_jax.types import LayerInfo, Ticket

# LeNet


def test_lenet_has_266_610_weights_of_which_266_200_are_prunable(key):
    model = models.build(ModelConfig(), (28, 28, 1), 10)
    params, state = jax.eval_shape(model.init, key)
    assert sum(leaf.size for leaf in jax.tree.leaves(params)) == 266_610
    assert sum(math.prod(info.shape) for info in model.layers.values()) == 266_200
    assert state == {}
    kinds = {path: info.kind for path, info in model.layers.items()}
    assert kinds == {
        "Dense_0/kernel": "dense",
        "Dense_1/kernel": "dense",
        "Dense_2/kernel": "output",
    }
    rows = {row["name"]: row for row in models.listed()}
    assert rows["lenet"] == {"name": "lenet", "parameters": 266610, "prunable": 266200}


def test_lenet_starts_glorot_with_zero_biases(key):
    params, _ = jax.jit(models.lenet((28, 28, 1)).init)(key)
    for path, leaf in tree.flatten(params).items():
        if path.endswith("bias"):
            assert not np.asarray(leaf).any(), path
            continue
        std = math.sqrt(2 / sum(leaf.shape))
        standard_error = 1 / math.sqrt(2 * leaf.size)
        assert np.std(leaf) == pytest.approx(std, rel=4 * standard_error), path
        assert abs(np.mean(leaf)) < 4 * std / math.sqrt(leaf.size), path
        # A normal distribution cut at two standard deviations (of 0.88 before the cut).
        largest = np.abs(leaf).max() / std  # a uniform one would end at 1.73
        assert 2 < largest <= 2 / 0.87962566 * (1 + 1e-6), path


def test_gaussian_weights_have_one_deviation_in_all_layers(key):
    """Independent from layer to layer; what cannot be pruned begins as before."""
    plain = models.lenet((28, 28, 1), widths=(300, 300, 300))
    before, _ = jax.jit(plain.init)(key)
    params, _ = jax.jit(models.gaussian(plain, 0.1).init)(key)
    size = {}
    for path, leaf in tree.flatten(params).items():
        if leaf.ndim < 2:
            tree_close(leaf, tree.flatten(before)[path])
            continue
        size[path] = np.asarray(leaf, np.float64).ravel()
        assert size[path].std() == pytest.approx(0.1, rel=4 / (2 * leaf.size) ** 0.5)
        assert abs(size[path].mean()) < 4 * 0.1 / leaf.size**0.5, path
        # As Glorot's: cut at two standard deviations (of 0.88 before the cut).
        assert 0.2 < abs(size[path]).max() <= 0.1 * 2 / 0.87962566 * (1 + 1e-6)
    one, other = size["Dense_1/kernel"], size["Dense_2/kernel"]
    assert abs(np.corrcoef(one, other)[0, 1]) < 4 / one.size**0.5


def test_gaussian_weights_scale_with_a_traced_deviation(key):
    """Also side by side; norms and model state begin as before."""
    plain = built("conv_net")

    def init(std, key):
        return models.gaussian(plain, std).init(key)

    stds = jnp.array([0.1, 0.4])
    several, state = jax.jit(jax.vmap(init, (0, None)))(stds, key)
    before, known = started(plain, key)
    tree_close(tree.take(state, 0), tree.to_host(known))
    for path, leaf in tree.flatten(several).items():
        if leaf.ndim > 2:
            np.testing.assert_allclose(4 * leaf[0], leaf[1], rtol=1e-6)
            assert (leaf[0] != tree.flatten(before)[path]).all()
        else:
            tree_close(leaf[1], tree.flatten(before)[path])
    alone, _ = jax.jit(init)(0.4, key)
    # A program of its own rounds on its own, which the least weights show most.
    tree_close(alone, tree.take(several, 1), rtol=1e-6, atol=4e-8)


def test_a_config_says_how_large_the_initial_weights_are(key):
    shape = (FEATURES,)
    config = ModelConfig(widths=(5,), init_std=0.3)
    model = models.build(config, shape, CLASSES)
    expected = models.gaussian(models.lenet(shape, CLASSES, (5,)), 0.3)
    tree_close(started(model, key), started(expected, key))
    assert model.layers == expected.layers
    # A float that is given as a whole number may be larger than an int64.
    whole = models.build(dataclasses.replace(config, init_std=10**30), shape, CLASSES)
    expected = models.gaussian(models.lenet(shape, CLASSES, (5,)), 1e30)
    tree_close(started(whole, key), started(expected, key))


def test_lenet_depends_on_the_key_only(key):
    init = jax.jit(models.lenet((FEATURES,), 3, (5,)).init)
    tree_close(init(key), init(jax.random.key(0)))
    assert trees_differ(init(key)[0], init(jax.random.key(1))[0])


@pytest.mark.parametrize("widths", [(), (7,), (7, 5, 3)])
def test_lenet_of_other_widths(widths, key):
    model = models.lenet((2, 3), 4, widths)
    sizes = [6, *widths, 4]
    assert [info.shape for info in model.layers.values()] == list(
        itertools.pairwise(sizes)
    )
    assert model.layers[f"Dense_{len(widths)}/kernel"].kind == "output"
    begun = jax.eval_shape(model.init, key)
    x = jnp.ones((5, 2, 3))
    apply = lambda params, state: model.apply(params, state, x, True, key)  # noqa: E731
    logits, _ = jax.eval_shape(apply, *begun)
    assert logits.shape == (5, 4)


# The three adapters give the same training

WIDTHS = (5, 4)


class NnxLenet(nnx.Module):
    def __init__(self, rngs: nnx.Rngs):
        self.first = nnx.Linear(FEATURES, WIDTHS[0], rngs=rngs)
        self.second = nnx.Linear(*WIDTHS, rngs=rngs)
        self.third = nnx.Linear(WIDTHS[1], CLASSES, rngs=rngs)

    def __call__(self, x):
        return self.third(nnx.relu(self.second(nnx.relu(self.first(x)))))


def plain_lenet() -> models.Model:
    def init(key):
        sizes = (FEATURES, *WIDTHS, CLASSES)
        shapes = itertools.pairwise(sizes)
        return [(jax.random.normal(key, s), jnp.zeros(s[1])) for s in shapes], {}

    def apply(params, state, x, train, key):
        *hidden, (last, offset) = params
        for kernel, bias in hidden:
            x = jnp.maximum(x @ kernel + bias, 0)
        return x @ last + offset, state

    return models.from_functions(init, apply, output="2/0")


ADAPTED = {
    "linen": lambda: models.lenet((FEATURES,), CLASSES, WIDTHS),
    "nnx": lambda: models.from_nnx(NnxLenet, (FEATURES,), output="third/kernel"),
    "functions": plain_lenet,
}


def by_shape(tree_):
    leaves = {leaf.shape: leaf for leaf in jax.tree.leaves(tree_)}
    assert len(leaves) == len(jax.tree.leaves(tree_)), "shapes are unique"
    return leaves


def like_in_shape(like, source):
    leaves = by_shape(source)
    return jax.tree.map(lambda p: leaves[p.shape], like)


def train(model, ticket, config, data):
    trainer = make_trainer(model, config)
    random = [jax.random.key(i) for i in range(len(Fixed._fields) - 4)]
    values = hyper(config)
    fixed = Fixed(ticket.clock, values, ticket.filled, 0, *random)
    state = trainer.start(ticket, values)
    steps = config.steps
    return jax.jit(trainer.advance)(state, fixed, (), data, steps, 0, steps)


@pytest.mark.long
def test_one_lenet_through_three_adapters_trains_alike(x64, key):
    config = TrainConfig(steps=20, batch_size=8, eval_every=10)
    data = splits(dtype=np.float64)
    first = ADAPTED["linen"]()
    weights = jax.tree.map(lambda p: p.astype(jnp.float64) + 0.01, first.init(key)[0])
    mask = random_mask(key, weights, 0.7)
    outcomes = {}
    for name, make in ADAPTED.items():
        model = make()
        like, state = model.init(key)
        ticket = Ticket(
            like_in_shape(like, weights), like_in_shape(like, mask), state, jnp.int32(0)
        )
        outcomes[name] = train(model, ticket, config, data)
    final, curve = outcomes["linen"]
    start = by_shape(weights)
    for shape, leaf in by_shape(final.params).items():
        assert leaf.dtype == jnp.float64
        assert not np.allclose(leaf, start[shape]), "it trains"
    for other, other_curve in (outcomes["nnx"], outcomes["functions"]):
        for shape, leaf in by_shape(final.params).items():
            difference = jnp.abs(leaf - by_shape(other.params)[shape]).max()
            assert difference < 1e-10, shape
        tree_close(other_curve, curve, atol=1e-10)


# State and randomness of the user's modules


class LinenNoisy(nn.Module):
    @nn.compact
    def __call__(self, x, train):
        x = nn.BatchNorm(use_running_average=not train, momentum=0.9)(nn.Dense(8)(x))
        return nn.Dense(CLASSES)(nn.Dropout(0.5, deterministic=not train)(x))


class NnxNoisy(nnx.Module):
    def __init__(self, rngs: nnx.Rngs):
        self.first = nnx.Linear(FEATURES, 8, rngs=rngs)
        self.norm = nnx.BatchNorm(8, momentum=0.9, rngs=rngs)
        self.dropout = nnx.Dropout(0.5, rngs=rngs)
        self.last = nnx.Linear(8, CLASSES, rngs=rngs)

    def __call__(self, x):
        return self.last(self.dropout(self.norm(self.first(x))))


NOISY = {
    "linen": lambda: models.from_linen(
        LinenNoisy(), (FEATURES,), output="Dense_1/kernel"
    ),
    "nnx": lambda: models.from_nnx(NnxNoisy, (FEATURES,), output="last/kernel"),
}
each_noisy = pytest.mark.parametrize("make", NOISY.values(), ids=NOISY)
FIRST = {"linen": "Dense_0", "nnx": "first"}


@each_noisy
def test_batch_norm_and_dropout(make, key):
    model = make()
    apply = jax.jit(model.apply, static_argnums=3)
    params, state = jax.jit(model.init)(key)
    x = jax.random.normal(key, (16, FEATURES)) + 3
    keys = jax.random.split(key, 2)

    logits, moved = apply(params, state, x, True, keys[0])
    again, _ = apply(params, state, x, True, keys[0])
    other, moved_too = apply(params, state, x, True, keys[1])
    np.testing.assert_array_equal(logits, again)
    assert not np.allclose(logits, other), "dropout draws from the key"
    tree_close(moved, moved_too)  # dropout follows the norm
    assert jax.tree.structure(moved) == jax.tree.structure(state)

    name = next(name for name in FIRST.values() if name in params)
    hidden = x @ params[name]["kernel"] + params[name]["bias"]
    flat = {path.split("/")[-1]: leaf for path, leaf in tree.flatten(moved).items()}
    assert set(flat) == {"mean", "var"}
    np.testing.assert_allclose(flat["mean"], 0.1 * hidden.mean(0), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(flat["var"], 0.9 + 0.1 * hidden.var(0), rtol=1e-4)

    calm, same = apply(params, moved, x, False, keys[0])
    calm_too, _ = apply(params, moved, x, False, keys[1])
    tree_close(same, moved)
    np.testing.assert_array_equal(calm, calm_too)
    fresh, _ = apply(params, state, x, False, keys[0])
    assert not np.allclose(calm, fresh), "inference reads the running statistics"


@each_noisy
def test_scales_and_biases_are_not_prunable(make):
    assert len(make().layers) == 2


class TwoDropouts(nnx.Module):
    def __init__(self, rngs: nnx.Rngs):
        self.unused = nnx.Linear(2, 2, rngs=rngs)
        stream = rngs.noise if "noise" in rngs else rngs.dropout
        self.one = nnx.Dropout(0.5, rngs=stream)
        self.other = nnx.Dropout(0.5, rngs=stream)

    def __call__(self, x):
        return jnp.concatenate([self.one(x), self.other(x)], axis=-1)


@pytest.mark.parametrize("stream", ["dropout", "noise"])
def test_nnx_dropout_layers_draw_apart_and_anew(stream, key):
    model = models.from_nnx(
        lambda rngs: TwoDropouts(nnx.Rngs(params=rngs.params(), **{stream: 3})),
        (64,),
        output=None,
    )
    params, state = model.init(key)
    apply = jax.jit(model.apply, static_argnums=3)
    x = jnp.ones((1, 64))
    both = apply(params, state, x, True, key)[0]
    one, other = jnp.split(both, 2, axis=-1)
    assert (one != other).any()
    again = apply(params, state, x, True, jax.random.key(9))[0]
    assert (again[:, :64] != one).any()
    assert state == {}, "rng streams are no state: nothing to store or rewind"


@each_noisy
def test_noisy_networks_go_through_the_whole_method(make):
    config = Config(
        replicates=1,
        reinits=1,
        train=TrainConfig(steps=3, batch_size=8),
        prune=PruneConfig(levels=1),
        plan=PlanConfig(devices=1),
    )
    levels = list(find_ticket(make(), splits(), config))
    assert [level.status for level in levels] == [("ok",), ("ok", "ok")]


# Errors


def one_axis(key):
    return {"bias": jnp.zeros(3)}, {}


def apply_nothing(params, state, x, train, key):
    return x, state


def test_a_model_without_prunable_layers_is_refused():
    with pytest.raises(InputError, match=r"no prunable layer.*\['bias'\]"):
        models.from_functions(one_axis, apply_nothing, output=None)


@pytest.mark.parametrize("wrong", ["Dense_2/kernel", "bias"])
def test_a_wrong_output_path_is_refused(wrong):
    with pytest.raises(InputError, match=rf"^output names '{wrong}'.*Known: kernel"):
        models.from_linen(nn.Dense(3), (4,), output=wrong)


def two_layers(key):
    return {"hidden": {"kernel": jnp.ones((4, 4))}, "head": jnp.ones((4, 3))}, {}


def test_the_nearest_path_is_suggested():
    with pytest.raises(InputError, match="did you mean 'hidden/kernel'"):
        models.from_functions(two_layers, apply_nothing, output="hiden/kernel")
    with pytest.raises(InputError, match="did you mean 'hidden/kernel'"):
        models.from_functions(
            two_layers, apply_nothing, output="head", kinds={"hidden/kernels": "conv"}
        )


def test_kinds_are_stated_by_path():
    model = models.from_functions(
        two_layers, apply_nothing, output=None, kinds={"hidden/kernel": "shortcut"}
    )
    kinds = {path: info.kind for path, info in model.layers.items()}
    assert kinds == {"hidden/kernel": "shortcut", "head": "dense"}


# Convolution: the form itself is tested in test_conv

REMEDY = "conv_general_dilated=lth_jax.models.conv_general_dilated"


class LinenConv(nn.Module):
    form: object = None

    @nn.compact
    def __call__(self, x):
        x = nn.Conv(2, (3, 3), conv_general_dilated=self.form)(x)
        return nn.Dense(CLASSES)(x.reshape(x.shape[0], -1))


class NnxConv(nnx.Module):
    def __init__(self, form, rngs: nnx.Rngs):
        more = {} if form is None else {"conv_general_dilated": form}
        self.conv = nnx.Conv(1, 2, (3, 3), rngs=rngs, **more)
        self.head = nnx.Linear(32, CLASSES, rngs=rngs)

    def __call__(self, x):
        x = self.conv(x)
        return self.head(x.reshape(x.shape[0], -1))


CONVOLVING = {
    "linen": lambda form: models.from_linen(
        LinenConv(form), (4, 4, 1), output="Dense_0/kernel"
    ),
    "nnx": lambda form: models.from_nnx(
        lambda rngs: NnxConv(form, rngs), (4, 4, 1), output="head/kernel"
    ),
}


@pytest.mark.skipif(jax.default_backend() != "cpu", reason="it is slow on CPU only")
@pytest.mark.parametrize("make", CONVOLVING.values(), ids=CONVOLVING)
def test_slow_convolutions_are_warned_about_and_the_remedy_is_not(make, key):
    with pytest.warns(SlowConvolutionWarning, match=REMEDY) as caught:
        slow = make(None)
    assert caught[0].filename == __file__, "the warning points to the user's line"
    fast = make(conv_general_dilated)  # a warning would be an error
    assert {info.kind for info in fast.layers.values()} == {"conv", "output"}
    params, state = started(fast, key)
    x = jax.random.normal(key, (3, 4, 4, 1))
    logits = (
        jax.jit(model.apply, static_argnums=3)(params, state, x, True, key)[0]
        for model in (fast, slow)
    )
    tree_close(*logits, rtol=1e-5, atol=1e-6)


# Once is enough


@pytest.mark.skipif(jax.default_backend() != "cpu", reason="it is slow on CPU only")
@pytest.mark.parametrize("make", CONVOLVING.values(), ids=CONVOLVING)
def test_slow_convolutions_are_warned_about_once(make):
    with pytest.warns(SlowConvolutionWarning) as caught:
        slow = make(None)
        data = splits((4, 4, 1))
        check_fits(slow, TrainConfig(batch_size=4), data.train, data.n_classes)
    assert len(caught) == 1


# Layers that a leaf stacks, and kinds


class Block(nn.Module):
    @nn.compact
    def __call__(self, x, _):
        h = nn.relu(nn.Dense(16)(nn.LayerNorm()(x)))
        h = nn.MultiHeadDotProductAttention(2)(h[:, None])[:, 0]
        gain = self.param("gain", nn.initializers.ones, (16,))
        return x + gain * h, None


class Scanned(nn.Module):
    """Blocks in a scan, from a jitted layer to a head for each of two answers."""

    axis: int = 0

    @nn.compact
    def __call__(self, x):
        x = nn.jit(nn.Dense)(16, name="first")(x)
        scanned = nn.scan(
            nn.remat(Block),
            variable_axes={"params": self.axis},
            split_rngs={"params": True},
            length=3,
        )
        x, _ = scanned(name="blocks")(x, None)
        heads = nn.vmap(
            nn.Dense,
            variable_axes={"params": 0},
            split_rngs={"params": True},
            in_axes=None,
            axis_size=2,
        )
        return heads(CLASSES, name="heads")(x).sum(0)


SCANNED = {
    "blocks/Dense_0/kernel": LayerInfo("dense", (3, 16, 16), 1),
    "blocks/MultiHeadDotProductAttention_0/key/kernel": LayerInfo(
        "dense", (3, 16, 2, 8), 1
    ),
    "blocks/MultiHeadDotProductAttention_0/out/kernel": LayerInfo(
        "dense", (3, 2, 8, 16), 1
    ),
    "blocks/MultiHeadDotProductAttention_0/query/kernel": LayerInfo(
        "dense", (3, 16, 2, 8), 1
    ),
    "blocks/MultiHeadDotProductAttention_0/value/kernel": LayerInfo(
        "dense", (3, 16, 2, 8), 1
    ),
    "first/kernel": LayerInfo("dense", (FEATURES, 16)),
    "heads/kernel": LayerInfo("output", (2, 16, CLASSES), 1),
}


def test_the_layers_of_a_scan_are_found(key):
    for _ in range(2):  # also where a jitted layer has been traced before
        model = models.from_linen(Scanned(), (FEATURES,), output="heads/kernel")
        assert dict(model.layers) == SCANNED
    params, _ = started(model, key)
    n_keep = level_counts(model.layers, PruneConfig(rate=0.5, levels=1))[1]

    @jax.jit
    def pruned(params):
        scores, dense = jax.tree.map(jnp.abs, params), masks.ones(params)
        kept = masks.prune(scores, dense, n_keep, prunable=model.layers)
        return kept, masks.layer_counts(kept, model.layers)

    kept, counts = tree.to_host(pruned(params))
    assert counts["blocks/Dense_0/kernel"].tolist() == [128] * 3
    assert counts["heads/kernel"].tolist() == [36] * 2, "output: half of the rate"
    for path, leaf in tree.flatten(kept).items():
        assert leaf.all() != (path in model.layers), path


@pytest.mark.long
def test_a_scanned_network_goes_through_the_whole_method():
    model = models.from_linen(Scanned(), (FEATURES,), output="heads/kernel")
    config = Config(
        replicates=2,
        reinits=1,
        shuffles=1,
        train=TrainConfig(steps=2, batch_size=8),
        prune=PruneConfig(levels=1, rate=0.5),
    )
    *_, level = find_ticket(model, splits(), config)
    counts = jax.vmap(lambda m: masks.layer_counts(m, model.layers))(level.masks)
    assert counts["blocks/Dense_0/kernel"].tolist() == [[128] * 3] * 2
    for lane in range(len(level.ids)):
        mask = tree.take(level.tickets.mask, lane)
        found = masks.layer_counts(mask, model.layers)["blocks/Dense_0/kernel"]
        assert found.tolist() == [128] * 3, level.ids[lane]


def test_layers_stacked_along_another_axis_are_refused():
    with pytest.raises(InputError, match=r"not along its first axis.*'params': 0"):
        models.from_linen(Scanned(axis=1), (FEATURES,), output="heads/kernel")


def looped(key):
    blocks = {"kernel": jnp.ones((3, 4, 4)), "gain": jnp.ones((3, 4))}
    return {"blocks": blocks, "head": {"kernel": jnp.ones((4, 2))}}, {}


@pytest.mark.parametrize("stacked", [["blocks"], {"blocks": 1}, {"blocks/kernel": 1}])
def test_stacks_of_functions_are_stated(stacked):
    def make(**more):
        return models.from_functions(looped, apply_nothing, output=None, **more).layers

    layers = make(stacked=stacked)
    assert layers["blocks/kernel"] == LayerInfo("dense", (3, 4, 4), 1)
    assert layers["head/kernel"] == LayerInfo("dense", (4, 2))
    known = stacked != {"blocks/kernel": 1}
    assert ("blocks/gain" in layers) != known, "a vector of each is no matrix of all"


@pytest.mark.parametrize(
    ("stacked", "message"),
    [
        (["block"], "^stacked names 'block'.*did you mean 'blocks/"),
        ("blocks", r"^stacked is 'blocks': give a list, \['blocks'\]"),
        ({"blocks": 4}, r"^stacked gives 'blocks/gain' 4 axes.*\(3, 4\)"),
        ({"blocks": -1}, "^stacked gives 'blocks/gain' -1 axes"),
    ],
)
def test_stacks_that_there_are_not_are_refused(stacked, message):
    with pytest.raises(InputError, match=message):
        models.from_functions(looped, apply_nothing, output=None, stacked=stacked)


def test_who_makes_a_model_says_what_can_be_pruned():
    def make(prunable):
        return set(
            models.from_functions(
                looped, apply_nothing, output=None, prunable=prunable
            ).layers
        )

    assert make(None) == {"blocks/gain", "blocks/kernel", "head/kernel"}
    assert make(["head/kernel"]) == {"head/kernel"}
    assert make(lambda path, leaf: leaf.ndim == 3) == {"blocks/kernel"}
    with pytest.raises(InputError, match=r"^prunable names 'head', which is no leaf"):
        make(["head"])
    nnx_model = models.from_nnx(
        NnxLenet, (FEATURES,), output=None, prunable=["first/kernel"]
    )
    linen = models.from_linen(
        nn.Dense(3), (4,), output=None, prunable=lambda path, _: True
    )
    assert set(nnx_model.layers) == {"first/kernel"}
    assert set(linen.layers) == {"kernel", "bias"}


def test_a_study_prunes_what_its_model_says():
    """Also its controls."""
    model = built("mlp")
    only = {p: info for p, info in model.layers.items() if p == "Dense_0/kernel"}
    config = Config(
        replicates=1, shuffles=1, keep_signs=1, prune=PruneConfig(levels=1, rate=0.5)
    )
    study = make_study(model._replace(layers=only), config)
    dense = jax.vmap(masks.ones)(study.start.params)
    level = ready(study, 1, Known(_0=Parent(dense, study.start, np.array([True]))))
    assert len(level.ids) == 3
    for path, leaf in tree.flatten(level.tickets.mask).items():
        assert leaf.all() != (path in only), path


@pytest.mark.parametrize(
    ("path", "shape", "stacked", "kind"),
    [
        ("a/kernel", (3, 3, 8, 16), {}, "conv"),
        ("a/kernel", (3, 8, 16), {}, "dense"),
        ("query/kernel", (16, 2, 8), {}, "dense"),
        ("Conv_0/kernel", (3, 8, 16), {}, "conv"),
        ("conv1d/kernel", (3, 8, 16), {}, "conv"),
        ("Conv_0/kernel", (8, 16), {}, "dense"),
        ("a/kernel", (5, 3, 8, 16), {"a": 1}, "dense"),
        ("conv/kernel", (5, 3, 8, 16), {"conv": 1}, "conv"),
        ("a/kernel", (5, 3, 3, 8, 16), {"a": 1}, "conv"),
    ],
)
def test_convolutions_are_known_by_axes_and_path(path, shape, stacked, kind):
    init = lambda key: (tree.unflatten(*nested(path, jnp.ones(shape))), {})  # noqa: E731
    model = models.from_functions(init, apply_nothing, output=None, stacked=stacked)
    assert model.layers[path].kind == kind


def nested(path, leaf):
    outer, inner = path.split("/")
    return {outer: {inner: 0}}, {path: leaf}


class Wide(nn.Module):
    @nn.compact
    def __call__(self, x):
        x = nn.DenseGeneral((2, 2))(x.reshape(x.shape[0], 2, 2))
        x = nn.DenseGeneral((2, 3), axis=(-2, -1))(
            x.reshape(x.shape[0], 2, 2, -1)[:, 0]
        )
        return nn.Conv(1, (2,), name="last", conv_general_dilated=slow_free)(
            x.reshape(x.shape[0], 6, 1)
        )[..., 0][:, :CLASSES]


def slow_free(x, kernel, *_, **__):
    return x * kernel.sum()


def test_linen_modules_say_whether_they_convolve():
    model = models.from_linen(Wide(), (4,), output=None)
    kinds = {path: info.kind for path, info in model.layers.items()}
    assert kinds == {
        "DenseGeneral_0/kernel": "dense",
        "DenseGeneral_1/kernel": "dense",
        "last/kernel": "conv",
    }
    assert len(model.layers["DenseGeneral_1/kernel"].shape) == 4


# What many type first


class NoLogits(nn.Module):
    @nn.compact
    def __call__(self, x):
        return nn.Dense(3)(x).mean()


class NnxNeedsMore(nnx.Module):
    def __init__(self, width, *, rngs):
        self.head = nnx.Linear(width, 3, rngs=rngs)


class Mistyped(nn.Module):
    @nn.compact
    def __call__(self, x):
        return nn.Dense(3)(x) + jnp.ones(5)


def linen(module, shape, output="kernel"):
    return lambda: models.from_linen(module, shape, output=output)


def nnx_of(make, shape=(FEATURES,)):
    return lambda: models.from_nnx(make, shape, output="third/kernel")


def functions(init, apply, **more):
    return lambda: models.from_functions(init, apply, output=None, **more)


MISTAKES = {
    "a batch axis": (linen(nn.Dense(3), (1, 8)), r"\(1, 1, 3\) .*without a batch axis"),
    "an int": (linen(nn.Dense(3), 8), r"^input_shape is 8: give a tuple, \(8,\)"),
    "an int for nnx": (nnx_of(NnxLenet, 8), "^input_shape is 8"),
    "an array": (linen(nn.Dense(3), (8.0,)), "^input_shape is .* tuple of ints"),
    "a class": (linen(LinenConv, (4,)), r"class LinenConv: give an instance"),
    "nnx": (
        linen(nnx.Linear(2, 3, rngs=nnx.Rngs(0)), (2,)),
        r"^Linear is an NNX module: use from_nnx.*lambda rngs: Linear\(",
    ),
    "an nnx class": (linen(NnxLenet, (2,)), "^NnxLenet is an NNX module"),
    "a function": (linen(lambda x: x, (2,)), "from_linen takes a Linen module"),
    "linen": (nnx_of(nn.Dense(3)), "^Dense is a Linen module: use from_linen"),
    "a linen class": (nnx_of(nn.Dense), "^Dense is a Linen module"),
    "an nnx instance": (
        nnx_of(NnxLenet(nnx.Rngs(0))),
        r"^make_module is an instance of NnxLenet.*lambda rngs: NnxLenet\(rngs=rngs\)",
    ),
    "an nnx class that needs more": (
        nnx_of(NnxNeedsMore),
        r"^make_module\(rngs\) raises TypeError: .*lambda rngs",
    ),
    "nothing": (nnx_of(lambda rngs: None), r"returns NoneType: it must return an NNX"),
    "no function": (nnx_of(3), "^make_module is 3: give a function"),
    "no logits": (linen(NoLogits(), (4,), None), r"returns \(\) for a batch of one"),
    "what jax says": (linen(Mistyped(), (4,)), "cannot be initialised: .*one example"),
    "no state": (
        functions(lambda key: {"w": 1}, apply_nothing),
        "returns dict: .*state",
    ),
    "logits alone": (
        functions(two_layers, lambda p, s, x, train, key: x, input_shape=(4,)),
        r"^apply must return \(logits, new state\)",
    ),
    "no array": (
        functions(two_layers, lambda p, s, x, train, key: (None, s), input_shape=(4,)),
        "^The model returns no array for a batch",
    ),
    "apply raises": (
        functions(two_layers, lambda p, s, x: x, input_shape=(4,)),
        "^The model cannot be applied: TypeError",
    ),
    "init raises": (functions(lambda: 1, apply_nothing), "cannot be initialised: Type"),
}


@pytest.mark.parametrize(("make", "message"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_answered_with_what_to_do(make, message):
    with pytest.raises(InputError, match=message):
        make()
