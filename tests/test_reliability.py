"""Faults: interrupted, killed, out of memory, disk full, two at once, changed."""

import dataclasses
import errno
import fcntl
import itertools
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import jax
import pytest
from runs import config_at, levels, run

import lth_jax as lth
from lth_jax import load_run
from lth_jax.config import StabilityConfig
from lth_jax.driver import interrupts, pipeline, progress, trainer
from lth_jax.driver import plan as planning
from lth_jax.errors import LthError, StoreError
from lth_jax.store import write as store

HERE = Path(__file__).parent


def events(path: Path, name: str) -> list[dict]:
    noted = json.loads((path / "manifest.json").read_text())["events"]
    return [event for event in noted if event["event"] == name]


@pytest.fixture(scope="module")
def original(tmp_path_factory) -> Path:
    """Return a run that nothing has disturbed: 2, 6 and 6 networks, 2 at a time."""
    return run(config_at(tmp_path_factory.mktemp("original")))


@pytest.fixture
def watched(monkeypatch):
    """Look at a training after every tick; return what is done before each look."""
    monkeypatch.setattr(progress, "CHUNK_SECONDS", 0.0)
    watch, looks = trainer.Training.watch, []

    def every(self, partial, names):
        looks.append((names[0].split("/")[1:], partial.done))
        for act in actions:
            act(len(looks))
        return watch(self, partial, names)

    actions = []
    monkeypatch.setattr(trainer.Training, "watch", every)
    return actions, looks


# Asked to stop.


STOPS = [(1, signal.SIGINT), (40, signal.SIGTERM)]
MORE_STOPS = [(look, signal.SIGTERM) for look in (1, 2, 9, 31, 75, 110)]
MORE_STOPS += [(look, signal.SIGINT) for look in (2, 9, 31, 40, 75, 110)]


@pytest.mark.parametrize(
    ("look", "signum"),
    STOPS + [pytest.param(*stop, marks=pytest.mark.long) for stop in MORE_STOPS],
)
def test_asked_to_stop_it_loses_nothing(look, signum, original, tmp_path, watched):
    """Looks 1-30 or so are of level 0, the others of the three groups of level 1."""
    actions, looks = watched

    def ask(number):
        if number == look:
            os.kill(os.getpid(), signum)

    actions.append(ask)
    config = config_at(tmp_path)
    error = {signal.SIGINT: KeyboardInterrupt, signal.SIGTERM: SystemExit}
    handlers = [signal.getsignal(s) for s in interrupts.SIGNALS]
    with pytest.raises(error[signum]):
        run(config)
    assert [signal.getsignal(s) for s in interrupts.SIGNALS] == handlers
    path = tmp_path / original.name
    assert (path / "checkpoint").is_dir()
    assert len(looks) == look
    stopped = looks[-1]
    looks.clear()
    actions.clear()
    run(config)
    assert looks[0] == stopped, "it goes on at the tick where it stopped"
    assert levels(path) == levels(original)
    assert not (path / "checkpoint").exists()


def endured(start: Callable[[int], Path], every: int, watched) -> tuple[Path, list]:
    """Start it again and again, asking it to stop at every so many looks."""
    actions, looks = watched
    seen = []
    actions.append(
        lambda number: number == every and os.kill(os.getpid(), signal.SIGINT)
    )
    for attempt in range(200):
        looks.clear()
        try:
            path = start(attempt)
        except KeyboardInterrupt:
            seen.append(list(looks))
        else:
            actions.clear()
            return path, [*seen, list(looks)]
    raise AssertionError("it does not get on")


BARE = {"reinits": 0, "shuffles": 0}
"""Fields of a study of tickets alone, where each network costs many checkpoints."""
SHAPES = {
    "rewound": BARE | {"rewind": lth.RewindConfig(weights=5, moments="restored")},
}
LONG_SHAPES = {
    "iterative": {},
    "rewound, with controls": {
        "rewind": lth.RewindConfig(weights=5, moments="restored")
    },
    "padded": {"plan": lth.PlanConfig(devices=4)},
    "one-shot": {"prune": lth.PruneConfig(one_shot=(0.3, 0.6)), "replicates": 3},
    "continued": {"prune": lth.PruneConfig(levels=2, continued=True)},
    "stacked": {"plan": lth.PlanConfig(devices=1, lanes=4)},
    "fine-tuned": {"rewind": lth.RewindConfig(weights="final", steps=7)},
    "copied": {"stability": StabilityConfig(orders=2, points=3)},
}


@pytest.mark.parametrize(
    "shape", [*SHAPES, *(pytest.param(n, marks=pytest.mark.long) for n in LONG_SHAPES)]
)
def test_stopped_again_and_again_it_repeats_nothing(shape, tmp_path, watched):
    fields, every = (SHAPES | LONG_SHAPES)[shape], 17 if shape in SHAPES else 31
    whole = run(config_at(tmp_path / "whole", **fields))
    looks = list(watched[1])
    parts, seen = endured(
        lambda _: run(config_at(tmp_path / "parts", **fields)), every, watched
    )
    assert levels(parts) == levels(whole)
    assert len(seen) > 4
    for before, after in itertools.pairwise(seen):
        assert after[0] == before[-1], "it goes on at the tick where it stopped"
    assert [look for part in seen for look in part[:-1]] + [seen[-1][-1]] == looks


@pytest.mark.long
def test_a_sweep_over_rewind_points_stopped_again_and_again(tmp_path, watched):
    """The dense network trains once; what it has kept on the way is not lost."""

    def start(out: str) -> Path:
        one = config_at(tmp_path / out, replicates=1)
        rules = {f"k{k}": lth.RewindConfig(weights=k) for k in (0, 5, 12)}
        return pipeline.run_sweep(
            {name: dataclasses.replace(one, rewind=r) for name, r in rules.items()}, "k"
        )

    whole = start("whole")
    dense = [look for look in watched[1] if look[0][0] == "0"]
    assert len({look[0][2] for look in dense}) == 1, "one network"
    assert dense == sorted(dense, key=lambda look: look[1]), "trained once"
    parts, seen = endured(lambda _: start("parts"), 13, watched)
    assert len(seen) > 4
    for name in ("k0", "k5", "k12"):
        assert levels(parts / name) == levels(whole / name)
    assert not list(parts.rglob("checkpoint"))


@pytest.mark.long
def test_a_sweep_stopped_again_and_again(tmp_path, watched):
    """Its variants share groups, and some of a group may be stored already."""

    def start(out: str) -> Path:
        one = config_at(tmp_path / out, replicates=1)
        slow = dataclasses.replace(one.train, learning_rate=0.001)
        other = dataclasses.replace(one.train, optimizer="sgd")
        made = {"fast": one, "slow": dataclasses.replace(one, train=slow)}
        made |= {"sgd": dataclasses.replace(one, train=other)}
        return pipeline.run_sweep(made, "sweep")

    whole = start("whole")
    parts, seen = endured(lambda _: start("parts"), 41, watched)
    assert len(seen) > 4
    for name in ("fast", "slow", "sgd"):
        assert levels(parts / name) == levels(whole / name)
    assert not list(parts.rglob("checkpoint"))


KILLED = {
    "other lengths": ({"a": {}, "b": {"rewind": lth.RewindConfig(weights=9)}}, 1),
    "other moments kept": (
        {
            "a": {"rewind": lth.RewindConfig(weights=5)},
            "b": {"rewind": lth.RewindConfig(weights=9), "replicates": 2},
        },
        0,
    ),
    "other steps": (
        {
            "a": {"train": lth.TrainConfig(steps=10, eval_every=8)},
            "b": {},
            "c": {
                "train": lth.TrainConfig(steps=10, eval_every=8),
                "rewind": lth.RewindConfig(weights=3),
            },
        },
        0,
    ),
}
"""Sweeps, and the level of the first variant after whose storing they are killed."""


@pytest.mark.long
@pytest.mark.parametrize("case", KILLED)
def test_a_sweep_of_unlike_variants_is_killed_and_goes_on(case, tmp_path, watched):
    """What a checkpoint holds may be longer, or keep other moments, than the rest."""
    variants, number = KILLED[case]

    def start(out: str, every: float = 0.0) -> Path:
        one = config_at(
            tmp_path / out,
            **BARE,
            replicates=1,
            checkpoint_every=every,
            plan=lth.PlanConfig(devices=1),
        )
        made = {n: dataclasses.replace(one, **given) for n, given in variants.items()}
        return pipeline.run_sweep(made, "sweep")

    whole, write = start("whole", every=300.0), store.write_level

    def kill(path, study, level, *rest):
        write(path, study, level, *rest)
        if path.name == "a" and level.number == number:
            raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(store, "write_level", kill)
        start("parts")
    looks = watched[1]
    looks.clear()
    parts = start("parts")
    if case == "other moments kept":
        again = (["0", "ticket", "0", "0"], 0)
        assert again not in looks, "the dense network that both share is not lost"
    for name in variants:
        assert levels(parts / name) == levels(whole / name)
    assert not list(parts.rglob("checkpoint"))


def test_copies_of_what_diverged_are_compared_after_a_kill(tmp_path, watched, caplog):
    """Nothing is left to train, so nothing is known of a checkpoint."""
    del watched
    fields = {
        "train": lth.TrainConfig(
            steps=20, eval_every=8, optimizer="sgd", learning_rate=1e38
        ),
        "stability": StabilityConfig(orders=2, points=2),
    }
    path = run(config_at(tmp_path, **fields))
    whole = levels(path)
    shutil.rmtree(path / "level_02")
    run(config_at(tmp_path, **fields))
    assert levels(path) == whole
    assert load_run(path).stability.empty
    assert "could not be written" not in caplog.text


@pytest.mark.long
def test_a_wave_larger_than_the_memory_trains_in_parts(tmp_path, monkeypatch, watched):
    """The dense network still trains once, and no number changes."""

    def start(out: str) -> Path:
        one = config_at(tmp_path / out, replicates=1)
        rules = {f"k{k}": lth.RewindConfig(weights=k) for k in (0, 5, 12)}
        return pipeline.run_sweep(
            {name: dataclasses.replace(one, rewind=r) for name, r in rules.items()}, "k"
        )

    whole = start("whole")
    monkeypatch.setattr(pipeline, "most_on_host", lambda model: 4)
    looks = watched[1]
    looks.clear()
    parts = start("parts")
    dense = [done for (level, *_), done in looks if level == "0"]
    assert dense == sorted(set(dense)), "trained once"
    for name in ("k0", "k5", "k12"):
        assert levels(parts / name) == levels(whole / name)


def test_one_stored_of_a_group_leaves_the_others_begun(tmp_path, watched):
    """Killed when the level of one variant is stored, and that of the other is not."""

    def start(out: str, every: float = 300.0) -> Path:
        one = config_at(tmp_path / out, replicates=1, checkpoint_every=every, **BARE)
        slow = dataclasses.replace(one.train, learning_rate=0.001)
        made = {"fast": one, "slow": dataclasses.replace(one, train=slow)}
        return pipeline.run_sweep(made, "sweep")

    whole, write = start("whole"), store.write_level

    def stop(path, study, level, *rest):
        if path.name == "slow":
            raise KeyboardInterrupt
        write(path, study, level, *rest)

    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(store, "write_level", stop)
        start("parts", every=0.0)
    looks = watched[1]
    looks.clear()
    parts = start("parts")
    last = max(done for (level, *_), done in looks if level == "0")
    assert looks[0] == (["0", "ticket", "0", "0"], last), "level 0 of slow was trained"
    for name in ("fast", "slow"):
        assert levels(parts / name) == levels(whole / name)


@pytest.mark.long
def test_other_devices_may_go_on(original, tmp_path, watched):
    """With a lane on each device, their number changes no bit."""

    def start(attempt: int) -> Path:
        plan = lth.PlanConfig(devices=(2, 1, 4, 3)[attempt % 4])
        return run(config_at(tmp_path, plan=plan))

    path, seen = endured(start, 23, watched)
    assert len(seen) > 4
    assert levels(path) == levels(original)


def test_a_level_done_again_keeps_what_has_begun(original, tmp_path, watched):
    """Level 0 is damaged while level 2 is under way."""
    actions, looks = watched

    def ask(_):
        if looks[-1][0][0] == "2" and looks[-1][1] == 9:
            os.kill(os.getpid(), signal.SIGINT)

    actions.append(ask)
    with pytest.raises(KeyboardInterrupt):
        run(config_at(tmp_path))
    actions.clear()
    stopped = looks[-1]
    (tmp_path / original.name / "level_00" / "curves.parquet").unlink()
    looks.clear()
    path = run(config_at(tmp_path))
    assert looks[0] == (["0", "ticket", "0", "0"], 0)
    assert next(look for look in looks if look[0][0] == "2") == stopped
    assert levels(path) == levels(original)


def test_a_signal_while_the_last_level_is_written_is_obeyed(tmp_path, monkeypatch):
    write = store.write_level

    def ask(path, study, level, *rest):
        write(path, study, level, *rest)
        if level.number == 2:
            os.kill(os.getpid(), signal.SIGTERM)

    with monkeypatch.context() as patch, pytest.raises(SystemExit) as stop:
        patch.setattr(store, "write_level", ask)
        run(config_at(tmp_path))
    assert stop.value.code == 143
    path = run(config_at(tmp_path))
    assert len(events(path, "finished")) == 1


def test_what_a_kill_left_undone_is_done(tmp_path, monkeypatch):
    """Killed when all levels are stored, and before the run is tidy."""
    config = config_at(tmp_path, keep_final="last", checkpoint_every=0.0)
    write = store.write_level

    def stop(path, study, level, *rest):
        write(path, study, level, *rest)
        if level.number == 2:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(store, "write_level", stop)
        run(config)
    path = run(config)
    assert [p.parent.name for p in path.glob("level_*/final.npz")] == ["level_02"]
    assert len(events(path, "finished")) == 1
    assert not (path / "checkpoint").exists()


def test_a_broken_terminal_does_not_lose_what_is_computed(tmp_path, watched):
    """As in `lth run ... 2>&1 | tee log`: Ctrl-C ends tee, so nobody reads on."""
    listen, speak = os.pipe()
    os.close(listen)
    said = os.dup(2)
    try:
        os.dup2(speak, 2)
        watched[0].append(lambda n: n == 9 and os.kill(os.getpid(), signal.SIGINT))
        with pytest.raises(KeyboardInterrupt):
            run(config_at(tmp_path))
    finally:
        os.dup2(said, 2)
    assert list(tmp_path.glob("*/checkpoint/*"))


def test_asked_twice_it_leaves_at_once(tmp_path, watched):
    def ask_twice(number):
        if number == 5:
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGINT)

    watched[0].append(ask_twice)
    with pytest.raises(KeyboardInterrupt):
        run(config_at(tmp_path))
    assert not list(tmp_path.glob("*/checkpoint"))


@contextmanager
def started(script: str, *words) -> Iterator[subprocess.Popen]:
    """Start a script and wait for its first line; kill it in the end."""
    command = [sys.executable, "-c", script, *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        try:
            process.stdout.readline()
            yield process
        finally:
            process.kill()


def test_asked_twice_while_the_system_computes():
    """A compilation is one instruction to Python: a thread has to end the process."""
    script = """
import hashlib
from lth_jax.driver.interrupts import deferred, leaving_at_the_second
with leaving_at_the_second(), deferred():
    print("ready", flush=True)
    hashlib.pbkdf2_hmac("sha256", b"", b"", 10**9)
"""
    with started(script) as process:
        for _ in range(2):
            time.sleep(0.2)
            process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) == 143


def test_other_threads_may_run_studies(tmp_path):
    """Python lets only the main thread handle signals."""
    import threading

    found = []
    config = config_at(tmp_path)
    thread = threading.Thread(target=lambda: found.append(run(config)))
    thread.start()
    thread.join()
    assert load_run(found[0]).summary["status"].eq("ok").all()


# Killed.

DRIVER = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import conftest  # as here, so that what is compiled is shared
from runs import config_at, pipeline
from lth_jax import folders
from lth_jax.driver import progress, trainer
from lth_jax.store import write as store

def die(*args, **words):
    os.kill(os.getpid(), signal.SIGKILL)

def after(count, function):
    calls = []
    def counted(*args, **words):
        calls.append(1)
        return die() if len(calls) == count else function(*args, **words)
    return counted

progress.CHUNK_SECONDS = 0.0
{fault}
pipeline.run(config_at(Path(sys.argv[2]), checkpoint_every=0.0), "digits")
"""
FAULTS = {
    "training": "trainer.Training.watch = after(45, trainer.Training.watch)",
    "writing": "store.write_npz = after(4, store.write_npz)",
    "renaming": "folders.os.replace = after(6, os.replace)",
}


@pytest.mark.parametrize(
    "fault",
    ["training", *(pytest.param(f, marks=pytest.mark.long) for f in [*FAULTS][1:])],
)
def test_killed_it_comes_to_the_same_end(fault, original, tmp_path, watched):
    script = DRIVER.replace("{fault}", FAULTS[fault])
    command = [sys.executable, "-c", script, HERE, tmp_path]
    done = subprocess.run(command, stderr=subprocess.DEVNULL, timeout=300)
    assert done.returncode == -signal.SIGKILL
    path = tmp_path / original.name
    assert (path / "config.json").exists()
    _, looks = watched
    run(config_at(tmp_path))
    if fault == "training":  # at look 45, and what is being written may be lost
        lane, tick = looks[0]
        assert lane[0] == "1" and tick > 0
    assert levels(path) == levels(original)
    assert not list(path.glob(".*")) and not (path / "checkpoint").exists()


@pytest.mark.long
def test_killed_at_fifty_moments(original, tmp_path):
    """Killed again and again; a run that got to its end starts anew elsewhere."""
    keep = (
        "from lth_jax.driver import devices; devices.keep_compiled(Path(sys.argv[3]))"
    )
    script = DRIVER.replace("{fault}", f"{keep}; print('training', flush=True)")
    script = script.replace("checkpoint_every=0.0", "checkpoint_every=0.1")
    moments, kills, finished = random.Random(0), 0, 0
    while kills < 50:
        out = tmp_path / str(finished)
        with started(script, HERE, out, tmp_path / "compiled") as process:
            with suppress(subprocess.TimeoutExpired):
                process.wait(timeout=moments.uniform(0.0, 6.0))
            alive = process.poll() is None
            process.kill()
        kills += alive
        path = out / original.name
        if (path / "manifest.json").exists() and events(path, "finished"):
            assert levels(path) == levels(original)
            finished += 1
    out = tmp_path / str(finished)
    run(config_at(out))
    assert levels(out / original.name) == levels(original)
    assert finished > 1


# Out of memory.


@contextmanager
def memory_for(
    width: int,
    monkeypatch,
    calls: int = 0,
    error: str = "RESOURCE_EXHAUSTED: out of memory",
):
    """Refuse groups of more lanes, after so many calls that went well."""
    make = planning.make_program

    def made(model, config, **words):
        program = make(model, config, **words)
        done = []

        def advance(*args):
            done.append(1)
            if program.width > width and len(done) > calls:
                jax.tree.map(lambda leaf: leaf.delete(), args[0])  # donated
                raise jax.errors.JaxRuntimeError(error)
            return program.advance(*args)

        return program._replace(advance=advance)

    with monkeypatch.context() as patch:
        patch.setattr(planning, "make_program", made)
        patch.setattr(trainer, "compile_lanes", planning.compile_lanes)
        yield


@pytest.fixture(scope="module")
def bare(tmp_path_factory) -> Path:
    """Return a run of tickets alone that nothing has disturbed."""
    return run(config_at(tmp_path_factory.mktemp("bare"), **BARE))


@pytest.mark.parametrize(
    ("calls", "every"),
    [(0, 300.0), *(pytest.param(40, s, marks=pytest.mark.long) for s in (300.0, 0.0))],
)
def test_out_of_memory_lanes_are_halved(
    calls, every, bare, tmp_path, monkeypatch, watched, logged
):
    plan = lth.PlanConfig(devices=1, lanes=5)
    config = config_at(tmp_path, **BARE, plan=plan, checkpoint_every=every)
    with memory_for(1, monkeypatch, calls):
        path = run(config)
    assert "Out of memory: going on with 2 networks" in logged()
    assert [e["lanes"] for e in events(path, "out_of_memory")] == [2, 1]
    shutil.rmtree(path / "level_02")
    run(config)
    assert load_run(path).manifest["plan"]["lanes"] == 1, "it is not tried again"
    found, expected = (load_run(p).summary for p in (path, bare))
    assert found.drop(columns="min_val_loss").equals(
        expected.drop(columns="min_val_loss")
    )


def test_memory_that_holds_nothing_is_an_error(tmp_path, monkeypatch):
    config = config_at(tmp_path, plan=lth.PlanConfig(devices=1, lanes=2))
    with memory_for(0, monkeypatch), pytest.raises(LthError, match=r"batch_size"):
        run(config)


def test_other_errors_of_the_device_are_not_hidden(tmp_path, monkeypatch):
    refused = memory_for(0, monkeypatch, error="INTERNAL: broken")
    with refused, pytest.raises(jax.errors.JaxRuntimeError, match="broken"):
        run(config_at(tmp_path))


# Out of disk.


def test_a_full_disk_leaves_what_is_complete(original, tmp_path, monkeypatch):
    config, note = config_at(tmp_path), store.note
    before = resource.getrlimit(resource.RLIMIT_FSIZE)

    def noted(path, manifest, event, **details):
        note(path, manifest, event, **details)
        if details.get("level") == 0:  # no file can be longer from now on
            resource.setrlimit(resource.RLIMIT_FSIZE, (2_000, before[1]))

    with monkeypatch.context() as patch:
        patch.setattr(store, "note", noted)
        try:
            with pytest.raises(LthError) as error:
                run(config)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
    path = tmp_path / original.name
    assert str(path / "level_01") in str(error.value)
    assert os.strerror(errno.EFBIG) in str(error.value)
    assert [p.name for p in sorted(path.glob("*level_*"))] == ["level_00"]
    assert store.damage(path, 0) is None
    run(config)
    assert levels(path) == levels(original)


def test_a_full_disk_does_not_stop_training_for_a_checkpoint(
    bare, tmp_path, watched, caplog
):
    def fill(number):
        if number == 1:
            (tmp_path / bare.name / "checkpoint").write_text("")

    watched[0].append(fill)
    path = run(config_at(tmp_path, **BARE, checkpoint_every=0.0))
    assert "could not be written" in caplog.text
    assert levels(path) == levels(bare)


# Two at once.


def test_a_second_process_is_refused(original, tmp_path):
    copied = Path(shutil.copytree(original, tmp_path / original.name))
    with store.alone(copied), pytest.raises(StoreError, match="in use by another"):
        run(config_at(tmp_path))
    assert run(config_at(tmp_path)) == copied


def test_a_sweep_is_locked_too(tmp_path):
    made = {"a": config_at(tmp_path)}
    path = lth.config.run_dir(made, "sweep")
    with store.alone(path), pytest.raises(StoreError, match="in use by another"):
        pipeline.run_sweep(made, "sweep")


def test_a_dead_process_holds_no_lock(tmp_path):
    script = """
import sys, time
from pathlib import Path
from lth_jax.store import write as store
with store.alone(Path(sys.argv[1])):
    print("locked", flush=True)
    time.sleep(60)
"""
    with started(script, tmp_path), pytest.raises(StoreError), store.alone(tmp_path):
        pass
    with store.alone(tmp_path):
        pass


def test_where_locks_do_not_work_it_says_so(tmp_path, monkeypatch, caplog):
    def unsupported(*_):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", unsupported)
    with store.alone(tmp_path):
        assert "cannot be locked here" in caplog.text


# Diverged.


def test_a_lane_that_diverges_leaves_the_others_alone(original, tmp_path, logged):
    good = config_at(tmp_path)
    train = dataclasses.replace(good.train, learning_rate=1e30)
    made = {"bad": dataclasses.replace(good, train=train), "good": good}
    path = pipeline.run_sweep(made, "rates")
    assert levels(path / "good") == levels(original)
    noted = events(path / "bad", "diverged")
    where = [(e["level"], e["kind"], e["replicate"], e["draw"]) for e in noted]
    assert where == [(0, "ticket", 0, 0), (0, "ticket", 1, 0)]
    assert all(0 < e["step"] < 20 for e in noted)
    assert not events(path / "good", "diverged")
    said = logged()
    assert (
        f"level 0, ticket 0 of replicate 1 diverged at step {noted[1]['step']}." in said
    )


# Changed in between.


def test_what_changed_before_it_went_on_is_noted(original, tmp_path, logged):
    path = Path(shutil.copytree(original, tmp_path / original.name))
    shutil.rmtree(path / "level_02")
    manifest = json.loads((path / "manifest.json").read_text())
    manifest["versions"]["jax"] = "0.0.1"
    (path / "manifest.json").write_text(json.dumps(manifest))
    run(config_at(tmp_path))
    (event,) = events(path, "resumed")
    assert event["changed"].keys() == {"versions"}
    assert event["changed"]["versions"]["jax"] == jax.__version__
    assert "begun with other versions" in logged()
    assert levels(path) == levels(original)


def test_nothing_changed_nothing_is_said(original, tmp_path, logged):
    path = Path(shutil.copytree(original, tmp_path / original.name))
    shutil.rmtree(path / "level_02")
    run(config_at(tmp_path))
    assert "changed" not in events(path, "resumed")[0]
    assert "begun with other" not in logged()


# For long.


@pytest.mark.long
def test_a_thousand_levels_take_no_more_memory_or_files(tmp_path):
    prune = lth.PruneConfig(levels=1_000, rate=0.005)
    config = config_at(tmp_path, prune=prune, replicates=1, reinits=0, shuffles=0)
    config = dataclasses.replace(
        config,
        keep_final="last",
        model=lth.ModelConfig(widths=(300,)),
        train=lth.TrainConfig(steps=2, eval_every=2),
    )
    note, seen = store.note, []

    def noted(path, manifest, event, **details):
        note(path, manifest, event, **details)
        if details.get("level", 0) % 100 == 99:
            resident = Path("/proc/self/statm").read_text().split()[1]
            seen.append((int(resident) * 4096, len(os.listdir("/proc/self/fd"))))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(store, "note", noted)
        path = run(config)
    assert load_run(path).summary["n_remaining"].is_monotonic_decreasing
    memory, opened = zip(*seen, strict=True)
    assert len(seen) == 10 and opened[-1] <= opened[1]
    assert memory[-1] - memory[1] < 60e6, memory
