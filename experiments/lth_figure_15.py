"""Anatomy of tickets (LTH, appendix F, Figures 15, 16, 19 to 24; X5, X6, X9 to X12).

LeNet trained by Adam and by SGD: which initial weights survive, how they move in
training, and how the connections that remain are spread over units.

Run:     lth run experiments/lth_figure_15.py [--only adam]
Data:    MNIST through TFDS (--data.dir, $TFDS_DATA_DIR) or `lth data prepare mnist`.
Cost:    65 trainings of 50,000 steps with each optimizer; the tables and figures take
         seconds. `--dry-run` measures the time on your machine.
Expect:  initial weights near 0 are gone from the second layer and the output (SGD: from
         all layers); weights of tickets moved further and grew more often; incoming
         connections are even, outgoing ones very uneven, those of pixels two-peaked.
"""

from dataclasses import replace

from lth_jax import recipes
from lth_jax.config import Config, Variants

LEVELS = (0, 4, 8, 12)
"""100, 41.05, 16.88 and 6.95 % of the weights."""


def config() -> Variants:
    """Return the paper's settings: 5 replicates, pooled in the histograms."""
    lenet = recipes.lenet()
    sgd = replace(lenet.train, optimizer="sgd", learning_rate=0.8)
    return {"adam": _taken_apart(lenet), "sgd": _taken_apart(replace(lenet, train=sgd))}


def quick() -> Variants:
    """Return the same study, small."""
    return {name: recipes.small(one) for name, one in config().items()}


def _taken_apart(setting: Config) -> Config:
    prune = replace(setting.prune, levels=LEVELS[-1])
    return replace(setting, prune=prune, replicates=5, anatomy=LEVELS)
