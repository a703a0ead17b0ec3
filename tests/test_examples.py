"""What a newcomer opens first: the example and the experiments."""

import ast
import re
import runpy
from pathlib import Path

import pytest

import lth_jax
from lth_jax.config import Config

ROOT = Path(__file__).parent.parent
MINIMAL = ROOT / "examples" / "minimal.py"
ANATOMY = ROOT / "examples" / "anatomy.py"
EXPERIMENTS = sorted((ROOT / "experiments").glob("[!_]*.py"))


def test_minimal_example_shows_tickets_and_controls(capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    runpy.run_path(str(MINIMAL), run_name="__main__")
    lines = capsys.readouterr().out.splitlines()
    found = [re.fullmatch(r"level (\d) +([\d.]+)%  (\w+) +(\d\.\d+)", t) for t in lines]
    assert all(found), lines
    levels = [(int(match[1]), match[3]) for match in found]
    assert levels[0] == (0, "ticket")
    pairs = [(n, kind) for n in range(1, 7) for kind in ("ticket", "random_reinit")]
    assert levels[1:] == pairs
    assert float(found[0][4]) > 0.8  # of four classes
    assert float(found[0][2]) == 100 > float(found[-1][2]) > 0
    assert not list(tmp_path.iterdir())


def test_minimal_example_is_short_and_public():
    text = MINIMAL.read_text()
    assert len(text.splitlines()) <= 60
    module = ast.parse(text)
    imported = {
        name.name
        for node in ast.walk(module)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in node.names
    }
    assert imported == {"flax.linen", "numpy", "lth_jax"}
    used = {
        node.attr
        for node in ast.walk(module)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "lth"
    }
    assert used
    assert used <= set(lth_jax.__all__)


@pytest.mark.long
def test_anatomy_example_shows_what_a_ticket_is_made_of(capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    runpy.run_path(str(ANATOMY), run_name="__main__")
    *layers, last = capsys.readouterr().out.splitlines()
    found = [
        re.fullmatch(
            r"Dense_(\d)/kernel: (\d+) of (\d+) weights left, (\d+) live, (\d+) inputs"
            r" unused, kept ones moved (\d+\.\d) times as far as others",
            line,
        )
        for line in layers
    ]
    assert all(found), layers
    sizes = (64, 30, 20, 10)
    paths, most = re.match(r"10\^(\d+\.\d) paths", last)[1], 1
    for i, match in enumerate(found):
        layer, left, size, live, unused = map(int, match.groups()[:5])
        assert (layer, size) == (i, sizes[i] * sizes[i + 1])
        keep = 0.5 if i == 2 else 0.3
        assert left == pytest.approx(size * keep**3, abs=2)
        assert 0 < live <= left and max(0, sizes[i] - left) <= unused < sizes[i]
        assert 1 < float(match[6]) < 3  # kept are those large at the end
        most *= live
    assert sum(int(m[4]) for m in found) < sum(int(m[2]) for m in found)
    assert 1 <= 10 ** float(paths) <= 1.2 * most
    assert len(ANATOMY.read_text().splitlines()) < 45
    assert not list(tmp_path.iterdir())


def test_there_are_experiments():
    assert {"digits", "lenet_mnist"} <= {path.stem for path in EXPERIMENTS}


@pytest.mark.parametrize("path", EXPERIMENTS, ids=lambda path: path.stem)
def test_experiment_says_how_to_run_it_and_what_to_expect(path):
    text = ast.get_docstring(ast.parse(path.read_text()))
    first, *rest = text.splitlines()
    assert len(first) > 20 and first.endswith(".")
    for word in ("Run", "Cost", "Expect"):
        (line,) = [t for t in rest if t.startswith(f"{word}:")]
        assert len(line) > len(word) + 10
    assert f"experiments/{path.name}" in text


def test_every_experiment_is_listed_by_its_first_line():
    listed = (ROOT / "docs" / "experiments.md").read_text()
    for path in EXPERIMENTS:
        if path.stem == "digits":
            continue
        first = ast.get_docstring(ast.parse(path.read_text())).splitlines()[0]
        (row,) = [r for r in listed.splitlines() if f"[{path.stem}]" in r]
        assert f"(../experiments/{path.name})" in row
        assert first.split(" (LTH")[0].rstrip(".") in row


@pytest.mark.parametrize("function", ["config", "quick"])
@pytest.mark.parametrize("path", EXPERIMENTS, ids=lambda path: path.stem)
def test_configs_of_experiments_are_valid(path, function):
    made = runpy.run_path(str(path))[function]()
    variants = {"": made} if isinstance(made, Config) else made
    assert variants
    for config in variants.values():
        assert config.validate() is config
        assert config.out == "runs"


@pytest.mark.parametrize("path", EXPERIMENTS, ids=lambda path: path.stem)
def test_quick_is_a_smaller_form_of_the_same_study(path):
    functions = runpy.run_path(str(path))
    whole, quick = functions["config"](), functions["quick"]()
    assert type(quick) is type(whole)
    if isinstance(whole, Config):
        whole, quick = {"": whole}, {"": quick}
    assert set(quick) <= set(whole)
    for name, config in quick.items():
        assert config.data.name == whole[name].data.name
        assert config.model == whole[name].model
        assert config.train.steps < whole[name].train.steps
