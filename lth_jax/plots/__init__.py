"""The paper's figures from the tables of runs (matplotlib's object API, no pyplot)."""

from .figures import (
    figure_1,
    figure_3,
    figure_4,
    figure_5,
    figure_6,
    figure_7,
    figure_8,
    figure_11,
)
from .gallery import supported
from .style import kinds, label, render

__all__ = [
    "figure_1",
    "figure_3",
    "figure_4",
    "figure_5",
    "figure_6",
    "figure_7",
    "figure_8",
    "figure_11",
    "kinds",
    "label",
    "render",
    "supported",
]
