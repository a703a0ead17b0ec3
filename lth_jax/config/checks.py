"""What a config must satisfy, and what is said where it does not."""

import re
from collections.abc import Callable
from typing import Any

from ..errors import InputError
from .fields import check_types, shown

MOST_NETWORKS = 100_000
"""Networks that a study may train."""
MOST_EVALUATIONS = 1_000_000
"""Evaluations of a network."""
MOST_POINTS = 5_000_000
"""Evaluations of all networks of a study: each is two rows of a table."""
_LARGEST = 1e38
"""About the largest float32."""
_COUNT = 2**31 - 1
"""The largest step: clocks are int32."""
_MANY = 1_000
"""Levels, replicates, draws: more are a slip of the hand."""
_KINDS = ("ticket", "chain")
"""Kinds of networks that are no controls."""
_BOUNDS: dict[str, tuple[float, float]] = {
    "data.validation": (1, _COUNT),
    "train.steps": (1, _COUNT),
    "train.batch_size": (1, _COUNT),
    "train.eval_every": (1, _COUNT),
    "train.test_every": (1, _COUNT),
    "train.weight_decay": (0, _LARGEST),
    "train.warmup": (0, _COUNT),
    "train.drop_factor": (0, _LARGEST),
    "prune.levels": (0, _MANY),
    "rewind.steps": (1, _COUNT),
    "stability.orders": (1, _MANY),
    "stability.points": (0, _MANY),
    "stability.batches": (1, _COUNT),
    "replicates": (1, _MANY),
    "reinits": (0, _MANY),
    "shuffles": (0, _MANY),
    "keep_signs": (0, _MANY),
    "permutes": (0, _MANY),
    "resamples": (0, _MANY),
    "seed": (0, 2**32 - 1),  # a larger one would draw the weights of a smaller one
    "checkpoint_every": (0, _LARGEST),
    "plan.devices": (1, 1_024),
    "plan.lanes": (1, 10_000),
}


def check(config: Any) -> None:
    """Raise InputError naming the first field of a config that is wrong."""
    check_types(config)
    for part in _PARTS:
        part(config)


def _bounds(config: Any) -> None:
    for name, (low, high) in _BOUNDS.items():
        value = _get(config, name)
        if value is not None and not low <= value <= high:
            raise InputError(
                f"{name} is {shown(value)}: it must be from {low:,} to {high:,}."
            )
    for name in ("train.learning_rate", "train.clip_norm"):
        value = _get(config, name)
        if value is not None and not 0 < value <= _LARGEST:
            raise InputError(
                f"{name} is {value}: it must be positive, and at most {_LARGEST}."
            )
    if not 0 <= config.train.momentum < 1:
        raise InputError(
            f"train.momentum is {config.train.momentum}: it must lie in [0, 1)."
        )


def _model(config: Any) -> None:
    model = config.model
    if any(width < 1 for width in model.widths):
        raise InputError(f"model.widths is {model.widths}: widths start at 1.")
    if not 0 <= model.dropout < 1:
        raise InputError(f"model.dropout is {model.dropout}: it must lie in [0, 1).")
    if model.init_std is not None and not 0 < model.init_std <= _LARGEST:
        raise InputError(
            f"model.init_std is {model.init_std}: a standard deviation of initial"
            " weights must be positive; leave it out for Glorot's."
        )


def _schedule(config: Any) -> None:
    train = config.train
    if train.test_every is not None and train.test_every % train.eval_every:
        raise InputError(
            f"train.test_every is {train.test_every}: it must be a multiple of"
            f" train.eval_every, {train.eval_every}."
        )
    if train.warmup > train.steps:
        raise InputError(
            f"train.warmup is {train.warmup}, longer than the training"
            f" (train.steps is {train.steps})."
        )
    if list(train.drops) != sorted(set(train.drops)):
        raise InputError(f"train.drops is {train.drops}: its steps must increase.")
    if train.drops and not 0 < train.drops[0] <= train.drops[-1] < train.steps:
        raise InputError(
            f"train.drops is {train.drops}: drops lie between step 1 and the last"
            f" one (train.steps is {train.steps})."
        )


def _prune(config: Any) -> None:
    prune = config.prune
    named = {
        "prune.rate": prune.rate,
        "prune.output_rate": prune.output_rate,
        **{f"prune.rates[{name!r}]": rate for name, rate in prune.rates},
        **{f"prune.one_shot[{i}]": rate for i, rate in enumerate(prune.one_shot)},
    }
    for name, rate in named.items():
        if rate is not None and not 0 <= rate < 1:
            raise InputError(f"{name} is {rate}: a rate must lie in [0, 1).")
    nothing = config.levels and not any(rate for rate in named.values())
    if nothing and config.stability.orders == 1:
        raise InputError(
            "prune.rate, prune.output_rate and prune.rates are all 0: nothing would"
            " be pruned. Give one above 0, or --prune.levels 0. (The copies that"
            " --stability.orders makes can be of the dense network.)"
        )
    names = [name for name, _ in prune.rates]
    if prune.output_rate is not None:
        names.append("output")
    if twice := [name for name in names if names.count(name) > 1]:
        raise InputError(
            f"prune.rates gives {twice[0]!r} twice (prune.output_rate is a rate of"
            " output): keep one."
        )


def _one_shot(config: Any) -> None:
    prune, rates = config.prune, list(config.prune.one_shot)
    if not rates:
        return
    others = [prune.output_rate or 0, *(rate for _, rate in prune.rates)]
    if any(others):
        raise InputError(
            "prune.one_shot prunes every layer at its rate and the output layer at"
            " half of it: prune.output_rate and prune.rates can only be 0 with it"
            " (the layer is not pruned)."
        )
    if prune.continued:
        raise InputError(
            "prune.continued carries weights from level to level, which"
            " prune.one_shot does not have: choose one."
        )
    if rates != sorted(set(rates)) or not rates[-1] > 0:
        raise InputError(
            f"prune.one_shot is {prune.one_shot}: its rates must increase, and the"
            " last one must be above 0."
        )


def _rewind(config: Any) -> None:
    rewind, length = config.rewind, config.train.steps
    for name in ("weights", "clock"):
        time = getattr(rewind, name)
        whole = isinstance(time, int) and 0 <= time <= length
        if not (whole or (isinstance(time, float) and 0 < time < 1)):
            if time not in (None, "final", "end"):
                raise InputError(
                    f"rewind.{name} is {shown(time)}: it must be a step from 0 to"
                    f" {length} (train.steps), or a fraction of them between 0 and 1."
                )
    weights, clock, steps = rewind.resolved(length)
    named = "weights" if rewind.clock is None else "clock"
    if clock == "end" and rewind.steps is None:
        raise InputError(
            f"rewind.{named} is {getattr(rewind, named)}: nothing of train.steps is"
            " left at the end. Give rewind.steps, or a rewind.clock before the end."
        )
    if clock != "end" and not 1 <= steps <= length - clock:
        named = named if rewind.steps is None else "steps"
        raise InputError(
            f"rewind.{named} is {getattr(rewind, named)}: pruned networks would train"
            f" {steps} steps from step {clock} on, but train.steps ends at {length}."
            " Begin earlier, or go on at the last learning rate: --rewind.clock end."
        )
    if rewind.moments == "restored" and weights == "final":
        raise InputError(
            "rewind.moments is restored, but optimizer state is not kept at the end of"
            " training (rewind.weights is final): make it fresh, or name a step."
        )
    if config.prune.continued and (weights, clock, steps) != (0, 0, length):
        raise InputError(
            "prune.continued makes masks for tickets at their initialisation:"
            " leave out rewind.weights, rewind.clock and rewind.steps."
        )


def _controls(config: Any) -> None:
    for noise in config.noises:
        if not 0 < noise <= _LARGEST:
            raise InputError(
                f"noises is {shown(config.noises)}: strengths of noise, in standard"
                f" deviations of initial weights, lie above 0 (at most {_LARGEST})."
            )
    if list(config.noises) != sorted(config.noises) or len(config.noise_kinds) < len(
        config.noises
    ):
        raise InputError(
            f"noises is {shown(config.noises)}: they must increase, and differ in six"
            " digits, as they name the kinds of networks."
        )

    named = [name for name, _ in config.controls]
    for name, n in config.controls:
        taken = name in config.draws_by_field or named.count(name) > 1
        if taken or not re.fullmatch(r"[A-Za-z]\w*", name) or name in _KINDS:
            raise InputError(
                f"controls names {shown(name)}: a control has a name of letters, digits"
                " and '_', which no other kind of network has, and stands here once"
                " (some are asked for by a field of their own: reinits, shuffles, ...)."
            )
        if name.endswith("_reorder") or name.startswith("noise_"):
            raise InputError(
                f"controls names {name!r}: names that end in _reorder, or begin with"
                " noise_, are those of copies and of noise. Choose another."
            )
        if not 0 <= n <= _MANY:
            raise InputError(f"controls asks for {n} of {name}: from 0 to {_MANY}.")


def _anatomy(config: Any) -> None:
    wanted = list(config.anatomy)
    there = all(0 <= level <= config.levels for level in wanted)
    if wanted != sorted(set(wanted)) or not there:
        raise InputError(
            f"anatomy is {shown(config.anatomy)}: levels increase from 0 to the last"
            f" one, {config.levels}."
        )
    if wanted and config.keep_final == "last":
        raise InputError(
            "keep_final is last, but anatomy compares weights with those at the end of"
            " the dense network's training: make it all."
        )


def _stability(config: Any) -> None:
    points, orders = config.stability.points, config.stability.orders
    if points == 1:
        raise InputError("stability.points is 1: a line has two ends; 0 is none.")
    if points and orders == 1:
        raise InputError(
            "stability.points asks for lines between copies, of which"
            " stability.orders 1 makes none: give 2 or more."
        )
    if orders > 1 and not config.levels:
        raise InputError(
            f"stability.orders is {orders}, but there are no levels to copy"
            " (prune.levels is 0): for the dense network, ask for one level at rate 0."
        )
    wanted = list(config.control_levels)
    there = all(1 <= level <= config.levels for level in wanted)
    if wanted != sorted(set(wanted)) or not there:
        raise InputError(
            f"control_levels is {shown(config.control_levels)}: levels increase from 1"
            f" to the last one, {config.levels}."
        )


def _places(config: Any) -> None:
    for name in ("out", "data.dir", "data.cache"):
        value = _get(config, name) or ""
        if re.search("[\0\ud800-\udfff]", value):
            raise InputError(
                f"{name} is {shown(value)}: no path holds a null or half a"
                " surrogate pair."
            )


def _size(config: Any) -> None:
    controls = sum(config.draws.values())
    copies = (config.stability.orders - 1) * (1 + sum(map(bool, config.draws.values())))
    where = len(config.control_levels) or config.levels
    tickets = 1 + config.levels * (1 + config.prune.continued)
    networks = config.replicates * (tickets + where * (controls + copies))
    if networks > MOST_NETWORKS:
        raise InputError(
            f"replicates, levels, controls and copies make {networks:,} networks: a"
            f" study has at most {MOST_NETWORKS:,}. Ask for fewer of them."
        )
    every, longest = (
        config.train.eval_every,
        max(config.train.steps, config.rewind.steps or 0),
    )
    if longest // every > MOST_EVALUATIONS:
        raise InputError(
            f"train.eval_every is {every}: {longest // every:,} evaluations of every"
            f" network, but at most {MOST_EVALUATIONS:,} are possible. Evaluate less"
            " often."
        )
    points = networks * (longest // every + 2)
    if points > MOST_POINTS:
        raise InputError(
            f"train.eval_every is {every}: {networks:,} networks would be evaluated"
            f" {points:,} times in all, but at most {MOST_POINTS:,} are possible."
            " Evaluate less often."
        )
    last = config.train.steps + (config.rewind.steps or 0) * config.levels
    if last > _COUNT:
        raise InputError(
            f"train.steps and rewind.steps go on to step {last:,}: steps are counted"
            f" up to {_COUNT:,}."
        )


def _get(config: Any, name: str) -> Any:
    for part in name.split("."):
        config = getattr(config, part)
    return config


_PARTS: tuple[Callable[[Any], None], ...] = (
    _bounds,
    _model,
    _schedule,
    _prune,
    _one_shot,
    _rewind,
    _controls,
    _stability,
    _anatomy,
    _places,
    _size,
)
