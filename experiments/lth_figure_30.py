"""Scales of LeNet's initial weights (LTH, appendix G.5, Figure 30; X18).

Run:     lth run experiments/lth_figure_30.py
Data:    MNIST through TFDS (--data.dir, $TFDS_DATA_DIR) or `lth data prepare mnist`.
Cost:    7 scales side by side as lanes of one program: 525 trainings of 50,000 steps;
         `--dry-run` measures the time on your machine.
Expect:  tickets at every scale; a standard deviation of 0.1 is the best, about as good
         as Glorot's.
"""

from dataclasses import replace

from lth_jax import recipes
from lth_jax.config import Config, Variants

STDS = (0.0125, 0.025, 0.05, 0.1, 0.2, 0.4)


def config() -> Variants:
    """Return the paper's grid of standard deviations, and Glorot's."""
    grid = {f"std_{std:g}": _study(std) for std in STDS}
    return grid | {"glorot": _study(None)}


def quick() -> Variants:
    """Return the same study, small."""
    return {name: recipes.small(one) for name, one in config().items()}


def _study(std: float | None) -> Config:
    lenet = recipes.lenet()
    return replace(
        lenet,
        model=replace(lenet.model, init_std=std),
        prune=replace(lenet.prune, levels=24),
    )
