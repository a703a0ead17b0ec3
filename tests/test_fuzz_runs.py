"""Damaged run directories: refused by name or done again, never trusted or changed."""

import contextlib
import io
import json
import os
import pickle
import shutil
import signal
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from random import Random

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from lth_jax import cli, load_run, load_ticket, plotting
from lth_jax.driver import devices
from lth_jax.errors import LthError
from lth_jax.files import entry
from lth_jax.store.read import load_variants

SECONDS = 10
"""In which whatever is wrong is refused, and a run read."""
COMPILING = 60
"""In which a run goes on, on a busy machine."""
RUN = """
from lth_jax import Config, ModelConfig, PruneConfig, TrainConfig

def config():
    return Config(
        model=ModelConfig(widths=(4,)),
        train=TrainConfig(steps=4, batch_size=5, eval_every=2),
        prune=PruneConfig(levels=2, rate=0.4),
        replicates=2,
        noises=(0.5,),
        anatomy=(0, 2),
        progress=False,
    )
"""
SWEEP = """
from lth_jax import Config, ModelConfig, PruneConfig, TrainConfig

def config():
    return {
        name: Config(
            model=ModelConfig(widths=(4,), init_std=0.2),
            train=TrainConfig(steps=4, batch_size=5, eval_every=2, learning_rate=rate),
            prune=PruneConfig(levels=1, rate=0.4, criterion="initial_magnitude"),
            replicates=1,
            progress=False,
        )
        for name, rate in {"slow": 0.001, "fast": 0.1}.items()
    }
"""
REPORT = {"report.html", "figures"}
"""What readers may write."""


# How files are damaged.


class Payload:
    """Executed when it is unpickled: leaves a file."""

    def __init__(self, planted: Path) -> None:
        self.planted = str(planted)

    def __reduce__(self):
        return (open, (self.planted, "w"))


JUNK = [None, True, -1, 0.5, 10**30, 2**63, "", "x", "../../..", [], {}, [[]], {"a": 1}]
JUNK += [float("nan"), float("inf"), "\0", "\udc80", "9" * 5000]


def flip(path: Path, rng: Random) -> None:
    content = bytearray(path.read_bytes())
    if content:
        content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
    path.write_bytes(content)


def truncate(path: Path, rng: Random) -> None:
    os.truncate(path, rng.randrange(path.stat().st_size + 1))


def grow(path: Path, rng: Random) -> None:
    path.write_bytes(path.read_bytes() + rng.randbytes(9))


def garbage(path: Path, rng: Random) -> None:
    path.write_bytes(rng.randbytes(rng.choice([0, 1, 99])))


def delete(path: Path, rng: Random) -> None:
    path.unlink()


def folder(path: Path, rng: Random) -> None:
    path.unlink()
    path.mkdir()


def pipe(path: Path, rng: Random) -> None:
    path.unlink()
    os.mkfifo(path)


def link(path: Path, rng: Random) -> None:
    others = [path.name, "/dev/zero", "/dev/null", "nowhere", ".", "/etc/hosts"]
    path.unlink()
    path.symlink_to(rng.choice(others))


def locked(path: Path, rng: Random) -> None:
    if os.geteuid():
        path.chmod(0)


def exchange(path: Path, rng: Random) -> None:
    others = [p for p in path.parent.parent.rglob(path.name) if p.is_file()]
    path.write_bytes(rng.choice(others).read_bytes())


def pickled(path: Path, rng: Random) -> None:
    path.write_bytes(pickle.dumps(Payload(planted_by(path))))


def planted_by(path: Path) -> Path:
    """Return the file that a payload of a run would leave."""
    (root,) = (p for p in path.parents if p.name.startswith("damaged"))
    return root / "planted"


def places(value: object) -> Iterator[tuple[object, object]]:
    """Yield every container and key of nested JSON."""
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in items:
        yield value, key
        if isinstance(inner, dict | list):
            yield from places(inner)


def edit(path: Path, rng: Random) -> None:
    value = json.loads(path.read_text())
    place, key = rng.choice(list(places(value)))
    what = rng.choice(["replace", "replace", "delete", "rename"])
    if what == "replace":
        place[key] = rng.choice(JUNK)
    else:
        inner = place.pop(key)
        if what == "rename" and isinstance(place, dict):
            place[f"{key}x"] = inner
    path.write_text(json.dumps(value))


def replace(path: Path, rng: Random) -> None:
    texts = ["", "null", "[]", "{}", "1", '{"variants": {}}', '{"variants": {".": {}}}']
    texts += ["[" * 100_000, '{"a":' * 900 + "1" + "}" * 900, '{"events": 5}', "NaN"]
    texts += [
        '{"variants": {"../x": {}}}',
        '{"variants": 3}',
        '{"a": ' + "9" * 5000 + "}",
    ]
    path.write_text(rng.choice(texts))


def rewritten(path: Path, rng: Random) -> None:
    """Write an npz of other arrays."""
    with np.load(path) as stored:
        arrays = dict(stored)
    name = rng.choice(sorted(arrays))
    array = arrays[name]
    evil = np.array([Payload(planted_by(path)), None], object)
    dtype = rng.choice(["f8", "U3", "i1"])
    changes = {
        "drop": lambda: arrays.pop(name),
        "add": lambda: arrays.update({"start/" + "x/" * rng.randrange(9): array}),
        "inside": lambda: arrays.update({f"{name}/x": array}),
        "shape": lambda: arrays.update({name: array[:1]}),
        "flat": lambda: arrays.update({name: array.ravel()}),
        "scalar": lambda: arrays.update({name: np.float32(1)}),
        "dtype": lambda: arrays.update({name: array.astype(dtype)}),
        "object": lambda: arrays.update({name: evil}),
        "none": lambda: arrays.clear(),
    }
    changes[rng.choice(sorted(changes))]()
    np.savez(path, **arrays)


def other_npz(path: Path, rng: Random) -> None:
    """Write what np.load reads, but write_npz does not write."""
    what = rng.choice(["npy", "compressed", "text", "huge", "evil"])
    if what == "npy":
        with open(path, "wb") as file:
            np.save(file, np.ones(3))
    elif what == "compressed":
        np.savez_compressed(path, **{"start/w": np.zeros((2, 10**6))})
    else:
        header = io.BytesIO()
        np.lib.format.write_array_header_1_0(
            header, {"descr": "<f4", "fortran_order": False, "shape": (10**12,)}
        )
        content = {
            "text": ("readme.txt", b"hello"),
            "huge": ("start/w.npy", header.getvalue() + b"1234"),
            "evil": ("start/w.npy", pickle.dumps(Payload(planted_by(path)))),
        }[what]
        with zipfile.ZipFile(path, "w") as file:
            file.writestr(*content)


def other_table(path: Path, rng: Random) -> None:
    """Write a parquet of other columns or values."""
    table = pq.read_table(path, partitioning=None)
    name = rng.choice(table.column_names)
    rows = table.to_pylist()
    what = rng.choice(["drop", "type", "none", "value", "twice", "empty", "metadata"])
    if what == "drop":
        table = table.drop_columns([name])
    elif what == "type":
        i = table.column_names.index(name)
        table = table.set_column(
            i, name, pa.array([rng.choice(["x", b"x", 1])] * len(table))
        )
    elif what in ("none", "value"):
        kind = table.schema.field(name).type
        odd = {"string": ["x", "", "\0"], "int64": [-1, 7, 2**62]}
        values = odd.get(str(kind), [float("nan"), float("inf"), -1.0, 1e300])
        for row in rng.sample(rows, rng.randrange(len(rows) + 1)):
            row[name] = None if what == "none" else rng.choice(values)
        table = pa.Table.from_pylist(rows, schema=table.schema)
    elif what == "twice":
        table = pa.concat_tables([table, table])
    elif what == "empty":
        table = table.slice(0, 0)
    else:
        table = table.replace_schema_metadata({"pandas": rng.choice(["{", "[]", "{}"])})
    pq.write_table(table, path)


ANY = [
    flip,
    flip,
    truncate,
    grow,
    garbage,
    delete,
    folder,
    pipe,
    link,
    locked,
    exchange,
]
ANY += [pickled]
OF = {
    ".json": [edit, edit, edit, edit, replace],
    ".npz": [rewritten, rewritten, other_npz],
    ".parquet": [other_table, other_table, other_table],
}


def harm_file(run: Path, rng: Random) -> None:
    files = [p for p in sorted(run.rglob("*")) if p.suffix in OF and p.is_file()]
    path = rng.choice(files)
    choice = rng.choice([ANY, OF[path.suffix]])
    try:
        rng.choice(choice)(path, rng)
    except Exception:
        flip(path, rng)  # harmed before


def harm_folder(run: Path, rng: Random) -> None:
    """Rename, copy, delete or replace a level, or leave something beside it."""
    levels = sorted(p for p in run.rglob("level_*") if p.is_dir())
    if not levels:
        return
    level = rng.choice(levels)
    names = ["level_00", "level_01", "level_02", "level_07", "level_1", "level_\u0663"]
    other = level.with_name(
        rng.choice([*names, "level_x", ".level_01.tmp-1", "level_999"])
    )
    what = rng.choice(["rename", "copy", "delete", "file", "link", "stray", "config"])
    if what in ("rename", "copy"):
        if other.exists():
            shutil.rmtree(other)
        if other != level and level.exists():
            shutil.copytree(level, other, symlinks=True)
        if what == "rename":
            shutil.rmtree(level, ignore_errors=True)
    elif what == "stray":
        other.with_name(rng.choice([other.name, "figures.x", ".x"])).touch()
    elif what == "config":
        (level.parent / "config.json").unlink(missing_ok=True)
    else:
        shutil.rmtree(level)
        if what == "file":
            level.write_text("x")
        elif what == "link":
            level.symlink_to(rng.choice([level.name, "level_00", ".", "/etc"]))


def make_consistent(run: Path) -> None:
    """Write the hashes of what is there into the manifests of the levels."""
    for path in run.rglob("level_*/manifest.json"):
        with contextlib.suppress(Exception):  # it may be damaged itself
            about = json.loads(path.read_text()) if path.is_file() else {}
            there = [path.with_name(name) for name in about["files"]]
            about["files"] = {p.name: entry(p) for p in there if p.is_file()}
            path.write_text(json.dumps(about))


# What must hold.


def contents(root: Path) -> dict[str, object]:
    """Return everything in a folder but reports, by path; links as links."""
    found = {}
    for folder, folders, files in os.walk(root):
        for path in (Path(folder, name) for name in [*folders, *files]):
            if not REPORT & set(path.relative_to(root).parts):
                regular = path.is_file() and not path.is_symlink()
                kind = os.readlink(path) if path.is_symlink() else path.is_dir()
                found[str(path)] = path.read_bytes() if regular else kind
    return found


def tables(run: Path) -> dict[str, bytes]:
    return {str(p.relative_to(run)): p.read_bytes() for p in run.rglob("*.parquet")}


def lth(*words: object) -> tuple[int, str]:
    """Run a command: exit code, stderr."""
    err, started = io.StringIO(), time.monotonic()
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(err):
        code = cli.main([str(word) for word in words])
    trained = words[0] == "run" and code == 0
    assert time.monotonic() - started < (COMPILING if trained else SECONDS)
    assert "Traceback" not in err.getvalue()
    return code, err.getvalue()


def check_readers(run: Path) -> None:
    before = contents(run)
    for words in (["show"], ["show", "--json"], ["report"], ["claims"]):
        code, err = lth(words[0], run, *words[1:])
        assert code in ((0, 1, 2) if words == ["report"] else (0, 2)), err
        assert code == 0 or str(run) in err, err
    for load in (load_run, load_variants, lambda path: load_ticket(path, 1, 0)):
        with contextlib.suppress(LthError):
            load(run)
    assert contents(run) == before


def check_resumed(run: Path, experiment: Path, whole: Path, is_known: bool) -> None:
    """Check lth run: refused without a change, or all is as it was.

    Args:
        run: damaged.
        experiment: that it is of.
        whole: the undamaged run.
        is_known: the damage can be seen by comparing hashes.
    """
    before = contents(run)
    code, err = lth("run", experiment, "--out", run.parent)
    assert code in (0, 1, 2), err
    assert code == 0 or str(run) in err or "manifest.json" in err, err
    if code == 2:
        after = contents(run)
        left = {name for name in before if ".tmp-" in name}  # of killed processes
        assert after == {n: c for n, c in before.items() if n in after or n not in left}
    elif is_known:
        stored = tables(run)
        assert {name: stored.get(name) for name in tables(whole)} == tables(whole)


@pytest.fixture(scope="module")
def runs(tmp_path_factory) -> Iterator[list[tuple[Path, Path]]]:
    """Return experiments, each with its finished run."""
    folder = tmp_path_factory.mktemp("whole")
    handler, made = signal.getsignal(signal.SIGTERM), []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(devices, "use_host_devices", lambda n: None)
        # The slowest part of a report, and the same whatever is drawn.
        patch.setattr(plotting, "render", lambda figure, kind: b"<svg></svg>")
        for name, text in {"one": RUN, "sweep": SWEEP}.items():
            experiment = folder / f"{name}.py"
            experiment.write_text(text)
            assert cli.main(["run", str(experiment), "--out", str(folder)]) == 0
            (run,) = folder.glob(f"{name}-*")
            made.append((experiment, run))
        yield made
    signal.signal(signal.SIGTERM, handler)


HARMS = [harm_file, harm_file, harm_folder]
DAMAGES = st.tuples(
    st.integers(0, 2**32 - 1),
    st.booleans(),
    st.lists(st.sampled_from(HARMS), min_size=1, max_size=2),
    st.booleans(),
)


def check(runs: list[tuple[Path, Path]], folder: Path, damage) -> None:
    number, is_sweep, harms, is_hidden = damage
    experiment, whole = runs[is_sweep]
    root = folder / f"damaged-{number}"
    shutil.rmtree(root, ignore_errors=True)
    run = shutil.copytree(whole, root / "out" / whole.name)
    rng = Random(number)
    for harm in harms:
        harm(run, rng)
    if is_hidden:
        make_consistent(run)
    check_readers(run)
    check_resumed(run, experiment, whole, not is_hidden)
    assert not (root / "planted").exists()
    shutil.rmtree(root)


@settings(max_examples=5, suppress_health_check=[*HealthCheck], phases=[Phase.generate])
@given(DAMAGES)
def test_damaged_runs(runs, tmp_path_factory, damage):
    check(runs, tmp_path_factory.getbasetemp(), damage)


@pytest.mark.long
@pytest.mark.parametrize("part", range(5))
def test_hundreds_of_damaged_runs(runs, tmp_path_factory, part):
    rng = Random(part)
    for _ in range(110):
        harms = rng.choices(HARMS, k=rng.choice([1, 1, 2]))
        damage = rng.randrange(2**32), rng.random() < 0.3, harms, rng.random() < 0.5
        check(runs, tmp_path_factory.getbasetemp(), damage)


def test_a_path_that_is_no_text_is_refused(runs, tmp_path):
    run = shutil.copytree(runs[0][1], tmp_path / "\udcff")
    for command in ("show", "report"):
        code, err = lth(command, run)
        assert code == 2 and "is no UTF-8 text" in err


def test_a_refused_sweep_creates_no_variant(runs, tmp_path):
    """One variant has gone and another was edited: neither is touched."""
    experiment, whole = runs[True]
    run = shutil.copytree(whole, tmp_path / whole.name)
    shutil.rmtree(run / "slow")
    config = run / "fast" / "config.json"
    config.write_text(config.read_text().replace('"seed": 0', '"seed": 1'))
    before = contents(run)
    code, err = lth("run", experiment, "--out", tmp_path)
    assert code == 2 and "seed is 1 there" in err
    assert contents(run) == before


def test_a_payload_would_be_seen(tmp_path):
    """The planted pickle does what it is planted for when it is trusted."""
    path = tmp_path / "damaged" / "x.npz"
    path.parent.mkdir()
    evil = np.array([Payload(planted_by(path))], object)
    np.savez(path, evil=evil)
    with np.load(path, allow_pickle=True) as stored:
        stored["evil"][0].close()
    assert planted_by(path).exists()
