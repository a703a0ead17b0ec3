"""Spans of levels, and reductions: one number of a series over levels."""

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from .pool import Pool
from .units import Unit, level, named_levels, number, percent, times

if TYPE_CHECKING:
    import pandas as pd


class Span(NamedTuple):
    """Consecutive positions."""

    first: float
    last: float
    text: str

    def of(self, series: "pd.Series") -> "pd.Series":
        """Return the part of a series that lies in the span, without missing values."""
        slack = 1e-9
        return series.loc[self.first - slack : self.last + slack].dropna()


def levels(first: int, last: int) -> Span:
    """Return a span of levels."""
    return Span(first, last, f"levels {first} to {last}")


def rates(first: float, last: float) -> Span:
    """Return a span of one-shot rates."""
    return Span(first, last, f"one-shot rates {100 * first:g} % to {100 * last:g} %")


class Reduction(NamedTuple):
    """One number of a series over positions.

    Attributes:
        text: how; goes on after the quantity.
        first: position from which it looks.
        last: position to which it looks.
        of: (series, pool) -> number; NaN if the series lacks what it needs.
        unit: how it is written, if not like the quantity.
        only: positions at which it looks, if not at all from first to last.
    """

    text: str
    first: float
    last: float
    of: Callable[["pd.Series", Pool], float]
    unit: Unit | None = None
    only: tuple[float, ...] = ()


def at(position: int) -> Reduction:
    """Return the value at one level."""
    return Reduction(
        f"at level {position}",
        position,
        position,
        lambda series, pool: float(series.get(position, math.nan)),
    )


def mean_at(*positions: int) -> Reduction:
    """Return the mean of the values at some levels, and at no others.

    Example:
        >>> mean_at(8, 12).text
        '(mean of levels 8 and 12)'
    """

    def of(series: "pd.Series", pool: Pool) -> float:
        del pool
        return float(series.reindex([float(p) for p in positions]).mean(skipna=False))

    return Reduction(
        f"(mean of {named_levels(positions)})",
        min(positions),
        max(positions),
        of,
        only=tuple(map(float, positions)),
    )


def _over(name: str, span: Span, reduce: Callable[["pd.Series"], float]) -> Reduction:
    def of(series: "pd.Series", pool: Pool) -> float:
        del pool
        part = span.of(series)
        return math.nan if part.empty else float(reduce(part))

    return Reduction(f"({name} over {span.text})", span.first, span.last, of)


def greatest(span: Span) -> Reduction:
    """Return the greatest value."""
    return _over("greatest", span, lambda part: part.max())


def least(span: Span) -> Reduction:
    """Return the least value."""
    return _over("least", span, lambda part: part.min())


def average(span: Span) -> Reduction:
    """Return the mean value."""
    return _over("mean", span, lambda part: part.mean())


def highest(span: Span, over: int = 3) -> Reduction:
    """Return the greatest mean over neighbouring levels, as one noisy level is no peak.

    Args:
        span: of levels.
        over: how many neighbours are averaged.
    """
    name = f"greatest mean of {over} neighbouring levels"
    return _over(name, span, lambda part: part.rolling(over).mean().max())


def lowest(span: Span, over: int = 3) -> Reduction:
    """Return the least mean over neighbouring levels, as one noisy level is no dip.

    Args:
        span: of levels.
        over: how many neighbours are averaged.
    """
    name = f"least mean of {over} neighbouring levels"
    return _over(name, span, lambda part: part.rolling(over).mean().min())


def share_of_greatest(position: int, span: Span) -> Reduction:
    """Return the value at a level in percent of the greatest; 0 if none is positive."""

    def of(series: "pd.Series", pool: Pool) -> float:
        del pool
        best = span.of(series).max()
        here = float(series.get(position, math.nan))
        return 100 * here / best if best > 0 or math.isnan(best) else 0.0

    text = f"(at level {position} in % of its greatest over {span.text})"
    return Reduction(text, min(position, span.first), span.last, of, percent)


def change(first: int, last: int) -> Reduction:
    """Return the value at the last level / the value at the first."""
    return Reduction(
        f"(at level {last} / at level {first})",
        min(first, last),
        max(first, last),
        lambda series, pool: float(
            series.get(last, math.nan) / series.get(first, math.nan)
        ),
        times,
    )


def beside(position: int) -> Reduction:
    """Return the mean over a level and its neighbours."""
    return average(levels(position - 1, position + 1))


def trend(span: Span) -> Reduction:
    """Return Spearman's rank correlation of value and level: 1 = always rising."""

    def of(series: "pd.Series", pool: Pool) -> float:
        del pool
        part = span.of(series)
        if len(part) < 3:
            return math.nan
        if part.nunique() == 1:
            return 0.0
        return float(part.corr(part.index.to_series(), method="spearman"))

    text = f"(rank correlation with the level over {span.text})"
    return Reduction(text, span.first, span.last, of, number)


def crossing(span: Span, threshold: float = 0.0) -> Reduction:
    """Return the last level at which the value is at least a threshold, 0 if none is.

    Networks are back to the dense one's accuracy where ``gain`` is last at least 0, and
    back to its early stop where ``speedup`` is last at least 1.
    """
    return Reduction(
        f"(last level of {span.text} at which it is >= {threshold:g})",
        span.first,
        span.last,
        lambda series, pool: float(_crossing(span, series, threshold)),
        level,
    )


def crossing_weights(span: Span, threshold: float = 0.0) -> Reduction:
    """Return the number of weights that remain at the level of `crossing`."""

    def of(series: "pd.Series", pool: Pool) -> float:
        remaining = pool.summary.groupby("position")["n_remaining"].mean()
        return float(remaining.get(_crossing(span, series, threshold), math.nan))

    text = f"(weights left at the last of {span.text} at which it is >= {threshold:g})"
    return Reduction(text, span.first, span.last, of, number)


def _crossing(span: Span, series: "pd.Series", threshold: float) -> float:
    part = span.of(series)
    reached = part.index[part >= threshold]
    return math.nan if part.empty else max(reached, default=0.0)
