"""The configuration of a study: frozen dataclasses, checked before work starts.

Only the standard library is imported here. Fields marked ``NUMBERS_UNCHANGED`` (where
things are, how they are spread over devices) do not enter the fingerprint.
"""

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

from .checks import check
from .fields import build, canonical, hints_of

SCHEMA = 1
"""Version of the run directory; part of every fingerprint."""
NUMBERS_UNCHANGED = {"fingerprint": False}

Variants = dict[str, "Config"]


@dataclass(frozen=True, kw_only=True)
class DataConfig:
    """Which data, and where to find it."""

    name: str = "digits"
    """Data set: digits (1,797 8x8 images, embedded), mnist or cifar10 (TFDS)."""
    validation: int | None = None
    """Validation examples taken from the training set; default: the data set's own."""
    scaling: Literal["unit", "standard", "l2"] = "unit"
    """Pixels in [0, 1] (unit), every channel of the training images with mean 0 and
    standard deviation 1 (standard), or every image of Euclidean norm 1 (l2)."""
    split: Literal["shared", "per_replicate"] = "shared"
    """Whether all replicates have the same validation examples, or each its own."""
    dir: str | None = field(default=None, metadata=NUMBERS_UNCHANGED)
    """Prepared TFDS data_dir; default: $TFDS_DATA_DIR, else ~/tensorflow_datasets."""
    cache: str | None = field(default=None, metadata=NUMBERS_UNCHANGED)
    """Where decoded arrays are kept; default: $LTH_CACHE_DIR, else ~/.cache/lth_jax."""


@dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """Which network."""

    name: str = "lenet"
    """Network, in the form that the papers use: see lth list models."""
    widths: tuple[int, ...] = (300, 100)
    """Hidden widths of lenet, e.g. 300 100 for LeNet-300-100."""
    dropout: float = 0.0
    """Dropout rate after the hidden dense layers of conv2, conv4 and conv6."""
    init_std: float | None = None
    """Standard deviation of Gaussian initial weights (cut at two, as Glorot's are), the
    same in all layers; default: Glorot's, layer by layer."""


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """How every network of the study is trained."""

    steps: int = 50_000
    """Steps of every training; training always runs its full length."""
    batch_size: int = 60
    """Examples per step."""
    eval_every: int = 100
    """Steps between evaluations on the validation and test sets."""
    test_every: int | None = None
    """Steps between evaluations on the test set that take place anyhow, a multiple of
    eval_every, counted from where a network starts; others only where the validation
    loss is the least so far, and at the end. Default: the test set is evaluated
    whenever the validation set is."""
    optimizer: str = "adam"
    """Optimizer: adam, momentum or sgd."""
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
    criterion: str = "magnitude"
    """Which weights go first: those of least magnitude at the end of training, or
    before it (initial_magnitude); see lth list criteria."""
    count: Literal["exact", "original"] = "exact"
    """How many go: round(rate * n), or one more per layer as in the original code."""


@dataclass(frozen=True, kw_only=True)
class RewindConfig:
    """Where pruned networks start from; by default, their initialisation.

    A time of training is a step, or a fraction of ``train.steps`` such as 0.02.
    """

    weights: int | float | Literal["final"] = 0
    """Time whose weights and model state they take, or final: those that training
    has come to, and that were pruned."""
    clock: int | float | Literal["end"] | None = None
    """Time at which their schedule and data order stand, or end: the learning rate
    stays the last one; default: that of the weights."""
    steps: int | None = None
    """Length of their training; default: what is left after the clock."""
    moments: Literal["fresh", "restored"] = "fresh"
    """Optimizer state: a new one, or that of the time of the weights."""

    def resolved(self, length: int) -> tuple[int | Literal["final"], Any, int]:
        """Return step of the weights (or final), clock (or end) and number of steps.

        Args:
            length: of the training of the dense network, in steps.

        Example:
            >>> RewindConfig(weights=0.02).resolved(30_000)
            (600, 600, 29400)
            >>> RewindConfig(weights="final", clock=0.5).resolved(30_000)
            ('final', 15000, 15000)
        """

        def step(time: Any) -> Any:
            return round(time * length) if isinstance(time, float) else time

        weights = step(self.weights)
        default = "end" if weights == "final" else weights
        clock = default if self.clock is None else step(self.clock)
        left = 0 if clock == "end" else length - clock
        return weights, clock, left if self.steps is None else self.steps


@dataclass(frozen=True, kw_only=True)
class StabilityConfig:
    """How alike networks become that start from the same weights."""

    orders: int = 1
    """Data orders under which every ticket, and the first draw of every control, is
    trained; 2 or more: stability and copies (kind ticket_reorder, ...)."""
    points: int = 0
    """Points at which error is measured on the line between two copies; 0: nowhere."""
    batches: int = 100
    """Training batches from which batch-norm statistics are made anew at each point."""


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
    rewind: RewindConfig = RewindConfig()
    stability: StabilityConfig = StabilityConfig()
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
    resamples: int = 0
    """Random reinitialisations drawn, within every layer, from the initial weights that
    the ticket keeps (kind resample_init)."""
    noises: tuple[float, ...] = ()
    """Gaussian noise on the initial weights, in standard deviations of those of their
    layer; one network each, of kind noise_0.5, ... All add the same draw, scaled."""
    controls: tuple[tuple[str, int], ...] = ()
    """Other controls and how many draws of each: your own, and those that lth list
    controls names without a setting of their own."""
    control_draws: Literal["same", "per_level"] = "same"
    """Whether a control is the same random draw at all levels, or a new one at each."""
    control_levels: tuple[int, ...] = ()
    """Levels that have controls, and copies under other data orders; default: all."""
    seed: int = 0
    """Root of all randomness."""
    keep_final: Literal["all", "last"] = field(
        default="all", metadata=NUMBERS_UNCHANGED
    )
    """Keep the tickets' final weights of all levels or of the last one only."""
    anatomy: tuple[int, ...] = field(default=(), metadata=NUMBERS_UNCHANGED)
    """Levels whose tickets are taken apart at the end, for tables and figures of their
    weights and connections."""
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
    def n_splits(self) -> int:
        """Validation sets that are drawn: one for all replicates, or one for each."""
        return self.replicates if self.data.split == "per_replicate" else 1

    @property
    def draws(self) -> dict[str, int]:
        """Draws of every control at a level that has controls, by kind."""
        noises = dict.fromkeys(self.noise_kinds, 1)
        return self.draws_by_field | noises | dict(self.controls)

    @property
    def draws_by_field(self) -> dict[str, int]:
        """Draws of the controls that have a field of their own, by kind."""
        return {
            "random_reinit": self.reinits,
            "shuffle_mask": self.shuffles,
            "keep_sign": self.keep_signs,
            "permute_init": self.permutes,
            "resample_init": self.resamples,
        }

    @property
    def noise_kinds(self) -> dict[str, float]:
        """Standard deviation of the noise of every kind of noisy control.

        Example:
            >>> Config(noises=(0.5, 3)).noise_kinds
            {'noise_0.5': 0.5, 'noise_3': 3}
        """
        return {f"noise_{noise:g}": noise for noise in self.noises}

    def validate(self) -> "Config":
        """Return self, or raise InputError naming the first field that is wrong."""
        check(self)
        return self


def to_dict(config: Config) -> dict[str, Any]:
    """Return all fields as a nested dict of JSON values."""
    return json.loads(json.dumps(dataclasses.asdict(config)))


def from_dict(stored: Any) -> Config:
    """Return the config that `to_dict` has written; younger fields have their default.

    Raises:
        InputError: it is none, or a bad one; names the field.
    """
    return build(Config, renewed(stored)).validate()


def renewed(stored: Any) -> Any:
    """Return a stored config with ``data.scaling`` in place of the flag it once was.

    Example:
        >>> renewed({"data": {"normalize": True}})
        {'data': {'scaling': 'standard'}}
    """
    data = stored.get("data") if isinstance(stored, dict) else None
    if not isinstance(data, dict) or not isinstance(data.get("normalize"), bool):
        return stored
    rest = {name: value for name, value in data.items() if name != "normalize"}
    scaling = {"scaling": "standard" if data["normalize"] else "unit"}
    return {**stored, "data": scaling | rest}


def numbers(config: Any, prefix: str = "") -> dict[str, Any]:
    """Return the fields that change numbers, flat: ``{"train.steps": 50000, ...}``."""
    flat, hints = {}, hints_of(type(config))
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


def fingerprint(
    config: "Config | Variants", given: Mapping[str, str] = MappingProxyType({})
) -> str:
    """Return 8 hex digits that name the study, or the sweep of several.

    They begin the sha256 of the non-default fields that change numbers, of the schema
    version, and of what identifies the values that a user gives: a network, data, an
    optimizer, a criterion, controls. So a new field with a default renames no existing
    run.

    Args:
        config: one study, or several by the name of the variant.
        given: digests of values by name, see `lth_jax.study.given.identities`.

    Example:
        >>> fingerprint(Config()) == fingerprint(Config(out="elsewhere"))
        True
        >>> fingerprint(Config()) == fingerprint(Config(seed=1))
        False
    """
    default = numbers(Config())

    def changed(one: Config) -> dict[str, Any]:
        fields = {k: v for k, v in numbers(one).items() if v != default[k]}
        if fields.get("data.scaling") == "standard":  # Named as it once was, a flag.
            del fields["data.scaling"]
            fields["data.normalize"] = True
        return fields

    if isinstance(config, Config):
        named = {"fields": changed(config)}
    else:
        named = {"variants": {name: changed(one) for name, one in config.items()}}
    named |= {"given": dict(given)} if given else {}
    text = json.dumps({"schema": SCHEMA} | named, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def run_dir(
    config: "Config | Variants",
    experiment: str,
    given: Mapping[str, str] = MappingProxyType({}),
) -> Path:
    """Return the run directory: ``<out>/<experiment>-<fingerprint>``.

    That of a sweep holds the run directories of its variants.
    """
    one = config if isinstance(config, Config) else next(iter(config.values()))
    return Path(one.out) / f"{experiment}-{fingerprint(config, given)}"
