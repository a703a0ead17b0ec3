"""A level before and after its training, and what the levels after it need of it."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

from .. import tree
from ..schema import Status
from ..training.lanes import Outcome
from ..training.loop import NEVER
from ..types import LayerInfo, Mask, Snapshot, Ticket, Trajectory
from .networks import LaneId, LevelPlan


class Parent(NamedTuple):
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


class Ready(NamedTuple):
    """A level that is pruned and rewound, and has yet to be trained.

    Attributes:
        plan: what was known of it before.
        ids: the trainings that take place, tickets first.
        tickets: what they start from, stacked like ``ids``.
        absent: trainings that do not take place, and why.
        masks: of the tickets of all replicates, stacked; what pruning gave, also where
            the ticket is absent.
        alive: bool [replicates]: pruning has left something of every layer, and so it
            was at the levels before.
        layers: the network's prunable layers.
    """

    plan: LevelPlan
    ids: tuple[LaneId, ...]
    tickets: Ticket
    absent: Mapping[LaneId, Status]
    masks: Mask
    alive: np.ndarray
    layers: Mapping[str, LayerInfo]

    def trained(self, outcome: Outcome) -> "Level":
        """Return the level with what its networks, stacked like ``ids``, came to."""
        known = self.absent, self.masks, self.layers
        return Level(self.plan, self.ids, self.tickets, outcome, *known)


class Level(NamedTuple):
    """One level of a study, trained.

    Attributes:
        plan: what was known of it before; its steps, its evaluations.
        ids: the trainings, tickets first.
        tickets: what they started from, stacked like ``ids``.
        outcome: what they came to, stacked like ``ids``.
        absent: trainings that did not take place, and why.
        masks: of the tickets of all replicates, stacked; what pruning gave, also where
            the ticket is absent.
        layers: the network's prunable layers.
    """

    plan: LevelPlan
    ids: tuple[LaneId, ...]
    tickets: Ticket
    outcome: Outcome
    absent: Mapping[LaneId, Status]
    masks: Mask
    layers: Mapping[str, LayerInfo]

    @property
    def number(self) -> int:
        """Number of the level; 0 = dense."""
        return self.plan.number

    @property
    def evaluations(self) -> Sequence[int]:
        """Steps at which its networks are evaluated."""
        return self.plan.evaluations

    @property
    def replicates(self) -> int:
        """Number of replicates, absent ones included."""
        return len(jax.tree.leaves(self.masks)[0])

    @property
    def status(self) -> tuple[Status, ...]:
        """Status of every training in ``ids``."""
        return tuple(np.where(self._finite.all(1), "ok", "diverged").tolist())

    @property
    def _finite(self) -> np.ndarray:
        """Tell which evaluations came to a number, [lanes, evaluations]."""
        validation, test = self.outcome.curve
        tested = ~np.isnan(test.accuracy)
        return np.isfinite(validation.loss) & (np.isfinite(test.loss) | ~tested)

    @property
    def failures(self) -> dict[LaneId, int]:
        """At which step those that diverged did.

        The first step whose loss was not finite or, where only evaluations were not,
        the step of the first of these.
        """
        steps = {}
        for i, finite in enumerate(self._finite):
            if not finite.all():
                step = int(self.outcome.failed[i])
                first = self.evaluations[int(np.argmin(finite))]
                steps[self.ids[i]] = first if step == NEVER else step
        return steps

    def ticket(self, replicate: int) -> Ticket:
        """Return the ticket of one replicate, no longer stacked.

        Raises:
            KeyError: it was not trained; names those that were.
        """
        places = {
            lane.replicate: i
            for i, lane in enumerate(self.ids)
            if lane.kind == "ticket"
        }
        if replicate not in places:
            raise KeyError(
                f"level {self.number} has no ticket of replicate {replicate}; it has"
                f" those of {sorted(places)}."
            )
        return tree.take(self.tickets, places[replicate])

    def __repr__(self) -> str:
        """Name the level and count its networks; arrays are not printed."""
        kinds = dict.fromkeys(lane.kind for lane in self.ids)
        counts = (f"{sum(i.kind == kind for i in self.ids)} {kind}" for kind in kinds)
        return f"Level({self.number}: {', '.join(counts) or 'no network'})"


def by_replicate(level: Level, leaves: Any, kind: str) -> Any:
    """Spread what one kind has at a level over all replicates; absent ones get 0.

    Args:
        level: whose networks.
        leaves: tree stacked like ``level.ids``.
        kind: "ticket" or "chain".

    Returns:
        The tree as NumPy arrays, replicates as first axis.
    """
    lanes = [i for i, lane in enumerate(level.ids) if lane.kind == kind]
    rows = [level.ids[i].replicate for i in lanes]

    def spread(leaf: Any) -> np.ndarray:
        leaf = np.asarray(leaf)
        full = np.zeros((level.replicates, *leaf.shape[1:]), leaf.dtype)
        full[rows] = leaf[lanes]
        return full

    return jax.tree.map(spread, leaves)


def parent_of(level: Level) -> Parent:
    """Return what the pruning after a trained level needs."""
    kind = level.plan.pruned
    alive = np.zeros(level.replicates, bool)
    for lane, status in zip(level.ids, level.status, strict=True):
        if lane.kind == kind:
            alive[lane.replicate] = status == "ok"
    return Parent(masks_at_end(level), finals_of(level, kind), alive)


def masks_at_end(level: Level) -> Mask:
    """Return the masks, of all replicates, that the next pruning goes on from.

    They are those of the start of training, unless training can change them: then those
    of the networks whose weights decide.
    """
    if level.outcome.masks is None:
        return level.masks
    kind = level.plan.pruned
    ended = by_replicate(level, level.outcome.masks, kind)
    trained = [lane.replicate for lane in level.ids if lane.kind == kind]

    def where_trained(end: np.ndarray, start: np.ndarray) -> np.ndarray:
        whole = np.array(start)
        whole[trained] = end[trained]
        return whole

    return jax.tree.map(where_trained, ended, level.masks)


def finals_of(level: Level, kind: str) -> Snapshot:
    """Return where one kind of a trained level ended, over all replicates.

    Args:
        level: trained.
        kind: "ticket" or "chain".
    """
    ended = by_replicate(level, level.outcome.finals, kind)
    return ended._replace(clock=np.full(level.replicates, level.plan.end, np.int32))


def trajectory_of(dense: Level) -> Trajectory:
    """Return the snapshots on the way of the dense networks, over all replicates.

    Args:
        dense: level 0, trained.
    """
    return {
        step: by_replicate(dense, snapshot, "ticket")
        for step, snapshot in dense.outcome.kept.items()
    }
