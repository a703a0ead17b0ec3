"""Pruning rates of convolutions (LTH, appendix H.4, Figure 35; X23).

Run:     lth run experiments/lth_figure_35.py [--only conv2]
Data:    CIFAR-10 through TFDS (--data.dir or $TFDS_DATA_DIR).
Cost:    18 variants in 3 programs, the rates of a network as lanes of one: 363, 435
         and 435 trainings: for an accelerator; `--dry-run` measures it.
Expect:  any rate from 10 to 20 % is reasonable; the paper takes 10, 10 and 15 %.
"""

from dataclasses import replace

from lth_jax import recipes
from lth_jax.config import Config, Variants

RATES = (0.05, 0.1, 0.15, 0.2, 0.25, 0.3)


def config() -> Variants:
    """Return the paper's grid; dense layers are pruned by 20 % and the output by 10."""
    return {
        f"{name}_{rate:g}": _study(setting, rate)
        for name, setting in recipes.convs().items()
        for rate in RATES
    }


def quick() -> Variants:
    """Return Conv-2 at two rates, with few steps."""
    grid = {name: one for name, one in config().items() if name.startswith("conv2")}
    first, *_, last = grid
    return {name: recipes.small(grid[name]) for name in (first, last)}


def _study(setting: Config, rate: float) -> Config:
    prune = replace(setting.prune, rates=(("conv", rate),))
    return replace(setting, prune=prune)
