"""Histograms: counts in bins added up, bins made wider, and as curves of area 1."""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

MOST_BINS = 40
"""Bins across the middle 99 % of the numbers, at most."""


class Bins(NamedTuple):
    """How many numbers lie in bins of one width, side by side.

    Attributes:
        edges: of the bins, in order; one more than bins.
        counts: of numbers in each; expected ones need not be whole.
    """

    edges: np.ndarray
    counts: np.ndarray


def pooled(rows: "pd.DataFrame") -> Bins:
    """Add up the counts of histograms that have the same bins.

    Args:
        rows: with columns ``low``, ``high`` and ``count``; empty bins may be missing at
            both ends only.

    Example:
        >>> import pandas as pd
        >>> rows = {"low": [0, 1, 0, 1], "high": [1, 2, 1, 2], "count": [1, 2, 3, 4]}
        >>> pooled(pd.DataFrame(rows)).counts.tolist()
        [4.0, 6.0]
    """
    found = rows.groupby(["low", "high"], as_index=False)["count"].sum()
    edges = np.append(found["low"], found["high"].iloc[-1:])
    return Bins(edges.astype(float), found["count"].to_numpy(float))


def shares(rows: "pd.DataFrame") -> Bins:
    """Count units by the share of their connections that remain.

    Args:
        rows: a unit each, with columns ``connections`` and ``possible``, the same for
            all.

    Returns:
        A bin per number of connections, from none to all; the share lies in its middle.
    """
    possible = int(rows["possible"].max())
    edges = (np.arange(possible + 2) - 0.5) / possible
    counts = np.bincount(rows["connections"].to_numpy(int), minlength=possible + 1)
    return Bins(edges, counts.astype(float))


def at_random(rows: "pd.DataFrame") -> Bins:
    """Return what `shares` is expected to be if the same number remain at random.

    The connections of a unit are drawn from those of its layer without replacement.

    Args:
        rows: as of `shares`, with a column ``replicate``.
    """
    from scipy.stats import hypergeom

    edges, counts = shares(rows)
    n = counts.size - 1
    expected = np.zeros(n + 1)
    for _, layer in rows.groupby("replicate"):
        weights, kept = int(layer["possible"].sum()), int(layer["connections"].sum())
        law = hypergeom(weights, kept, n)
        expected += len(layer) * law.pmf(np.arange(n + 1))
    return Bins(edges, expected)


def grouping(bins: Bins) -> int:
    """Return how many bins side by side to join, by how many numbers there are.

    Across the middle 99 % of n numbers there are then about 2 n^(1/3) bins (Rice's
    rule), at most `MOST_BINS`.
    """
    low, high = reach(bins, 0.99)
    wanted = min(MOST_BINS, 2 * bins.counts.sum() ** (1 / 3))
    width = (bins.edges[-1] - bins.edges[0]) / bins.counts.size
    return max(1, round((high - low) / wanted / width))


def joined(bins: Bins, n: int) -> Bins:
    """Join every n bins side by side; an edge at 0, or nearest to it, stays one.

    The outer bins are narrower where there are not n left.

    Example:
        >>> joined(Bins(np.arange(-3.0, 4), np.ones(6)), 2).edges.tolist()
        [-3.0, -2.0, 0.0, 2.0, 3.0]
    """
    front = -int(np.argmin(np.abs(bins.edges))) % n
    back = -(front + bins.counts.size) % n
    counts = np.pad(bins.counts, (front, back)).reshape(-1, n).sum(1)
    width = (bins.edges[-1] - bins.edges[0]) / bins.counts.size
    start = bins.edges[0] - front * width
    edges = start + n * width * np.arange(counts.size + 1)
    return Bins(edges.clip(bins.edges[0], bins.edges[-1]), counts)


def reach(bins: Bins, share: float) -> np.ndarray:
    """Return the ends between which a share of the numbers lies, as many outside."""
    below = np.append(0, np.cumsum(bins.counts)) / bins.counts.sum()
    return np.interp([(1 - share) / 2, (1 + share) / 2], below, bins.edges)


def curve(bins: Bins) -> tuple[np.ndarray, np.ndarray]:
    """Return x and y of a line through the middles of the bins, a density of area 1.

    It falls to 0 in the first empty bin at each side. Where the outermost bin is not
    empty, numbers end there, such as those of a truncated normal distribution: the line
    ends at its edge, as high as it is. Bins with less than a twentieth of a number, or
    of the greatest count if all are as small, count as empty at the sides.
    """
    most = bins.counts.max()
    filled = np.flatnonzero(bins.counts >= (0.05 if most >= 0.05 else most / 20))
    first, last = filled[0], filled[-1]
    middles = (bins.edges[1:] + bins.edges[:-1]) / 2
    density = bins.counts / (bins.counts.sum() * np.diff(bins.edges))
    x, y = middles[first : last + 1], density[first : last + 1]
    at_start, at_end = first == 0, last == bins.counts.size - 1
    before = (bins.edges[0], y[0]) if at_start else (middles[first - 1], 0.0)
    after = (bins.edges[-1], y[-1]) if at_end else (middles[last + 1], 0.0)
    points = np.array([before, *zip(x, y, strict=True), after])
    return points[:, 0], points[:, 1]
