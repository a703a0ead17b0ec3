"""Test accuracy during training of LeNet's tickets and reinits (LTH, Figure 3).

Run:     lth run experiments/lth_figure_3.py
Data:    MNIST through TFDS (--data.dir, $TFDS_DATA_DIR) or `lth data prepare mnist`.
Cost:    185 trainings of 50,000 steps; `--dry-run` measures the time on your machine.
Expect:  the ticket at 51.3 % learns faster than the dense network, the one at
         21.1 % faster still; below 7 % learning slows; reinits are slower everywhere.
"""

from lth_jax.config import Config, DataConfig, PruneConfig, TrainConfig


def config() -> Config:
    """Return the paper's setting; its figure shows levels 3, 7, 12, 15, 18."""
    return Config(
        data=DataConfig(name="mnist"),
        train=TrainConfig(steps=50_000, learning_rate=1.2e-3),
        prune=PruneConfig(levels=18),
        replicates=5,
        reinits=1,
    )


def quick() -> Config:
    """Return the same study in minutes: fewer steps, levels and replicates."""
    return Config(
        data=DataConfig(name="mnist"),
        train=TrainConfig(steps=2_000),
        prune=PruneConfig(levels=3, rate=0.6),
        replicates=2,
        reinits=1,
    )
