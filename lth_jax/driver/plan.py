"""The plan of a run, measured where it is not known which one is best."""

import dataclasses
import logging
import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

from .. import models, tree
from ..config import Config, PlanConfig
from ..errors import InputError, StoreError
from ..models import CONVOLUTIONS, best_known
from ..study.find import Remembered
from ..study.ready import lanes_of, make_ready
from ..training.dataset import Dataset, Splits
from ..training.lanes import Program, begin, make_program
from ..types import Model
from . import devices
from .prepare import Prepared

log = logging.getLogger(__name__)

MEASURED_EXAMPLES = 1_000
"""Examples of every set that take part in a measurement."""
MEASURED_SECONDS = 0.5
"""A measurement of training steps that took longer is long enough."""


MEMORY_SHARE = 0.6
"""Fraction of an accelerator's memory that lanes may fill."""
TRAINING_COPIES = 6
"""Copies of the weights a lane needs: start, current, gradient, two moments, spare."""


class Plan(NamedTuple):
    """How trainings are spread; fixed at the first start of a run.

    Attributes:
        platform: "cpu", "gpu" or "tpu".
        devices: number of devices.
        lanes: networks per device.
        convolution: form of convolutions.
    """

    platform: str
    devices: int
    lanes: int
    convolution: str = "columns"


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
        devices=plan_devices(plan),
        lanes_per_device=plan.lanes,
        optimizer=prepared.study.optimizer,
        after_step=prepared.study.given.after_step,
    )


def planned_model(prepared: Prepared, plan: Plan) -> Model:
    """Return a study's network, with the form of convolutions that a plan has."""
    config, splits = prepared.study.config, prepared.splits
    own = prepared.study.given.model is not None
    if own or plan.convolution == best_known():
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
        log.info(
            "Plan: %d lanes on each device, convolution %s: %s per step of a network.",
            plan.lanes,
            plan.convolution,
            words,
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
    dense = make_ready(study, study.plan[0], Remembered(study), {})
    lanes = tree.take(lanes_of(study, dense), np.zeros(program.width, int))
    states, fixed = begin(program, program.put_lanes(lanes))
    length = study.config.train.steps
    timeline = program.timeline(data, length)

    def take(first: int, stop: int) -> float:
        nonlocal states
        start = time.monotonic()
        steps = range(timeline.steps_at(first), timeline.steps_at(stop))
        window = program.feed.ahead(fixed.order, fixed.clock, steps)
        states, curve = program.advance(
            states, fixed, window, data, length, first, stop
        )
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
    """Return the first examples of each set."""

    def cut(data: Dataset) -> Dataset:
        if data.rows is None:
            return Dataset(data.x[:n], data.y[:n])
        return data._replace(rows=data.rows[..., :n])

    train, validation, test = map(cut, splits[:3])
    return Splits(train, validation, test, splits.n_classes)


def candidates(
    config: PlanConfig, model: Model, n_lanes: int, own: bool = False
) -> list[Plan]:
    """Return the plans worth measuring; on a CPU it is known which one is best.

    Args:
        config: what the user fixed.
        model: its size bounds the lanes of an accelerator.
        n_lanes: lanes of the largest wave; more are never needed.
        own: whether the network is the user's, whose convolutions are what they are.

    Raises:
        InputError: more devices are asked for than there are.
    """
    available = jax.local_devices()
    platform = available[0].platform
    devices = config.devices or min(len(available), n_lanes)
    if devices > len(available):
        raise InputError(
            f"plan.devices is {devices}, but JAX sees {len(available)} of kind"
            f" {platform!r}."
        )
    lanes, forms = [1], [best_known()]
    if platform != "cpu":
        most = min(-(-n_lanes // devices), max(1, _lanes_that_fit(model)))
        lanes, forms = sorted({most, -(-most // 2), -(-most // 4)}), [*CONVOLUTIONS]
    if config.lanes:
        lanes = [config.lanes]
    convolves = any(info.kind == "conv" for info in model.layers.values())
    if own or not convolves:
        forms = [best_known()]
    if config.convolution:
        forms = [config.convolution]
    return [Plan(platform, devices, n, form) for form in forms for n in lanes]


def stored_plan(
    stored: Mapping[str, Any], config: PlanConfig, n_lanes: int, halved: bool = False
) -> Plan | None:
    """Return the plan of a run that goes on, if user and machine allow it.

    Args:
        stored: the plan in the run's manifest; empty if it has none yet.
        config: what the user fixes; a plan that agrees with it is kept.
        n_lanes: networks of the largest wave; more lanes have to be asked for.
        halved: whether its lanes are fewer than were asked for, for want of memory.

    Returns:
        None where a plan has to be made.

    Raises:
        StoreError: the stored plan was edited, or is not one of this study.
    """
    if not stored:
        return None
    try:
        plan = Plan(**stored)
        fixed = PlanConfig(**{k: v for k, v in stored.items() if k != "platform"})
        Config(plan=fixed).validate()
    except (TypeError, InputError) as error:
        raise StoreError(
            f"The plan in manifest.json was changed; restore it: {error}"
        ) from error
    if (plan.lanes - 1) * plan.devices >= n_lanes and plan.lanes != config.lanes:
        raise StoreError(
            f"The plan in manifest.json has {plan.lanes:,} lanes on each of"
            f" {plan.devices:,} devices, and no more than {n_lanes:,} networks train"
            f" side by side: restore it, or ask for it by --plan.lanes {plan.lanes}."
        )
    fits = plan.devices <= len(jax.local_devices())
    same = plan.platform == jax.local_devices()[0].platform
    asked = {
        name: value
        for name, value in dataclasses.asdict(config).items()
        if value is not None and not (name == "lanes" and halved and value > plan.lanes)
    }
    agrees = asked.items() <= plan._asdict().items()
    return plan if fits and same and agrees else None


def plan_devices(plan: Plan) -> list[Any]:
    """Return the devices of a plan."""
    return jax.local_devices()[: plan.devices]


def _lanes_that_fit(model: Model) -> int:
    memory = (jax.local_devices()[0].memory_stats() or {}).get("bytes_limit", 8 << 30)
    return int(MEMORY_SHARE * memory / (TRAINING_COPIES * devices.size_of(model)))
