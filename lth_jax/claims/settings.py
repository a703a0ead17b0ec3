"""The settings of the paper: what a run must be to speak to a claim."""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from ..config import (
    Config,
    DataConfig,
    ModelConfig,
    PruneConfig,
    TrainConfig,
    numbers,
)
from .pool import SEEDS, Pool

FREE = {
    *SEEDS,
    *("data.normalize", "prune.levels", "prune.count"),
    *("reinits", "shuffles", "keep_signs", "permutes"),
}
"""Fields that the paper does not state, or that only say how much of it is run."""
SCHEDULE = {"train.steps", "train.eval_every", "train.warmup", "train.drops"}
"""Fields that a reduced run scales down."""
LAYER_KINDS = {
    "lenet": ("dense", "output"),
    **dict.fromkeys(("conv2", "conv4", "conv6"), ("conv", "dense", "output")),
    "vgg19": ("conv", "output"),
    "resnet18": ("conv", "shortcut", "output"),
}
VALIDATION = {"mnist": 5_000, "cifar10": 5_000}


@dataclass(frozen=True)
class Setting:
    """One way in which the paper trains and prunes a network.

    Attributes:
        name: how rules and notes call it.
        config: its fields; those of `FREE` do not count.
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


def mismatches(setting: Setting, pool: Pool) -> list[str]:
    """Say in which fields runs are of another setting; empty if they are of this one.

    A run that is shorter than the setting, its schedule scaled alike, is still of it.
    """
    mine, theirs = _essence(setting), _canonical(pool.numbers)
    return [
        f"{name} ({theirs.get(name)}, not {mine.get(name)})"
        for name in sorted(mine.keys() | theirs.keys())
        if name not in SCHEDULE and mine.get(name) != theirs.get(name)
    ] + _schedule_mismatch(mine, theirs)


def shortfalls(
    setting: Setting,
    pool: Pool,
    last: float,
    kinds: Sequence[str],
    steps: Sequence[int] = (),
) -> list[str]:
    """Say where runs of a setting fall short of what a claim looks at.

    Args:
        setting: that the runs are of.
        pool: of them.
        last: position to which the claim looks.
        kinds: of networks that it compares.
        steps: at which it reads their accuracy.
    """
    mine, theirs = _essence(setting), _canonical(pool.numbers)
    short = []
    if theirs["train.steps"] < mine["train.steps"]:
        short.append(f"{theirs['train.steps']:,} of {mine['train.steps']:,} steps")
    every = "train.eval_every"
    if setting.cadence and theirs[every] != mine[every]:
        short.append(f"evaluated every {theirs[every]} steps, not {mine[every]}")
    rates = setting.config.prune.one_shot
    positions = pool.positions
    if rates:
        absent = [r for r in rates if not any(math.isclose(p, r) for p in positions)]
        if absent:
            listed = ", ".join(f"{100 * rate:g} %" for rate in absent)
            short.append(f"without the one-shot rates {listed}")
    elif positions[-1] < last:
        short.append(f"{positions[-1]:g} of {last:g} levels")
    present = set(pool.summary["kind"])
    short += [f"no {kind} networks" for kind in kinds if kind not in present]
    evaluated = set(pool.curves["step"])
    return short + [
        f"not evaluated at step {step:,}" for step in steps if step not in evaluated
    ]


@cache
def _essence(setting: Setting) -> dict[str, Any]:
    return _canonical(numbers(setting.config))


def _canonical(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields that count, each difference of meaning in one place."""
    fields = dict(fields)
    network, data = fields["model.name"], fields["data.name"]
    if fields["data.validation"] is None:
        fields["data.validation"] = VALIDATION.get(data)
    unused = {
        "model.widths": network != "lenet",
        "model.dropout": not network.startswith("conv"),
        "train.momentum": fields["train.optimizer"] != "momentum",
        "train.drop_factor": not fields["train.drops"],
    }
    skipped = FREE | {name for name, is_unused in unused.items() if is_unused}
    rates = _rates(fields)
    for name in ("prune.rate", "prune.output_rate"):
        del fields[name]
    fields["prune.one_shot"] = bool(fields["prune.one_shot"])
    fields["prune.rates"] = rates
    return {name: value for name, value in fields.items() if name not in skipped}


def _rates(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the pruning rate of every kind of layer, and of layers named by path."""
    given = dict(fields["prune.rates"])
    if fields["prune.one_shot"]:
        return given if fields["prune.output_rate"] is None else given | {"output": 0.0}
    rate, output = fields["prune.rate"], fields["prune.output_rate"]
    rates = dict.fromkeys(LAYER_KINDS.get(fields["model.name"], ()), rate)
    rates["output"] = rate / 2 if output is None else output
    return rates | given


def _schedule_mismatch(mine: dict[str, Any], theirs: dict[str, Any]) -> list[str]:
    steps = mine["train.steps"], theirs["train.steps"]
    if steps[1] > steps[0]:
        return [f"train.steps ({steps[1]}, not {steps[0]})"]
    differing = []
    for name in ("train.warmup", "train.drops"):
        values = mine[name], theirs[name]
        scaled = [
            [step / total for step in (value if isinstance(value, list) else [value])]
            for value, total in zip(values, steps, strict=True)
        ]
        alike = len(scaled[0]) == len(scaled[1]) and all(
            math.isclose(a, b, rel_tol=0.1)
            for a, b in zip(scaled[0], scaled[1], strict=True)
        )
        if not alike or (steps[0] == steps[1] and values[0] != values[1]):
            differing.append(f"{name} ({values[1]}, not {values[0]})")
    return differing


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
