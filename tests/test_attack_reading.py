"""Strangers' files, read: nothing runs, hangs, swells or reaches the terminal raw."""

import io
import json
import logging
import os
import re
import resource
import shutil
import subprocess
import sys
import time
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lth_jax import cli, files, load_run, load_ticket, sources
from lth_jax.config import (
    Config,
    DataConfig,
    PlanConfig,
    PruneConfig,
    TrainConfig,
    fingerprint,
    to_dict,
)
from lth_jax.driver import devices
from lth_jax.driver import plan as plans
from lth_jax.driver.prepare import prepare
from lth_jax.errors import InputError, LthError, StoreError
from lth_jax.files import (
    entry,
    read_json,
    read_npz,
    read_table,
    sha256,
    write_json,
    write_npz,
    write_table,
)
from lth_jax.schema import CURVES, SUMMARY
from lth_jax.sources import mnist
from lth_jax.store import arrays
from lth_jax.store.faults import most_of_level
from lth_jax.study.networks import plan_study
from lth_jax.types import Snapshot

REPO = Path(__file__).parents[1]
FIXTURE = Path(__file__).parent / "data" / "tfds"
CONFIG = Config(
    train=TrainConfig(steps=4, batch_size=5, eval_every=2),
    prune=PruneConfig(levels=1),
    replicates=1,
)
GIGABYTES = 20 * 10**9
SECONDS, BYTES = 1.0, 200e6
"""In which what is made up is refused."""


@pytest.fixture
def run(tmp_path) -> Path:
    """A run directory written by hand: one layer, two levels."""
    path = tmp_path / "run"
    path.mkdir()
    about = {"fingerprint": fingerprint(CONFIG), "data": {}, "plan": {}, "events": []}
    write_json(path / "config.json", to_dict(CONFIG))
    layers = {"w": {"kind": "output", "shape": [4, 2], "stacked": 0}}
    write_json(path / "manifest.json", about | {"layers": layers})
    for level in plan_study(CONFIG):
        folder = path / f"level_{level.number:02d}"
        folder.mkdir()
        rows, curves = [], []
        for lane in level.networks:
            rows.append(dict.fromkeys(SUMMARY) | lane._asdict() | {"status": "ok"})
            rows[-1] |= {"density": 1.0, "n_weights": 8, "n_remaining": 8}
            values = {"split": "test", "loss": 1.0, "accuracy": 0.5}
            curves += [
                lane._asdict() | values | {"step": step} for step in level.evaluations
            ]
        write_table(folder / "summary.parquet", rows, SUMMARY)
        write_table(folder / "curves.parquet", curves, CURVES)
        mask = np.packbits(np.ones((1, 8), bool), axis=1)
        weights = np.ones((1, 4, 2), np.float32)
        write_npz(folder / "tickets.npz", {"mask/w": mask, "start/w": weights})
    return path


def bomb(path: Path, rows: int, **columns) -> None:
    """Write a small parquet file of many equal rows, by repeating its row groups."""
    values = {"level": 0, "kind": "ticket", "replicate": 0, "draw": 0, "step": 0}
    values |= {"split": "test", "loss": 1.0, "accuracy": 0.5} | columns
    kinds = {int: pa.int64(), float: pa.float64(), str: pa.string()}
    fields = [(name, kinds[type(value)]) for name, value in values.items()]
    part = min(rows, 10**6)
    table = pa.table(
        [pa.repeat(pa.scalar(values[n], kind), part) for n, kind in fields],
        schema=pa.schema(fields),
    )
    with pq.ParquetWriter(path, table.schema) as file:
        for _ in range(rows // part):
            file.write_table(table)


def sparse(path: Path, size: int = GIGABYTES) -> None:
    """Make a file larger than the disk, of holes."""
    path.touch()
    os.truncate(path, size)


def seal(run: Path, level: int, **named) -> None:
    """Write the manifest of a level; files by name are not read for it."""
    folder = run / f"level_{level:02d}"
    there = {p.name: entry(p) for p in folder.iterdir() if p.name not in named}
    about = {"fingerprint": fingerprint(CONFIG), "level": level}
    write_json(folder / "manifest.json", about | {"files": there | named})


@pytest.fixture
def at_once():
    """Fail unless the test takes a second and 200 MB at most."""
    before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.monotonic()
    yield
    grown = 1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
    assert grown < BYTES, f"{grown / 1e6:.0f} MB"
    assert time.monotonic() - start < 5 * SECONDS  # on a busy machine


def test_a_run_made_by_hand_is_read(run):
    assert len(load_run(run).curves) == 3 + 3
    assert load_ticket(run, 1, 0).params["w"].shape == (4, 2)


# Bombs: what a config can have is known before anything is read.


@pytest.fixture
def unread(monkeypatch):
    """Fail where a table is read; its metadata may be."""

    def fail(*args, **kwargs):
        raise AssertionError("it was read")

    return lambda: monkeypatch.setattr(pq.ParquetFile, "read", fail)


def test_rows_are_counted_before_they_are_read(run, unread, at_once):
    file = run / "level_00/curves.parquet"
    bomb(file, 4_000)
    unread()
    with pytest.raises(StoreError, match=r"curves\.parquet cannot be.*4,000 rows.* 7 "):
        read_table(file, CURVES, most_of_level(file.name, CONFIG, 0))


def test_every_table_of_a_level_has_as_many_rows_as_the_config_says(run):
    for name in ("summary.parquet", "curves.parquet"):
        good = pq.read_table(run / "level_01" / name, partitioning=None)
        shutil.copytree(run, run.with_name(name))
        parts = pa.concat_tables([good] * 9)
        pq.write_table(parts, run.with_name(name) / "level_01" / name)
        with pytest.raises(StoreError, match=f"{name} cannot be read.*rows; it can"):
            load_run(run.with_name(name))


def test_rows_that_the_footer_does_not_count(run, tmp_path):
    """Row groups are counted, not the number beside them."""
    table = pq.read_table(run / "level_00/curves.parquet", partitioning=None)
    pq.write_table(pa.concat_tables([table] * 5), tmp_path / "x", row_group_size=3)
    with pytest.raises(StoreError, match="15 rows"):
        read_table(tmp_path / "x", CURVES, 7)


@pytest.mark.parametrize("codec", ["gzip", "zstd", "brotli"])
def test_tables_that_swell_are_not_read(run, unread, codec):
    file = run / "level_00/curves.parquet"
    table = pq.read_table(file, partitioning=None)
    pq.write_table(table, file, compression=codec)
    unread()
    with pytest.raises(StoreError, match="is compressed by"):
        read_table(file, CURVES, 7)


def test_long_words_of_many_rows_are_not_multiplied(run, at_once):
    bomb(run / "level_00/curves.parquet", 7, kind="x" * 10**6)
    with pytest.raises(StoreError, match="column kind holds more than 1,000 char"):
        load_run(run)


def test_rows_of_an_anatomy(run, unread, at_once):
    (run / "anatomy").mkdir()
    names = {"side": "string", "unit": "int64"}
    counts = {"connections": "int64", "possible": "int64"}
    rows = [
        {"level": 0, "replicate": 0, "layer": "w", "side": "incoming", "unit": i}
        | dict.fromkeys(counts, 1)
        for i in range(99)
    ]
    kinds = {"level": "int64", "replicate": "int64", "layer": "string"} | names
    write_table(run / "anatomy/units.parquet", rows, kinds | counts)
    with pytest.raises(StoreError, match="99 rows; it can have 12 at most"):
        load_run(run)


def test_arrays_that_no_run_has_are_not_read(run, monkeypatch):
    file = run / "level_01/tickets.npz"
    write_npz(file, read_npz(file) | {"extra": np.zeros((1, 10))})
    monkeypatch.setattr(np, "load", None)
    with pytest.raises(StoreError, match="it holds extra, which no run has"):
        load_ticket(run, 1, 0)


def test_arrays_that_a_study_has_not_are_not_read(run, monkeypatch):
    file = run / "level_01/tickets.npz"
    good = read_npz(file)
    like = Snapshot({"w": np.zeros((1, 4, 2), np.float32)}, {}, None, 0)
    check = arrays.like_those_of(like, ["w"])
    assert arrays.opened(file, check).arrays.keys() == {"mask/w", "start/w"}
    for extra in (
        {"start/v": np.zeros((1, 9))},
        {"start/w": np.zeros((1, 4, 3), np.float32)},
        {"mask/w": np.zeros((1, 2), np.uint8)},
        {"9/params/w": good["start/w"]},
    ):
        write_npz(file, good | extra)
        with monkeypatch.context() as patch:
            patch.setattr(np, "load", None)
            with pytest.raises(StoreError, match="which this study has not"):
                arrays.opened(file, check)


def test_a_header_that_says_more_than_there_is(tmp_path):
    header = io.BytesIO()
    head = {"descr": "<f4", "fortran_order": False, "shape": (1, 10**12)}
    np.lib.format.write_array_header_1_0(header, head)
    with zipfile.ZipFile(tmp_path / "x.npz", "w") as file:
        file.writestr("start/w.npy", header.getvalue() + b"1234")
    with pytest.raises(StoreError, match="start/w is said to be"):
        read_npz(tmp_path / "x.npz")


FILES = ["config.json", "manifest.json", "level_00/manifest.json"]
FILES += ["level_00/curves.parquet", "level_00/tickets.npz"]


@pytest.mark.parametrize("is_sealed", [True, False])
@pytest.mark.parametrize("name", FILES)
def test_files_of_holes_are_not_read(run, name, is_sealed, at_once):
    file = run / name
    sparse(file)
    if is_sealed and file.suffix != ".json":
        seal(run, 0, **{file.name: {"bytes": GIGABYTES, "sha256": "0" * 64}})
    with pytest.raises(StoreError, match=re.escape(str(file))):
        load_run(run)
        load_ticket(run, 0, 0)
    with pytest.raises(StoreError, match=re.escape(str(file))):
        sha256(file)


def test_holes_in_small_files_and_full_large_ones_are_read(tmp_path):
    sparse(tmp_path / "small", 10**6)
    assert len(sha256(tmp_path / "small")) == 64
    with open(tmp_path / "large", "wb") as file:
        for _ in range(10):
            file.write(b"\1" * 10**6)
            file.seek(6 * 10**6, os.SEEK_CUR)
        file.write(b"\1")
    assert len(sha256(tmp_path / "large")) == 64


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b'{"a": "' + b"x" * (25 << 20) + b'"}', "bytes; it can have"),
        (b'{"a": [' + b"1," * 1_000_001 + b"1]}", "more than 1,000,000 values"),
        (b'{"a": [' + b"[]," * 1_000_001 + b"1]}", "more than 1,000,000 values"),
    ],
    ids=["long", "numbers", "lists"],
)
def test_long_json_is_not_parsed(tmp_path, monkeypatch, at_once, content, words):
    (tmp_path / "x.json").write_bytes(content)
    with monkeypatch.context() as patch:
        patch.setattr(json, "loads", None)
        with pytest.raises(StoreError, match=words):
            read_json(tmp_path / "x.json")


def test_a_plan_has_no_more_lanes_than_there_are_networks():
    plan = {"platform": "cpu", "devices": 1, "lanes": 8, "convolution": "columns"}
    one = PlanConfig()
    assert plans.stored_plan(plan, one, 8).lanes == 8
    with pytest.raises(
        StoreError, match=r"has 9 lanes .* 8 networks .* --plan.lanes 9"
    ):
        plans.stored_plan(plan | {"lanes": 9}, one, 8)
    asked = plans.stored_plan(plan | {"lanes": 9}, PlanConfig(lanes=9), 8)
    assert asked.lanes == 9
    with pytest.raises(StoreError, match="was changed"):
        plans.stored_plan(plan | {"lanes": 10**6}, one, 8)


def test_a_config_of_more_evaluations_than_can_be_is_refused(at_once):
    train = TrainConfig(steps=999_999, eval_every=1)
    with pytest.raises(
        InputError, match=r"train\.eval_every is 1: .* at most 5,000,000"
    ):
        Config(train=train, prune=PruneConfig(levels=1_000)).validate()


@pytest.mark.long
def test_bombs_of_full_size_end_within_a_second_and_200_megabytes(run):
    bomb(run / "level_00/curves.parquet", 10**7)
    code = f"""
import resource, time
from pathlib import Path
import pandas, pyarrow.parquet
from lth_jax import load_run
from lth_jax.errors import StoreError
run = Path({str(run)!r})
rss = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
before, start = rss(), time.monotonic()
try:
    load_run(run)
except StoreError as error:
    print(error)
print(rss() - before, time.monotonic() - start)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=REPO, capture_output=True, text=True
    )
    assert "10,000,000 rows; it can have 7 at most" in done.stdout, done.stderr
    size, seconds = map(float, done.stdout.split()[-2:])
    assert size < BYTES and seconds < SECONDS


# TFDS folders are data.


def folder_of(tmp_path, name="mnist/3.0.1") -> Path:
    """Return a copy of a prepared folder, and the config that reads it."""
    shutil.copytree(FIXTURE, tmp_path / "tfds")
    return tmp_path / "tfds" / name


def read_from(folder: Path):
    config = DataConfig(
        name=folder.parent.name,  # type: ignore[arg-type]
        dir=str(folder.parents[1]),
        cache=str(folder.parents[2] / "cache"),
        validation=10,
    )
    return sources.load(config, seed=0)


def edit(file: Path, change) -> None:
    content = json.loads(file.read_text())
    change(content)
    file.write_text(json.dumps(content))


def evil(where):
    def change(content):
        place = content
        for word in where:
            place = place[word]
        for name in ("pythonClassName", "python_class_name", "type"):
            place[name] = "planted.Evil"

    return change


FEATURES = ("featuresDict", "features")


@pytest.mark.parametrize(
    "where", [(), (*FEATURES, "image"), (*FEATURES, "label")], ids=str
)
def test_no_module_that_a_tfds_folder_names_is_imported(tmp_path, monkeypatch, where):
    (tmp_path / "planted.py").write_text("raise SystemExit('it ran')")
    monkeypatch.syspath_prepend(tmp_path)
    folder = folder_of(tmp_path)
    edit(folder / "features.json", evil(where))
    with pytest.raises(InputError, match=r"features\.json cannot be used: .*planted"):
        read_from(folder)


def test_no_module_that_a_tfds_info_names_is_imported(tmp_path, monkeypatch):
    (tmp_path / "planted.py").write_text("raise SystemExit('it ran')")
    monkeypatch.syspath_prepend(tmp_path)
    folder = folder_of(tmp_path)
    change = {"moduleName": "planted"}
    edit(folder / "dataset_info.json", lambda content: content.update(change))
    read_from(folder)
    assert "planted" not in sys.modules


def another_feature(content):
    features = content["featuresDict"]["features"]
    features["more"] = features["label"]


def unknown_content(content):
    content["featuresDict"]["features"]["image"]["sequence"] = {}


def huge_image(content):
    shape = content["featuresDict"]["features"]["image"]["image"]["shape"]
    shape["dimensions"] = ["1000000", "1000000", "1"]


def legacy(content):
    inner = dict(content)
    content.clear()
    content.update({"type": inner["pythonClassName"], "content": inner})


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (another_feature, "a feature 'more'"),
        (unknown_content, "image holds 'sequence'"),
        (huge_image, "an image is .*1000000"),
        (legacy, "it is a None"),
        (lambda content: content.clear(), "it is a None"),
    ],
)
def test_only_known_features_are_read(tmp_path, change, words):
    folder = folder_of(tmp_path)
    edit(folder / "features.json", change)
    with pytest.raises(InputError, match=words):
        read_from(folder)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"shardLengths": ["999999999"]}, "counts 1,000,000,099 examples"),
        ({"shardLengths": [["1"]]}, "the shards of 'train' are"),
        ({"shardLengths": "9"}, "the shards of 'train' are"),
        ({"shard_lengths": ["9"]}, "it holds 'shard_lengths'"),
        ({"filepathTemplate": "../../etc/{SPLIT}"}, "the files of 'train' are '../"),
        ({"name": "all"}, "are not train and test"),
    ],
)
def test_a_tfds_info_counts_no_more_than_there_can_be(tmp_path, change, words):
    folder = folder_of(tmp_path)
    edit(folder / "dataset_info.json", lambda c: c["splits"][0].update(change))
    with pytest.raises(InputError, match=words):
        read_from(folder)


def test_tfds_does_not_see_a_folder_that_is_refused(tmp_path, monkeypatch):
    folder = folder_of(tmp_path)
    edit(folder / "features.json", another_feature)
    monkeypatch.setitem(sys.modules, "tensorflow_datasets", None)
    with pytest.raises(InputError, match="its folder is data"):
        read_from(folder)


# Special files.

special = pytest.mark.parametrize("kind", ["pipe", "zero", "null", "folder"])


def make_special(path: Path, kind: str) -> None:
    path.unlink(missing_ok=True)
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:
        path.symlink_to(f"/dev/{kind}")


@special
def test_special_files_of_mnist_are_refused(tmp_path, monkeypatch, kind):
    monkeypatch.setenv("LTH_CACHE_DIR", str(tmp_path / "cache"))
    for file in mnist.FILES.values():
        make_special(tmp_path / file, kind)
    with pytest.raises(InputError, match=r"ubyte\.gz cannot be read: it is no file"):
        sources.prepare("mnist", DataConfig(dir=str(tmp_path)))


def test_files_of_mnist_that_are_too_large_are_not_read(tmp_path, monkeypatch, at_once):
    monkeypatch.setenv("LTH_CACHE_DIR", str(tmp_path / "cache"))
    for file in mnist.FILES.values():
        sparse(tmp_path / file)
    with pytest.raises(InputError, match="bytes; it can have 10,000,000 at most"):
        sources.prepare("mnist", DataConfig(dir=str(tmp_path)))


@special
@pytest.mark.parametrize("name", ["features.json", "dataset_info.json", "shard", "x"])
def test_special_files_of_tfds_are_refused(tmp_path, kind, name):
    folder = folder_of(tmp_path)
    (shard, *_) = folder.glob("*train*")
    if (kind, name) == ("folder", "x"):
        pytest.skip("a folder beside the files is nothing")
    make_special(shard if name == "shard" else folder / name, kind)
    with pytest.raises(InputError, match=r"it is no file"):
        read_from(folder)


@special
@pytest.mark.parametrize("name", ["level_00/curves.parquet", "level_00/tickets.npz"])
def test_special_files_of_runs_are_refused(run, kind, name):
    make_special(run / name, kind)
    with pytest.raises(StoreError, match="it is no file"):
        load_run(run)
        load_ticket(run, 0, 0)


@pytest.mark.parametrize("kind", ["pipe", "zero", "folder"])
def test_what_was_opened_is_looked_at(tmp_path, monkeypatch, kind):
    """Something else takes the place of a file after the look at it."""
    file, look, looks = tmp_path / "x.json", files._check_plain, []
    file.write_text("{}")

    def swap(about):
        look(about)
        if not looks:
            make_special(file, kind)
        looks.append(about)

    monkeypatch.setattr(files, "_check_plain", swap)
    with pytest.raises(StoreError, match="it is no file"):
        read_json(file)


# The terminal.

BAD = "\x1b]0;PWN\x07\x1b[2J\x9b31m\r\x7f\u202e"
RAW = re.compile("[\0-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]")


@pytest.fixture
def lth(capsys):
    """Return a function that runs a command: exit code, stdout, stderr."""

    def command(*words) -> tuple[int, str, str]:
        capsys.readouterr()
        code = cli.main(list(map(str, words)))
        out, err = capsys.readouterr()
        assert not RAW.search(out + err), (out, err)
        return code, out, err

    return command


def test_errors_are_escaped(run, lth):
    edit(run / "manifest.json", lambda m: m.update(layers=BAD))
    code, _, err = lth("show", run)
    assert code == 2 and "PWN" in err
    table = pq.read_table(run / "level_00/curves.parquet", partitioning=None)
    names = [*table.column_names[:-1], BAD]
    pq.write_table(table.rename_columns(names), run / "level_00/curves.parquet")
    edit(run / "manifest.json", lambda m: m.update(layers={}))
    code, _, err = lth("show", run)
    assert (
        code == 2 and r"\u001b]0;PWN\u0007\u001b[2J\u009b31m\u000d\u007f\u202e" in err
    )


def test_tables_are_escaped(run, lth):
    edit(run / "manifest.json", lambda m: m.update(experiment=BAD))
    code, out, _ = lth("list", "runs", run.parent)
    assert code == 0 and r"\u001b]0;PWN" in out
    code, out, _ = lth("list", "runs", run.parent, "--json")
    assert json.loads(out)[0]["experiment"] == BAD


def test_logs_and_warnings_are_escaped(run, lth, monkeypatch):
    def report(*paths):
        logging.getLogger("lth_jax.x").warning("%s was begun with %s", "x", BAD)
        # What Python writes of a warning that nobody collects.
        sys.stderr.write(warnings.formatwarning(BAD, UserWarning, "x.py", 1))
        return []

    monkeypatch.setattr("lth_jax.report.sweep.write_reports", report)
    code, _, err = lth("report", run)
    assert code == 0 and err.count("PWN") == 2


def test_text_reaches_the_terminal_in_one_place():
    printing = [
        path.relative_to(REPO).as_posix()
        for path in sorted((REPO / "lth_jax").rglob("*.py"))
        if re.search(r"(?<![\w.])print\(|StreamHandler|stdout\.write", path.read_text())
    ]
    assert printing == ["lth_jax/cli/terminal.py"]


# Numbers that are none.


@pytest.mark.parametrize("word", ["1e999", "-1e999", "NaN", "Infinity", "-Infinity"])
def test_numbers_that_are_none_are_not_read(tmp_path, word):
    (tmp_path / "x.json").write_text(f'{{"a": [{{"b": {word}}}]}}')
    with pytest.raises(StoreError, match=rf"x\.json cannot be read: it holds {word}"):
        read_json(tmp_path / "x.json")


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_numbers_that_are_none_are_not_written(tmp_path, number):
    with pytest.raises(LthError, match=r"x\.json was not written: it would hold NaN"):
        write_json(tmp_path / "x.json", {"a": [number]})
    assert list(tmp_path.iterdir()) == []


# The names of experiments.

MINE = """
from lth_jax import Config
print("it ran")

def config():
    return Config(replicates=0)
"""


@pytest.mark.parametrize("name", ["digits", "lenet_mnist", "digits.txt"])
def test_a_file_in_the_working_directory_is_no_experiment(
    tmp_path, monkeypatch, lth, name
):
    monkeypatch.chdir(tmp_path)
    Path(name).write_text(MINE)
    code, out, err = lth("run", name, "--replicates", "0")
    assert code == 2 and "it ran" not in out and "running" not in err
    assert ("./digits.txt" in err) == (name == "digits.txt")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("mine.py", "./mine.py"),
        ("./mine.py", "./mine.py"),
        ("folder/digits", "folder/digits"),
    ],
)
def test_a_file_that_is_run_is_said(tmp_path, monkeypatch, lth, name, said):
    monkeypatch.chdir(tmp_path)
    Path(name).parent.mkdir(exist_ok=True)
    Path(name).write_text(MINE)
    code, out, err = lth("run", name)
    assert (code, out) == (2, "it ran\n")
    assert err.splitlines()[0] == f"running {said}"
    assert "replicates is 0" in err


@pytest.mark.parametrize("name", ["nowhere/digits", "./digits", "digits.py"])
def test_a_path_is_that_of_a_file(tmp_path, monkeypatch, lth, name):
    monkeypatch.chdir(tmp_path)
    code, _, err = lth("run", name, "--dry-run")
    assert code == 2 and f"{name} is no file" in err and "'digits'" in err


@pytest.mark.parametrize("kind", ["pipe", "zero", "folder"])
def test_a_special_file_is_no_experiment(tmp_path, monkeypatch, lth, kind):
    monkeypatch.chdir(tmp_path)
    make_special(Path("mine.py"), kind)
    code, _, err = lth("run", "mine.py")
    assert code == 2 and "mine.py is no file" in err


# Platforms.


def test_a_platform_that_is_not_there_is_refused(monkeypatch, lth):
    """By JAX, with an error of any class; it is not replaced by another platform."""

    def fail():
        raise AssertionError

    monkeypatch.setattr(devices.jax, "local_devices", fail)
    monkeypatch.setattr(devices, "clear_backends", lambda: None)
    before = devices.jax.config.values["jax_platforms"]
    devices.jax.config.update("jax_platforms", "cuda")
    try:
        for words in (["models"], ["list", "models"]):
            code, _, err = lth(*words)
            assert code == 2 and "JAX_PLATFORMS is 'cuda', which JAX cannot" in err
            assert devices.jax.config.values["jax_platforms"] == "cuda"
        with pytest.raises(InputError, match="JAX_PLATFORMS"):
            prepare(CONFIG)
    finally:
        devices.jax.config.update("jax_platforms", before)


@pytest.mark.long
@pytest.mark.parametrize("name", ["bogus", "cuda"])
def test_a_platform_that_is_not_there_is_said_in_a_sentence(name):
    code = "import sys; from lth_jax.cli import main; sys.exit(main(['models']))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=REPO,
        env=os.environ | {"JAX_PLATFORMS": name},
        capture_output=True,
        text=True,
    )
    if done.returncode == 0 and name == "cuda":
        pytest.skip("it is there")
    said = f"lth: JAX_PLATFORMS is '{name}', which JAX cannot use here; there is "
    assert done.returncode == 2 and done.stderr.splitlines()[-1].startswith(said)
    assert "cpu" in done.stderr and "Traceback" not in done.stderr


def test_what_there_is_is_not_asked_where_nothing_is_named(monkeypatch):
    monkeypatch.setattr(devices.jax, "local_devices", None)
    devices.check_platforms()
