"""Learning rates of Conv-2/4/6 with momentum (LTH, appendix H.3.2, Figure 34; X22).

Run:     lth run experiments/lth_figure_34.py [--only conv2]
Data:    CIFAR-10 through TFDS (--data.dir or $TFDS_DATA_DIR).
Cost:    18 variants in 3 programs, the rates of a network as lanes of one: 378, 450
         and 450 trainings: for an accelerator; `--dry-run` measures it.
Expect:  as with SGD; at the lowest rates accuracy falls before it rises, at the
         highest (0.005, 0.008) early stop never gets earlier.
"""

from dataclasses import replace

from lth_jax import recipes
from lth_jax.config import Config, Variants

RATES = {
    "conv2": (0.0001, 0.0003, 0.0005, 0.0007, 0.001, 0.0015),
    "conv4": (0.001, 0.002, 0.003, 0.004, 0.005, 0.008),
    "conv6": (0.001, 0.002, 0.003, 0.004, 0.005, 0.008),
}


def config() -> Variants:
    """Return the paper's grids of learning rates."""
    return {
        f"{name}_{rate:g}": _study(setting, rate)
        for name, setting in recipes.convs().items()
        for rate in RATES[name]
    }


def quick() -> Variants:
    """Return Conv-2 at two rates, with few steps."""
    grid = {name: one for name, one in config().items() if name.startswith("conv2")}
    first, *_, last = grid
    return {name: recipes.small(grid[name]) for name in (first, last)}


def _study(setting: Config, rate: float) -> Config:
    train = replace(setting.train, optimizer="momentum", learning_rate=rate)
    return replace(setting, train=train)
