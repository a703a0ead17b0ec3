"""Which runs are of a setting, and where they fall short of what a claim looks at."""

import math
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from ..config import RewindConfig, numbers
from ..study.networks import COPY
from .pool import Pool, is_extent
from .quantities import CAUSES, ES_STEP
from .settings import Setting
from .units import named_levels

if TYPE_CHECKING:
    import pandas as pd

UNSTATED = (
    "data.scaling",
    "data.split",
    "control_draws",
    "prune.count",
)
"""Fields that papers do not state. Any choice is of the setting, and none is pooled
with another; that of the setting is judged where there is a run of it."""
REWIND = ("rewind.weights", "rewind.clock", "rewind.steps")
SCALED = ("train.warmup", "train.drops", *REWIND)
"""Fields that a reduced run scales down with its steps."""
SCHEDULE = {"train.steps", "train.eval_every", *SCALED}


class Look(NamedTuple):
    """Networks at which a claim looks, or pairs of them, or a layer of them.

    Attributes:
        kind: of networks.
        cause: of the pairs, see `lth_jax.study.copies.STABILITY`; empty: no pairs.
        first: position from which the claim looks.
        last: position to which it looks.
        only: positions at which it looks, if not at all from first to last.
        layer: path of the layer; empty: no layer.
        fewest: at how many positions it must look.
    """

    kind: str
    cause: str
    first: float
    last: float
    only: tuple[float, ...] = ()
    layer: str = ""
    fewest: int = 0


class Want(NamedTuple):
    """What of the runs of a setting a claim looks at.

    Attributes:
        looks: networks, and pairs of networks.
        steps: at which accuracy is read, other than early stop and the last one.
        columns: that are read of networks, pairs and layers.
    """

    looks: tuple[Look, ...]
    steps: tuple[int, ...]
    columns: tuple[str, ...]

    @property
    def timed(self) -> bool:
        """Tell whether early-stop steps are read."""
        return ES_STEP in self.columns

    @property
    def last(self) -> float:
        """Position to which the claim looks."""
        return max(look.last for look in self.looks)

    @property
    def kinds(self) -> tuple[str, ...]:
        """Kinds of networks, each once."""
        return tuple(dict.fromkeys(look.kind for look in self.looks))

    @property
    def inner(self) -> tuple[Look, ...]:
        """What is not of networks alone: pairs of them, and layers."""
        return tuple(look for look in self.looks if look.cause or look.layer)


def mismatches(setting: Setting, pool: Pool) -> list[str]:
    """Say in which fields runs are of another setting; empty if they are of this one.

    A run that is shorter than the setting, its schedule scaled alike, is still of it.
    """
    mine, theirs = _essence(setting), _canonical(pool.numbers, setting)
    return [
        f"{name} ({theirs.get(name)}, not {mine.get(name)})"
        for name in sorted(mine.keys() | theirs.keys())
        if name not in SCHEDULE and mine.get(name) != theirs.get(name)
    ] + _schedule_mismatch(mine, theirs)


def choices(setting: Setting, pool: Pool) -> list[str]:
    """Say which choices that the paper does not state differ from the setting's."""
    mine, theirs = numbers(setting.config), pool.numbers
    return [
        f"{name} ({theirs.get(name)}, not {mine.get(name)})"
        for name in UNSTATED
        if theirs.get(name) != mine.get(name)
    ]


def shortfalls(setting: Setting, pool: Pool, want: Want) -> list[str]:
    """Say where runs of a setting fall short of what a claim looks at."""
    mine, theirs = _essence(setting), _canonical(pool.numbers, setting)
    short = []
    if theirs["train.steps"] < mine["train.steps"]:
        short.append(f"{theirs['train.steps']:,} of {mine['train.steps']:,} steps")
    every = "train.eval_every"
    if setting.cadence and theirs[every] != mine[every]:
        short.append(f"evaluated every {theirs[every]} steps, not {mine[every]}")
    rates = setting.config.prune.one_shot
    positions = pool.positions
    if rates:
        absent = [r for r in rates if not any(math.isclose(p, r) for p in positions)]
        if absent:
            listed = ", ".join(f"{100 * rate:g} %" for rate in absent)
            short.append(f"without the one-shot rates {listed}")
    elif positions[-1] < want.last:
        short.append(f"{positions[-1]:g} of {want.last:g} levels")
    short += dict.fromkeys(_absent(pool, want))
    short += _not_apart(pool, want)
    evaluated = set(pool.curves["step"])
    return short + [
        f"not evaluated at step {step:,}"
        for step in want.steps
        if step not in evaluated
    ]


def _absent(pool: Pool, want: Want) -> Iterator[str]:
    """Yield which networks and comparisons are at none, or not all, of the levels.

    Copies are not named: where they are missing, so is the comparison.
    """
    for look in want.looks:
        there = set(rows_of(pool, look)["position"])
        needed = set(span_of(look, pool.positions))
        if len(needed) < look.fewest:
            yield f"{len(needed)} of {look.fewest} one-shot rates in its span"
        words = f"{look.kind} networks"
        if look.cause:
            words = f"stability {CAUSES[look.cause].format(look.kind)}"
        if look.layer or look.kind.endswith(COPY):
            continue
        if not there:
            yield f"no {words}"
        elif needed - there:
            found = len(needed & there)
            yield f"{words} at {found} of {len(needed)} levels"


def _not_apart(pool: Pool, want: Want) -> Iterator[str]:
    """Yield at which levels tickets were not taken apart."""
    missing = {
        position
        for look in want.looks
        if look.layer
        for position in {*span_of(look, pool.positions)}
        - {*rows_of(pool, look)["position"]}
    }
    if missing:
        yield f"no anatomy at {named_levels(missing)} (lth anatomy RUN)"


def rows_of(pool: Pool, look: Look) -> "pd.DataFrame":
    """Return the rows of a pool that a look reads, of all positions."""
    table = pool.summary
    if look.cause:
        table = pool.stability[pool.stability["cause"] == look.cause]
    if look.layer:
        table = pool.layers[pool.layers["layer"] == look.layer]
    return table[table["kind"] == look.kind]


def span_of(look: Look, positions: Iterable[float]) -> list[float]:
    """Return the positions at which a look needs networks; only tickets are dense."""
    if look.only:
        return [p for p in positions if p in look.only]
    slack = 1e-9
    first = look.first if look.kind == "ticket" and not look.cause else 1e-6
    lowest = max(look.first, first)
    return [p for p in positions if lowest - slack <= p <= look.last + slack]


@cache
def _essence(setting: Setting) -> dict[str, Any]:
    return _canonical(numbers(setting.config), setting)


def _canonical(fields: Mapping[str, Any], setting: Setting) -> dict[str, Any]:
    """Return the fields that count, one form for all that means the same.

    What a run leaves to a default that is not in its config, such as the number of
    validation examples of its data set, is taken to be as the setting says.
    """
    fields = dict(fields)
    if fields["data.validation"] is None:
        fields["data.validation"] = setting.config.data.validation
    fields["prune.rates"] = _rates_by_kind(fields, setting.kinds)
    fields["prune.one_shot"] = bool(fields["prune.one_shot"])
    fields |= _rewinding(fields)
    skipped = {*setting.unread, *UNSTATED, "prune.rate", "prune.output_rate"}
    skipped |= {name for name, value in fields.items() if is_extent(name, value)}
    if fields["train.optimizer"] != "momentum":
        skipped.add("train.momentum")
    if not fields["train.drops"]:
        skipped.add("train.drop_factor")
    return {name: value for name, value in fields.items() if name not in skipped}


def _rewinding(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the rewind points as steps; None: what follows from the others."""
    length = fields["train.steps"]
    given = RewindConfig(**{name.split(".")[1]: fields[name] for name in REWIND})
    weights, clock, steps = given.resolved(length)
    _, own_clock, _ = RewindConfig(weights=weights).resolved(length)
    _, _, left = RewindConfig(weights=weights, clock=clock).resolved(length)
    values = weights, None if clock == own_clock else clock, steps
    resolved: dict[str, Any] = dict(zip(REWIND, values, strict=True))
    if steps == left:
        resolved["rewind.steps"] = None
    if weights == 0:  # there the optimizer's state is a fresh one
        resolved["rewind.moments"] = "fresh"
    return resolved


def _rates_by_kind(fields: Mapping[str, Any], kinds: Iterable[str]) -> dict[str, Any]:
    """Return the pruning rate of every kind of layer, and of layers named by path."""
    given = dict(fields["prune.rates"])
    rate, output = fields["prune.rate"], fields["prune.output_rate"]
    if fields["prune.one_shot"]:
        return given if output is None else given | {"output": 0.0}
    rates = dict.fromkeys(kinds, rate)
    rates["output"] = rate / 2 if output is None else output
    return rates | given


def _schedule_mismatch(mine: dict[str, Any], theirs: dict[str, Any]) -> list[str]:
    steps = mine["train.steps"], theirs["train.steps"]
    if steps[1] > steps[0]:
        return [f"train.steps ({steps[1]}, not {steps[0]})"]
    return [
        f"{name} ({theirs[name]}, not {mine[name]})"
        for name in SCALED
        if not _alike(mine[name], theirs[name], steps)
    ]


def _alike(mine: Any, theirs: Any, steps: tuple[int, int]) -> bool:
    """Tell whether steps are the same, or the same part of a shorter training."""
    if steps[0] == steps[1] or isinstance(mine, str) or isinstance(theirs, str):
        return mine == theirs
    if mine is None or theirs is None:
        return mine is theirs
    pairs = mine, theirs
    scaled = [
        [step / total for step in (value if isinstance(value, list) else [value])]
        for value, total in zip(pairs, steps, strict=True)
    ]
    return len(scaled[0]) == len(scaled[1]) and all(
        math.isclose(a, b, rel_tol=0.1)
        or (a > 0 < b and abs(a - b) * steps[1] <= 0.5)  # a step is a whole number
        for a, b in zip(scaled[0], scaled[1], strict=True)
    )
