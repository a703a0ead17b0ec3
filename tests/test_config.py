"""The configuration: bad fields are named; what the fingerprint covers."""

import hashlib
import json
import types
import typing
from typing import Any

import pytest
from helpers import FIELDS, replaced

from lth_jax.config import (
    SCHEMA,
    Config,
    DataConfig,
    ModelConfig,
    PruneConfig,
    RewindConfig,
    StabilityConfig,
    TrainConfig,
    fingerprint,
    from_dict,
    numbers,
    run_dir,
    to_dict,
)
from lth_jax.config.fields import shown
from lth_jax.driver.prepare import prepare
from lth_jax.errors import InputError
from lth_jax.study.networks import plan_study

NAN, INF = float("nan"), float("inf")


def value_of(config: Any, name: str) -> Any:
    for part in name.split("."):
        config = getattr(config, part)
    return config


def other_value(hint: Any, value: Any) -> Any:
    """Return another value of a type."""
    if typing.get_origin(hint) is typing.Literal:
        return next((v for v in typing.get_args(hint) if v != value), "another")
    if typing.get_origin(hint) in (types.UnionType, typing.Union):
        inner = next(t for t in typing.get_args(hint) if t is not type(None))
        return other_value(inner, value)
    if typing.get_origin(hint) is tuple:
        first, *rest = typing.get_args(hint)
        if rest == [...]:
            return (*value, other_value(first, None))
        return tuple(other_value(part, None) for part in (first, *rest))
    if hint is bool:
        return not value
    return {
        int: lambda: (value or 0) + 1,
        float: lambda: (value or 0.0) + 0.125,
        str: lambda: (value or "") + "x",
    }[hint]()


UNCHANGED = {name for name, (_, unchanged) in FIELDS.items() if unchanged}


# Fingerprint


def test_what_does_not_change_numbers():
    """Where things are and how they are spread: nothing else may join this set."""
    places = {"data.dir", "data.cache", "keep_final", "out", "progress"}
    places |= {"checkpoint_every", "anatomy"}
    plan = {"plan.devices", "plan.lanes", "plan.convolution"}
    assert UNCHANGED == places | plan


@pytest.mark.parametrize("name", FIELDS)
def test_the_fingerprint_covers_exactly_what_changes_numbers(name):
    hint, unchanged = FIELDS[name]
    default = Config()
    changed = replaced(default, name, other_value(hint, value_of(default, name)))
    assert changed != default
    assert (fingerprint(changed) == fingerprint(default)) == unchanged
    assert (name in numbers(default)) == (not unchanged)


CHANGED = Config(
    seed=3,
    data=DataConfig(name="mnist", dir="elsewhere"),
    model=ModelConfig(widths=(20, 10)),
    train=TrainConfig(steps=1000, learning_rate=0.1, optimizer="momentum"),
    prune=PruneConfig(rates=(("Dense_0/kernel", 0.5),), scope="layerwise"),
)
CHANGED_FIELDS = {
    "data.name": "mnist",
    "model.widths": [20, 10],
    "prune.rates": [["Dense_0/kernel", 0.5]],
    "seed": 3,
    "train.learning_rate": 0.1,
    "train.optimizer": "momentum",
    "train.steps": 1000,
}


@pytest.mark.parametrize(
    ("config", "changed", "golden"),
    [(Config(), {}, "f88cbf96"), (CHANGED, CHANGED_FIELDS, "25f49cc7")],
    ids=["default", "changed"],
)
def test_golden_fingerprints(config, changed, golden):
    """Stored runs are named by these: another value orphans them."""
    text = json.dumps({"fields": changed, "schema": SCHEMA})
    assert fingerprint(config) == hashlib.sha256(text.encode()).hexdigest()[:8]
    assert fingerprint(config) == golden


def test_scaling_keeps_the_names_of_runs_that_knew_it_as_a_flag():
    standard = Config(data=DataConfig(name="cifar10", scaling="standard"))
    assert fingerprint(standard) == "65a97bc4"
    stored = to_dict(standard)
    stored["data"] = {"name": "cifar10", "normalize": True}
    assert from_dict(stored) == standard
    stored["data"]["normalize"] = False
    assert from_dict(stored) == Config(data=DataConfig(name="cifar10"))
    assert stored["data"] == {"name": "cifar10", "normalize": False}
    stored["data"]["normalize"] = 1
    with pytest.raises(InputError, match=r"data\.normalize"):
        from_dict(stored)


def test_a_field_set_to_its_default_is_not_a_change():
    explicit = Config(train=TrainConfig(steps=TrainConfig().steps), seed=0)
    assert fingerprint(explicit) == fingerprint(Config())


def test_run_dir():
    config = Config(out="somewhere", seed=1)
    assert str(run_dir(config, "digits")) == f"somewhere/digits-{fingerprint(config)}"


def test_to_dict_is_json_of_all_fields():
    flat = to_dict(CHANGED)
    assert json.loads(json.dumps(flat)) == flat
    for name in FIELDS:
        value = flat
        for part in name.split("."):
            value = value[part]
        assert value == json.loads(json.dumps(value_of(CHANGED, name)))


# Validation


def test_good_configs_pass():
    good = [
        Config(),
        CHANGED,
        Config(prune=PruneConfig(levels=0, rate=0.0)),
        Config(prune=PruneConfig(one_shot=(0.5, 0.9))),
        Config(prune=PruneConfig(rate=0.0, output_rate=0.1)),
        Config(prune=PruneConfig(rate=0.0, rates=(("dense", 0.1),))),
        Config(train=TrainConfig(steps=1, eval_every=1, batch_size=1, momentum=0.0)),
        Config(model=ModelConfig(widths=()), replicates=1),
    ]
    for config in good:
        assert config.validate() is config


BAD = [
    ("data.validation", 0),
    ("model.widths", (300, 0)),
    ("model.widths", (-1,)),
    ("model.dropout", 1.0),
    ("model.dropout", -0.1),
    ("model.dropout", NAN),
    ("model.init_std", 0.0),
    ("model.init_std", -0.1),
    ("model.init_std", NAN),
    ("model.init_std", INF),
    ("resamples", -1),
    ("noises", (0.0,)),
    ("noises", (-1.0,)),
    ("noises", (NAN,)),
    ("noises", (INF,)),
    ("noises", (2.0, 1.0)),
    ("noises", (0.5, 0.5)),
    ("noises", (1.0, 1.0000001)),
    ("anatomy", (-1,)),
    ("anatomy", (21,)),
    ("anatomy", (3, 3)),
    ("anatomy", (4, 3)),
    ("train.steps", 0),
    ("train.steps", -5),
    ("train.batch_size", 0),
    ("train.eval_every", 0),
    ("train.test_every", 0),
    ("train.test_every", 150),
    ("train.learning_rate", 0.0),
    ("train.learning_rate", -0.1),
    ("train.learning_rate", NAN),
    ("train.learning_rate", INF),
    ("train.warmup", -1),
    ("train.warmup", 50_001),
    ("train.drops", (0,)),
    ("train.drops", (50_000,)),
    ("train.drops", (5, 3)),
    ("train.drops", (5, 5)),
    ("train.drop_factor", -0.1),
    ("train.drop_factor", NAN),
    ("train.momentum", 1.0),
    ("train.momentum", -0.1),
    ("train.momentum", NAN),
    ("train.weight_decay", -1e-4),
    ("train.weight_decay", NAN),
    ("train.clip_norm", 0.0),
    ("train.clip_norm", -1.0),
    ("train.clip_norm", INF),
    ("prune.levels", -1),
    ("prune.rate", 1.0),
    ("prune.rate", -0.2),
    ("prune.rate", 20.0),
    ("prune.rate", NAN),
    ("prune.rate", 0.0),
    ("prune.output_rate", 1.0),
    ("prune.output_rate", -0.1),
    ("prune.rates", (("conv", 1.5),)),
    ("prune.rates", (("conv", 0.1), ("dense", NAN))),
    ("prune.one_shot", (0.5, 1.0)),
    ("prune.one_shot", (0.0,)),
    ("prune.scope", "globl"),
    ("prune.count", "orginal"),
    ("train.weight_decay", float("inf")),
    ("prune.one_shot", (0.5, 0.2)),
    ("prune.one_shot", (0.5, 0.5)),
    ("rewind.weights", -1),
    ("rewind.weights", 50_001),
    ("rewind.weights", 50_000),
    ("rewind.weights", 1.0),
    ("rewind.weights", NAN),
    ("rewind.weights", "fnal"),
    ("rewind.weights", "final"),
    ("rewind.clock", -1),
    ("rewind.clock", 50_001),
    ("rewind.clock", -0.5),
    ("rewind.clock", "ende"),
    ("rewind.clock", "end"),
    ("rewind.steps", 0),
    ("rewind.steps", 50_001),
    ("stability.orders", 0),
    ("stability.points", -1),
    ("stability.points", 1),
    ("stability.points", 30),
    ("stability.batches", 0),
    ("control_levels", (0,)),
    ("control_levels", (21,)),
    ("control_levels", (3, 3)),
    ("control_levels", (3, 2)),
    ("replicates", 0),
    ("reinits", -1),
    ("shuffles", -1),
    ("keep_signs", -1),
    ("permutes", -1),
    ("seed", -1),
    ("plan.devices", 0),
    ("plan.lanes", 0),
    ("checkpoint_every", -1.0),
    # Of another type.
    ("train.steps", "5"),
    ("train.steps", 5.0),
    ("train.steps", True),
    ("train.steps", None),
    ("train.learning_rate", True),
    ("train.learning_rate", "0.1"),
    ("train.clip_norm", "1"),
    ("train.augment", 1),
    ("train.drops", [5]),
    ("train.drops", (5.0,)),
    ("train.optimizer", None),
    ("train.optimizer", ["adam"]),
    ("model.widths", [300, 100]),
    ("prune.rates", {"conv": 0.1}),
    ("prune.rates", (("conv",),)),
    ("prune.rates", ("conv", 0.1)),
    ("prune.one_shot", 0.5),
    ("plan.convolution", 3),
    ("out", None),
    ("out", b"runs"),
    # Larger than can be.
    ("train.steps", 2**31),
    ("train.steps", 10**5000),
    ("train.learning_rate", 1e39),
    ("train.learning_rate", 10**400),
    ("train.weight_decay", 1e39),
    ("train.eval_every", 2**31),
    ("prune.levels", 1_001),
    ("replicates", 1_001),
    ("seed", 2**32),
    ("plan.devices", 5_000),
    ("plan.lanes", 10_001),
    # No paths.
    ("out", "a\0b"),
    ("data.dir", "\udc80"),
    ("data.cache", "\0"),
]


@pytest.mark.parametrize(("name", "value"), BAD, ids=shown)
def test_bad_values_are_refused_by_name(name, value):
    with pytest.raises(InputError) as caught:
        replaced(Config(), name, value).validate()
    assert str(caught.value).startswith(name)


def test_studies_without_end_are_refused():
    prune = PruneConfig(levels=1_000, rate=0.001)
    with pytest.raises(InputError, match=r"^replicates.* make 1,001,000 networks"):
        Config(prune=prune, replicates=1_000).validate()
    with pytest.raises(InputError, match=r"^train\.eval_every is 1: 2,000,000 eval"):
        Config(train=TrainConfig(steps=2_000_000, eval_every=1)).validate()


def test_weights_larger_than_the_memory_are_refused():
    with pytest.raises(InputError, match=r"model\.widths \(1000000,.* GB"):
        prepare(Config(model=ModelConfig(widths=(10**6, 10**6))))


def test_a_stored_config_is_read_back():
    assert from_dict(to_dict(CHANGED)) == CHANGED
    assert from_dict({"seed": 3}) == Config(seed=3)
    with pytest.raises(InputError, match=r"^train\.stps is no field; did you mean"):
        from_dict({"train": {"stps": 3}})
    with pytest.raises(InputError, match=r"^train is 3: it must be an object"):
        from_dict({"train": 3})


def test_the_bad_entry_is_named():
    rates = (("conv", 0.1), ("Dense_0/kernel", 1.5))
    with pytest.raises(InputError, match=r"^prune\.rates\['Dense_0/kernel'\] is 1.5:"):
        Config(prune=PruneConfig(rates=rates)).validate()
    with pytest.raises(InputError, match=r"^prune\.one_shot\[1\] is 1.0:"):
        Config(prune=PruneConfig(one_shot=(0.5, 1.0))).validate()


@pytest.mark.parametrize("extra", [{"output_rate": 0.1}, {"rates": (("conv", 0.1),)}])
def test_one_shot_has_no_other_rates(extra):
    with pytest.raises(InputError, match=r"^prune\.one_shot"):
        Config(prune=PruneConfig(one_shot=(0.5,), **extra)).validate()


def test_copies_need_a_level():
    stability, prune = StabilityConfig(orders=2), PruneConfig(levels=0)
    with pytest.raises(InputError, match=r"^stability\.orders is 2, but .* rate 0"):
        Config(stability=stability, prune=prune).validate()
    again = PruneConfig(levels=1, rate=0.0)
    assert Config(stability=stability, prune=again).validate()


def test_continued_chains_start_at_the_initialisation():
    prune = PruneConfig(continued=True)
    with pytest.raises(InputError, match=r"^prune\.continued .* leave out rewind"):
        Config(rewind=RewindConfig(weights=5), prune=prune).validate()


def test_every_number_has_a_bad_value():
    """A new numeric field needs its row in BAD, or a reason to be here."""
    numeric = {name for name, (h, _) in FIELDS.items() if {int, float} & set(kinds(h))}
    assert numeric - {name for name, _ in BAD} == set()


def kinds(hint: Any) -> tuple[Any, ...]:
    return typing.get_args(hint) if typing.get_args(hint) else (hint,)


# Evaluations


@pytest.mark.parametrize(
    ("steps", "every", "expected"),
    [
        (10, 5, (0, 5, 10)),
        (11, 5, (0, 5, 10, 11)),
        (3, 5, (0, 3)),
        (5, 5, (0, 5)),
        (2, 1, (0, 1, 2)),
    ],
)
def test_evaluations_begin_at_0_and_end_at_the_last_step(steps, every, expected):
    config = Config(train=TrainConfig(steps=steps, eval_every=every))
    assert plan_study(config)[0].evaluations == expected


def test_whole_numbers_are_as_good_as_fractions():
    ones = [Config(train=TrainConfig(learning_rate=rate)) for rate in (1, 1.0)]
    assert fingerprint(ones[0]) == fingerprint(ones[1])
    assert numbers(ones[0]) == numbers(ones[1])


def test_misspelt_choice_is_corrected():
    with pytest.raises(InputError, match="did you mean 'layerwise'"):
        Config(prune=PruneConfig(scope="layerwide")).validate()
