"""The papers' figures from the tables of runs (matplotlib's object API, no pyplot)."""

from .anatomy import figure_15, figure_19, figure_20, figure_21, figure_23
from .bykind import figure_12, figure_13, figure_14, figure_17, figure_18, figure_25
from .dead import figure_dead_units
from .differences import differences
from .exhibits import Exhibit
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
from .layers import layer_words
from .rewinding import (
    figure_barrier,
    figure_retraining,
    figure_rewinding_accuracy,
    figure_rewinding_angle,
    figure_rewinding_stability,
)
from .rules import by_step, in_words, parts, retraining, rule_of
from .stability import (
    figure_path,
    figure_stability,
    measured,
    sparsest,
)
from .style import kinds, label, noise_of, noun, render
from .sweeps import draw_sweep

__all__ = [
    "Exhibit",
    "by_step",
    "differences",
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
    "figure_17",
    "figure_18",
    "figure_19",
    "figure_20",
    "figure_21",
    "figure_23",
    "figure_25",
    "figure_barrier",
    "figure_dead_units",
    "figure_path",
    "figure_retraining",
    "figure_rewinding_accuracy",
    "figure_rewinding_angle",
    "figure_rewinding_stability",
    "figure_stability",
    "in_words",
    "kinds",
    "label",
    "layer_words",
    "measured",
    "noise_of",
    "noun",
    "parts",
    "render",
    "retraining",
    "rule_of",
    "sparsest",
    "supported",
]
