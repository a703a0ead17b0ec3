"""Strangers' runs and data, one table of each, through the commands; kills; full disks.

What is in a table is also in the short tests, mostly, of the function that refuses it;
here nothing is replaced: whole commands, real sizes, and everything around is watched.
"""

import copy
import gzip
import io
import json
import os
import pickle
import random
import re
import shutil
import signal
import subprocess
import sys
import time
import warnings
import zipfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import forks
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from runs import SMALL, levels
from test_attack_reading import (
    BAD,
    FIXTURE,
    RAW,
    bomb,
    edit,
    evil,
    make_special,
    sparse,
)

from lth_jax.files import entry
from lth_jax.sources import mnist
from lth_jax.store import write as store

HERE = Path(__file__).parent
pytestmark = pytest.mark.long

STUDY = (
    "run digits --quick --train.steps 20 --train.eval-every 8 --prune.levels 2"
    " --replicates 1 --reinits 0 --shuffles 0 --no-progress --keep-final all"
).split()
SECONDS, BYTES = 1.0, 200e6
"""In which what is made up is refused."""
KEPT = frozenset({*SMALL, "final.npz"})
"""Files of a level whose bytes are compared."""


@pytest.fixture(scope="module")
def original(tmp_path_factory) -> Path:
    """Return a run that nothing has disturbed."""
    out = tmp_path_factory.mktemp("original")
    # A process of its own: in this one JAX may have begun, with other devices.
    subprocess.run(
        [sys.executable, "-c", LTH, *STUDY, "--out", out], check=True, env=env()
    )
    (path,) = out.iterdir()
    return path


@pytest.fixture(scope="module")
def lth(original, tmp_path_factory) -> Iterator[forks.Forks]:
    with forks.started(original, tmp_path_factory.mktemp("said")) as commands:
        yield commands


def everything(folder: Path) -> dict[str, tuple]:
    """Return what every file, folder and link is, and when it was written."""
    return {
        str(path.relative_to(folder)): (about.st_mode, about.st_size, about.st_mtime_ns)
        for path in sorted(folder.rglob("*"))
        for about in [path.lstat()]
    }


# Files that attackers write.


class Evil:
    """A pickle that makes a file in the working directory of who reads it."""

    def __init__(self, outside: Path) -> None:
        self._command = f"touch {outside / 'it_ran'}"

    def __reduce__(self):
        return os.system, (self._command,)


def sealed(folder: Path) -> None:
    """Let the manifest of a level name what is in its folder now."""
    there = [p for p in folder.iterdir() if p.is_file() and p.name != "manifest.json"]
    files = {p.name: entry(p) for p in there}
    edit(folder / "manifest.json", lambda m: m.update(files=files))


def member(descr: str, shape: tuple, content: bytes = b"1234") -> bytes:
    """Return an array as npz hold it, whatever its header says."""
    file = io.BytesIO()
    head = {"descr": descr, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, head)
    return file.getvalue() + content


def npz(change: Callable[[zipfile.ZipFile, Path], None]):
    """Return an attack by what is added to the tickets of a level, which are right."""

    def attack(run: Path, outside: Path) -> None:
        file = run / "level_01" / "tickets.npz"
        with warnings.catch_warnings(), zipfile.ZipFile(file, "a") as archive:
            warnings.simplefilter("ignore")  # two of one name
            change(archive, outside)
        sealed(file.parent)

    return attack


def deflate(archive: zipfile.ZipFile, _: Path) -> None:
    info = zipfile.ZipInfo("start/y.npy")
    info.compress_type = zipfile.ZIP_DEFLATED
    with archive.open(info, "w", force_zip64=True) as stream:
        stream.write(member("<f4", (1, 10**8), b""))
        for _ in range(40):
            stream.write(bytes(10**7))


def overlap(archive: zipfile.ZipFile, _: Path) -> None:
    archive.writestr("start/x.npy", member("<f4", (1, 25_000), bytes(10**5)))
    for _ in range(5_000):
        archive.filelist.append(copy.copy(archive.filelist[-1]))


def whole_npz(content: Callable[[Path, bytes], bytes]):
    """Return an attack by what stands in the place of the tickets of a level."""

    def attack(run: Path, outside: Path) -> None:
        file = run / "level_01" / "tickets.npz"
        file.write_bytes(content(outside, file.read_bytes()))
        sealed(file.parent)

    return attack


def of_objects(outside: Path, _: bytes) -> bytes:
    file = io.BytesIO()
    np.savez(file, **{"start/x": np.array([Evil(outside)], object)})
    return file.getvalue()


NPZ = {
    "of objects": whole_npz(of_objects),
    "a pickle": whole_npz(lambda outside, _: pickle.dumps(Evil(outside))),
    "a pickle in an archive": npz(
        lambda z, outside: z.writestr("start/x.npy", pickle.dumps(Evil(outside)))
    ),
    "objects in a header": npz(
        lambda z, outside: z.writestr(
            "start/x.npy", member("|O", (1,), pickle.dumps(Evil(outside)))
        )
    ),
    "1.5 TiB in a header": npz(
        lambda z, _: z.writestr("start/x.npy", member("<f4", (1, 400 * 2**30)))
    ),
    "words of no size": npz(
        lambda z, _: z.writestr("start/x.npy", member("|S0", (1, 10**13), b""))
    ),
    "sizes below zero": npz(
        lambda z, _: z.writestr("start/x.npy", member("<f4", (-1, -1)))
    ),
    "a deflate bomb": npz(deflate),
    "members that overlap": npz(overlap),
    "two of one name": npz(
        lambda z, _: z.writestr(z.filelist[0].filename, member("<f4", (1, 1)))
    ),
    "names that lead out": npz(
        lambda z, _: z.writestr("../../../outside/x.npy", member("<f4", (1, 1)))
    ),
    "an array that no run has": npz(
        lambda z, _: z.writestr("start/x.npy", member("|u1", (1, 10**8), bytes(10**8)))
    ),
    "half of a file": whole_npz(lambda _, content: content[: len(content) // 2]),
    "100,000 arrays": npz(
        lambda z, _: (
            [z.writestr(f"start/{i}.npy", b"") for i in range(100_000)] and None
        )
    ),
}


def text(name: str, words: Callable[[str], str | bytes]):
    """Return an attack by what a file of JSON holds, given what is in it."""

    def attack(run: Path, outside: Path) -> None:
        del outside
        said = words((run / name).read_text())
        (run / name).write_bytes(said if isinstance(said, bytes) else said.encode())

    return attack


def noted(**fields):
    """Return an attack by fields of the run's manifest, which is else as it was."""
    return text("manifest.json", lambda said: json.dumps(json.loads(said) | fields))


def extra(words: str):
    """Return an attack by a value that stands first in the run's manifest."""
    return text("manifest.json", lambda said: said.replace("{", f'{{"x": {words},', 1))


def planned(lanes: str):
    return text(
        "manifest.json", lambda m: re.sub(r'"lanes": \d+', f'"lanes": {lanes}', m)
    )


def leading_out(run: Path, outside: Path) -> None:
    """The manifest of a level names files elsewhere, which are no files, or large."""
    sparse(outside / "large")
    os.mkfifo(outside / "pipe")
    known = {"bytes": 20 * 10**9, "sha256": "0" * 64}
    names = ["../../outside/large", "/dev/zero", str(outside / "pipe")]
    for number in (0, 1):
        edit(
            run / f"level_{number:02d}" / "manifest.json",
            lambda m: m["files"].update(dict.fromkeys(names, known)),
        )


JSON = {
    "100,000 lists": extra("[" * 100_000 + "]" * 100_000),
    "100,000 objects": extra('{"a":' * 100_000 + "1" + "}" * 100_000),
    "25 lists": extra("[" * 25 + "]" * 25),
    "a number of 4,000 digits": extra("9" * 4_000),
    "a number of 400,000 digits": extra("9" * 400_000),
    "a name twice": extra('1, "fingerprint": "x", "plan": {"lanes": 9}, "x": 2'),
    "no number": extra("NaN"),
    "1e999": extra("1e999"),
    "10 million values": extra("[" + "1," * 10**7 + "1]"),
    "a word of 26 MB": extra('"' + "x" * 26_000_000 + '"'),
    "a million lanes": planned("1000000"),
    "10,000 lanes": planned("10000"),
    "lanes of 4,000 digits": planned("9" * 4_000),
    "lanes below zero": planned("-5"),
    "half a pair": extra(r'"\ud800"'),
    "no object": text("manifest.json", lambda _: "[1, 2]"),
    "noise": text("manifest.json", lambda _: bytes(range(256)) * 99),
    "events of nothing": noted(events=[1] * 1_000),
    "layers of 10^12 weights": noted(layers={"w": {"shape": [10**6, 10**6]}}),
    "a billion levels": text(
        "config.json", lambda c: re.sub(r'"levels": 2', '"levels": 1000000000', c)
    ),
    "a billion networks": text(
        "config.json",
        lambda c: re.sub(r'"replicates": 1', '"replicates": 1000000000', c),
    ),
    "a billion variants": text(
        "config.json", lambda c: '{"variants": {"../x": ' + c + "}}"
    ),
    "files that lead out": leading_out,
}


def table(write: Callable[[Path], None]):
    """Return an attack by what is in the place of a table, under a right manifest."""

    def attack(run: Path, outside: Path) -> None:
        del outside
        write(run / "level_01" / "curves.parquet")
        sealed(run / "level_01")

    return attack


def changed(change: Callable[[pa.Table], pa.Table], **words):
    """Return an attack by what becomes of a table."""
    return table(
        lambda file: pq.write_table(
            change(pq.read_table(file, partitioning=None)), file, **words
        )
    )


def nest(read: pa.Table) -> pa.Table:
    deep = pa.array([[[[[1.0]]]]] * len(read))
    return read.set_column(read.column_names.index("loss"), "loss", deep)


TABLES = {
    "10 million rows": table(lambda file: bomb(file, 10**7)),
    "lists in lists": changed(nest),
    "a table that swells": changed(lambda read: read, compression="zstd"),
    "a word of 10 MB": table(lambda file: bomb(file, 5, kind="x" * 10**7)),
    "columns with escapes": changed(
        lambda read: read.rename_columns([*read.column_names[:-1], BAD])
    ),
    "words with escapes": table(lambda file: bomb(file, 5, kind=BAD)),
    "20 GB of holes": lambda run, _: sparse(run / "level_01" / "curves.parquet"),
}


def special(name: str, kind: str):
    """Return an attack by what no plain file is, in the place of a file or folder."""

    def attack(run: Path, outside: Path) -> None:
        place = run / name
        if place.is_dir():
            shutil.rmtree(place)
        place.parent.mkdir(parents=True, exist_ok=True)
        if kind == "file":
            place.write_text("a file")
        elif kind == "loop":
            place.unlink(missing_ok=True)
            place.symlink_to(place)
        elif kind == "outside":
            place.unlink(missing_ok=True)
            place.symlink_to(outside)
        elif kind == "holes":
            sparse(place)
        else:
            make_special(place, kind)

    return attack


SPECIAL = {
    f"{name} is a {kind}": special(name, kind)
    for name, kind in [
        ("config.json", "pipe"),
        ("manifest.json", "pipe"),
        ("manifest.json", "folder"),
        ("manifest.json", "holes"),
        ("report.html", "pipe"),
        ("report.html", "zero"),
        ("level_01/curves.parquet", "pipe"),
        ("level_01/summary.parquet", "zero"),
        ("level_01/summary.parquet", "loop"),
        ("level_01/tickets.npz", "pipe"),
        ("level_01/final.npz", "holes"),
        ("level_01/manifest.json", "loop"),
        ("level_01/manifest.json", "pipe"),
        ("level_01", "file"),
        ("level_01", "outside"),
        ("figures", "outside"),
        ("figures", "pipe"),
        ("anatomy", "outside"),
        ("anatomy/manifest.json", "pipe"),
        ("checkpoint", "outside"),
        ("checkpoint", "pipe"),
        ("checkpoint/7/about/metadata", "pipe"),
        ("checkpoint/7/_CHECKPOINT_METADATA", "zero"),
        ("checkpoint/7/arrays/manifest.ocdbt", "holes"),
        ("checkpoint/2019/photo.jpg", "file"),
    ]
}

PAGE = "<script>alert(1)</script>--><b>$\\frac{"


def tainted(value, words: str):
    """Return what JSON holds, with words in the place of all others, names too."""
    if isinstance(value, dict):
        return {k: tainted(v, words) for k, v in value.items()} | {words: words}
    if isinstance(value, list):
        return [tainted(one, words) for one in value]
    return words if isinstance(value, str) else value


def taint(words: str):
    def attack(run: Path, outside: Path) -> None:
        del outside

        def change(manifest: dict) -> None:
            for name in ("versions", "devices", "data", "git", "events", "experiment"):
                if name in manifest:
                    manifest[name] = tainted(manifest[name], words)

        edit(run / "manifest.json", change)

    return attack


WORDS = {"words that are a page": taint(PAGE), "words that act": taint(BAD)}
RUNS = NPZ | JSON | TABLES | SPECIAL | WORDS

CODES = {
    "an array that no run has": "00",
    "a number of 4,000 digits": "00000",
    "a name twice": "00000",
    **dict.fromkeys(["a million lanes", "10,000 lanes"], "00002"),
    **dict.fromkeys(["lanes of 4,000 digits", "lanes below zero"], "00002"),
    "layers of 10^12 weights": "00020",
    "files that lead out": "00000",
    **dict.fromkeys(TABLES, "22220"),
    **dict.fromkeys(["report.html is a pipe", "report.html is a zero"], "00000"),
    "level_01/curves.parquet is a pipe": "22220",
    "level_01/summary.parquet is a zero": "22220",
    "level_01/summary.parquet is a loop": "22220",
    "level_01/tickets.npz is a pipe": "00020",
    "level_01/final.npz is a holes": "00000",
    "level_01/manifest.json is a loop": "00000",
    "level_01/manifest.json is a pipe": "22220",
    "figures is a outside": "00222",
    "figures is a pipe": "00112",
    "anatomy is a outside": "00022",
    "anatomy/manifest.json is a pipe": "22200",
    "checkpoint is a outside": "00002",
    "checkpoint is a pipe": "00000",
    "checkpoint/7/about/metadata is a pipe": "00002",
    "checkpoint/7/_CHECKPOINT_METADATA is a zero": "00002",
    "checkpoint/7/arrays/manifest.ocdbt is a holes": "00000",
    "checkpoint/2019/photo.jpg is a file": "00002",
    **dict.fromkeys(WORDS, "00002"),
}
"""Exit codes of the commands: 2 where they read it, 0 where they do not, or where the
level is done again; of others 22222, of arrays 20."""

ALL = ("show", "claims", "report", "anatomy", "run")
ARRAYS = ("anatomy", "run")
"""Commands that read arrays."""


def check_said(what: str, ended: forks.Ended) -> None:
    """Check that what a command has refused it has refused in a sentence, and at once.

    And print how it ended: these lines are the table of an attack.
    """
    last = (ended.err.splitlines() or [""])[-1]
    print(
        f"{what:<50} {ended.code:>3} {ended.seconds:6.2f} s {ended.grown / 1e6:6.0f} MB"
        f"  {last[:150]}"
    )
    assert ended.code in (0, 1, 2), ended
    assert "Traceback" not in ended.err, ended.err
    assert not RAW.search(ended.out + ended.err)
    if ended.code:
        assert last.startswith("lth: "), ended.err
        assert ended.seconds < SECONDS
        assert ended.grown < BYTES


@pytest.mark.parametrize("name", RUNS)
def test_runs_of_strangers(name, original, lth, tmp_path):
    place, outside = tmp_path / "place", tmp_path / "outside"
    for folder in ("1", "2", "2019", "level_01", "figures"):
        (outside / folder).mkdir(parents=True)
        (outside / folder / "photo.jpg").write_text("a photo")
    run = Path(shutil.copytree(original, place / original.name))
    shutil.rmtree(run / "level_02")
    RUNS[name](run, outside)
    before = everything(outside)
    codes = ""
    for command in ARRAYS if name in NPZ else ALL:
        words = [*STUDY, "--out", place] if command == "run" else [command, run]
        ended = lth(*words)
        codes += str(ended.code)
        check_said(f"{name}: {command}", ended)
        assert everything(outside) == before
        assert sorted(p.name for p in tmp_path.iterdir()) == ["outside", "place"]
    if ended.code == 0:  # what was wrong has been done again
        assert levels(run, KEPT) == levels(original, KEPT)
    if name in WORDS:
        pages = [run / "report.html", *(run / "figures").glob("*.svg")]
        for said in [page.read_bytes().decode() for page in pages]:
            assert "<script>" not in said and not RAW.search(said)
    assert codes == CODES.get(name, "20" if name in NPZ else "22222")


# Data folders.

MNIST = (
    "run lenet_mnist --data.validation 10 --train.steps 2 --train.eval-every 2"
    " --train.batch-size 5 --prune.levels 1 --replicates 1 --reinits 0 --no-progress"
).split()


def in_file(name: str, change: Callable[[dict], object]):
    """Return an attack by a change of a file of JSON of a TFDS folder."""
    return lambda folder: edit(folder / name, change)


def in_split(**fields):
    return in_file("dataset_info.json", lambda info: info["splits"][0].update(fields))


def an_image(**fields):
    return in_file(
        "features.json",
        lambda f: f["featuresDict"]["features"]["image"]["image"].update(fields),
    )


def in_shard(write: Callable[[Path], object]):
    """Return an attack by what the examples are."""
    return lambda folder: [write(file) for file in sorted(folder.glob("*-train.*"))]


def records(*content: bytes):
    """Return an attack by examples that say something else."""

    def write(file: Path) -> None:
        from array_record.python.array_record_module import ArrayRecordWriter

        writer = ArrayRecordWriter(str(file), "group_size:1")
        for one in content:
            writer.write(one)
        writer.close()

    return in_shard(write)


FEATURES = ("featuresDict", "features")
TFDS = {
    "an absurd shape": an_image(shape={"dimensions": ["1000000", "1000000", "1"]}),
    "a shape below zero": an_image(shape={"dimensions": ["-28", "28", "1"]}),
    "another type": an_image(dtype="float64"),
    "10^9 examples": in_split(shardLengths=["999999999"]),
    "10^9 shards": in_split(shardLengths=["0"] * 999_999),
    "examples below zero": in_split(shardLengths=["-100"]),
    "files elsewhere": in_split(filepathTemplate="../../../../etc/{SPLIT}"),
    "a file elsewhere": in_split(filepathTemplate="/etc/passwd"),
    "a feature that is code": in_file("features.json", evil((*FEATURES, "image"))),
    "all is code": in_file("features.json", evil(())),
    "a feature unknown": in_file(
        "features.json",
        lambda f: f["featuresDict"]["features"].update(
            more={"pythonClassName": "tensorflow_datasets.core.features.Video"}
        ),
    ),
    "no features": in_file("features.json", dict.clear),
    "deep features": lambda folder: (folder / "features.json").write_text(
        '{"a":' * 100_000 + "1" + "}" * 100_000
    ),
    "info of holes": lambda folder: sparse(folder / "dataset_info.json"),
    "noise": in_shard(lambda file: file.write_bytes(bytes(range(256)) * 512)),
    "empty": in_shard(lambda file: file.write_bytes(b"")),
    "half": in_shard(lambda file: os.truncate(file, 70_000)),
    "holes": in_shard(lambda file: os.truncate(file, 20 * 10**9)),
    "a pipe": in_shard(lambda file: make_special(file, "pipe")),
    "zeros": in_shard(lambda file: make_special(file, "zero")),
    "examples of noise": records(*[b"noise"] * 100),
    "examples of nothing": records(*[b""] * 100),
}


@pytest.mark.parametrize("name", [None, *TFDS])
def test_data_of_strangers(name, lth, tmp_path):
    folders = Path(shutil.copytree(FIXTURE, tmp_path / "data"))
    (tmp_path / "data" / "planted.py").write_text("raise SystemExit('it ran')")
    words = [*MNIST, "--out", tmp_path / "runs", "--data.cache", tmp_path / "cache"]
    words += ["--data.dir", folders]
    if name is None:
        ended = lth(*words)
        assert ended.code == 0, ended.err
        return
    TFDS[name](folders / "mnist" / "3.0.1")
    before = everything(folders)
    ended = lth(*words)
    check_said(name, ended)
    assert ended.code == 2
    assert everything(folders) == before
    assert not list(tmp_path.rglob("*.npz"))


PUBLISHED = {
    "pipes": lambda file: make_special(file, "pipe"),
    "zeros": lambda file: make_special(file, "zero"),
    "holes": sparse,
    "folders": lambda file: make_special(file, "folder"),
    "a bomb": lambda file: file.write_bytes(gzip.compress(bytes(10**9), 1)),
    "noise": lambda file: file.write_bytes(bytes(range(256))),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_files_of_strangers(name, lth, tmp_path):
    for file in mnist.FILES.values():
        PUBLISHED[name](tmp_path / file)
    words = ["--dir", tmp_path, "--cache", tmp_path / "cache"]
    ended = lth("data", "prepare", "mnist", *words)
    check_said(name, ended)
    assert ended.code == 2


# Kills.

LTH = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
import conftest
from lth_jax.cli import main
sys.exit(main(sys.argv[1:]))
"""
SIGNALS = [signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGINT]
STOPPED = {-signal.SIGKILL, -signal.SIGTERM, -signal.SIGINT, 143, 130}


def lasting(run: Path) -> dict[str, bytes]:
    """Return what is the same in all runs of a study: all that holds no times."""
    once = {"manifest.json", "config.json", "report.html"}
    return {
        str(path.relative_to(run)): path.read_bytes()
        for path in sorted(run.rglob("*"))
        if path.is_file() and str(path.relative_to(run)) not in once
    }


def test_killed_at_thirty_six_moments_of_a_whole_run(original, tmp_path):
    """In imports, trainings, checkpoints, levels and pages, by all signals."""
    moments, where = random.Random(14), tmp_path / "runs"
    words = [*STUDY, "--checkpoint-every", "0.1", "--out"]
    (tmp_path / "said").mkdir()
    with forks.started(original, tmp_path / "said", pictures=True) as lth:
        start = time.monotonic()
        assert lth(*words, where / "whole").code == 0
        lasts, expected = (
            time.monotonic() - start,
            lasting(where / "whole" / original.name),
        )
        kills, finished = 0, 0
        while kills < 36:
            out, signum = where / str(finished), moments.choice(SIGNALS)
            after = moments.uniform(0.0, 1.1) * lasts
            if kills % 6 == 0:  # from the beginning, which a fork has behind it
                code = killed_early(signum, moments.uniform(0.0, 3.0), *words, out)
            else:
                ended = lth(*words, out, signum=signum, after=after)
                code = ended.code
                assert "Traceback" not in ended.err, ended.err
            assert code in STOPPED | {0}
            kills += code in STOPPED
            if code == 0:
                check_whole(out / original.name, expected)
                finished += 1
                lasts *= 0.9  # it came too late, if the machine is less busy now
        assert lth(*words, where / str(finished)).code == 0
    check_whole(where / str(finished) / original.name, expected)
    print(f"{kills} kills, {finished + 1} runs of {lasts:.1f} s each")
    assert finished > 3


def env() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": os.pathsep.join([str(HERE.parent), str(HERE)])}


def killed_early(signum: int, after: float, *words) -> int:
    command = [sys.executable, "-c", LTH, *map(str, words)]
    silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command, env=env(), **silent) as process:
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=after)
        process.send_signal(signum)
        return process.wait()


def check_whole(run: Path, expected: dict[str, bytes]) -> None:
    found = lasting(run)
    assert found.keys() == expected.keys(), found.keys() ^ expected.keys()
    for name, content in expected.items():
        assert found[name] == content, name
    assert not list(run.rglob(".*")) and not (run / "checkpoint").exists()


# Disks that are full.


def mount(place: Path, *options: str) -> None:
    """Mount a file system of a size, or skip the test where that is not allowed."""
    command = ["mount", "-t", "tmpfs", "-o", ",".join(options), "tmpfs", str(place)]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"nothing can be mounted here: {error}")


@pytest.fixture
def disk(tmp_path) -> Iterator[Path]:
    place = tmp_path / "disk"
    place.mkdir()
    mount(place, "size=12k")
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


@pytest.mark.parametrize("size", ["12k", "100k", "400k", "1300k"])
def test_a_full_disk_keeps_what_is_complete(size, original, lth, disk):
    mount(disk, "remount", f"size={size}")
    words = [*STUDY, "--checkpoint-every", "0", "--out", disk]
    ended = lth(*words)
    said, run = ended.err.splitlines(), disk / original.name
    print(f"{size:<6} {ended.code} {len(said)} lines; {said[-1]}")
    assert ended.code in (1, 2) and said[-1].startswith("lth: ")
    assert "could not be written" in said[-1] and str(run) in said[-1]
    assert "Traceback" not in ended.err and "Event loop" not in ended.err
    for level in sorted(run.glob("level_*")):
        assert store.damage(run, int(level.name[-2:])) is None
    mount(disk, "remount", "size=50m")
    assert lth(*words).code == 0
    assert levels(run, KEPT) == levels(original, KEPT)
    assert not list(run.rglob(".*")) and not (run / "checkpoint").exists()
