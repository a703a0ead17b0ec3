"""Whatever is given: a result, or an error that names the field; masks, trees, configs.

Damaged run directories are in test_fuzz_runs.
"""

import contextlib
import io
import json
import math
import re
import shutil
import signal
import time
import types
import typing
import warnings
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest
from helpers import FIELDS, replaced
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from lth_jax import cli, sources, tree
from lth_jax.config import (
    Config,
    DataConfig,
    ModelConfig,
    PruneConfig,
    TrainConfig,
    fingerprint,
    from_dict,
    to_dict,
)
from lth_jax.driver import devices
from lth_jax.driver.prepare import prepare
from lth_jax.errors import InputError
from lth_jax.sources import cache
from lth_jax.tickets import masks
from lth_jax.tickets.counts import level_counts
from lth_jax.types import LayerInfo

SECONDS = 10
"""In which whatever is wrong is refused."""
COMPILING = 60
"""In which what is not refused is compiled, on a busy machine."""
SECTIONS = {name.split(".")[0] for name in FIELDS}
NAMES = {*FIELDS, *SECTIONS, "levels"}
"""What a message about a config begins with."""


def examples(number: int) -> settings:
    return settings(max_examples=number, suppress_health_check=[*HealthCheck])


@contextlib.contextmanager
def in_time(seconds: float = SECONDS):
    started = time.monotonic()
    yield
    assert time.monotonic() - started < seconds


# Trees and masks.

SHAPES = [(), (0,), (3,), (1, 1), (2, 3), (0, 2), (2, 0), (2, 1, 2)]
SCORES = [-np.inf, -1.0, -0.0, 0.0, 1e-45, 0.5, 0.5, 2.0, np.inf, np.nan]


@st.composite
def leaves(draw) -> tuple[np.ndarray, np.ndarray]:
    """Draw scores and who is alive."""
    shape = draw(st.sampled_from(SHAPES))
    size = math.prod(shape)
    scores = draw(st.lists(st.sampled_from(SCORES), min_size=size, max_size=size))
    alive = draw(st.lists(st.booleans(), min_size=size, max_size=size))
    return np.array(scores, np.float32).reshape(shape), np.array(alive, bool).reshape(
        shape
    )


NESTED = st.recursive(
    leaves(),
    lambda inner: st.dictionaries(st.sampled_from("uvw"), inner, max_size=3),
    max_leaves=6,
).filter(lambda drawn: isinstance(drawn, dict))


def part(drawn: Any, i: int) -> Any:
    if isinstance(drawn, dict):
        return {name: part(inner, i) for name, inner in drawn.items()}
    return jnp.asarray(drawn[i])


@examples(25)
@given(NESTED, st.integers(0, 20), st.booleans())
def test_any_tree_is_pruned_to_the_count(drawn, n, is_global):
    scores, mask = part(drawn, 0), part(drawn, 1)
    alive = {p: np.asarray(m) for p, m in tree.flatten(mask).items()}
    prunable = [p for p, m in alive.items() if m.ndim >= 2]
    assume(prunable)
    sizes = {p: alive[p].size for p in prunable}
    counts = {p: min(n, size) for p, size in sizes.items()}
    n_keep = min(n, sum(sizes.values())) if is_global else counts
    kept = masks.prune(scores, mask, n_keep, prunable=prunable)
    left = {p: np.asarray(m) for p, m in tree.flatten(kept).items()}
    assert {p: m.shape for p, m in left.items()} == {
        p: m.shape for p, m in alive.items()
    }
    for path, m in left.items():
        assert m.dtype == bool and not (m & ~alive[path]).any()
        if path not in prunable:
            np.testing.assert_array_equal(m, alive[path])
        elif not is_global:
            assert m.sum() == min(n, alive[path].sum())
    if is_global:
        there = sum(int(alive[p].sum()) for p in prunable)
        assert sum(int(left[p].sum()) for p in prunable) == min(n, there)


@given(NESTED)
def test_any_tree_is_flattened_and_back(drawn):
    params = part(drawn, 0)
    flat = tree.flatten(params)
    back = tree.flatten(tree.unflatten(params, flat))
    assert list(back) == list(flat)
    assert all(back[path] is flat[path] for path in flat)


def test_paths_that_collide_are_refused():
    with pytest.raises(InputError, match="'a/b'"):
        tree.flatten({"a/b": 1, "a": {"b": 2}})


# Rates.

RATES = st.one_of(
    st.sampled_from([0.0, 5e-324, 1e-9, 0.2, 0.5, 1 - 2**-53]), st.floats(0, 0.999)
)
SIZES = st.lists(st.integers(1, 10**7), min_size=1, max_size=4)


@given(
    SIZES,
    st.builds(
        PruneConfig,
        rate=RATES,
        levels=st.integers(0, 30),
        scope=st.sampled_from(["layerwise", "global"]),
        count=st.sampled_from(["exact", "original"]),
        output_rate=st.none() | RATES,
        one_shot=st.lists(RATES, max_size=4).map(lambda r: tuple(sorted(set(r)))),
    ),
)
def test_counts_fall_and_never_reach_zero(sizes, prune):
    layers = {f"{i}/kernel": LayerInfo("dense", (n, 1)) for i, n in enumerate(sizes)}
    layers["last"] = LayerInfo("output", (7, 1))
    try:
        Config(prune=prune).validate()
        counts = level_counts(layers, prune)
    except InputError as error:
        assert str(error).startswith("prune.")
        return
    totals = [n if isinstance(n, int) else sum(n.values()) for n in counts]
    assert totals[0] == sum(sizes) + 7
    assert totals == sorted(totals, reverse=True) and totals[-1] >= 1
    assert all(
        n >= 1 for level in counts if isinstance(level, dict) for n in level.values()
    )


# Configs.


class Odd:
    """A value that cannot even be shown."""

    def __repr__(self) -> str:
        raise RuntimeError("no")

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("no")

    __hash__ = None


HUGE = [2**31, 2**32, 2**63, 2**64, 10**30, 10**400, 10**5000]
JUNK = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from([*HUGE, *(-n for n in HUGE)]),
    st.floats(),
    st.text(max_size=9),
    st.binary(max_size=3),
    st.sampled_from(
        [Odd(), int, object(), 1j, "\0", "\udc80", "x" * 5000, TrainConfig()]
    ),
    st.sampled_from(
        [np.float32(0.5), np.int64(3), np.bool_(True), np.ones(2), jnp.ones(())]
    ),
    st.recursive(
        st.integers() | st.floats() | st.text(max_size=3) | st.none(),
        lambda inner: st.one_of(
            st.lists(inner, max_size=3),
            st.lists(inner, max_size=3).map(tuple),
            st.dictionaries(st.text(max_size=3), inner, max_size=2),
            st.tuples(st.sampled_from(["dense", "conv", "output"]), inner).map(
                lambda pair: (pair,)
            ),
        ),
        max_leaves=4,
    ),
)


def is_of(hint: Any, value: Any) -> bool:
    """Tell whether a value is of a type, by words other than the library's."""
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin in (types.UnionType, typing.Union):
        return any(is_of(part, value) for part in inner)
    if origin is typing.Literal:
        return type(value) is str and value in inner
    if hint == tuple[int, ...]:
        return type(value) is tuple and all(type(v) is int for v in value)
    if hint == tuple[float, ...]:
        return type(value) is tuple and all(type(v) in (int, float) for v in value)
    if hint == tuple[tuple[str, float], ...]:
        return type(value) is tuple and all(
            type(v) is tuple
            and [type(part) for part in v] in ([str, float], [str, int])
            for v in value
        )
    if hint == tuple[tuple[str, int], ...]:
        return type(value) is tuple and all(
            type(v) is tuple and [type(part) for part in v] == [str, int] for v in value
        )
    accepted = {float: (int, float)}.get(hint, (hint,))
    return type(value) in accepted


def near(hint: Any) -> Any:
    """Return values of a field's type, most of them small."""
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin in (types.UnionType, typing.Union):
        return st.one_of(*(near(part) for part in inner))
    if origin is typing.Literal:
        return st.sampled_from(inner)
    if origin is tuple and inner[-1] is ...:
        return st.lists(near(inner[0]), max_size=3).map(tuple)
    if origin is tuple:
        return st.tuples(*(near(part) for part in inner))
    return {
        int: st.integers(-3, 12),
        float: st.one_of(st.floats(), st.floats(0, 1), st.integers(-1, 2)),
        bool: st.booleans(),
        str: st.sampled_from(["dense", "output", "conv", "Dense_0/kernel", "", "\0"]),
        type(None): st.none(),
    }[hint]


@st.composite
def odd_configs(draw) -> tuple[Config, bool]:
    """Draw a small config with odd values in a few fields; whether a type is wrong."""
    config = Config(
        model=ModelConfig(widths=(3,)), prune=PruneConfig(levels=2), replicates=2
    )
    wrong = False
    for name in draw(st.sets(st.sampled_from(sorted(FIELDS)), min_size=1, max_size=4)):
        hint = FIELDS[name][0]
        value = draw(JUNK if draw(st.booleans()) else near(hint))
        config, wrong = replaced(config, name, value), wrong or not is_of(hint, value)
    return config, wrong


def first_name(error: Exception) -> str:
    """Return the field at the beginning of a message."""
    return str(error).split(" ")[0].split("[")[0].rstrip(",:")


def check_config(config: Config, wrong: bool, is_prepared: bool = True) -> bool:
    """Check all that must hold of any config; tell whether it was refused."""
    with in_time():
        try:
            config.validate()
        except InputError as error:
            assert first_name(error) in NAMES, str(error)
            return True
        assert not wrong
        again = from_dict(json.loads(json.dumps(to_dict(config))))
        assert fingerprint(again) == fingerprint(config)
    return is_prepared and not check_prepare(config)


def check_prepare(config: Config) -> bool:
    """Check that a config is prepared, or refused by name; tell which."""
    started = time.monotonic()
    try:
        with in_time(COMPILING):
            prepare(config)
    except InputError as error:
        assert time.monotonic() - started < SECONDS
        named = first_name(error) in NAMES or config.data.name in str(error)
        assert named or "--data.validation" in str(error), str(error)
        return False
    return True


@pytest.fixture(autouse=True)
def _no_data(monkeypatch, tmp_path):
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "no tfds"))


@examples(80)
@given(odd_configs())
def test_odd_configs(drawn):
    check_config(*drawn, is_prepared=False)


@pytest.mark.long
def test_thousands_of_odd_configs():
    number = refused = 0

    @examples(3_000)
    @given(odd_configs())
    def run(drawn):
        nonlocal number, refused
        number += 1
        refused += check_config(*drawn, is_prepared=number % 5 == 0)

    run()
    print(f"{refused} malformed configs were refused")
    assert refused >= 2_000


@pytest.mark.parametrize("section", sorted(SECTIONS - FIELDS.keys()))
@pytest.mark.parametrize("value", [None, {}, "adam", Config(), Config])
def test_a_section_of_another_type_is_refused(section, value):
    with pytest.raises(InputError, match=f"^{section} is "):
        Config(**{section: value}).validate()


@given(st.lists(st.sampled_from([0, 0.0, -0.0, 0.25, 0.5]), min_size=1, max_size=3))
def test_equal_numbers_have_one_fingerprint(rates):
    assume(any(rates))
    plain = tuple(float(rate) + 0.0 for rate in rates)
    named = tuple((f"{i}", rate) for i, rate in enumerate(rates))
    for one, other in [
        (PruneConfig(one_shot=tuple(rates)), PruneConfig(one_shot=plain)),
        (
            PruneConfig(rates=named),
            PruneConfig(rates=tuple(zip("012", plain, strict=False))),
        ),
        (PruneConfig(output_rate=rates[0]), PruneConfig(output_rate=plain[0])),
    ]:
        assert fingerprint(Config(prune=one)) == fingerprint(Config(prune=other))


def test_seeds_that_would_draw_the_same_weights_are_refused():
    with pytest.raises(InputError, match=r"^seed is 4294967296:"):
        Config(seed=2**32).validate()


# Command lines.

EXPERIMENT = """
from lth_jax import Config, ModelConfig, PruneConfig, TrainConfig

def config():
    return Config(
        model=ModelConfig(widths=(3,)),
        train=TrainConfig(steps=4, eval_every=2),
        prune=PruneConfig(levels=1, rate=0.4),
        replicates=1,
        progress=False,
    )
"""
GOOD = {
    "train.steps": ["5"],
    "train.learning_rate": ["0.1"],
    "prune.rates": ["dense", "0.3"],
    "model.widths": ["4", "5"],
    "seed": ["3"],
    "data.scaling": ["l2"],
    "train.drops": ["1", "2"],
    "noises": ["0.5", "2"],
    "resamples": ["2"],
    "model.init_std": ["0.1"],
    "prune.criterion": ["initial_magnitude"],
    "anatomy": ["0", "1"],
}
WORDS = ["", "x", "-1", "5.5", "1e400", "nan", "None", "0x1", "9" * 30, "9" * 5000]
WORDS += ["True", "-", "--", "\u0663", "\u00e9", "a b", "../..", "{}", "\0", "\udc80"]
TYPED = [n for n, (h, _) in FIELDS.items() if h is not bool and not is_of(h, "x")]
MISSPELT = [["--trian.steps", "5"], ["--seeed", "1"], ["-z"], ["--out"]]


@st.composite
def bad_command_lines(draw) -> tuple[list[str], str]:
    """Draw options of lth run, one of them bad, and what the message must name."""
    good = draw(st.sets(st.sampled_from(sorted(GOOD)), max_size=3))
    name, word = draw(st.sampled_from(TYPED)), draw(st.sampled_from(WORDS))
    # Words after "--" belong to no flag.
    assume(name not in good and word != "--" and not is_fine(name, word))
    bad, named = [f"--{name.replace('_', '-')}", word], name
    if draw(st.integers(0, 9)) == 0:
        bad = draw(st.sampled_from(MISSPELT))
        named = bad[0]
    elif draw(st.booleans()):
        bad = [f"{bad[0]}={word}"]
    options = [[f"--{name.replace('_', '-')}", *GOOD[name]] for name in sorted(good)]
    options.insert(draw(st.integers(0, len(options))), bad)
    return [word for option in options for word in option], named


def is_fine(name: str, word: str) -> bool:
    """Tell whether a word could be a good value of a field."""
    hint = FIELDS[name][0]
    if word == "None":
        return is_of(hint, None)
    for kind in (int, float, {"True": True}.__getitem__):
        with contextlib.suppress(ValueError, OverflowError, KeyError):
            value = kind(word)
            replaced(Config(), name, value).validate()
            return True
        with contextlib.suppress(ValueError, OverflowError, KeyError):
            replaced(Config(), name, (kind(word),)).validate()
            return True
    return False


@pytest.fixture(scope="module")
def tiny(tmp_path_factory) -> typing.Iterator[str]:
    folder = tmp_path_factory.mktemp("experiment")
    (folder / "tiny.py").write_text(EXPERIMENT)
    handler = signal.getsignal(signal.SIGTERM)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(devices, "use_host_devices", lambda n: None)
        patch.chdir(folder)
        yield str(folder / "tiny.py")
    signal.signal(signal.SIGTERM, handler)


def lth(*words: str) -> tuple[int, str, str]:
    """Run a command: exit code, stdout, stderr."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), in_time():
        try:
            code = cli.main([*words])
        except SystemExit as end:
            code = end.code
    assert "Traceback" not in err.getvalue()
    return code, out.getvalue(), err.getvalue()


def check_refused(tiny: str, options: list[str], named: str) -> None:
    out = Path(tiny).with_name("out")
    code, printed, err = lth("run", tiny, *options, "--out", str(out))
    plain = " ".join(err.replace("│", " ").split()).replace("-", "_")
    assert (code, printed) == (2, ""), options
    odd = {"\0", "\udc80"} & set("".join(options))
    assert named.replace("-", "_") in plain or odd, (options, err)
    assert not out.exists()


@examples(25)
@given(bad_command_lines())
def test_bad_command_lines(tiny, drawn):
    check_refused(tiny, *drawn)


@pytest.mark.long
@examples(600)
@given(bad_command_lines())
def test_hundreds_of_bad_command_lines(tiny, drawn):
    check_refused(tiny, *drawn)


PLACES = [
    "",
    ".",
    "/",
    "/dev/null",
    "/dev/zero",
    "nowhere",
    "/etc/hosts",
    "x" * 300,
    "\0",
]
PLACES += ["~nobody-at-all/x", "\udcff", "a/" * 3000, "/proc/self/mem", "-", "--", "\n"]
COMMANDS = [
    "run {}",
    "show {}",
    "show {} --json",
    "report {}",
    "claims {}",
    "data prepare {}",
    "run tiny.py --out {} --quick",
    "run tiny.py --dry-run --data.cache {} --seed=-1",
    "run lenet_mnist --data.dir {}",
    "run lenet_mnist --data.cache {}",
]


@pytest.mark.parametrize("place", PLACES, ids=repr)
@pytest.mark.parametrize("command", COMMANDS)
def test_any_place(tiny, place, command):
    words = [place if word == "{}" else word for word in command.split()]
    code, out, err = lth(*words)
    assert code in (1, 2) and out == "" and err


# Data of others.


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "3", "[" * 9999, '{"fileFormat": "array_record"}', "\xff"]
)
def test_any_dataset_info(tmp_path, text):
    info = tmp_path / "mnist" / "3.0.1" / "dataset_info.json"
    info.parent.mkdir(parents=True)
    info.write_text(text, encoding="latin-1")
    with pytest.raises(InputError, match=re.escape(str(info.parent))):
        sources.load(DataConfig(name="mnist", dir=str(tmp_path)), seed=0)


def test_any_cache_entry(tmp_path):
    arrays = {f"x_{s}": np.ones((3, 2, 2, 1), np.uint8) for s in ("train", "test")}
    arrays |= {f"y_{s}": np.arange(3, dtype=np.int32) for s in ("train", "test")}
    cache.write(tmp_path / "whole", cache.Decoded(arrays))

    @examples(60)
    @given(
        st.sampled_from([*cache.NAMES, "manifest"]),
        st.one_of(
            st.binary(max_size=9),
            st.sampled_from([b"[]", b"3", b'{"note": 3}', b"[" * 9999, b"PK\x03\x04"]),
            st.integers(0, 200).map(lambda at: lambda content: content[:at]),
            st.sampled_from([*range(0, 120, 9), *range(126, 140)]).map(
                lambda at: lambda content: content[:at] + b"~" + content[at + 1 :]
            ),
        ),
    )
    def run(name, harm):
        (path,) = (tmp_path / "whole").glob(f"{name}.*")
        harmed = harm(path.read_bytes()) if callable(harm) else harm
        assume(harmed != path.read_bytes())
        entry = shutil.copytree(tmp_path / "whole", tmp_path / "entry")
        (entry / path.name).write_bytes(harmed)
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            decoded = cache.read(entry)
        shutil.rmtree(entry)
        if decoded is None:
            assert str(entry) in str(said[0].message)
        for key, array in (decoded.arrays if decoded else {}).items():
            np.testing.assert_array_equal(array, arrays[key])

    run()
