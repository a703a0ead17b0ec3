"""A level of a study: its networks, and what the levels after it need of them."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

from .. import tree
from ..config import Config
from ..schema import Status
from ..training.lanes import Outcome
from ..training.loop import NEVER
from ..types import Mask, Snapshot, Ticket, Trajectory
from .networks import LaneId, clock_of, pruned_kind, steps_of


class Chain(NamedTuple):
    """What the next pruning needs: NumPy arrays, replicates as first axis.

    Attributes:
        masks: of the tickets.
        finals: end of training of the tickets or, with continued training, of the
            chains.
        alive: bool [replicates]; a replicate that diverged or collapsed stops.
    """

    masks: Mask
    finals: Snapshot
    alive: np.ndarray


class Level(NamedTuple):
    """One level of a study, trained.

    Attributes:
        number: 0 = dense.
        ids: the trainings, tickets first.
        tickets: what they started from, stacked like ``ids``.
        outcome: what they came to, stacked like ``ids``; None if there are none.
        absent: trainings that did not take place, and why.
        masks: of the tickets of all replicates, stacked; what pruning gave, also where
            the ticket is absent.
        evaluations: steps at which the networks are evaluated.
    """

    number: int
    ids: tuple[LaneId, ...]
    tickets: Ticket | None
    outcome: Outcome | None
    absent: Mapping[LaneId, Status]
    masks: Mask
    evaluations: Sequence[int]

    @property
    def status(self) -> tuple[Status, ...]:
        """Status of every training in ``ids``."""
        return tuple(np.where(self._finite.all(1), "ok", "diverged").tolist())

    @property
    def _finite(self) -> np.ndarray:
        """Tell which evaluations came to a number, [lanes, evaluations]."""
        if self.outcome is None:
            return np.ones((0, 0), bool)
        curve = self.outcome.curve
        return np.isfinite(curve.validation.loss) & np.isfinite(curve.test.loss)

    @property
    def failures(self) -> dict[LaneId, int]:
        """At which step those that diverged did.

        The first step whose loss was not finite or, where only evaluations were not,
        the step of the first of these.
        """
        steps = {}
        for i, finite in enumerate(self._finite):
            if self.outcome is not None and not finite.all():
                step = int(self.outcome.failed[i])
                first = self.evaluations[int(np.argmin(finite))]
                steps[self.ids[i]] = first if step == NEVER else step
        return steps


def by_replicate(level: Level, leaves: Any, replicates: int, kind: str) -> Any:
    """Spread what one kind has at a level over all replicates; absent ones get 0.

    Args:
        level: whose networks.
        leaves: tree stacked like ``level.ids``, or None if there are none.
        replicates: first axis of the result.
        kind: "ticket" or "chain".

    Returns:
        The tree as NumPy arrays, replicates as first axis.
    """
    lanes = [i for i, lane in enumerate(level.ids) if lane.kind == kind]
    rows = [level.ids[i].replicate for i in lanes]

    def spread(leaf: Any) -> np.ndarray:
        leaf = np.asarray(leaf)
        full = np.zeros((replicates, *leaf.shape[1:]), leaf.dtype)
        full[rows] = leaf[lanes]
        return full

    return jax.tree.map(spread, leaves)


def chain_of(config: Config, level: Level, like: Snapshot) -> Chain:
    """Return what the pruning after a level needs.

    Args:
        config: of the study.
        level: trained.
        like: what a snapshot of all replicates looks like.
    """
    kind = pruned_kind(config, level.number)
    alive = np.zeros(config.replicates, bool)
    for lane, status in zip(level.ids, level.status, strict=True):
        if lane.kind == kind:
            alive[lane.replicate] = status == "ok"
    return Chain(level.masks, finals_of(config, level, kind, like), alive)


def finals_of(config: Config, level: Level, kind: str, like: Snapshot) -> Snapshot:
    """Return where one kind of a level ended, over all replicates.

    Args:
        config: of the study.
        level: trained.
        kind: "ticket" or "chain".
        like: what a snapshot of all replicates looks like.
    """
    end = clock_of(config, level.number) + steps_of(config, level.number)
    if level.outcome is None:
        ended = jax.tree.map(np.zeros_like, tree.to_host(like._replace(moments=None)))
    else:
        ended = by_replicate(level, level.outcome.finals, config.replicates, kind)
    return ended._replace(clock=np.full(config.replicates, end, np.int32))


def trajectory_of(config: Config, dense: Level) -> Trajectory:
    """Return the snapshots on the way of the dense networks, over all replicates.

    Args:
        config: of the study.
        dense: level 0, trained.
    """
    assert dense.outcome is not None
    return {
        step: by_replicate(dense, snapshot, config.replicates, "ticket")
        for step, snapshot in dense.outcome.kept.items()
    }
