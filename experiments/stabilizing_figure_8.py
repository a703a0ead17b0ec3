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
        f"{name}_{way}": _rewound(setting, step)
        for name, (setting, later) in networks.items()
        for way, step in (("reset", 0), ("rewound", later))
    }


def quick() -> Variants:
    """Return LeNet small, and ResNet-18 with a handful of steps, which shows wiring."""
    lenet = replace(
        recipes.lenet(),
        train=TrainConfig(steps=1_000, learning_rate=1.2e-3),
        prune=PruneConfig(levels=4, rate=0.5),
        replicates=2,
    )
    resnet = recipes.resnet18()
    resnet = replace(
        resnet,
        train=replace(resnet.train, steps=10, batch_size=8, drops=(), eval_every=10),
        prune=replace(resnet.prune, levels=1),
        replicates=1,
    )
    return {
        f"{name}_{way}": _rewound(setting, step)
        for name, setting in (("lenet", lenet), ("resnet18", resnet))
        for way, step in (("reset", 0), ("rewound", 0.1))
    }


def _rewound(setting: Config, step: float) -> Config:
    return replace(setting, rewind=RewindConfig(weights=step), reinits=1)
