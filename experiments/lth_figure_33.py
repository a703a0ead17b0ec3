"""Learning rates of Conv-2/4/6 with SGD (LTH, appendix H.3.1, Figure 33; X21).

Run:     lth run experiments/lth_figure_33.py [--only conv2]
Data:    CIFAR-10 through TFDS (--data.dir or $TFDS_DATA_DIR).
Cost:    18 variants in 3 programs, the rates of a network as lanes of one: 378, 375
         and 525 trainings: for an accelerator; `--dry-run` measures it.
Expect:  2 to 3 points less accurate than with Adam; tickets at all rates; Conv-2 and
         Conv-4 lose accuracy before they gain it.
"""

from dataclasses import replace

from lth_jax import recipes
from lth_jax.config import Config, Variants

RATES = {
    "conv2": (0.0001, 0.0005, 0.0008, 0.001, 0.0015, 0.0025),
    "conv4": (0.001, 0.002, 0.003, 0.005, 0.01),
    "conv6": (0.0025, 0.005, 0.01, 0.02, 0.025, 0.03, 0.035),
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
    train = replace(setting.train, optimizer="sgd", learning_rate=rate)
    return replace(setting, train=train)
