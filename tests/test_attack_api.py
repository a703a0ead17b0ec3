"""What strangers hand over in Python is tried before training, and refused in words."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from helpers import CLASSES, FEATURES, splits

import lth_jax as lth
from lth_jax import Config, Criterion, InputError, Model, PruneConfig, TrainConfig
from lth_jax.cli.experiment import load_experiment
from lth_jax.driver.interrupts import Terminated
from lth_jax.tickets import masks
from lth_jax.training.loop import check_fits

TRAIN = TrainConfig(steps=1, batch_size=4)
CONFIG = Config(train=TRAIN, prune=PruneConfig(levels=1), replicates=1)


def network(apply=None, dtype=jnp.float32, state=None) -> Model:
    """Return a matrix with a state, whose ``apply`` can be another one."""

    def init(key):
        weights = jax.random.normal(key, (FEATURES, CLASSES)).astype(dtype)
        return {"w": weights}, {"mean": jnp.zeros(3)} if state is None else state

    def linear(params, state, x, train, key):
        return (x @ params["w"]).real.astype(jnp.float32), state

    return lth.from_functions(init, apply or linear, output="w")


def check(model: Model) -> None:
    data = splits()
    check_fits(model, TRAIN, data.train, data.n_classes)


# Networks.


@dataclasses.dataclass
class Boxed:
    """A container that has the same leaves as a dict."""

    mean: jax.Array


jax.tree_util.register_dataclass(Boxed, ["mean"], [])


def boxed(state):
    return Boxed(state["mean"])


STATES = {
    "another leaf": (lambda state: {"average": state["mean"]}, r"'mean'|'average'"),
    "one more leaf": (lambda state: {**state, "n": jnp.zeros(())}, "'n'"),
    "none": (lambda state: None, "'mean'"),
    "another shape": (lambda state: {"mean": jnp.zeros(2)}, r"'mean'.*\(2,\).*\(3,\)"),
    "another dtype": (
        lambda state: {"mean": state["mean"].astype(jnp.float16)},
        "'mean'.*float16.*float32",
    ),
    "other containers": (boxed, "containers"),
}


@pytest.mark.parametrize("case", STATES)
def test_a_state_that_changes_is_refused(case):
    change, words = STATES[case]

    def apply(params, state, x, train, key):
        return x @ params["w"], change(state) if train else state

    with pytest.raises(InputError, match=f"(?s)state.*{words}"):
        check(network(apply))


def test_a_state_of_the_same_kind_is_taken():
    def apply(params, state, x, train, key):
        return x @ params["w"], {"mean": state["mean"] + x.mean(0)[:3]}

    check(network(apply))


def test_what_training_alone_raises_is_said():
    def apply(params, state, x, train, key):
        if train:
            raise RuntimeError("no such mode")
        return x @ params["w"], state

    with pytest.raises(InputError, match=r"train=True.*no such mode"):
        check(network(apply))


def test_logits_of_training_are_checked_too():
    def apply(params, state, x, train, key):
        logits = x @ params["w"]
        return logits[:, :1] if train else logits, state

    with pytest.raises(InputError, match="labels name"):
        check(network(apply))


@pytest.mark.parametrize("dtype", [jnp.int32, jnp.complex64, bool])
def test_params_that_are_no_floats_are_refused(dtype):
    name = jnp.dtype(dtype).name
    with pytest.raises(InputError, match=rf"params.*'w'.*{name}.*floats"):
        check(network(dtype=dtype))


@pytest.mark.parametrize("dtype", [jnp.int32, jnp.complex64])
def test_logits_that_are_no_floats_are_refused(dtype):
    def apply(params, state, x, train, key):
        return (x @ params["w"]).astype(dtype), state

    with pytest.raises(InputError, match=f"logits.*{jnp.dtype(dtype).name}"):
        check(network(apply))


@pytest.mark.parametrize("dtype", [jnp.float16, jnp.bfloat16])
def test_other_floats_are_taken(dtype):
    check(network(dtype=dtype))


def test_both_doors_check_first(tmp_path):
    bad = network(lambda p, s, x, train, key: (x @ p["w"], {}))
    with pytest.raises(InputError, match="state"):
        next(lth.find_ticket(bad, splits(), CONFIG))
    with pytest.raises(InputError, match="state"):
        lth.run(CONFIG, model=bad, splits=splits(), out=tmp_path / "runs")
    assert not (tmp_path / "runs").exists()


# Callables without a hash: what is compiled is found by them.


@dataclasses.dataclass
class Unhashable:
    """A function with fields: a dataclass that is not frozen has no hash."""

    f: Callable[..., Any]

    def __call__(self, *args):
        return self.f(*args)


def applied(params, state, x, train, key):
    return x @ params["w"], state


def model() -> Model:
    return network(applied)


def own_init(key):
    return model().init(key)


SGD = optax.sgd(0.1)
UNHASHABLE = {
    "model.apply": lambda: (network(Unhashable(applied)), {}),
    "model.init": lambda: (model()._replace(init=Unhashable(own_init)), {}),
    "model.layers": lambda: (
        model()._replace(
            layers={"w": model().layers["w"]._replace(shape=[FEATURES, CLASSES])}
        ),
        {},
    ),
    "criterion": lambda: (model(), {"criterion": Unhashable(lambda e: e.params)}),
    "criterion (one)": lambda: (
        model(),
        {"criterion": Criterion(Unhashable(lambda e: e.params))},
    ),
    "controls['mine']": lambda: (
        model(),
        {"controls": {"mine": Unhashable(lambda key, ticket: ticket)}},
    ),
    "optimizer": lambda: (
        model(),
        {
            "optimizer": optax.GradientTransformation(
                SGD.init, Unhashable(lambda *args: SGD.update(*args))
            )
        },
    ),
    "after_step": lambda: (
        model(),
        {"after_step": Unhashable(lambda state, *_: state)},
    ),
}


@pytest.mark.parametrize("case", UNHASHABLE)
def test_callables_without_a_hash_are_refused_in_words(case, tmp_path):
    made, values = UNHASHABLE[case]()
    name = case.partition(" (")[0].replace("[", r"\[").replace("]", r"\]")
    with pytest.raises(InputError, match=rf"^{name} .*no hash.*lambda"):
        next(lth.find_ticket(made, splits(), CONFIG, **values))
    with pytest.raises(InputError, match=rf"^{name} .*no hash"):
        place = tmp_path / "runs"
        lth.run(CONFIG, model=made, splits=splits(), out=place, **values)
    assert not (tmp_path / "runs").exists()


# Masks and scores.

W = np.ones((3, 2), np.float32)
ALIVE = np.ones((3, 2), bool)
UNLIKE = {
    "scores of another shape": (W, np.ones((2, 3), bool), 2, "'layer/w'.*shape|differ"),
    "an int mask": (W, np.ones((3, 2), int), 2, "'layer/w' of int"),
    "a float mask": (W, W, 2, "'layer/w' of float32"),
    "complex scores": (W.astype(complex), ALIVE, 2, "'layer/w' of complex"),
    "bool scores": (ALIVE, ALIVE, 2, "'layer/w' of bool"),
    "too many": (W, ALIVE, 2**40, "n_keep is 1099511627776.*from 0 to 6"),
    "far too many": (W, ALIVE, 2**70, "n_keep.*from 0 to 6"),
    "far too few": (W, ALIVE, -(2**70), "n_keep.*from 0 to 6"),
    "too many of a layer": (
        W,
        ALIVE,
        {"layer/w": 2**40},
        r"n_keep\['layer/w'\].* to 6",
    ),
}


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("case", UNLIKE)
def test_scores_and_masks_that_are_unlike_are_refused(case, compiled):
    scores, mask, n_keep, words = UNLIKE[case]

    def prune(scores, mask):
        return lth.prune({"layer": {"w": scores}}, {"layer": {"w": mask}}, n_keep)

    with pytest.raises(InputError, match=words):
        (jax.jit(prune) if compiled else prune)(scores, mask)


@pytest.mark.parametrize(
    ("mask", "words"),
    [
        ({"w": np.ones((2, 3), bool)}, r"'w'.*\(2, 3\).*\(3, 2\)"),
        ({"w": np.ones((3, 1), bool)}, r"'w'.*\(3, 1\).*\(3, 2\)"),
        ({"w": np.ones((3, 2), int)}, "'w' of int"),
        ({"w": 2 * W}, "'w' of float32"),
        ({"v": ALIVE}, "'[vw]'"),
        ({"w": ALIVE, "b": ALIVE}, "'b'"),
    ],
    ids=str,
)
def test_masks_that_are_unlike_the_params_are_refused(mask, words):
    with pytest.raises(InputError, match=words):
        masks.apply(mask, {"w": W})
    tx = lth.freeze_pruned(optax.sgd(0.1))
    with pytest.raises(InputError, match=f"{words}|different trees"):
        tx.update({"w": W}, tx.init({"w": W}), {"w": W}, mask=mask)


def test_counts_are_of_bool_masks():
    with pytest.raises(InputError, match="'w' of int"):
        masks.layer_counts({"w": np.full((3, 2), 2)})


# What an experiment file raises.


@pytest.mark.parametrize("function", ["config", "model", "data"])
@pytest.mark.parametrize(
    "fails", ["raise ValueError('too few')", "raise lth_jax.InputError('too few')"]
)
def test_errors_of_an_experiment_name_the_file(function, fails, tmp_path: Path):
    file = tmp_path / "mine.py"
    file.write_text(
        "import lth_jax\ndef config():\n    return lth_jax.Config()\n"
        f"def {function}():\n    {fails}\n"
    )
    with pytest.raises(InputError) as caught:
        loaded = load_experiment(str(file))
        next(iter(loaded.given.values()))()
    words = str(caught.value)
    assert words.startswith(f"{file}, line 5, fails in {function}(): ")
    assert words.endswith("too few")


@pytest.mark.parametrize(
    ("code", "words"),
    [
        # It would be the package's LeNet, and the digits, without a word.
        ("def model(): pass", r"model\(\) of .*mine\.py returns None"),
        ("def data(): pass", r"data\(\) of .*mine\.py returns None"),
        ("raise SystemExit(3)", r"mine\.py, line 3, cannot be imported: SystemExit: 3"),
        ("def model(): raise SystemExit(3)", r"line 3, fails in model\(\)"),
        ("def config(): return {1: lth_jax.Config()}", "whose names are strings"),
    ],
)
def test_an_experiment_gives_what_it_defines(code, words, tmp_path: Path):
    file = tmp_path / "mine.py"
    file.write_text(f"import lth_jax\ndef config(): return lth_jax.Config()\n{code}\n")
    with pytest.raises(InputError, match=words):
        loaded = load_experiment(str(file))
        next(iter(loaded.given.values()))()


def test_a_stop_while_an_experiment_loads_is_no_fault_of_its(tmp_path: Path):
    file = tmp_path / "mine.py"
    stop = "from lth_jax.driver.interrupts import Terminated\nraise Terminated\n"
    file.write_text(stop)
    with pytest.raises(Terminated):
        load_experiment(str(file))


def test_what_an_experiment_gives_is_said(tmp_path: Path, caplog, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code = "import lth_jax\ndef config(): return lth_jax.Config()\n"
    Path("mine.py").write_text(
        f"{code}controls = {{}}\ndef data(): ...\ncriteria = 3\n"
    )
    with caplog.at_level("INFO", "lth_jax"):
        load_experiment("mine.py")
    assert caplog.messages == ["running ./mine.py", "its own: data, controls"]
    with pytest.raises(InputError, match=r"file of that name is \./mine\.py"):
        load_experiment("mine")
