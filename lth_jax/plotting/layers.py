"""Which layers and levels of tickets that were taken apart are shown, in words."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ..results import density_of, density_text, nearest_levels
from ..schema import SIDES
from ..store.read import Run
from .figure import Runs

if TYPE_CHECKING:
    import pandas as pd

MOST_LAYERS = 6
"""Layers shown of one run, at most; of each of several, half of them."""
ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth")


class LayerPanel(NamedTuple):
    """A layer of a run.

    Attributes:
        title: in words.
        run: loaded.
        rows: of a table, of that layer.
    """

    title: str
    run: Run
    rows: "pd.DataFrame"


def shows(run: Run, what: str) -> bool:
    """Tell whether a run has tickets taken apart, as a figure needs it.

    Args:
        run: loaded.
        what: initial, distance, growth, incoming or outgoing.
    """
    return bool(levels_shown(run, what, [0.5]))


def layer_words(run: Run, layers: Sequence[str]) -> dict[str, str]:
    """Return layers in words: those of a LeNet are counted, others keep their names.

    Args:
        run: loaded.
        layers: paths of all its kernels, in order.

    Returns:
        Words by path, such as ``second layer`` or ``Conv_0``.
    """
    if run.config.get("model", {}).get("name") != "lenet":
        return {path: path.removesuffix("/kernel") for path in layers}
    return {
        path: "output layer" if path == layers[-1] else f"{_ordinal(i)} layer"
        for i, path in enumerate(layers)
    }


def _units(run: Run, layers: Sequence[str]) -> dict[str, str]:
    """Return in words the units that layers read."""
    if run.config.get("model", {}).get("name") != "lenet":
        return {path: f"into {path.removesuffix('/kernel')}" for path in layers}
    return {
        path: f"{_ordinal(i - 1)} hidden layer" if i else "input"
        for i, path in enumerate(layers)
    }


def _ordinal(i: int) -> str:
    return ORDINALS[i] if i < len(ORDINALS) else f"{i + 1}th"


def rows_of(run: Run, what: str) -> "pd.DataFrame":
    """Return the rows of one quantity of the histograms, or of one side of units."""
    table, column = (
        (run.anatomy.units, "side")
        if what in SIDES
        else (run.anatomy.histograms, "quantity")
    )
    return table[table[column] == what]


def grid_of(runs: Runs, what: str) -> tuple[list[LayerPanel | None], int]:
    """Return the panels and how many stand in a row; None is an empty place.

    Of many layers, the first, the last and some between them are shown.
    """
    most = MOST_LAYERS if len(runs) == 1 else MOST_LAYERS // 2
    found = []
    for variant, run in runs.items():
        if not shows(run, what):
            continue
        rows = rows_of(run, what)
        layers = list(dict.fromkeys(rows["layer"]))
        words = (_units if what == "outgoing" else layer_words)(run, layers)
        row = []
        for path in thinned(layers, most):
            name = words[path]
            alone = name[:1].upper() + name[1:]
            title = alone if len(runs) == 1 else f"{variant}: {name}"
            row.append(LayerPanel(title, run, rows[rows["layer"] == path]))
        found.append(row)
    widest = max(map(len, found), default=1)
    columns = widest if widest <= 3 else 2 if widest == 4 else 3
    padded = [[*row, *[None] * (-len(row) % columns)] for row in found]
    return [panel for row in padded for panel in row], columns


def thinned(layers: list[str], most: int) -> list[str]:
    """Return the first layer, the last and some between, in order.

    Example:
        >>> thinned(["a", "b", "c", "d", "e"], 3)
        ['a', 'c', 'e']
    """
    places = np.linspace(0, len(layers) - 1, min(most, len(layers)))
    return [layers[round(place)] for place in places]


def levels_shown(run: Run, what: str, targets: Iterable[float]) -> dict[int, str]:
    """Return the levels nearest to some densities, and the share of weights there.

    A target of 1 is the dense network; others are tickets.
    """
    there = {int(n): density_of(run, int(n)) for n in set(rows_of(run, what)["level"])}
    dense = {level: density for level, density in there.items() if level == 0}
    pruned = {level: density for level, density in there.items() if level > 0}
    found = [
        level
        for target in targets
        for level in nearest_levels(dense if target == 1 else pruned, [target])
    ]
    return {level: density_text(there[level]) for level in sorted(set(found))}
