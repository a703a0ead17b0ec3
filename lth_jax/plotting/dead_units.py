"""Units of tickets that lost all connections, and connections that lie on no path."""

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ..results import density_of
from ..store.read import Run
from .density import density_axis
from .figure import BARS, Exhibit, Runs, Topic, drawn_of_runs
from .kinds import look_of
from .layers import MOST_LAYERS, layer_words, thinned
from .style import (
    EXTREMES,
    INK,
    draw_means,
    legend,
    note,
    panels,
    ramp,
    replicates_text,
    shifts,
)

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WHOLE = "whole network"
UNITS = {
    "incoming": "Units without incoming connections (%)",
    "outgoing": "Inputs without outgoing connections (%)",
}
LIVE = "Live connections (% of those that remain)"
PATHS = "Paths from inputs to outputs (log10)"
KEYS = ["level", "replicate", "layer"]


class Share(NamedTuple):
    """A panel.

    Attributes:
        title: above it.
        run: whose tickets it shows.
        values: number of each ticket and layer, or of the whole network; rows have
            level, replicate, layer and value.
    """

    title: str
    run: Run
    values: "pd.DataFrame"


@drawn_of_runs
def figure_dead_units(runs: Runs) -> "Figure":
    """Plot what of tickets is dead, by the share of weights that remain.

    Panels are units without incoming connections and inputs without outgoing ones,
    layer by layer; where layers are a chain, connections that lie on a path from an
    input to an output, and the number of such paths. Lines are means over replicates,
    bars their min and max.

    Args:
        runs: with ``anatomy`` of two levels above 0 or more; others are left out. Of
            many layers, the first, the last and some between are shown.

    Example:
        >>> from lth_jax.store.read import load_variants  # doctest: +SKIP
        >>> runs = load_variants("runs/lth_figure_15-1a2b3c4d")  # doctest: +SKIP
        >>> figure_dead_units(runs)  # doctest: +SKIP

    Deviation:
        No figure of a paper: Frankle & Carbin (2019) tell in words that units lose
        their connections.
    """
    shown = {variant: run for variant, run in runs.items() if _has_levels(run)}
    most = MOST_LAYERS if len(runs) == 1 else MOST_LAYERS // 2
    words = {variant: _layers(run, most) for variant, run in shown.items()}
    names = list(dict.fromkeys(name for own in words.values() for name in own.values()))
    colours = dict(zip(names, ramp(len(names)), strict=True)) | {WHOLE: INK}
    found = [
        one if len(runs) == 1 else one._replace(title=f"{variant}: {one.title}")
        for variant, run in shown.items()
        for one in _shares(run, words[variant])
    ]
    figure, axes = panels([one.title for one in found], columns=2)
    for ax, one in zip(axes, found, strict=True):
        _draw(ax, one, colours)
    legend(figure, axes)
    replicates = {one.values["replicate"].nunique() for one in found}
    note(figure, replicates_text(replicates), EXTREMES)
    return figure


def shows_dead_units(runs: Runs) -> bool:
    """Tell whether one of some runs has two pruned levels taken apart."""
    return any(map(_has_levels, runs.values()))


FIGURES = (
    Exhibit(
        name="dead_units",
        topic=Topic.ANATOMY,
        draw=figure_dead_units,
        supports=shows_dead_units,
        caption="Dead units and paths. Units of each layer without incoming"
        " connections, and its inputs without outgoing ones (inputs of a layer are"
        " those of the network or units of a layer before; of a convolution,"
        " channels). Where layers are a chain, also the share of the connections that"
        " lie on a path from an input to an output (live), and the number of such"
        f" paths, by the share of weights that remain.{BARS}. Of many layers, the"
        " first, the last and some between are shown; the whole network counts all.",
    ),
)


def _has_levels(run: Run) -> bool:
    tables = run.anatomy.units, run.anatomy.layers
    return all(len({*table["level"]} - {0}) > 1 for table in tables)


def _layers(run: Run, most: int) -> dict[str, str]:
    paths = list(dict.fromkeys(run.anatomy.layers["layer"]))
    words = layer_words(run, paths)
    return {path: words[path] for path in thinned(paths, most)}


def _shares(run: Run, words: Mapping[str, str]) -> Iterator[Share]:
    """Yield the panels of a run, layers in words."""
    units, layers = run.anatomy.units, run.anatomy.layers
    dead = units.assign(value=100.0 * (units["connections"] == 0))
    for side, title in UNITS.items():
        own = dead[dead["side"] == side].groupby(KEYS, sort=False)["value"].mean()
        yield Share(title, run, _named(own.reset_index(), words))
    known = layers[layers["live"].notna()]
    if len(known):
        each = known.assign(value=100 * known["live"] / known["n_remaining"])
        whole = known.groupby(KEYS[:2])[["live", "n_remaining"]].sum().reset_index()
        whole["value"] = 100 * whole["live"] / whole["n_remaining"]
        yield Share(LIVE, run, _with_whole(_named(each, words), whole))
    known = layers[layers["log10_paths"].notna()].drop_duplicates(KEYS[:2])
    if len(known):
        yield Share(PATHS, run, known.assign(value=known["log10_paths"], layer=WHOLE))


def _named(rows: "pd.DataFrame", words: Mapping[str, str]) -> "pd.DataFrame":
    """Return the rows of the layers that have words, with these."""
    rows = rows[rows["layer"].isin(list(words))]
    return rows.assign(layer=rows["layer"].map(dict(words)))


def _with_whole(rows: "pd.DataFrame", whole: "pd.DataFrame") -> "pd.DataFrame":
    import pandas as pd

    columns = [*KEYS, "value"]
    parts = [rows[columns], whole.assign(layer=WHOLE)[columns]]
    return pd.concat(parts, ignore_index=True)


def _draw(ax: "Axes", share: Share, colours: Mapping[str, str]) -> None:
    rows = share.values.astype({"value": float})
    lines = rows.groupby("layer", sort=False)
    for (name, own), shift in zip(lines, shifts(len(lines)), strict=True):
        found = own.groupby("level")["value"].agg(["mean", "min", "max"])
        x = 100 * _densities(share.run, found.index)
        values = found.to_numpy(float).T
        look = look_of("ticket")
        look = look._replace(name=str(name), colour=colours[str(name)])
        on = np.diff(found.index) == 1
        draw_means(ax, x, values, look, joined=on, shift=shift)
    density_axis(ax, _densities(share.run, {*rows["level"]}))


def _densities(run: Run, levels: Iterable[int]) -> np.ndarray:
    return np.array([density_of(run, int(level)) for level in levels])
