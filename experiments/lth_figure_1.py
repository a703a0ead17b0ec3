"""Tickets against random sparse networks: LeNet and Conv-2/4/6 (LTH, Figure 1).

Run:     lth run experiments/lth_figure_1.py
Data:    MNIST and CIFAR-10 through TFDS (--data.dir or $TFDS_DATA_DIR).
Cost:    4 sweeps of 5 tickets and 10 random masks a level; days on a CPU:
         `--dry-run` measures it on your machine.
Expect:  random sparse networks learn slower and to lower accuracy the sparser they are;
         tickets learn faster and better over a wide range of densities.
"""

from dataclasses import replace

from lth_jax import recipes
from lth_jax.config import Config, DataConfig, PruneConfig, TrainConfig, Variants


def config() -> Variants:
    """Return the paper's settings (Figure 2): 5 tickets, 10 random masks a level."""
    lenet = recipes.lenet()
    lenet = replace(lenet, prune=replace(lenet.prune, levels=24))
    return {
        name: replace(one, replicates=5, shuffles=2)
        for name, one in ({"lenet": lenet} | recipes.convs()).items()
    }


def quick() -> Variants:
    """Return LeNet alone, small."""
    return {
        "lenet": Config(
            data=DataConfig(name="mnist"),
            train=TrainConfig(steps=1_000),
            prune=PruneConfig(levels=3, rate=0.6),
            replicates=2,
            shuffles=1,
        )
    }
