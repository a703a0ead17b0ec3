"""How figures look: colours, fonts, axes, and how they become files."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from io import BytesIO
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from ..errors import InputError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, PALE = "#24292f", "#e4e7eb"
STYLE: dict[Any, Any] = {
    "axes.axisbelow": True,
    "axes.edgecolor": "#8c959f",
    "axes.grid": True,
    "axes.labelcolor": INK,
    "axes.labelpad": 6,
    "axes.linewidth": 0.8,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlecolor": INK,
    "axes.titlelocation": "left",
    "axes.titlepad": 10,
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "figure.constrained_layout.h_pad": 0.08,
    "figure.constrained_layout.w_pad": 0.08,
    "figure.constrained_layout.wspace": 0.04,
    "figure.dpi": 100,
    "figure.facecolor": "white",
    "font.family": "DejaVu Sans",
    "font.size": 9.5,
    "grid.color": PALE,
    "grid.linewidth": 0.8,
    "legend.frameon": False,
    "legend.labelcolor": INK,
    "lines.solid_capstyle": "round",
    "savefig.dpi": 200,
    "svg.fonttype": "path",
    "svg.hashsalt": "lth_jax",
    "xtick.color": "#57606a",
    "ytick.color": "#57606a",
    "ytick.major.size": 0,
}
PALETTE = (
    "#0072b2",
    "#d55e00",
    "#009e73",
    "#cc79a7",
    "#e69f00",
    "#56b4e9",
    "#7f3c8d",
    "#8c8c8c",
    "#7a4419",
    "#b5bd00",
)
"""Colours of lines, in order (the first six are Okabe and Ito's, safe for colour-blind
readers)."""
MARKERS = ("o", "s", "D", "^", "v", "X")
DASHED = (0, (3, 1.5))
"""The line style beside a solid one."""
MOST_BELOW, MOST_BESIDE = 10, 12
"""Lines of text of a legend below panels, and beside one: more do not fit."""
DENSE = "dense network"
"""The name of the line of a dense network that all lines of a panel share."""


class Look(NamedTuple):
    """How a line, or a column, of means looks.

    Attributes:
        name: in the legend.
        colour: of all its parts.
        marker: at every mean.
        dashes: matplotlib's line style.
        is_in_front: it lies above other lines.
    """

    name: str
    colour: str
    marker: str
    dashes: Any = "-"
    is_in_front: bool = False


def render(figure: "Figure", form: Literal["svg", "png"]) -> bytes:
    """Return the figure as a file's content, the same bytes for the same figure.

    Example:
        >>> from matplotlib.figure import Figure
        >>> render(Figure(), "png")[1:4]
        b'PNG'
    """
    metadata = {"svg": {"Date": None, "Creator": None}, "png": {"Software": None}}
    buffer = BytesIO()
    with style():
        figure.savefig(buffer, format=form, metadata=metadata[form])
    return buffer.getvalue()


def ramp(number: int) -> list[str]:
    """Return colours in order, dark to light but readable on white (plasma).

    Example:
        >>> ramp(2)
        ['#0d0887', '#feb72d']
    """
    from matplotlib import colormaps
    from matplotlib.colors import to_hex

    places = np.linspace(0, 0.84, number)
    return [to_hex(colormaps["plasma"](place)) for place in places]


def style() -> AbstractContextManager[None]:
    """Return a context in which matplotlib draws in our style, and only there."""
    import matplotlib

    return matplotlib.rc_context(STYLE)


def panels(
    titles: Sequence[str], columns: int | None = None
) -> tuple["Figure", "Sequence[Axes]"]:
    """Return a figure with a panel per title.

    Args:
        titles: above the panels.
        columns: panels in a row, at most; by default up to three, and four in two rows.

    Raises:
        InputError: there are no titles.
    """
    from matplotlib.figure import Figure

    _check_any(titles)
    columns = min(len(titles), columns or (3 if len(titles) <= 3 else 2))
    rows = -(-len(titles) // columns)
    size = (12.6 if columns == 3 else 9.6, 0.5 + 3.8 * rows)
    figure = Figure(figsize=size, layout="constrained")
    axes = list(figure.subplots(rows, columns, squeeze=False).flat)
    for surplus in axes[len(titles) :]:
        surplus.remove()
    axes = axes[: len(titles)]
    for ax, title in zip(axes, titles, strict=True):
        ax.set_title(title)
        ax.grid(axis="x", visible=False)
    return figure, axes


def rows_of_panels(
    titles: Sequence[Sequence[str]],
) -> tuple["Figure", Sequence[Sequence["Axes"]]]:
    """Return a figure with a row of panels per list of titles, all equally many.

    Raises:
        InputError: there are no titles.
    """
    from matplotlib.figure import Figure

    _check_any(titles)
    rows, columns = len(titles), max(map(len, titles))
    size = (3.6 * columns + 2.8, 0.3 + 3.6 * rows)
    figure = Figure(figsize=size, layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False)
    for axes, names in zip(grid, titles, strict=True):
        for ax, name in zip(axes, names, strict=True):
            ax.set_title(name)
            ax.grid(axis="x", visible=False)
    return figure, [list(axes) for axes in grid]


def _check_any(titles: Sequence[Any]) -> None:
    if not titles:
        raise InputError(
            "These runs have nothing that this figure shows. Which figures they have"
            " tells lth_jax.plotting.supported(lth_jax.papers.figures(), runs)."
        )


def draw_means(
    ax: "Axes", x: Any, values: Sequence[np.ndarray], look: Look, fine: bool = False
) -> None:
    """Draw means as a line with markers, and bars from the least to the greatest value.

    Args:
        ax: panel.
        x: places along it.
        values: mean, min and max at each of them.
        look: of the line.
        fine: bars are pale and markers small, for many lines.
    """
    from matplotlib.colors import to_rgba

    mean, low, high = values
    ax.errorbar(
        x,
        mean,
        yerr=bars(mean, low, high),
        label=look.name,
        color=look.colour,
        ecolor=to_rgba(look.colour, 0.4 if fine else 1.0),
        linestyle=look.dashes,
        marker=look.marker,
        markersize=3.6 if fine else 4.5,
        markeredgecolor="white",
        markeredgewidth=0.2 if fine else 0.6,
        linewidth=1.7,
        elinewidth=1.0,
        capsize=0,
        zorder=4 if look.is_in_front else 3,
    )


def bars(mean: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Return how far bars reach below and above means.

    A mean of equal values can lie beside them by a rounding; its bar has no length.
    """
    return np.maximum((mean - low, high - mean), 0)


def draw_band(ax: "Axes", x: Any, values: Sequence[np.ndarray], look: Look) -> None:
    """Draw means as a line, and a band from the least to the greatest value.

    Args:
        ax: panel.
        x: places along it.
        values: mean, min and max at each of them.
        look: of the line.
    """
    mean, low, high = values
    ax.plot(
        x,
        mean,
        color=look.colour,
        linestyle=look.dashes,
        linewidth=1.7,
        label=look.name,
    )
    ax.fill_between(x, low, high, color=look.colour, alpha=0.12, linewidth=0)


def draw_level(ax: "Axes", y: float, name: str, colour: str = INK) -> None:
    """Draw a thin dashed line across the panel, of a value to compare with."""
    ax.axhline(y, color=colour, linewidth=0.8, dashes=(4, 3), zorder=2, label=name)


def legend(figure: "Figure", axes: Sequence["Axes"]) -> None:
    """Put one legend below all panels.

    Of more lines than there is room for, some are named: see `thinned`.
    """
    found = {}
    for ax in axes:
        for handle, name in zip(*ax.get_legend_handles_labels(), strict=True):
            found.setdefault(name, handle)
    if found:
        columns = len(found) if len(found) <= 5 else min(6, (len(found) + 1) // 2)
        room = 14 * figure.get_figwidth() / (max(map(len, found)) + 8)
        columns = max(1, min(columns, int(room)))
        named, note = thinned(found, MOST_BELOW * columns)
        figure.legend(
            named.values(),
            named.keys(),
            loc="outside lower center",
            ncols=columns,
            title=note or None,
        )


def thinned(found: Mapping[str, Any], most: int) -> tuple[dict[str, Any], str]:
    """Return the lines that a legend names, evenly spread, and what to say of that.

    Args:
        found: lines by name, in order.
        most: as many as there is room for; 2 or more.

    Returns:
        Lines by name, the first and the last among them; and a note, "" if none is left
        out.

    Example:
        >>> thinned(dict(a=1, b=2, c=3, d=4, e=5), 3)
        ({'a': 1, 'c': 3, 'e': 5}, '3 of 5 named')
        >>> thinned({"a": 1}, 3)
        ({'a': 1}, '')
    """
    if len(found) <= most:
        return dict(found), ""
    names = list(found)
    chosen = [names[round(i * (len(names) - 1) / (most - 1))] for i in range(most)]
    return {name: found[name] for name in chosen}, f"{most} of {len(names)} named"


def is_first_in_row(ax: "Axes") -> bool:
    """Tell whether a panel stands at the left of its row."""
    place = ax.get_subplotspec()
    return place is not None and place.is_first_col()


def lowered(text: str) -> str:
    """Return a title as words within a line.

    Example:
        >>> lowered("Early-stop step")
        'early-stop step'
    """
    return f"{text[:1].lower()}{text[1:]}"


def under(title: str, text: str) -> str:
    """Return the title of a panel in a row that has one itself; "": it has none.

    Example:
        >>> under("Conv-2", "Early-stop step")
        'Conv-2: early-stop step'
    """
    return f"{title}: {lowered(text)}" if title else text


def side_legend(ax: "Axes", title: str, dashes: Mapping[str, Any]) -> None:
    """Put a legend at the right of a panel, a line per name, as many as fit there.

    Args:
        ax: the last panel of a row.
        title: of the legend.
        dashes: what line styles mean, by words; these are listed last.
    """
    from matplotlib.lines import Line2D

    found = {}
    for handle, name in zip(*ax.get_legend_handles_labels(), strict=True):
        found.setdefault(name, handle)
    dense = found.pop(DENSE, None)
    found, note = thinned(found, MOST_BESIDE)
    for words, dash in dashes.items():
        found[words] = Line2D([], [], color=INK, linestyle=dash, linewidth=1.7)
    if dense:
        found[DENSE] = dense
    if found:
        ax.legend(
            found.values(),
            found.keys(),
            title="\n".join(filter(None, [title, note])) or None,
            loc="center left",
            bbox_to_anchor=(1.03, 0.5),
            alignment="left",
            handlelength=2.6,
        )
