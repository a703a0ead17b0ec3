"""How figures are drawn, and which of them runs support; no paper is known here.

The figures themselves, with their captions, are those of `lth_jax.papers`. All draw
with matplotlib's object API, without pyplot.
"""

from .comparisons import measured, sparsest
from .dead_units import figure_dead_units
from .figure import Exhibit, Topic
from .gallery import supported
from .kinds import kinds, label, noise_of, noun
from .layers import layer_words
from .rewinding import by_step, in_words, parts, retraining, rewinding_of
from .style import render
from .variants import differences

__all__ = [
    "Exhibit",
    "Topic",
    "by_step",
    "differences",
    "figure_dead_units",
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
    "rewinding_of",
    "sparsest",
    "supported",
]
