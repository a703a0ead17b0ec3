"""From a user's Flax Linen module, NNX module or init/apply pair to a `Model`."""

import contextlib
import inspect
import warnings
import weakref
from collections.abc import Callable, Collection, Mapping
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from flax import nnx

from .. import tree
from ..errors import InputError, LthError, did_you_mean
from ..tickets.masks import Prunable
from ..tickets.prunable import select
from ..types import Key, Kind, LayerInfo, Model, ModelState, Params

Stacked = Collection[str] | Mapping[str, int]
"""Paths, or beginnings of paths, of leaves that stack layers; or how many axes do."""


class SlowConvolutionWarning(UserWarning):
    """A network convolves in a form that XLA runs far too slowly in a loop on CPU."""


def from_functions(
    init: Callable[[Key], tuple[Params, ModelState]],
    apply: Callable[..., tuple[jax.Array, ModelState]],
    *,
    output: str | None,
    kinds: Mapping[str, Kind] | None = None,
    input_shape: tuple[int, ...] | None = None,
    prunable: Prunable = None,
    stacked: Stacked = (),
) -> Model:
    """Make a Model of an init/apply pair.

    Args:
        init: key -> (params, state).
        apply: (params, state, x, train, key) -> (logits, new state).
        output: path of the output layer's kernel, e.g. ``"Dense_2/kernel"``; None if no
            layer is to be pruned at the output layer's rate.
        kinds: kind of other layers by path, e.g. ``{"proj/kernel": "shortcut"}``; the
            rest are "conv" (four or more axes, or three and a path that says so) or
            "dense".
        input_shape: shape of one example, without a batch axis; when given, a network
            that does not take it, or that convolves in a way that is slow on CPU, is
            noticed here, else when its training starts.
        prunable: what can be pruned, a function (path, leaf) -> bool or paths; default:
            kernels, but not biases, norms, embeddings and positions, by path and shape
            (`lth_jax.tickets.masks.is_prunable`).
        stacked: leaves whose first axis numbers layers of their own, as those of a scan
            over layers: paths or their beginnings, e.g. ``["blocks"]``; or how many
            axes do, ``{"blocks": 2}``. Each of these layers is pruned by itself.

    Returns:
        The Model.

    Raises:
        InputError: no leaf is prunable; ``output``, ``kinds``, ``prunable`` or
            ``stacked`` name none; the functions do not take or return what they must.

    Example:
        >>> init = lambda key: ({"w": jax.random.normal(key, (4, 2))}, {})
        >>> apply = lambda params, state, x, train, key: (x @ params["w"], state)
        >>> from_functions(init, apply, output="w").layers
        {'w': LayerInfo(kind='output', shape=(4, 2), stacked=0)}
    """
    params, state = _started(init)
    if input_shape is not None:
        _check_applies(apply, params, state, _shape(input_shape))
    leaves = tree.flatten(params)
    axes = _stacked_axes(stacked, leaves)
    layers = _table(leaves, output, kinds or {}, prunable, axes, {})
    return Model(init, apply, layers)


def from_linen(
    module: nn.Module,
    input_shape: tuple[int, ...],
    *,
    output: str | None,
    kinds: Mapping[str, Kind] | None = None,
    prunable: Prunable = None,
    stacked: Stacked = (),
) -> Model:
    """Make a Model of a Flax Linen module.

    If its ``__call__`` takes ``train``, it is told. All collections other than "params"
    are model state: updated in training, read in inference. Dropout draws from the rng
    stream "dropout". Leaves that ``nn.scan`` or ``nn.vmap`` stacks are found.

    Args:
        module: called as ``module(x)`` or ``module(x, train=...)``, returns logits.
        input_shape: shape of one example, without a batch axis.
        output: path of the output layer's kernel; None if there is no such layer.
        kinds: see `from_functions`.
        prunable: see `from_functions`.
        stacked: see `from_functions`; in place of what is found.

    Raises:
        InputError: see `from_functions`; the module is none of Linen, or a class.

    Example:
        >>> from_linen(nn.Dense(3), (4,), output="kernel").layers
        {'kernel': LayerInfo(kind='output', shape=(4, 3), stacked=0)}
    """
    _check_linen(module)
    shape = _shape(input_shape)
    takes_train = "train" in inspect.signature(module.__call__).parameters

    def mode(train: bool) -> dict[str, Any]:
        return {"train": train} if takes_train else {}

    def init(key: Key) -> tuple[Params, ModelState]:
        rngs = {"params": key, "dropout": key}
        variables = module.init(rngs, jnp.zeros((1, *shape)), **mode(False))
        state = {name: v for name, v in variables.items() if name != "params"}
        return variables.get("params", {}), state

    def apply(params: Params, state: ModelState, x: Any, train: bool, key: Key) -> Any:
        variables = {"params": params, **state}
        if not train:
            return module.apply(variables, x, **mode(False)), state
        return module.apply(
            variables, x, **mode(True), mutable=list(state), rngs={"dropout": key}
        )

    seen = _Seen()
    with nn.intercept_methods(seen.look):
        params, state = _started(init, shape)
    _check_applies(apply, params, state, shape)
    leaves = tree.flatten(params)
    axes = seen.stacked(leaves) | _stacked_axes(stacked, leaves)
    layers = _table(leaves, output, kinds or {}, prunable, axes, seen.kinds)
    return Model(init, apply, layers)


def from_nnx(
    make_module: Callable[[nnx.Rngs], nnx.Module],
    input_shape: tuple[int, ...],
    *,
    output: str | None,
    kinds: Mapping[str, Kind] | None = None,
    prunable: Prunable = None,
    stacked: Stacked = (),
) -> Model:
    """Make a Model of a Flax NNX module.

    ``nnx.Param`` variables are params; all others (batch statistics) are model state,
    but rng streams (dropout): they are seeded anew from the key at every step.

    Args:
        make_module: rngs -> module, e.g. ``lambda rngs: Net(rngs=rngs)``.
        input_shape: shape of one example, without a batch axis.
        output: path of the output layer's kernel, e.g. ``"layers/2/kernel"``.
        kinds: see `from_functions`.
        prunable: see `from_functions`.
        stacked: see `from_functions`.

    Raises:
        InputError: see `from_functions`; ``make_module`` is a module.

    Example:
        >>> make = lambda rngs: nnx.Linear(4, 3, rngs=rngs)
        >>> from_nnx(make, (4,), output="kernel").layers
        {'kernel': LayerInfo(kind='output', shape=(4, 3), stacked=0)}
    """
    _check_makes_nnx(make_module)

    def make(key: Key) -> nnx.Module:
        return make_module(nnx.Rngs(key))

    try:
        abstract = nnx.eval_shape(lambda: make(jax.random.key(0)))
    except Exception as error:
        raise InputError(
            f"make_module(rngs) raises {type(error).__name__}: {error}. Give a function"
            " of rngs alone, such as lambda rngs: Net(rngs=rngs)."
        ) from error
    if not isinstance(abstract, nnx.Module):
        raise InputError(
            f"make_module(rngs) returns {type(abstract).__name__}: it must return an"
            " NNX module."
        )
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
        init,
        apply,
        output=output,
        kinds=kinds,
        input_shape=input_shape,
        prunable=prunable,
        stacked=stacked,
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


# The table of layers


def _table(
    leaves: Mapping[str, Any],
    output: str | None,
    kinds: Mapping[str, Kind],
    prunable: Prunable,
    stacked: Mapping[str, int],
    known: Mapping[str, Kind],
) -> dict[str, LayerInfo]:
    """Return what is known of every leaf that can be pruned.

    Args:
        leaves: the params by path.
        output: path of the output layer's kernel.
        kinds: of layers, as the user says.
        prunable: what can be pruned, as the user says.
        stacked: how many leading axes of a leaf number layers.
        known: kinds of layers by the classes of their modules.
    """
    # The rule looks at one layer: a vector of each is no matrix of all.
    seen = {
        path: jax.ShapeDtypeStruct(leaf.shape[stacked.get(path, 0) :], leaf.dtype)
        for path, leaf in leaves.items()
    }
    paths = select(seen if prunable is None else leaves, prunable)
    if not paths:
        raise InputError(
            "The model has no prunable layer: no parameter of two or more axes is a"
            " kernel by its name (say which are: prunable=...); its parameters are"
            f" {list(leaves)}."
        )
    named: dict[str, Kind] = dict(kinds)
    if output is not None:
        named[output] = "output"
    for path in named:
        if path not in paths:
            field = "output" if path == output else "kinds"
            raise InputError(
                f"{field} names {path!r}, which is no prunable layer"
                f"{did_you_mean(path, paths)}"
            )
    return {
        path: LayerInfo(
            named.get(path) or known.get(path) or _kind(path, seen[path].ndim),
            tuple(leaves[path].shape),
            stacked.get(path, 0),
        )
        for path in paths
    }


def _kind(path: str, n_axes: int) -> Kind:
    convolves = n_axes >= 4 or (n_axes == 3 and "conv" in path.lower())
    return "conv" if convolves else "dense"


def _stacked_axes(stacked: Stacked, leaves: Mapping[str, Any]) -> dict[str, int]:
    """Return how many leading axes of the leaves named number layers."""
    if isinstance(stacked, str):
        raise InputError(f"stacked is {stacked!r}: give a list, [{stacked!r}].")
    axes = {}
    for begin in stacked:
        n = stacked[begin] if isinstance(stacked, Mapping) else 1
        paths = [p for p in leaves if p == begin or p.startswith(f"{begin}/")]
        if not paths:
            hint = did_you_mean(begin, leaves)
            raise InputError(f"stacked names {begin!r}, where no leaf is{hint}")
        for path in paths:
            if not 0 <= n <= leaves[path].ndim:
                raise InputError(
                    f"stacked gives {path!r} {n} axes that number layers; its shape is"
                    f" {leaves[path].shape}."
                )
            axes[path] = n
    return axes


class _Seen:
    """What the modules of a Linen network see of their params while it is traced.

    Inside ``nn.scan`` a module sees one layer, and outside the leaf that stacks them
    all: the axes that it does not see number layers.

    Attributes:
        shapes: of leaves, as they are inside.
        kinds: of leaves whose module is one of Linen's.
    """

    def __init__(self) -> None:
        self.shapes: dict[str, tuple[int, ...]] = {}
        self.kinds: dict[str, Kind] = {}

    def look(self, call: Any, args: Any, options: Any, context: Any) -> Any:
        """Call a method of a module, and look at the module's own params."""
        out = call(*args, **options)
        module = context.module
        if module.scope is None:
            return out
        for name, leaf in module.variables.get("params", {}).items():
            if isinstance(leaf, Mapping):  # of a module inside, which is asked itself
                continue
            path = "/".join((*module.path, name))
            shape: tuple[int, ...] = jnp.shape(leaf)
            self.shapes[path] = min(self.shapes.get(path, shape), shape, key=len)
            if isinstance(module, (nn.Conv, nn.ConvLocal, nn.ConvTranspose)):
                self.kinds[path] = "conv"
            elif isinstance(module, (nn.Dense, nn.DenseGeneral)):
                self.kinds[path] = "dense"
        return out

    def stacked(self, leaves: Mapping[str, Any]) -> dict[str, int]:
        """Return how many leading axes of each leaf number layers."""
        axes = {}
        for path, leaf in leaves.items():
            inside = self.shapes.get(path) or tuple(leaf.shape)
            n = len(leaf.shape) - len(inside)
            if n and leaf.shape[n:] != inside:
                raise InputError(
                    f"The leaf {path!r} of shape {leaf.shape} stacks layers of shape"
                    f" {inside}, but not along its first axis: give nn.scan"
                    " variable_axes={'params': 0}."
                )
            axes[path] = n
        return axes


# Checks


def _shape(input_shape: Any) -> tuple[int, ...]:
    if isinstance(input_shape, int):
        raise InputError(
            f"input_shape is {input_shape}: give a tuple, ({input_shape},)."
        )
    shape = tuple(input_shape)
    if not all(isinstance(n, int) for n in shape):
        raise InputError(
            f"input_shape is {input_shape!r}: give the shape of one example, a tuple of"
            " ints."
        )
    return shape


def _started(init: Callable[[Key], Any], shape: Any = None) -> tuple[Any, Any]:
    """Return the shapes of params and state."""
    try:
        made = jax.eval_shape(init, jax.random.key(0))
    except LthError:
        raise
    except Exception as error:
        hint = "" if shape is None else _of_one_example(shape)
        raise InputError(
            f"The model cannot be initialised: {type(error).__name__}: {error}{hint}"
        ) from error
    if not (isinstance(made, tuple) and len(made) == 2):
        raise InputError(
            f"init(key) returns {type(made).__name__}: it must return (params, state);"
            " of a network without state, (params, {})."
        )
    return made


def _of_one_example(shape: tuple[int, ...]) -> str:
    return f" (input_shape is {shape}: that of one example, without a batch axis.)"


def _check_linen(module: Any) -> None:
    name = getattr(module, "__name__", type(module).__name__)
    is_class = isinstance(module, type)
    if issubclass(module if is_class else type(module), nnx.Module):
        raise InputError(
            f"{name} is an NNX module: use from_nnx, with a function that makes it,"
            f" such as lambda rngs: {name}(rngs=rngs)."
        )
    if is_class:
        raise InputError(f"module is the class {name}: give an instance, {name}(...).")
    if not isinstance(module, nn.Module):
        raise InputError(
            f"module is of type {name}: from_linen takes a Linen module; for plain"
            " functions there is from_functions."
        )


def _check_makes_nnx(make_module: Any) -> None:
    name = getattr(make_module, "__name__", type(make_module).__name__)
    if isinstance(make_module, nnx.Module):
        raise InputError(
            f"make_module is an instance of {name}: give a function that makes it, such"
            f" as lambda rngs: {name}(rngs=rngs), so that every replicate has initial"
            " weights of its own."
        )
    own = make_module if isinstance(make_module, type) else type(make_module)
    if issubclass(own, nn.Module):
        raise InputError(f"{name} is a Linen module: use from_linen({name}(...), ...).")
    if not callable(make_module):
        raise InputError(
            f"make_module is {make_module!r}: give a function rngs -> module."
        )


def _traced(apply: Any, params: Any, state: Any, shape: tuple[int, ...]) -> Any:
    """Return the program of an inference on one example, and what it returns."""
    x = jax.ShapeDtypeStruct((1, *shape), jnp.float32)
    return jax.make_jaxpr(
        lambda p, s, x: apply(p, s, x, False, jax.random.key(0)), return_shape=True
    )(params, state, x)


def _check_applies(apply: Any, params: Any, state: Any, shape: tuple[int, ...]) -> None:
    try:
        program, made = _traced(apply, params, state, shape)
    except LthError:
        raise
    except Exception as error:
        raise InputError(
            f"The model cannot be applied: {type(error).__name__}: {error}"
            f"{_of_one_example(shape)}"
        ) from error
    if not (isinstance(made, tuple) and len(made) == 2):
        raise InputError("apply must return (logits, new state).")
    found = getattr(made[0], "shape", None)
    if found is None or len(found) != 2 or found[0] != 1:
        raise InputError(
            f"The model returns {'no array' if found is None else found} for a batch of"
            " one example: it must be logits of shape [batch, classes], (1, classes)."
            f"{_of_one_example(shape)}"
        )
    _warn_of_slow(apply, program)


_WARNED: "weakref.WeakSet[Any]" = weakref.WeakSet()
"""The ``apply`` of networks that have been warned about: once is enough."""


def warn_of_slow_convolutions(
    apply: Callable[..., Any], params: Any, state: Any, input_shape: tuple[int, ...]
) -> None:
    """Warn where a network uses lax.conv on a CPU, unless it has been warned about.

    Args:
        apply: of the model.
        params: arrays or their shapes.
        state: the same.
        input_shape: shape of one example.
    """
    if not _is_warned(apply):
        _warn_of_slow(apply, _traced(apply, params, state, input_shape)[0])


def _is_warned(apply: Any) -> bool:
    try:
        return apply in _WARNED
    except TypeError:  # a callable that has no hash
        return False


def _warn_of_slow(apply: Any, program: Any) -> None:
    if "conv_general_dilated" in str(program) and jax.default_backend() == "cpu":
        with contextlib.suppress(TypeError):
            _WARNED.add(apply)
        warnings.warn(
            "This network uses lax.conv, which XLA runs up to 60 times slower inside a"
            " training loop on CPU. Give its layers another form of the same function:"
            " nn.Conv(..., conv_general_dilated=lth_jax.models.conv_general_dilated)"
            " (nnx.Conv takes the same argument).",
            SlowConvolutionWarning,
            stacklevel=_levels_to_the_user(),
        )


def _levels_to_the_user() -> int:
    """Return the stack level of the first caller outside this package."""
    package, level = __name__.split(".")[0] + ".", 0
    frame = inspect.currentframe()
    while frame and frame.f_globals.get("__name__", "").startswith(package):
        frame, level = frame.f_back, level + 1
    return level
