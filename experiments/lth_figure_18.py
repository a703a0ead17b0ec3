"""Pruning by magnitude before training (LTH, appendix F.4, Figure 18; X8).

Run:     lth run experiments/lth_figure_18.py [--only adam]
Data:    MNIST through TFDS (--data.dir, $TFDS_DATA_DIR) or `lth data prepare mnist`.
Cost:    365 trainings of 50,000 steps with each optimizer (the dense networks train
         once); `--dry-run` measures the time on your machine.
Expect:  networks that keep their largest initial weights learn slower and worse than
         tickets, and even than reinits of tickets. The same with SGD.
"""

from dataclasses import replace
from typing import Literal

from lth_jax import recipes
from lth_jax.config import Config, Variants

AFTER, BEFORE = "iterative", "at_initialisation"


def config() -> Variants:
    """Return pruning after training, with one reinit a level, and before it."""
    lenet = recipes.lenet()
    sgd = replace(lenet.train, optimizer="sgd", learning_rate=0.8)
    optimizers = {"adam": lenet, "sgd": replace(lenet, train=sgd)}
    return {
        f"{name}_{way}": one
        for name, setting in optimizers.items()
        for way, one in (
            (AFTER, _pruned(setting, "magnitude", reinits=1)),
            (BEFORE, _pruned(setting, "initial_magnitude", reinits=0)),
        )
    }


def quick() -> Variants:
    """Return the same study, small."""
    return {name: recipes.small(one) for name, one in config().items()}


def _pruned(
    setting: Config,
    criterion: Literal["magnitude", "initial_magnitude"],
    reinits: int,
) -> Config:
    prune = replace(setting.prune, levels=24, criterion=criterion)
    return replace(setting, prune=prune, replicates=5, reinits=reinits)
