"""Tiny networks and data, comparisons of trees, and the fields of a config."""

import dataclasses
import functools
import typing
from collections.abc import Callable, Iterator
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from lth_jax import models, tree
from lth_jax.config import Config
from lth_jax.study.level import Level, Parent, Ready, parent_of, trajectory_of
from lth_jax.study.ready import make_ready
from lth_jax.study.study import Study
from lth_jax.training.dataset import Dataset, Splits
from lth_jax.types import Model

FEATURES, CLASSES = 6, 3
IMAGE = (6, 6, 1)


def linear() -> Model:
    """One matrix and one bias, from plain functions."""

    def init(key):
        weight = jax.random.normal(key, (FEATURES, CLASSES))
        return {"w": weight, "b": jnp.zeros(CLASSES)}, {}

    def apply(params, state, x, train, key):
        return x @ params["w"] + params["b"], state

    return models.from_functions(init, apply, output="w")


def mlp() -> Model:
    """LeNet with hidden layers of five and four units."""
    return models.lenet((FEATURES,), CLASSES, widths=(5, 4))


class ConvNet(nn.Module):
    """Convolution, batch norm, global mean, linear output."""

    @nn.compact
    def __call__(self, x, train):
        form = models.conv_general_dilated
        x = nn.Conv(4, (3, 3), use_bias=False, conv_general_dilated=form)(x)
        x = nn.BatchNorm(use_running_average=not train, momentum=0.9)(x)
        return nn.Dense(CLASSES)(nn.relu(x).mean(axis=(1, 2)))


def conv_net() -> Model:
    return models.from_linen(ConvNet(), IMAGE, output="Dense_0/kernel")


MODELS: dict[str, tuple[Callable[[], Model], tuple[int, ...]]] = {
    "linear": (linear, (FEATURES,)),
    "mlp": (mlp, (FEATURES,)),
    "conv_net": (conv_net, IMAGE),
}
"""Name -> (maker, shape of one example)."""


@functools.cache
def built(name: str) -> Model:
    """Return the same Model each time, so that its functions compile once."""
    return MODELS[name][0]()


def started(model: Model, key: jax.Array) -> tuple[Any, Any]:
    """Return params and state, drawn by one compiled program."""
    return jax.jit(model.init)(key)


def blobs(n: int, shape=(FEATURES,), seed: int = 0, dtype: Any = np.float32) -> Dataset:
    """Return ``n`` examples of three well separated Gaussian classes."""
    centres = np.random.default_rng(1234).normal(size=(CLASSES, *shape)) * 2
    rng = np.random.default_rng(seed)
    y = rng.integers(CLASSES, size=n)
    x = centres[y] + rng.normal(size=(n, *shape)) * 0.3
    return Dataset(jnp.asarray(x.astype(dtype)), jnp.asarray(y.astype(np.int32)))


def splits(shape=(FEATURES,), dtype: Any = np.float32) -> Splits:
    """Return 40 training, 12 validation and 14 test examples of `blobs`."""
    sizes = {"train": 40, "validation": 12, "test": 14}
    parts = [blobs(n, shape, i, dtype) for i, n in enumerate(sizes.values())]
    return Splits(*parts, CLASSES)


class Known:
    """What a study remembers, made up or of levels that are trained."""

    def __init__(self, *levels: Level, **parents: Parent) -> None:
        self.parents = {level.number: parent_of(level) for level in levels}
        self.parents |= {int(name.strip("_")): one for name, one in parents.items()}
        self.dense = trajectory_of(levels[0]) if levels else {}

    def parent(self, number: int) -> Parent:
        return self.parents[number]

    def trajectory(self) -> dict:
        return self.dense


def ready(study: Study, number: int, memory: Known | None = None) -> Ready:
    """Return a level as it is before it trains."""
    return make_ready(study, study.plan[number], memory or Known(), {})


@jax.jit
def random_mask(key: jax.Array, params: Any, density: float = 0.5) -> Any:
    """Return a mask: about so much of every prunable leaf, all of the rest."""
    leaves = tree.flatten(params)
    keys = dict(zip(leaves, jax.random.split(key, len(leaves)), strict=True))
    return tree.map_with_path(
        lambda path, p: jnp.asarray(
            jax.random.bernoulli(keys[path], density, p.shape) | (p.ndim < 2)
        ),
        params,
    )


def tree_close(
    actual: Any, expected: Any, atol: float = 0.0, rtol: float = 0.0
) -> None:
    """Assert equal structure, shapes and dtypes, and close values (default: equal)."""
    assert jax.tree.structure(actual) == jax.tree.structure(expected)
    wanted = tree.flatten(expected)
    for path, leaf in tree.flatten(actual).items():
        other = wanted[path]
        assert jnp.result_type(leaf) == jnp.result_type(other), path
        assert jnp.shape(leaf) == jnp.shape(other), path
        if jnp.issubdtype(jnp.result_type(leaf), jax.dtypes.prng_key):
            leaf, other = jax.random.key_data(leaf), jax.random.key_data(other)
        np.testing.assert_allclose(
            np.asarray(leaf), np.asarray(other), rtol=rtol, atol=atol, err_msg=path
        )


def trees_differ(one: Any, other: Any) -> bool:
    """Tell whether any leaf of two trees of one structure differs."""
    same = jax.tree.map(lambda a, b: bool((a == b).all()), one, other)
    return not all(jax.tree.leaves(same))


def count_traces(f: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap a function to be jitted; ``.traces`` of the wrapper counts its traces."""

    @functools.wraps(f)
    def counted(*args: Any, **kwargs: Any) -> Any:
        counted.traces += 1
        return f(*args, **kwargs)

    counted.traces = 0
    return counted


def fields(cls: Any, prefix: str = "", unchanged: bool = False) -> Iterator[Any]:
    """Yield dotted name, type, whether NUMBERS_UNCHANGED, of every leaf field."""
    hints = typing.get_type_hints(cls)
    for f in dataclasses.fields(cls):
        marked = unchanged or not f.metadata.get("fingerprint", True)
        if dataclasses.is_dataclass(hints[f.name]):
            yield from fields(hints[f.name], f"{prefix}{f.name}.", marked)
        else:
            yield prefix + f.name, hints[f.name], marked


def replaced(config: Any, name: str, value: Any) -> Any:
    """Return the config with a field of a dotted name replaced."""
    head, _, rest = name.partition(".")
    if rest:
        value = replaced(getattr(config, head), rest, value)
    return dataclasses.replace(config, **{head: value})


FIELDS = {name: (hint, unchanged) for name, hint, unchanged in fields(Config)}
"""Dotted name of a field of a config -> its type, and whether it changes no number."""
