"""What a user gives as values, where a config has names; and what identifies it."""

import dataclasses
import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from ..config import Config, DataConfig, ModelConfig, PruneConfig, TrainConfig
from ..errors import InputError
from ..tickets import controls as builtin
from ..tickets import criteria
from ..training import optim
from ..training.dataset import Splits
from ..training.loop import AfterStep, make_trainer
from ..types import Control, Criterion, Evidence, Model, Score, Ticket

OWN = "own"
"""What a config calls a network, data or an optimizer that a user gives as a value."""
DIGITS = 16
"""Hex digits of a digest: enough to tell programs apart."""


class Given(NamedTuple):
    """What a user gives as values.

    Attributes:
        model: the network.
        splits: the data.
        criterion: decides which weights go; the config's ``prune.criterion`` names it.
        controls: by name, in addition to those of the package.
        optimizer: any optax optimizer, with its own learning rate.
        after_step: what happens after every update, e.g. to the mask.
    """

    model: Model | None = None
    splits: Splits | None = None
    criterion: Criterion | None = None
    controls: Mapping[str, Control] = MappingProxyType({})
    optimizer: optax.GradientTransformation | None = None
    after_step: AfterStep | None = None


NOTHING = Given()


def with_given(
    config: Config,
    *,
    model: Model | None = None,
    splits: Splits | None = None,
    criterion: Score | Criterion | None = None,
    controls: Mapping[str, Control] | None = None,
    optimizer: optax.GradientTransformation | None = None,
    after_step: AfterStep | None = None,
) -> tuple[Config, Given]:
    """Return a config that names what a user gives, and what is given.

    A network, data and an optimizer are named "own"; a criterion has the name of its
    function; each control that the config does not ask for is drawn once.

    Args:
        config: of the study; what takes the place of a given value must be as it is by
            default.
        model: see `Given`.
        splits: see `Given`.
        criterion: evidence -> scores, or a `Criterion`.
        controls: see `Given`.
        optimizer: see `Given`.
        after_step: see `Given`.

    Raises:
        InputError: a given value has the name of another one, is no such value, or the
            config says something of what it replaces.

    Example:
        >>> def smallest_first(evidence):
        ...     return evidence.init
        >>> config, _ = with_given(Config(), criterion=smallest_first)
        >>> config.prune.criterion
        'smallest_first'
    """
    check_kinds(config, model, splits, controls, optimizer)
    if after_step is not None and not callable(after_step):
        raise InputError(
            f"after_step is a {type(after_step).__name__}: it must be a function"
            " (state, gradients, step, key) -> state."
        )
    chosen = None
    if criterion is not None:
        name, chosen = criteria.named(criterion)
        name = name if name.isidentifier() else OWN
        _check_replaced(
            "prune.criterion", config.prune.criterion, PruneConfig().criterion, name
        )
        prune = dataclasses.replace(config.prune, criterion=name)
        config = dataclasses.replace(config, prune=prune)
    if model is not None:
        _check_default("model", config.model, ModelConfig(), ModelConfig(name=OWN))
        config = dataclasses.replace(config, model=ModelConfig(name=OWN))
    if splits is not None:
        _check_default("data", config.data, DataConfig(), DataConfig(name=OWN))
        config = dataclasses.replace(config, data=DataConfig(name=OWN))
    if optimizer is not None:
        _check_replaced(
            "train.optimizer", config.train.optimizer, TrainConfig().optimizer, OWN
        )
        train = dataclasses.replace(config.train, optimizer=OWN)
        config = dataclasses.replace(config, train=train)
    own = dict(controls or {})
    _check_controls(own)
    asked = {name for name, _ in config.controls}
    more = tuple((name, 1) for name in own if name not in asked)
    config = dataclasses.replace(config, controls=config.controls + more)
    return config, Given(model, splits, chosen, own, optimizer, after_step)


def check_kinds(
    config: Any,
    model: Any = None,
    splits: Any = None,
    controls: Any = None,
    optimizer: Any = None,
) -> None:
    """Raise InputError where a config, or a given value, is none of its kind."""
    if not isinstance(config, Config):
        raise InputError(f"config is a {type(config).__name__}: it must be a Config.")
    if model is not None and not isinstance(model, Model):
        raise InputError(
            f"model is a {type(model).__name__}: make a Model of it by from_linen,"
            " from_nnx or from_functions."
        )
    if splits is not None and not isinstance(splits, Splits):
        raise InputError(
            f"splits is a {type(splits).__name__}: it must be what from_arrays returns,"
            " or the first of the pair that sources.load returns."
        )
    if controls is not None and not isinstance(controls, Mapping):
        raise InputError(
            f"controls is a {type(controls).__name__}: it must be"
            " {name: (key, ticket) -> ticket}."
        )
    if optimizer is not None and not isinstance(
        optimizer, optax.GradientTransformation
    ):
        raise InputError(
            f"optimizer is a {type(optimizer).__name__}: it must be an optax optimizer,"
            " such as optax.adamw(1e-3); the config names those of the package."
        )


def _check_default(name: str, stated: Any, *defaults: Any) -> None:
    plain = [dataclasses.replace(d) for d in defaults]
    kept = stated
    if isinstance(stated, DataConfig):  # Where the data would be does not matter.
        kept = dataclasses.replace(stated, dir=None, cache=None)
    if kept not in plain:
        raise InputError(
            f"{name} is {stated} in the config, but a value is given in its place:"
            " leave one of them out."
        )


def _check_replaced(name: str, stated: str, *expected: str) -> None:
    """Refuse a name that a given value would silently replace."""
    if stated not in expected:
        raise InputError(
            f"{name} is {stated!r} in the config, but a value is given in its place:"
            " leave one of them out."
        )


def _check_controls(own: Mapping[str, Any]) -> None:
    for name, control in own.items():
        if name in builtin.CONTROLS:
            raise InputError(
                f"controls has one called {name!r}, as one of the package is: give it"
                " another name."
            )
        if not callable(control):
            raise InputError(
                f"controls[{name!r}] is a {type(control).__name__}: it must be a"
                " function (key, ticket) -> ticket."
            )


def identities(
    given: Given, config: Config, model: Model, splits: Splits
) -> dict[str, str]:
    """Return what identifies the values that a user gives, as digests by name.

    Functions are identified by the program that JAX traces of them: numbers and arrays
    that they close over are part of it, names and comments are not. Data are identified
    by their content. A run directory's name and its manifest hold these digests, so
    another function is another run. Another version of JAX may trace another program.

    Args:
        given: the values.
        config: of the study, which names them.
        model: the network, given or not.
        splits: the data, given or not.

    Returns:
        Digests; nothing for what is not given.

    Example:
        >>> import optax
        >>> from lth_jax import DataConfig, lenet, sources
        >>> splits, _ = sources.load(DataConfig(), seed=0)
        >>> known = Config(), lenet((8, 8, 1), widths=()), splits
        >>> slow, fast = (Given(optimizer=optax.sgd(rate)) for rate in (0.1, 0.2))
        >>> identities(slow, *known) == identities(fast, *known)
        False
    """
    key = jax.random.key(0)
    params, state = jax.eval_shape(model.init, key)
    mask = jax.tree.map(lambda p: jax.ShapeDtypeStruct(p.shape, bool), params)
    clock = jax.ShapeDtypeStruct((), np.int32)
    found = {}
    if given.model is not None:
        layers = sorted((p, tuple(info)) for p, info in model.layers.items())
        found["model"] = _digest(str(layers), *_of_model(model, params, state, splits))
    if given.splits is not None:
        found["data"] = data_digest(given.splits)
    if given.criterion is not None:
        found["criterion"] = _criterion(given, config, model, splits)
    ticket = Ticket(params, mask, state, clock, None, jax.ShapeDtypeStruct((), bool))
    for name, control in sorted(given.controls.items()):
        checked = builtin.checked(name, control)
        found[f"controls.{name}"] = _digest(_traced(checked, key, ticket))
    if given.optimizer is not None:
        tx = optax.with_extra_args_support(given.optimizer)
        moments = jax.eval_shape(tx.init, params)
        update = lambda g, m, p, step: tx.update(g, m, p, step=step)  # noqa: E731
        begun = _traced(tx.init, params)
        steps = _traced(update, params, moments, params, clock)
        found["optimizer"] = _digest(begun, steps)
    if given.after_step is not None:
        made = optim.maker(config.train, tuple(model.layers), given.optimizer)
        start = make_trainer(model, config.train, made).start
        states = jax.eval_shape(start, ticket, optim.hyper(config.train))
        found["after_step"] = _digest(
            _traced(given.after_step, states, params, clock, key)
        )
    return found


def _of_model(model: Model, params: Any, state: Any, splits: Splits) -> list[str]:
    """Return the programs of a network: its start, its use, its gradient."""
    key = jax.random.key(0)
    part = splits.train.x
    x = jax.ShapeDtypeStruct((1, *np.shape(part)[1:]), part.dtype)

    def used(params: Any, state: Any, x: Any) -> Any:
        return model.apply(params, state, x, False, key)

    def trained(params: Any, state: Any, x: Any) -> Any:
        def total(params: Any) -> Any:
            logits, new = model.apply(params, state, x, True, key)
            return logits.astype(jnp.float32).sum(), new

        return jax.value_and_grad(total, has_aux=True)(params)

    programs = [_traced(f, params, state, x) for f in (used, trained)]
    return [_traced(model.init, key), *programs]


def _criterion(given: Given, config: Config, model: Model, splits: Splits) -> str:
    criterion, key = given.criterion, jax.random.key(0)
    assert criterion is not None
    params, state = jax.eval_shape(model.init, key)
    mask = jax.tree.map(lambda p: jax.ShapeDtypeStruct(p.shape, bool), params)
    batches = None
    if criterion.batches:
        examples = criterion.examples or config.train.batch_size
        whole = splits.train
        batches = tuple(
            jax.ShapeDtypeStruct(
                (criterion.batches, examples, *np.shape(part)[1:]), part.dtype
            )
            for part in (whole.x, whole.y)
        )

    def score(params: Any, init: Any, mask: Any, state: Any, batches: Any) -> Any:
        def loss(params: Any, x: Any, y: Any) -> Any:
            return model.apply(params, state, x, True, key)[0].mean()

        return criterion.score(
            Evidence(params, init, mask, state, batches, key, model, loss)
        )

    try:
        program = _traced(score, params, params, mask, state, batches)
    except InputError:
        raise
    except Exception as error:
        raise InputError(
            f"The criterion {config.prune.criterion!r} failed: {error}. It is called"
            " with an Evidence and returns scores, a tree like the params."
        ) from error
    return _digest(str(criterion[1:]), program)


def data_digest(splits: Splits) -> str:
    """Return the sha256 of all examples, labels and their division, in hex."""
    total = hashlib.sha256(str(splits.n_classes).encode())
    for part in splits[:3]:
        there = (array for array in part if array is not None)
        for array in map(np.ascontiguousarray, there):
            total.update(f"{array.dtype}{array.shape}".encode())
            total.update(array.view(np.uint8).data if array.size else b"")
    return total.hexdigest()


def _traced(f: Callable[..., Any], *args: Any) -> str:
    """Return the text of the program that JAX traces of a function, with constants."""
    closed = jax.make_jaxpr(f)(*args)
    constants = [
        hashlib.sha256(np.asarray(_plain(c)).tobytes()).hexdigest()
        for c in _constants(closed)
    ]
    # Functions are printed with their address, and terminals get colours: neither is
    # part of the program.
    text = closed.jaxpr.pretty_print(use_color=False)
    return "\n".join([re.sub(r" at 0x[0-9a-f]+", "", text), *constants])


def _constants(program: Any) -> Iterator[Any]:
    """Yield the arrays that a program closes over, those of inner programs too."""
    yield from getattr(program, "consts", ())
    for equation in getattr(program, "jaxpr", program).eqns:
        for inner in jax.tree.leaves([*equation.params.values()], is_leaf=_is_program):
            if _is_program(inner):
                yield from _constants(inner)


def _is_program(value: Any) -> bool:
    return hasattr(value, "eqns") or hasattr(value, "jaxpr")


def _plain(leaf: Any) -> Any:
    if hasattr(leaf, "dtype") and jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
        return jax.random.key_data(leaf)
    return leaf


def _digest(*texts: str) -> str:
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()[:DIGITS]


def layer_table(model: Model) -> dict[str, dict[str, Any]]:
    """Return a network's prunable layers as JSON, for a manifest."""
    return {path: info._asdict() for path, info in model.layers.items()}
