"""The papers' figures from the tables of runs (matplotlib's object API, no pyplot)."""

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
from .gallery import Exhibit, supported
from .rewinding import (
    figure_barrier,
    figure_retraining,
    figure_rewinding_accuracy,
    figure_rewinding_angle,
    figure_rewinding_stability,
)
from .rules import by_step, in_words, parts, rule_of
from .stability import (
    density_of,
    figure_path,
    figure_stability,
    measured,
    sparsest,
    spreads,
)
from .style import kinds, label, render

__all__ = [
    "Exhibit",
    "by_step",
    "density_of",
    "figure_1",
    "figure_3",
    "figure_4",
    "figure_5",
    "figure_6",
    "figure_7",
    "figure_8",
    "figure_11",
    "figure_barrier",
    "figure_path",
    "figure_retraining",
    "figure_rewinding_accuracy",
    "figure_rewinding_angle",
    "figure_rewinding_stability",
    "figure_stability",
    "in_words",
    "kinds",
    "label",
    "measured",
    "parts",
    "render",
    "rule_of",
    "sparsest",
    "spreads",
    "supported",
]
