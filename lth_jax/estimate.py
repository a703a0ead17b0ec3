"""What a study will cost, measured on this machine before it starts."""

from typing import NamedTuple

import jax

from . import outline, parallel
from .config import Config
from .planning import choose, compile_lanes, measure
from .prepare import prepare


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
    widest = outline.widest_wave(config)
    plans = parallel.candidates(config.plan, study.model, widest)
    plan = choose(prepared, plans, widest)
    program = compile_lanes(prepared, plan)
    pace = measure(prepared, program)
    trainings = outline.trainings(config)
    groups = sum(
        -(-outline.wave_size(config, wave) // program.width)
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
        seconds=groups
        * (pace.step * config.train.steps + pace.evaluation * len(config.evaluations)),
    )


def _bytes(tree: object) -> int:
    return sum(leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves(tree))
