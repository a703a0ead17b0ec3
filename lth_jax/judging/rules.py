"""The words that rules are made of: terms, bounds, conditions.

A rule is a list of conditions. A condition compares a term with a bound; a term is a
quantity of the networks of one setting, reduced over levels, or several of them
combined. Each carries its text, so the text of a rule is made from what is computed.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from .pool import Pool
from .quantities import Quantity
from .reductions import (
    Reduction,
    Span,
    at,
    average,
    crossing,
    least,
    levels,
    share_of_greatest,
)
from .settings import Setting
from .units import Unit, percent, points, times


class Value(NamedTuple):
    """A number: of the mean over replicates, and its least and greatest over them."""

    mean: float
    low: float
    high: float


class Term(Protocol):
    """What a bound is compared with."""

    @property
    def text(self) -> str:
        """What it is."""
        ...

    @property
    def unit(self) -> Unit:
        """How it is written."""
        ...

    def parts(self) -> "Iterator[Statistic]":
        """Yield the statistics that it is made of."""
        ...

    def of(self, pools: Mapping[Setting, Pool]) -> Value:
        """Compute it."""
        ...


@dataclass(frozen=True)
class Statistic:
    """A quantity of the networks of a setting, reduced over levels to one number."""

    setting: Setting
    quantity: Quantity
    reduction: Reduction

    @property
    def text(self) -> str:
        """What it is, without the setting."""
        return f"{self.quantity.text} {self.reduction.text}"

    @property
    def unit(self) -> Unit:
        """How it is written."""
        return self.reduction.unit or self.quantity.unit

    def parts(self) -> "Iterator[Statistic]":
        """Yield itself."""
        yield self

    def of(self, pools: Mapping[Setting, Pool]) -> Value:
        """Reduce the mean over replicates, and each replicate."""
        pool = pools[self.setting]
        table = self.quantity.frame(pool).sort_index()
        each = [self.reduction.of(table[r], pool) for r in table.columns]
        mean = self.reduction.of(table.mean(axis=1), pool)
        if not each or any(map(math.isnan, each)):
            return Value(mean, math.nan, math.nan)
        return Value(mean, min(each), max(each))


@dataclass(frozen=True)
class Against:
    """A term minus another, or divided by it; its spread is that of the first term."""

    first: Term
    second: Term
    divided: bool = False

    @property
    def text(self) -> str:
        """What it is."""
        word = "divided by" if self.divided else "minus"
        return f"[{with_setting(self.first)}] {word} [{with_setting(self.second)}]"

    @property
    def unit(self) -> Unit:
        """How it is written."""
        unit = self.first.unit
        return times if self.divided else points if unit is percent else unit

    def parts(self) -> "Iterator[Statistic]":
        """Yield the statistics of both."""
        yield from self.first.parts()
        yield from self.second.parts()

    def of(self, pools: Mapping[Setting, Pool]) -> Value:
        """Compare with the mean of the second."""
        other = self.second.of(pools).mean
        if self.divided:
            other = other or math.nan
            return Value(*(value / other for value in self.first.of(pools)))
        return Value(*(value - other for value in self.first.of(pools)))


@dataclass(frozen=True)
class Extreme:
    """The least or the greatest of one statistic over several settings."""

    statistics: tuple[Statistic, ...]
    largest: bool = False

    @property
    def text(self) -> str:
        """What it is."""
        names = ", ".join(statistic.setting.name for statistic in self.statistics)
        which = "greatest" if self.largest else "least"
        return f"{which} over the settings {names} of {self.statistics[0].text}"

    @property
    def unit(self) -> Unit:
        """How it is written."""
        return self.statistics[0].unit

    def parts(self) -> "Iterator[Statistic]":
        """Yield the statistics."""
        yield from self.statistics

    def of(self, pools: Mapping[Setting, Pool]) -> Value:
        """Return the value of the extreme setting; NaN if one is."""
        values = [statistic.of(pools) for statistic in self.statistics]
        if any(math.isnan(value.mean) for value in values):
            return Value(math.nan, math.nan, math.nan)
        return (max if self.largest else min)(values, key=lambda value: value.mean)


def with_setting(term: Term) -> str:
    """Return the text of a term with its setting, where the text does not say it."""
    if isinstance(term, Statistic):
        return f"{term.setting.name}: {term.text}"
    return term.text


# Bounds and conditions.


class Bound(NamedTuple):
    """What a term must reach; ``why`` says where the number comes from."""

    low: float = -math.inf
    high: float = math.inf
    strict: bool = False
    why: str = ""

    def holds(self, value: float) -> bool:
        """Tell whether a value is within."""
        if self.strict:
            return self.low < value < self.high
        return self.low <= value <= self.high

    def text(self, unit: Unit) -> str:
        """Return e.g. ``>= 2.00x (two thirds of the paper's)``."""
        more, less = (">", "<") if self.strict else (">=", "<=")
        why = f" ({self.why})" if self.why else ""
        if math.isinf(self.high):
            return f"{more} {unit(self.low)}{why}"
        if math.isinf(self.low):
            return f"{less} {unit(self.high)}{why}"
        return f"from {unit(self.low)} to {unit(self.high)}{why}"


def at_least(low: float, why: str = "") -> Bound:
    """Return a lower bound."""
    return Bound(low=low, why=why)


def at_most(high: float, why: str = "") -> Bound:
    """Return an upper bound."""
    return Bound(high=high, why=why)


def above(low: float, why: str = "") -> Bound:
    """Return a lower bound that must be exceeded."""
    return Bound(low=low, strict=True, why=why)


def below(high: float, why: str = "") -> Bound:
    """Return an upper bound that must not be reached."""
    return Bound(high=high, strict=True, why=why)


def near(center: float, off: float, why: str = "") -> Bound:
    """Return bounds on both sides of a number."""
    return Bound(center - off, center + off, why=why)


class Condition(NamedTuple):
    """A term and the bound that it must reach, on average or in every replicate."""

    term: Term
    bound: Bound
    everywhere: bool = False

    def holds(self, value: Value) -> bool:
        """Tell whether a value of the term is within the bound."""
        if self.everywhere:
            return self.bound.holds(value.low) and self.bound.holds(value.high)
        return self.bound.holds(value.mean)

    def text(self, named: bool) -> str:
        """Return the condition in words, with the setting's name or without."""
        term = with_setting(self.term) if named else self.term.text
        where = " in every replicate" if self.everywhere else ""
        return f"{term} {self.bound.text(self.term.unit)}{where}"


def need(
    setting: Setting, quantity: Quantity, reduction: Reduction, bound: Bound
) -> Condition:
    """Return a condition on one statistic."""
    return Condition(Statistic(setting, quantity, reduction), bound)


# Tolerances, the same for all claims.

SHARE = 2 / 3
"""A claimed difference is reproduced by this share of it."""
OFF = 3
"""A claimed level is reproduced by one at most so far off: a factor 2 in density."""
COMMENSURATE = -0.2
"""Points of accuracy that a network of "the same" accuracy may lose."""
ACCURACY_SLACK, SPEEDUP_SLACK = 0.1, 0.05
"""What a single level may miss where a claim is about all of several levels."""
NO_LEAD = 0.5
"""Points by which networks of "no difference" may differ on average."""
ABSOLUTE = 1.0
"""Points by which an accuracy that the paper states may be missed."""
FULL, NEARLY_FULL = 99.5, 99.0
"""Percent that print as "100 %", and as "about 100 %"."""


def most_of(claimed: float, unit: Unit) -> Bound:
    """Return the bound for a claimed difference or, in ``times``, a claimed speedup.

    Example:
        >>> most_of(0.3, points).text(points)
        ">= +0.20 points (two thirds of the paper's +0.30 points)"
        >>> most_of(2.5, times).text(times)
        ">= 2.00x (two thirds of the way from 1 to the paper's 2.50x)"
    """
    if unit is times:
        why = f"two thirds of the way from 1 to the paper's {unit(claimed)}"
        return at_least(1 + SHARE * (claimed - 1), why)
    return at_least(SHARE * claimed, f"two thirds of the paper's {unit(claimed)}")


def near_level(claimed: int) -> Bound:
    """Return the bound for a claimed level."""
    why = f"the paper's {claimed} give or take {OFF}, a factor 2 in density"
    return near(claimed, OFF, why)


def ends_near(
    setting: Setting, quantity: Quantity, claimed: int, threshold: float = 0.0
) -> Condition:
    """Return the condition of "down to this level, and no further".

    The rule looks one level past those that count: what never ends is not near.
    """
    reduction = crossing(levels(1, claimed + OFF + 1), threshold)
    return need(setting, quantity, reduction, near_level(claimed))


def best_at(
    setting: Setting, quantity: Quantity, claimed: float, level: int, span: Span
) -> list[Condition]:
    """Return the conditions of "best, by so much, at this level"."""
    return [
        need(setting, quantity, at(level), most_of(claimed, quantity.unit)),
        need(setting, quantity, share_of_greatest(level, span), at_least(100 * SHARE)),
    ]


def throughout(setting: Setting, quantity: Quantity, span: Span) -> list[Condition]:
    """Return the conditions of "above the dense network at all of these levels"."""
    neutral, slack = (
        (1.0, SPEEDUP_SLACK) if quantity.unit is times else (0.0, ACCURACY_SLACK)
    )
    why = "a single level may miss by the noise of its mean"
    return [
        Condition(Statistic(setting, quantity, average(span)), above(neutral), True),
        need(setting, quantity, least(span), at_least(neutral - slack, why)),
    ]


def commensurate(setting: Setting, quantity: Quantity, reduce: Reduction) -> Condition:
    """Return the condition of "matches the dense network"."""
    why = "commensurate with the dense network"
    return need(setting, quantity, reduce, at_least(COMMENSURATE, why))


def around(
    setting: Setting, quantity: Quantity, reduce: Reduction, claimed: float
) -> Condition:
    """Return the condition of an accuracy, in percent, that the paper states."""
    why = f"the paper's {claimed:g} % give or take {ABSOLUTE:g} points"
    return need(setting, quantity, reduce, near(claimed, ABSOLUTE, why))


@dataclass(frozen=True)
class Known:
    """A number that no run is needed for."""

    text: str
    unit: Unit
    compute: Callable[[], float]

    def parts(self) -> Iterator[Statistic]:
        """Yield nothing."""
        yield from ()

    def of(self, pools: Mapping[Setting, Pool]) -> Value:
        """Compute it."""
        value = self.compute()
        return Value(value, value, value)


class Claim(NamedTuple):
    """A claim of a paper, and the rule that judges it, written before any run.

    Attributes:
        id: a letter for the paper and a number; of one claim only.
        where: in the paper.
        quantity: network and quantity.
        paper: what the paper says of it.
        conditions: all must hold.
        untestable: why no run can test it.
        remark: what to know of the claim itself.
    """

    id: str
    where: str
    quantity: str
    paper: str
    conditions: Sequence[Condition] = ()
    untestable: str = ""
    remark: str = ""

    @property
    def rule(self) -> str:
        """The rule in words."""
        if self.untestable:
            return f"None: {self.untestable}."
        settings = {statistic.setting for statistic in self.statistics}
        texts = [each.text(named=len(settings) > 1) for each in self.conditions]
        if len(texts) > 1:
            texts = [f"({n}) {text}" for n, text in enumerate(texts, 1)]
        means = "Means over replicates: " if settings else ""
        return f"{means}{' AND '.join(texts)}."

    @property
    def statistics(self) -> Iterator[Statistic]:
        """All statistics of the rule."""
        for condition in self.conditions:
            yield from condition.term.parts()
