"""Stability and accuracy against the rewind point k (SLTH, Figure 4).

Run:     lth run experiments/stabilizing_figure_4.py [--only lenet]
Data:    MNIST and CIFAR-10 through TFDS (--data.dir or $TFDS_DATA_DIR).
Cost:    9 rewind points; LeNet 462 trainings, ResNet-18 408 and VGG-19 651 in each of 3
         settings: for accelerators; `--dry-run` measures it on your machine. The dense
         network of a setting trains once.
Expect:  with a later k, tickets and then random subnetworks become stable and more
         accurate, tickets at an earlier k; at the latest k accuracy falls.
"""

from dataclasses import replace

from lth_jax import recipes
from lth_jax.config import Config, RewindConfig, StabilityConfig, TrainConfig, Variants

STEPS = {
    "lenet": (0, 25, 50, 100, 250, 500, 1_000, 5_000, 25_000),
    "resnet18": (0, 100, 250, 500, 1_000, 2_000, 5_000, 10_000, 20_000),
    "vgg19": (0, 100, 250, 500, 1_000, 5_000, 10_000, 40_000, 80_000),
}
"""The paper states 0, 100 (VGG-19) and 500 (ResNet-18); the rest is in its image."""


def config() -> Variants:
    """Return the paper's settings: 3 replicates, 4 data orders, so 18 pairs."""
    return {
        f"{name}_k{step}": _rewound(setting, level, step)
        for name, (setting, level) in recipes.stabilizing().items()
        for step in STEPS[name.split("_")[0]]
    }


def quick() -> Variants:
    """Return LeNet at three rewind points, small."""
    train = TrainConfig(steps=1_000, learning_rate=1.2e-3)
    small = replace(recipes.lenet(), train=train)
    return {
        f"lenet_k{step}": _rewound(small, 3, step, rate=0.5) for step in (0, 50, 500)
    }


def _rewound(setting: Config, level: int, step: int, rate: float = 0.2) -> Config:
    return replace(
        setting,
        prune=replace(setting.prune, levels=level, rate=rate),
        rewind=RewindConfig(weights=step),
        stability=StabilityConfig(orders=4),
        shuffles=1,
        control_levels=(level,),
    )
