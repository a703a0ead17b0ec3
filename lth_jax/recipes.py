"""The networks as the papers train and prune them, as configs to start from.

Three replicates each, no controls; change what you study with `dataclasses.replace`.
"""

from .config import Config, DataConfig, ModelConfig, PruneConfig, TrainConfig


def lenet() -> Config:
    """Return LeNet-300-100 on MNIST, pruned layer by layer.

    Example:
        >>> lenet().train.steps
        50000

    Reference:
        Frankle & Carbin (2019), figure 2; Frankle et al. (2020), figure 2.
    """
    return Config(
        data=DataConfig(name="mnist"),
        train=TrainConfig(steps=50_000, learning_rate=1.2e-3),
        prune=PruneConfig(levels=20, rate=0.2),
        replicates=3,
    )


def resnet18(learning_rate: float = 0.1, warmup: int = 0) -> Config:
    """Return ResNet-18 on CIFAR-10, pruned globally, shortcuts and output left out.

    Args:
        learning_rate: 0.1 (the papers' standard), 0.01 (low) or, with warmup, 0.03.
        warmup: steps; 20,000 in the papers.

    Reference:
        Frankle & Carbin (2019), appendix I.3; Frankle et al. (2020), figure 2.
    """
    train = TrainConfig(
        steps=30_000,
        batch_size=128,
        eval_every=500,
        optimizer="momentum",
        learning_rate=learning_rate,
        warmup=warmup,
        drops=(20_000, 25_000),
        weight_decay=1e-4,
        augment=True,
    )
    return Config(
        data=DataConfig(name="cifar10", normalize=True),
        model=ModelConfig(name="resnet18"),
        train=train,
        prune=PruneConfig(
            levels=14, scope="global", output_rate=0.0, rates=(("shortcut", 0.0),)
        ),
        replicates=3,
        keep_final="last",
    )


def vgg19(learning_rate: float = 0.1, warmup: int = 0) -> Config:
    """Return VGG-19 on CIFAR-10, pruned globally, output left out.

    Args:
        learning_rate: 0.1 (the papers' standard, also with warmup) or 0.01 (low).
        warmup: steps; 10,000 in the papers.

    Reference:
        Frankle & Carbin (2019), appendix I.2; Frankle et al. (2020), figure 2.
    """
    train = TrainConfig(
        steps=112_480,
        batch_size=64,
        eval_every=1_000,
        optimizer="momentum",
        learning_rate=learning_rate,
        warmup=warmup,
        drops=(56_240, 84_360),
        weight_decay=1e-4,
        augment=True,
    )
    return Config(
        data=DataConfig(name="cifar10", normalize=True),
        model=ModelConfig(name="vgg19"),
        train=train,
        prune=PruneConfig(levels=24, scope="global", output_rate=0.0),
        replicates=3,
        keep_final="last",
    )


def stabilizing() -> dict[str, tuple[Config, int]]:
    """Return the settings of the second paper by name, each with a level.

    It is the one at which the paper measures stability: 10.7 %, 16.7 % and 2.2 % of the
    weights.

    Reference:
        Frankle et al. (2020), "Stabilizing the Lottery Ticket Hypothesis", figure 2.
    """
    return {
        "lenet": (lenet(), 10),
        "resnet18_standard": (resnet18(), 8),
        "resnet18_low": (resnet18(0.01), 8),
        "resnet18_warmup": (resnet18(0.03, 20_000), 8),
        "vgg19_standard": (vgg19(), 17),
        "vgg19_low": (vgg19(0.01), 17),
        "vgg19_warmup": (vgg19(0.1, 10_000), 17),
    }
