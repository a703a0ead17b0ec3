"""Stability of tickets and of random subnetworks, reset to step 0 (SLTH, Figure 3).

Run:     lth run experiments/stabilizing_figure_3.py [--only lenet]
Data:    MNIST and CIFAR-10 through TFDS (--data.dir or $TFDS_DATA_DIR).
Cost:    54 trainings of LeNet (50,000 steps), 48 of ResNet-18 (30,000) and 75 of VGG-19
         (112,480), each of the two in 3 settings: LeNet in an hour on 2 cores, the rest
         for accelerators; `--dry-run` measures it on your machine.
Expect:  copies of a ticket under other data orders end closer to each other than copies
         of a random subnetwork, and tickets closer to the dense network (LeNet: 2.8 and
         1.6 times closer); not for ResNet-18 and VGG-19 at the standard rate.
"""

from dataclasses import replace

from lth_jax import recipes
from lth_jax.config import Config, StabilityConfig, TrainConfig, Variants


def config() -> Variants:
    """Return the paper's settings: 3 replicates, 4 data orders, so 18 pairs."""
    return {
        name: _measured(setting, level)
        for name, (setting, level) in recipes.stabilizing().items()
    }


def quick() -> Variants:
    """Return LeNet alone, small."""
    small = replace(
        recipes.lenet(), train=TrainConfig(steps=1_000, learning_rate=1.2e-3)
    )
    return {"lenet": _measured(small, 3, rate=0.5)}


def _measured(setting: Config, level: int, rate: float = 0.2) -> Config:
    return replace(
        setting,
        prune=replace(setting.prune, levels=level, rate=rate),
        stability=StabilityConfig(orders=4),
        shuffles=1,
        control_levels=(level,),
    )
