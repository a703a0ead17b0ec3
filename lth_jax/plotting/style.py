"""How figures look: colours, fonts, axes, and how they become files."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from io import BytesIO
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from ..study.networks import LaneId

if TYPE_CHECKING:
    import pandas as pd
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
COLOURS = {
    "ticket": "#0072b2",
    "random_reinit": "#d55e00",
    "shuffle_mask": "#009e73",
    "keep_sign": "#cc79a7",
    "permute_init": "#e69f00",
}
"""The colour of each kind (Okabe and Ito's, safe for colour-blind readers)."""
MORE_COLOURS = ("#56b4e9", "#7f3c8d", "#8c8c8c", "#7a4419", "#b5bd00")
"""For the variants of a large sweep."""
APPENDIX_COLOURS = {"resample_init": "#56b4e9"}
"""Those of kinds that only appendices have."""
NOISES = ("#c58fd3", "#4a1259")
"""The colours of noise of half a standard deviation and of three."""
DENSE = "dense network"
"""The name of the line of a dense network that all lines of a panel share."""
MARKERS = dict(zip(COLOURS, "osD^v", strict=True)) | {"resample_init": "X"}


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


def kinds(summary: "pd.DataFrame") -> list[str]:
    """Return the kinds of networks of a table, in the order in which they are shown.

    Copies under other data orders (``ticket_reorder``) are left out: they are compared
    with the network that they copy, and no kind of their own.

    Example:
        >>> import pandas as pd
        >>> kinds(pd.DataFrame({"kind": ["shuffle_mask", "other", "ticket"]}))
        ['ticket', 'shuffle_mask', 'other']
        >>> kinds(pd.DataFrame({"kind": ["ticket", "ticket_reorder"]}))
        ['ticket']
    """
    present = {kind for kind in set(summary["kind"]) if not LaneId(0, kind, 0).copied}
    known = [*COLOURS, *APPENDIX_COLOURS]
    noises = sorted((kind for kind in present if noise_of(kind)), key=noise_of)
    others = sorted(present - {*known, *noises})
    return [kind for kind in known if kind in present] + noises + others


def noise_of(kind: str) -> float:
    """Return the standard deviations of noise that make a kind, 0 if it has none.

    Example:
        >>> noise_of("noise_0.5"), noise_of("ticket")
        (0.5, 0.0)
    """
    first, _, number = kind.partition("_")
    try:
        return float(number) if first == "noise" else 0.0
    except ValueError:
        return 0.0


def label(kind: str) -> str:
    """Return a kind in words.

    Example:
        >>> label("random_reinit"), label("resample_init"), label("noise_0.5")
        ('random reinit', 'resampled reinit', 'noise of 0.5 sigma')
    """
    if noise_of(kind):
        return f"noise of {noise_of(kind):g} sigma"
    words = {"resample_init": "resampled reinit"}
    return words.get(kind, kind.replace("_", " "))


def noun(kind: str, number: int = 1) -> str:
    """Return what networks of a kind are called, one or several of them.

    Example:
        >>> noun("random_reinit", 2), noun("noise_3", 2)
        ('random reinits', 'tickets with noise of 3 sigma')
    """
    ending = "" if number == 1 else "s"
    if noise_of(kind):
        return f"ticket{ending} with {label(kind)}"
    return f"{label(kind)}{ending}"


def colour_of(kind: str) -> str:
    """Return the colour of a kind: more noise is darker, unknown kinds are ink."""
    from matplotlib.colors import LinearSegmentedColormap, to_hex

    if not noise_of(kind):
        return (COLOURS | APPENDIX_COLOURS).get(kind, INK)
    place = np.log(noise_of(kind) / 0.5) / np.log(3 / 0.5)
    return to_hex(LinearSegmentedColormap.from_list("noise", NOISES)(place))


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
    """
    from matplotlib.figure import Figure

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
    """Return a figure with a row of panels per list of titles, all equally many."""
    from matplotlib.figure import Figure

    rows, columns = len(titles), max(map(len, titles))
    size = (3.6 * columns + 2.8, 0.3 + 3.6 * rows)
    figure = Figure(figsize=size, layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False)
    for axes, names in zip(grid, titles, strict=True):
        for ax, name in zip(axes, names, strict=True):
            ax.set_title(name)
            ax.grid(axis="x", visible=False)
    return figure, [list(axes) for axes in grid]


def draw_means(
    ax: "Axes",
    x: Any,
    values: Sequence[np.ndarray],
    kind: str,
    name: str,
    colour: str,
    dashes: Any = "-",
    fine: bool = False,
    marker: str = "",
) -> None:
    """Draw means as a line with markers, and bars from the least to the greatest value.

    Args:
        ax: panel.
        x: places along it.
        values: mean, min and max at each of them.
        kind: of networks; has its own marker, and tickets lie above the others.
        name: in the legend.
        colour: of line, marker and bars.
        dashes: matplotlib's line style.
        fine: bars are pale and markers small, for many lines.
        marker: another one than that of the kind.
    """
    from matplotlib.colors import to_rgba

    mean, low, high = values
    ax.errorbar(
        x,
        mean,
        # A mean of equal values can lie beside them by a rounding.
        yerr=np.maximum((mean - low, high - mean), 0),
        label=name,
        color=colour,
        ecolor=to_rgba(colour, 0.4 if fine else 1.0),
        linestyle=dashes,
        marker=marker or MARKERS.get(kind, "P"),
        markersize=3.6 if fine else 4.5,
        markeredgecolor="white",
        markeredgewidth=0.2 if fine else 0.6,
        linewidth=1.7,
        elinewidth=1.0,
        capsize=0,
        zorder=4 if kind == "ticket" else 3,
    )


def draw_level(ax: "Axes", y: float, name: str, colour: str = INK) -> None:
    """Draw a thin dashed line across the panel, of a value to compare with."""
    ax.axhline(y, color=colour, linewidth=0.8, dashes=(4, 3), zorder=2, label=name)


def legend(figure: "Figure", axes: Sequence["Axes"]) -> None:
    """Put one legend below all panels."""
    found = {}
    for ax in axes:
        for handle, name in zip(*ax.get_legend_handles_labels(), strict=True):
            found.setdefault(name, handle)
    if found:
        columns = len(found) if len(found) <= 5 else min(6, (len(found) + 1) // 2)
        room = 14 * figure.get_figwidth() / (max(map(len, found)) + 8)
        columns = max(1, min(columns, int(room)))
        figure.legend(
            found.values(), found.keys(), loc="outside lower center", ncols=columns
        )


def under(title: str, text: str) -> str:
    """Return the title of a panel in a row that has one itself; "": it has none.

    Example:
        >>> under("Conv-2", "Early-stop step")
        'Conv-2: early-stop step'
    """
    return f"{title}: {text[0].lower()}{text[1:]}" if title else text


def side_legend(ax: "Axes", title: str, dashes: Mapping[str, Any]) -> None:
    """Put a legend at the right of a panel, a line per name.

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
    for words, dash in dashes.items():
        found[words] = Line2D([], [], color=INK, linestyle=dash, linewidth=1.7)
    if dense:
        found[DENSE] = dense
    if found:
        ax.legend(
            found.values(),
            found.keys(),
            title=title or None,
            loc="center left",
            bbox_to_anchor=(1.03, 0.5),
            alignment="left",
            handlelength=2.6,
        )
