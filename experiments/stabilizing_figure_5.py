"""Accuracy of tickets rewound to step k and to step 0, at all sizes (SLTH, Figure 5).

With random masks and, as in Figure 8 (there ResNet-50 on ImageNet), random reinits.

Run:     lth run experiments/stabilizing_figure_5.py [--only resnet18]
Data:    MNIST and CIFAR-10 through TFDS (--data.dir or $TFDS_DATA_DIR).
Cost:    363 trainings of LeNet, 255 of ResNet-18 and 435 of VGG-19: for accelerators;
         `--dry-run` measures it on your machine. The dense network trains once.
Expect:  ResNet-18 at k = 500 and VGG-19 at k = 100 match the dense network at sizes at
         which those reset to 0 have lost accuracy, without another learning rate.
"""

from dataclasses import replace

from lth_jax import recipes
from lth_jax.config import Config, PruneConfig, RewindConfig, TrainConfig, Variants


def config() -> Variants:
    """Return the standard settings, with one random mask and one reinit a level."""
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
    return replace(setting, rewind=RewindConfig(weights=step), shuffles=1, reinits=1)
