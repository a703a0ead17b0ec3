"""One training as a pure program: steps in a loop on the device, evaluated on the way.

Nothing here knows of lanes, levels or files; `training.lanes` maps it over lanes.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from .. import tree
from ..config import TrainConfig
from ..errors import InputError
from ..models.adapters import warn_of_slow_convolutions
from ..tickets import masks
from ..types import Key, Mask, Model, ModelState, OptState, Params, Ticket
from . import optim
from .dataset import Dataset, Feed, Splits, augment, resident
from .metrics import Metrics, Tally, cross_entropy, mean, n_blocks, no_tally, tally
from .optim import Hyper, MakeOptimizer
from .timeline import Span, Timeline

EVAL_BLOCK = {"dense": 1_000, "conv": 100}
"""Examples per block of an evaluation, so that activations stay in cache."""
CHUNK_STEPS = 1_000
"""At most about so many steps between two returns to the host."""
NEVER = -1
"""The step of what has not happened."""


class Tallies(NamedTuple):
    """Evaluations under way, of each set.

    Attributes:
        validation: of the validation set.
        test: of the test set.
        train: of the training set.
        least: scalar, the least validation loss of the units before, where it decides
            whether the test set is evaluated (``test_every``); else None.
    """

    validation: Tally
    test: Tally
    train: Tally
    least: Any = None


class TrainState(NamedTuple):
    """What a training carries from tick to tick.

    Attributes:
        params: weights; pruned ones are exactly 0, or untrained (`Ticket.filled`).
        mask: True = keep. It stays as it is unless an `AfterStep` changes it.
        state: model state.
        moments: optimizer state.
        failed: int32 scalar, the first step whose loss was not finite, or `NEVER`.
        tallies: evaluations under way; a later one begins with a new tally.
    """

    params: Params
    mask: Mask
    state: ModelState
    moments: OptState
    failed: jax.Array
    tallies: Tallies


class Fixed(NamedTuple):
    """What does not change during a training.

    Attributes:
        clock: int32 scalar, step of schedule and data order at which training starts.
        hyper: traced hyperparameters.
        filled: bool scalar, see `Ticket`.
        replicate: int32 scalar, whose examples it trains on, see `Dataset.rows`.
        order: key of the data order.
        rng: key of what the network draws, e.g. dropout.
        augment: key of the augmentation.
    """

    clock: jax.Array
    hyper: Hyper
    filled: Any
    replicate: Any
    order: Key
    rng: Key
    augment: Key


AfterStep = Callable[[TrainState, Params, jax.Array, Key], TrainState]
"""``(state, gradients before masking, step, key) -> state``: may change the mask."""


class Curve(NamedTuple):
    """Evaluations of one training: leaves are float [evaluations].

    Where the test set was not evaluated, its loss and accuracy are NaN; the accuracy of
    a network that was evaluated never is.
    """

    validation: Metrics
    test: Metrics


class Trainer(NamedTuple):
    """The pure functions of one training.

    Attributes:
        start: (ticket, hyper) -> TrainState at the ticket's rewind point.
        advance: (state, fixed, window, data, steps, first, stop) -> (state, curve):
            goes from tick ``first`` to tick ``stop`` of the timeline of a training of
            so many steps (all traced). Row i of the curve is the evaluation of the i-th
            unit of those it touches. The window is what the feed has read ahead.
        timeline: (data, steps) -> what happens when.
        feed: where the batches come from.
        capacity: units that one call of ``advance`` has room for.
    """

    start: Callable[[Ticket, Hyper], TrainState]
    advance: Callable[..., tuple[TrainState, Curve]]
    timeline: Callable[[Splits, Any], Timeline]
    feed: Feed
    capacity: int


def make_step(
    model: Model, optimizer: MakeOptimizer, after_step: AfterStep | None = None
) -> Callable[[TrainState, Fixed, Any, jax.Array], TrainState]:
    """Return the training step: (state, fixed, batch, step) -> state.

    The step is pure, jittable and vmappable. Weights stay where the mask is True and
    exactly 0 (or untrained, `Ticket.filled`) elsewhere, whatever the optimizer.

    Args:
        model: the network.
        optimizer: made anew in every step from the traced hyperparameters.
        after_step: what happens after the update, e.g. to the mask.
    """

    def loss_fn(params: Params, state: ModelState, batch: Any, key: Key) -> Any:
        x, y = batch
        logits, state = model.apply(params, state, x, True, key)
        return cross_entropy(logits, y), state

    def step_fn(
        now: TrainState, fixed: Fixed, batch: Any, step: jax.Array
    ) -> TrainState:
        key = jax.random.fold_in(fixed.rng, step)
        (loss, state), grads = jax.value_and_grad(loss_fn, has_aux=True)(
            now.params, now.state, batch, key
        )
        fails = (now.failed == NEVER) & ~jnp.isfinite(loss)
        updates, moments = optimizer(fixed.hyper).update(
            grads,
            now.moments,
            now.params,
            mask=now.mask,
            filled=fixed.filled,
            step=step,
        )
        trained = now._replace(
            params=optax.apply_updates(now.params, updates),
            state=state,
            moments=moments,
            failed=jnp.where(fails, step, now.failed),
        )
        if after_step is None:
            return trained
        # A key of its own: the network has drawn from the other.
        after = after_step(trained, grads, step, jax.random.fold_in(key, 1))
        # A weight that the new mask prunes is 0 now, not only after the next update.
        ends = Ticket(after.params, after.mask, None, step, filled=fixed.filled)
        return after._replace(params=masks.start(ends))

    return step_fn


def make_trainer(
    model: Model,
    config: TrainConfig,
    optimizer: MakeOptimizer | None = None,
    after_step: AfterStep | None = None,
    feed: Feed | None = None,
) -> Trainer:
    """Return the pure functions that train one network.

    Args:
        model: the network.
        config: batch size, evaluation, optimizer; values such as the learning rate are
            read from the traced `Hyper`, not from here, and the number of steps is an
            argument.
        optimizer: default: the config's, see `lth_jax.training.optim.optimizer`.
        after_step: what happens after every update, e.g. to the mask.
        feed: where batches come from; default: gathered from the data on the device.

    Returns:
        A `Trainer`; its functions are jittable and vmappable.

    Reference:
        Frankle & Carbin (2019), section 2 and appendix G.1.
    """
    block, feed = eval_block(model), feed or resident(config.batch_size)
    made = optimizer or optim.maker(config, model.layers)

    def timeline(data: Splits, steps: Any) -> Timeline:
        sets = data.validation, data.test, data.train
        blocks = (n_blocks(part.size, block) for part in sets)
        return Timeline(steps, config.eval_every, *blocks)

    def start(ticket: Ticket, hyper: Hyper) -> TrainState:
        params, moments = masks.start(ticket), ticket.moments
        if moments is None:
            moments = made(hyper).init(params)
        zero = no_tally(params)
        thinned = config.test_every is not None
        least = jnp.full_like(zero.loss, jnp.inf) if thinned else None
        tallies = Tallies(zero, zero, zero, least)
        never = jnp.int32(NEVER)
        return TrainState(params, ticket.mask, ticket.state, moments, never, tallies)

    def evaluate(
        now: TrainState, fixed: Fixed, data: Splits, spans: dict[str, Span]
    ) -> TrainState:
        """Evaluate blocks of some sets; the first block of a set begins a new tally."""
        tallies = now.tallies._asdict()
        for name, span in spans.items():
            part, zero = getattr(data, name), no_tally(now.params)
            so_far = jax.tree.map(
                lambda new, old, span=span: jnp.where(span[0] == 0, new, old),
                zero,
                tallies[name],
            )
            network = model, now.params, now.state
            tallies[name] = tally(*network, part, fixed.rng, block, span, so_far)
        return now._replace(tallies=Tallies(**tallies))

    step = make_step(model, made, after_step)
    advance = _make_advance(step, evaluate, timeline, feed, config)
    return Trainer(start, advance, timeline, feed, _capacity(config))


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
    feed: Feed,
    config: TrainConfig,
) -> Callable[..., tuple[TrainState, Curve]]:
    def steps(
        now: TrainState, fixed: Fixed, data: Dataset, opened: Any, span: Span
    ) -> TrainState:
        def body(i: jax.Array, now: TrainState) -> TrainState:
            step = fixed.clock + i
            batch = feed.batch(data, opened, step)
            if config.augment:
                key = jax.random.fold_in(fixed.augment, step)
                batch = augment(key, batch[0]), batch[1]
            return step_fn(now, fixed, batch, step)

        return jax.lax.fori_loop(*span, body, now)

    def advance(
        now: TrainState,
        fixed: Fixed,
        window: Any,
        data: Splits,
        n_steps: jax.Array,
        first: jax.Array,
        stop: jax.Array,
    ) -> tuple[TrainState, Curve]:
        data = data.of(fixed.replicate)
        timeline = timeline_of(data, n_steps)
        begun = timeline.unit_of(first)
        # Once for the chunk, not inside the loop: a resident feed shuffles here.
        begins = fixed.clock + begun * config.eval_every
        most = _capacity(config) * config.eval_every
        opened = feed.open(data.train, window, fixed.order, begins, most)

        def unit(i: jax.Array, carry: tuple[TrainState, Curve]) -> Any:
            now, curve = carry
            validation, test, span, last = timeline.parts(begun + i, first, stop)
            now = evaluate(now, fixed, data, {"validation": validation})
            tested = _tested(now, data, timeline, begun + i, config)
            some = test[0], jnp.where(tested, test[1], test[0])
            now = evaluate(now, fixed, data, {"test": some})
            point = _point(now, data, tested)
            if now.tallies.least is not None:
                passed = test[1] == timeline.test
                least = jnp.fmin(now.tallies.least, point.validation.loss)
                least = jnp.where(passed, least, now.tallies.least)
                now = now._replace(tallies=now.tallies._replace(least=least))
            curve = jax.tree.map(lambda c, v: c.at[i].set(v), curve, point)
            now = steps(now, fixed, data.train, opened, span)
            return evaluate(now, fixed, data, {"train": last}), curve

        units = timeline.unit_of(jnp.maximum(first, stop - 1)) - begun + 1
        empty = jax.tree.map(
            lambda value: jnp.zeros((_capacity(config), *value.shape), value.dtype),
            jax.eval_shape(_point, now, data, True),
        )
        with jax.default_matmul_precision(config.precision):
            return jax.lax.fori_loop(0, units, unit, (now, empty))

    return advance


def _tested(
    now: TrainState, data: Splits, timeline: Timeline, unit: Any, config: TrainConfig
) -> Any:
    """Tell whether the test set is evaluated in a unit (``test_every``)."""
    if config.test_every is None:
        return True
    planned = unit * config.eval_every % config.test_every == 0
    loss = mean(now.tallies.validation, data.validation.size).loss
    return planned | (unit == timeline.units - 1) | (loss < now.tallies.least)


def _point(now: TrainState, data: Splits, tested: Any) -> Curve:
    tallies = now.tallies
    test = mean(tallies.test, data.test.size)
    return Curve(
        mean(tallies.validation, data.validation.size),
        jax.tree.map(lambda value: jnp.where(tested, value, jnp.nan), test),
    )


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
    state = _check_model(model, config, data, n_classes)
    if config.batch_size == 1 and jax.tree.leaves(state):
        raise InputError(
            "train.batch_size is 1, but this model keeps statistics of batches (batch"
            " norm): take at least 2."
        )


def _check_model(model: Model, config: TrainConfig, data: Dataset, n: int) -> Any:
    """Trace a network in both modes, on examples as it will see them; return its state.

    Args:
        model: the network.
        config: of the training.
        data: the training set.
        n: classes of the labels.
    """
    try:
        params, state = jax.eval_shape(model.init, jax.random.key(0))
    except Exception as error:
        raise InputError(f"The model cannot be initialised: {error}") from error
    for path, leaf in tree.flatten(params).items():
        if not jnp.issubdtype(leaf.dtype, jnp.floating):
            raise InputError(
                f"The params of the model have a leaf {path!r} of {leaf.dtype}, which"
                " cannot be trained: params are floats; what is no weight goes into the"
                " state."
            )
    for train in (False, True):
        size = config.batch_size if train else 1
        x = jax.ShapeDtypeStruct((size, *data.x.shape[1:]), data.x.dtype)
        after = _applied(model, params, state, x, train, n)
        if train:
            _check_state(after, state)
    warn_of_slow_convolutions(model.apply, params, state, data.x.shape[1:])
    return state


def _applied(
    model: Model, params: Params, state: ModelState, x: Any, train: bool, n: int
) -> ModelState:
    """Trace a network once; return its new state."""
    key = jax.random.key(0)
    try:
        logits, after = jax.eval_shape(
            lambda p, s, x: model.apply(p, s, x, train, key), params, state, x
        )
        shape, dtype = logits.shape, logits.dtype
    except Exception as error:
        raise InputError(
            f"The model does not take the examples, of shape {x.shape[1:]}, or"
            f" does not return (logits, state), with train={train}: {error}"
        ) from error
    if len(shape) != 2 or shape[0] != x.shape[0] or shape[1] < n:
        raise InputError(
            f"The model returns logits of shape {shape} for a batch of {x.shape[0]},"
            f" with train={train}, but the labels name {n} classes: it must be"
            f" ({x.shape[0]}, {n}) or more."
        )
    if not jnp.issubdtype(dtype, jnp.floating):
        raise InputError(
            f"The model returns logits of {dtype} with train={train}: they must be"
            " floats."
        )
    return after


def _check_state(after: ModelState, before: ModelState) -> None:
    """Refuse a state that changes its kind: each step begins with the one before."""
    names = "The state that the model returns in training", "the state of its init"
    tree.check_alike(after, before, names)
    tree.check_same_types(after, before, names)
