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
from ..errors import InputError, did_you_mean
from ..keys import Stream, derive
from ..tickets import controls, criteria, masks
from ..tickets.counts import layer_rates, level_counts
from ..training import optim
from ..training.dataset import Dataset
from ..training.metrics import cross_entropy
from ..training.optim import MakeOptimizer
from ..types import (
    Control,
    Criterion,
    Evidence,
    Key,
    LayerInfo,
    Mask,
    Model,
    Snapshot,
    Ticket,
)
from .given import NOTHING, Given
from .level import Parent
from .networks import LevelPlan, plan_study


class Drawn(NamedTuple):
    """A control that is ready to be drawn.

    Attributes:
        control: (keys, tickets) -> tickets, over lanes.
        key: (replicate, draw) -> key.
    """

    control: Callable[[Key, Ticket], Ticket]
    key: Callable[[int, int], Key]


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
    criterion = criterion_of(config, given)
    plan = plan_study(config, criterion.reads)
    _check_layers(model)
    _check_optimizer(model, config, plan, given)
    _check_reads(config, criterion)
    counts = level_counts(model.layers, config.prune)
    drawn = _drawn_controls(model, config, given)
    root = jax.random.key(config.seed)
    keys = [derive(root, r, Stream.INIT) for r in range(config.replicates)]
    params, state = _initial(model.init)(jnp.stack(keys))
    clock = jnp.zeros(config.replicates, jnp.int32)
    start = Snapshot(params, state, None, clock)
    prune = _pruning(model, config, criterion, counts, train)
    _try(config, start, prune if given.criterion else None, drawn)
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


def _check_reads(config: Config, criterion: Criterion) -> None:
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
    elif config.train.optimizer not in optim.OPTIMIZERS:
        name = config.train.optimizer
        raise InputError(
            f"train.optimizer is {name!r}, which is no optimizer of the package"
            f"{did_you_mean(name, optim.OPTIMIZERS)}. One of your own is given as a"
            " value: optimizer=..."
        )


# Pruning


def _pruning(
    model: Model,
    config: Config,
    criterion: Criterion,
    counts: Sequence[Any],
    train: Dataset | None,
) -> "Pruning":
    """Return how masks are made, over replicates."""
    rates = layer_rates(model.layers, config.prune)
    protected = frozenset(
        p for p, rate in rates.items() if not rate and not config.prune.one_shot
    )
    layers = tuple(model.layers.items())
    compiled = _compiled_pruning(model.init, model.apply, layers, criterion, protected)
    if criterion.batches and train is None:
        raise InputError(
            f"prune.criterion {config.prune.criterion} looks at training examples:"
            " give make_study the training set."
        )
    root = jax.random.key(config.seed)
    examples = criterion.examples or config.train.batch_size

    def keys(stream: Stream, level: int) -> Key:
        replicates = range(config.replicates)
        return jnp.stack([derive(root, r, stream, level) for r in replicates])

    def scored(level: int, parent: Parent, start: Snapshot) -> Any:
        batches = None
        if criterion.batches and train is not None:
            drawing = keys(Stream.SCORE_BATCH, level)
            batches = _batches(train, drawing, criterion.batches, examples)
        return compiled(
            parent.finals._replace(moments=None),
            start.params,
            parent.masks,
            counts[level],
            keys(Stream.SCORE, level),
            batches,
        )

    def prune(level: int, parent: Parent, start: Snapshot) -> Mask:
        kept, unscored = scored(level, parent, start)
        for path, bad in tree.to_host(unscored).items():
            if (bad & parent.alive).any():
                raise InputError(
                    f"prune.criterion {config.prune.criterion} returned NaN for weights"
                    f" of {path} that are alive, at level {level}: a score must be a"
                    " number, higher = keep."
                )
        return kept

    return Pruning(prune, scored)


class Pruning(NamedTuple):
    """How masks are made.

    Attributes:
        masks: (level, parent, start) -> masks, over replicates.
        scored: the same without a look at values, so that shapes can go through it.
    """

    masks: Callable[[int, Parent, Snapshot], Mask]
    scored: Callable[[int, Parent, Snapshot], Any]


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


def _batches(train: Dataset, keys: Key, batches: int, examples: int) -> Any:
    """Return examples of the training set for every replicate, none of them twice."""
    wanted = batches * examples
    if wanted > train.size:
        raise InputError(
            f"The criterion asks for {batches} batches of {examples} training examples,"
            f" and there are {train.size}: ask for fewer."
        )

    def draw(key: Key) -> Any:
        chosen = jax.random.permutation(key, train.size)[:wanted]
        chosen = chosen.reshape(batches, examples)
        return jnp.asarray(train.x)[chosen], jnp.asarray(train.y)[chosen]

    return jax.vmap(draw)(keys)


@functools.lru_cache(maxsize=16)
def _compiled_pruning(
    init: Callable[..., Any],
    apply: Callable[..., Any],
    layers: tuple[tuple[str, LayerInfo], ...],
    criterion: Criterion,
    protected: frozenset[str],
) -> Callable[..., Any]:
    """Return compiled pruning over replicates; studies of one network share it."""
    model = Model(init, apply, dict(layers))

    def prune(
        weights: Snapshot, initial: Any, mask: Mask, n_keep: Any, key: Key, batches: Any
    ) -> tuple[Mask, dict[str, jax.Array]]:
        def loss(params: Any, x: jax.Array, y: jax.Array) -> jax.Array:
            logits, _ = apply(params, weights.state, x, True, key)
            return cross_entropy(logits, y)

        evidence = Evidence(
            weights.params, initial, mask, weights.state, batches, key, model, loss
        )
        scores = criterion.score(evidence)
        unscored = criteria.nan_layers(scores, mask, model.layers)
        scores = tree.map_with_path(
            lambda path, s: jnp.full_like(s, jnp.inf) if path in protected else s,
            scores,
        )
        return masks.prune(scores, mask, n_keep, prunable=model.layers), unscored

    return jax.jit(jax.vmap(prune, in_axes=(0, 0, 0, None, 0, 0)))


# Controls


def _drawn_controls(model: Model, config: Config, given: Given) -> dict[str, Drawn]:
    """Return the controls that a config asks for, by kind."""
    root, layers = jax.random.key(config.seed), tuple(model.layers.items())
    network = model.init, model.apply, layers
    drawn = {}
    for kind, n in config.draws.items():
        if not n:
            continue
        name, scale = (
            ("noise", config.noise_kinds[kind])
            if (kind in config.noise_kinds)
            else (kind, None)
        )
        if kind in given.controls:
            control = _compiled_own(kind, given.controls[kind])
            stream, called = Stream.NAMED_CONTROL, kind
        elif name in controls.CONTROLS:
            control = _compiled_control(*network, name)
            stream = controls.CONTROLS[name].stream or Stream.NAMED_CONTROL
            called = "" if controls.CONTROLS[name].stream is not None else kind
        else:
            known = [*controls.CONTROLS, *given.controls]
            raise InputError(
                f"controls names {kind!r}, which is no control"
                f"{did_you_mean(kind, known)}. One of your own is given as a value:"
                " controls={...}"
            )
        if scale is not None:
            control = functools.partial(control, float(scale))
        key = functools.partial(_key, root, stream, called)
        drawn[kind] = Drawn(control, key)
    return drawn


def _key(root: Key, stream: Stream, name: str, replicate: int, draw: int) -> Key:
    return derive(root, replicate, stream, draw, name)


@functools.lru_cache(maxsize=64)
def _compiled_control(
    init: Callable[..., Any],
    apply: Callable[..., Any],
    layers: tuple[tuple[str, LayerInfo], ...],
    name: str,
) -> Callable[..., Ticket]:
    """Return a compiled control over lanes; studies of one network share it."""
    entry = controls.CONTROLS[name]
    made = entry.make(Model(init, apply, dict(layers)))
    if entry.scaled:
        return jax.jit(jax.vmap(made, (None, 0, 0)))
    return jax.jit(jax.vmap(controls.checked(name, made)))


@functools.lru_cache(maxsize=64)
def _compiled_own(name: str, control: Control) -> Callable[..., Ticket]:
    return jax.jit(jax.vmap(controls.checked(name, control)))


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
    return config.data, config.seed, model, train, restored, config.plan
