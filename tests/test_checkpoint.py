"""Checkpoints: what comes back, and what damage and a full disk do to them."""

import os

import jax
import numpy as np
import pytest

from lth_jax.checkpoint import Checkpoints, Saved
from lth_jax.ensemble import Outcome, Partial
from lth_jax.metrics import Metrics, Tally
from lth_jax.train import Curve, Tallies, TrainState
from lth_jax.types import Snapshot


def states(seed: int = 0, lanes: int = 3) -> TrainState:
    rng = np.random.default_rng(seed)
    params = {"Dense_0": {"kernel": rng.random((lanes, 4, 5), np.float32)}}
    moments = ({"count": np.full(lanes, seed, np.int32), "mu": params}, ())
    tally = Tally(rng.random(lanes, np.float32), np.zeros(lanes, np.int32))
    return TrainState(params, {}, moments, np.full(lanes, -1), Tallies(*3 * [tally]))


def curve(points: int, *lanes: int) -> Curve:
    values = np.random.default_rng(points).random((*lanes, points), np.float32)
    return Curve(*2 * [Metrics(values, values > 0.5)])


def outcome(seed: int) -> Outcome:
    one = jax.tree.map(lambda leaf: leaf[0], states(seed))
    finals = Snapshot(one.params, one.state, None, np.int32(20))
    end = Metrics(np.float32(0.1), np.float32(0.9))
    return Outcome(finals, curve(4), end, np.int32(-1))


def saved(seed: int = 0, points: int = 2) -> Saved:
    partial = Partial(states(seed), curve(points, 3), done=11 + seed, steps=7)
    finished = {"a": outcome(1), "b": outcome(2)}
    return Saved(finished, ["c", "d", "e"], partial)


def same(found: Saved, expected: Saved) -> bool:
    alike = jax.tree.map(
        lambda a, b: a.dtype == b.dtype and np.array_equal(a, b),
        *(
            (s.finished, s.partial.states, s.partial.curve) if s.partial else s.finished
            for s in (found, expected)
        ),
    )
    numbers = [
        s.partial and (s.partial.done, s.partial.steps) for s in (found, expected)
    ]
    names = list(found.names) == list(expected.names)
    return jax.tree.all(alike) and numbers[0] == numbers[1] and names


def load(folder) -> Saved:
    return Checkpoints(folder).load(states())


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "checkpoint"


@pytest.mark.parametrize(
    "content",
    [saved(), Saved({"a": outcome(1)}), saved()._replace(finished={})],
    ids=["both", "finished", "running"],
)
def test_what_is_saved_comes_back(folder, content):
    assert Checkpoints(folder).save(content, wait=True)
    assert same(load(folder), content)


def test_before_the_first_evaluation_there_is_no_curve(folder):
    for number, empty in enumerate((None, curve(0, 3))):
        partial = saved().partial._replace(curve=empty, done=number)
        Checkpoints(folder).save(saved()._replace(partial=partial), wait=True)
        found = load(folder).partial
        assert found.curve is None and found.done == number


def test_nothing_is_saved_nothing_is_found(folder):
    assert load(folder) == Saved({})
    assert not folder.exists()
    Checkpoints(folder).clear()


def test_the_newest_counts_and_two_are_kept(folder):
    checkpoints = Checkpoints(folder)
    for seed in range(4):
        checkpoints.save(saved(seed))
    checkpoints.close()
    assert sorted(p.name for p in folder.iterdir()) == ["3", "4"]
    assert same(load(folder), saved(3))
    assert Checkpoints(folder).save(saved(5), wait=True)
    assert same(load(folder), saved(5))
    checkpoints.clear()
    assert not folder.exists()


def test_saving_goes_on_in_the_background_on_a_copy(folder):
    """Whatever becomes of the arrays afterwards, what was there is what is written."""
    content, checkpoints = saved(), Checkpoints(folder)
    checkpoints.save(content)
    jax.tree.map(lambda leaf: leaf.fill(0), content.partial.states)
    checkpoints.close()
    assert same(load(folder), saved())


def files(folder):
    return sorted(p for p in folder.rglob("*") if p.is_file())


# Orbax leaves tasks behind when a file cannot be read.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_any_damage_is_found_and_the_one_before_is_used(folder, tmp_path, capsys):
    first, second = Checkpoints(folder), saved(1)
    first.save(saved(0), wait=True)
    first.save(second, wait=True)
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
            err = capsys.readouterr().err
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


def test_edited_numbers_are_found(folder, capsys):
    Checkpoints(folder).save(saved(), wait=True)
    path = folder / "1" / "about" / "metadata"
    text = path.read_text()
    assert '"done": 11' in text
    path.write_text(text.replace('"done": 11', '"done": 12'))
    assert load(folder) == Saved({})
    assert "its sha256 is not the one that was written" in capsys.readouterr().err


def test_of_another_structure_is_not_used(folder, capsys):
    Checkpoints(folder).save(saved(), wait=True)
    other = states()._replace(params={"other": np.zeros((3, 2))})
    assert Checkpoints(folder).load(other) == Saved({})
    assert "damaged" in capsys.readouterr().err


def test_a_disk_that_fails_is_said_and_survived(tmp_path, capsys):
    folder = tmp_path / "file" / "checkpoint"
    checkpoints = Checkpoints(folder)
    (tmp_path / "file").write_text("no folder can be made in a file")
    assert not checkpoints.save(saved(), wait=True)
    said = capsys.readouterr().err
    assert str(folder) in said and "could not be written" in said
    os.remove(tmp_path / "file")
    assert checkpoints.save(saved(), wait=True)
    assert same(load(folder), saved())
