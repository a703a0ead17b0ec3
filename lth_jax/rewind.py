"""Rewinding as data: which weights a ticket starts from, and where its clock stands."""

from collections.abc import Mapping
from typing import Literal, NamedTuple

from .errors import InputError
from .types import END, FINAL, Mask, Snapshot, Ticket


class Rewind(NamedTuple):
    """A rule of rewinding.

    Attributes:
        weights: step whose weights the ticket starts from, or FINAL.
        clock: step at which schedule and data order stand, or END.
        steps: length of the training; None = what is left after the clock.

    Example:
        ``Rewind(0, 0)`` resets to the initialisation (Frankle & Carbin 2019),
        ``Rewind(k, k)`` rewinds to step k (Frankle et al. 2020, Algorithm 1).
    """

    weights: int | Literal["final"] = 0
    clock: int | Literal["end"] = 0
    steps: int | None = None


INIT = Rewind(0, 0)


def rewind(
    trajectory: Mapping[int | str, Snapshot], mask: Mask, rule: Rewind = INIT
) -> Ticket:
    """Return the ticket of a mask: weights and clock from a trajectory.

    The ticket's params are the full weights of the rewind point; training applies the
    mask. The optimizer starts afresh. Pure, jittable and vmappable over snapshots and
    mask (not over a mapping with both step numbers and FINAL: JAX cannot sort it).

    Args:
        trajectory: snapshots by step; FINAL names the end of training.
        mask: True = keep.
        rule: which weights, which clock.

    Raises:
        InputError: the trajectory has no snapshot that the rule names.

    Example:
        >>> import jax.numpy as jnp
        >>> start = Snapshot({"w": jnp.ones(2)}, {}, None, jnp.int32(0))
        >>> rewind({0: start}, {"w": jnp.array([True, False])}).params["w"].tolist()
        [1.0, 1.0]

    Reference:
        Frankle & Carbin (2019), section 1, step 4; Frankle et al. (2020), Algorithm 1.
    """
    weights = _at(trajectory, rule.weights)
    clock = _at(trajectory, FINAL if rule.clock == END else rule.clock).clock
    return Ticket(weights.params, mask, weights.state, clock)


def _at(trajectory: Mapping[int | str, Snapshot], step: int | str) -> Snapshot:
    if step not in trajectory:
        raise InputError(
            f"The trajectory has no snapshot at {step!r}; it has {list(trajectory)}."
        )
    return trajectory[step]
