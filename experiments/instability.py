"""Error barriers between copies trained from step k (LMC, instability analysis).

Frankle et al. (2020), "Linear Mode Connectivity and the Lottery Ticket Hypothesis":
copies of one network train from step k under other data orders; is there a barrier of
error on the line between them? Asked of dense networks, tickets and their controls.

Run:     lth run experiments/instability.py [--only lenet]
Data:    MNIST and CIFAR-10 through TFDS (--data.dir or $TFDS_DATA_DIR).
Cost:    7 points k for dense and pruned networks; LeNet 549 trainings, ResNet-18 402
         and VGG-19 591: for accelerators; `--dry-run` measures the trainings on your
         machine. The dense network trains once.
Expect:  tickets have no barrier (below 2 %) from a k on at which they match the dense
         network: LeNet from 0, ResNet-18 from about 500, VGG-19 from about 1,000.
"""

from dataclasses import replace

from lth_jax import recipes
from lth_jax.config import (
    Config,
    PruneConfig,
    RewindConfig,
    StabilityConfig,
    TrainConfig,
    Variants,
)

STEPS = {
    "lenet": (0, 25, 50, 100, 250, 1_000, 5_000),
    "resnet18": (0, 100, 250, 500, 1_000, 2_000, 5_000),
    "vgg19": (0, 100, 250, 500, 1_000, 2_000, 5_000),
}
LEVELS = {"lenet": 15, "resnet18": 8, "vgg19": 17}


def config() -> Variants:
    """Return the standard settings: 3 replicates, 3 data orders, 30 points a line."""
    networks = {
        "lenet": recipes.lenet(),
        "resnet18": recipes.resnet18(),
        "vgg19": recipes.vgg19(),
    }
    return {
        f"{name}_{form}_k{step}": _copied(setting, step, 30, levels)
        for name, setting in networks.items()
        for form, levels in (("dense", 0), ("pruned", LEVELS[name]))
        for step in STEPS[name]
    }


def quick() -> Variants:
    """Return LeNet at two points k, small."""
    train = TrainConfig(steps=1_000, learning_rate=1.2e-3)
    small = replace(recipes.lenet(), train=train, replicates=2)
    pruned = replace(small, prune=PruneConfig(rate=0.6))
    return {
        f"lenet_{form}_k{step}": _copied(setting, step, 7, levels)
        for form, setting, levels in (("dense", small, 0), ("pruned", pruned, 3))
        for step in (0, 100)
    }


def _copied(setting: Config, step: int, points: int, levels: int) -> Config:
    """Return a pruned network with controls or, with no levels, the dense one again.

    Level 1 of the dense one prunes nothing: it is the dense network from step k on.
    """
    prune = replace(setting.prune, levels=levels)
    if not levels:
        prune = PruneConfig(levels=1, rate=0.0, output_rate=0.0)
    return replace(
        setting,
        prune=prune,
        rewind=RewindConfig(weights=step),
        stability=StabilityConfig(orders=3, points=points),
        shuffles=int(levels > 0),
        reinits=int(levels > 0),
        control_levels=(levels or 1,),
    )
