"""Many trainings as lanes of one program: tickets and controls, replicates, levels.

A group of lanes trains at once: spread over devices outside (`shard_map`, no
communication), stacked within a device (`vmap` on accelerators). All groups have one
width, so all levels and controls share one compilation; the last group is padded.
"""

import functools
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import groupby
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import AxisType, Mesh, NamedSharding
from jax.sharding import PartitionSpec as P

from .. import tree
from ..config import TrainConfig
from ..types import Key, LayerInfo, Mask, Model, Snapshot, Ticket, Trajectory
from . import optim
from .dataset import Feed, Splits
from .loop import AfterStep, Curve, Fixed, TrainState, make_trainer
from .metrics import Metrics, mean
from .optim import Hyper, MakeOptimizer
from .timeline import Timeline

COMPILER_OPTIONS: dict[str, dict[str, Any]] = {
    "cpu": {"xla_cpu_prefer_vector_width": 512}
}
"""By platform. XLA's default on a CPU is 256 bits, also where AVX-512 is there; a
processor with narrower vectors uses what it has."""

LANE, SHARED = P("lane"), P()


class Lanes(NamedTuple):
    """Trainings stacked along the first axis of every leaf.

    Attributes:
        tickets: what is trained.
        hypers: traced hyperparameters of each.
        steps: int [lanes], how long each trains; equal ones train as a group.
        replicates: int32 [lanes], whose examples each trains on.
        orders: keys of the data order.
        rngs: keys of what the networks draw, e.g. for dropout.
        augments: keys of the augmentation.
    """

    tickets: Ticket
    hypers: Hyper
    steps: np.ndarray
    replicates: np.ndarray
    orders: Key
    rngs: Key
    augments: Key

    @property
    def size(self) -> int:
        """Number of lanes."""
        return self.orders.shape[0]


def join(parts: Sequence[Lanes]) -> Lanes:
    """Return the lanes of all parts as one stack."""
    *stacks, orders, rngs, augments = zip(*parts, strict=True)
    keys = (jnp.concatenate(part) for part in (orders, rngs, augments))
    return Lanes(*(tree.concatenate(part) for part in stacks), *keys)


class Outcome(NamedTuple):
    """What lanes came to, as NumPy arrays with the lanes as first axis.

    Attributes:
        finals: weights and model state at the end of training.
        curve: evaluations [lanes, evaluations], the first one before training.
        train: metrics over the training set at the end, [lanes].
        failed: int32 [lanes], the first step whose loss was not finite, or -1.
        kept: snapshots on the way, see `Keep`.
        masks: at the end of training, where they can change in it, else None.
    """

    finals: Snapshot
    curve: Curve
    train: Metrics
    failed: np.ndarray
    kept: Trajectory
    masks: Mask | None = None


class Keep(NamedTuple):
    """What of a training is kept on the way.

    Attributes:
        steps: after how many steps, each from 1 to the last.
        moments: optimizer state is kept too.
    """

    steps: Sequence[int] = ()
    moments: bool = False


NOTHING = Keep()


class Underway(NamedTuple):
    """Lanes in the middle of their training.

    Attributes:
        states: stacked.
        curve: evaluations so far, NumPy [lanes, evaluations]; None before the first.
        done: ticks of the timeline.
        steps: of them, training steps.
        length: of the training, in steps.
        kept: snapshots so far.
    """

    states: TrainState
    curve: Curve | None
    done: int
    steps: int
    length: int
    kept: Trajectory

    @property
    def size(self) -> int:
        """Number of lanes."""
        return self.states.failed.shape[0]


class Program(NamedTuple):
    """Compiled trainings of a group of lanes.

    Attributes:
        start: (tickets, hypers) -> states.
        advance: (states, fixed, window, data, steps, first, stop) -> (states, curves);
            see `Trainer`.
        timeline: (data, steps) -> what happens when.
        feed: where batches come from.
        moving: whether masks can change in a training.
        width: lanes of a group.
        capacity: units that one call of ``advance`` has room for.
        put_lanes: spread stacked lanes over the devices.
        put_data: copy data to every device.
    """

    start: Callable[[Ticket, Hyper], TrainState]
    advance: Callable[..., tuple[TrainState, Curve]]
    timeline: Callable[[Splits, Any], Timeline]
    feed: Feed
    moving: bool
    width: int
    capacity: int
    put_lanes: Callable[[Any], Any]
    put_data: Callable[[Any], Any]


Watch = Callable[[Underway, int], int]
"""Called between chunks: (where a group stands, its lanes without padding) -> ticks
until it is called again."""


def make_program(
    model: Model,
    config: TrainConfig,
    *,
    devices: list[Any] | None = None,
    lanes_per_device: int = 1,
    optimizer: MakeOptimizer | None = None,
    after_step: AfterStep | None = None,
    feed: Feed | None = None,
) -> Program:
    """Compile-ready trainings of ``len(devices) * lanes_per_device`` lanes.

    Args:
        model: the network.
        config: how it trains.
        devices: default: the first device.
        lanes_per_device: networks stacked on each.
        optimizer: default: the config's.
        after_step: what happens after every update, e.g. to the mask.
        feed: where batches come from; default: the data on the device.

    Returns:
        A `Program`; building it compiles nothing yet. The same one for equal arguments,
        so studies of one network share what is compiled.
    """
    return _program(
        model.apply,
        tuple(model.layers.items()),
        optim.static(config),
        tuple(devices or jax.devices()[:1]),
        lanes_per_device,
        optimizer or optim.maker(config, model.layers),
        after_step,
        feed,
    )


@functools.lru_cache(maxsize=16)
def _program(
    apply: Callable[..., Any],
    layers: tuple[tuple[str, LayerInfo], ...],
    config: TrainConfig,
    used: tuple[Any, ...],
    lanes_per_device: int,
    optimizer: MakeOptimizer,
    after_step: AfterStep | None,
    feed: Feed | None,
) -> Program:
    devices, mesh = list(used), _mesh(list(used))
    # Weights are drawn outside of the program: networks that differ in that share it.
    model = Model(_draws_nothing, apply, dict(layers))
    trainer = make_trainer(model, config, optimizer, after_step, feed)
    wide = partial(spread, devices=devices, lanes_per_device=lanes_per_device)
    return Program(
        start=wide(trainer.start, 2, 0),
        advance=wide(trainer.advance, 3, 4, donate_argnums=0),
        timeline=trainer.timeline,
        feed=trainer.feed,
        moving=after_step is not None,
        width=len(devices) * lanes_per_device,
        capacity=trainer.capacity,
        put_lanes=lambda x: jax.device_put(x, NamedSharding(mesh, LANE)),
        put_data=lambda x: _put_once(x, NamedSharding(mesh, SHARED)),
    )


def _put_once(data: Any, where: NamedSharding) -> Any:
    """Copy data to devices; an array that stands in several places of it, once."""
    leaves, structure = jax.tree.flatten(data)
    put = jax.device_put({id(leaf): leaf for leaf in leaves}, where)
    return structure.unflatten([put[id(leaf)] for leaf in leaves])


def _draws_nothing(key: Key) -> Any:
    raise NotImplementedError("a training program starts from tickets")


def spread(
    f: Callable[..., Any],
    n_lanes: int,
    n_shared: int,
    *,
    devices: list[Any],
    lanes_per_device: int = 1,
    **options: Any,
) -> Callable[..., Any]:
    """Return a function of one lane as a compiled one of stacked lanes, over devices.

    Args:
        f: its first arguments belong to the lane, the others to all.
        n_lanes: how many belong to the lane.
        n_shared: how many to all.
        devices: to spread over; the lanes are as many as these hold together.
        lanes_per_device: stacked on each.
        options: of ``jax.jit``.
    """
    axes = (0,) * n_lanes + (None,) * n_shared
    mapped = jax.vmap(f, axes) if lanes_per_device > 1 else _single(f, axes)
    spec = (LANE,) * n_lanes + (SHARED,) * n_shared
    sharded = jax.shard_map(
        mapped, mesh=_mesh(devices), in_specs=spec, out_specs=LANE, check_vma=False
    )
    compiler = COMPILER_OPTIONS.get(devices[0].platform)
    return jax.jit(sharded, compiler_options=compiler, **options)


def _mesh(devices: list[Any]) -> Mesh:
    return Mesh(np.array(devices), ("lane",), axis_types=(AxisType.Auto,))


def _single(f: Callable[..., Any], axes: tuple[int | None, ...]) -> Callable[..., Any]:
    """Like vmap over an axis of length one, without the batched matrix products."""

    def mapped(*args: Any) -> Any:
        one = [
            a if axis is None else tree.take(a, 0)
            for a, axis in zip(args, axes, strict=True)
        ]
        return jax.tree.map(lambda leaf: leaf[None], f(*one))

    return mapped


def run_lanes(
    program: Program,
    lanes: Lanes,
    data: Splits,
    watch: Watch | None = None,
    begun: Underway | None = None,
    keep: Keep = NOTHING,
) -> Iterator[Outcome]:
    """Train all lanes, group after group; a group's lanes train equally long.

    Args:
        program: from `make_program`.
        lanes: what to train.
        data: the splits, from ``program.put_data``.
        watch: called between chunks, before the first and after the last of a group
            too; decides how long the next one is, which changes no number. Default: as
            long as the program has room for.
        begun: where the lanes stand, if they have begun.
        keep: which moments are kept, of all lanes.

    Yields:
        The `Outcome` of each group, without padding, in the order of the lanes.
    """
    watch = watch or (lambda p, _: program.timeline(data, p.length).ticks)
    for first, stop in _groups(lanes.steps, program.width):
        # Padded by repeats of the last lane, so that all groups have one width.
        index = np.minimum(np.arange(first, first + program.width), stop - 1)
        states, fixed = begin(program, program.put_lanes(tree.take(lanes, index)))
        underway = Underway(states, None, 0, 0, int(lanes.steps[first]), {})
        if begun:
            states = program.put_lanes(tree.take(begun.states, index))
            curve, kept = tree.take((begun.curve, begun.kept), index)
            underway = begun._replace(states=states, curve=curve, kept=kept)
        outcome = _run_group(
            program, underway, fixed, data, lambda p, n=stop - first: watch(p, n), keep
        )
        yield tree.take(outcome, slice(0, stop - first))


def _groups(steps: np.ndarray, width: int) -> Iterator[tuple[int, int]]:
    """Yield first and last plus one of groups of equal numbers, at most so wide."""
    first = 0
    for _, alike in groupby(steps.tolist()):
        end = first + len(list(alike))
        while first < end:
            yield first, min(first + width, end)
            first = min(first + width, end)


def begin(program: Program, lanes: Lanes) -> tuple[TrainState, Fixed]:
    """Return a group of lanes at their rewind points, ready to advance.

    Args:
        program: from `make_program`.
        lanes: ``program.width`` of them, from ``program.put_lanes``.
    """
    ticket = lanes.tickets
    keys = lanes.orders, lanes.rngs, lanes.augments
    fixed = Fixed(ticket.clock, lanes.hypers, ticket.filled, lanes.replicates, *keys)
    return program.start(ticket, lanes.hypers), fixed


def _run_group(
    program: Program,
    underway: Underway,
    fixed: Fixed,
    data: Splits,
    watch: Callable[[Underway], int],
    keep: Keep,
) -> Outcome:
    timeline = program.timeline(data, underway.length)
    steps = [step for step in keep.steps if step <= underway.length]
    # Ticks at which the training returns to the host because a snapshot is wanted.
    halts = {timeline.after(step): step for step in steps}
    while underway.done < timeline.ticks:
        first = underway.done
        stop = _chunk_end(program, timeline, first, watch(underway))
        stop = min([stop, *(tick for tick in halts if tick > first)])
        trained = range(underway.steps, timeline.steps_at(stop))
        window = program.feed.ahead(fixed.order, fixed.clock, trained)
        states, curve = program.advance(
            underway.states, fixed, window, data, underway.length, first, stop
        )
        underway = _later(timeline, underway, states, tree.to_host(curve), stop)
        if stop in halts:
            now = _snapshot(states, fixed, underway.steps, keep.moments)
            underway = underway._replace(kept={**underway.kept, halts[stop]: now})
    watch(underway)
    states = underway.states
    train = mean(tree.to_host(states.tallies.train), data.train.size)
    finals = _snapshot(states, fixed, underway.length)
    assert underway.curve is not None
    failed = tree.to_host(states.failed)
    ended = tree.to_host(states.mask) if program.moving else None
    return Outcome(finals, underway.curve, train, failed, underway.kept, ended)


def _snapshot(
    states: TrainState, fixed: Fixed, steps: int, moments: bool = False
) -> Snapshot:
    """Return where lanes stand after so many steps, as NumPy arrays."""
    clock = fixed.clock + jnp.int32(steps)
    kept = states.moments if moments else None
    return tree.to_host(Snapshot(states.params, states.state, kept, clock))


def _later(
    timeline: Timeline, underway: Underway, states: TrainState, curve: Curve, stop: int
) -> Underway:
    """Return where a group stands after a chunk; ``curve`` is what that returned."""
    before, after = (
        timeline.evaluations_at(underway.done),
        timeline.evaluations_at(stop),
    )
    skipped = before - int(timeline.unit_of(underway.done))
    points = tree.take(curve, np.s_[:, skipped : skipped + after - before])
    if underway.curve:
        points = jax.tree.map(
            lambda *leaves: np.concatenate(leaves, axis=1), underway.curve, points
        )
    steps = timeline.steps_at(stop)
    return underway._replace(states=states, curve=points, done=stop, steps=steps)


def _chunk_end(program: Program, timeline: Timeline, done: int, wanted: int) -> int:
    """Return where a chunk of about so many ticks ends."""
    last = timeline.unit_of(done) + program.capacity - 1
    return min(done + max(1, wanted), int(timeline.end(last)))
