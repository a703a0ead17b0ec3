"""Original weights, reinits and random masks (LTH, appendix E, Figure 14; X4).

Run:     lth run experiments/lth_figure_14.py [--only lenet]
Data:    MNIST and CIFAR-10 through TFDS (--data.dir or $TFDS_DATA_DIR).
Cost:    LeNet 183 trainings, Conv-2/4/6 183, 219 and 219, ResNet-18 387, VGG-19 657:
         for accelerators; `--dry-run` measures it on your machine.
Expect:  tickets are the most accurate; reinits of LeNet are more accurate than random
         masks, those of the convolutional networks as accurate.
"""

from dataclasses import replace

from lth_jax import recipes
from lth_jax.config import Config, Variants


def config() -> Variants:
    """Return all networks of the paper, each with one reinit and random mask a level.

    ResNet-18 and VGG-19 at the paper's three learning rates.
    """
    settings = {
        "lenet": recipes.lenet(),
        **recipes.convs(),
        **recipes.deep(),
    }
    return {name: _controlled(setting) for name, setting in settings.items()}


def quick() -> Variants:
    """Return LeNet, and ResNet-18 with a handful of steps, which shows wiring."""
    names = ("lenet", "resnet18_low")
    return {name: recipes.small(config()[name]) for name in names}


def _controlled(setting: Config) -> Config:
    return replace(setting, reinits=1, shuffles=1)
