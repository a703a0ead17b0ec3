"""What a study will cost, measured on this machine before it starts."""

import time
from typing import NamedTuple

import jax
import numpy as np

from . import imp, outline, parallel, tree
from .config import Config
from .dataset import Dataset, Splits
from .ensemble import Program, begin
from .pipeline import compile_lanes, prepare

MEASURED_EXAMPLES = 1_000
"""Examples of every set that take part in a measurement."""
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
        seconds=groups * _seconds_of_a_group(study, program, prepared.splits),
    )


def _bytes(tree: object) -> int:
    return sum(leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves(tree))


def _seconds_of_a_group(study: imp.Study, program: Program, splits: Splits) -> float:
    """Time steps, and evaluations of a few examples, until they have taken a while."""
    few = _first(splits, max(MEASURED_EXAMPLES, study.config.train.batch_size))
    evaluated = splits.validation.size + splits.test.size
    share = (few.validation.size + few.test.size) / evaluated
    data = program.put_data(few)
    level = imp.plan_level(study, 0, None)
    lanes = tree.take(imp.lanes_of(study, level), np.zeros(program.width, int))
    states, fixed = begin(program, program.put_lanes(lanes))
    train, every = study.config.train, study.config.train.eval_every

    def train_for(steps: int) -> float:
        nonlocal states
        start = time.monotonic()
        states, curve = program.advance(states, fixed, data, 0, steps)
        jax.block_until_ready(curve)
        return time.monotonic() - start

    def evaluate() -> float:
        start = time.monotonic()
        for part in (data.validation, data.test):
            jax.block_until_ready(program.score(states, fixed, part))
        return time.monotonic() - start

    train_for(0)  # compiles
    evaluate()
    evaluation, one, many, steps = evaluate(), train_for(1), 0.0, 1
    while many - one < MEASURED_SECONDS and 4 * steps <= program.capacity * every:
        steps *= 4
        many = train_for(steps)
    evaluated_between = (-(-steps // every) - 1) * evaluation
    per_step = max(many - one - evaluated_between, 0) / max(steps - 1, 1)
    return per_step * train.steps + len(study.config.evaluations) * evaluation / share


def _first(splits: Splits, n: int) -> Splits:
    train, validation, test = (
        Dataset(s.x[:n], s.y[:n])
        for s in (splits.train, splits.validation, splits.test)
    )
    return Splits(train, validation, test, splits.n_classes)
