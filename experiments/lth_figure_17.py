"""Reinits drawn from the tickets' initial weights (LTH, appendix F.3, Figure 17; X7).

Run:     lth run experiments/lth_figure_17.py [--only adam]
Data:    MNIST through TFDS (--data.dir, $TFDS_DATA_DIR) or `lth data prepare mnist`.
Cost:    365 trainings of 50,000 steps with each optimizer; `--dry-run` measures the
         time on your machine.
Expect:  they do little better than ordinary reinits: it is not the distribution of the
         initial weights that makes a ticket win. The same with SGD.
"""

from dataclasses import replace

from lth_jax import recipes
from lth_jax.config import Config, Variants


def config() -> Variants:
    """Return tickets with one reinit of either sort at every level."""
    lenet = recipes.lenet()
    sgd = replace(lenet.train, optimizer="sgd", learning_rate=0.8)
    return {"adam": _drawn(lenet), "sgd": _drawn(replace(lenet, train=sgd))}


def quick() -> Variants:
    """Return the same study, small."""
    return {name: recipes.small(one) for name, one in config().items()}


def _drawn(setting: Config) -> Config:
    prune = replace(setting.prune, levels=24)
    return replace(setting, prune=prune, replicates=5, reinits=1, resamples=1)
