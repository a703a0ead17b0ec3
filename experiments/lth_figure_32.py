"""Learning rates of Conv-2/4/6 with Adam (LTH, appendix H.2, Figure 32; X20).

Run:     lth run experiments/lth_figure_32.py [--only conv2]
Data:    CIFAR-10 through TFDS (--data.dir or $TFDS_DATA_DIR).
Cost:    24 variants in 3 programs, the rates of a network as lanes of one: 504, 600
         and 600 trainings: for an accelerator; `--dry-run` measures it.
Expect:  tickets win at all but the highest rates, by up to 3.3 (Conv-2), 3.7 (Conv-4)
         and 2.4 points (Conv-6) at the rates that the paper then takes.
"""

from dataclasses import replace

from lth_jax import recipes
from lth_jax.config import Config, Variants

RATES = (1e-4, 2e-4, 3e-4, 4e-4, 5e-4, 6e-4, 7e-4, 8e-4)


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
    """Return a setting with a learning rate; convolutions are pruned by 10 % in all."""
    return replace(
        setting,
        train=replace(setting.train, learning_rate=rate),
        prune=replace(setting.prune, rates=(("conv", 0.1),)),
    )
