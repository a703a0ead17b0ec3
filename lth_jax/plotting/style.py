"""How figures look: colours, fonts, axes, and how they become files."""

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from io import BytesIO
from textwrap import wrap
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from ..errors import InputError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.transforms import Transform

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
APART, WIDEST = 2.4, 9.0
"""Points between lines that stand beside each other, and between the outer ones."""
NOTE, NOTE_SIZE = "#6e7781", 8.0
"""Colour of the note below panels, and its size in points."""
NO_STOP = "no early stop within training"
"""The name of the mark of an early stop that is a lower bound."""
EXTREMES, BANDS = "bars: smallest to largest", "bands: smallest to largest"
"""What the note says of bars and of bands."""
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
    ax: "Axes",
    x: Any,
    values: Any,
    look: Look,
    *,
    fine: bool = False,
    joined: Any = None,
    at_least: Any = None,
    shift: float = 0.0,
) -> None:
    """Draw means as a line with markers, and bars from the least to the greatest value.

    A mean that is a lower bound is an open triangle, and no part of the line.

    Args:
        ax: panel.
        x: places along it.
        values: mean, min and max at each of them.
        look: of the line.
        fine: bars are pale and markers small, for many lines.
        joined: whether the line goes from a place to the next, one fewer than places;
            default: always.
        at_least: which means are lower bounds; default: none.
        shift: points to the right by which all of it stands beside its places.
    """
    from matplotlib.colors import to_rgba

    points = np.vstack([np.asarray(x, float), np.asarray(values, float)])
    n = points.shape[1]
    is_bound = np.zeros(n, bool) if at_least is None else np.asarray(at_least, bool)
    exact = np.flatnonzero(~is_bound)
    meet = np.ones(max(n - 1, 0), bool) if joined is None else np.asarray(joined, bool)
    goes_on = (np.diff(exact) == 1) & meet[exact[:-1]]
    is_line = bool(goes_on.any() if exact.size else meet.any())
    breaks = 1 + np.flatnonzero(~goes_on) if is_line else []
    shared: dict[str, Any] = {
        "color": look.colour,
        "ecolor": to_rgba(look.colour, 0.4 if fine else 1.0),
        "elinewidth": 1.0,
        "capsize": 0,
        "zorder": 4 if look.is_in_front else 3,
    }
    # A line has no part that starts or ends at a place without a number.
    x, mean, low, high = np.insert(points[:, exact], breaks, np.nan, axis=1)
    drawn = ax.errorbar(
        x,
        mean,
        yerr=bars(mean, low, high),
        label=look.name,
        linestyle=look.dashes if is_line else "none",
        marker=look.marker,
        markersize=3.6 if fine else 4.5,
        markeredgecolor="white",
        markeredgewidth=0.2 if fine else 0.6,
        linewidth=1.7,
        **shared,
    )
    artists = drawn.get_children()
    if is_bound.any():
        x, mean, low, high = points[:, is_bound]
        drawn = ax.errorbar(
            x, mean, yerr=bars(mean, low, high), **shared, **_bound(look)
        )
        artists += drawn.get_children()
    for artist in artists:
        artist.set_transform(_beside(ax, shift))


def _beside(ax: "Axes", shift: float) -> "Transform":
    """Return the place of numbers, but for some points to the right."""
    from matplotlib.transforms import ScaledTranslation

    figure: Any = ax.get_figure(root=True)
    scale = figure.dpi_scale_trans
    return ax.transData + ScaledTranslation(shift / 72, 0, scale)


def _bound(look: Look) -> dict[str, Any]:
    """Return the look of the mark of a lower bound."""
    return {
        "label": "_nolegend_",
        "linestyle": "none",
        "marker": "^",
        "markersize": 6.0,
        "markerfacecolor": "none",
        "markeredgecolor": look.colour,
        "markeredgewidth": 1.3,
    }


def name_bounds(ax: "Axes", name: str) -> None:
    """Put the mark of lower bounds into the legend of a panel."""
    mark: dict[str, Any] = _bound(Look(name, INK, "^")) | {"label": name}
    ax.plot([], [], **mark)


def shifts(n: int) -> list[float]:
    """Return by how many points to shift n lines, so that no bar hides another's.

    Example:
        >>> shifts(3), shifts(6)
        ([-2.4, 0.0, 2.4], [-4.5, -2.7, -0.9, 0.9, 2.7, 4.5])
    """
    step = min(APART, WIDEST / max(n - 1, 1))
    return [step * (i - (n - 1) / 2) for i in range(n)]


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
    if NO_STOP in found:
        found[NO_STOP] = found.pop(NO_STOP)  # It stands last.
    if found:
        columns = len(found) if len(found) <= 5 else min(6, (len(found) + 1) // 2)
        room = 14 * figure.get_figwidth()
        if columns < len(found) or sum(len(name) + 8 for name in found) > room:
            columns = max(1, min(columns, int(room / (max(map(len, found)) + 8))))
        named, left_out = thinned(found, MOST_BELOW * columns)
        figure.legend(
            named.values(),
            named.keys(),
            loc="outside lower center",
            ncols=columns,
            title=left_out or None,
        )


def replicates_text(numbers: Collection[int]) -> str:
    """Return for how many replicates means stand; "" if there are no means.

    Args:
        numbers: of replicates at the places of lines.

    Example:
        >>> replicates_text({3}), replicates_text([2, 5])
        ('n = 3 replicates', 'n = 2 to 5 replicates')
    """
    if not numbers:
        return ""
    low, high = min(numbers), max(numbers)
    number = f"{high}" if low == high else f"{low} to {high}"
    return f"n = {number} replicate{'' if high == 1 else 's'}"


def note(figure: "Figure", *words: str) -> None:
    """Write small grey words below all panels and the legend, such as n.

    Args:
        figure: whose legend is there, if it has one.
        words: parts; those that are empty are left out.
    """
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    text = "; ".join(filter(None, words))
    if not text:
        return
    room = int(figure.get_figwidth() * 72 / (0.56 * NOTE_SIZE))
    lines = wrap(text, room)
    points = 72 * figure.get_figheight()
    height = (1.3 * len(lines) + 0.6) * NOTE_SIZE
    # The layout makes room for panels and legend, not for what is below both.
    layout = figure.get_layout_engine()
    if isinstance(layout, ConstrainedLayoutEngine):
        layout.set(rect=(0, height / points, 1, 1 - height / points))
    for each in figure.legends:
        each.borderaxespad += height / float(each.get_texts()[0].get_fontsize())
    figure.text(
        6 / (72 * figure.get_figwidth()),
        5 / points,
        "\n".join(lines),
        verticalalignment="bottom",
        fontsize=NOTE_SIZE,
        color=NOTE,
        in_layout=False,
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


def side_legend(axes: Sequence["Axes"], title: str, dashes: Mapping[str, Any]) -> None:
    """Put a legend at the right of a row of panels, a line per name, as many as fit.

    Args:
        axes: the panels of the row.
        title: of the legend.
        dashes: what line styles mean, by words; these are listed last.
    """
    from matplotlib.lines import Line2D

    found = {}
    for ax in reversed(axes):
        for handle, name in zip(*ax.get_legend_handles_labels(), strict=True):
            found.setdefault(name, handle)
    last = {name: found.pop(name) for name in (DENSE, NO_STOP) if name in found}
    found, left_out = thinned(found, MOST_BESIDE)
    for words, dash in dashes.items():
        found[words] = Line2D([], [], color=INK, linestyle=dash, linewidth=1.7)
    for name, handle in last.items():
        found["\n".join(wrap(name, 18))] = handle
    if found:
        axes[-1].legend(
            found.values(),
            found.keys(),
            title="\n".join(filter(None, [title, left_out])) or None,
            loc="center left",
            bbox_to_anchor=(1.03, 0.5),
            alignment="left",
            handlelength=2.6,
        )
