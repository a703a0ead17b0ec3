"""The plan of a run, measured where it is not known which one is best."""

import sys
import time
from collections.abc import Sequence
from typing import NamedTuple

import jax
import numpy as np

from .. import models, tree
from ..errors import InputError
from ..study import waves
from ..training.dataset import Dataset, Splits
from ..training.lanes import Program, begin, make_program
from ..types import Model
from . import devices as parallel
from .devices import Plan
from .prepare import Prepared

MEASURED_EXAMPLES = 1_000
"""Examples of every set that take part in a measurement."""
MEASURED_SECONDS = 0.5
"""A measurement of training steps that took longer is long enough."""


class Pace(NamedTuple):
    """How fast a group of lanes trains.

    Attributes:
        step: seconds of a step of all lanes.
        evaluation: seconds of an evaluation of all lanes on validation and test set.
    """

    step: float
    evaluation: float


def compile_lanes(prepared: Prepared, plan: Plan) -> Program:
    """Return the training program of a study under a plan."""
    return make_program(
        planned_model(prepared, plan),
        prepared.study.config.train,
        devices=parallel.plan_devices(plan),
        lanes_per_device=plan.lanes,
    )


def planned_model(prepared: Prepared, plan: Plan) -> Model:
    """Return a study's network, with the form of convolutions that a plan has."""
    config, splits = prepared.study.config, prepared.splits
    if plan.convolution == models.best_known():
        return prepared.study.model
    shape = splits.train.x.shape[1:]
    return models.build(config.model, shape, splits.n_classes, plan.convolution)


def choose(prepared: Prepared, plans: Sequence[Plan], n_lanes: int) -> Plan:
    """Return the fastest plan: the only candidate, or the best of a short measurement.

    Args:
        prepared: the study.
        plans: candidates.
        n_lanes: networks of the largest wave.

    Raises:
        InputError: none fits into memory.
    """
    if len(plans) == 1:
        return plans[0]
    seconds = [_seconds_per_lane(prepared, plan, n_lanes) for plan in plans]
    for plan, each in zip(plans, seconds, strict=True):
        words = "does not fit" if each == float("inf") else f"{1e3 * each:.3g} ms"
        print(
            f"Plan: {plan.lanes} lanes on each device, convolution {plan.convolution}:"
            f" {words} per step of a network.",
            file=sys.stderr,
        )
    if min(seconds) == float("inf"):
        raise InputError(
            f"The memory of the device holds not even {plans[0].lanes} lanes of"
            " model.name: give plan.lanes a smaller number."
        )
    return plans[int(np.argmin(seconds))]


def _seconds_per_lane(prepared: Prepared, plan: Plan, n_lanes: int) -> float:
    """Time a wave's step, shared among its networks; inf where memory is too small."""
    try:
        program = compile_lanes(prepared, plan)
        pace = measure(prepared, program)
    except jax.errors.JaxRuntimeError as error:
        if "RESOURCE_EXHAUSTED" not in str(error):
            raise
        return float("inf")
    every = prepared.study.config.train.eval_every
    groups = -(-n_lanes // program.width)
    return groups * (pace.step + pace.evaluation / every) / n_lanes


def measure(prepared: Prepared, program: Program) -> Pace:
    """Time steps, and evaluations of a few examples, until they have taken a while.

    Args:
        prepared: the study.
        program: that trains it.
    """
    study, splits = prepared.study, prepared.splits
    few = _first(splits, max(MEASURED_EXAMPLES, study.config.train.batch_size))
    evaluated = splits.validation.size + splits.test.size
    share = (few.validation.size + few.test.size) / evaluated
    data = program.put_data(few)
    level = waves.plan_level(waves.Wave(study, [0]), 0)
    lanes = tree.take(waves.lanes_of(study, level), np.zeros(program.width, int))
    states, fixed = begin(program, program.put_lanes(lanes))
    length = study.config.train.steps
    timeline = program.timeline(data, length)

    def take(first: int, stop: int) -> float:
        nonlocal states
        start = time.monotonic()
        states, curve = program.advance(states, fixed, data, length, first, stop)
        jax.block_until_ready(curve)
        return time.monotonic() - start

    blocks = timeline.blocks
    most = min(study.config.train.eval_every, length)
    take(0, blocks)  # compiles
    evaluation, one, many, steps = take(0, blocks), take(blocks, blocks + 1), 0.0, 1
    while many - one < MEASURED_SECONDS and steps < most:
        steps = min(4 * steps, most)
        many = take(blocks, blocks + steps)
    per_step = max(many - one, 0) / (steps - 1) if steps > 1 else one
    return Pace(per_step, evaluation / share)


def _first(splits: Splits, n: int) -> Splits:
    train, validation, test = (
        Dataset(s.x[:n], s.y[:n])
        for s in (splits.train, splits.validation, splits.test)
    )
    return Splits(train, validation, test, splits.n_classes)
