"""What a figure of a paper is to the gallery, and words that captions share."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ..store.read import Run

Runs = Mapping[str, "Run"]
"""Loaded runs by name of the variant; a single run is a mapping of one."""

BARS = " Lines are means over networks, bars their least and greatest value"
LINES = f"{BARS}; thin dashed lines are the dense networks."
EARLY_STOP = " Early stop is the step of least validation loss."


class Exhibit(NamedTuple):
    """A figure of a paper.

    Attributes:
        draw: from runs by variant.
        supports: whether runs have what it shows.
        caption: what it shows.
    """

    draw: "Callable[[Runs], Figure]"
    supports: Callable[[Runs], bool]
    caption: str
