"""Learning rates of Conv-2/4/6 with dropout (LTH, appendix H.5, Figure 36; X24).

Run:     lth run experiments/lth_figure_36.py [--only conv2]
Data:    CIFAR-10 through TFDS (--data.dir or $TFDS_DATA_DIR).
Cost:    15 variants in 3 programs, the rates of a network as lanes of one: 315, 375
         and 375 trainings of 60,000 to 90,000 steps: for an accelerator.
Expect:  Conv-2 learns at 0.0003, and only pruned at 0.0001; Conv-4 gains 5 points by
         pruning down to 7.6 % of the weights, Conv-6 3.5 points at 10.5 %.
"""

from dataclasses import replace

from lth_jax import recipes
from lth_jax.config import Config, Variants

RATES = (1e-4, 2e-4, 3e-4, 4e-4, 5e-4)


def config() -> Variants:
    """Return the paper's grids of learning rates."""
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
    """Return a setting with dropout of 0.5, three times as long."""
    steps = 3 * setting.train.steps
    return replace(
        setting,
        model=replace(setting.model, dropout=0.5),
        train=replace(setting.train, steps=steps, learning_rate=rate),
    )
