"""Noise on the tickets' initial weights (LTH, appendix F.7, Figure 25; X13).

Run:     lth run experiments/lth_figure_25.py
Data:    MNIST through TFDS (--data.dir, $TFDS_DATA_DIR) or `lth data prepare mnist`.
Cost:    725 trainings of 50,000 steps; `--dry-run` measures the time on your machine.
Expect:  noise of half a standard deviation changes little, more of it more; with 3
         standard deviations tickets are still better than reinits.
"""

from dataclasses import replace

from lth_jax import recipes
from lth_jax.config import Config


def config() -> Config:
    """Return tickets with noise of four strengths and a reinit at every level."""
    lenet = recipes.lenet()
    return replace(
        lenet,
        prune=replace(lenet.prune, levels=24),
        replicates=5,
        reinits=1,
        noises=(0.5, 1.0, 2.0, 3.0),
    )


def quick() -> Config:
    """Return the same study, small."""
    return recipes.small(config())
