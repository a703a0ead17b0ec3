"""ResNet-18 on CIFAR-10 at three learning rates, global pruning (LTH, Figure 8).

Run:     lth run experiments/lth_figure_8.py
Data:    CIFAR-10 through TFDS (--data.dir or $TFDS_DATA_DIR).
Cost:    3 sweeps of 135 trainings of 30,000 steps: for an accelerator; `--dry-run`
         measures the time on your machine.
Expect:  at learning rate 0.1 no winning tickets; at 0.01 up to 89.5 % accuracy between
         41.7 and 21.9 % of the weights; at 0.03 with warmup 90.5 % at 27.1 %.
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
    """Return the paper's settings (appendix I.3), with 3 replicates."""
    return {
        "rate_0.1": _study(rate=0.1),
        "rate_0.01": _study(rate=0.01),
        "rate_0.03_warmup": _study(rate=0.03, warmup=20_000),
    }


def quick() -> Variants:
    """Return one variant with few steps: shows the wiring, learns little."""
    small = TrainConfig(
        steps=20,
        batch_size=32,
        eval_every=20,
        optimizer="momentum",
        learning_rate=0.01,
        weight_decay=1e-4,
        augment=True,
    )
    return {"rate_0.01": _config(small, levels=1, replicates=1, reinits=1)}


def _study(rate: float, warmup: int = 0) -> Config:
    train = TrainConfig(
        steps=30_000,
        batch_size=128,
        eval_every=500,
        optimizer="momentum",
        learning_rate=rate,
        warmup=warmup,
        drops=(20_000, 25_000),
        weight_decay=1e-4,
        augment=True,
    )
    return _config(train, levels=22, replicates=3, reinits=1)


def _config(train: TrainConfig, levels: int, replicates: int, reinits: int) -> Config:
    return Config(
        data=DataConfig(name="cifar10", normalize=True),
        model=ModelConfig(name="resnet18"),
        train=train,
        prune=PruneConfig(
            levels=levels, scope="global", output_rate=0.0, rates=(("shortcut", 0.0),)
        ),
        replicates=replicates,
        reinits=reinits,
    )
