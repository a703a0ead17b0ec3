"""Conv-2, Conv-4 and Conv-6 on CIFAR-10 (LTH, Figure 5).

Run:     lth run experiments/lth_figure_5.py
Data:    CIFAR-10 through TFDS (--data.dir or $TFDS_DATA_DIR).
Cost:    405, 485 and 485 trainings of 20,000 to 30,000 steps: for an accelerator;
         `--dry-run` measures the time on your machine.
Expect:  tickets reach their early stop up to 3.5 times (Conv-6: 2.5 times) earlier and
         are up to 3.5 points more accurate than the dense networks.
"""

from dataclasses import replace

from lth_jax import recipes
from lth_jax.config import (
    Config,
    DataConfig,
    ModelConfig,
    PruneConfig,
    TrainConfig,
    Variants,
)


def config() -> Variants:
    """Return the paper's settings (Figure 2): 5 tickets, 3 reinits of each a level."""
    return {
        name: replace(one, replicates=5, reinits=3)
        for name, one in recipes.convs().items()
    }


def quick() -> Variants:
    """Return Conv-2 alone, with few steps, levels and replicates."""
    return {
        "conv2": Config(
            data=DataConfig(name="cifar10", scaling="standard"),
            model=ModelConfig(name="conv2"),
            train=TrainConfig(steps=200, eval_every=100, learning_rate=2e-4),
            prune=PruneConfig(levels=1, rate=0.8, rates=(("conv", 0.4),)),
            replicates=1,
            reinits=1,
        )
    }
