"""The words that rules are made of: terms, bounds, conditions.

A rule is a list of conditions. A condition compares a term with a bound; a term is a
quantity of the networks of one setting, reduced over levels, or several of them
combined. Each carries its text, so the text of a rule is made from what is computed.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol

from .intervals import (
    FEW,
    LINEAR,
    LOG,
    ROUND_OFF,
    Interval,
    Sample,
    Scale,
    combined,
    interval_of,
    noise_of,
    power,
    replicates_needed,
)
from .quantities import Quantity
from .reductions import (
    Reduction,
    Span,
    average,
    crossing,
    growth,
    least,
    levels,
    share_of_greatest,
    trend,
)
from .settings import Setting
from .units import Unit, percent, points, times

Outcome = Literal["yes", "no", "undecided"]


class Tables(Protocol):
    """What statistics are read from: a pool of runs, or a made-up one."""

    def reduced(self, quantity: Quantity, reduction: Reduction) -> tuple[float, Sample]:
        """Return a quantity, reduced over levels: of the means, and of replicates."""
        ...


class Value(NamedTuple):
    """A number, and what the replicates behind it show.

    Attributes:
        point: of the means over replicates, as papers plot.
        samples: numbers of replicates on the scale; the sum of the means of these is
            the number. There are several if it compares different networks.
        scale: of the samples.
        exact: it is a count, which has no interval.
        censored: how many of its networks have no early stop to compare.
    """

    point: float
    samples: tuple[Sample, ...] = ()
    scale: Scale = LINEAR
    exact: bool = False
    censored: int = 0

    @property
    def n(self) -> int:
        """How many replicates are behind it: of the side that has fewest."""
        return min(map(len, self.samples), default=0)

    @property
    def seeds(self) -> tuple[int, ...]:
        """The seeds of the runs behind it."""
        return tuple(sorted({seed for each in self.samples for seed, _ in each}))

    @property
    def defined(self) -> bool:
        """Tell whether it, and every replicate, has a number."""
        each = (value for sample in self.samples for value in sample.values())
        return not math.isnan(self.point) and not any(map(math.isnan, each))

    @property
    def interval(self) -> Interval | None:
        """The interval; None of one replicate, of a count, and of what is censored."""
        if self.exact or self.censored:
            return None
        found = interval_of(self.samples)
        return found and Interval(*map(self.scale.back, found))

    def on(self, scale: Scale) -> tuple[Sample, ...]:
        """Return the samples on another scale, which sums of samples have not."""
        if scale is self.scale:
            return self.samples
        if len(self.samples) > 1:
            return tuple(dict.fromkeys(each, math.nan) for each in self.samples)
        return tuple(
            {k: scale.to(self.scale.back(v)) for k, v in each.items()}
            for each in self.samples
        )


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

    def of(self, pools: Mapping[Setting, Tables]) -> Value:
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

    @property
    def scale(self) -> Scale:
        """On which replicates are averaged: that of a ratio, if it is one."""
        if self.reduction.unit is None:
            return self.quantity.scale
        return LOG if self.reduction.unit is times else LINEAR

    def parts(self) -> "Iterator[Statistic]":
        """Yield itself."""
        yield self

    def of(self, pools: Mapping[Setting, Tables]) -> Value:
        """Reduce what is made of the means over replicates, and each replicate."""
        point, each = pools[self.setting].reduced(self.quantity, self.reduction)
        sample = {network: self.scale.to(value) for network, value in each.items()}
        return Value(point, (sample,), self.scale, self.quantity.exact)


@dataclass(frozen=True)
class Against:
    """A term minus another, or divided by it.

    Attributes:
        first: term.
        second: term. Where both are of the same networks, these are paired.
        divided: it is the ratio of the two, which are positive.
        weight: of the second, where it is not divided by.
    """

    first: Term
    second: Term
    divided: bool = False
    weight: float = 1.0

    @property
    def text(self) -> str:
        """What it is."""
        share = "" if abs(self.weight) == 1 else f"{abs(self.weight):.3g} times "
        word = "minus" if self.weight > 0 else "plus"
        word = "divided by" if self.divided else f"{word} {share}".rstrip()
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

    def of(self, pools: Mapping[Setting, Tables]) -> Value:
        """Compare network by network where both are of the same, else the means."""
        first, second = self.first.of(pools), self.second.of(pools)
        scale, weight = (LOG, 1.0) if self.divided else (LINEAR, self.weight)
        if self.divided:
            point = first.point / (second.point or math.nan)
        else:
            point = first.point - weight * second.point
        samples = combined(first.on(scale), second.on(scale), -weight)
        return Value(point, samples, scale, first.exact and second.exact)


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

    def of(self, pools: Mapping[Setting, Tables]) -> Value:
        """Return the value of the extreme setting; NaN if one is."""
        values = [statistic.of(pools) for statistic in self.statistics]
        if any(math.isnan(value.point) for value in values):
            return Value(math.nan)
        return (max if self.largest else min)(values, key=lambda value: value.point)


def with_setting(term: Term) -> str:
    """Return the text of a term with its setting, where the text does not say it."""
    if isinstance(term, Statistic):
        return f"{term.setting.name}: {term.text}"
    return term.text


# Bounds and conditions.


class Bound(NamedTuple):
    """What a term must reach.

    Attributes:
        low: what it must at least be.
        high: what it must at most be.
        strict: it must be more, or less.
        why: where the number comes from.
        claimed: the number that the paper states, if it states one.
        beyond: what it must surely be more than, where the lower bound is for its size
            alone; None: it must surely be within the bound.
    """

    low: float = -math.inf
    high: float = math.inf
    strict: bool = False
    why: str = ""
    claimed: float | None = None
    beyond: float | None = None

    def holds(self, value: float) -> bool:
        """Tell whether a value is within."""
        return self.contains(Interval(value, value))

    def contains(self, interval: Interval) -> bool:
        """Tell whether all of an interval is within, but for rounding."""
        low, high = self._ends
        if self.strict:
            return low < interval.low and interval.high < high
        return low <= interval.low and interval.high <= high

    def misses(self, interval: Interval) -> bool:
        """Tell whether nothing of an interval is within, but for rounding."""
        low, high = self._ends
        if self.strict:
            return interval.high <= low or high <= interval.low
        return interval.high < low or high < interval.low

    @property
    def _ends(self) -> tuple[float, float]:
        off = ROUND_OFF if self.strict else -ROUND_OFF
        return self.low + off, self.high - off

    def text(self, unit: Unit) -> str:
        """Return e.g. ``>= 2.00x (two thirds of the paper's)``."""
        why = f" ({self.why})" if self.why else ""
        return f"{self.short(unit)}{why}"

    def short(self, unit: Unit) -> str:
        """Return it without where it comes from: ``>= 2.00x``."""
        more, less = (">", "<") if self.strict else (">=", "<=")
        if self.beyond is not None:
            return f"{more} {unit(self.low)}, surely > {unit(self.beyond)}"
        if math.isinf(self.high):
            return f"{more} {unit(self.low)}"
        if math.isinf(self.low):
            return f"{less} {unit(self.high)}"
        return f"from {unit(self.low)} to {unit(self.high)}"


def at_least(low: float, why: str = "", claimed: float | None = None) -> Bound:
    """Return a lower bound."""
    return Bound(low=low, why=why, claimed=claimed)


def at_most(high: float, why: str = "", claimed: float | None = None) -> Bound:
    """Return an upper bound."""
    return Bound(high=high, why=why, claimed=claimed)


def above(low: float, why: str = "") -> Bound:
    """Return a lower bound that must be exceeded."""
    return Bound(low=low, strict=True, why=why)


def below(high: float, why: str = "") -> Bound:
    """Return an upper bound that must not be reached."""
    return Bound(high=high, strict=True, why=why)


def near(
    center: float, off: float, why: str = "", claimed: float | None = None
) -> Bound:
    """Return bounds on both sides of a number."""
    return Bound(center - off, center + off, why=why, claimed=claimed)


class Condition(NamedTuple):
    """A term and the bound that its interval must lie within.

    Where the bound names what is surely exceeded (`Bound.beyond`), the interval must
    lie beyond that, and the number of the means within the bound: so the few replicates
    of the papers can find an effect of the size that they state, and noise cannot.

    Attributes:
        term: what is compared.
        bound: with what.
        guard: it only guards the claim's other conditions: it holds if the number of
            the means does, and fails if the interval does.
    """

    term: Term
    bound: Bound
    guard: bool = False

    def outcome(self, value: Value) -> Outcome:
        """Tell whether a value of the term is within the bound, as far as is sure."""
        if value.exact:
            return "yes" if self.bound.holds(value.point) else "no"
        if value.censored:
            return "undecided"
        if self.guard and self.bound.holds(value.point):
            return "yes"
        interval = value.interval
        if interval is None or value.n < FEW:
            return "undecided"
        if self.bound.misses(interval):
            return "no"
        if self.bound.beyond is not None:
            sure = above(self.bound.beyond).contains(interval)
            return "yes" if sure and self.bound.holds(value.point) else "undecided"
        return "yes" if self.bound.contains(interval) else "undecided"

    def needed(self, value: Value) -> int | None:
        """Return about how many replicates would decide, at this mean and spread."""
        noise = noise_of(value.samples)
        if noise is None or value.censored:
            return None
        ends = [end for end in self._ends(value.scale) if math.isfinite(end)]
        if self.bound.beyond is not None and self.bound.holds(value.point):
            ends = [value.scale.to(self.bound.beyond)]
        off = min((abs(noise.mean - end) for end in ends), default=0.0)
        return replicates_needed(value.samples, off)

    def power(self, value: Value) -> float | None:
        """Return how often as many replicates find it if the paper's number is true.

        Returns:
            A share; None if the paper states no number, or nothing has a spread.
        """
        if self.bound.claimed is None or value.exact or value.censored:
            return None
        truth, beyond = value.scale.to(self.bound.claimed), self.bound.beyond
        sure = None if beyond is None else value.scale.to(beyond)
        low, high = self._ends(value.scale)
        found = power(value.samples, truth, low, high, sure)
        return None if math.isnan(found) else found

    def _ends(self, scale: Scale) -> Iterator[float]:
        """Yield both ends of the bound on a scale."""
        for end in (self.bound.low, self.bound.high):
            yield end if math.isinf(end) else scale.to(end)

    def text(self, named: bool) -> str:
        """Return the condition in words, with the setting's name or without."""
        term = with_setting(self.term) if named else self.term.text
        how = ", on average" if self.guard else ""
        return f"{term} {self.bound.text(self.term.unit)}{how}"


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
FULL, NEARLY_FULL = 99.8, 99.0
"""Percent that is "100 %", and "about 100 %"."""


def most_of(claimed: float, unit: Unit) -> Bound:
    """Return the bound for a claimed difference or, in ``times``, a claimed speedup.

    Example:
        >>> most_of(0.3, points).why
        "two thirds of the paper's +0.30 points"
        >>> most_of(2.5, times).short(times)
        '>= 2.00x, surely > 1.00x'
    """
    if unit is times:
        why = f"two thirds of the way from 1 to the paper's {unit(claimed)}"
        return at_least(1 + SHARE * (claimed - 1), why, claimed)._replace(beyond=1)
    why = f"two thirds of the paper's {unit(claimed)}"
    return at_least(SHARE * claimed, why, claimed)._replace(beyond=0)


def noticeable(low: float, neutral: float) -> Bound:
    """Return the bound for "better", where the paper states no size.

    Args:
        low: that is more than a trifle.
        neutral: of networks without any effect.
    """
    return at_least(low, "no trifle")._replace(beyond=neutral)


def near_level(claimed: int) -> Bound:
    """Return the bound for a claimed level."""
    why = f"the paper's {claimed} give or take {OFF}, a factor 2 in density"
    return near(claimed, OFF, why, claimed)


def ends_near(
    setting: Setting,
    quantity: Quantity,
    claimed: int,
    threshold: float = 0.0,
    over: int = 1,
) -> Condition:
    """Return the condition of "down to this level, and no further".

    The rule looks one level past those that count: what never ends is not near.

    Args:
        setting: of the networks.
        quantity: which must be at least the threshold.
        claimed: level.
        threshold: of the quantity.
        over: how many neighbouring levels are averaged.
    """
    reduction = crossing(levels(1, claimed + OFF + 1), threshold, over)
    return need(setting, quantity, reduction, near_level(claimed))


def best_at(
    setting: Setting, quantity: Quantity, claimed: float, where: Reduction, span: Span
) -> list[Condition]:
    """Return the conditions of "best, by so much, at this level"."""
    share = share_of_greatest(where, span)
    return [
        need(setting, quantity, where, most_of(claimed, quantity.unit)),
        need(setting, quantity, share, at_least(100 * SHARE))._replace(guard=True),
    ]


def throughout(
    setting: Setting,
    quantity: Quantity,
    span: Span,
    speedup_slack: float = SPEEDUP_SLACK,
) -> list[Condition]:
    """Return the conditions of "above the dense network at all of these levels"."""
    neutral, slack = (
        (1.0, speedup_slack) if quantity.unit is times else (0.0, ACCURACY_SLACK)
    )
    why = "a single level may miss by the noise of its mean"
    return [
        need(setting, quantity, average(span), above(neutral)),
        need(setting, quantity, least(span), at_least(neutral - slack, why))._replace(
            guard=True
        ),
    ]


def rising(
    setting: Setting, quantity: Quantity, span: Span, monotone: float, up: bool = True
) -> list[Condition]:
    """Return the conditions of "the more, the higher", or the lower.

    The rank correlation is that of the means: of single networks, noise alone makes it
    less, however many there are.

    Args:
        setting: of the networks.
        quantity: that rises or falls; a ratio.
        span: of levels.
        monotone: rank correlation with the level that the means must reach.
        up: it rises.
    """
    steep = above(1, "rising") if up else below(1, "falling")
    ranks = at_least(monotone) if up else at_most(-monotone)
    return [
        need(setting, quantity, growth(span), steep),
        need(setting, quantity, trend(span), ranks)._replace(guard=True),
    ]


def commensurate(setting: Setting, quantity: Quantity, reduce: Reduction) -> Condition:
    """Return the condition of "matches the dense network"."""
    why = "commensurate with the dense network"
    return need(setting, quantity, reduce, at_least(COMMENSURATE, why))


def around(
    setting: Setting,
    quantity: Quantity,
    reduce: Reduction,
    claimed: float,
    off: float = ABSOLUTE,
) -> Condition:
    """Return the condition of an accuracy, in percent, that the paper states."""
    why = f"the paper's {claimed:g} % give or take {off:g} points"
    return need(setting, quantity, reduce, near(claimed, off, why, claimed))


class Change(NamedTuple):
    """What became of a rule after it was first used.

    Attributes:
        date: of the change.
        why: it was changed.
        old: verdict of the old rule on the results of that day; empty if it had none,
            so that nothing was known of the claim.
    """

    date: str
    why: str
    old: str = ""


class Claim(NamedTuple):
    """A claim of a paper, and the rule that judges it.

    Attributes:
        id: a letter for the paper and a number; of one claim only.
        where: in the paper.
        quantity: network and quantity.
        paper: what the paper says of it.
        conditions: all must hold.
        untestable: why no run can test it.
        remark: what to know of the claim itself.
        shares: the claim that reads the same numbers, with which it counts once.
        alike: why it holds of networks without any effect too; empty if it does not.
        changed: how the rule was changed since; None if it never was.
        replicates: that mostly find it if the paper's number is true.
    """

    id: str
    where: str
    quantity: str
    paper: str
    conditions: Sequence[Condition] = ()
    untestable: str = ""
    remark: str = ""
    shares: str = ""
    alike: str = ""
    changed: Change | None = None
    replicates: int = 5

    @property
    def rule(self) -> str:
        """The rule in words."""
        if self.untestable:
            return f"None: {self.untestable}."
        settings = {statistic.setting for statistic in self.statistics}
        texts = [each.text(named=len(settings) > 1) for each in self.conditions]
        if len(texts) > 1:
            texts = [f"({n}) {text}" for n, text in enumerate(texts, 1)]
        return f"Intervals over replicates: {' AND '.join(texts)}."

    @property
    def statistics(self) -> Iterator[Statistic]:
        """All statistics of the rule."""
        for condition in self.conditions:
            yield from condition.term.parts()
