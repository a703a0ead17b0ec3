"""Loss and accuracy against the training step, at a few densities."""

from collections.abc import Mapping, Sequence
from itertools import cycle
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ..results import at_common_steps, by_level, density_text, nearest_levels
from ..store.read import Run
from .kinds import label, look_of
from .style import BANDS, DASHED, INK, PALETTE, draw_band, replicates_text

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

Shown = Mapping[str, Sequence[float]]
"""The densities to show, by kind."""


class Band(NamedTuple):
    """Mean, min and max of several networks, along x."""

    x: np.ndarray
    mean: np.ndarray
    low: np.ndarray
    high: np.ndarray


def draw_during(
    axes: Sequence["Axes"], run: Run, split: str, column: str, shown: Sequence[Shown]
) -> None:
    """Draw loss, or accuracy in percent, against the step: a panel per choice of lines.

    Tickets are solid, others of the same level dashed in the same colour: means over
    networks, bands from min to max. Panels share their axes: x ends at twice the dense
    network's early stop, y fits means and bands after the first quarter of it.

    Args:
        axes: a panel per entry of ``shown``.
        run: a run directory, loaded.
        split: ``validation`` or ``test``.
        column: ``loss`` or ``accuracy``.
        shown: densities by kind; of the run's levels the nearest ones are drawn.
    """
    last = _last_step(run)
    curves = at_common_steps(run.curves.query("split == @split and step <= @last"))
    panels = [_levels_shown(run.summary, densities) for densities in shown]
    colours = _level_colours(sorted({at for panel in panels for _, at, _ in panel}))
    bands = []
    for ax, panel in zip(axes, panels, strict=True):
        for kind, level, density in panel:
            rows = curves[(curves["kind"] == kind) & (curves["level"] == level)]
            band = _band(rows, column)
            if band.x.size == 0:  # It starts later, as it was rewound to a late step.
                continue
            bands.append(band)
            look = look_of(kind)._replace(colour=colours[level])
            if kind == "ticket":
                look = look._replace(name=density_text(density))
            else:
                name = f"{density_text(density)} {label(kind)}"
                look = look._replace(name=name, dashes=DASHED)
            draw_band(ax, band.x, band[1:], look)
        ax.set_xlim(0, last)
        ax.xaxis.set_major_formatter("{x:,.0f}")
        ax.set_xlabel("step")
    _fit_y(axes, bands, last / 4)


def bands_text(run: Run, shown: Sequence[Shown]) -> str:
    """Return what a figure of `draw_during` notes of n and of its bands."""
    rows = run.summary
    numbers = {
        rows[(rows["kind"] == kind) & (rows["level"] == level)]["replicate"].nunique()
        for densities in shown
        for kind, level, _ in _levels_shown(rows, densities)
    }
    words = replicates_text(numbers)
    return words if max(numbers, default=1) == 1 else f"{words}; {BANDS}"


def _levels_shown(
    summary: "pd.DataFrame", densities: Shown
) -> list[tuple[str, int, float]]:
    """Return kind, level and density of the networks nearest to those asked for."""
    found = []
    for kind, targets in densities.items():
        rows = summary[summary["kind"] == kind]
        there = dict(rows.groupby("level")["density"].mean())
        levels = nearest_levels(there, targets)
        found += [(kind, int(level), there[level]) for level in levels]
    return found


def _level_colours(levels: Sequence[int]) -> dict[int, str]:
    """Return a colour per level, in order of density; the dense one is ink."""
    pruned = [level for level in levels if level > 0]
    return {0: INK, **dict(zip(pruned, cycle(PALETTE), strict=False))}


def _last_step(run: Run) -> float:
    """Return twice the dense network's early-stop step, at most the run's last step."""
    last = run.curves["step"].max() if len(run.curves) else 1
    stops = by_level(run.summary, "ticket", "early_stop_step").query("level == 0")
    return min([last, *(2 * stop for stop in stops["mean"] if stop > 0)])


def _band(rows: "pd.DataFrame", column: str) -> Band:
    finite = rows[np.isfinite(rows[column].to_numpy(dtype=float))]
    table = finite.groupby("step")[column].agg(["mean", "min", "max"])
    scale = 100 if column == "accuracy" else 1
    return Band(table.index.to_numpy(), *(scale * table.to_numpy(dtype=float)).T)


def _fit_y(axes: Sequence["Axes"], bands: Sequence[Band], start: float) -> None:
    """Fit y to all from a step on: untrained networks would squash the rest."""
    values = [
        value
        for band in bands
        for ends in (band.low, band.high)
        for value in ends[band.x >= start]
    ]
    if values and min(values) < max(values):
        margin = 0.06 * (max(values) - min(values))
        for ax in axes:
            ax.set_ylim(min(values) - margin, max(values) + margin)
