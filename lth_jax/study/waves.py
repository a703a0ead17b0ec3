"""Iterative magnitude pruning: train, prune, rewind, repeat; one-shot too.

A *chain* is what one pruning needs of the level before it; a *wave* is what can train
at once. Iterative pruning has one level per wave, one-shot pruning all of them.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import groupby, islice
from types import MappingProxyType
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from .. import tree
from ..config import Config
from ..errors import InputError
from ..keys import Stream, derive
from ..tickets import masks
from ..tickets.controls import CONTROLS, noisy_init
from ..tickets.counts import layer_rates, level_counts
from ..tickets.criteria import CRITERIA
from ..tickets.rewinding import rewind, rule_of
from ..training import optim
from ..training.dataset import Splits
from ..training.lanes import (
    Keep,
    Lanes,
    Outcome,
    Program,
    join,
    make_program,
    run_lanes,
)
from ..training.loop import check_fits
from ..types import (
    FINAL,
    Evidence,
    Key,
    Mask,
    Model,
    Params,
    Snapshot,
    Ticket,
    Trajectory,
)
from .level import Chain, Level, chain_of, trajectory_of
from .networks import (
    LaneId,
    clock_of,
    evaluations,
    kept_steps,
    level_ids,
    names,
    steps_of,
    waves,
    widest_of,
)


class Study(NamedTuple):
    """A config made concrete.

    Attributes:
        model: the network.
        config: all settings.
        start: initial weights and state, replicates as first axis.
        counts: survivors at every level, as `lth_jax.tickets.masks.prune` takes them.
        prune: (finals, masks, count) -> masks, over replicates; compiled once.
        controls: kind -> (keys, tickets) -> tickets, over lanes, compiled once; and
            the stream of its keys.
        inner: the user's own optimizer, in place of the config's.
    """

    model: Model
    config: Config
    start: Snapshot
    counts: Sequence[Any]
    prune: Callable[..., Mask]
    controls: Mapping[str, tuple[Callable[[Key, Ticket], Ticket], Stream]]
    inner: optax.GradientTransformation | None = None


class Wave(NamedTuple):
    """What of one study can train at once.

    Attributes:
        study: from `make_study`.
        levels: increasing.
        parent: chain of `parent_of` these levels; None for level 0.
        dense: snapshots of the dense networks at the steps of `kept_steps`.
    """

    study: Study
    levels: Sequence[int]
    parent: Chain | None = None
    dense: Trajectory = MappingProxyType({})


def make_study(
    model: Model, config: Config, inner: optax.GradientTransformation | None = None
) -> Study:
    """Draw the initial weights of all replicates and fix the counts of all levels.

    Args:
        model: the network.
        config: validated here.
        inner: the user's own optimizer, in place of the config's.

    Raises:
        InputError: the config is wrong, by itself or for model or optimizer.
    """
    config.validate()
    _check_layers(model)
    if inner is not None and any(clock_of(config, n) for n in (0, config.levels)):
        optim.check_takes_step(inner, jax.eval_shape(model.init, jax.random.key(0))[0])
    counts = level_counts(model.layers, config.prune)
    root = jax.random.key(config.seed)
    keys = [derive(root, r, Stream.INIT) for r in range(config.replicates)]
    params, state = jax.jit(jax.vmap(model.init))(jnp.stack(keys))
    clock = jnp.zeros(config.replicates, jnp.int32)
    start = Snapshot(params, state, None, clock)
    prune, controls = _make_prune(model, config), _make_controls(model, config)
    return Study(model, config, start, counts, prune, controls, inner)


def _check_layers(model: Model) -> None:
    params, _ = jax.eval_shape(model.init, jax.random.key(0))
    shapes = {path: leaf.shape for path, leaf in tree.flatten(params).items()}
    known = {path: info.shape for path, info in model.layers.items()}
    if not known or not known.items() <= shapes.items():
        raise InputError(
            f"model.layers names {known}, but the parameters are {shapes}: build the"
            " model with from_linen, from_nnx or from_functions, which make the table."
        )


def _make_prune(model: Model, config: Config) -> Callable[..., Mask]:
    rates = layer_rates(model.layers, config.prune)
    protected = {p for p, r in rates.items() if not r and not config.prune.one_shot}
    criterion = CRITERIA[config.prune.criterion].score

    def prune(finals: Params, init: Params, mask: Mask, n_keep: Any) -> Mask:
        scores = tree.map_with_path(
            lambda path, s: jnp.full_like(s, jnp.inf) if path in protected else s,
            criterion(Evidence(finals, init, mask)),
        )
        return masks.prune(scores, mask, n_keep, prunable=model.layers)

    return jax.jit(jax.vmap(prune, in_axes=(0, 0, 0, None)))


def _make_controls(
    model: Model, config: Config
) -> dict[str, tuple[Callable[[Key, Ticket], Ticket], Stream]]:
    made = {
        kind: (jax.jit(jax.vmap(entry.make(model))), entry.stream)
        for kind, entry in CONTROLS.items()
        if not entry.scaled and entry.stream is not None
    }
    noisy = jax.jit(jax.vmap(noisy_init(model), (None, 0, 0)))
    return made | {
        kind: (partial(noisy, float(scale)), Stream.NOISY_INIT)
        for kind, scale in config.noise_kinds.items()
    }


Train = Callable[[Lanes, list[str], Keep], Iterable[Outcome]]
"""(lanes, their names, moments to keep) -> outcomes of consecutive groups of them."""


def run_waves(waves: Sequence[Wave], train: Train) -> Iterator[tuple[int, Level]]:
    """Prune, rewind, add the controls and train; yield each level when it is complete.

    Args:
        waves: of studies that differ in nothing that the training program holds fixed,
            such as learning rates; they train as lanes of one program, and what two of
            them have in common (`names`), such as the dense network, trains once.
        train: e.g. ``lambda lanes, _, keep: run_lanes(program, lanes, data,
            keep=keep)``.

    Yields:
        The number of the wave and a level of it, in order.
    """
    plans = [
        (i, plan_level(wave, number))
        for i, wave in enumerate(waves)
        for number in wave.levels
    ]
    named = [names(waves[i].study.config, plan.ids) for i, plan in plans]
    left = Counter(name for mine in named for name in mine)
    lanes, known = [], set()
    for (i, plan), mine in zip(plans, named, strict=True):
        new = [n for n, name in enumerate(mine) if name not in known]
        known |= set(mine)
        if new:
            own = lanes_of(waves[i].study, plan)
            lanes.append(own if len(new) == own.size else tree.take(own, np.array(new)))
    joined = join(lanes) if lanes else None
    lanes.clear()
    trained = train(joined, list(left), _kept(waves)) if joined else ()
    arriving = zip(left, _one_by_one(trained), strict=False)
    arrived: dict[str, Outcome] = {}
    for (i, plan), mine in zip(plans, named, strict=True):
        arrived |= islice(arriving, len(set(mine) - arrived.keys()))
        parts = [arrived[name] for name in mine]
        outcome = jax.tree.map(lambda *x: np.stack(x), *parts) if parts else None
        left.subtract(mine)
        arrived = {name: one for name, one in arrived.items() if left[name]}
        yield i, plan._replace(outcome=outcome)


def _kept(waves: Sequence[Wave]) -> Keep:
    """Return the moments that studies want of their dense networks."""
    configs = [wave.study.config for wave in waves if 0 in wave.levels]
    steps = {step for config in configs for step in kept_steps(config)}
    return Keep(sorted(steps), any(rule_of(config).moments for config in configs))


def _one_by_one(outcomes: Iterable[Outcome]) -> Iterator[Outcome]:
    for outcome in outcomes:
        yield from (tree.take(outcome, i) for i in range(len(outcome.train.loss)))


def plan_level(wave: Wave, number: int) -> Level:
    """Prune and rewind: return a level that has yet to be trained.

    Args:
        wave: to which it belongs.
        number: of the level.
    """
    study, parent = wave.study, wave.parent
    status: list[Any]
    if parent is None:
        mask = jax.vmap(masks.ones)(study.start.params)
        status = ["ok"] * study.config.replicates
    else:
        mask = study.prune(
            parent.finals.params,
            study.start.params,
            parent.masks,
            study.counts[number],
        )
        count = partial(masks.layer_counts, prunable=study.model.layers)
        counts = tree.to_host(jax.vmap(count)(mask))
        empty = np.any(
            [(n == 0).reshape(len(n), -1).any(1) for n in counts.values()], 0
        )
        pruned = np.where(empty, "collapsed", "ok")
        status = np.where(parent.alive, pruned, "not_run").tolist()
    wanted = level_ids(study.config, number)
    ids = tuple(lane for lane in wanted if status[lane.replicate] == "ok")
    absent = {lane: status[lane.replicate] for lane in wanted if lane not in ids}
    tickets = _tickets(wave, ids, mask) if ids else None
    steps = evaluations(study.config, number)
    return Level(number, ids, tickets, None, absent, tree.to_host(mask), steps)


def _tickets(wave: Wave, ids: Sequence[LaneId], mask: Mask) -> Ticket:
    """Return tickets and controls, stacked like ``ids``."""
    study, parent = wave.study, wave.parent
    originals = tree.to_host(_rewound(wave, mask))
    root = jax.random.key(study.config.seed)
    parts = []
    for kind, group in groupby(ids, key=lambda lane: lane.copied or lane.kind):
        lanes = list(group)
        replicates = np.array([lane.replicate for lane in lanes])
        part = tree.take(originals, replicates)
        if kind == "chain" and parent is not None:
            carried = tree.take(parent.finals, replicates)
            part = part._replace(params=carried.params, state=carried.state)
        elif kind != "ticket":
            control, stream = study.controls[kind]
            draws = [0 if lane.copied else lane.draw for lane in lanes]
            keys = [
                derive(root, lane.replicate, stream, draw)
                for lane, draw in zip(lanes, draws, strict=True)
            ]
            part = tree.to_host(control(jnp.stack(keys), part))
        if originals.moments is not None and part.moments is None:
            part = part._replace(moments=new_moments(study, part.params))
        parts.append(part)
    return tree.concatenate(parts)


def _rewound(wave: Wave, mask: Mask) -> Ticket:
    """Return the tickets of a level at their rewind point, stacked."""
    study, rule = wave.study, rule_of(wave.study.config)
    trajectory = {**wave.dense, 0: study.start}
    if wave.parent is None:
        return rewind(trajectory, mask)
    if rule.moments and rule.weights == 0:
        moments = new_moments(study, study.start.params)
        trajectory[0] = study.start._replace(moments=moments)
    return rewind({**trajectory, FINAL: wave.parent.finals}, mask, rule)


def new_moments(study: Study, params: Params) -> optax.OptState:
    """Return the state of an optimizer that starts afresh, of stacked networks."""
    train = study.config.train
    tx = optim.optimizer(
        train, optim.hyper(train), layers=study.model.layers, inner=study.inner
    )
    return tree.to_host(jax.vmap(tx.init)(params))


def lanes_of(study: Study, level: Level) -> Lanes:
    """Return the lanes that train a level: tickets, hyperparameters, keys."""
    root = jax.random.key(study.config.seed)

    def keys(stream: Stream) -> Key:
        return jnp.stack(
            [
                derive(root, lane.replicate, stream, lane.draw if lane.copied else 0)
                for lane in level.ids
            ]
        )

    hypers = jax.tree.map(
        lambda value: np.full(len(level.ids), value, jnp.result_type(float)),
        optim.hyper(study.config.train),
    )
    assert level.tickets is not None
    steps = np.full(len(level.ids), steps_of(study.config, level.number), np.int32)
    streams = (Stream.ORDER, Stream.NOISE, Stream.AUGMENT)
    return Lanes(level.tickets, hypers, steps, *(keys(stream) for stream in streams))


def find_ticket(
    model: Model,
    splits: Splits,
    config: Config,
    optimizer: optax.GradientTransformation | None = None,
) -> Iterator[Level]:
    """Find winning tickets, level by level, in memory.

    Args:
        model: a `Model`, e.g. from `lth_jax.from_linen`.
        splits: the data, e.g. from `lth_jax.from_arrays`.
        config: training, pruning, replicates, controls, plan; what it says of data,
            model and places is not used.
        optimizer: any optax optimizer, with its own learning rate; it takes the place
            of the config's. Rewound to a step above 0, its schedules must take the
            step: see `lth_jax.training.optim.scale_by_clock`.

    Yields:
        Levels 0 (dense) to L, each when it is trained.

    Raises:
        InputError: before anything is trained, where config, model, data and optimizer
            do not fit.

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
    study = make_study(model, config, optimizer)
    check_fits(model, config.train, splits.train, splits.n_classes)
    program = _program(study)
    data = program.put_data(splits)

    def train(lanes: Lanes, _: list[str], keep: Keep) -> Iterator[Outcome]:
        return run_lanes(program, lanes, data, keep=keep)

    chain, dense = None, {}
    for wave in waves(config):
        for _, level in run_waves([Wave(study, wave, chain, dense)], train):
            if level.number == wave[0]:
                following = chain_of(config, level, study.start)
            if level.number == 0:
                dense = trajectory_of(config, level)
            yield level
        chain = following


def _program(study: Study) -> Program:
    """Return a training program on all devices that a study can use."""
    config, widest = study.config, widest_of([study.config])
    devices = jax.local_devices()[: config.plan.devices or widest]
    lanes = 1 if devices[0].platform == "cpu" else -(-widest // len(devices))
    return make_program(
        study.model,
        config.train,
        devices=devices,
        lanes_per_device=config.plan.lanes or lanes,
        inner=study.inner,
    )
