"""Spans of levels, and reductions: one number of a series over levels."""

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from .units import Unit, level, named_levels, number, percent, times

if TYPE_CHECKING:
    import pandas as pd


class Span(NamedTuple):
    """Consecutive positions.

    Attributes:
        first: position.
        last: position.
        text: what they are.
        fewest: how many of them runs must have.
    """

    first: float
    last: float
    text: str
    fewest: int = 0

    def of(self, series: "pd.Series") -> "pd.Series":
        """Return the part of a series that lies in the span, without missing values."""
        slack = 1e-9
        return series.loc[self.first - slack : self.last + slack].dropna()


def levels(first: int, last: int) -> Span:
    """Return a span of levels."""
    return Span(first, last, f"levels {first} to {last}")


def rates(first: float, last: float, fewest: int = 0) -> Span:
    """Return a span of one-shot rates, of which runs must have so many."""
    text = f"one-shot rates {100 * first:g} % to {100 * last:g} %"
    return Span(first, last, text, fewest)


class Reduction(NamedTuple):
    """One number of a series over positions.

    Attributes:
        text: how; goes on after the quantity.
        first: position from which it looks.
        last: position to which it looks.
        of: (series, pool) -> number; NaN if the series lacks what it needs.
        unit: how it is written, if not like the quantity.
        only: positions at which it looks, if not at all from first to last.
        fewest: at how many positions it must look.
    """

    text: str
    first: float
    last: float
    of: Callable[["pd.Series", Any], float]
    unit: Unit | None = None
    only: tuple[float, ...] = ()
    fewest: int = 0


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
    return _at_only("mean", positions, lambda part: part.mean(skipna=False))


def greatest_at(*positions: int) -> Reduction:
    """Return the greatest of the values at some levels, and at no others.

    Example:
        >>> greatest_at(4, 8, 12).text
        '(greatest of levels 4, 8 and 12)'
    """
    return _at_only("greatest", positions, lambda part: part.max(skipna=False))


def _at_only(
    name: str, positions: tuple[int, ...], reduce: Callable[["pd.Series"], float]
) -> Reduction:
    def of(series: "pd.Series", pool: Any) -> float:
        del pool
        return float(reduce(series.reindex([float(p) for p in positions])))

    return Reduction(
        f"({name} of {named_levels(positions)})",
        min(positions),
        max(positions),
        of,
        only=tuple(map(float, positions)),
    )


def _over(name: str, span: Span, reduce: Callable[["pd.Series"], float]) -> Reduction:
    def of(series: "pd.Series", pool: Any) -> float:
        del pool
        part = span.of(series)
        return math.nan if part.empty else float(reduce(part))

    text = f"({name} over {span.text})"
    return Reduction(text, span.first, span.last, of, fewest=span.fewest)


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


def share_of_greatest(where: Reduction, span: Span) -> Reduction:
    """Return the value somewhere in percent of the greatest; 0 if none is positive."""

    def of(series: "pd.Series", pool: Any) -> float:
        best = span.of(series).max()
        here = where.of(series, pool)
        return 100 * here / best if best > 0 or math.isnan(best) else 0.0

    text = f"{where.text} (in % of its greatest over {span.text})"
    return Reduction(text, min(where.first, span.first), span.last, of, percent)


def change(first: Reduction, last: Reduction) -> Reduction:
    """Return the value somewhere / the value elsewhere."""
    return Reduction(
        f"{last.text} / {first.text}",
        min(first.first, last.first),
        max(first.last, last.last),
        lambda series, pool: last.of(series, pool) / first.of(series, pool),
        times,
    )


def beside(position: int) -> Reduction:
    """Return the mean over a level and its neighbours."""
    return average(levels(position - 1, position + 1))


def trend(span: Span) -> Reduction:
    """Return Spearman's rank correlation of value and level: 1 = always rising."""

    def of(series: "pd.Series", pool: Any) -> float:
        del pool
        part = span.of(series)
        if len(part) < 3:
            return math.nan
        if part.nunique() == 1:
            return 0.0
        return float(part.corr(part.index.to_series(), method="spearman"))

    text = f"(rank correlation with the level over {span.text})"
    return Reduction(text, span.first, span.last, of, number)


def growth(span: Span) -> Reduction:
    """Return the factor from level to level: the slope of logarithms, by least squares.

    Example:
        >>> import pandas as pd
        >>> growth(levels(0, 2)).of(pd.Series([1.0, 1.1, 1.21]), None)
        1.1...
    """

    def of(part: "pd.Series") -> float:
        import numpy as np

        off = part.index.to_numpy(float) - np.mean(part.index.to_numpy(float))
        return float(np.exp((off * np.log(part.to_numpy())).sum() / (off**2).sum()))

    return _over("factor per level", span, of)._replace(unit=times)


def crossing(span: Span, threshold: float = 0.0, over: int = 1) -> Reduction:
    """Return the last level at which the value is at least a threshold, 0 if none is.

    Networks are back to the dense one's accuracy where ``gain`` is last at least 0, and
    back to its early stop where ``speedup`` is last at least 1.

    Args:
        span: of levels.
        threshold: of the value.
        over: how many neighbours are averaged, as one noisy level is no return.
    """
    smooth = f", mean of {over} neighbouring levels" if over > 1 else ""
    return Reduction(
        f"(last level of {span.text} at which it is >= {threshold:g}{smooth})",
        span.first,
        span.last,
        lambda series, pool: float(_crossing(span, series, threshold, over)),
        level,
    )


def crossing_weights(span: Span, threshold: float = 0.0) -> Reduction:
    """Return the number of weights that remain at the level of `crossing`."""

    def of(series: "pd.Series", pool: Any) -> float:
        remaining = pool.summary.groupby("position")["n_remaining"].mean()
        return float(remaining.get(_crossing(span, series, threshold), math.nan))

    text = f"(weights left at the last of {span.text} at which it is >= {threshold:g})"
    return Reduction(text, span.first, span.last, of, number)


def _crossing(
    span: Span, series: "pd.Series", threshold: float, over: int = 1
) -> float:
    part = span.of(series)
    if over > 1:
        part = part.rolling(over, center=True).mean().dropna()
    reached = part.index[part >= threshold]
    return math.nan if part.empty else max(reached, default=0.0)
