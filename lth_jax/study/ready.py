"""Prune, rewind, add the controls: a level made ready to be trained."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any, Protocol

import jax
import jax.numpy as jnp
import numpy as np

from .. import tree
from ..keys import Stream, derive
from ..tickets import masks
from ..tickets.rewinding import rewind, rule_of
from ..training import optim
from ..training.lanes import Lanes
from ..types import (
    END,
    FINAL,
    Key,
    Mask,
    OptState,
    Params,
    Snapshot,
    Ticket,
    Trajectory,
)
from .draws import check_drawn
from .level import Level, Parent, Ready, Status
from .networks import LaneId, LevelPlan
from .study import Study


class Memory(Protocol):
    """What a study remembers of the levels that are trained: in memory, or on disk."""

    def parent(self, number: int) -> Parent:
        """Return what the pruning after a level needs."""
        ...

    def trajectory(self) -> Trajectory:
        """Return the dense networks' snapshots at `kept_steps`; FINAL at the end."""
        ...

    def keep(self, level: Level) -> None:
        """Remember a level that is trained."""
        ...


def make_ready(
    study: Study, level: LevelPlan, memory: Memory, before: Mapping[int, Ready]
) -> Ready:
    """Prune the level before, rewind what survives, and add the controls.

    Args:
        study: to which the level belongs.
        level: its plan.
        memory: of the levels that are trained.
        before: levels that are ready too, but not trained: those of the same wave.
    """
    mask, alive = _prune(study, level, memory, before)
    status: list[Status] = [_status(level, a, k) for a, k in zip(*alive, strict=True)]
    ids = tuple(lane for lane in level.networks if status[lane.replicate] == "ok")
    absent: dict[LaneId, Status] = {
        lane: status[lane.replicate] for lane in level.networks if lane not in ids
    }
    originals = tree.to_host(_rewind(study, level, memory, mask))
    tickets = _with_controls(study, level, memory, ids, originals)
    there = np.array([s == "ok" for s in status])
    kept = tree.to_host(mask)
    return Ready(level, ids, tickets, absent, kept, there, study.model.layers)


def _status(level: LevelPlan, alive: bool, kept: bool) -> Status:
    if not alive:
        return "not_run"
    return "ok" if kept else "collapsed"


def _prune(
    study: Study, level: LevelPlan, memory: Memory, before: Mapping[int, Ready]
) -> tuple[Mask, tuple[np.ndarray, np.ndarray]]:
    """Return the masks of a level; which replicates had a parent, and have layers."""
    replicates = study.config.replicates
    if level.parent is None:
        mask = jax.vmap(masks.ones)(study.start.params)
        return mask, (np.ones(replicates, bool), np.ones(replicates, bool))
    parent = _parent(study, level, memory, before)
    mask = study.prune(level.number, parent, study.start)
    layers = study.model.layers
    counts = jax.vmap(lambda m: masks.layer_counts(m, prunable=layers))(mask)
    empty = [
        np.any(np.asarray(n).reshape(replicates, -1) == 0, axis=1)
        for n in counts.values()
    ]
    return mask, (parent.alive, ~np.any(empty, axis=0))


def _parent(
    study: Study, level: LevelPlan, memory: Memory, before: Mapping[int, Ready]
) -> Parent:
    """Return what is pruned: trained networks or, where nothing waits, initial ones."""
    assert level.parent is not None
    if level.waits == level.parent:
        return memory.parent(level.parent)
    above = before.get(level.parent)
    if above is None:  # Not in this wave: its mask is a function of the config.
        above = make_ready(study, study.plan[level.parent], memory, before)
    start = tree.to_host(study.start)
    return Parent(above.masks, start, above.alive)


def _rewind(study: Study, level: LevelPlan, memory: Memory, mask: Mask) -> Ticket:
    """Return the tickets of a level at their rewind point, stacked."""
    rule, start = rule_of(study.config), study.start
    if level.parent is None:
        tickets = rewind({0: start}, mask)
    else:
        if rule.moments and rule.weights == 0:
            start = start._replace(moments=new_moments(study, start.params))
        trajectory: dict[Any, Snapshot] = {0: start}
        if rule.weights not in (0, FINAL):
            trajectory |= {k: v for k, v in memory.trajectory().items() if k != FINAL}
        if rule.weights == FINAL:
            trajectory[FINAL] = memory.parent(level.parent).finals
        elif rule.clock == END:  # its step is known, whoever is trained
            trajectory[FINAL] = start._replace(clock=start.clock + level.clock)
        tickets = rewind(trajectory, mask, rule)
    return tickets._replace(filled=np.zeros(study.config.replicates, bool))


def _with_controls(
    study: Study,
    level: LevelPlan,
    memory: Memory,
    ids: Sequence[LaneId],
    originals: Ticket,
) -> Ticket:
    """Return tickets and controls, stacked like ``ids``."""
    parts = [tree.take(originals, np.zeros(0, int))]
    for kind, group in groupby(ids, key=lambda lane: lane.copied or lane.kind):
        lanes = list(group)
        replicates = np.array([lane.replicate for lane in lanes])
        part = tree.take(originals, replicates)
        if kind == "chain" and level.parent is not None:
            finals = memory.parent(level.parent).finals
            carried = tree.take(finals, replicates)
            part = part._replace(params=carried.params, state=carried.state)
        elif kind not in ("ticket", "chain"):
            part = _drawn(study, kind, lanes, part)
        if originals.moments is not None and part.moments is None:
            part = part._replace(moments=new_moments(study, part.params))
        parts.append(part)
    return tree.concatenate(parts)


def _drawn(study: Study, kind: str, lanes: Sequence[LaneId], tickets: Ticket) -> Ticket:
    """Return a control of tickets; copies are of its first draw."""
    drawn = study.controls[kind]
    keys = jnp.stack([drawn.key(n.replicate, 0 if n.copied else n.draw) for n in lanes])
    if study.config.control_draws == "per_level":
        keys = jax.vmap(jax.random.fold_in, (0, None))(keys, lanes[0].level)
    made = tree.to_host(drawn.control(keys, tickets))
    made = made._replace(filled=np.broadcast_to(made.filled, len(lanes)).astype(bool))
    check_drawn(kind, tickets, made, study.model.layers)
    return made


def new_moments(study: Study, params: Params) -> OptState:
    """Return the state of an optimizer that starts afresh, of stacked networks."""
    tx = study.optimizer(optim.hyper(study.config.train))
    return tree.to_host(jax.vmap(tx.init)(params))


def lanes_of(study: Study, ready: Ready) -> Lanes:
    """Return the lanes that train a level: tickets, hyperparameters, keys."""
    root, size = jax.random.key(study.config.seed), len(ready.ids)

    def keys(stream: Stream) -> Key:
        return jnp.stack(
            [
                derive(root, lane.replicate, stream, lane.draw if lane.copied else 0)
                for lane in ready.ids
            ]
        )

    hypers = jax.tree.map(
        lambda value: np.full(size, value, jnp.result_type(float)),
        optim.hyper(study.config.train),
    )
    steps = np.full(size, ready.plan.steps, np.int32)
    replicates = np.array([lane.replicate for lane in ready.ids], np.int32)
    streams = (Stream.ORDER, Stream.NOISE, Stream.AUGMENT)
    random = (keys(stream) for stream in streams)
    return Lanes(ready.tickets, hypers, steps, replicates, *random)
