"""Rewinding as data: which weights a ticket starts from, and where its clock stands."""

from collections.abc import Mapping

import jax.numpy as jnp

from ..config import Config
from ..errors import InputError
from ..types import END, FINAL, Mask, Rewind, Snapshot, Ticket, Trajectory

INIT = Rewind(0, 0)


def rewind(trajectory: Trajectory, mask: Mask, rule: Rewind = INIT) -> Ticket:
    """Return the ticket of a mask: weights and clock from a trajectory.

    The ticket's params are the full weights of the rewind point; training applies the
    mask. The optimizer starts afresh (so Adam's bias correction does), unless the rule
    restores it. Pure, jittable and vmappable over snapshots and mask (not over a
    mapping with both step numbers and FINAL: JAX cannot sort it).

    Args:
        trajectory: snapshots by step; FINAL names the end of training.
        mask: True = keep.
        rule: which weights, which clock.

    Raises:
        InputError: the trajectory has no snapshot that the rule names, something else
            in its place, or one without the optimizer state that the rule restores; the
            clock is before 0.

    Example:
        >>> import jax.numpy as jnp
        >>> start = Snapshot({"w": jnp.ones(2)}, {}, None, jnp.int32(0))
        >>> rewind({0: start}, {"w": jnp.array([True, False])}).params["w"].tolist()
        [1.0, 1.0]

    Reference:
        Frankle & Carbin (2019), section 1, step 4; Frankle et al. (2020), Algorithm 1;
        Renda et al. (2020), section 2.
    """
    weights = _at(trajectory, rule.weights)
    if rule.clock == END:
        clock = _at(trajectory, FINAL).clock
    elif rule.clock < 0:
        raise InputError(f"The clock is {rule.clock}: training begins at step 0.")
    else:
        clock = jnp.full_like(weights.clock, rule.clock)
    if rule.moments and weights.moments is None:
        raise InputError(
            f"The snapshot at {rule.weights!r} holds no optimizer state to restore:"
            " keep it there, or start the optimizer afresh."
        )
    moments = weights.moments if rule.moments else None
    # As many as there are clocks: snapshots may be stacked.
    filled = jnp.zeros(jnp.shape(clock), bool)
    return Ticket(weights.params, mask, weights.state, clock, moments, filled)


def _at(trajectory: Trajectory, step: int | str) -> Snapshot:
    if not isinstance(trajectory, Mapping):
        raise InputError(
            f"trajectory is of type {type(trajectory).__name__}: give snapshots by"
            " step, such as {0: start}."
        )
    if step not in trajectory:
        raise InputError(
            f"The trajectory has no snapshot at {step!r}; it has {list(trajectory)}."
        )
    snapshot = trajectory[step]
    if not isinstance(snapshot, Snapshot):
        raise InputError(
            f"trajectory[{step!r}] is of type {type(snapshot).__name__}: it must be a"
            " Snapshot(params, state, moments, clock) of lth_jax.types, such as"
            " Snapshot(params, {}, None, jax.numpy.int32(0))."
        )
    return snapshot


def rule_of(config: Config) -> Rewind:
    """Return the rule by which a study rewinds, its moments as steps.

    Example:
        >>> from lth_jax.config import RewindConfig
        >>> rule_of(Config(rewind=RewindConfig(weights=0.02)))
        Rewind(weights=1000, clock=1000, steps=49000, moments=False)
    """
    weights, clock, steps = config.rewind.resolved(config.train.steps)
    return Rewind(weights, clock, steps, config.rewind.moments == "restored")
