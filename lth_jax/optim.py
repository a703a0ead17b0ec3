"""Optimizers as optax chains that leave pruned weights at exactly 0."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import optax

from . import masks
from .config import TrainConfig


class Hyper(NamedTuple):
    """Traced hyperparameters: other values need no new compilation.

    Attributes:
        learning_rate: scalar.
        momentum: scalar, decay of the momentum buffer.
        weight_decay: scalar, L2 factor of prunable kernels.
        clip_norm: scalar, largest global norm of the gradient; inf where not clipped.
    """

    learning_rate: Any
    momentum: Any
    weight_decay: Any
    clip_norm: Any


def hyper(config: TrainConfig) -> Hyper:
    """Return the traced half of a training config.

    Example:
        >>> hyper(TrainConfig(learning_rate=0.1)).learning_rate
        0.1
    """
    clip = float("inf") if config.clip_norm is None else config.clip_norm
    return Hyper(config.learning_rate, config.momentum, config.weight_decay, clip)


def freeze_pruned(
    inner: optax.GradientTransformation,
) -> optax.GradientTransformationExtraArgs:
    """Make an optax transformation leave pruned weights alone.

    Gradients are masked before it (so pruned weights do not disturb a clipping by
    global norm) and updates after it (so neither momentum nor decay revives one). The
    mask is an extra argument of ``update``, traced, one bool per weight;
    ``optax.masked`` and ``optax.freeze`` take static masks of whole leaves.

    Args:
        inner: any optax transformation, e.g. ``optax.adamw(1e-3)``.

    Returns:
        A transformation with ``update(grads, state, params, mask=mask)``.

    Example:
        >>> import jax.numpy as jnp
        >>> tx = freeze_pruned(optax.sgd(0.5))
        >>> params, mask = {"w": jnp.array([1.0, 0.0])}, {"w": jnp.array([True, False])}
        >>> updates, _ = tx.update(params, tx.init(params), params, mask=mask)
        >>> updates["w"].tolist()
        [-0.5, 0.0]
    """
    inner = optax.with_extra_args_support(inner)

    def update(grads: Any, state: Any, params: Any = None, *, mask: Any, **extra: Any):
        grads = masks.apply(mask, grads)
        updates, state = inner.update(grads, state, params, **extra)
        return masks.apply(mask, updates), state

    return optax.GradientTransformationExtraArgs(inner.init, update)


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


OPTIMIZERS: dict[str, Callable[[Hyper], optax.GradientTransformation]] = {
    "sgd": lambda _: optax.identity(),
    "momentum": lambda h: optax.trace(decay=h.momentum),
    "adam": lambda _: optax.scale_by_adam(),
}


def optimizer(
    config: TrainConfig, values: Hyper
) -> optax.GradientTransformationExtraArgs:
    """Return the optimizer of a training: ``update(g, s, p, mask=mask, step=step)``.

    Clip, then add L2 decay, then the optimizer proper, then the learning rate.

    Args:
        config: names the pieces (static).
        values: their values, which may be traced.

    Deviation:
        The papers do not say what weight decay covers; here it covers prunable kernels,
        not biases or norms.
    """
    pieces = []
    if config.clip_norm is not None:
        pieces.append(optax.clip_by_global_norm(values.clip_norm))
    if config.weight_decay:
        kernels = lambda params: jax.tree.map(masks.is_prunable, params)  # noqa: E731
        pieces.append(optax.add_decayed_weights(values.weight_decay, mask=kernels))
    pieces.append(OPTIMIZERS[config.optimizer](values))
    pieces.append(scale_by_clock(lambda _: values.learning_rate))
    return freeze_pruned(optax.chain(*pieces))
