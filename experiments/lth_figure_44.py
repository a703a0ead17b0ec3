"""Warmup of ResNet-18 and VGG-19 (LTH, appendix I.5, Figures 44 and 45; X29).

Run:     lth run experiments/lth_figure_44.py [--only resnet18]
Data:    CIFAR-10 through TFDS (--data.dir or $TFDS_DATA_DIR).
Cost:    6 warmups of a network side by side as lanes of one program: 270 trainings of
         ResNet-18, 450 of VGG-19: for accelerators; `--dry-run` measures it.
Expect:  accuracy of tickets rises rapidly with warmup up to 5,000 steps, little above.
"""

from lth_jax import recipes
from lth_jax.config import Variants

STEPS = {
    "resnet18": (0, 500, 1_000, 5_000, 10_000, 20_000),
    "vgg19": (0, 1_000, 5_000, 10_000, 20_000, 50_000),
}
"""Steps of warmup to the rates 0.03 and 0.1."""


def config() -> Variants:
    """Return the paper's grids of warmups."""
    resnet18 = {k: recipes.resnet18(0.03, k) for k in STEPS["resnet18"]}
    vgg19 = {k: recipes.vgg19(0.1, k) for k in STEPS["vgg19"]}
    return {f"resnet18_warmup_{k}": one for k, one in resnet18.items()} | {
        f"vgg19_warmup_{k}": one for k, one in vgg19.items()
    }


def quick() -> Variants:
    """Return ResNet-18 with and without, at a handful of steps: shows the wiring."""
    study = config()
    names = ("resnet18_warmup_0", "resnet18_warmup_20000")
    return {name: recipes.small(study[name]) for name in names}
