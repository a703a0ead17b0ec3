"""The command line: what it prints, what it refuses, how it ends."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from runs import without_pictures

from lth_jax import cli
from lth_jax.driver import devices
from lth_jax.store import write
from lth_jax.study.rows import SUMMARY

EXPERIMENT = """
from dataclasses import replace
from lth_jax.config import Config, ModelConfig, PlanConfig, PruneConfig, TrainConfig

def config():
    return Config(
        model=ModelConfig(widths=(8,)),
        train=TrainConfig(steps=20, eval_every=8, learning_rate=0.01),
        prune=PruneConfig(levels=2, rate=0.4),
        replicates=1,
        reinits=1,
        plan=PlanConfig(devices=2),
        progress=False,
    )

def quick():
    return replace(config(), prune=PruneConfig(levels=1, rate=0.4), reinits=2)
"""


@pytest.fixture(autouse=True)
def _in_process(monkeypatch, tmp_path):
    """Let `main` run in this process, whose devices exist, and whose signals stay."""
    monkeypatch.setattr(devices, "use_host_devices", lambda n: None)
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "no tfds"))
    handler = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, handler)


@pytest.fixture
def tiny(tmp_path) -> str:
    path = tmp_path / "tiny.py"
    path.write_text(EXPERIMENT)
    return str(path)


@pytest.fixture
def lth(capsys):
    """Return a function that runs a command: exit code, stdout, stderr."""

    def command(*words) -> tuple[int, str, str]:
        capsys.readouterr()
        try:
            code = cli.main([str(word) for word in words])
        except SystemExit as end:
            code = int(end.code or 0)
        return code, *capsys.readouterr()

    return command


@pytest.fixture(scope="module")
def diverged(tmp_path_factory) -> Path:
    """Return a run whose dense network diverges, so most numbers do not exist."""
    folder = tmp_path_factory.mktemp("diverged")
    (folder / "ill.py").write_text(EXPERIMENT.replace("0.01", "1e30"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(devices, "use_host_devices", lambda n: None)
        without_pictures(patch)
        assert cli.main(["run", str(folder / "ill.py"), "--out", str(folder)]) == 0
    (run,) = folder.glob("ill-*")
    return run


# Help.


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ((), ("run", "report", "show", "models", "data", "lth run digits")),
        (("run",), ("EXPERIMENT", "--quick", "--dry-run", "--prune.rate", "--out")),
        (("run", "digits"), ("--train.steps INT", "(default: 600)")),
        (("report",), ("report.html", "run directories")),
        (("show",), ("RUN", "--json", "null")),
        (("anatomy",), ("run directories", "--levels")),
        (("models",), ("parameters", "--json")),
        (("data",), ("prepare", "mnist", "--dir", "TensorFlow")),
    ],
)
def test_every_command_has_help(lth, command, words):
    code, out, _ = lth(*command, "--help")
    assert code == 0
    text = " ".join(out.replace("│", " ").split())
    for word in words:
        assert word in text


def test_every_option_of_run_has_a_help_text(lth):
    _, out, _ = lth("run", "--help")
    lines = [line.strip("│ ") for line in out.splitlines()]
    options = [i for i, line in enumerate(lines) if re.match("--[a-z]", line)]
    assert len(options) > 30
    for i in options:
        _, *text = re.split("  +", lines[i], maxsplit=1)
        assert re.match("[A-Za-z]", (text or [lines[i + 1]])[0]), lines[i]


# Bad input: exit code 2, a message that names it, and nothing created.


@pytest.mark.parametrize("name", ["digit", "experiments/digit.py", "digitz"])
def test_unknown_experiment(lth, name):
    code, out, err = lth("run", name)
    assert (code, out) == (2, "")
    assert f"There is no experiment {name!r}; did you mean 'digits'? Known: " in err


def test_unknown_command_and_field(lth, tiny, tmp_path):
    code, _, err = lth("rum", "digits")
    assert code == 2 and "Available subcommands: run, report" in err
    for flag, meant in {
        "--train.step": "--train.steps",
        "--prune.rat": "--prune.rate",
        "--reinit": "--reinits",
    }.items():
        code, out, err = lth("run", tiny, flag, "5", "--out", tmp_path / "out")
        assert (code, out) == (2, "")
        assert f"Unrecognized options: {flag}" in err
        assert f"{meant} " in err.split("Perhaps you meant")[1]
    assert not (tmp_path / "out").exists()


def test_options_go_after_the_experiment(lth, tiny, tmp_path):
    """Else the experiment's own settings would not be the ones to change."""
    code, out, err = lth("run", "--quick", tiny, "--out", tmp_path / "out")
    assert (code, out) == (2, "")
    assert "Name the experiment first" in err
    assert not (tmp_path / "out").exists()


BAD = {
    "--train.steps=0": "train.steps",
    "--train.steps=many": "train.steps",
    "--train.batch-size=0": "train.batch_size",
    "--train.batch-size=1198": "train.batch_size is 1198, but there are only 1197",
    "--train.eval-every=0": "train.eval_every",
    "--train.optimizer=adamw": "train.optimizer",
    "--train.learning-rate=-1": "train.learning_rate",
    "--train.learning-rate=nan": "train.learning_rate",
    "--train.learning-rate=inf": "train.learning_rate",
    "--train.momentum=1": "train.momentum",
    "--train.weight-decay=-0.1": "train.weight_decay",
    "--train.weight-decay=nan": "train.weight_decay",
    "--train.clip-norm=0": "train.clip_norm",
    "--train.precision=float64": "train.precision",
    "--prune.levels=-1": "prune.levels",
    "--prune.levels=99 --prune.rate=0.9": "prune.levels is 99, but at level",
    "--prune.rate=1": "prune.rate",
    "--prune.rate=-0.1": "prune.rate",
    "--prune.rate=nan": "prune.rate",
    "--prune.rate=0": "prune.rate",
    "--prune.output-rate=1.5": "prune.output_rate",
    "--prune.scope=everywhere": "prune.scope",
    "--prune.rates cone 0.1": "prune.rates names 'cone'",
    "--prune.rates conv 1.0": "prune.rates",
    "--prune.one-shot 0.5 0.2": "prune.one_shot",
    "--prune.one-shot 0.5 1.0": "prune.one_shot",
    "--prune.one-shot 0.5 --prune.output-rate 0.1": "prune.one_shot",
    "--prune.scope global --prune.output-rate 0.1": "prune.scope",
    "--model.widths 0": "model.widths",
    "--model.name letnet": "model.name",
    "--model.name vgg19": "model.name is vgg19, which takes images",
    "--model.dropout 0.5": "model.dropout is 0.5, but lenet has no dropout",
    "--prune.rates output 0.1 output 0.2": "prune.rates gives 'output' twice",
    "--prune.rates output 0.1 --prune.output-rate 0.2": "prune.rates gives 'output'",
    "--data.name minst": "data.name",
    "--data.validation=0": "data.validation",
    "--data.validation=1437": "data.validation",
    "--replicates=0": "replicates",
    "--reinits=-1": "reinits",
    "--shuffles=-1": "shuffles",
    "--seed=-1": "seed",
    "--keep-final=none": "keep-final",
    "--plan.devices=0": "plan.devices",
    "--plan.devices=99": "plan.devices is 99, but JAX sees",
    "--plan.lanes=0": "plan.lanes",
    "--noises 0": "noises is (0.0,): strengths of noise",
    "--noises 1 -1": "noises is (1.0, -1.0)",
    "--noises nan": "noises is (nan,)",
    "--noises 2 1": "noises is (2.0, 1.0): they must increase",
    "--resamples=-1": "resamples is -1",
    "--prune.criterion nonsense": "prune.criterion",
    "--prune.rates dense 0 --prune.output-rate 0": "prune.rate is 0.4, but",
    "--model.init-std 0": "model.init_std is 0.0",
    "--anatomy 99": "anatomy is (99,): levels increase from 0 to the last one, 2",
    "--anatomy 2 --keep-final last": "keep_final is last, but anatomy",
    "--only nothing": "--only nothing: no variant begins so",
}


@pytest.mark.parametrize(("flags", "message"), BAD.items(), ids=BAD)
def test_bad_value(lth, tiny, tmp_path, flags, message):
    code, out, err = lth("run", tiny, *flags.split(), "--out", tmp_path / "out")
    assert (code, out) == (2, "")
    plain = " ".join(err.replace("│", " ").split()).replace("-", "_")
    assert message.replace("-", "_") in plain
    assert "Traceback" not in err
    assert not (tmp_path / "out").exists()


def test_experiment_for_another_network(lth, tmp_path):
    words = (
        "--data.name",
        "digits",
        "--model.name",
        "lenet",
        "--out",
        tmp_path / "out",
    )
    code, out, err = lth("run", "lth_figure_37", *words)
    assert (code, out) == (2, "")
    assert err.startswith("lth: prune.rates names 'conv', which is no layer")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("dry", [(), ("--dry-run",)])
def test_data_that_are_not_prepared(lth, tmp_path, dry):
    started = time.monotonic()
    places = ("--data.cache", tmp_path / "cache", "--data.dir", tmp_path / "nowhere")
    code, out, err = lth("run", "lenet_mnist", *dry, *places, "--out", tmp_path / "out")
    assert time.monotonic() - started < 10
    assert (code, out) == (2, "")
    assert "lth data prepare mnist" in err
    assert not (tmp_path / "out").exists()


def test_output_that_cannot_be_written(lth, tiny, tmp_path):
    (tmp_path / "file").touch()
    code, out, err = lth("run", tiny, "--out", tmp_path / "file" / "runs")
    assert (code, out) == (2, "")
    assert "cannot be written" in err and "--out" in err


def test_not_a_run(lth, tmp_path):
    for command in ("report", "show"):
        code, out, err = lth(command, tmp_path)
        assert (code, out) == (2, "")
        assert f"{tmp_path} is not a run directory" in err
    code, _, err = lth("report")
    assert code == 2 and "lth report RUN" in err
    assert not list(tmp_path.iterdir())


def test_edited_run_is_refused(lth, diverged, tmp_path):
    copied = shutil.copytree(diverged, tmp_path / diverged.name)
    text = (copied / "config.json").read_text()
    (copied / "config.json").write_text(text.replace('"steps": 20', '"steps": 30'))
    experiment = diverged.parent / "ill.py"
    code, _, err = lth("run", experiment, "--out", tmp_path)
    assert code == 2
    assert "train.steps is 30 there and 20 here" in err


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x = 1", "no function config()"),
        ("def config(): return 3", "return"),
        ("def config(): return {}", "Configs by variant, one at least"),
    ],
)
def test_file_that_is_no_experiment(lth, tmp_path, text, message):
    (tmp_path / "mine.py").write_text(text)
    code, out, err = lth("run", tmp_path / "mine.py")
    assert (code, out) == (2, "")
    assert "mine.py" in err and message in err


def test_only_runs_are_looked_for_in_a_folder(lth, tmp_path):
    code, out, err = lth("list", "criteria", tmp_path)
    assert (code, out) == (2, "") and f"leave out {tmp_path}" in err
    assert lth("list", "runs", tmp_path)[:2] == (0, "")


def test_flags_that_an_own_optimizer_makes_void_are_refused(lth, tmp_path):
    file = tmp_path / "mine.py"
    text = "import lth_jax, optax\noptimizer = optax.sgd(0.1)\n"
    file.write_text(f"{text}def config(): return lth_jax.Config()\n")
    for flag, value in [("learning-rate", 1), ("drops", 9), ("clip-norm", 1)]:
        code, _, err = lth("run", file, "--dry-run", f"--train.{flag}", value)
        field = f"train.{flag.replace('-', '_')}"
        assert code == 2 and f"{field} is changed, but the experiment has" in err


# What is printed.


def test_run_ends_with_its_path(lth, tiny, tmp_path, monkeypatch):
    words = ("run", tiny, "--quick", "--seed", 7, "--out", tmp_path / "out")
    code, out, _ = lth(*words)
    assert code == 0
    (path,) = (tmp_path / "out").iterdir()
    assert path.name.startswith("tiny-")
    assert out.splitlines()[-1] == str(path)
    assert str(path / "report.html") in out
    assert "<svg" in (path / "report.html").read_text()
    config = json.loads((path / "config.json").read_text())
    assert (config["seed"], config["reinits"], config["prune"]["levels"]) == (7, 2, 1)
    without_pictures(monkeypatch)
    again = lth(*words)
    assert again[:2] == (0, out)
    assert "nothing to do" in again[2]
    assert lth("report", path)[:2] == (0, f"{path / 'report.html'}\n")
    code, out, _ = lth("show", path)
    assert code == 0
    assert out.splitlines()[0].split()[:3] == ["level", "kind", "replicate"]
    assert len(out.splitlines()) == 1 + 1 + 3


def test_dry_run_counts_and_creates_nothing(lth, tiny, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, out, _ = lth("run", tiny, "--dry-run", "--replicates", 3, "--shuffles", 2)
    assert code == 0
    words = dict(line.split(":") for line in out.splitlines())
    # 3 dense networks, then 2 levels of 3 tickets with a reinit and 2 shuffles each.
    assert words["Networks to train"].split() == ["27", "(540", "steps", "in", "all)"]
    assert {"Memory", "Disk", "Time"} <= words.keys()
    assert words["Run directory"].strip().startswith("runs/tiny-")
    assert [p.name for p in tmp_path.iterdir()] == ["tiny.py"]


def test_show_json_is_json_alone(lth, diverged):
    code, out, _ = lth("show", diverged, "--json")
    assert code == 0
    rows = json.loads(out, parse_constant=lambda word: pytest.fail(word))
    assert [list(row) for row in rows] == [list(SUMMARY)] * 5
    assert [row["status"] for row in rows] == ["diverged"] + ["not_run"] * 4
    assert rows[0]["level"] == 0 and rows[0]["density"] == 1.0
    for row in rows[1:]:
        assert row["density"] is row["early_stop_step"] is row["min_val_loss"] is None


def test_models(lth):
    code, out, _ = lth("models", "--json")
    assert code == 0
    rows = {row["name"]: row for row in json.loads(out)}
    expected = {"name": "lenet", "parameters": 266_610, "prunable": 266_200}
    assert rows["lenet"] == expected
    code, out, _ = lth("models")
    assert code == 0 and "266,610" in out.splitlines()[0]


# Interrupted, as a process of its own.


@pytest.mark.parametrize(
    ("sign", "code"),
    [
        pytest.param(signal.SIGTERM, 143, marks=pytest.mark.long, id="term"),
        pytest.param(signal.SIGINT, 130, id="int"),
    ],
)
def test_interrupt_keeps_complete_levels(tiny, tmp_path, sign, code):
    script = "import sys; from lth_jax.cli import main; sys.exit(main())"
    flags = "--prune.levels 30 --prune.rate 0.05 --train.steps 2000".split()
    process = subprocess.Popen(
        [sys.executable, "-c", script, "run", tiny, "--out", tmp_path / "out", *flags],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"JAX_PLATFORMS": "cpu"},
    )
    try:
        deadline = time.monotonic() + 200
        while not list((tmp_path / "out").glob("*/level_01")):
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.02)
        process.send_signal(sign)
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == code
    assert out == ""
    assert "The same command goes on from what is stored." in err
    assert "Traceback" not in err
    (run,) = (tmp_path / "out").iterdir()
    complete = sorted(run.glob("level_*"))
    assert 2 <= len(complete) < 31
    assert [write.damage(run, n) for n in range(len(complete))] == [None] * len(
        complete
    )
    assert not list(run.glob(".*"))


@pytest.mark.parametrize("own", [False, True])
def test_compiled_programs_are_kept_where_the_user_says_nothing_else(own, tmp_path):
    code = """
import sys; from pathlib import Path; import jax
from lth_jax.driver import devices
devices.keep_compiled(Path(sys.argv[1]) / "ours")
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)
jax.jit(lambda x: x * 3)(1.0)
"""
    env = {**os.environ, "JAX_PLATFORMS": "cpu"}
    env.pop("JAX_COMPILATION_CACHE_DIR", None)
    if own:
        env["JAX_COMPILATION_CACHE_DIR"] = str(tmp_path / "theirs")
    subprocess.run([sys.executable, "-c", code, tmp_path], check=True, env=env)
    kept = {
        p.relative_to(tmp_path).parts[0] for p in tmp_path.rglob("*") if p.is_file()
    }
    assert kept == {"theirs" if own else "ours"}
