"""A config made concrete: the network, its initial weights, how it is pruned."""

import dataclasses
import functools
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from .. import tree
from ..config import Config
from ..errors import InputError, LthError, did_you_mean
from ..keys import Stream, derive
from ..tickets import criteria, masks
from ..tickets.counts import level_counts
from ..training import optim
from ..training.dataset import Dataset, Splits
from ..training.loop import make_trainer
from ..training.optim import MakeOptimizer
from ..types import (
    Criterion,
    Mask,
    Model,
    Snapshot,
    Ticket,
)
from .draws import Drawn, check_drawn, drawn_controls
from .given import NOTHING, Given
from .level import Parent
from .networks import LevelPlan, plan_study
from .pruning import Pruning, make_pruning


class Study(NamedTuple):
    """A config made concrete.

    Attributes:
        model: the network.
        config: all settings.
        plan: of all levels.
        start: initial weights and state, replicates as first axis.
        prune: (level, parent, start) -> masks, over replicates; compiled once.
        controls: by kind, compiled once.
        optimizer: made from hyperparameters.
        given: what the user gave as values.
    """

    model: Model
    config: Config
    plan: tuple[LevelPlan, ...]
    start: Snapshot
    prune: Callable[[int, Parent, Snapshot], Mask]
    controls: Mapping[str, Drawn]
    optimizer: MakeOptimizer
    given: Given = NOTHING


def make_study(
    model: Model, config: Config, given: Given = NOTHING, train: Dataset | None = None
) -> Study:
    """Draw the initial weights of all replicates and fix the counts of all levels.

    Args:
        model: the network.
        config: validated here.
        given: what the user gives as values.
        train: training set, for criteria that look at examples.

    Raises:
        InputError: the config is wrong, by itself or for model, optimizer, criterion or
            controls.
    """
    config.validate()
    _check_hashable(model, given)
    criterion = criterion_of(config, given)
    plan = plan_study(config, criterion.reads)
    _check_layers(model)
    _check_optimizer(model, config, plan, given)
    _check_reads(config, criterion, given)
    counts = level_counts(model.layers, config.prune)
    drawn = drawn_controls(model, config, given)
    root = jax.random.key(config.seed)
    keys = [derive(root, r, Stream.INIT) for r in range(config.replicates)]
    params, state = _initial(model.init)(jnp.stack(keys))
    clock = jnp.zeros(config.replicates, jnp.int32)
    start = Snapshot(params, state, None, clock)
    prune = make_pruning(model, config, criterion, counts, train)
    tried = given.criterion is not None or criterion.batches > 0
    _try(config, start, prune if tried else None, drawn)
    _try_after_step(model, config, given)
    if config.levels and given.controls:
        _try_controls(model, given, drawn, start, counts[1])
    return Study(
        model=model,
        config=config,
        plan=plan,
        start=start,
        prune=prune.masks,
        controls=drawn,
        optimizer=optim.maker(config.train, tuple(model.layers), given.optimizer),
        given=given,
    )


def check_rows(config: Config, splits: Splits) -> None:
    """Raise InputError where a set has no rows for some replicates.

    JAX would take those of the last one, which another replicate trains on.
    """
    for name in ("train", "validation", "test"):
        rows = getattr(splits, name).rows
        if rows is not None and np.ndim(rows) > 1 and len(rows) < config.replicates:
            raise InputError(
                f"The {name} set has rows for {len(rows)} replicates, but there are"
                f" {config.replicates}: give rows for each, or [n] for all alike."
            )


def _check_hashable(model: Model, given: Given) -> None:
    """Refuse functions without a hash: what is compiled of a function is found by it.

    Args:
        model: the network.
        given: what the user gives as values.
    """
    values: dict[str, Any] = {f"model.{n}": v for n, v in model._asdict().items()}
    values["model.layers"] = tuple(model.layers.items())
    values |= {"criterion": given.criterion, "optimizer": given.optimizer}
    values |= {"after_step": given.after_step}
    values |= {f"controls[{name!r}]": c for name, c in given.controls.items()}
    for name, value in values.items():
        try:
            hash(value)
        except TypeError as error:
            raise InputError(
                f"{name} has no hash ({error}), and what is compiled is found by it:"
                " give functions without fields that can change, such as f = lambda"
                " *args: value(*args), once, and shapes as tuples."
            ) from error


@functools.lru_cache(maxsize=16)
def _initial(init: Callable[..., Any]) -> Callable[..., Any]:
    """Return compiled initialisation; studies of one network share it."""
    return jax.jit(jax.vmap(init))


def criterion_of(config: Config, given: Given = NOTHING) -> Criterion:
    """Return the criterion that a config names, or that the user gives.

    Raises:
        InputError: there is none of that name.
    """
    name = config.prune.criterion
    if given.criterion is not None:
        return criteria.checked(name, given.criterion)
    if name not in criteria.CRITERIA:
        raise InputError(
            f"prune.criterion is {name!r}, which is no criterion of the package"
            f"{did_you_mean(name, criteria.CRITERIA)}. One of your own is given as a"
            " value: criterion=..."
        )
    return criteria.CRITERIA[name]


def plan_of(config: Config, given: Given = NOTHING) -> tuple[LevelPlan, ...]:
    """Return the plan of a study whose criterion is named or given."""
    return plan_study(config, criterion_of(config, given).reads)


def _check_reads(config: Config, criterion: Criterion, given: Given) -> None:
    if given.after_step is not None and criterion.reads == "initial":
        raise InputError(
            f"prune.criterion {config.prune.criterion} makes all masks before training,"
            " but after_step may change them in training: choose one."
        )
    if config.prune.continued and criterion.reads == "initial":
        raise InputError(
            "prune.continued carries trained weights from level to level, but by"
            f" prune.criterion {config.prune.criterion} no trained weight decides:"
            " choose one."
        )


def _check_layers(model: Model) -> None:
    params, _ = jax.eval_shape(model.init, jax.random.key(0))
    leaves = tree.flatten(params)
    wrong = [
        path
        for path, info in model.layers.items()
        if path not in leaves or tuple(leaves[path].shape) != tuple(info.shape)
    ]
    if wrong or not model.layers:
        raise InputError(
            f"model.layers names {sorted(model.layers)}, but the parameters are"
            f" {list(leaves)}, or of other shapes: build the model with from_linen,"
            " from_nnx or from_functions, which make the table."
        )


def _check_optimizer(
    model: Model, config: Config, plan: Sequence[LevelPlan], given: Given
) -> None:
    if given.optimizer is not None:
        if any(level.clock for level in plan):
            params, _ = jax.eval_shape(model.init, jax.random.key(0))
            optim.check_takes_step(given.optimizer, params)
        _try_optimizer(model, config, given)
    elif config.train.optimizer not in optim.OPTIMIZERS:
        name = config.train.optimizer
        raise InputError(
            f"train.optimizer is {name!r}, which is no optimizer of the package"
            f"{did_you_mean(name, optim.OPTIMIZERS)}. One of your own is given as a"
            " value: optimizer=..."
        )


def _try_optimizer(model: Model, config: Config, given: Given) -> None:
    """Trace the user's optimizer: its updates are like the weights, its state lasts."""
    params, _ = jax.eval_shape(model.init, jax.random.key(0))
    mask = jax.eval_shape(masks.ones, params)
    step = jax.ShapeDtypeStruct((), np.int32)
    tx = optim.maker(config.train, tuple(model.layers), given.optimizer)(
        optim.hyper(config.train)
    )

    def update(grads: Any, moments: Any, params: Any, mask: Any, step: Any) -> Any:
        return tx.update(grads, moments, params, mask=mask, step=step)

    try:
        moments = jax.eval_shape(tx.init, params)
        updates, after = jax.eval_shape(update, params, moments, params, mask, step)
    except LthError:
        raise
    except Exception as error:
        raise InputError(
            f"The optimizer raises {type(error).__name__}: {error}. Training calls its"
            " init(params) and its update(grads, state, params, step=step)."
        ) from error
    tree.check_alike(updates, params, ("The updates of the optimizer", "the params"))
    names = "The state that the optimizer returns", "that of its init"
    tree.check_alike(after, moments, names)
    tree.check_same_types(after, moments, names)


def _try(
    config: Config,
    start: Snapshot,
    pruning: Pruning | None,
    drawn: Mapping[str, Drawn],
) -> None:
    """Trace what users give, so that what is wrong with it is said before training."""
    mask = jax.eval_shape(jax.vmap(masks.ones), start.params)
    if pruning is not None and config.levels:
        alive = np.ones(config.replicates, bool)
        jax.eval_shape(
            lambda m, start: pruning.scored(1, Parent(m, start, alive), start),
            mask,
            start,
        )
    tickets = Ticket(
        start.params,
        mask,
        start.state,
        start.clock,
        None,
        np.zeros(config.replicates, bool),
    )
    keys = jax.random.split(jax.random.key(0), config.replicates)
    for one in drawn.values():
        jax.eval_shape(one.control, keys, tickets)


def _try_controls(
    model: Model, given: Given, drawn: Mapping[str, Drawn], start: Snapshot, n_keep: Any
) -> None:
    """Draw the user's controls once, of made-up tickets with the counts of level 1."""

    def pruned(params: Any) -> Any:
        scores = jax.tree.map(jnp.abs, params)
        return masks.prune(scores, masks.ones(params), n_keep, prunable=model.layers)

    keys = jax.random.split(jax.random.key(0), len(start.clock))
    mask = jax.vmap(pruned)(start.params)
    filled = np.zeros(len(start.clock), bool)
    tickets = Ticket(start.params, mask, start.state, start.clock, None, filled)
    for kind in given.controls.keys() & drawn.keys():
        check_drawn(kind, tickets, drawn[kind].control(keys, tickets), model.layers)


def _try_after_step(model: Model, config: Config, given: Given) -> None:
    """Trace what a user lets happen after a step: it returns a state like its own."""
    if given.after_step is None:
        return
    key = jax.random.key(0)
    params, state = jax.eval_shape(model.init, key)
    mask = jax.eval_shape(masks.ones, params)
    ticket = Ticket(params, mask, state, jax.ShapeDtypeStruct((), np.int32))
    made = optim.maker(config.train, tuple(model.layers), given.optimizer)
    begun = make_trainer(model, config.train, made).start
    before = jax.eval_shape(begun, ticket, optim.hyper(config.train))
    try:
        after = jax.eval_shape(given.after_step, before, params, ticket.clock, key)
    except LthError:
        raise
    except Exception as error:
        raise InputError(
            f"after_step raises {type(error).__name__}: {error}. It is called with"
            " (state, gradients, step, key) and returns a state."
        ) from error
    names = "What after_step returns", "the state given"
    tree.check_alike(after, before, names)
    tree.check_same_types(after, before, names)


def compiled(config: Config) -> Hashable:
    """Return what a compiled training holds fixed, its data and plan among it.

    Studies that have it in common train side by side.

    Example:
        >>> from lth_jax import ModelConfig
        >>> stds = (0.1, 0.2)
        >>> one, other = (Config(model=ModelConfig(init_std=std)) for std in stds)
        >>> compiled(one) == compiled(other)
        True
    """
    train, restored = optim.static(config.train), config.rewind.moments
    model = dataclasses.replace(config.model, init_std=None)
    data = config.data, config.seed, config.n_splits
    return *data, model, train, restored, config.plan
