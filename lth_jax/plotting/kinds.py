"""Kinds of networks: their order, what they are called, how they look."""

from typing import TYPE_CHECKING
from zlib import crc32

import numpy as np

from ..study.networks import LaneId
from .style import INK, MARKERS, PALETTE, Look

if TYPE_CHECKING:
    import pandas as pd


NOISE = "noise"
"""What kinds with noise on their initial weights are named by, before its strength."""
LOOKS = {
    "ticket": Look("ticket", PALETTE[0], MARKERS[0], is_in_front=True),
    "random_reinit": Look("random reinit", PALETTE[1], MARKERS[1]),
    "shuffle_mask": Look("shuffle mask", PALETTE[2], MARKERS[2]),
    "keep_sign": Look("keep sign", PALETTE[3], MARKERS[3]),
    "permute_init": Look("permute init", PALETTE[4], MARKERS[4]),
    "resample_init": Look("resampled reinit", PALETTE[5], MARKERS[5]),
    NOISE: Look("noise", "#8a4b9b", "P"),
    "chain": Look("chain", INK, "P"),
}
"""The looks of kinds that have one of their own, in the order in which they are shown.

Noise is darker the more there is of it. All others look as their names decide.
"""
NOISES = ("#c58fd3", "#4a1259")
"""The colours of noise of half a standard deviation and of three."""
OTHER_COLOURS = (
    "#7f3c8d",
    "#7a4419",
    "#b5bd00",
    "#8c8c8c",
    "#882255",
    "#44aa99",
    "#332288",
)
OTHER_MARKERS = ("P", "*", "p", "h", "<", ">")


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
    return sorted(present, key=_place)


def _place(kind: str) -> tuple[int, float, str]:
    known = [*LOOKS]
    family = NOISE if noise_of(kind) else kind
    place = known.index(family) if family in known else len(known)
    return place, noise_of(kind), kind


def noise_of(kind: str) -> float:
    """Return the standard deviations of noise that make a kind, 0 if it has none.

    Example:
        >>> noise_of("noise_0.5"), noise_of("ticket")
        (0.5, 0.0)
    """
    first, _, number = kind.partition("_")
    try:
        return float(number) if first == NOISE else 0.0
    except ValueError:
        return 0.0


def look_of(kind: str) -> Look:
    """Return how a kind of networks looks.

    A kind without an entry in `LOOKS`, such as a user's own control, is named as it
    is; its colour and its marker follow from its name, the same in every figure.

    Example:
        >>> look_of("random_reinit").name, look_of("my_control").name
        ('random reinit', 'my control')
    """
    if noise_of(kind):
        return _look_of_noise(noise_of(kind))
    if kind in LOOKS:
        return LOOKS[kind]
    at, colour = divmod(crc32(kind.encode()), len(OTHER_COLOURS))
    marker = OTHER_MARKERS[at % len(OTHER_MARKERS)]
    return Look(kind.replace("_", " "), OTHER_COLOURS[colour], marker)


def _look_of_noise(noise: float) -> Look:
    from matplotlib.colors import LinearSegmentedColormap, to_hex

    place = np.log(noise / 0.5) / np.log(3 / 0.5)
    colour = to_hex(LinearSegmentedColormap.from_list("noise", NOISES)(place))
    return LOOKS[NOISE]._replace(name=f"noise of {noise:g} sigma", colour=colour)


def label(kind: str) -> str:
    """Return a kind in words.

    Example:
        >>> label("random_reinit"), label("resample_init"), label("noise_0.5")
        ('random reinit', 'resampled reinit', 'noise of 0.5 sigma')
    """
    return look_of(kind).name


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
