"""One training as a pure program: steps in a loop on the device, evaluated on the way.

Nothing here knows of lanes, levels or files; `lth_jax.ensemble` maps it over lanes.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from . import masks, optim
from .config import TrainConfig
from .dataset import (
    Dataset,
    Orders,
    Splits,
    augment,
    batch_at,
    epoch_orders,
    steps_per_epoch,
)
from .errors import InputError
from .metrics import Metrics, cross_entropy, evaluate
from .models.adapters import warn_of_slow_convolutions
from .optim import Hyper
from .types import Key, Mask, Model, ModelState, Params, Ticket

EVAL_BLOCK = {"dense": 1_000, "conv": 100}
"""Examples per block of an evaluation, so that activations stay in cache."""
CHUNK_STEPS = 1_000
"""At most about so many steps between two returns to the host."""


class TrainState(NamedTuple):
    """What a training carries from step to step.

    Attributes:
        params: weights; pruned ones are exactly 0.
        state: model state.
        moments: optimizer state.
    """

    params: Params
    state: ModelState
    moments: optax.OptState


class Fixed(NamedTuple):
    """What does not change during a training.

    Attributes:
        mask: True = keep.
        clock: int32 scalar, step of schedule and data order at which training starts.
        hyper: traced hyperparameters.
        order: key of the data order.
        noise: key of what the network draws, e.g. dropout.
        augment: key of the augmentation.
    """

    mask: Mask
    clock: jax.Array
    hyper: Hyper
    order: Key
    noise: Key
    augment: Key


class Curve(NamedTuple):
    """Evaluations of one training: leaves are float [evaluations]."""

    validation: Metrics
    test: Metrics


class Trainer(NamedTuple):
    """The pure functions of one training.

    Attributes:
        start: (ticket, hyper) -> TrainState at the ticket's rewind point.
        advance: (state, fixed, data, first, stop) -> (state, curve): trains from step
            ``first`` to ``stop`` (both counted from the start of this training, traced)
            and evaluates after every ``eval_every`` steps and after the last of all.
            With ``first == stop`` it only evaluates.
        score: (state, fixed, dataset) -> Metrics over a whole data set.
        capacity: evaluations that one call of ``advance`` has room for.
    """

    start: Callable[[Ticket, Hyper], TrainState]
    advance: Callable[..., tuple[TrainState, Curve]]
    score: Callable[[TrainState, Fixed, Dataset], Metrics]
    capacity: int


def make_step(
    model: Model, config: TrainConfig
) -> Callable[[TrainState, Fixed, Any, jax.Array], TrainState]:
    """Return the training step: (state, fixed, batch, step) -> state.

    The step is pure, jittable and vmappable. Weights stay where the mask is True and
    exactly 0 elsewhere, whatever the optimizer.

    Args:
        model: the network.
        config: optimizer and precision (static); values come from ``fixed.hyper``.
    """

    def loss_fn(params: Params, state: ModelState, batch: Any, key: Key) -> Any:
        x, y = batch
        logits, state = model.apply(params, state, x, True, key)
        return cross_entropy(logits, y), state

    def step_fn(
        train: TrainState, fixed: Fixed, batch: Any, step: jax.Array
    ) -> TrainState:
        key = jax.random.fold_in(fixed.noise, step)
        grads, state = jax.grad(loss_fn, has_aux=True)(
            train.params, train.state, batch, key
        )
        tx = optim.optimizer(config, fixed.hyper)
        updates, moments = tx.update(
            grads, train.moments, train.params, mask=fixed.mask, step=step
        )
        return TrainState(optax.apply_updates(train.params, updates), state, moments)

    return step_fn


def make_trainer(model: Model, config: TrainConfig) -> Trainer:
    """Return the pure functions that train one network.

    Args:
        model: the network.
        config: steps, batch size, evaluation, optimizer; values such as the learning
            rate are read from the traced `Hyper`, not from here.

    Returns:
        A `Trainer`; its functions are jittable and vmappable.

    Reference:
        Frankle & Carbin (2019), section 2 and appendix G.1.
    """
    evaluations = -(-config.steps // config.eval_every)
    capacity = min(max(1, CHUNK_STEPS // config.eval_every), evaluations)
    convolves = any(info.kind == "conv" for info in model.layers.values())
    block = EVAL_BLOCK["conv" if convolves else "dense"]

    def start(ticket: Ticket, hyper: Hyper) -> TrainState:
        params = masks.apply(ticket.mask, ticket.params)
        moments = ticket.moments
        if moments is None:
            moments = optim.optimizer(config, hyper).init(params)
        return TrainState(params, ticket.state, moments)

    def score(train: TrainState, fixed: Fixed, data: Dataset) -> Metrics:
        with jax.default_matmul_precision(config.precision):
            return evaluate(model, train.params, train.state, data, fixed.noise, block)

    advance = _make_advance(make_step(model, config), score, config, capacity)
    return Trainer(start, advance, score, capacity)


def _make_advance(
    step_fn: Callable[..., TrainState],
    score: Callable[[TrainState, Fixed, Dataset], Metrics],
    config: TrainConfig,
    capacity: int,
) -> Callable[..., tuple[TrainState, Curve]]:
    def steps(
        train: TrainState, fixed: Fixed, data: Dataset, orders: Orders, span: Any
    ) -> TrainState:
        def body(i: jax.Array, train: TrainState) -> TrainState:
            step = fixed.clock + i
            batch = batch_at(data, orders, step, config.batch_size)
            if config.augment:
                key = jax.random.fold_in(fixed.augment, step)
                batch = augment(key, batch[0]), batch[1]
            return step_fn(train, fixed, batch, step)

        low, high = span
        with jax.default_matmul_precision(config.precision):
            return jax.lax.fori_loop(low, high, body, train)

    def advance(
        train: TrainState, fixed: Fixed, data: Splits, first: jax.Array, stop: jax.Array
    ) -> tuple[TrainState, Curve]:
        orders = _orders(fixed, data.train, first, config, capacity)

        every = config.eval_every
        begun = first // every
        empty = _empty_curve(lambda: score(train, fixed, data.test), capacity)

        def evaluate(train: TrainState) -> Curve:
            parts = data.validation, data.test
            return Curve(*(score(train, fixed, part) for part in parts))

        def period(i: jax.Array, carry: tuple[TrainState, Curve]) -> Any:
            train, curve = carry
            start = (begun + i) * every
            high = jnp.minimum(start + every, stop)
            span = jnp.maximum(start, first), high
            train = steps(train, fixed, data.train, orders, span)
            due = (high % every == 0) | (high == config.steps)
            nothing = jax.tree.map(lambda c: c[0], empty)
            point = jax.lax.cond(due, evaluate, lambda _: nothing, train)
            return train, jax.tree.map(lambda c, v: c.at[i].set(v), curve, point)

        periods = jnp.maximum(1, -(-stop // every) - begun)
        return jax.lax.fori_loop(0, periods, period, (train, empty))

    return advance


def _orders(
    fixed: Fixed, data: Dataset, first: jax.Array, config: TrainConfig, capacity: int
) -> Orders:
    """Shuffle the epochs that a chunk can touch: once, not inside the loop."""
    per_epoch = steps_per_epoch(data.size, config.batch_size)
    epochs = (capacity * config.eval_every - 1) // per_epoch + 2
    first_epoch = (fixed.clock + first) // per_epoch
    return epoch_orders(fixed.order, data.size, first_epoch, epochs)


def _empty_curve(score: Callable[[], Metrics], capacity: int) -> Curve:
    like = jax.eval_shape(score)
    blank = jax.tree.map(lambda s: jnp.full(capacity, jnp.nan, s.dtype), like)
    return Curve(blank, blank)


def check_fits(
    model: Model, config: TrainConfig, data: Dataset, n_classes: int
) -> None:
    """Raise InputError where training config, model and training set do not fit."""
    if config.batch_size > data.size:
        raise InputError(
            f"train.batch_size is {config.batch_size}, but there are only {data.size}"
            " training examples."
        )
    if config.augment and data.x.ndim != 4:
        raise InputError(
            "train.augment needs images [n, height, width, channels]; the training"
            f" examples have shape {data.x.shape[1:]}."
        )
    state = _check_model(model, data, n_classes)
    if config.batch_size == 1 and jax.tree.leaves(state):
        raise InputError(
            "train.batch_size is 1, but this model keeps statistics of batches (batch"
            " norm): take at least 2."
        )


def _check_model(model: Model, data: Dataset, n_classes: int) -> ModelState:
    x = jax.ShapeDtypeStruct((1, *data.x.shape[1:]), data.x.dtype)
    key = jax.random.key(0)
    try:
        params, state = jax.eval_shape(model.init, key)
        logits, _ = jax.eval_shape(
            lambda p, s, x: model.apply(p, s, x, False, key), params, state, x
        )
        outputs = logits.shape[1:]
    except Exception as error:
        raise InputError(
            f"The model does not take the examples, of shape {data.x.shape[1:]}, or"
            f" does not return (logits, state): {error}"
        ) from error
    if len(outputs) != 1 or outputs[0] < n_classes:
        raise InputError(
            f"The model returns logits of shape {logits.shape} for one example, but the"
            f" labels name {n_classes} classes: it must be (1, {n_classes}) or more."
        )
    warn_of_slow_convolutions(model.apply, params, state, data.x.shape[1:])
    return state
