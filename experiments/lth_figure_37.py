"""Pruning only dense or only convolutional layers (LTH, appendix H.6, Figure 37; X25).

Run:     lth run experiments/lth_figure_37.py [--only conv2]
Data:    CIFAR-10 through TFDS (--data.dir or $TFDS_DATA_DIR).
Cost:    3 ways side by side as lanes of one program: 183, 219 and 219 trainings of
         Conv-2, 4 and 6: for an accelerator; `--dry-run` measures it.
Expect:  dense layers hold 99, 89 and (here) 49 % of the weights of Conv-2, 4 and 6. At
         equal numbers of weights, pruning convolutions alone gives better and faster
         networks, pruning dense layers alone worse and slower ones.
"""

from dataclasses import replace

from lth_jax import recipes
from lth_jax.config import Config, Variants

WAYS = ("both", "dense_only", "conv_only")


def config() -> Variants:
    """Return all three ways for all three networks."""
    return {
        f"{name}_{way}": _pruned(setting, way)
        for name, setting in recipes.convs().items()
        for way in WAYS
    }


def quick() -> Variants:
    """Return Conv-2, with few steps."""
    study = config()
    names = [f"conv2_{way}" for way in WAYS]
    return {name: recipes.small(study[name]) for name in names}


def _pruned(setting: Config, way: str) -> Config:
    prune = setting.prune
    if way == "dense_only":
        prune = replace(prune, rates=(("conv", 0.0),))
    if way == "conv_only":
        prune = replace(prune, output_rate=0.0, rates=(*prune.rates, ("dense", 0.0)))
    return replace(setting, prune=prune)
