"""Many trainings as lanes of one program: tickets and controls, replicates, levels.

A group of lanes trains at once: spread over devices outside (`shard_map`, no
communication), stacked within a device (`vmap` on accelerators). All groups have one
width, so all levels and controls share one compilation; the last group is padded.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import AxisType, Mesh, NamedSharding
from jax.sharding import PartitionSpec as P

from . import tree
from .config import TrainConfig
from .dataset import Splits
from .metrics import Metrics
from .optim import Hyper
from .train import Curve, Fixed, TrainState, make_trainer
from .types import Key, Model, Snapshot, Ticket

COMPILER_OPTIONS: dict[str, dict[str, Any]] = {
    "cpu": {"xla_cpu_prefer_vector_width": 512}
}
"""By platform. XLA's default on a CPU is 256 bits, also where AVX-512 is there; a
processor with narrower vectors uses what it has."""


class Lanes(NamedTuple):
    """Trainings stacked along the first axis of every leaf.

    Attributes:
        tickets: what is trained.
        hypers: traced hyperparameters of each.
        orders: keys of the data order.
        noises: keys of what the networks draw.
        augments: keys of the augmentation.
    """

    tickets: Ticket
    hypers: Hyper
    orders: Key
    noises: Key
    augments: Key

    @property
    def size(self) -> int:
        """Number of lanes."""
        return self.orders.shape[0]


def join(parts: Sequence[Lanes]) -> Lanes:
    """Return the lanes of all parts as one stack."""
    tickets, hypers, *keys = zip(*parts, strict=True)
    stacks = tree.concatenate(tickets), tree.concatenate(hypers)
    return Lanes(*stacks, *(jnp.concatenate(part) for part in keys))


class Outcome(NamedTuple):
    """What lanes came to, as NumPy arrays with the lanes as first axis.

    Attributes:
        finals: weights and model state at the end of training.
        curve: evaluations [lanes, evaluations], the first one before training.
        train: metrics over the training set at the end, [lanes].
    """

    finals: Snapshot
    curve: Curve
    train: Metrics


class Program(NamedTuple):
    """Compiled trainings of a group of lanes.

    Attributes:
        start: (tickets, hypers) -> states.
        advance: (states, fixed, data, first, stop) -> (states, curves); see `Trainer`.
        score: (states, fixed, dataset) -> Metrics.
        width: lanes of a group.
        config: how they train.
        capacity: evaluations of one call of ``advance``.
        put_lanes: spread stacked lanes over the devices.
        put_data: copy data to every device.
    """

    start: Callable[[Ticket, Hyper], TrainState]
    advance: Callable[..., tuple[TrainState, Curve]]
    score: Callable[..., Metrics]
    width: int
    config: TrainConfig
    capacity: int
    put_lanes: Callable[[Any], Any]
    put_data: Callable[[Any], Any]


Pace = Callable[[int, int], int]
"""Between chunks: (steps a group has done, its lanes) -> steps until it is asked
again."""


def make_program(
    model: Model,
    config: TrainConfig,
    *,
    devices: list[Any] | None = None,
    lanes_per_device: int = 1,
) -> Program:
    """Compile-ready trainings of ``len(devices) * lanes_per_device`` lanes.

    Args:
        model: the network.
        config: how it trains.
        devices: default: the first device.
        lanes_per_device: networks stacked on each.

    Returns:
        A `Program`; building it compiles nothing yet.
    """
    devices = devices or jax.devices()[:1]
    mesh = Mesh(np.array(devices), ("lane",), axis_types=(AxisType.Auto,))
    lane, shared = P("lane"), P()
    trainer = make_trainer(model, config)

    def spread(f: Callable[..., Any], in_specs: tuple[P, ...]) -> Callable[..., Any]:
        axes = tuple(0 if spec == lane else None for spec in in_specs)
        mapped = jax.vmap(f, axes) if lanes_per_device > 1 else _single(f, axes)
        return jax.shard_map(
            mapped, mesh=mesh, in_specs=in_specs, out_specs=lane, check_vma=False
        )

    compiled = partial(
        jax.jit, compiler_options=COMPILER_OPTIONS.get(devices[0].platform)
    )
    advance = spread(trainer.advance, (lane, lane, shared, shared, shared))
    return Program(
        start=compiled(spread(trainer.start, (lane, lane))),
        advance=compiled(advance, donate_argnums=0),
        score=compiled(spread(trainer.score, (lane, lane, shared))),
        width=len(devices) * lanes_per_device,
        config=config,
        capacity=trainer.capacity,
        put_lanes=lambda x: jax.device_put(x, NamedSharding(mesh, lane)),
        put_data=lambda x: jax.device_put(x, NamedSharding(mesh, shared)),
    )


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
    program: Program, lanes: Lanes, data: Splits, pace: Pace | None = None
) -> Iterator[Outcome]:
    """Train all lanes, group after group.

    Args:
        program: from `make_program`.
        lanes: what to train.
        data: the splits, from ``program.put_data``.
        pace: called between chunks; decides how long the next one is. Chunks change no
            number. Default: as long as the program has room for.

    Yields:
        The `Outcome` of each group, without padding, in the order of the lanes.
    """
    pace = pace or (lambda *_: program.config.steps)
    for first in range(0, lanes.size, program.width):
        index = np.arange(first, first + program.width)
        real = int((index < lanes.size).sum())
        group = program.put_lanes(tree.take(lanes, np.minimum(index, lanes.size - 1)))
        outcome = _run_group(program, group, data, lambda done, n=real: pace(done, n))
        yield tree.take(outcome, slice(0, real))


def begin(program: Program, lanes: Lanes) -> tuple[TrainState, Fixed]:
    """Return a group of lanes at their rewind points, ready to advance.

    Args:
        program: from `make_program`.
        lanes: ``program.width`` of them, from ``program.put_lanes``.
    """
    ticket = lanes.tickets
    fixed = Fixed(ticket.mask, ticket.clock, *lanes[1:])
    return program.start(ticket, lanes.hypers), fixed


def _run_group(
    program: Program, lanes: Lanes, data: Splits, pace: Callable[[int], int]
) -> Outcome:
    steps, every = program.config.steps, program.config.eval_every
    states, fixed = begin(program, lanes)
    states, curve = program.advance(states, fixed, data, 0, 0)
    curves, done = [tree.take(tree.to_host(curve), np.s_[:, :1])], 0
    while done < steps:
        stop = _chunk_end(program, done, pace(done))
        states, curve = program.advance(states, fixed, data, done, stop)
        n = stop // every - done // every + (stop == steps and steps % every > 0)
        curves.append(tree.take(tree.to_host(curve), np.s_[:, :n]))
        done = stop
    pace(done)
    train = tree.to_host(program.score(states, fixed, data.train))
    curve = jax.tree.map(lambda *leaves: np.concatenate(leaves, axis=1), *curves)
    clock = fixed.clock + jnp.int32(steps)
    finals = tree.to_host(Snapshot(states.params, states.state, None, clock))
    return Outcome(finals, curve, train)


def _chunk_end(program: Program, done: int, wanted: int) -> int:
    """Return where a chunk of about so many steps ends: at an evaluation, if it can."""
    every = program.config.eval_every
    stop = done + max(1, wanted)
    if wanted >= every:
        stop -= stop % every
    room = (done // every + program.capacity) * every
    return min(stop, room, program.config.steps)
