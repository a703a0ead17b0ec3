"""Tickets taken apart: their initial weights, their movement, their connections."""

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from .. import analysis, results
from ..errors import InputError
from ..schema import BINS, HISTOGRAMS, QUANTITIES, UNITS

DENSITIES = (1.0, 0.4105, 0.1688, 0.0695)
"""Of the tickets that the paper takes apart."""
INSIDE = 0.999
"""Share of the values of every histogram that its range covers, at least; what lies
beyond is counted in the outer bins."""
Row = dict[str, Any]
Block = dict[str, Any]
"""Rows as columns: arrays, and single values that all the rows share."""


class Opened(NamedTuple):
    """A ticket, and the dense network that it comes from.

    Attributes:
        level: of the ticket.
        replicate: of both.
        initial: weights of the dense network at step 0, by path of the layer.
        final: the same at the end of its training.
        masks: of the ticket, by path. Paths through the network are followed in this
            order: of a chain, that in which data pass the layers.
    """

    level: int
    replicate: int
    initial: Mapping[str, np.ndarray]
    final: Mapping[str, np.ndarray]
    masks: Mapping[str, np.ndarray]


def nearest_levels(densities: Mapping[int, float]) -> tuple[int, ...]:
    """Return the levels whose tickets are about as dense as those of the paper.

    Args:
        densities: by level.

    Example:
        >>> nearest_levels({level: 0.8**level for level in range(20)})
        (0, 4, 8, 12)

    Reference:
        Frankle & Carbin (2019), appendix F: 100, 41.05, 16.88 and 6.95 %.
    """
    return tuple(results.nearest_levels(densities, DENSITIES))


def in_order(paths: Iterable[str]) -> list[str]:
    """Return the layers of our networks in order, as far as their names tell it.

    Dense layers come last, and the tenth after the ninth.

    Example:
        >>> in_order(["Dense_0/kernel", "Residual_1/kernel", "Conv_0/kernel"])
        ['Conv_0/kernel', 'Residual_1/kernel', 'Dense_0/kernel']
        >>> in_order(["Conv_0/kernel", "Conv_10/kernel", "Conv_2/kernel"])
        ['Conv_0/kernel', 'Conv_2/kernel', 'Conv_10/kernel']
    """

    def key(path: str) -> list[Any]:
        words = re.split("([0-9]+)", path)
        ordered = [int(word) if word.isdecimal() else word for word in words]
        return [path.startswith("Dense_"), *ordered]

    return sorted(paths, key=key)


def layer_rows(ticket: Opened) -> list[Row]:
    """Return one row per layer of a ticket, with columns `LAYERS`.

    Args:
        ticket: every layer has survivors.

    Reference:
        Frankle & Carbin (2019), appendix F.
    """
    live, paths = _paths(ticket.masks)
    return [
        {"level": ticket.level, "replicate": ticket.replicate, "layer": path}
        | {"n_weights": mask.size, "n_remaining": int(mask.sum())}
        | _weights(ticket.initial[path], ticket.final[path], mask)
        | _units(mask)
        | {"live": live.get(path), "log10_paths": paths}
        for path, mask in ticket.masks.items()
    ]


def _weights(initial: np.ndarray, final: np.ndarray, mask: np.ndarray) -> Row:
    """Return which initial weights a layer keeps, and how its weights move."""
    start = np.asarray(initial, np.float64)
    kept = analysis.split(start, mask).kept
    moved = analysis.split(analysis.distance(initial, final), mask)
    grown = analysis.split(analysis.growth(initial, final) > 0, mask)
    return {
        "kept_positive": _mean(kept > 0),
        "near_zero": _mean(np.abs(kept) <= start.std() / 2),
        "distance_kept": _mean(moved.kept),
        "distance_other": _mean(moved.other),
        "grown_kept": _mean(grown.kept),
        "grown_other": _mean(grown.other),
    }


def _mean(values: np.ndarray) -> float | None:
    return float(values.mean()) if values.size else None


def _units(mask: np.ndarray) -> Row:
    """Return how the connections of a layer are spread over units."""
    sides = analysis.connections({"": mask})[""]
    row, remaining = {}, int(mask.sum())
    for side, (counts, possible) in sides._asdict().items():
        row[f"{side}_spread"] = analysis.spread(counts)
        row[f"{side}_random"] = analysis.random_spread(mask.size, remaining, possible)
        row[f"units_without_{side}"] = int((counts == 0).sum())
    return row


def _paths(masks: Mapping[str, np.ndarray]) -> tuple[dict[str, int], float | None]:
    """Return live connections by layer, and paths; none where layers are no chain."""
    try:
        paths = analysis.log10_paths(masks)
        live = {path: int(m.sum()) for path, m in analysis.live(masks).items()}
    except InputError:
        return {}, None
    return live, paths if math.isfinite(paths) else None


def unit_blocks(ticket: Opened) -> Iterator[Block]:
    """Yield the connections of the units of a ticket, with columns `UNITS`.

    Reference:
        Frankle & Carbin (2019), appendix F.6, figures 21 to 24.
    """
    for path, sides in analysis.connections(dict(ticket.masks)).items():
        for side, (counts, possible) in sides._asdict().items():
            known = (ticket.level, ticket.replicate, path, side)
            values = (*known, np.arange(len(counts)), counts, possible)
            yield dict(zip(UNITS, values, strict=True))


def reach(tickets: Iterable[Opened]) -> dict[tuple[str, str], float]:
    """Return how far from 0 the histograms go, by layer and quantity.

    Args:
        tickets: all that are to have histograms of the same bins.
    """
    tops: dict[tuple[str, str], float] = {}
    for ticket in tickets:
        for path, quantity, _, values in _parts(ticket):
            top = np.quantile(np.abs(values), INSIDE, method="higher")
            tops[path, quantity] = max(tops.get((path, quantity), 0.0), float(top))
    return tops


def histogram_blocks(
    ticket: Opened, tops: Mapping[tuple[str, str], float]
) -> Iterator[Block]:
    """Yield the histograms of a ticket, with columns `HISTOGRAMS`.

    Args:
        ticket: one of those of ``tops``.
        tops: from `reach`.

    Reference:
        Frankle & Carbin (2019), appendices F.1, F.2 and F.5, figures 15, 16, 19, 20.
    """
    for path, quantity, part, values in _parts(ticket):
        top = tops[path, quantity] or 1.0
        edges = np.linspace(0.0 if quantity == "distance" else -top, top, BINS + 1)
        counts, _ = np.histogram(np.clip(values, edges[0], edges[-1]), edges)
        known = (ticket.level, ticket.replicate, path, quantity, part)
        values = (*known, edges[:-1], edges[1:], counts)
        yield dict(zip(HISTOGRAMS, values, strict=True))


def _parts(ticket: Opened) -> Iterator[tuple[str, str, str, np.ndarray]]:
    """Yield layer, quantity, part and values of all that is not empty."""
    for path, mask in ticket.masks.items():
        initial, final = ticket.initial[path], ticket.final[path]
        moved = analysis.distance(initial, final), analysis.growth(initial, final)
        start = np.asarray(initial, np.float64)
        for quantity, leaf in zip(QUANTITIES, (start, *moved), strict=True):
            for part, values in analysis.split(leaf, mask)._asdict().items():
                if values.size:
                    yield path, quantity, part, values
