"""Rewinding to k, to 0, and random reinits, at all sizes (SLTH, Figure 8).

The paper shows ResNet-50 on ImageNet; these are the networks of its other figures.

Run:     lth run experiments/stabilizing_figure_8.py [--only resnet18]
Data:    MNIST and CIFAR-10 through TFDS (--data.dir or $TFDS_DATA_DIR).
Cost:    243 trainings of LeNet, 171 of ResNet-18 and 291 of VGG-19: for accelerators;
         `--dry-run` measures it on your machine. The dense network trains once.
Expect:  rewound to k, tickets match the dense network down to a few percent of the
         weights; reset to 0 or with fresh weights they only lose accuracy.
"""

from dataclasses import replace

from lth_jax import recipes
from lth_jax.config import Config, PruneConfig, RewindConfig, TrainConfig, Variants


def config() -> Variants:
    """Return the standard settings, with one reinit a level."""
    networks = {
        "lenet": (recipes.lenet(), 100),
        "resnet18": (recipes.resnet18(), 500),
        "vgg19": (recipes.vgg19(), 100),
    }
    return {
        f"{name}_k{step}": _rewound(setting, step)
        for name, (setting, later) in networks.items()
        for step in (0, later)
    }


def quick() -> Variants:
    """Return LeNet, small."""
    small = replace(
        recipes.lenet(),
        train=TrainConfig(steps=1_000, learning_rate=1.2e-3),
        prune=PruneConfig(levels=4, rate=0.5),
        replicates=2,
    )
    return {f"lenet_k{step}": _rewound(small, step) for step in (0, 100)}


def _rewound(setting: Config, step: int) -> Config:
    return replace(setting, rewind=RewindConfig(weights=step), reinits=1)
