"""LeNets of ten sizes (LTH, appendix G.6, Figure 31; X19).

Run:     lth run experiments/lth_figure_31.py
Data:    MNIST through TFDS (--data.dir, $TFDS_DATA_DIR) or `lth data prepare mnist`.
Cost:    693 trainings of 50,000 steps in 10 programs, as shapes differ; `--dry-run`
         measures the time on your machine.
Expect:  accuracy is back to the dense network's at 9,000 to 15,000 weights, whatever
         the initial size; at equal numbers of weights, what was larger is better.
"""

import math
from dataclasses import replace

from lth_jax import recipes
from lth_jax.config import Config, Variants

WIDTHS = (
    *((25, 9), (50, 17), (100, 34), (150, 50), (200, 67)),
    *((300, 100), (400, 134), (500, 167), (700, 233), (900, 300)),
)
SMALLEST = 1_300
"""Weights, about, at the last level."""


def config() -> Variants:
    """Return the paper's sizes, three hidden units to one, each down to 1,300 weights.

    Their shapes differ, so each is a program of its own.
    """
    return {"{}-{}".format(*widths): _study(widths) for widths in WIDTHS}


def quick() -> Variants:
    """Return the smallest, the middle and the largest one, small."""
    study = config()
    names = ("25-9", "300-100", "900-300")
    return {name: recipes.small(study[name]) for name in names}


def _study(widths: tuple[int, int]) -> Config:
    lenet = recipes.lenet()
    first, second = widths
    weights = 784 * first + first * second + 10 * second
    levels = round(math.log(SMALLEST / weights) / math.log(1 - lenet.prune.rate))
    return replace(
        lenet,
        model=replace(lenet.model, widths=widths),
        prune=replace(lenet.prune, levels=levels),
    )
