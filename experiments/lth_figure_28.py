"""Learning rates of LeNet with momentum (LTH, appendix G.3.2, Figure 28; X16).

Run:     lth run experiments/lth_figure_28.py
Data:    MNIST through TFDS (--data.dir, $TFDS_DATA_DIR) or `lth data prepare mnist`.
Cost:    7 rates side by side as lanes of one program: 525 trainings of 50,000 steps;
         `--dry-run` measures the time on your machine.
Expect:  the best rates lie between 0.025 and 0.1; at 0.025 the dense network is the
         most accurate, but pruning does not improve it.
"""

from dataclasses import replace

from lth_jax import recipes
from lth_jax.config import Config, Variants

RATES = (0.003125, 0.0125, 0.025, 0.05, 0.1, 0.2, 0.4)


def config() -> Variants:
    """Return the paper's grid of learning rates."""
    return {f"rate_{rate:g}": _study(rate) for rate in RATES}


def quick() -> Variants:
    """Return the same study, small."""
    return {name: recipes.small(one) for name, one in config().items()}


def _study(rate: float) -> Config:
    lenet = recipes.lenet()
    train = replace(lenet.train, optimizer="momentum", learning_rate=rate)
    return replace(lenet, train=train, prune=replace(lenet.prune, levels=24))
