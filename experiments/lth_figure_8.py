"""ResNet-18 on CIFAR-10 at three learning rates, global pruning (LTH, Figure 8).

Run:     lth run experiments/lth_figure_8.py
Data:    CIFAR-10 through TFDS (--data.dir or $TFDS_DATA_DIR).
Cost:    3 sweeps of 135 trainings of 30,000 steps: for an accelerator; `--dry-run`
         measures the time on your machine.
Expect:  at learning rate 0.1 no winning tickets; at 0.01 up to 89.5 % accuracy between
         41.7 and 21.9 % of the weights; at 0.03 with warmup 90.5 % at 27.1 %.
"""

from dataclasses import replace

from lth_jax import recipes
from lth_jax.config import Config, TrainConfig, Variants


def config() -> Variants:
    """Return the paper's settings (appendix I.3), with 3 replicates."""
    return {
        "rate_0.1": _study(recipes.resnet18(0.1)),
        "rate_0.01": _study(recipes.resnet18(0.01)),
        "rate_0.03_warmup": _study(recipes.resnet18(0.03, 20_000)),
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
    study = _study(recipes.resnet18(0.01))
    prune = replace(study.prune, levels=1)
    return {
        "rate_0.01": replace(study, train=small, prune=prune, replicates=1, reinits=1)
    }


def _study(setting: Config) -> Config:
    prune = replace(setting.prune, levels=22)
    return replace(setting, prune=prune, reinits=1, keep_final="all")
