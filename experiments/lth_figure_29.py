"""Pruning rates of LeNet (LTH, appendix G.4, Figure 29; X17).

Run:     lth run experiments/lth_figure_29.py
Data:    MNIST through TFDS (--data.dir, $TFDS_DATA_DIR) or `lth data prepare mnist`.
Cost:    5 rates side by side as lanes of one program: 276 trainings of 50,000 steps
         (the dense networks train once); `--dry-run` measures the time.
Expect:  pruned by 10 or 20 % at a time, tickets stop earlier and are more accurate than
         those pruned by 40 % or more.
"""

from dataclasses import replace

from lth_jax import recipes
from lth_jax.config import Config, Variants

LEVELS = {0.1: 48, 0.2: 24, 0.4: 10, 0.6: 6, 0.8: 3}
"""How often to prune at each rate, down to half a percent of the weights."""


def config() -> Variants:
    """Return the paper's grid of rates; the output layer's is half of each."""
    return {f"rate_{rate:g}": _study(rate, n) for rate, n in LEVELS.items()}


def quick() -> Variants:
    """Return LeNet pruned to about 7 % at each rate, with few steps."""
    levels = {0.1: 25, 0.2: 12, 0.4: 5, 0.6: 3, 0.8: 2}
    made = {f"rate_{rate:g}": _study(rate, n) for rate, n in levels.items()}
    return {
        name: replace(
            one, train=replace(one.train, steps=300, eval_every=50), replicates=2
        )
        for name, one in made.items()
    }


def _study(rate: float, levels: int) -> Config:
    lenet = recipes.lenet()
    return replace(lenet, prune=replace(lenet.prune, rate=rate, levels=levels))
