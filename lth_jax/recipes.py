"""The networks as the papers train and prune them, as configs to start from.

Three replicates each, no controls; change what you study with `dataclasses.replace`.
"""

from dataclasses import replace
from typing import Literal

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


def conv(name: Literal["conv2", "conv4", "conv6"]) -> Config:
    """Return Conv-2, Conv-4 or Conv-6 on CIFAR-10, pruned layer by layer.

    Args:
        name: with the number of convolutions.

    Example:
        >>> conv("conv6").prune.rates
        (('conv', 0.15),)

    Reference:
        Frankle & Carbin (2019), figure 2 and appendix H.1.
    """
    steps, learning_rate, rate, levels = {
        "conv2": (20_000, 2e-4, 0.1, 20),
        "conv4": (25_000, 3e-4, 0.1, 24),
        "conv6": (30_000, 3e-4, 0.15, 24),
    }[name]
    return Config(
        data=DataConfig(name="cifar10", scaling="standard"),
        model=ModelConfig(name=name),
        train=TrainConfig(steps=steps, learning_rate=learning_rate),
        prune=PruneConfig(levels=levels, output_rate=0.1, rates=(("conv", rate),)),
        replicates=3,
    )


def convs() -> dict[str, Config]:
    """Return Conv-2, Conv-4 and Conv-6 by name, see `conv`."""
    return {"conv2": conv("conv2"), "conv4": conv("conv4"), "conv6": conv("conv6")}


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
        data=DataConfig(name="cifar10", scaling="standard"),
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
        data=DataConfig(name="cifar10", scaling="standard"),
        model=ModelConfig(name="vgg19"),
        train=train,
        prune=PruneConfig(levels=24, scope="global", output_rate=0.0),
        replicates=3,
        keep_final="last",
    )


def deep() -> dict[str, Config]:
    """Return the settings of the deep networks in the first paper by name.

    Reference:
        Frankle & Carbin (2019), section 4, figures 7 and 8.
    """
    return {
        "resnet18_standard": resnet18(),
        "resnet18_low": resnet18(0.01),
        "resnet18_warmup": resnet18(0.03, 20_000),
        "vgg19_standard": vgg19(),
        "vgg19_low": vgg19(0.01),
        "vgg19_warmup": vgg19(0.1, 10_000),
    }


def small(config: Config) -> Config:
    """Return the same study in minutes: less of everything, other numbers.

    Networks train 1,000 steps (convolutional ones 100, deep ones 10), their schedule
    scaled alike; at most 3 levels (1) of four prunings each; at most 2 replicates (1)
    and one draw of every control.

    Args:
        config: a study at full size; a step that it rewinds to stays that step.

    Example:
        >>> study = small(lenet())
        >>> study.train.steps, study.prune.levels, round(study.prune.rate, 4)
        (1000, 3, 0.5904)
    """
    name, prune = config.model.name, config.prune
    steps, levels, replicates = 1_000, 3, 2
    if name != "lenet":
        steps, levels, replicates = 100 if name.startswith("conv") else 10, 1, 1
    steps, levels = min(steps, config.train.steps), min(levels, config.levels)

    def scaled(step: int) -> int:
        return round(step * steps / config.train.steps)

    def four(rate: float) -> float:
        return 1 - (1 - rate) ** 4

    output = prune.output_rate
    if output is None and prune.scope == "layerwise":
        output = prune.rate / 2
    fewer = replace(
        prune,
        levels=levels,
        rate=four(prune.rate),
        output_rate=None if output is None else four(output),
        rates=tuple((layer, four(rate)) for layer, rate in prune.rates),
    )
    if prune.one_shot:
        fewer = replace(prune, one_shot=prune.one_shot[-levels:])
    train = replace(
        config.train,
        steps=steps,
        batch_size=config.train.batch_size if name == "lenet" else 16,
        eval_every=min(100, steps),
        warmup=scaled(config.train.warmup),
        drops=tuple(map(scaled, config.train.drops)),
    )
    draws = ("reinits", "shuffles", "keep_signs", "permutes", "resamples")
    return replace(
        config,
        train=train,
        prune=fewer,
        replicates=min(replicates, config.replicates),
        control_levels=(),
        anatomy=tuple(range(levels + 1)) if config.anatomy else (),
        **{draw: min(1, getattr(config, draw)) for draw in draws},
    )


def stabilizing() -> dict[str, tuple[Config, int]]:
    """Return the settings of the second paper by name, each with a level.

    It is the one at which the paper measures stability: 10.7 %, 16.7 % and 2.2 % of the
    weights.

    Reference:
        Frankle et al. (2020), "Stabilizing the Lottery Ticket Hypothesis", figure 2.
    """
    levels = {"resnet18": 8, "vgg19": 17}
    return {"lenet": (lenet(), 10)} | {
        name: (setting, levels[setting.model.name]) for name, setting in deep().items()
    }
