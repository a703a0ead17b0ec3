"""One training as a pure program: steps in a loop on the device, evaluated on the way.

Nothing here knows of lanes, levels or files; `training.lanes` maps it over lanes.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from ..config import TrainConfig
from ..errors import InputError
from ..models.adapters import warn_of_slow_convolutions
from ..tickets import masks
from ..types import Key, Mask, Model, ModelState, Params, Ticket
from . import optim
from .dataset import (
    Dataset,
    Orders,
    Splits,
    augment,
    batch_at,
    epoch_orders,
    steps_per_epoch,
)
from .metrics import Metrics, Tally, cross_entropy, mean, n_blocks, no_tally, tally
from .optim import Hyper
from .timeline import Span, Timeline

EVAL_BLOCK = {"dense": 1_000, "conv": 100}
"""Examples per block of an evaluation, so that activations stay in cache."""
CHUNK_STEPS = 1_000
"""At most about so many steps between two returns to the host."""
NEVER = -1
"""The step of what has not happened."""


class Tallies(NamedTuple):
    """Evaluations under way, of each set."""

    validation: Tally
    test: Tally
    train: Tally


class TrainState(NamedTuple):
    """What a training carries from tick to tick.

    Attributes:
        params: weights; pruned ones are exactly 0.
        state: model state.
        moments: optimizer state.
        failed: int32 scalar, the first step whose loss was not finite, or `NEVER`.
        tallies: evaluations under way; a later one begins with a new tally.
    """

    params: Params
    state: ModelState
    moments: optax.OptState
    failed: jax.Array
    tallies: Tallies


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
        advance: (state, fixed, data, steps, first, stop) -> (state, curve): goes from
            tick ``first`` to tick ``stop`` of the timeline of a training of so many
            steps (all traced). Row i of the curve is the evaluation of the i-th unit of
            those it touches.
        timeline: (data, steps) -> what happens when.
        capacity: units that one call of ``advance`` has room for.
    """

    start: Callable[[Ticket, Hyper], TrainState]
    advance: Callable[..., tuple[TrainState, Curve]]
    timeline: Callable[[Splits, Any], Timeline]
    capacity: int


def make_step(
    model: Model,
    config: TrainConfig,
    inner: optax.GradientTransformation | None = None,
) -> Callable[[TrainState, Fixed, Any, jax.Array], TrainState]:
    """Return the training step: (state, fixed, batch, step) -> state.

    The step is pure, jittable and vmappable. Weights stay where the mask is True and
    exactly 0 elsewhere, whatever the optimizer.

    Args:
        model: the network.
        config: optimizer and precision (static); values come from ``fixed.hyper``.
        inner: an optimizer that takes the place of the config's.
    """

    def loss_fn(params: Params, state: ModelState, batch: Any, key: Key) -> Any:
        x, y = batch
        logits, state = model.apply(params, state, x, True, key)
        return cross_entropy(logits, y), state

    def step_fn(
        train: TrainState, fixed: Fixed, batch: Any, step: jax.Array
    ) -> TrainState:
        key = jax.random.fold_in(fixed.noise, step)
        (loss, state), grads = jax.value_and_grad(loss_fn, has_aux=True)(
            train.params, train.state, batch, key
        )
        fails = (train.failed == NEVER) & ~jnp.isfinite(loss)
        tx = optim.optimizer(config, fixed.hyper, layers=model.layers, inner=inner)
        updates, moments = tx.update(
            grads, train.moments, train.params, mask=fixed.mask, step=step
        )
        return train._replace(
            params=optax.apply_updates(train.params, updates),
            state=state,
            moments=moments,
            failed=jnp.where(fails, step, train.failed),
        )

    return step_fn


def make_trainer(
    model: Model,
    config: TrainConfig,
    inner: optax.GradientTransformation | None = None,
) -> Trainer:
    """Return the pure functions that train one network.

    Args:
        model: the network.
        config: batch size, evaluation, optimizer; values such as the learning rate are
            read from the traced `Hyper`, not from here, and the number of steps is an
            argument.
        inner: an optimizer that takes the place of the config's, with its own rate.

    Returns:
        A `Trainer`; its functions are jittable and vmappable.

    Reference:
        Frankle & Carbin (2019), section 2 and appendix G.1.
    """
    block = eval_block(model)

    def timeline(data: Splits, steps: Any) -> Timeline:
        sets = data.validation, data.test, data.train
        blocks = (n_blocks(part.size, block) for part in sets)
        return Timeline(steps, config.eval_every, *blocks)

    def start(ticket: Ticket, hyper: Hyper) -> TrainState:
        params = masks.apply(ticket.mask, ticket.params)
        moments = ticket.moments
        if moments is None:
            tx = optim.optimizer(config, hyper, layers=model.layers, inner=inner)
            moments = tx.init(params)
        tallies = Tallies(*(no_tally(params) for _ in Tallies._fields))
        return TrainState(params, ticket.state, moments, jnp.int32(NEVER), tallies)

    def evaluate(
        train: TrainState, fixed: Fixed, data: Splits, spans: dict[str, Span]
    ) -> TrainState:
        """Evaluate blocks of some sets; the first block of a set begins a new tally."""
        tallies = train.tallies._asdict()
        for name, span in spans.items():
            part, zero = getattr(data, name), no_tally(train.params)
            so_far = jax.tree.map(
                lambda new, old, span=span: jnp.where(span[0] == 0, new, old),
                zero,
                tallies[name],
            )
            network = model, train.params, train.state
            tallies[name] = tally(*network, part, fixed.noise, block, span, so_far)
        return train._replace(tallies=Tallies(**tallies))

    step = make_step(model, config, inner)
    advance = _make_advance(step, evaluate, timeline, config)
    return Trainer(start, advance, timeline, _capacity(config))


def eval_block(model: Model) -> int:
    """Return how many examples of an evaluation a model takes at once."""
    convolves = any(info.kind == "conv" for info in model.layers.values())
    return EVAL_BLOCK["conv" if convolves else "dense"]


def _capacity(config: TrainConfig) -> int:
    return max(1, CHUNK_STEPS // config.eval_every)


def _make_advance(
    step_fn: Callable[..., TrainState],
    evaluate: Callable[..., TrainState],
    timeline_of: Callable[[Splits, Any], Timeline],
    config: TrainConfig,
) -> Callable[..., tuple[TrainState, Curve]]:
    def steps(
        train: TrainState, fixed: Fixed, data: Dataset, orders: Orders, span: Span
    ) -> TrainState:
        def body(i: jax.Array, train: TrainState) -> TrainState:
            step = fixed.clock + i
            batch = batch_at(data, orders, step, config.batch_size)
            if config.augment:
                key = jax.random.fold_in(fixed.augment, step)
                batch = augment(key, batch[0]), batch[1]
            return step_fn(train, fixed, batch, step)

        return jax.lax.fori_loop(*span, body, train)

    def advance(
        train: TrainState,
        fixed: Fixed,
        data: Splits,
        n_steps: jax.Array,
        first: jax.Array,
        stop: jax.Array,
    ) -> tuple[TrainState, Curve]:
        timeline = timeline_of(data, n_steps)
        begun = timeline.unit_of(first)
        orders = _orders(fixed, data.train, begun * config.eval_every, config)

        def unit(i: jax.Array, carry: tuple[TrainState, Curve]) -> Any:
            train, curve = carry
            validation, test, span, last = timeline.parts(begun + i, first, stop)
            spans = {"validation": validation, "test": test}
            train = evaluate(train, fixed, data, spans)
            point = _point(train, data)
            curve = jax.tree.map(lambda c, v: c.at[i].set(v), curve, point)
            train = steps(train, fixed, data.train, orders, span)
            return evaluate(train, fixed, data, {"train": last}), curve

        units = timeline.unit_of(jnp.maximum(first, stop - 1)) - begun + 1
        empty = jax.tree.map(
            lambda value: jnp.zeros((_capacity(config), *value.shape), value.dtype),
            jax.eval_shape(_point, train, data),
        )
        with jax.default_matmul_precision(config.precision):
            return jax.lax.fori_loop(0, units, unit, (train, empty))

    return advance


def _point(train: TrainState, data: Splits) -> Curve:
    tallies = train.tallies
    return Curve(
        mean(tallies.validation, data.validation.size),
        mean(tallies.test, data.test.size),
    )


def _orders(
    fixed: Fixed, data: Dataset, first: jax.Array, config: TrainConfig
) -> Orders:
    """Shuffle the epochs that a chunk can touch: once, not inside the loop."""
    per_epoch = steps_per_epoch(data.size, config.batch_size)
    epochs = (_capacity(config) * config.eval_every - 1) // per_epoch + 2
    first_epoch = (fixed.clock + first) // per_epoch
    return epoch_orders(fixed.order, data.size, first_epoch, epochs)


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
