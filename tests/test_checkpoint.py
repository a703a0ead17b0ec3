"""Checkpoints: what comes back, and what damage and a full disk do to them."""

import json
import os

import jax
import numpy as np
import pytest

from lth_jax.errors import StoreError
from lth_jax.store.checkpoint import Checkpoints, Saved
from lth_jax.training.lanes import Outcome, Underway
from lth_jax.training.loop import Curve, Tallies, TrainState
from lth_jax.training.metrics import Metrics, Tally
from lth_jax.training.timeline import Timeline
from lth_jax.types import Snapshot


def states(seed: int = 0, lanes: int = 3) -> TrainState:
    rng = np.random.default_rng(seed)
    params = {"Dense_0": {"kernel": rng.random((lanes, 4, 5), np.float32)}}
    moments = ({"count": np.full(lanes, seed, np.int32), "mu": params}, ())
    tally = Tally(rng.random(lanes, np.float32), np.zeros(lanes, np.int32))
    mask, never = {"Dense_0": {"kernel": params["Dense_0"]["kernel"] > 0.5}}, -1
    tallies = Tallies(*3 * [tally])
    return TrainState(params, mask, {}, moments, np.full(lanes, never), tallies)


def curve(points: int, *lanes: int) -> Curve:
    values = np.random.default_rng(points).random((*lanes, points), np.float32)
    return Curve(*2 * [Metrics(values, values > 0.5)])


def outcome(seed: int) -> Outcome:
    one = jax.tree.map(lambda leaf: leaf[0], states(seed))
    finals = Snapshot(one.params, one.state, None, np.int32(20))
    end = Metrics(np.float32(0.1), np.float32(0.9))
    kept = {8: one_snapshot(one, seed)} if seed == 2 else {}
    return Outcome(finals, curve(4), end, np.int32(-1), kept)


def one_snapshot(states: TrainState, seed: int) -> Snapshot:
    parts = states.params, states.state, states.moments
    return Snapshot(*jax.tree.map(np.copy, parts), np.int32(seed))


TIMELINE = Timeline(steps=20, every=8, validation=1, test=2, train=3)
LENGTHS = dict.fromkeys("abcde", 20)
PLACES = {"c": (0, 0), "d": (4, 1), "e": (11, 8)}
"""Ticks and steps: before any evaluation, after the first, after the second but one."""


def saved(seed: int = 0) -> Saved:
    begun = {}
    for name, (done, steps) in PLACES.items():
        n = TIMELINE.evaluations_at(done)
        state = states(seed + done, lanes=1)
        kept = {3: one_snapshot(state, done), 8: one_snapshot(state, 1)}
        begun[name] = Underway(
            state, curve(n, 1) if n else None, done, steps, 20, kept if steps else {}
        )
    return Saved({"a": outcome(1), "b": outcome(2)}, begun)


def same(found: Saved, expected: Saved) -> bool:
    if list(found.begun) != list(expected.begun):
        return False
    alike = jax.tree.map(
        lambda a, b: (
            a.dtype == b.dtype and np.array_equal(a, b)
            if hasattr(a, "dtype")
            else a == b
        ),
        found,
        expected,
    )
    return jax.tree.all(alike)


def load(folder) -> Saved:
    return Checkpoints(folder).load(states(), TIMELINE, LENGTHS)


def save(folder, content: Saved) -> bool:
    return Checkpoints(folder).save(content, TIMELINE, wait=True)


NOTHING = Saved({}, {})


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "checkpoint"


@pytest.mark.parametrize(
    "content",
    [saved(), saved()._replace(begun={}), saved()._replace(finished={})],
    ids=["both", "finished", "running"],
)
def test_what_is_saved_comes_back(folder, content):
    assert save(folder, content)
    assert same(load(folder), content)


def test_nothing_is_saved_nothing_is_found(folder):
    assert load(folder) == NOTHING
    assert not folder.exists()
    Checkpoints(folder).clear()


def test_the_newest_counts_and_two_are_kept(folder):
    checkpoints = Checkpoints(folder)
    for seed in range(4):
        checkpoints.save(saved(seed), TIMELINE)
    checkpoints.close()
    assert sorted(p.name for p in folder.iterdir()) == ["3", "4"]
    assert same(load(folder), saved(3))
    assert save(folder, saved(5))
    assert same(load(folder), saved(5))
    checkpoints.clear()
    assert not folder.exists()


def test_saving_goes_on_in_the_background_on_a_copy(folder):
    """Whatever becomes of the arrays afterwards, what was there is what is written."""
    content, checkpoints = saved(), Checkpoints(folder)
    checkpoints.save(content, TIMELINE)
    jax.tree.map(lambda leaf: leaf.fill(0), content.begun["e"].states)
    checkpoints.close()
    assert same(load(folder), saved())


def files(folder):
    return sorted(p for p in folder.rglob("*") if p.is_file())


# Orbax leaves tasks behind when a file cannot be read.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_any_damage_is_found_and_the_one_before_is_used(folder, tmp_path, caplog):
    second = saved(1)
    save(folder, saved(0))
    save(folder, second)
    newest = folder / "2"
    used = {"before": 0, "unharmed": 0}
    for path in files(newest):
        content = path.read_bytes()
        for harm in ("flip", "cut", "remove"):
            if harm == "remove":
                path.unlink()
            elif content:
                at = len(content) // 2
                flipped = content[:at] + bytes([content[at] ^ 4]) + content[at + 1 :]
                path.write_bytes(flipped if harm == "flip" else content[:at])
            found = load(folder)
            err = caplog.text
            caplog.clear()
            if same(found, second):  # a file that Orbax does not look into
                used["unharmed"] += 1
            else:
                used["before"] += 1
                assert same(found, saved(0))
                if newest.name in err:
                    assert f"{newest} is damaged and not used" in err
            newest.mkdir(exist_ok=True)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    assert used["before"] > 6
    assert same(load(folder), second)


def test_edited_numbers_are_found(folder, caplog):
    save(folder, saved())
    path = folder / "1" / "about" / "metadata"
    text = path.read_text()
    assert '"e": [11, 8, 20]' in text
    path.write_text(text.replace('"e": [11, 8,', '"e": [12, 8,'))
    assert load(folder) == NOTHING
    assert "its sha256 is not the one that was written" in caplog.text


@pytest.mark.parametrize("place", [(-1, 0), (10**9, 20), (11, 9)])
def test_what_cannot_be_is_not_used(folder, place, caplog):
    content = saved()
    done, steps = place
    content.begun["e"] = content.begun["e"]._replace(done=done, steps=steps)
    save(folder, content)
    assert load(folder) == NOTHING
    assert f"e cannot be at tick {done}" in caplog.text


def test_other_ticks_are_not_used(folder, caplog):
    save(folder, saved())
    other = TIMELINE._replace(test=3)
    assert Checkpoints(folder).load(states(), other, LENGTHS) == NOTHING
    assert "divided into other ticks" in caplog.text


def test_of_another_structure_is_not_used(folder, caplog):
    save(folder, saved())
    wider = {"Dense_0": {"kernel": np.zeros((3, 4, 6), np.float32)}}
    for params in ({"other": np.zeros((3, 2))}, wider):
        other = states()._replace(params=params)
        assert Checkpoints(folder).load(other, TIMELINE, LENGTHS) == NOTHING
        assert "damaged" in caplog.text
        caplog.clear()


def test_a_disk_that_fails_is_said_and_survived(tmp_path, caplog):
    folder = tmp_path / "file" / "checkpoint"
    checkpoints = Checkpoints(folder)
    (tmp_path / "file").write_text("no folder can be made in a file")
    assert not checkpoints.save(saved(), TIMELINE, wait=True)
    said = caplog.text
    assert str(folder) in said and "could not be written" in said
    (tmp_path / "file").unlink()
    (tmp_path / "file").mkdir()
    assert checkpoints.save(saved(), TIMELINE, wait=True)
    assert same(load(folder), saved())


def test_an_earlier_failure_does_not_spoil_the_next(folder, monkeypatch, caplog):
    """Orbax raises what failed in the background when it is asked to save again."""
    checkpoints = Checkpoints(folder)
    assert checkpoints.save(saved(), TIMELINE, wait=True)

    def fails(*_, **__):
        raise ValueError("No space left on device")

    monkeypatch.setattr(checkpoints._opened, "save", fails)
    assert checkpoints.save(saved(7), TIMELINE, wait=True)
    assert "could not be written: No space left" in caplog.text
    assert same(load(folder), saved(7))


def test_masks_that_moved_come_back(folder):
    mask = jax.tree.map(lambda leaf: leaf[0], states(9).mask)
    content = saved()
    moved = {name: one._replace(masks=mask) for name, one in content.finished.items()}
    content = content._replace(finished=moved)
    assert save(folder, content)
    assert same(load(folder), content)


def edit_array(folder, number: int, field: str, length: int) -> None:
    """Change the first axis of an array, as tensorstore itself would write it."""
    import tensorstore as ts

    place = f"file://{folder / '1' / 'arrays'}/|ocdbt:"
    stored = ts.KvStore.open(place).result()
    key = f"{number:05d}/.zarray".encode()
    about = json.loads(stored.read(key).result().value)
    about[field][0] = length
    stored.write(key, json.dumps(about).encode()).result()


# Orbax leaves tasks behind when an array cannot be opened.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize(
    ("field", "length"), [("shape", 10**15), ("shape", 10**5), ("chunks", 10**12)]
)
def test_arrays_that_are_too_large_are_not_read(
    folder, field, length, caplog, monkeypatch
):
    save(folder, saved())
    for number in range(3):
        edit_array(folder, number, field, length)
    monkeypatch.setattr(
        "orbax.checkpoint.args.StandardRestore", lambda *_: pytest.fail("it is read")
    )
    assert load(folder) == NOTHING
    assert "it says that finished" in caplog.text


def test_networks_of_another_run_are_not_used(folder, caplog):
    save(folder, saved())
    assert Checkpoints(folder).load(states(), TIMELINE, {"a": 20}) == NOTHING
    assert "it holds b, no network of this run" in caplog.text


def test_notes_that_are_too_long_are_not_read(folder, caplog):
    save(folder, saved())
    with open(folder / "1" / "about" / "metadata", "r+b") as file:
        file.truncate(10**10)  # sparse
    assert load(folder) == NOTHING
    assert "its notes are 10,000,0" in caplog.text


INNER = ["about/metadata", "_CHECKPOINT_METADATA", "arrays/manifest.ocdbt", "about/x"]


@pytest.mark.parametrize("kind", ["pipe", "device", "link", "loop"])
@pytest.mark.parametrize("name", INNER)
def test_what_is_no_plain_file_is_refused(folder, tmp_path, name, kind):
    """Orbax would wait for a pipe, and read a device until the memory is full."""
    (folder / "1" / name).parent.mkdir(parents=True)
    if kind == "pipe":
        os.mkfifo(folder / "1" / name)
    else:
        target = {"device": "/dev/zero", "link": tmp_path, "loop": folder}[kind]
        (folder / "1" / name).symlink_to(target)
    with pytest.raises(StoreError, match=f"1 holds {name}, so no run .* left alone"):
        Checkpoints(folder)


def test_folders_in_folders_without_end_are_refused(folder):
    deep = folder / "1" / "about" / "/".join("x" * 900)
    deep.mkdir(parents=True)
    with pytest.raises(StoreError, match="1 holds about/x/x/x/x/x/x, so no run"):
        Checkpoints(folder)


@pytest.mark.parametrize("name", ["arrays/manifest.ocdbt", "arrays/_METADATA"])
def test_files_of_holes_are_not_read(folder, name, caplog):
    """Tensorstore would read all of it, and end the process."""
    save(folder, saved())
    os.truncate(folder / "1" / name, 20 * 10**9)
    assert load(folder) == NOTHING
    assert "1 is damaged and not used" in caplog.text
    assert "it says that it has 20,000,000,000 bytes" in caplog.text


def test_where_room_cannot_be_asked_for_checkpoints_are_written(folder, monkeypatch):
    """As on macOS."""
    monkeypatch.delattr(os, "posix_fallocate")
    assert save(folder, saved())
    assert same(load(folder), saved())


def test_what_appears_among_checkpoints_is_left_alone(folder):
    """Orbax by itself would remove it: it has the number of an old checkpoint."""
    assert save(folder, saved())
    checkpoints = Checkpoints(folder)
    (folder / "1" / "photo.jpg").write_text("a photo")
    for seed in range(3):
        assert checkpoints.save(saved(seed), TIMELINE, wait=True)
    assert sorted(p.name for p in folder.iterdir()) == ["1", "3", "4"]
    checkpoints.clear()
    assert [p.name for p in folder.iterdir()] == ["1"]
    assert (folder / "1" / "photo.jpg").read_text() == "a photo"
