"""The paper's figures, each with its caption and the runs that have it."""

from ....plotting.figure import Exhibit
from .anatomy import FIGURES as ANATOMY
from .anatomy import (
    figure_15,
    figure_16,
    figure_19,
    figure_20,
    figure_21,
    figure_22,
    figure_23,
    figure_24,
)
from .kinds import FIGURES as KINDS
from .kinds import figure_12, figure_13, figure_14, figure_17, figure_18, figure_25
from .main import FIGURES as MAIN
from .main import (
    figure_1,
    figure_3,
    figure_4,
    figure_5,
    figure_6,
    figure_7,
    figure_8,
    figure_11,
)
from .sweeps import FIGURES as SWEEPS
from .sweeps import draw_sweep

__all__ = [
    "FIGURES",
    "draw_sweep",
    "figure_1",
    "figure_3",
    "figure_4",
    "figure_5",
    "figure_6",
    "figure_7",
    "figure_8",
    "figure_11",
    "figure_12",
    "figure_13",
    "figure_14",
    "figure_15",
    "figure_16",
    "figure_17",
    "figure_18",
    "figure_19",
    "figure_20",
    "figure_21",
    "figure_22",
    "figure_23",
    "figure_24",
    "figure_25",
]

FIRST = "figure_14"
"""It has the most kinds of networks of all figures of the last step."""


def _place(exhibit: Exhibit) -> int:
    return exhibit.name != FIRST and int(exhibit.name.removeprefix("figure_"))


FIGURES = tuple(sorted((*MAIN, *KINDS, *SWEEPS, *ANATOMY), key=_place))
"""By number, but for one."""
