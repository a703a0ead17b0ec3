"""Run directories of strangers: nothing outside of one is ever written or removed."""

import json
import os
import shutil
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

import pytest
from runs import config_at, levels, run

import lth_jax as lth
from lth_jax import folders
from lth_jax.driver import pipeline, progress
from lth_jax.errors import LthError, StoreError
from lth_jax.report.sweep import write_reports
from lth_jax.store import write as store

HERE = Path(__file__).parent
SMALL = {"replicates": 1, "reinits": 0, "shuffles": 0, "plan": lth.PlanConfig()}


@pytest.fixture(scope="module")
def original(tmp_path_factory) -> Path:
    return run(config_at(tmp_path_factory.mktemp("original"), **SMALL))


@pytest.fixture(scope="module")
def sweep(tmp_path_factory) -> Path:
    return pipeline.run_sweep(variants(tmp_path_factory.mktemp("sweep")), "two")


def variants(out: Path) -> dict[str, lth.Config]:
    one = lth.PruneConfig(levels=1, rate=0.4)
    return {
        "a": config_at(out, prune=one, **SMALL),
        "b": config_at(out, seed=1, prune=one, **SMALL),
    }


@pytest.fixture
def copied(original, tmp_path) -> Path:
    return Path(shutil.copytree(original, tmp_path / original.name))


@pytest.fixture
def others(tmp_path) -> Path:
    """Return a folder of somebody's, which looks like what a run writes."""
    folder = tmp_path / "others"
    for name in ("1", "2", "2019", "2020", "level_01", "figures"):
        (folder / name).mkdir(parents=True)
        (folder / name / "photo.jpg").write_text("a photo")
    for name in ("final.npz", "manifest.json", "report.html", "figure_3.svg"):
        (folder / name).write_text("theirs")
    return folder


def inside(folder: Path) -> dict[str, bytes]:
    return {
        str(p.relative_to(folder)): p.read_bytes()
        for p in sorted(folder.rglob("*"))
        if p.is_file()
    }


def link(place: Path, target: Path) -> None:
    if place.is_dir():
        place.rename(target.with_name(f"once_{place.name}"))
    place.symlink_to(target)


# Links.


@pytest.mark.parametrize("name", ["checkpoint", "level_01", "figures"])
def test_links_are_refused_by_name_before_work_starts(name, copied, others, tmp_path):
    shutil.rmtree(copied / "level_02")
    link(copied / name, others)
    before = inside(others)
    config = config_at(tmp_path, checkpoint_every=0.0, keep_final="last", **SMALL)
    with pytest.raises(StoreError, match=f"{name} is a link to .*others"):
        run(config)
    assert inside(others) == before
    assert not (copied / "level_02").exists()


def test_links_of_the_user_may_name_a_run_or_lie_beside(original, copied, tmp_path):
    """What is written in is the folder that was named, wherever it is."""
    shutil.rmtree(copied / "level_02")
    (copied / "notes").symlink_to(tmp_path)
    (tmp_path / "elsewhere").mkdir()
    moved = copied.rename(tmp_path / "elsewhere" / copied.name)
    copied.symlink_to(moved)
    assert levels(run(config_at(tmp_path, **SMALL))) == levels(original)


def test_a_checkpoint_that_becomes_a_link_leads_nowhere(
    original, copied, others, tmp_path, monkeypatch, caplog
):
    monkeypatch.setattr(progress, "CHUNK_SECONDS", 0.0)
    shutil.rmtree(copied / "level_01")
    shutil.rmtree(copied / "level_02")
    before, note = inside(others), store.note

    def swap(path, manifest, event, **details):
        note(path, manifest, event, **details)
        if details.get("level") == 1:
            link(copied / "checkpoint", others)

    monkeypatch.setattr(store, "note", swap)
    path = run(config_at(tmp_path, checkpoint_every=0.0, **SMALL))
    assert levels(path) == levels(original)
    assert inside(others) == before
    assert "a checkpoint could not be written" in caplog.text


@pytest.mark.parametrize("name", ["level_01", "level_02"])
def test_a_level_that_becomes_a_link_is_refused(
    name, copied, others, tmp_path, monkeypatch
):
    shutil.rmtree(copied / "level_02")
    note = store.note

    def swap(path, manifest, event, **details):
        note(path, manifest, event, **details)
        if event == "resumed":
            if name == "level_01":
                shutil.copytree(copied / name, others, dirs_exist_ok=True)
            link(copied / name, others)
            there.update(inside(others))

    there = {}
    monkeypatch.setattr(store, "note", swap)
    config = config_at(tmp_path, keep_final="last", **SMALL)
    with pytest.raises(StoreError, match=f"{name} is a link"):
        run(config)
    assert inside(others) == there


def test_a_level_of_a_variant_that_is_a_link_is_refused(sweep, others, tmp_path):
    path = Path(shutil.copytree(sweep, tmp_path / sweep.name))
    link(path / "b" / "level_01", others)
    with pytest.raises(StoreError, match="b/level_01 is a link to"):
        pipeline.run_sweep(variants(tmp_path), "two")


@pytest.mark.parametrize("name", ["b", pytest.param("figures", marks=pytest.mark.long)])
def test_of_a_sweep_too_links_are_refused(name, sweep, others, tmp_path):
    path = Path(shutil.copytree(sweep, tmp_path / sweep.name))
    shutil.copytree(path / "b", others, dirs_exist_ok=True)
    shutil.rmtree(path / "a" / "level_01")
    link(path / name, others)
    before = inside(others)
    with pytest.raises(StoreError, match=f"{name} is a link to"):
        pipeline.run_sweep(variants(tmp_path), "two")
    assert not (path / "a" / "level_01").exists(), "it is said before work starts"
    with pytest.raises(StoreError, match=f"{name} is a link to"):
        write_reports(path)
    assert inside(others) == before


def test_a_page_is_not_drawn_through_a_link(copied, others):
    link(copied / "figures", others)
    before = inside(others)
    with pytest.raises(StoreError, match="figures is a link to"):
        write_reports(copied)
    assert inside(others) == before


@pytest.mark.long
def test_a_link_in_the_place_of_anything_leads_nowhere(original, tmp_path):
    """Whatever becomes a link, to a folder or file that looks right, is left alone."""
    whole = Path(shutil.copytree(original, tmp_path / "whole"))
    write_reports(whole)
    (whole / "checkpoint").mkdir()
    config = config_at(tmp_path / "runs", keep_final="last", **SMALL)
    for number, place in enumerate(sorted(whole.rglob("*"))):
        run_dir = tmp_path / "runs" / original.name
        shutil.rmtree(run_dir, ignore_errors=True)
        shutil.copytree(whole, run_dir)
        mine = run_dir / place.relative_to(whole)
        theirs = tmp_path / f"theirs_{number}" / mine.name
        theirs.parent.mkdir()
        mine.rename(theirs)
        mine.symlink_to(theirs)
        if mine.parent.name != "level_02":
            with suppress(NotADirectoryError):
                (run_dir / "level_02" / "summary.parquet").unlink(missing_ok=True)
        before = inside(theirs.parent)
        for act in (lambda: run(config), lambda folder=run_dir: write_reports(folder)):
            with suppress(LthError):
                act()
        assert inside(theirs.parent) == before, place


# Checkpoints of somebody else.


def test_checkpoints_that_are_not_ours_are_left_alone(copied, others, tmp_path):
    shutil.rmtree(copied / "level_02")
    others.rename(copied / "checkpoint")
    before = inside(copied)
    config = config_at(tmp_path, checkpoint_every=0.0, **SMALL)
    with pytest.raises(StoreError, match=r"checkpoint/1 holds photo\.jpg"):
        run(config)
    assert inside(copied) == before


# What is left by those that were killed.


def test_what_was_left_in_folders_is_swept(copied, tmp_path):
    dead = "tmp-999999999-1"
    (copied / "figures").mkdir(exist_ok=True)
    left = [
        copied / f".report.html.{dead}",
        copied / "figures" / f".figure_3.svg.{dead}",
        copied / "level_00" / ".manifest.json.tmp-1-1",
    ]
    parent = os.getppid()
    drawn = copied / "figures" / f".figure_4.svg.tmp-{parent}-1"
    for path in [*left, drawn]:
        path.write_text("half")
    run(config_at(tmp_path, **SMALL))
    assert not [path for path in left if path.exists()]
    assert drawn.exists(), "another process draws it"


def test_two_that_start_at_once_are_told_apart(tmp_path):
    """One has the folder; the others hear that it is in use, and nothing else."""
    start, done, said = threading.Barrier(8), threading.Event(), []

    def begin():
        start.wait()
        try:
            with store.alone(tmp_path / "run"):
                done.wait(5)
        except LthError as error:
            said.append(str(error))
            if len(said) == 7:
                done.set()

    threads = [threading.Thread(target=begin) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(said) == 7
    assert all("in use by another" in text for text in said), said
    assert not list((tmp_path / "run").iterdir())


def test_a_folder_that_is_held_is_reached_by_every_thread(tmp_path):
    with folders.held(tmp_path):
        thread = threading.Thread(target=folders.make, args=(tmp_path / "x",))
        thread.start()
        thread.join()
    assert (tmp_path / "x").is_dir()
    assert folders._held == {}


# Disks that are full.


def test_a_full_disk_is_one_sentence_a_checkpoint(original, tmp_path):
    """Orbax works in threads of its own, and each of them would print a traceback."""
    script = """
import resource, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import conftest  # as here, so that what is compiled is shared
from runs import config_at, pipeline
from lth_jax.driver import progress
from lth_jax.store import write as store
from test_attack_writing import SMALL

progress.CHUNK_SECONDS, note = 0.0, store.note
def noted(path, manifest, event, **details):
    note(path, manifest, event, **details)
    if event == "started":
        resource.setrlimit(resource.RLIMIT_FSIZE, (3_000, 10**9))
store.note = noted
pipeline.run(config_at(Path(sys.argv[2]), checkpoint_every=0.0, **SMALL), "digits")
"""
    done = subprocess.run(
        [sys.executable, "-c", script, HERE, tmp_path], capture_output=True, text=True
    )
    lines = done.stderr.splitlines()
    assert done.returncode == 1
    trace = [n for n, line in enumerate(lines) if line.startswith("Traceback")]
    assert len(trace) <= 2, done.stderr  # that of this script, and its cause
    assert "Event loop is closed" not in done.stderr
    assert "could not be written" in lines[-1]
    events = json.loads((tmp_path / original.name / "manifest.json").read_text())
    assert [event["event"] for event in events["events"]] == ["started"]
