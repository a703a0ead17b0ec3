"""From a user's Flax Linen module, NNX module or init/apply pair to a `Model`."""

import inspect
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from flax import nnx

from .. import tree
from ..errors import InputError, did_you_mean
from ..tickets.masks import is_prunable
from ..types import Key, Kind, LayerInfo, Model, ModelState, Params


class SlowConvolutionWarning(UserWarning):
    """A network convolves in a form that XLA runs far too slowly in a loop on CPU."""


def from_functions(
    init: Callable[[Key], tuple[Params, ModelState]],
    apply: Callable[..., tuple[jax.Array, ModelState]],
    *,
    output: str | None,
    kinds: Mapping[str, Kind] | None = None,
    input_shape: tuple[int, ...] | None = None,
) -> Model:
    """Make a Model of an init/apply pair.

    Args:
        init: key -> (params, state).
        apply: (params, state, x, train, key) -> (logits, new state).
        output: path of the output layer's kernel, e.g. ``"Dense_2/kernel"``; None if no
            layer is to be pruned at the output layer's rate.
        kinds: kind of other layers by path, e.g. ``{"proj/kernel": "shortcut"}``; the
            rest are "conv" (more than two axes) or "dense".
        input_shape: shape of one example; when given, a network that convolves in a
            way that is slow on CPU is noticed here, else when its training starts.

    Returns:
        The Model. Every leaf with two or more axes is prunable.

    Raises:
        InputError: no leaf is prunable, or ``output`` or ``kinds`` name none.

    Example:
        >>> init = lambda key: ({"w": jax.random.normal(key, (4, 2))}, {})
        >>> apply = lambda params, state, x, train, key: (x @ params["w"], state)
        >>> from_functions(init, apply, output="w").layers
        {'w': LayerInfo(kind='output', shape=(4, 2))}
    """
    params, state = jax.eval_shape(init, jax.random.key(0))
    kernels = {p: leaf for p, leaf in tree.flatten(params).items() if is_prunable(leaf)}
    if not kernels:
        raise InputError(
            "The model has no prunable layer: no parameter has two or more axes;"
            f" its parameters are {list(tree.flatten(params))}."
        )
    named: dict[str, Kind] = dict(kinds or {})
    if output is not None:
        named[output] = "output"
    for path in named:
        if path not in kernels:
            field = "output" if path == output else "kinds"
            raise InputError(
                f"{field} names {path!r}, which is no prunable layer"
                f"{did_you_mean(path, kernels)}"
            )
    layers = {
        path: LayerInfo(
            named.get(path, "conv" if leaf.ndim > 2 else "dense"), tuple(leaf.shape)
        )
        for path, leaf in kernels.items()
    }
    if input_shape is not None:
        warn_of_slow_convolutions(apply, params, state, input_shape)
    return Model(init, apply, layers)


def from_linen(
    module: nn.Module,
    input_shape: tuple[int, ...],
    *,
    output: str | None,
    kinds: Mapping[str, Kind] | None = None,
) -> Model:
    """Make a Model of a Flax Linen module.

    If its ``__call__`` takes ``train``, it is told. All collections other than "params"
    are model state: updated in training, read in inference. Dropout draws from the rng
    stream "dropout".

    Args:
        module: called as ``module(x)`` or ``module(x, train=...)``, returns logits.
        input_shape: shape of one example.
        output: path of the output layer's kernel; None if there is no such layer.
        kinds: see `from_functions`.

    Example:
        >>> from_linen(nn.Dense(3), (4,), output="kernel").layers
        {'kernel': LayerInfo(kind='output', shape=(4, 3))}
    """
    takes_train = "train" in inspect.signature(module.__call__).parameters

    def mode(train: bool) -> dict[str, Any]:
        return {"train": train} if takes_train else {}

    def init(key: Key) -> tuple[Params, ModelState]:
        rngs = {"params": key, "dropout": key}
        variables = module.init(rngs, jnp.zeros((1, *input_shape)), **mode(False))
        state = {name: v for name, v in variables.items() if name != "params"}
        return variables["params"], state

    def apply(params: Params, state: ModelState, x: Any, train: bool, key: Key) -> Any:
        variables = {"params": params, **state}
        if not train:
            return module.apply(variables, x, **mode(False)), state
        return module.apply(
            variables, x, **mode(True), mutable=list(state), rngs={"dropout": key}
        )

    return from_functions(
        init, apply, output=output, kinds=kinds, input_shape=input_shape
    )


def from_nnx(
    make_module: Callable[[nnx.Rngs], nnx.Module],
    input_shape: tuple[int, ...],
    *,
    output: str | None,
    kinds: Mapping[str, Kind] | None = None,
) -> Model:
    """Make a Model of a Flax NNX module.

    ``nnx.Param`` variables are params; all others (batch statistics) are model state,
    but rng streams (dropout): they are seeded anew from the key at every step.

    Args:
        make_module: rngs -> module, e.g. ``lambda rngs: Net(rngs=rngs)``.
        input_shape: shape of one example.
        output: path of the output layer's kernel, e.g. ``"layers/2/kernel"``.
        kinds: see `from_functions`.

    Example:
        >>> make = lambda rngs: nnx.Linear(4, 3, rngs=rngs)
        >>> from_nnx(make, (4,), output="kernel").layers
        {'kernel': LayerInfo(kind='output', shape=(4, 3))}
    """

    def make(key: Key) -> nnx.Module:
        return make_module(nnx.Rngs(key))

    abstract = nnx.eval_shape(lambda: make(jax.random.key(0)))
    graph, params_like, rngs_like, state_like = nnx.split(
        abstract, nnx.Param, nnx.RngState, ...
    )

    def init(key: Key) -> tuple[Params, ModelState]:
        _, params, _, state = nnx.split(make(key), nnx.Param, nnx.RngState, ...)
        return nnx.to_pure_dict(params), nnx.to_pure_dict(state)

    def apply(params: Params, state: ModelState, x: Any, train: bool, key: Key) -> Any:
        module = nnx.merge(
            graph,
            _filled(params_like, params),
            _filled(rngs_like, _seeds(nnx.to_pure_dict(rngs_like), key)),
            _filled(state_like, state),
        )
        if not train:
            module.eval()
            return module(x), state
        module.train()
        logits = module(x)
        _, _, _, state = nnx.split(module, nnx.Param, nnx.RngState, ...)
        return logits, nnx.to_pure_dict(state)

    return from_functions(
        init, apply, output=output, kinds=kinds, input_shape=input_shape
    )


def _filled(like: Any, values: Any) -> Any:
    filled = jax.tree.map(lambda leaf: leaf, like)
    nnx.replace_by_pure_dict(filled, values)
    return filled


def _seeds(like: Any, key: Key) -> Any:
    """Return rng streams at their beginning, each with a key of its own."""
    leaves, treedef = jax.tree.flatten(like)
    fresh = [
        jax.random.split(jax.random.fold_in(key, i), leaf.shape)
        if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)
        else jnp.zeros(leaf.shape, leaf.dtype)
        for i, leaf in enumerate(leaves)
    ]
    return jax.tree.unflatten(treedef, fresh)


def warn_of_slow_convolutions(
    apply: Callable[..., Any], params: Any, state: Any, input_shape: tuple[int, ...]
) -> None:
    """Warn where a network uses lax.conv on a CPU.

    Args:
        apply: of the model.
        params: arrays or their shapes.
        state: the same.
        input_shape: shape of one example.
    """
    x = jax.ShapeDtypeStruct((1, *input_shape), jnp.float32)
    jaxpr = jax.make_jaxpr(lambda p, s, x: apply(p, s, x, False, jax.random.key(0)))(
        params, state, x
    )
    if "conv_general_dilated" in str(jaxpr) and jax.default_backend() == "cpu":
        warnings.warn(
            "This network uses lax.conv, which XLA runs up to 60 times slower inside a"
            " training loop on CPU. Give its layers another form of the same function:"
            " nn.Conv(..., conv_general_dilated=lth_jax.models.conv_general_dilated)"
            " (nnx.Conv takes the same argument).",
            SlowConvolutionWarning,
            stacklevel=4,
        )
