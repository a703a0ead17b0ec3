"""VGG-19 on CIFAR-10 at three learning rates, global pruning (LTH, Figure 7).

Run:     lth run experiments/lth_figure_7.py
Data:    CIFAR-10 through TFDS (--data.dir or $TFDS_DATA_DIR).
Cost:    3 sweeps of 147 trainings of 112,480 steps: for accelerators; `--dry-run`
         measures the time on your machine.
Expect:  at learning rate 0.1 no winning tickets; at 0.01 within a point of the
         dense network down to 3.5 % of the weights; at 0.1 with warmup above it down
         to 1.5 %.
"""

from dataclasses import replace

from lth_jax import recipes
from lth_jax.config import Config, TrainConfig, Variants


def config() -> Variants:
    """Return the paper's settings (appendix I.2), with 3 replicates."""
    return {
        "rate_0.1": _study(recipes.vgg19(0.1)),
        "rate_0.01": _study(recipes.vgg19(0.01)),
        "rate_0.1_warmup": _study(recipes.vgg19(0.1, 10_000)),
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
    study = _study(recipes.vgg19(0.01))
    prune = replace(study.prune, levels=1)
    return {
        "rate_0.01": replace(study, train=small, prune=prune, replicates=1, reinits=0)
    }


def _study(setting: Config) -> Config:
    return replace(setting, reinits=1, keep_final="all")
