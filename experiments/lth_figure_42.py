"""Learning rates of ResNet-18 and VGG-19 (LTH, appendix I.4, Figures 42 and 43; X28).

Run:     lth run experiments/lth_figure_42.py [--only resnet18]
Data:    CIFAR-10 through TFDS (--data.dir or $TFDS_DATA_DIR).
Cost:    5 rates of a network side by side as lanes of one program: 435 trainings of
         ResNet-18, 735 of VGG-19: for accelerators; `--dry-run` measures it.
Expect:  without warmup there are winning tickets at 0.01 only.
"""

from dataclasses import replace

from lth_jax import recipes
from lth_jax.config import Variants

RATES = (0.01, 0.02, 0.03, 0.05, 0.1)


def config() -> Variants:
    """Return the paper's grid of learning rates, with one reinit a level."""
    return {
        f"{name}_{rate:g}": replace(recipe(rate), reinits=1)
        for name, recipe in (("resnet18", recipes.resnet18), ("vgg19", recipes.vgg19))
        for rate in RATES
    }


def quick() -> Variants:
    """Return ResNet-18 at two rates, with a handful of steps: shows the wiring."""
    study = config()
    names = ("resnet18_0.01", "resnet18_0.1")
    return {name: recipes.small(study[name]) for name in names}
