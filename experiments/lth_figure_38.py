"""Global against layer-wise pruning (LTH, appendix I.1, Figures 38 and 39; X26).

Run:     lth run experiments/lth_figure_38.py [--only resnet18]
Data:    CIFAR-10 through TFDS (--data.dir or $TFDS_DATA_DIR).
Cost:    6 variants of a network side by side as lanes of one program: 261 trainings
         of ResNet-18, 441 of VGG-19: for accelerators; `--dry-run` measures it.
Expect:  pruned globally, VGG-19 has winning tickets down to 1.5 % of the weights, layer
         by layer only to 6.9 %; ResNet-18 the same, less so.
"""

from dataclasses import replace
from typing import Literal

from lth_jax import recipes
from lth_jax.config import Config, Variants


def config() -> Variants:
    """Return both networks at the paper's three learning rates, pruned both ways."""
    return {
        f"{name}_{scope}": one
        for name, setting in recipes.deep().items()
        for scope, one in (
            ("global", _pruned(setting, "global")),
            ("layerwise", _pruned(setting, "layerwise")),
        )
    }


def quick() -> Variants:
    """Return ResNet-18 at one rate, with a handful of steps: shows the wiring."""
    study = config()
    names = ("resnet18_low_global", "resnet18_low_layerwise")
    return {name: recipes.small(study[name]) for name in names}


def _pruned(setting: Config, scope: Literal["global", "layerwise"]) -> Config:
    return replace(setting, prune=replace(setting.prune, scope=scope))
