"""Optimizers as optax chains that leave pruned weights at exactly 0."""

import dataclasses
from collections.abc import Callable, Collection
from functools import lru_cache, partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from .. import tree
from ..config import TrainConfig
from ..errors import InputError
from ..tickets import masks


class Hyper(NamedTuple):
    """Traced hyperparameters: other values need no new compilation.

    Attributes:
        learning_rate: scalar.
        momentum: scalar, decay of the momentum buffer.
        weight_decay: scalar, L2 factor of prunable kernels.
        warmup: scalar, steps of linear warmup.
        drop_factor: scalar, factor of every drop of the learning rate.
        clip_norm: scalar, largest global norm of the gradient; inf where not clipped.
    """

    learning_rate: Any
    momentum: Any
    weight_decay: Any
    warmup: Any
    drop_factor: Any
    clip_norm: Any


def hyper(config: TrainConfig) -> Hyper:
    """Return the traced half of a training config.

    Example:
        >>> hyper(TrainConfig(learning_rate=0.1)).learning_rate
        0.1
    """
    clip = float("inf") if config.clip_norm is None else config.clip_norm
    return Hyper(
        learning_rate=config.learning_rate,
        momentum=config.momentum,
        weight_decay=config.weight_decay,
        warmup=config.warmup,
        drop_factor=config.drop_factor,
        clip_norm=clip,
    )


def static(config: TrainConfig) -> TrainConfig:
    """Return the static half: configs that share it share a compilation.

    Every traced value is set to 1, or to 0 or None where it is absent from the program.

    Example:
        >>> slow, fast = (TrainConfig(learning_rate=rate) for rate in (1e-4, 1e-3))
        >>> static(slow) == static(fast)
        True
    """
    return dataclasses.replace(
        config,
        steps=1,
        learning_rate=1.0,
        momentum=1.0,
        weight_decay=float(config.weight_decay > 0),
        warmup=1,
        drop_factor=1.0,
        clip_norm=None if config.clip_norm is None else 1.0,
    )


def learning_rate(config: TrainConfig, values: Hyper, step: Any) -> Any:
    """Return the learning rate at a step.

    Warmup rises linearly over ``warmup`` steps, reaching the full value at the last of
    them; a drop takes effect at its own step.

    Args:
        config: names the steps of the drops (static).
        values: the rest, traced.
        step: int scalar.

    Example:
        >>> config = TrainConfig(learning_rate=1.0, warmup=4, drops=(10,))
        >>> rates = [learning_rate(config, hyper(config), s) for s in (0, 3, 9, 10)]
        >>> [round(float(rate), 6) for rate in rates]
        [0.25, 1.0, 1.0, 0.1]

    Reference:
        Frankle & Carbin (2019), section 4 and appendix I.
    """
    warm = jnp.clip((step + 1) / jnp.maximum(values.warmup, 1), None, 1)
    dropped = sum(step >= drop for drop in config.drops)
    return values.learning_rate * warm * values.drop_factor**dropped


def freeze_pruned(
    inner: optax.GradientTransformation,
) -> optax.GradientTransformationExtraArgs:
    """Make an optax transformation keep pruned weights at exactly 0.

    Gradients are masked before it (so pruned weights do not disturb a clipping by
    global norm) and updates after it (so neither momentum nor decay revives one). What
    the mask forbids becomes 0 at the first update, whatever it was: full weights, such
    as those of a ticket or of `lth_jax.load_ticket`, need no masking beforehand. The
    mask is an extra argument of ``update``, traced, one bool per weight, and may change
    from step to step; ``optax.masked`` and ``optax.freeze`` take static masks of whole
    leaves.

    It must be the outermost transformation: what comes after it, such as a scaling in
    an ``optax.chain`` around it, would change the update that makes a weight 0.

    Args:
        inner: any optax transformation, e.g. ``optax.adamw(1e-3)``, or a chain.

    Returns:
        A transformation with ``update(grads, state, params, mask=mask)``. Two further
        arguments are optional: without ``params``, pruned weights stay what they are;
        so they do with ``filled=True`` (`lth_jax.Ticket`), which may be traced.

    Raises:
        InputError: ``update`` is called without a mask, or with one of another tree.

    Example:
        >>> import jax.numpy as jnp
        >>> tx = freeze_pruned(optax.sgd(0.5))
        >>> params, mask = {"w": jnp.array([1.0, 8.0])}, {"w": jnp.array([True, False])}
        >>> updates, _ = tx.update(params, tx.init(params), params, mask=mask)
        >>> optax.apply_updates(params, updates)["w"].tolist()
        [0.5, 0.0]

        Flax's ``TrainState.apply_gradients`` hands no extra arguments over, so there
        the update is written out::

            updates, moments = state.tx.update(
                grads, state.opt_state, state.params, mask=mask
            )
            state = state.replace(
                step=state.step + 1,
                params=optax.apply_updates(state.params, updates),
                opt_state=moments,
            )
    """
    inner = optax.with_extra_args_support(inner)

    def update(
        grads: Any,
        state: Any,
        params: Any = None,
        *,
        mask: Any = None,
        filled: Any = False,
        **extra: Any,
    ) -> tuple[Any, Any]:
        _check_mask(mask, grads)
        grads = masks.apply(mask, grads)
        updates, state = inner.update(grads, state, params, **extra)
        if params is None or filled is True:
            return masks.apply(mask, updates), state
        return jax.tree.map(partial(_to_zero, filled), mask, updates, params), state

    return optax.GradientTransformationExtraArgs(inner.init, update)


def _to_zero(filled: Any, mask: Any, update: Any, param: Any) -> Any:
    """Return the update, or where the mask is False the one that makes a weight 0.

    ``0 - param``, not ``-param``: for a weight that is 0 the update is 0, not -0.
    """
    forbidden = jnp.where(filled, 0, 0 - param)
    return jnp.where(mask, update, forbidden)


def _check_mask(mask: Any, grads: Any) -> None:
    if mask is None:
        raise InputError(
            "freeze_pruned needs the mask: tx.update(grads, state, params, mask=mask)."
            " flax's TrainState.apply_gradients does not hand it over: call"
            " state.tx.update yourself, as the docstring of freeze_pruned shows."
        )
    try:
        alike = jax.tree_util.all_leaves(jax.tree.structure(mask).flatten_up_to(grads))
    except (TypeError, ValueError):
        alike = False
    if not alike:
        raise InputError(
            "The mask and the gradients are different trees,"
            f" {jax.tree.structure(mask)} and {jax.tree.structure(grads)}. (Inside"
            " optax.masked or optax.multi_transform, freeze_pruned sees a part of the"
            " gradients: put it around them.)"
        )


def scale_by_clock(
    schedule: Callable[[jax.Array], Any],
) -> optax.GradientTransformationExtraArgs:
    """Scale updates by minus the learning rate at the clock.

    Unlike ``optax.scale_by_schedule``, which counts its own updates from 0, the step is
    an extra argument: a rewound ticket stands where its clock says.

    Args:
        schedule: step -> learning rate.
    """

    def update(
        updates: Any, state: Any, params: Any = None, *, step: Any, **extra: Any
    ):
        del params, extra
        rate = schedule(step)
        return jax.tree.map(lambda u: -rate * u, updates), state

    return optax.GradientTransformationExtraArgs(lambda _: optax.EmptyState(), update)


def check_takes_step(inner: optax.GradientTransformation, params: Any) -> None:
    """Raise InputError where an optimizer counts its own steps for a schedule.

    Rewound to a later step, its schedule would start anew. The bias correction of Adam
    counts too, and is meant to start anew.

    Args:
        inner: an optax optimizer.
        params: weights, or their shapes.
    """
    decaying = optax.add_decayed_weights(optax.constant_schedule(0.0))
    counting = (
        optax.ScaleByScheduleState,
        optax.schedules.InjectStatefulHyperparamsState,
        optax.ConditionallyMaskState,
        optax.ConditionallyTransformState,
        type(jax.eval_shape(decaying.init, params)),
    )
    state = jax.eval_shape(inner.init, params)
    found = jax.tree.leaves(state, is_leaf=lambda node: isinstance(node, counting))
    if any(isinstance(node, counting) for node in found):
        raise InputError(
            "rewind.clock is above 0, but the optimizer's schedule counts its own"
            " updates from 0. Give the optimizer without a learning rate, such as"
            " optax.scale_by_adam(), and chain"
            " lth_jax.training.optim.scale_by_clock(schedule) behind it, which takes"
            " the step."
        )


OPTIMIZERS: dict[str, Callable[[Hyper], optax.GradientTransformation]] = {
    "sgd": lambda _: optax.identity(),
    "momentum": lambda h: optax.trace(decay=h.momentum),
    "adam": lambda _: optax.scale_by_adam(),
}


def optimizer(
    config: TrainConfig,
    values: Hyper,
    *,
    layers: Collection[str],
) -> optax.GradientTransformationExtraArgs:
    """Return the optimizer of a training: ``update(g, s, p, mask=mask, step=step)``.

    Clip, then add L2 decay, then the optimizer proper, then the learning rate.

    Args:
        config: names the pieces (static).
        values: their values, which may be traced.
        layers: paths of the kernels, ``model.layers``: what weight decay covers.

    Deviation:
        The papers do not say what weight decay covers; here it covers prunable kernels,
        not biases or norms.
    """
    pieces = []
    if config.clip_norm is not None:
        pieces.append(optax.clip_by_global_norm(values.clip_norm))
    if config.weight_decay:

        def kernels(params: Any) -> Any:
            return tree.map_with_path(lambda path, _: path in layers, params)

        pieces.append(optax.add_decayed_weights(values.weight_decay, mask=kernels))
    pieces.append(OPTIMIZERS[config.optimizer](values))
    pieces.append(scale_by_clock(lambda step: learning_rate(config, values, step)))
    return freeze_pruned(optax.chain(*pieces))


MakeOptimizer = Callable[[Hyper], optax.GradientTransformationExtraArgs]
"""hyperparameters -> what `optimizer` returns."""


def maker(
    config: TrainConfig,
    layers: Collection[str],
    given: optax.GradientTransformation | None = None,
) -> MakeOptimizer:
    """Return how the optimizer of a study is made from traced hyperparameters.

    Args:
        config: names the pieces (static); values come from the hyperparameters.
        layers: paths of the prunable kernels, which weight decay covers.
        given: the user's own optimizer; it takes the place of the config's.
    """
    entry = OPTIMIZERS[config.optimizer] if given is None else None
    return _maker(static(config), tuple(layers), given, entry)


@lru_cache(maxsize=64)
def _maker(
    config: TrainConfig,
    layers: tuple[str, ...],
    given: optax.GradientTransformation | None,
    entry: Any,
) -> MakeOptimizer:
    """Return one function for equal arguments: compiled programs are found by it.

    The entry of the table is one of them, so that a new entry of a name counts.
    """
    del entry
    if given is not None:
        frozen = freeze_pruned(given)
        return lambda values: frozen
    return lambda values: optimizer(config, values, layers=layers)
