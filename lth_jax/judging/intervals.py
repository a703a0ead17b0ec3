"""Intervals: how sure a number is that a few replicates show.

An interval is that of Student's t over replicates, and from `MANY` replicates on a
bootstrap over them. Two sides of a comparison that come from the same networks are
paired; if they do not, the noise of both is in the interval (Welch).

Reference:
    Welch, "The generalization of 'Student's' problem" (1947). Agarwal et al., "Deep
    Reinforcement Learning at the Edge of the Statistical Precipice" (2021), on why a
    mean of a few runs is no verdict.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import NamedTuple

import numpy as np

CONFIDENCE = 0.95
FEW = 3
"""Fewer replicates decide nothing."""
MANY = 10
"""From so many replicates on, they are resampled."""
RESAMPLES, TRIALS, SEED = 9_999, 2_000, 0
"""Of a bootstrap; made-up studies of `power`; and the seed of both."""
MOST = 1_000
"""Replicates that nobody trains."""
ROUND_OFF = 1e-9

Network = tuple[int, int]
"""Which network a replicate is of: the seed of its run, and its number there."""
Sample = Mapping[Network, float]
"""A number of every replicate."""


class Scale(NamedTuple):
    """A scale on which replicates are averaged, and the way back."""

    to: Callable[[float], float]
    back: Callable[[float], float]


def _log(value: float) -> float:
    return math.log(value) if value > 0 else math.nan


LINEAR = Scale(float, float)
LOG = Scale(_log, math.exp)
"""Of ratios: half as much is as far from 1 as twice as much."""
SAVED = Scale(
    lambda saved: -_log(1 - saved / 100), lambda logged: 100 * (1 - math.exp(-logged))
)
"""Of what is saved, in percent: that of the ratio behind it."""


class Interval(NamedTuple):
    """What the number of all networks is like, of which the replicates are a few."""

    low: float
    high: float


class Noise(NamedTuple):
    """The mean of samples, and how sure it is.

    Attributes:
        mean: sum of the means of the samples.
        error: its standard error.
        freedom: degrees of freedom of that.
    """

    mean: float
    error: float
    freedom: float


def combined(
    first: Sequence[Sample], second: Sequence[Sample], weight: float
) -> tuple[Sample, ...]:
    """Return samples whose means add up to those of the first plus weighted second.

    Samples of the same networks are added network by network: what these share is no
    noise of the sum.

    Example:
        >>> mine, its = {(0, 0): 3.0, (0, 1): 5.0}, {(0, 0): 2.0, (0, 1): 4.0}
        >>> combined([mine], [its], -1)
        ({(0, 0): 1.0, (0, 1): 1.0},)
        >>> len(combined([mine], [{(7, 0): 2.0, (7, 1): 4.0}], -1))
        2
    """
    samples = [dict(sample) for sample in first]
    for sample in second:
        weighted = {network: weight * value for network, value in sample.items()}
        pair = next((each for each in samples if each.keys() == weighted.keys()), None)
        if pair is None:
            samples.append(weighted)
        else:
            pair.update(
                {network: pair[network] + weighted[network] for network in pair}
            )
    return tuple(samples)


def noise_of(samples: Sequence[Sample]) -> Noise | None:
    """Return the mean of samples and its error; None if a sample has one network."""
    arrays = [np.array([*sample.values()], float) for sample in samples]
    if not arrays or any(len(array) < 2 for array in arrays):
        return None
    shares = [array.var(ddof=1) / len(array) for array in arrays]
    total = float(sum(shares))
    mean = float(sum(array.mean() for array in arrays))
    parts = sum(s**2 / (len(a) - 1) for s, a in zip(shares, arrays, strict=True))
    freedom = total**2 / parts if parts > 0 else min(map(len, arrays)) - 1.0
    return Noise(mean, math.sqrt(total), float(freedom))


def interval_of(samples: Sequence[Sample]) -> Interval | None:
    """Return the interval of the sum of the means of samples; None of one network.

    Example:
        >>> found = interval_of([{(0, n): value for n, value in enumerate((1, 2, 3))}])
        >>> [round(end, 2) for end in found]
        [-0.48, 4.48]
    """
    noise = noise_of(samples)
    if noise is None:
        return None
    if min(map(len, samples)) >= MANY and noise.error > ROUND_OFF:
        return _resampled(samples)
    half = _t(noise.freedom) * noise.error
    return Interval(noise.mean - half, noise.mean + half)


def _resampled(samples: Sequence[Sample]) -> Interval:
    """Return the BCa interval, and the percentile interval of several samples."""
    from scipy import stats

    arrays = [np.array([*sample.values()], float) for sample in samples]
    found = stats.bootstrap(
        arrays,
        lambda *parts, axis: sum(part.mean(axis=axis) for part in parts),
        n_resamples=RESAMPLES,
        confidence_level=CONFIDENCE,
        method="BCa" if len(arrays) == 1 else "percentile",
        vectorized=True,
        rng=np.random.default_rng(SEED),
    ).confidence_interval
    return Interval(float(found.low), float(found.high))


def _t(freedom: float) -> float:
    return _rounded_t(round(freedom, 9))


@cache
def _rounded_t(freedom: float) -> float:
    from scipy import stats

    return float(stats.t.ppf((1 + CONFIDENCE) / 2, freedom))


def replicates_needed(samples: Sequence[Sample], off: float) -> int | None:
    """Return how many replicates put the end of the interval so far off its middle.

    Args:
        samples: which show the spread.
        off: distance of the mean to the bound, on the scale of the samples.

    Returns:
        None if no number does: the mean sits on the bound, or there is no spread yet.

    Example:
        >>> replicates_needed([{(0, 0): 1.0, (0, 1): 2.0, (0, 2): 3.0}], off=0.5)
        18
    """
    noise = noise_of(samples)
    if noise is None or off <= ROUND_OFF:
        return None
    spread = noise.error * math.sqrt(min(map(len, samples)))
    enough = (n for n in range(FEW, MOST) if _t(n - 1) * spread <= off * math.sqrt(n))
    return next(enough, None)


def power(
    samples: Sequence[Sample],
    truth: float,
    low: float,
    high: float,
    beyond: float | None = None,
) -> float:
    """Return how often the interval lies within bounds if a number is the true one.

    Args:
        samples: which show how many replicates there are, and their spread.
        truth: the true number, on their scale.
        low: bound.
        high: bound.
        beyond: what the interval must exceed, where only the mean must lie within the
            bounds.

    Returns:
        A share; NaN if there is no spread to judge by.
    """
    noise = noise_of(samples)
    if noise is None:
        return math.nan
    rng = np.random.default_rng(SEED)
    means = truth + noise.error * rng.standard_normal(TRIALS)
    errors = noise.error * np.sqrt(rng.chisquare(noise.freedom, TRIALS) / noise.freedom)
    half = _t(noise.freedom) * errors - ROUND_OFF
    if beyond is not None:
        return float(
            np.mean((means >= low) & (means <= high) & (means - half > beyond))
        )
    return float(np.mean((means - half >= low) & (means + half <= high)))
