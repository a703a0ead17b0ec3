"""Iterative magnitude pruning: train, prune, rewind, repeat; one-shot too.

A *chain* is what one pruning needs of the level before it; a *wave* is what can train
at once. Iterative pruning has one level per wave, one-shot pruning all of them.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import groupby, islice
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from . import masks, optim, tree
from .config import Config
from .controls import CONTROLS
from .counts import layer_rates, level_counts
from .criteria import CRITERIA
from .dataset import Splits
from .ensemble import Lanes, Outcome, join, make_program, run_lanes
from .errors import InputError
from .keys import Stream, derive
from .outline import LaneId, level_ids, names, pruned_kind, waves, widest_wave
from .rewind import rewind
from .train import NEVER, check_fits
from .types import (
    Evidence,
    Key,
    Mask,
    Model,
    ModelState,
    Params,
    Snapshot,
    Ticket,
)

Status = Literal["ok", "diverged", "collapsed", "not_run"]


class Chain(NamedTuple):
    """What the next pruning needs: NumPy arrays, replicates as first axis.

    Attributes:
        masks: of the tickets.
        finals: weights at the end of training, of the tickets or, with continued
            training, of the chains.
        states: model state at the end of training, of the same.
        alive: bool [replicates]; a replicate that diverged or collapsed stops.
    """

    masks: Mask
    finals: Params
    states: ModelState
    alive: np.ndarray


class Study(NamedTuple):
    """A config made concrete.

    Attributes:
        model: the network.
        config: all settings.
        start: initial weights and state, replicates as first axis.
        counts: survivors at every level, as `lth_jax.masks.prune` takes them.
        prune: (finals, masks, count) -> masks, over replicates; compiled once.
        controls: kind -> (keys, tickets) -> tickets, over lanes; compiled once.
    """

    model: Model
    config: Config
    start: Snapshot
    counts: Sequence[Any]
    prune: Callable[..., Mask]
    controls: Mapping[str, Callable[[Key, Ticket], Ticket]]


class Wave(NamedTuple):
    """What of one study can train at once.

    Attributes:
        study: from `make_study`.
        levels: increasing.
        parent: chain of `parent_of` these levels; None for level 0.
    """

    study: Study
    levels: Sequence[int]
    parent: Chain | None


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
    """

    number: int
    ids: tuple[LaneId, ...]
    tickets: Ticket | None
    outcome: Outcome | None
    absent: Mapping[LaneId, Status]
    masks: Mask

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

    def failures(self, evaluations: Sequence[int]) -> dict[LaneId, int]:
        """Return at which step those that diverged did.

        Args:
            evaluations: steps at which networks were evaluated.

        Returns:
            The first step whose loss was not finite or, where only evaluations were
            not, the step of the first of these.
        """
        steps = {}
        for i, finite in enumerate(self._finite):
            if self.outcome is not None and not finite.all():
                step = int(self.outcome.failed[i])
                first = evaluations[int(np.argmin(finite))]
                steps[self.ids[i]] = first if step == NEVER else step
        return steps


def make_study(model: Model, config: Config) -> Study:
    """Draw the initial weights of all replicates and fix the counts of all levels.

    Args:
        model: the network.
        config: validated here.

    Raises:
        InputError: the config is wrong, by itself or for this model.
    """
    config.validate()
    _check_layers(model)
    counts = level_counts(model.layers, config.prune)
    root = jax.random.key(config.seed)
    keys = [derive(root, r, Stream.INIT) for r in range(config.replicates)]
    params, state = jax.jit(jax.vmap(model.init))(jnp.stack(keys))
    clock = jnp.zeros(config.replicates, jnp.int32)
    controls = {
        kind: jax.jit(jax.vmap(make(model))) for kind, (make, _) in CONTROLS.items()
    }
    start = Snapshot(params, state, None, clock)
    return Study(model, config, start, counts, _make_prune(model, config), controls)


def _check_layers(model: Model) -> None:
    params, _ = jax.eval_shape(model.init, jax.random.key(0))
    prunable = [
        p for p, leaf in tree.flatten(params).items() if masks.is_prunable(leaf)
    ]
    if not prunable or set(prunable) != set(model.layers):
        raise InputError(
            f"model.layers names {sorted(model.layers)}, but the parameters with two or"
            f" more axes, which can be pruned, are {prunable}: build the model with"
            " from_linen, from_nnx or from_functions, which make the table."
        )


def _make_prune(model: Model, config: Config) -> Callable[..., Mask]:
    rates = layer_rates(model.layers, config.prune)
    protected = {p for p, r in rates.items() if not r and not config.prune.one_shot}
    criterion = CRITERIA[config.prune.criterion]

    def prune(finals: Params, init: Params, mask: Mask, n_keep: Any) -> Mask:
        scores = tree.map_with_path(
            lambda path, s: jnp.full_like(s, jnp.inf) if path in protected else s,
            criterion(Evidence(finals, init, mask)),
        )
        return masks.prune(scores, mask, n_keep)

    return jax.jit(jax.vmap(prune, in_axes=(0, 0, 0, None)))


def run_waves(
    waves: Sequence[Wave], train: Callable[[Lanes, list[str]], Iterable[Outcome]]
) -> Iterator[tuple[int, Level]]:
    """Prune, rewind, add the controls and train; yield each level when it is complete.

    Args:
        waves: of studies that differ in nothing that the training program holds fixed,
            such as learning rates; they train as lanes of one program.
        train: (lanes, their names) -> outcomes of consecutive groups of them, e.g.
            ``lambda lanes, _: run_lanes(program, lanes, data)``.

    Yields:
        The number of the wave and a level of it, in order.
    """
    plans = [
        (i, plan_level(wave.study, number, wave.parent))
        for i, wave in enumerate(waves)
        for number in wave.levels
    ]
    lanes = [lanes_of(waves[i].study, plan) for i, plan in plans if plan.ids]
    named = [
        name for i, plan in plans for name in names(waves[i].study.config, plan.ids)
    ]
    outcomes = _one_by_one(train(join(lanes), named)) if lanes else iter(())
    for i, plan in plans:
        mine = list(islice(outcomes, len(plan.ids)))
        outcome = (
            jax.tree.map(lambda *leaves: np.stack(leaves), *mine) if mine else None
        )
        yield i, plan._replace(outcome=outcome)


def _one_by_one(outcomes: Iterable[Outcome]) -> Iterator[Outcome]:
    for outcome in outcomes:
        yield from (tree.take(outcome, i) for i in range(len(outcome.train.loss)))


def plan_level(study: Study, number: int, parent: Chain | None) -> Level:
    """Prune and rewind: return a level that has yet to be trained.

    Args:
        study: from `make_study`.
        number: of the level.
        parent: chain of `parent_of` this level; None for level 0.
    """
    status: list[Any]
    if parent is None:
        mask = jax.vmap(masks.ones)(study.start.params)
        status = ["ok"] * study.config.replicates
    else:
        mask = study.prune(
            parent.finals, study.start.params, parent.masks, study.counts[number]
        )
        counts = jax.vmap(masks.layer_counts)(mask)
        empty = np.any([np.asarray(n) == 0 for n in counts.values()], axis=0)
        pruned = np.where(empty, "collapsed", "ok")
        status = np.where(parent.alive, pruned, "not_run").tolist()
    wanted = level_ids(study.config, number)
    ids = tuple(lane for lane in wanted if status[lane.replicate] == "ok")
    absent = {lane: status[lane.replicate] for lane in wanted if lane not in ids}
    tickets = _tickets(study, ids, mask, parent) if ids else None
    return Level(number, ids, tickets, None, absent, tree.to_host(mask))


def _tickets(
    study: Study, ids: Sequence[LaneId], mask: Mask, parent: Chain | None
) -> Ticket:
    """Return tickets and controls, stacked like ``ids``."""
    originals = tree.to_host(rewind({0: study.start}, mask))
    root = jax.random.key(study.config.seed)
    parts = []
    for kind, group in groupby(ids, key=lambda lane: lane.kind):
        lanes = list(group)
        replicates = np.array([lane.replicate for lane in lanes])
        part = tree.take(originals, replicates)
        if kind == "chain" and parent is not None:
            carried = tree.take((parent.finals, parent.states), replicates)
            part = part._replace(params=carried[0], state=carried[1])
        elif kind != "ticket":
            stream = CONTROLS[kind][1]
            keys = [derive(root, lane.replicate, stream, lane.draw) for lane in lanes]
            part = tree.to_host(study.controls[kind](jnp.stack(keys), part))
        parts.append(part)
    return tree.concatenate(parts)


def lanes_of(study: Study, level: Level) -> Lanes:
    """Return the lanes that train a level: tickets, hyperparameters, keys."""
    root = jax.random.key(study.config.seed)

    def keys(stream: Stream) -> Key:
        return jnp.stack([derive(root, lane.replicate, stream) for lane in level.ids])

    hypers = jax.tree.map(
        lambda value: np.full(len(level.ids), value, jnp.result_type(float)),
        optim.hyper(study.config.train),
    )
    assert level.tickets is not None
    streams = (Stream.ORDER, Stream.NOISE, Stream.AUGMENT)
    return Lanes(level.tickets, hypers, *(keys(stream) for stream in streams))


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


def chain_of(study: Study, level: Level) -> Chain:
    """Return what the pruning after a level needs.

    Args:
        study: the level's study.
        level: trained.
    """
    kind = pruned_kind(study.config, level.number)
    alive = np.zeros(study.config.replicates, bool)
    for lane, status in zip(level.ids, level.status, strict=True):
        if lane.kind == kind:
            alive[lane.replicate] = status == "ok"
    return Chain(level.masks, *finals_of(study, level, kind), alive)


def finals_of(study: Study, level: Level, kind: str) -> tuple[Params, ModelState]:
    """Return final weights and model state of one kind, over all replicates.

    Args:
        study: the level's study.
        level: trained.
        kind: "ticket" or "chain".
    """
    if level.outcome is None:
        start = tree.to_host((study.start.params, study.start.state))
        return jax.tree.map(np.zeros_like, start)
    finals = (level.outcome.finals.params, level.outcome.finals.state)
    return by_replicate(level, finals, study.config.replicates, kind)


def find_ticket(model: Model, splits: Splits, config: Config) -> Iterator[Level]:
    """Find winning tickets, level by level, in memory.

    Args:
        model: a `Model`, e.g. from `lth_jax.from_linen`.
        splits: the data, e.g. from `lth_jax.from_arrays`.
        config: training, pruning, replicates, controls, plan; what it says of data,
            model and places is not used.

    Yields:
        Levels 0 (dense) to L, each when it is trained.

    Raises:
        InputError: before anything is trained, where config, model and data do not fit.

    Example:
        >>> import lth_jax as lth
        >>> splits, _ = lth.sources.load(lth.DataConfig(), seed=0)
        >>> model = lth.lenet((8, 8, 1), widths=(5,))
        >>> train, prune = lth.TrainConfig(steps=1), lth.PruneConfig(levels=1)
        >>> levels = lth.find_ticket(model, splits, Config(train=train, prune=prune))
        >>> [level.number for level in levels]
        [0, 1]

    Reference:
        Frankle & Carbin (2019), section 1, "Identifying winning tickets".
    """
    study = make_study(model, config)
    check_fits(model, config.train, splits.train, splits.n_classes)
    devices = jax.local_devices()[: config.plan.devices or widest_wave(config)]
    lanes = (
        1 if devices[0].platform == "cpu" else -(-widest_wave(config) // len(devices))
    )
    program = make_program(
        model,
        config.train,
        devices=devices,
        lanes_per_device=config.plan.lanes or lanes,
    )
    data = program.put_data(splits)
    chain = None
    for wave in waves(config):
        for _, level in run_waves(
            [Wave(study, wave, chain)], lambda lanes, _: run_lanes(program, lanes, data)
        ):
            if level.number == wave[0]:
                following = chain_of(study, level)
            yield level
        chain = following
