"""Conv-2, Conv-4 and Conv-6 with dropout 0.5 on CIFAR-10 (LTH, Figure 6).

Run:     lth run experiments/lth_figure_6.py
Data:    CIFAR-10 through TFDS (--data.dir or $TFDS_DATA_DIR).
Cost:    105, 125 and 125 trainings of 60,000 to 90,000 steps: for an accelerator;
         `--dry-run` measures the time on your machine.
Expect:  dropout alone adds 2.1 to 3.0 points; pruning on top of it up to 4.7 more.
"""

from lth_jax.config import (
    Config,
    DataConfig,
    ModelConfig,
    PruneConfig,
    TrainConfig,
    Variants,
)


def config() -> Variants:
    """Return the paper's settings: three times the steps of Figure 5, other rates."""
    return {
        "conv2": _study(
            ModelConfig(name="conv2", dropout=0.5),
            steps=60_000,
            rate=3e-4,
            conv=0.1,
            levels=20,
        ),
        "conv4": _study(
            ModelConfig(name="conv4", dropout=0.5),
            steps=75_000,
            rate=2e-4,
            conv=0.1,
            levels=24,
        ),
        "conv6": _study(
            ModelConfig(name="conv6", dropout=0.5),
            steps=90_000,
            rate=2e-4,
            conv=0.15,
            levels=24,
        ),
    }


def quick() -> Variants:
    """Return Conv-2 alone, with few steps, levels and replicates."""
    return {
        "conv2": Config(
            data=DataConfig(name="cifar10", scaling="standard"),
            model=ModelConfig(name="conv2", dropout=0.5),
            train=TrainConfig(steps=200, eval_every=100, learning_rate=3e-4),
            prune=PruneConfig(levels=1, rate=0.8, rates=(("conv", 0.4),)),
            replicates=1,
        )
    }


def _study(
    model: ModelConfig, steps: int, rate: float, conv: float, levels: int
) -> Config:
    return Config(
        data=DataConfig(name="cifar10", scaling="standard"),
        model=model,
        train=TrainConfig(steps=steps, learning_rate=rate),
        prune=PruneConfig(levels=levels, output_rate=0.1, rates=(("conv", conv),)),
        replicates=5,
    )
