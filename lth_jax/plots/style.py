"""How figures look: colours, fonts, axes, and how they become files."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from io import BytesIO
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from ..outline import LaneId

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
MARKERS = dict(zip(COLOURS, "osD^v", strict=True))


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
    known = [kind for kind in COLOURS if kind in present]
    return known + sorted(present - set(COLOURS))


def label(kind: str) -> str:
    """Return a kind in words: ``random_reinit`` is a random reinit."""
    return kind.replace("_", " ")


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
        columns: panels in a row; by default up to three, and four in two rows.
    """
    from matplotlib.figure import Figure

    columns = columns or (len(titles) if len(titles) <= 3 else 2)
    rows = -(-len(titles) // columns)
    size = (12.6 if columns == 3 else 9.6, 0.5 + 3.8 * rows)
    figure = Figure(figsize=size, layout="constrained")
    axes = list(figure.subplots(rows, columns, squeeze=False).flat)[: len(titles)]
    for ax, title in zip(axes, titles, strict=True):
        ax.set_title(title)
        ax.grid(axis="x", visible=False)
    return figure, axes


def draw_means(
    ax: "Axes",
    x: Any,
    values: Sequence[np.ndarray],
    kind: str,
    name: str,
    colour: str,
    dashes: str = "-",
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
    """
    mean, low, high = values
    ax.errorbar(
        x,
        mean,
        # A mean of equal values can lie beside them by a rounding.
        yerr=np.maximum((mean - low, high - mean), 0),
        label=name,
        color=colour,
        linestyle=dashes,
        marker=MARKERS.get(kind, "P"),
        markersize=4.5,
        markeredgecolor="white",
        markeredgewidth=0.6,
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
