"""Ways to retrain a pruned network (Renda et al. 2020): rewinding and fine-tuning.

After each pruning the weights go back to step k with the learning rate (weight
rewinding), only the learning rate goes back to step k (learning-rate rewinding), or
training goes on as long at the last learning rate (fine-tuning).

Run:     lth run experiments/retraining.py [--only lenet]
Data:    MNIST and CIFAR-10 through TFDS (--data.dir or $TFDS_DATA_DIR).
Cost:    LeNet 93 trainings, ResNet-18 129: an hour or two on 2 cores, or an
         accelerator; `--dry-run` measures it on your machine. The dense network trains
         once.
Expect:  learning-rate rewinding is at least as good as weight rewinding, and both are
         better than fine-tuning at high sparsity.
"""

from dataclasses import replace

from lth_jax import recipes
from lth_jax.config import Config, PruneConfig, RewindConfig, TrainConfig, Variants


def config() -> Variants:
    """Return LeNet with a schedule (the papers' has none), and ResNet-18."""
    lenet = replace(
        recipes.lenet(),
        train=TrainConfig(steps=20_000, learning_rate=1.2e-3, drops=(10_000, 15_000)),
        prune=PruneConfig(levels=10, rate=0.36),
    )
    return {
        **{f"lenet_{name}": one for name, one in _ways(lenet, 2_000).items()},
        **{f"resnet18_{n}": one for n, one in _ways(recipes.resnet18(), 3_000).items()},
    }


def quick() -> Variants:
    """Return LeNet, small."""
    small = replace(
        recipes.lenet(),
        train=TrainConfig(steps=1_000, learning_rate=1.2e-3, drops=(500, 750)),
        prune=PruneConfig(levels=3, rate=0.6),
        replicates=2,
    )
    return {f"lenet_{name}": one for name, one in _ways(small, 100).items()}


def _ways(setting: Config, step: int) -> Variants:
    """Return the three ways at the same budget: what is left of training after step."""
    left = setting.train.steps - step
    rules = {
        "weight_rewinding": RewindConfig(weights=step),
        "rate_rewinding": RewindConfig(weights="final", clock=step),
        "fine_tuning": RewindConfig(weights="final", clock="end", steps=left),
    }
    return {name: replace(setting, rewind=rule) for name, rule in rules.items()}
