"""Learning rates of LeNet with Adam (LTH, appendix G.2, Figure 26; X14).

Run:     lth run experiments/lth_figure_26.py
Data:    MNIST through TFDS (--data.dir, $TFDS_DATA_DIR) or `lth data prepare mnist`.
Cost:    8 rates side by side as lanes of one program: 600 trainings of 50,000 steps;
         `--dry-run` measures the time on your machine.
Expect:  good accuracy from 0.0002 to 0.002, the earliest stop at 0.0012 and 0.002; no
         early stop within 50,000 steps at 0.000025 and 0.0064.
"""

from dataclasses import replace

from lth_jax import recipes
from lth_jax.config import Config, Variants

RATES = (2.5e-5, 5e-5, 2e-4, 8e-4, 1.2e-3, 2e-3, 3.2e-3, 6.4e-3)


def config() -> Variants:
    """Return the paper's grid of learning rates."""
    return {f"rate_{rate:g}": _study(rate) for rate in RATES}


def quick() -> Variants:
    """Return the same study, small."""
    return {name: recipes.small(one) for name, one in config().items()}


def _study(rate: float) -> Config:
    lenet = recipes.lenet()
    train = replace(lenet.train, learning_rate=rate)
    return replace(lenet, train=train, prune=replace(lenet.prune, levels=24))
