"""Learning rates of LeNet with SGD (LTH, appendix G.3.1, Figure 27; X15).

Run:     lth run experiments/lth_figure_27.py
Data:    MNIST through TFDS (--data.dir, $TFDS_DATA_DIR) or `lth data prepare mnist`.
Cost:    8 rates side by side as lanes of one program: 600 trainings of 50,000 steps;
         `--dry-run` measures the time on your machine.
Expect:  at 0.4 and 0.8 early stop is that of the best Adam, and tickets win down to
         less than 1 % of the weights (Adam: 3.6 %).
"""

from dataclasses import replace

from lth_jax import recipes
from lth_jax.config import Config, Variants

RATES = (0.003125, 0.00625, 0.0125, 0.025, 0.1, 0.4, 0.8, 1.2)


def config() -> Variants:
    """Return the paper's grid of learning rates."""
    return {f"rate_{rate:g}": _study(rate) for rate in RATES}


def quick() -> Variants:
    """Return the same study, small."""
    return {name: recipes.small(one) for name, one in config().items()}


def _study(rate: float) -> Config:
    lenet = recipes.lenet()
    train = replace(lenet.train, optimizer="sgd", learning_rate=rate)
    return replace(lenet, train=train, prune=replace(lenet.prune, levels=24))
