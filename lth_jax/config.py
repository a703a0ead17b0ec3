"""The configuration of a study: frozen dataclasses, checked before work starts.

Only the standard library is imported here. Fields marked ``NUMBERS_UNCHANGED`` (where
things are, how they are spread over devices) do not enter the fingerprint.
"""

import dataclasses
import hashlib
import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_type_hints

from .errors import InputError
from .fields import build, canonical, check_types, shown

SCHEMA = 1
"""Version of the run directory; part of every fingerprint."""
NUMBERS_UNCHANGED = {"fingerprint": False}
MOST_NETWORKS = 100_000
"""Networks that a study may train."""
MOST_EVALUATIONS = 1_000_000
"""Evaluations of a network."""

Variants = dict[str, "Config"]


@dataclass(frozen=True, kw_only=True)
class DataConfig:
    """Which data, and where to find it."""

    name: Literal["digits", "mnist", "cifar10"] = "digits"
    """Data set: digits (1,797 8x8 images, embedded), mnist or cifar10 (TFDS)."""
    validation: int | None = None
    """Validation examples taken from the training set; default: the data set's own."""
    normalize: bool = False
    """Give every channel of the training images mean 0 and standard deviation 1."""
    dir: str | None = field(default=None, metadata=NUMBERS_UNCHANGED)
    """Prepared TFDS data_dir; default: $TFDS_DATA_DIR, else ~/tensorflow_datasets."""
    cache: str | None = field(default=None, metadata=NUMBERS_UNCHANGED)
    """Where decoded arrays are kept; default: $LTH_CACHE_DIR, else ~/.cache/lth_jax."""


@dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """Which network."""

    name: Literal["lenet", "conv2", "conv4", "conv6", "vgg19", "resnet18"] = "lenet"
    """Network, in the form that the papers use."""
    widths: tuple[int, ...] = (300, 100)
    """Hidden widths of lenet, e.g. 300 100 for LeNet-300-100."""
    dropout: float = 0.0
    """Dropout rate after the hidden dense layers of conv2, conv4 and conv6."""


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """How every network of the study is trained."""

    steps: int = 50_000
    """Steps of every training; training always runs its full length."""
    batch_size: int = 60
    """Examples per step."""
    eval_every: int = 100
    """Steps between evaluations on the validation and test sets."""
    optimizer: Literal["adam", "momentum", "sgd"] = "adam"
    """Optimizer."""
    learning_rate: float = 1.2e-3
    """Learning rate, after warmup and before drops."""
    warmup: int = 0
    """Steps in which the learning rate rises linearly to its value; 0: no warmup."""
    drops: tuple[int, ...] = ()
    """Steps from which on the learning rate is multiplied by the drop factor."""
    drop_factor: float = 0.1
    """Factor of every drop."""
    momentum: float = 0.9
    """Decay of the momentum optimizer; the others ignore it."""
    weight_decay: float = 0.0
    """L2 decay of the prunable kernels (not biases), added before momentum."""
    clip_norm: float | None = None
    """Largest global norm of the masked gradient; default: no clipping."""
    augment: bool = False
    """Flip training images at random and crop them after padding by 4 pixels."""
    precision: Literal["float32", "tensorfloat32", "bfloat16"] = "float32"
    """Precision of matrix products; float32 is true float32 on every device."""


@dataclass(frozen=True, kw_only=True)
class PruneConfig:
    """How much is pruned, where and when."""

    levels: int = 20
    """Prunings; the study has levels 0 (dense) to this one."""
    rate: float = 0.2
    """Fraction of a layer's surviving weights pruned from level to level."""
    output_rate: float | None = None
    """The same for the output layer; default: half of the rate."""
    rates: tuple[tuple[str, float], ...] = ()
    """Other rates by layer kind or path, e.g. conv 0.1 Dense_0/kernel 0."""
    scope: Literal["layerwise", "global"] = "layerwise"
    """Compare weights within a layer or over all layers whose rate is not 0."""
    one_shot: tuple[float, ...] = ()
    """One-shot: level n prunes the dense network directly at the n-th of these rates;
    replaces levels and rate."""
    continued: bool = False
    """Make the masks by a chain that carries its trained weights from level to level
    (kind chain); tickets are its masks at the initial weights."""
    criterion: Literal["magnitude"] = "magnitude"
    """Which weights go first."""
    count: Literal["exact", "original"] = "exact"
    """How many go: round(rate * n), or one more per layer as in the original code."""


@dataclass(frozen=True, kw_only=True)
class PlanConfig:
    """How trainings are spread over devices; the default lets the machine decide."""

    devices: int | None = None
    """Devices to use (on CPU: host devices to make); default: all (CPU: all cores)."""
    lanes: int | None = None
    """Networks stacked on each device; default: 1 on CPU, else measured."""
    convolution: Literal["lax", "columns"] | None = None
    """Convolutions by XLA or as matrix products; default: columns on CPU, else the
    faster one, measured."""


@dataclass(frozen=True, kw_only=True)
class Config:
    """One study: data, network, training, pruning, controls."""

    data: DataConfig = DataConfig()
    model: ModelConfig = ModelConfig()
    train: TrainConfig = TrainConfig()
    prune: PruneConfig = PruneConfig()
    replicates: int = 5
    """Independent tickets, each from its own initialisation and data order."""
    reinits: int = 0
    """Random reinitialisations of every ticket at every level (kind random_reinit)."""
    shuffles: int = 0
    """Random masks with the ticket's counts at every level (kind shuffle_mask)."""
    keep_signs: int = 0
    """Random reinitialisations that keep the initial signs (kind keep_sign)."""
    permutes: int = 0
    """Initial weights permuted within every layer (kind permute_init)."""
    seed: int = 0
    """Root of all randomness."""
    keep_final: Literal["all", "last"] = field(
        default="all", metadata=NUMBERS_UNCHANGED
    )
    """Keep the tickets' final weights of all levels or of the last one only."""
    checkpoint_every: float = field(default=300.0, metadata=NUMBERS_UNCHANGED)
    """Seconds of work that a killed process may lose."""
    plan: PlanConfig = field(default=PlanConfig(), metadata=NUMBERS_UNCHANGED)
    out: str = field(default="runs", metadata=NUMBERS_UNCHANGED)
    """Folder that holds the run directories."""
    progress: bool = field(default=True, metadata=NUMBERS_UNCHANGED)
    """Show a progress bar."""

    @property
    def levels(self) -> int:
        """Number of the last level."""
        return len(self.prune.one_shot) or self.prune.levels

    @property
    def draws(self) -> dict[str, int]:
        """Draws of every control at every level from 1 on, by kind."""
        return {
            "random_reinit": self.reinits,
            "shuffle_mask": self.shuffles,
            "keep_sign": self.keep_signs,
            "permute_init": self.permutes,
        }

    @property
    def evaluations(self) -> tuple[int, ...]:
        """Steps at which networks are evaluated: 0, every ``eval_every``, the last."""
        steps = range(0, self.train.steps, self.train.eval_every)
        return (*steps, self.train.steps)

    def validate(self) -> "Config":
        """Return self, or raise InputError naming the first field that is wrong."""
        check_types(self)
        for name, (low, high) in _BOUNDS.items():
            value = _get(self, name)
            if value is not None and not low <= value <= high:
                raise InputError(
                    f"{name} is {shown(value)}: it must be from {low:,} to {high:,}."
                )
        for name in ("train.learning_rate", "train.clip_norm"):
            value = _get(self, name)
            if value is not None and not 0 < value <= _LARGEST:
                raise InputError(
                    f"{name} is {value}: it must be positive, and at most {_LARGEST}."
                )
        if not 0 <= self.train.momentum < 1:
            raise InputError(
                f"train.momentum is {self.train.momentum}: it must lie in [0, 1)."
            )
        if any(width < 1 for width in self.model.widths):
            raise InputError(f"model.widths is {self.model.widths}: widths start at 1.")
        if not 0 <= self.model.dropout < 1:
            raise InputError(
                f"model.dropout is {self.model.dropout}: it must lie in [0, 1)."
            )
        if self.model.dropout and not self.model.name.startswith("conv"):
            raise InputError(
                f"model.dropout is {self.model.dropout}, but {self.model.name} has no"
                " dropout: leave it out."
            )
        self._validate_schedule()
        self._validate_prune()
        self._validate_places()
        self._validate_size()
        return self

    def _validate_places(self) -> None:
        for name in ("out", "data.dir", "data.cache"):
            value = _get(self, name) or ""
            if re.search("[\0\ud800-\udfff]", value):
                raise InputError(
                    f"{name} is {shown(value)}: no path holds a null or half a"
                    " surrogate pair."
                )

    def _validate_size(self) -> None:
        kinds = 1 + self.prune.continued + sum(self.draws.values())
        networks = self.replicates * (1 + self.levels * kinds)
        if networks > MOST_NETWORKS:
            raise InputError(
                f"replicates, levels and controls make {networks:,} networks: a study"
                f" has at most {MOST_NETWORKS:,}. Ask for fewer of them."
            )
        evaluations = self.train.steps // self.train.eval_every
        if evaluations > MOST_EVALUATIONS:
            raise InputError(
                f"train.eval_every is {self.train.eval_every}: {evaluations:,}"
                f" evaluations of every network, but at most {MOST_EVALUATIONS:,} are"
                " possible. Evaluate less often."
            )

    def _validate_schedule(self) -> None:
        train = self.train
        if train.warmup > train.steps:
            raise InputError(
                f"train.warmup is {train.warmup}, longer than the training"
                f" (train.steps is {train.steps})."
            )
        if list(train.drops) != sorted(set(train.drops)):
            raise InputError(f"train.drops is {train.drops}: its steps must increase.")
        if train.drops and not 0 < train.drops[0] <= train.drops[-1] < train.steps:
            raise InputError(
                f"train.drops is {train.drops}: drops lie between step 1 and the last"
                f" one (train.steps is {train.steps})."
            )

    def _validate_prune(self) -> None:
        prune = self.prune
        named = {
            "prune.rate": prune.rate,
            "prune.output_rate": prune.output_rate,
            **{f"prune.rates[{name!r}]": rate for name, rate in prune.rates},
            **{f"prune.one_shot[{i}]": rate for i, rate in enumerate(prune.one_shot)},
        }
        for name, rate in named.items():
            if rate is not None and not 0 <= rate < 1:
                raise InputError(f"{name} is {rate}: a rate must lie in [0, 1).")
        if self.levels and not any(rate for rate in named.values()):
            raise InputError(
                "prune.rate, prune.output_rate and prune.rates are all 0: nothing would"
                " be pruned. Give one above 0, or --prune.levels 0."
            )
        others = [prune.output_rate or 0, *(rate for _, rate in prune.rates)]
        if prune.one_shot and any(others):
            raise InputError(
                "prune.one_shot prunes every layer at its rate and the output layer at"
                " half of it: prune.output_rate and prune.rates can only be 0 with it"
                " (the layer is not pruned)."
            )
        names = [name for name, _ in prune.rates]
        if prune.output_rate is not None:
            names.append("output")
        if twice := [name for name in names if names.count(name) > 1]:
            raise InputError(
                f"prune.rates gives {twice[0]!r} twice (prune.output_rate is a rate of"
                " output): keep one."
            )
        if prune.one_shot and prune.continued:
            raise InputError(
                "prune.continued carries weights from level to level, which"
                " prune.one_shot does not have: choose one."
            )
        rates = list(prune.one_shot)
        if rates and (rates != sorted(set(rates)) or not rates[-1] > 0):
            raise InputError(
                f"prune.one_shot is {prune.one_shot}: its rates must increase, and the"
                " last one must be above 0."
            )


_LARGEST = 1e38
"""About the largest float32."""
_COUNT = 2**31 - 1
"""The largest step: clocks are int32."""
_MANY = 1_000
"""Levels, replicates, draws: more are a slip of the hand."""
_BOUNDS: dict[str, tuple[float, float]] = {
    "data.validation": (1, _COUNT),
    "train.steps": (1, _COUNT),
    "train.batch_size": (1, _COUNT),
    "train.eval_every": (1, _COUNT),
    "train.weight_decay": (0, _LARGEST),
    "train.warmup": (0, _COUNT),
    "train.drop_factor": (0, _LARGEST),
    "prune.levels": (0, _MANY),
    "replicates": (1, _MANY),
    "reinits": (0, _MANY),
    "shuffles": (0, _MANY),
    "keep_signs": (0, _MANY),
    "permutes": (0, _MANY),
    "seed": (0, 2**32 - 1),  # a larger one would draw the weights of a smaller one
    "checkpoint_every": (0, _LARGEST),
    "plan.devices": (1, 1_024),
    "plan.lanes": (1, 10_000),
}


def _get(config: Any, name: str) -> Any:
    for part in name.split("."):
        config = getattr(config, part)
    return config


def to_dict(config: Config) -> dict[str, Any]:
    """Return all fields as a nested dict of JSON values."""
    return json.loads(json.dumps(dataclasses.asdict(config)))


def from_dict(stored: Any) -> Config:
    """Return the config that `to_dict` has written; younger fields have their default.

    Raises:
        InputError: it is none, or a bad one; names the field.
    """
    return build(Config, stored).validate()


def numbers(config: Any, prefix: str = "") -> dict[str, Any]:
    """Return the fields that change numbers, flat: ``{"train.steps": 50000, ...}``."""
    flat, hints = {}, get_type_hints(type(config))
    for f in dataclasses.fields(config):
        value = getattr(config, f.name)
        if not f.metadata.get("fingerprint", True):
            continue
        if dataclasses.is_dataclass(value):
            flat |= numbers(value, f"{prefix}{f.name}.")
        else:
            form = canonical(value, hints[f.name])
            flat[prefix + f.name] = json.loads(json.dumps(form))
    return flat


def fingerprint(config: "Config | Variants") -> str:
    """Return 8 hex digits that name the study, or the sweep of several.

    They begin the sha256 of the non-default fields that change numbers and of the
    schema version, so a new field with a default renames no existing run.

    Example:
        >>> fingerprint(Config()) == fingerprint(Config(out="elsewhere"))
        True
        >>> fingerprint(Config()) == fingerprint(Config(seed=1))
        False
    """
    default = numbers(Config())

    def changed(one: Config) -> dict[str, Any]:
        return {k: v for k, v in numbers(one).items() if v != default[k]}

    if isinstance(config, Config):
        named = {"fields": changed(config)}
    else:
        named = {"variants": {name: changed(one) for name, one in config.items()}}
    text = json.dumps({"schema": SCHEMA} | named, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def run_dir(config: "Config | Variants", experiment: str) -> Path:
    """Return the run directory: ``<out>/<experiment>-<fingerprint>``.

    That of a sweep holds the run directories of its variants.
    """
    one = config if isinstance(config, Config) else next(iter(config.values()))
    return Path(one.out) / f"{experiment}-{fingerprint(config)}"
