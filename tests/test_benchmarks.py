"""The benchmarks run, and their comparison with earlier results tells."""

import json
import math
import subprocess
import sys
from types import SimpleNamespace
from typing import get_args, get_type_hints

import jax
import pytest
from lth_jax.benchmarks import ours, rows, suite
from lth_jax.benchmarks.rows import COMPILED, EAGER, LIMIT, NAIVE

from lth_jax import models
from lth_jax.config import TrainConfig
from lth_jax.study import networks

MACHINES = (("cpu", 2), ("gpu", 16))
PRECISIONS = get_args(get_type_hints(TrainConfig)["precision"])


@pytest.mark.parametrize("machine", MACHINES)
def test_every_row_is_named_once_and_its_words_are_known(machine):
    listed = rows.rows(*machine)
    assert len({(row.name, row.precision, row.peer) for row in listed}) == len(listed)
    known = "step period epoch evaluation pruning figure_4 start_up".split()
    for row in listed:
        assert row.ours.split()[0] in known
        assert row.pairs >= 1 and (row.goal is None or row.goal > 0)
        assert bool(row.peer) == bool(row.theirs) and (row.peer or row.goal)


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("network", ["lenet", "conv2", "resnet18"])
def test_every_network_is_measured_beside_all_three_loops(machine, network):
    one = [r for r in rows.rows(*machine) if r.name == f"{network} step, 1 lane"]
    theirs = {row.peer: str(row.theirs) for row in one}
    assert theirs.keys() == {EAGER, COMPILED, NAIVE}
    assert all(f"--network {network}" in words for words in theirs.values())
    assert all(f"--network {network} " in row.ours for row in one)
    assert "--compile" in theirs[COMPILED] and "--compile" not in theirs[EAGER]


@pytest.mark.parametrize("network", ["lenet", "conv2", "resnet18"])
def test_a_gpu_trains_up_to_128_lanes_at_every_precision(network):
    steps = {
        (row.precision, int(row.ours.split("--lanes ")[1].split()[0])): row
        for row in rows.rows("gpu", 16)
        if row.ours.startswith(f"step --network {network} ") and row.peer == EAGER
    }
    wide = {("float32", lanes) for lanes in (1, 2, 8, 32, 128)}
    assert steps.keys() == wide | {(precision, 32) for precision in PRECISIONS}
    for (precision, _), row in steps.items():
        for words in (row.ours, row.theirs):
            assert f"--precision {precision}" in str(words)
    goals = {key: row.goal for key, row in steps.items() if row.goal}
    assert goals == ({} if network == "lenet" else {("float32", 32): 0.5})


def test_a_gpu_has_the_rows_of_the_peak_and_of_figure_4():
    listed = rows.rows("gpu", 16)
    limits = [row.ours.split()[0] for row in listed if row.peer == LIMIT]
    assert limits == ["evaluation", "period"]
    row = next(row for row in listed if row.ours == "figure_4")
    assert (row.goal, row.unit) == (240, "s")
    assert f"{len(networks.trainings(ours.FIGURE_4))} trainings" in row.name
    train = ours.FIGURE_4.train
    assert (train.steps, train.eval_every) == (50_000, 100)


def test_operations_are_those_of_the_layers():
    """Each kernel of a convolution is used once per output pixel."""
    assert sum(rows.CONV2) == 38_592 * 32**2 + 4_262_400
    assert rows.OPERATIONS["lenet"] == 60 * (6 * 266_200 - 2 * 235_200)
    pixels = {16: 32**2, 32: 16**2, 64: 8**2}
    layers = models.resnet18().layers.values()
    total = sum(
        math.prod(info.shape) * pixels.get(info.shape[-1], 1)
        for info in layers
        if info.kind != "output"
    )
    assert sum(rows.RESNET18) == total + 640


def answers(monkeypatch, seconds, platform="cpu"):
    """Replace measurements by made ones; return the commands that asked for them."""
    asked = []

    def ask(command, words):
        if "describe" in command[-1]:
            return {"platform": platform, "kind": "Some CPU (R) 7", "cores": 2}
        asked.append((command[-1], words))
        answer = {"seconds": seconds(command, words), "compile": 1.0, "memory": 2**31}
        return answer | {"with": "torch 0"}

    monkeypatch.setattr(suite, "_ask", ask)
    return asked


def is_peer(command):
    return command[-1].endswith("peer.py")


def test_results_hold_ratios_goals_and_versions(tmp_path, monkeypatch, capsys):
    def seconds(command, words):
        return 2.0 if is_peer(command) else 9.0 if words == "start_up" else 1.0

    answers(monkeypatch, seconds)
    path = suite.run("python-with-torch", tmp_path, pairs=3)
    assert path.name == "cpu-some-cpu-r-7.json"
    result = json.loads(path.read_text())
    assert result["versions"]["torch"] == "torch 0" and "jax" in result["versions"]
    step = next(r for r in result["rows"] if r["name"] == "lenet step, 2 lanes")
    assert step["ratio"] == 0.5 and step["met"] is False and step["pairs"] == 3
    assert step["value"] == 1_000 and step["unit"] == "ms"
    operations = rows.OPERATIONS["lenet"]
    assert step["share_of_peak"] == pytest.approx(operations / 1e9)
    limit = next(r for r in result["rows"] if r["peer"] == LIMIT)
    assert limit["ratio"] == pytest.approx(1e9 / rows.LENET_EVALUATION)
    memory, start = result["rows"][-2:]
    assert (memory["value"], memory["unit"], memory["met"]) == (2, "GiB", True)
    assert (start["value"], start["unit"], start["met"]) == (9, "s", False)
    out = capsys.readouterr().out
    assert "| lenet step, 2 lanes | float32 | 1e+03 ms |" in out
    assert "| 0.50 | 0.42 missed |" in out


def test_shares_of_the_peak_are_of_that_at_the_same_precision(tmp_path, monkeypatch):
    def seconds(command, words):
        return 0.25 if words.startswith("peak") and "bfloat16" in words else 1.0

    answers(monkeypatch, seconds, "gpu")
    path = suite.run("python", tmp_path)
    assert path.name.startswith("gpu-")
    taken = json.loads(path.read_text())["rows"]
    shares = {
        r["precision"]: r["share_of_peak"]
        for r in taken
        if r["name"] == "conv2 step, 32 lanes"
    }
    assert shares.keys() == set(PRECISIONS)
    assert shares["bfloat16"] == shares["float32"] / 4 == shares["tensorfloat32"] / 4


def test_some_rows_are_taken_again_and_the_others_kept(tmp_path, monkeypatch):
    answers(monkeypatch, lambda *_: 1.0)
    before = json.loads(suite.run("python", tmp_path, pairs=1).read_text())
    answers(monkeypatch, lambda *_: 3.0)
    path = suite.run("python", tmp_path, pairs=1, only="lenet step, 2")
    after = json.loads(path.read_text())
    old, new = ({r["name"]: r for r in x["rows"]} for x in (before, after))
    changed = [name for name, row in new.items() if row != old[name]]
    assert changed == ["lenet step, 2 lanes"] and new.keys() == old.keys()


def test_what_was_measured_is_on_disk_when_the_rest_fails(tmp_path, monkeypatch):
    def seconds(command, words):
        if "epoch" in words:
            raise KeyboardInterrupt
        return 1.0

    answers(monkeypatch, seconds)
    with pytest.raises(KeyboardInterrupt):
        suite.run("python", tmp_path, pairs=1)
    (path,) = tmp_path.iterdir()
    assert len(json.loads(path.read_text())["rows"]) > 3


def test_without_torch_its_rows_are_left_out(tmp_path, monkeypatch):
    asked = answers(monkeypatch, lambda *_: 1.0)
    taken = json.loads(suite.run(None, tmp_path, pairs=1).read_text())["rows"]
    assert {r["peer"] for r in taken}.isdisjoint({EAGER, COMPILED})
    assert not [command for command, _ in asked if command.endswith("peer.py")]


def test_rows_that_fail_say_why_and_the_rest_goes_on(tmp_path, monkeypatch, capsys):
    def seconds(command, words):
        if "--compile" in words:
            raise suite.Failed("no compiler")
        if "--lanes 128" in words or "vgg19" in words:
            raise suite.Failed("out of device memory")
        return 1.0

    answers(monkeypatch, seconds, "gpu")
    result = json.loads(suite.run("python", tmp_path).read_text())
    failed = {(r["name"], r["peer"]): r["failed"] for r in result["rows"]
              if "failed" in r}  # fmt: skip
    assert failed == {
        **{
            (f"{network} step, 128 lanes", EAGER): "out of device memory"
            for network in rows.OPERATIONS
        },
        **{
            (f"{network} step, 1 lane", COMPILED): "torch.compile: no compiler"
            for network in rows.OPERATIONS
        },
        ("memory of VGG-19, 4 lanes", ""): "out of device memory",
    }
    assert len(result["rows"]) == len(rows.rows("gpu", 16))
    line = "| conv2 step, 128 lanes | float32 | out of device memory | PyTorch eager |"
    assert line in capsys.readouterr().out
    again = result | {"rows": [r | {"failed": "x"} for r in result["rows"][:1]]}
    assert suite.regressions(result, result) == []
    lost = suite.regressions(result, again)
    assert len(lost) == len(result["rows"]) - len(failed)
    assert lost[0].endswith(": not measured")


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("exit('RESOURCE_EXHAUSTED: Out of memory\\nbuffers')", "out of device memory"),
        ("exit('torch.OutOfMemoryError: CUDA')", "out of device memory"),
        ("exit('a\\nno compiler')", "no compiler"),
        ("exit(3)", "exit code 3"),
        ("import os; exit(os.environ['JAX_TRACEBACK_FILTERING'])", "off"),
    ],
)
def test_a_process_that_fails_is_asked_why(code, reason):
    with pytest.raises(suite.Failed, match=f"^{reason}$"):
        suite._ask([sys.executable, "-c", code], "")


def test_grown_and_lost_ratios_are_regressions():
    def result(precision="float32", **ratios):
        row = {"peer": "p", "precision": precision}
        made = [row | {"name": n, "ratio": r} for n, r in ratios.items()]
        return {"rows": [*made, row | {"name": "memory", "ratio": None}]}

    old = result(same=1.0, better=1.0, worse=1.0)
    new = result(same=1.2, better=0.5, worse=1.3, new=9.0)
    slower = "worse (float32) beside p: 1.30, was 1.00"
    assert suite.regressions(old, new) == [slower]
    assert "new (float32) beside p: not measured" in suite.regressions(new, old)
    other = result("bfloat16", same=9.0)
    lost = suite.regressions(result(same=1.0), other)
    assert "same (float32) beside p: not measured" in lost


@pytest.mark.parametrize("diverged", [0, 1])
def test_figure_4_is_the_experiment_trained_to_its_end(monkeypatch, diverged):
    """Without its data, and with one level instead of all."""
    sizes, asked = [], []

    def find_ticket(model, splits, config):
        asked.append(config)
        yield SimpleNamespace(status=("ok",) * 5)
        yield SimpleNamespace(status=("ok",) * (20 - diverged) + ("diverged",))

    monkeypatch.setattr(ours, "_random", lambda n, _: sizes.append(n))
    monkeypatch.setattr(ours, "find_ticket", find_ticket)
    if diverged:
        with pytest.raises(RuntimeError, match="Only 24"):
            ours.figure_4(steps=7, levels=1)
        return
    assert ours.figure_4(steps=7, levels=1)["seconds"] >= 0
    assert sizes == [55_000, 5_000, 10_000]
    (config,) = asked
    assert (config.train.steps, config.prune.levels) == (7, 1)
    assert (config.replicates, config.reinits, config.train.eval_every) == (5, 3, 100)


LONG = (
    *("step --lanes 2", "step --network conv2", "step --network resnet18"),
    *("step --precision bfloat16", "epoch", "naive", "naive --network conv2"),
    *("naive --network resnet18", "evaluation --lanes 2", "period --lanes 2"),
    *("figure_4 --steps 2 --levels 1", "start_up", "pruning --how top_k"),
)


@pytest.mark.parametrize(
    "words",
    [
        "peak",
        *(pytest.param(words, marks=pytest.mark.long) for words in LONG),
    ],
)
def test_measurements_run_as_processes(words):
    command = [sys.executable, "-m", "lth_jax.benchmarks.ours", *words.split()]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    check_answer(done.stdout)


def check_answer(out):
    answer = json.loads(out)
    assert answer["seconds"] > 0 and answer.get("memory", 1e9) > 1e6


@pytest.mark.parametrize(
    "words",
    [
        pytest.param("pruning", marks=pytest.mark.long),
        "peak --precision bfloat16",
    ],
)
def test_measurements_run(words, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["ours", *words.split()])
    monkeypatch.setattr(ours, "use_host_devices", lambda n: None)  # JAX has started
    kept = jax.config.jax_enable_compilation_cache
    try:
        ours.main()
    finally:
        jax.config.update("jax_enable_compilation_cache", kept)
    check_answer(capsys.readouterr().out)
