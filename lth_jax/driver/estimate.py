"""What studies will cost, measured on this machine before they start."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import jax

from ..config import Config
from ..study import networks
from ..study.given import NOTHING, Given
from ..study.study import compiled, plan_of
from .plan import TRAINING_COPIES, candidates, choose, compile_lanes, measure
from .prepare import prepare

ROW_BYTES = 40
"""Bytes of a row of curves on disk, about."""


class Estimate(NamedTuple):
    """What studies will cost.

    Attributes:
        trainings: networks to train; what studies have in common counts once.
        steps: training steps of all of them.
        memory: bytes of data, weights and optimizer state at a time.
        disk: bytes of the run directories, about.
        seconds: of training and evaluation on this machine, from a short measurement.
        identities: digests of the values that the user gave.
    """

    trainings: int
    steps: int
    memory: int
    disk: int
    seconds: float
    identities: Mapping[str, str]


def estimate(configs: Sequence[Config], given: Given = NOTHING) -> Estimate:
    """Compile the training programs, time a little of each, and extrapolate.

    Evaluations of the test set count as if all took place (``train.test_every``). Lines
    between copies (``stability.points``) are not counted.

    Args:
        configs: of one study, or of the variants of a sweep.
        given: what the user gives as values.

    Raises:
        InputError: as `lth_jax.driver.pipeline.run` would.
    """
    groups: dict[object, list[Config]] = {}
    for config in configs:
        groups.setdefault(compiled(config), []).append(config)
    parts = [_estimate(group, given) for group in groups.values()]
    trainings, steps, memory, disk, seconds, known = zip(*parts, strict=True)
    return Estimate(
        sum(trainings), sum(steps), max(memory), sum(disk), sum(seconds), known[0]
    )


def _estimate(configs: Sequence[Config], given: Given) -> Estimate:
    """Estimate studies that share a compilation and train side by side."""
    prepared = prepare(configs[0], given)
    study, every = prepared.study, configs[0].train.eval_every
    known = [(one, plan_of(one, given)) for one in configs]
    widest = networks.widest_of(known)
    own = given.model is not None
    plans = candidates(study.config.plan, study.model, widest, own)
    plan = choose(prepared, plans, widest)
    program = compile_lanes(prepared, plan)
    pace = measure(prepared, program)
    sides = [
        networks.lengths(
            (*one, levels) for one, levels in zip(known, joined, strict=True)
        )
        for joined in networks.side_by_side([levels for _, levels in known])
    ]
    lengths = [length for side in sides for length in side.values()]
    seconds = 0.0
    for side in sides:
        for length in set(side.values()):
            count = sum(each == length for each in side.values())
            each = pace.step * length + pace.evaluation * (length // every + 2)
            seconds += -(-count // program.width) * each
    weights = _bytes(study.start.params) // configs[0].replicates
    # An array that stands in several sets is one on the device.
    arrays = {id(leaf): leaf for leaf in jax.tree.leaves(prepared.splits[:3])}
    spread = _bytes(arrays)
    # One row for the validation set and one for the test set.
    rows = sum(2 * (length // every + 2) * ROW_BYTES for length in lengths)
    tickets = sum((config.levels + 1) * config.replicates for config in configs)
    return Estimate(
        trainings=len(lengths),
        steps=sum(lengths),
        memory=spread * plan.devices + program.width * TRAINING_COPIES * weights,
        disk=tickets * weights * 2 + rows,
        seconds=seconds,
        identities=prepared.identities,
    )


def _bytes(tree: object) -> int:
    return sum(leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves(tree))
