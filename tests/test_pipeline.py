"""Whole runs: to the report, interrupted, damaged, resumed, under any plan."""

import dataclasses
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from helpers import tree_close
from runs import FILES, SMALL, config_at, events, levels, run, times, without_pictures

import lth_jax as lth
from lth_jax import load_run, load_ticket
from lth_jax.driver import pipeline, progress, trainer
from lth_jax.report.run import write_report
from lth_jax.store import write as store

HERE = Path(__file__).parent
TFDS = HERE / "data" / "tfds"


@pytest.fixture(scope="module")
def original(tmp_path_factory) -> Path:
    """Return a run that nothing has disturbed."""
    return run(config_at(tmp_path_factory.mktemp("original")))


@pytest.fixture
def copied(original, tmp_path) -> Path:
    return Path(shutil.copytree(original, tmp_path / original.name))


# From data to report.


def test_run_to_report(original):
    folders = [f"level_0{number}" for number in range(3)]
    assert levels(original).keys() == {f"{d}/{f}" for d in folders for f in FILES}
    found = load_run(original)
    assert found.config["model"]["widths"] == [8]
    assert found.summary["status"].tolist() == ["ok"] * (2 + 6 + 6)
    kinds = found.summary.groupby("level")["kind"].apply(list).to_dict()
    pruned = ["ticket"] * 2 + ["random_reinit"] * 2 + ["shuffle_mask"] * 2
    assert kinds == {0: ["ticket"] * 2, 1: pruned, 2: pruned}
    # 512 and 80 weights; rates 0.4 and 0.2.
    remaining = found.summary.groupby("level")["n_remaining"].unique()
    assert [n.tolist() for n in remaining] == [[592], [307 + 64], [184 + 51]]
    page = write_report(found)
    assert page == original / "report.html"
    text = page.read_text()
    assert "<svg" in text and "inning ticket" in text


def test_manifest_says_what_and_where(original):
    manifest = load_run(original).manifest
    assert manifest["fingerprint"] in original.name
    assert manifest["versions"].keys() >= {"python", "lth-jax", "jax", "flax", "numpy"}
    plan = {"platform": "cpu", "devices": 2, "lanes": 1, "convolution": "columns"}
    assert manifest["plan"] == plan
    assert manifest["data"]["name"] == "digits"
    assert len(manifest["data"]["sha256"]) == 64
    steps = [("started", [0, 1, 2]), ("level", 0), ("level", 1), ("level", 2)]
    assert events(original) == [*steps, ("finished", None)]


def test_finished_run_is_left_alone(copied, logged, monkeypatch):
    monkeypatch.setattr(trainer, "compile_lanes", None)  # nothing may be trained
    before = times(copied)
    assert run(config_at(copied.parent)) == copied
    assert f"{copied} is complete: nothing to do." in logged()
    assert times(copied) == before


def test_mnist_through_tfds(tmp_path):
    places = {"dir": str(TFDS), "cache": str(tmp_path / "cache")}
    data = lth.DataConfig(name="mnist", validation=40, **places)
    few = {"prune": lth.PruneConfig(levels=1), "reinits": 0, "shuffles": 0}
    config = config_at(tmp_path, data=data, **few)
    with pytest.MonkeyPatch.context() as patch:
        without_pictures(patch)
        found = load_run(lth.run(config, "mnist"))
    assert found.manifest["data"]["name"] == "mnist"
    assert found.summary["status"].tolist() == ["ok"] * 4
    assert found.summary["n_weights"].unique() == [784 * 8 + 80]
    assert (found.path / "report.html").exists()


@pytest.mark.long
@pytest.mark.skipif("TFDS_DATA_DIR" not in os.environ, reason="needs TFDS_DATA_DIR")
def test_full_mnist(tmp_path):
    config = lth.Config(
        data=lth.DataConfig(name="mnist"),
        train=lth.TrainConfig(steps=1_000, eval_every=100),
        prune=lth.PruneConfig(levels=2, rate=0.5),
        replicates=2,
        reinits=1,
        out=str(tmp_path),
        progress=False,
    )
    found = load_run(pipeline.run(config, "mnist"))
    write_report(found)
    assert found.summary["status"].tolist() == ["ok"] * 10
    accuracy = found.summary.set_index("kind")["test_accuracy_es"]
    assert accuracy["ticket"].min() > 0.95


# Interrupted.


def stop_after_level(number: int, monkeypatch) -> None:
    note = store.note

    def stop(path, manifest, event, **details):
        note(path, manifest, event, **details)
        if details.get("level") == number:
            raise KeyboardInterrupt

    monkeypatch.setattr(store, "note", stop)


def stop_in_training(number: int, monkeypatch) -> None:
    level = progress.Progress.level

    def started(self, current):
        level(self, current)
        self.watch = lambda partial, _: 1 / (current != number or not partial.steps)

    monkeypatch.setattr(progress.Progress, "level", started)


def stop_in_writing(number: int, monkeypatch) -> None:
    write = store.write_npz

    def stop(path, arrays):
        write(path, arrays)
        if f"level_{number:02d}" in str(path) and path.name == "final.npz":
            raise KeyboardInterrupt

    monkeypatch.setattr(store, "write_npz", stop)


@pytest.mark.parametrize(
    ("stop", "number", "complete"),
    [
        (stop_after_level, 0, 1),
        (stop_after_level, 1, 2),
        (stop_in_training, 0, 0),
        (stop_in_training, 2, 2),
        (stop_in_writing, 1, 1),
    ],
)
def test_resumed_is_uninterrupted(stop, number, complete, original, tmp_path):
    config = config_at(tmp_path)
    with pytest.MonkeyPatch.context() as patch:
        stop(number, patch)
        with pytest.raises((KeyboardInterrupt, ZeroDivisionError)):
            run(config)
    path = tmp_path / original.name
    assert len(list(path.glob("level_*"))) == complete
    assert not list(path.glob(".*"))
    kept = {p: t for p, t in times(path).items() if "level_" in str(p)}
    run(config)
    assert levels(path) == levels(original)
    assert times(path).items() >= kept.items()
    assert ("resumed", list(range(complete, 3))) in events(path)


def test_what_a_killed_process_was_writing_is_written_anew(copied, original):
    shutil.rmtree(copied / "level_02")
    left = (copied / "level_01").rename(copied / ".level_01.tmp-1-1")
    (left / "manifest.json").unlink()
    run(config_at(copied.parent))
    assert levels(copied) == levels(original)
    assert not list(copied.glob(".*"))


@pytest.mark.long
def test_killed_process_is_resumed(original, tmp_path):
    """The process dies at once while level 1 is written: nothing can tidy up."""
    script = """
import os, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import conftest  # the devices of the tests, and so the programs that they have compiled
from runs import config_at, run
from lth_jax.store import write as store
write = store.write_npz
def die(path, arrays):
    write(path, arrays)
    if "level_01" in str(path):
        os._exit(9)
store.write_npz = die
run(config_at(Path(sys.argv[2])))
"""
    done = subprocess.run(
        [sys.executable, "-c", script, str(HERE), str(tmp_path)], timeout=300
    )
    assert done.returncode == 9
    path = tmp_path / original.name
    assert sorted(p.name[:9] for p in path.glob("*level_*")) == [
        ".level_01",
        "level_00",
    ]
    run(config_at(tmp_path))
    assert levels(path) == levels(original)
    assert not list(path.glob(".*"))


# Damaged.


@pytest.mark.parametrize(
    ("number", "name", "harm", "message"),
    [
        (0, "final.npz", Path.unlink, "is missing"),
        (1, "tickets.npz", lambda p: os.truncate(p, 99), "has 99 bytes"),
        (1, "manifest.json", lambda p: p.write_text("{"), "cannot be read"),
        (2, "summary.parquet", Path.unlink, "is missing"),
    ],
)
def test_damaged_level_is_done_again_alone(
    number, name, harm, message, copied, original, logged
):
    before = times(copied)
    harm(copied / f"level_{number:02d}" / name)
    run(config_at(copied.parent))
    said = logged()
    assert f"Level {number} will be done again" in said
    assert name in said and message in said
    assert levels(copied) == levels(original)
    changed = {p.parent.name for p, t in times(copied).items() if before.get(p) != t}
    assert changed == {f"level_{number:02d}", copied.name}
    assert ("resumed", [number]) in events(copied)


def test_level_is_redone_with_the_levels_it_needs(copied, original):
    for number in (1, 2):
        shutil.rmtree(copied / f"level_{number:02d}")
    (copied / "level_00" / "final.npz").unlink()
    run(config_at(copied.parent))
    assert levels(copied) == levels(original)


# Only the last level's final weights.


def finals(path: Path) -> list[str]:
    return [p.parent.name for p in sorted(path.glob("level_*/final.npz"))]


def test_only_the_last_finals_are_kept(original, tmp_path, logged):
    config = config_at(tmp_path, keep_final="last")
    with pytest.MonkeyPatch.context() as patch:
        stop_after_level(1, patch)
        with pytest.raises(KeyboardInterrupt):
            run(config)
    path = tmp_path / original.name
    run(config)
    assert finals(path) == ["level_02"]
    assert levels(path, SMALL) == levels(original, SMALL)
    before = times(path)
    assert times(run(config)) == before
    assert logged().count("done again") == 0
    # Level 1 can only be redone from level 0, whose final weights are gone too.
    os.truncate(path / "level_01" / "tickets.npz", 50)
    run(config)
    assert events(path)[-4:-1] == [("resumed", [0, 1]), ("level", 0), ("level", 1)]
    assert finals(path) == ["level_02"]
    assert levels(path, SMALL) == levels(original, SMALL)


def test_finals_of_a_started_run_can_be_given_up(original, tmp_path):
    with pytest.MonkeyPatch.context() as patch:
        stop_after_level(1, patch)
        with pytest.raises(KeyboardInterrupt):
            run(config_at(tmp_path))
    path = run(config_at(tmp_path, keep_final="last"))
    assert finals(path) == ["level_02"]
    before = times(path)
    assert times(run(config_at(tmp_path, keep_final="last"))) == before


# One-shot.


def test_one_shot_is_resumed(tmp_path):
    prune = lth.PruneConfig(one_shot=(0.3, 0.6, 0.9))
    whole = run(config_at(tmp_path / "whole", prune=prune))
    assert len(finals(whole)) == 4
    with pytest.MonkeyPatch.context() as patch:
        stop_after_level(2, patch)
        with pytest.raises(KeyboardInterrupt):
            run(config_at(tmp_path / "parts", prune=prune))
    parts = run(config_at(tmp_path / "parts", prune=prune))
    assert ("resumed", [3]) in events(parts)
    assert levels(parts) == levels(whole)
    (parts / "level_01" / "curves.parquet").unlink()
    run(config_at(tmp_path / "parts", prune=prune, keep_final="last"))
    assert ("resumed", [1]) in events(parts)
    assert finals(parts) == ["level_03"]
    assert levels(parts, SMALL) == levels(whole, SMALL)


# What may not change a number.


@pytest.mark.parametrize(
    ("devices", "lanes"),
    [(2, 3), *(pytest.param(n, None, marks=pytest.mark.long) for n in (1, 4))],
)
def test_plan_changes_no_result(devices, lanes, original, tmp_path):
    plan = lth.PlanConfig(devices=devices, lanes=lanes)
    path = run(config_at(tmp_path, plan=plan))
    assert path.name == original.name
    assert load_run(path).manifest["plan"]["devices"] == devices
    for table in ("summary", "curves"):
        found, expected = (getattr(load_run(p), table) for p in (path, original))
        words = expected.select_dtypes(["int64", "object", "string"]).columns
        assert found[words].equals(expected[words])
        numbers = expected.select_dtypes("float64").columns
        np.testing.assert_allclose(found[numbers], expected[numbers], atol=2e-5)
    for replicate in (0, 1):
        tree_close(load_ticket(path, 2, replicate), load_ticket(original, 2, replicate))


@pytest.mark.parametrize("seconds", [0.0, 1e9])
def test_progress_and_pace_change_no_bit(seconds, original, tmp_path, monkeypatch):
    monkeypatch.setattr(progress, "CHUNK_SECONDS", seconds)
    path = run(config_at(tmp_path, progress=True))
    assert levels(path) == levels(original)


def test_plan_of_the_first_start_is_kept(copied):
    shutil.rmtree(copied / "level_02")
    run(config_at(copied.parent, plan=lth.PlanConfig()))
    assert load_run(copied).manifest["plan"]["devices"] == 2


# When everything goes wrong.


def test_run_of_diverging_trainings_comes_to_an_end(tmp_path, monkeypatch):
    train = dataclasses.replace(config_at(tmp_path).train, learning_rate=1e30)
    path = run(config_at(tmp_path, train=train))
    summary = load_run(path).summary
    words = summary.groupby("level")["status"].unique()
    assert [w.tolist() for w in words] == [["diverged"], ["not_run"], ["not_run"]]
    without_pictures(monkeypatch)
    assert "diverged" in write_report(load_run(path)).read_text()
    before = times(path)
    assert times(run(config_at(tmp_path, train=train))) == before
