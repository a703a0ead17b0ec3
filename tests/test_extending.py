"""The examples of docs/extending.md run, and come to what they say."""

import dataclasses
import re
from pathlib import Path

import pytest
from runs import without_pictures

from lth_jax import PlanConfig, cli, load_run
from lth_jax.driver import devices

PAGE = Path(__file__).parents[1] / "docs" / "extending.md"
SECTIONS = PAGE.read_text().split("\n## ")
BLOCK = re.compile(r"```python(?: file=(\S+))?\n(.*?)```", re.S)


def blocks(section: str) -> list[tuple[str, str]]:
    return BLOCK.findall(section)


@pytest.mark.parametrize("section", SECTIONS[1:], ids=lambda s: s.split("\n", 1)[0])
def test_the_examples_run(section, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    without_pictures(monkeypatch)
    space = {"__name__": "example"}

    def run(name, code):
        if name:
            (tmp_path / name).write_text(code)
        else:
            exec(compile(code, str(PAGE), "exec"), space)

    for block in blocks(SECTIONS[0]):
        run(*block)
    # However many networks an example trains, they are trained by one program.
    one = {"plan": PlanConfig(devices=1)}
    space["config"] = dataclasses.replace(space["config"], **one)
    for block in blocks(section):
        run(*block)


def test_the_experiment_file_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    # JAX's backend has started in this process.
    monkeypatch.setattr(devices, "use_host_devices", lambda n: None)
    without_pictures(monkeypatch)
    ((name, code),) = [b for s in SECTIONS for b in blocks(s) if b[0]]
    Path(name).write_text(code)
    assert cli.main(["run", name, "--no-progress", "--plan.devices", "1"]) == 0
    run = load_run(capsys.readouterr().out.splitlines()[-1])
    assert set(run.summary["kind"]) == {"ticket", "freeze"}
    assert run.config["model"]["name"] == run.config["data"]["name"] == "own"
    assert set(run.manifest["given"]) == {
        *("model", "data", "optimizer", "controls.freeze")
    }


def test_every_section_has_an_example():
    assert [s.split("\n", 1)[0] for s in SECTIONS[1:-1] if not blocks(s)] == []
