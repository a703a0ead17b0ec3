"""VGG-19 on CIFAR-10 at three learning rates, global pruning (LTH, Figure 7).

Run:     lth run experiments/lth_figure_7.py
Data:    CIFAR-10 through TFDS (--data.dir or $TFDS_DATA_DIR).
Cost:    3 sweeps of 147 trainings of 112,480 steps: for accelerators; `--dry-run`
         measures the time on your machine.
Expect:  at learning rate 0.1 no winning tickets; at 0.01 within a point of the
         dense network down to 3.5 % of the weights; at 0.1 with warmup above it down
         to 1.5 %.
"""

from lth_jax.config import (
    Config,
    DataConfig,
    ModelConfig,
    PruneConfig,
    TrainConfig,
    Variants,
)

DROPS = (56_240, 84_360)


def config() -> Variants:
    """Return the paper's settings (appendix I.2), with 3 replicates."""
    return {
        "rate_0.1": _study(rate=0.1),
        "rate_0.01": _study(rate=0.01),
        "rate_0.1_warmup": _study(rate=0.1, warmup=10_000),
    }


def quick() -> Variants:
    """Return one variant with a handful of steps: shows the wiring, learns nothing."""
    small = TrainConfig(
        steps=2,
        batch_size=8,
        eval_every=2,
        optimizer="momentum",
        learning_rate=0.01,
        weight_decay=1e-4,
        augment=True,
    )
    return {"rate_0.01": _config(small, levels=1, replicates=1, reinits=0)}


def _study(rate: float, warmup: int = 0) -> Config:
    train = TrainConfig(
        steps=112_480,
        batch_size=64,
        eval_every=1_000,
        optimizer="momentum",
        learning_rate=rate,
        warmup=warmup,
        drops=DROPS,
        weight_decay=1e-4,
        augment=True,
    )
    return _config(train, levels=24, replicates=3, reinits=1)


def _config(train: TrainConfig, levels: int, replicates: int, reinits: int) -> Config:
    return Config(
        data=DataConfig(name="cifar10", normalize=True),
        model=ModelConfig(name="vgg19"),
        train=train,
        prune=PruneConfig(levels=levels, scope="global", output_rate=0.0),
        replicates=replicates,
        reinits=reinits,
    )
