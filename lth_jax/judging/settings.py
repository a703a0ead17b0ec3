"""The settings of the papers: how they train, prune and rewind their networks."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..config import (
    Config,
    DataConfig,
    ModelConfig,
    PruneConfig,
    RewindConfig,
    TrainConfig,
)


@dataclass(frozen=True)
class Setting:
    """One way in which a paper trains, prunes and rewinds a network.

    Attributes:
        name: how rules and notes call it.
        config: its fields; some of them do not count, see `lth_jax.judging.matching`.
        cadence: the early-stop step is read, so it matters how often is evaluated.
    """

    name: str
    config: Config
    cadence: bool = True

    def but(
        self,
        name: str,
        model: Mapping[str, Any] | None = None,
        train: Mapping[str, Any] | None = None,
        prune: Mapping[str, Any] | None = None,
    ) -> "Setting":
        """Return the setting with other fields; its name goes on with ``name``."""
        config = dataclasses.replace(
            self.config,
            model=dataclasses.replace(self.config.model, **(model or {})),
            train=dataclasses.replace(self.config.train, **(train or {})),
            prune=dataclasses.replace(self.config.prune, **(prune or {})),
        )
        return Setting(f"{self.name} {name}", config, self.cadence)

    def at_rate(self, learning_rate: float, **train: Any) -> "Setting":
        """Return the setting with another learning rate (and optimizer, ...)."""
        words = [str(value) for value in train.values()] + [f"lr {learning_rate:g}"]
        train = {"learning_rate": learning_rate, **train}
        return self.but(" ".join(words), train=train)

    @property
    def text(self) -> str:
        """The setting in a few words, for those who want to run it."""
        train = self.config.train
        return (
            f"{self.name} ({self.config.model.name} on {self.config.data.name},"
            f" {train.optimizer} at {train.learning_rate:g}, {train.steps:,} steps of"
            f" {train.batch_size})"
        )


LENET = Setting(
    "Lenet",
    Config(
        data=DataConfig(name="mnist"),
        train=TrainConfig(
            steps=50_000, batch_size=60, optimizer="adam", learning_rate=1.2e-3
        ),
        prune=PruneConfig(rate=0.2, output_rate=0.1),
    ),
)
"""Figure 2 (Lenet) and appendix G.1."""
LENET_ONE_SHOT = LENET.but(
    "one-shot",
    prune={"output_rate": None, "one_shot": (0.05, 0.325, 0.825, 0.9, 0.95)},
)
"""Figure 4c; a run may have more rates than those that the text names."""


def _conv(
    name: str, model: ModelConfig, steps: int, learning_rate: float, conv_rate: float
) -> Setting:
    return Setting(
        name,
        Config(
            data=DataConfig(name="cifar10"),
            model=model,
            train=TrainConfig(
                steps=steps,
                batch_size=60,
                optimizer="adam",
                learning_rate=learning_rate,
            ),
            prune=PruneConfig(rate=0.2, output_rate=0.1, rates=(("conv", conv_rate),)),
        ),
    )


CONV2 = _conv("Conv-2", ModelConfig(name="conv2"), 20_000, 2e-4, 0.10)
CONV4 = _conv("Conv-4", ModelConfig(name="conv4"), 25_000, 3e-4, 0.10)
CONV6 = _conv("Conv-6", ModelConfig(name="conv6"), 30_000, 3e-4, 0.15)
"""Figure 2 and appendix H.1."""


def dropout(setting: Setting, learning_rate: float) -> Setting:
    """Return a convolutional setting with dropout 0.5: three times the steps (H.5)."""
    steps = 3 * setting.config.train.steps
    return setting.but(
        f"dropout lr {learning_rate:g}",
        model={"dropout": 0.5},
        train={"learning_rate": learning_rate, "steps": steps},
    )


def _deep(
    name: str,
    model: ModelConfig,
    train: TrainConfig,
    rates: tuple[tuple[str, float], ...] = (),
) -> Setting:
    return Setting(
        name,
        Config(
            data=DataConfig(name="cifar10"),
            model=model,
            train=train,
            prune=PruneConfig(rate=0.2, output_rate=0.0, rates=rates, scope="global"),
        ),
        cadence=False,
    )


_MOMENTUM: dict[str, Any] = {
    "optimizer": "momentum",
    "momentum": 0.9,
    "weight_decay": 1e-4,
    "augment": True,
    "learning_rate": 0.1,
}
VGG19 = _deep(
    "VGG-19",
    ModelConfig(name="vgg19"),
    TrainConfig(steps=112_480, batch_size=64, drops=(56_240, 84_360), **_MOMENTUM),
)
"""Appendix I.2, to which figure 7 adds the learning rate and warmup."""
RESNET18 = _deep(
    "Resnet-18",
    ModelConfig(name="resnet18"),
    TrainConfig(steps=30_000, batch_size=128, drops=(20_000, 25_000), **_MOMENTUM),
    rates=(("shortcut", 0.0),),
)
"""Appendix I.3, to which figure 8 adds the learning rate and warmup."""


def warmed(setting: Setting, learning_rate: float, warmup: int = 0) -> Setting:
    """Return a deep setting with a learning rate and that many steps of warmup."""
    name = f"lr {learning_rate:g}" + (f" warmup {warmup:,}" if warmup else "")
    train = {"learning_rate": learning_rate, "warmup": warmup}
    return setting.but(name, train=train)


def layerwise(setting: Setting) -> Setting:
    """Return a deep setting with layer-wise pruning (appendix I.1)."""
    return setting.but("layer-wise", prune={"scope": "layerwise"})


def rewound(setting: Setting, moment: int | float) -> Setting:
    """Return a setting whose pruned networks start from a later moment of training.

    Args:
        setting: that resets them to step 0.
        moment: step, or fraction of the training.

    Example:
        >>> rewound(RESNET18, 500).name, rewound(RESNET18, 0) == RESNET18
        ('Resnet-18 rewound to 500', True)
    """
    if not moment:
        return setting
    words = f"{100 * moment:g} %" if isinstance(moment, float) else f"{moment:,}"
    config = dataclasses.replace(setting.config, rewind=RewindConfig(weights=moment))
    return Setting(f"{setting.name} rewound to {words}", config, setting.cadence)
