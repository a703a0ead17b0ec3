"""Winning tickets in a minute: LeNet on 8x8 handwritten digits, embedded data.

Run:     lth run experiments/digits.py
Cost:    see README; 20 prunings x 5 replicates x (1 ticket + 2 reinits + 1 random mask)
Expect:  tickets keep the dense network's accuracy far longer than their reinits, and
         learn faster; below about 5 % of the weights reinits lose several points.
Data:    the 1,797 digits of scikit-learn (UCI optical recognition of handwritten
         digits), embedded.
"""

from lth_jax.config import Config, DataConfig, PruneConfig, TrainConfig


def config() -> Config:
    """Return the demo."""
    return Config(
        data=DataConfig(name="digits"),
        train=TrainConfig(steps=600, batch_size=60, eval_every=20),
        prune=PruneConfig(levels=20, rate=0.2),
        replicates=5,
        reinits=2,
        shuffles=1,
    )


def quick() -> Config:
    """Return the same study in seconds: fewer steps, levels and replicates."""
    return Config(
        data=DataConfig(name="digits"),
        train=TrainConfig(steps=200, batch_size=60, eval_every=20),
        prune=PruneConfig(levels=4, rate=0.4),
        replicates=2,
        reinits=1,
        shuffles=1,
    )
