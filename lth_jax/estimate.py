"""What a study will cost, measured on this machine before it starts."""

import time
from typing import NamedTuple

import jax
import numpy as np

from . import imp, outline, parallel, tree
from .config import Config
from .dataset import Splits
from .ensemble import Program, begin
from .pipeline import compile_lanes, prepare

MEASURED_SECONDS = 0.5
"""A measurement of training steps that took longer is long enough."""


class Estimate(NamedTuple):
    """What a study will cost.

    Attributes:
        trainings: networks to train.
        steps: training steps of all of them.
        memory: bytes of data, weights and optimizer state at a time.
        disk: bytes of the run directory, about.
        seconds: of training and evaluation on this machine, from a short measurement.
    """

    trainings: int
    steps: int
    memory: int
    disk: int
    seconds: float


def estimate(config: Config) -> Estimate:
    """Compile the training program, time a little of it, and extrapolate.

    Args:
        config: one study.

    Raises:
        InputError: as `lth_jax.pipeline.run` would.
    """
    prepared = prepare(config)
    study = prepared.study
    plan = parallel.make_plan(config.plan, study.model, outline.widest_wave(config))
    program = compile_lanes(study, plan)
    trainings = outline.trainings(config)
    groups = sum(
        -(-sum(t.level in wave for t in trainings) // program.width)
        for wave in outline.waves(config)
    )
    data = program.put_data(prepared.splits)
    weights = _bytes(study.start.params) // config.replicates
    spread = sum(_bytes(split._asdict()) for split in prepared.splits[:3])
    rows = len(config.evaluations) * 2 * 40
    return Estimate(
        trainings=len(trainings),
        steps=len(trainings) * config.train.steps,
        memory=spread * plan.devices
        + program.width * parallel.TRAINING_COPIES * weights,
        disk=(config.levels + 1) * config.replicates * weights * 2
        + len(trainings) * rows,
        seconds=groups * _seconds_of_a_group(study, program, data),
    )


def _bytes(tree: object) -> int:
    return sum(leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves(tree))


def _seconds_of_a_group(study: imp.Study, program: Program, data: Splits) -> float:
    level = imp.plan_level(study, 0, None)
    lanes = tree.take(imp.lanes_of(study, [level]), np.zeros(program.width, int))
    states, fixed = begin(program, program.put_lanes(lanes))
    train, every = study.config.train, study.config.train.eval_every

    def seconds(steps: int) -> float:
        nonlocal states
        start = time.monotonic()
        states, curve = program.advance(states, fixed, data, 0, steps)
        jax.block_until_ready(curve)
        return time.monotonic() - start

    seconds(0)  # compiles
    evaluation, steps, training = seconds(0), 1, seconds(1)
    while training - evaluation < MEASURED_SECONDS and 4 * steps <= every:
        steps *= 4
        training = seconds(steps)
    per_step = max(training - evaluation, 0) / steps
    return per_step * train.steps + evaluation * len(study.config.evaluations)
