"""Tickets against random sparse networks: LeNet and Conv-2/4/6 (LTH, Figure 1).

Run:     lth run experiments/lth_figure_1.py
Data:    MNIST and CIFAR-10 through TFDS (--data.dir or $TFDS_DATA_DIR).
Cost:    4 sweeps of 5 tickets and 10 random masks a level; days on a CPU:
         `--dry-run` measures it on your machine.
Expect:  random sparse networks learn slower and to lower accuracy the sparser they are;
         tickets learn faster and better over a wide range of densities.
"""

from lth_jax.config import (
    Config,
    DataConfig,
    ModelConfig,
    PruneConfig,
    TrainConfig,
    Variants,
)

CIFAR10 = DataConfig(name="cifar10", normalize=True)


def config() -> Variants:
    """Return the paper's settings (Figure 2): 5 tickets, 10 random masks a level."""
    return {
        "lenet": _study(
            DataConfig(name="mnist"),
            ModelConfig(),
            TrainConfig(steps=50_000, learning_rate=1.2e-3),
            PruneConfig(levels=24),
        ),
        "conv2": _study(
            CIFAR10,
            ModelConfig(name="conv2"),
            TrainConfig(steps=20_000, learning_rate=2e-4),
            PruneConfig(levels=20, output_rate=0.1, rates=(("conv", 0.1),)),
        ),
        "conv4": _study(
            CIFAR10,
            ModelConfig(name="conv4"),
            TrainConfig(steps=25_000, learning_rate=3e-4),
            PruneConfig(levels=24, output_rate=0.1, rates=(("conv", 0.1),)),
        ),
        "conv6": _study(
            CIFAR10,
            ModelConfig(name="conv6"),
            TrainConfig(steps=30_000, learning_rate=3e-4),
            PruneConfig(levels=24, output_rate=0.1, rates=(("conv", 0.15),)),
        ),
    }


def quick() -> Variants:
    """Return LeNet alone, small."""
    return {
        "lenet": Config(
            data=DataConfig(name="mnist"),
            train=TrainConfig(steps=1_000),
            prune=PruneConfig(levels=3, rate=0.6),
            replicates=2,
            shuffles=1,
        )
    }


def _study(
    data: DataConfig, model: ModelConfig, train: TrainConfig, prune: PruneConfig
) -> Config:
    return Config(
        data=data, model=model, train=train, prune=prune, replicates=5, shuffles=2
    )
