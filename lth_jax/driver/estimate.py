"""What studies will cost, measured on this machine before they start."""

from collections.abc import Sequence
from itertools import zip_longest
from typing import NamedTuple

import jax

from ..config import Config
from ..study import networks
from . import devices
from .plan import choose, compile_lanes, measure
from .prepare import prepare


class Estimate(NamedTuple):
    """What studies will cost.

    Attributes:
        trainings: networks to train; what studies have in common counts once.
        steps: training steps of all of them.
        memory: bytes of data, weights and optimizer state at a time.
        disk: bytes of the run directories, about.
        seconds: of training and evaluation on this machine, from a short measurement.
    """

    trainings: int
    steps: int
    memory: int
    disk: int
    seconds: float


def estimate(configs: Sequence[Config]) -> Estimate:
    """Compile the training programs, time a little of each, and extrapolate.

    Lines between copies (``stability.points``) are not counted.

    Args:
        configs: of one study, or of the variants of a sweep.

    Raises:
        InputError: as `lth_jax.driver.pipeline.run` would.
    """
    groups: dict[object, list[Config]] = {}
    for config in configs:
        groups.setdefault(networks.compiled(config), []).append(config)
    parts = [_estimate(group) for group in groups.values()]
    trainings, steps, memory, disk, seconds = zip(*parts, strict=True)
    return Estimate(sum(trainings), sum(steps), max(memory), sum(disk), sum(seconds))


def _estimate(configs: Sequence[Config]) -> Estimate:
    """Estimate studies that share a compilation and train side by side."""
    prepared = prepare(configs[0])
    study, every = prepared.study, configs[0].train.eval_every
    widest = networks.widest_of(configs)
    plans = devices.candidates(configs[0].plan, study.model, widest)
    plan = choose(prepared, plans, widest)
    program = compile_lanes(prepared, plan)
    pace = measure(prepared, program)
    sides = [
        networks.lengths(zip(configs, joined, strict=True))
        for joined in zip_longest(*map(networks.waves, configs), fillvalue=[])
    ]
    lengths = [length for side in sides for length in side.values()]
    seconds = 0.0
    for side in sides:
        for length in set(side.values()):
            count = sum(each == length for each in side.values())
            each = pace.step * length + pace.evaluation * (length // every + 2)
            seconds += -(-count // program.width) * each
    weights = _bytes(study.start.params) // configs[0].replicates
    spread = sum(_bytes(split._asdict()) for split in prepared.splits[:3])
    rows = sum(length // every + 2 for length in lengths) * 2 * 40
    tickets = sum((config.levels + 1) * config.replicates for config in configs)
    return Estimate(
        trainings=len(lengths),
        steps=sum(lengths),
        memory=spread * plan.devices
        + program.width * devices.TRAINING_COPIES * weights,
        disk=tickets * weights * 2 + rows,
        seconds=seconds,
    )


def _bytes(tree: object) -> int:
    return sum(leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves(tree))
