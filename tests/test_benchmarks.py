"""The benchmarks run, and their comparison with earlier results tells."""

import json
import math
import subprocess
import sys

import pytest
from lth_jax.benchmarks import suite

from lth_jax import models


def test_every_row_is_named_once_and_its_words_are_known():
    for rows in (suite.rows("cpu", 2), suite.rows("gpu", 16)):
        assert len({(row.name, row.peer) for row in rows}) == len(rows)
        for row in rows:
            assert row.ours.split()[0] in ("step", "period", "epoch", "evaluation",
                                           "pruning")  # fmt: skip
            assert row.pairs >= 1 and (row.goal is None or row.goal > 0)


def test_operations_are_those_of_the_layers():
    """Each kernel of a convolution is used once per output pixel."""
    assert sum(suite.CONV2) == 38_592 * 32**2 + 4_262_400
    assert suite.OPERATIONS["lenet"] == 60 * (6 * 266_200 - 2 * 235_200)
    pixels = {16: 32**2, 32: 16**2, 64: 8**2}
    layers = models.resnet18().layers.values()
    total = sum(
        math.prod(info.shape) * pixels.get(info.shape[-1], 1)
        for info in layers
        if info.kind != "output"
    )
    assert sum(suite.RESNET18) == total + 640


def answers(monkeypatch, seconds):
    """Replace measurements by made ones; return the commands that asked for them."""
    asked = []

    def ask(command, words):
        if "describe" in command[-1]:
            return {"platform": "cpu", "kind": "Some CPU (R) 7", "cores": 2}
        asked.append((command[-1], words))
        answer = {"seconds": seconds(command, words), "compile": 1.0, "memory": 2**30}
        return answer | {"with": "torch 0"}

    monkeypatch.setattr(suite, "_ask", ask)
    monkeypatch.setattr(suite, "_start_up", lambda: suite._alone("start", 9.0, "s", 8))
    return asked


def test_results_hold_ratios_goals_and_versions(tmp_path, monkeypatch, capsys):
    is_peer = lambda command: command[-1].endswith("peer.py")  # noqa: E731
    answers(monkeypatch, lambda command, _: 2.0 if is_peer(command) else 1.0)
    path = suite.run("python-with-torch", tmp_path, pairs=3)
    assert path.name == "cpu-some-cpu-r-7.json"
    result = json.loads(path.read_text())
    assert result["versions"]["torch"] == "torch 0" and "jax" in result["versions"]
    step = next(r for r in result["rows"] if r["name"] == "lenet step, 2 lanes")
    assert step["ratio"] == 0.5 and step["met"] is False and step["pairs"] == 3
    assert step["value"] == 1_000 and step["unit"] == "ms"
    operations = suite.OPERATIONS["lenet"]
    assert step["share_of_peak"] == pytest.approx(operations / 1e9)
    limit = next(r for r in result["rows"] if r["peer"] == suite.LIMIT)
    assert limit["ratio"] == pytest.approx(1e9 / suite.LENET_EVALUATION)
    memory, start = result["rows"][-2:]
    assert (memory["value"], memory["met"]) == (1, True)
    assert (start["value"], start["met"]) == (9, False)
    assert "| 0.50 | 0.42 missed |" in capsys.readouterr().out


def test_without_torch_its_rows_are_left_out(tmp_path, monkeypatch):
    asked = answers(monkeypatch, lambda *_: 1.0)
    rows = json.loads(suite.run(None, tmp_path, pairs=1).read_text())["rows"]
    assert {r["peer"] for r in rows}.isdisjoint({suite.EAGER, suite.COMPILED})
    assert not [command for command, _ in asked if command.endswith("peer.py")]


def test_a_peer_that_fails_is_named_and_the_rest_goes_on(tmp_path, monkeypatch, capsys):
    def seconds(command, words):
        if "--compile" in words:
            raise subprocess.CalledProcessError(1, command, stderr="x\nno compiler")
        return 1.0

    answers(monkeypatch, seconds)
    rows = json.loads(suite.run("python", tmp_path, pairs=1).read_text())["rows"]
    assert suite.COMPILED not in {r["peer"] for r in rows}
    assert suite.EAGER in {r["peer"] for r in rows}
    assert "beside torch.compile failed: no compiler" in capsys.readouterr().err


def test_grown_and_lost_ratios_are_regressions():
    def result(**ratios):
        rows = [{"name": n, "peer": "p", "ratio": r} for n, r in ratios.items()]
        return {"rows": [*rows, {"name": "memory", "peer": "", "ratio": None}]}

    old = result(same=1.0, better=1.0, worse=1.0)
    new = result(same=1.2, better=0.5, worse=1.3, new=9.0)
    assert suite.regressions(old, new) == ["worse beside p: 1.30, was 1.00"]
    assert "new beside p: not measured" in suite.regressions(new, old)


LONG = (
    *("step --lanes 2", "step --network conv2", "step --network resnet18"),
    *("naive", "epoch", "evaluation --lanes 2", "period --lanes 2"),
)


@pytest.mark.parametrize(
    "words",
    [
        *("pruning", "pruning --how top_k", "peak"),
        *(pytest.param(words, marks=pytest.mark.long) for words in LONG),
    ],
)
def test_measurements_run(words):
    command = [sys.executable, "-m", "lth_jax.benchmarks.ours", *words.split()]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    answer = json.loads(done.stdout)
    assert answer["seconds"] > 0 and answer["memory"] > 1e6
