"""Early stop and accuracy of LeNet, iterative and one-shot (LTH, Figure 4).

Run:     lth run experiments/lth_figure_4.py
Data:    MNIST through TFDS (--data.dir, $TFDS_DATA_DIR) or `lth data prepare mnist`.
Cost:    iterative 485 trainings, one-shot 785, of 50,000 steps each; `--dry-run`
         measures the time on your machine.
Expect:  iterative tickets reach their early stop up to 38 % earlier (at 21 % of the
         weights) and are up to 0.3 points more accurate; one-shot tickets are faster
         between 67.5 and 17.6 % of the weights, less so than iterative ones.
"""

from lth_jax.config import Config, DataConfig, PruneConfig, TrainConfig, Variants

ONE_SHOT = tuple(round(0.025 * i, 3) for i in range(1, 40))
"""The grid of Figure 4c: steps of 2.5 %."""


def config() -> Variants:
    """Return the paper's settings: 5 tickets, 3 reinits of each at every level."""
    return {
        "iterative": _study(PruneConfig(levels=24)),
        "one_shot": _study(PruneConfig(one_shot=ONE_SHOT)),
    }


def quick() -> Variants:
    """Return the same study in minutes: fewer steps, levels and replicates."""
    return {
        "iterative": _small(PruneConfig(levels=3, rate=0.6)),
        "one_shot": _small(PruneConfig(one_shot=(0.5, 0.8, 0.95))),
    }


def _study(prune: PruneConfig) -> Config:
    return Config(
        data=DataConfig(name="mnist"),
        train=TrainConfig(steps=50_000, learning_rate=1.2e-3),
        prune=prune,
        replicates=5,
        reinits=3,
    )


def _small(prune: PruneConfig) -> Config:
    return Config(
        data=DataConfig(name="mnist"),
        train=TrainConfig(steps=1_000),
        prune=prune,
        replicates=2,
        reinits=1,
    )
