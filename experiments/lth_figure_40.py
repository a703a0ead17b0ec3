"""Figures 7 and 8 pruned layer by layer (LTH, appendix I.1, Figures 40 and 41; X27).

Run:     lth run experiments/lth_figure_40.py [--only resnet18]
Data:    CIFAR-10 through TFDS (--data.dir or $TFDS_DATA_DIR).
Cost:    3 variants of a network side by side as lanes of one program: 261 trainings
         of ResNet-18, 441 of VGG-19: for accelerators; `--dry-run` measures it.
Expect:  the same picture as with global pruning, but tickets stop winning at larger
         sizes: tickets beat reinits at the low rate and with warmup, not at 0.1.
"""

from dataclasses import replace

from lth_jax import recipes
from lth_jax.config import Config, Variants


def config() -> Variants:
    """Return both networks at the paper's three learning rates, one reinit a level."""
    return {name: _layerwise(setting) for name, setting in recipes.deep().items()}


def quick() -> Variants:
    """Return ResNet-18 at one rate, with a handful of steps: shows the wiring."""
    return {"resnet18_low": recipes.small(config()["resnet18_low"])}


def _layerwise(setting: Config) -> Config:
    prune = replace(setting.prune, scope="layerwise")
    return replace(setting, prune=prune, reinits=1)
