"""Checkpoints in the middle of a level: asynchronous, checked, the last two kept."""

import errno
import hashlib
import json
import logging
import math
import os
import re
import stat
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from .. import folders, tree
from ..errors import StoreError
from ..files import reading
from ..training.lanes import Outcome, Underway
from ..training.loop import Curve, TrainState
from ..training.metrics import Metrics
from ..training.timeline import Timeline
from ..types import Snapshot, Trajectory

KEPT = 2
"""Checkpoints that stay, beside the one that is being written."""
INSIDE = {"_CHECKPOINT_METADATA", "about", "arrays", "commit_success.txt", "metrics"}
"""What is in the folder of a checkpoint."""
DEEPEST = 6
"""Folders in one another that a checkpoint has at most; there are four."""
UNFINISHED = ".orbax-checkpoint-tmp"
"""In the names of what Orbax is still writing."""
TRIED = 16_000_000
"""Bytes of room that are asked for before a checkpoint is written."""
NOTES_BYTES = 100_000
"""What the notes of one network take at most: names of its arrays."""
_log = logging.getLogger("lth_jax")


class Saved(NamedTuple):
    """Networks whose level is not stored yet, by name.

    Attributes:
        finished: outcomes, without the axis of lanes.
        begun: networks in the middle of their training, each a lane of its own.
    """

    finished: dict[str, Outcome]
    begun: dict[str, Underway]


class Checkpoints:
    """The checkpoints of studies that share a compilation, in a folder of its own.

    Nothing is written and Orbax is not imported before the first `save`. A file system
    that fails does not stop the training: a warning is logged, and it goes on.

    Nothing is removed but checkpoints that look as those written here, and Orbax is not
    the one who removes: it would remove whatever has a number for a name.
    """

    def __init__(self, folder: Path) -> None:
        """Name the folder; nothing is made yet.

        Raises:
            StoreError: it holds checkpoints of something else; names one.
        """
        self._folder = folder
        self._opened: Any = None
        self._place = ExitStack()
        for number in _numbers(folder):
            if strange := _strange(folder / str(number)):
                raise StoreError(
                    f"{folder / str(number)} holds {strange}, so no run of this package"
                    f" wrote it, and it is left alone. Move {folder} to another place."
                )

    @property
    def _manager(self) -> Any:
        if self._opened is None:
            import orbax.checkpoint as ocp

            # Orbax logs failures at length; here they are one line each.
            logging.getLogger("absl").setLevel(logging.CRITICAL)
            folders.make(self._folder)
            handle = self._place.enter_context(folders.opened(self._folder))
            # Folders that cannot be made are then found at once, not waited for.
            background = ocp.AsyncOptions(create_directories_asynchronously=False)
            options = ocp.CheckpointManagerOptions(
                enable_async_checkpointing=True, async_options=background
            )
            self._opened = ocp.CheckpointManager(
                _pinned(handle, self._folder),
                options=options,
                item_handlers={
                    "arrays": ocp.StandardCheckpointHandler(),
                    "about": ocp.JsonCheckpointHandler(),
                },
            )
        return self._opened

    def save(self, saved: Saved, timeline: Timeline, wait: bool = False) -> bool:
        """Write a checkpoint in the background.

        Args:
            saved: what is copied before this returns.
            timeline: of a training, whatever its steps.
            wait: return when it is on disk.

        Returns:
            False if it could not be written. Of that, and of one before that could
            not be, a warning is logged.
        """
        arrays = _flat(saved)
        about = {
            "timeline": list(timeline[1:]),
            "finished": list(saved.finished),
            "begun": {
                name: [p.done, p.steps, p.length] for name, p in saved.begun.items()
            },
            "kept": {name: list(kept) for name, kept in _kept(saved).items()},
            "paths": list(arrays),
        }
        keyed = {f"{i:05d}": array for i, array in enumerate(arrays.values())}
        about |= {"sha256": _digest(about, keyed)}
        # Orbax raises here what failed in the background of the save before; the second
        # try is the one of this save.
        for _ in range(2):
            try:
                self._write(keyed, about, wait)
            except Exception as error:  # whatever a file system brings to Orbax
                self._give_up(error)
            else:
                return True
        return False

    def _give_up(self, error: Exception) -> None:
        self.close()
        with suppress(OSError, StoreError):
            _remove_unfinished(self._folder)
        _log.warning(
            "%s: a checkpoint could not be written: %s", self._folder, _said(error)
        )

    def _write(self, arrays: Any, about: Any, wait: bool) -> None:
        import orbax.checkpoint as ocp

        args = ocp.args.Composite(
            arrays=ocp.args.StandardSave(arrays), about=ocp.args.JsonSave(about)
        )
        manager = self._manager
        # Where there is no room, each of Orbax's threads would print a traceback.
        _check_room(self._folder, sum(array.nbytes for array in arrays.values()))
        manager.save((manager.latest_step() or 0) + 1, args=args)
        if wait:
            manager.wait_until_finished()
        _remove_old(self._folder, KEPT)

    def load(
        self, states: TrainState, timeline: Timeline, lengths: Mapping[str, int]
    ) -> Saved:
        """Read the newest checkpoint that is whole; log a warning of damaged ones.

        Args:
            states: structure of the states of lanes, e.g. from ``jax.eval_shape``.
            timeline: of a training, whatever its steps.
            lengths: steps of all networks that a checkpoint can hold, by name.

        Returns:
            What was saved; nothing finished and nothing begun if there is nothing.
        """
        if not self._folder.is_dir():
            return Saved({}, {})
        self.close()
        for number in sorted(_numbers(self._folder), reverse=True):
            try:
                return self._read(number, states, timeline, lengths)
            except Exception as error:  # damage shows in many ways
                damaged = self._folder / str(number)
                _log.warning("%s is damaged and not used: %s", damaged, _said(error))
        return Saved({}, {})

    def _read(
        self,
        number: int,
        states: TrainState,
        timeline: Timeline,
        lengths: Mapping[str, int],
    ) -> Saved:
        import orbax.checkpoint as ocp

        _check_small(self._folder / str(number) / "about", len(lengths))
        _check_files(self._folder / str(number))
        args = ocp.args.Composite(about=ocp.args.JsonRestore())
        about = dict(self._manager.restore(number, args=args).about)
        _check_networks(about, timeline, lengths)
        # What arrays say of themselves, before any is read.
        stored = self._manager.item_metadata(number)["arrays"].tree
        _check_sizes(stored, about, states, timeline, lengths)
        args = ocp.args.Composite(arrays=ocp.args.StandardRestore())
        arrays = self._manager.restore(number, args=args).arrays
        if about.pop("sha256") != _digest(about, arrays):
            raise ValueError("its sha256 is not the one that was written")
        flat = dict(zip(about["paths"], arrays.values(), strict=True))
        return _unflat(flat, about, states, timeline)

    def close(self) -> None:
        """Return when what is being written is on disk, or has failed."""
        opened, self._opened = self._opened, None
        if opened is not None:
            with suppress(Exception):  # the next save would have warned of it
                opened.close()
            with suppress(OSError, StoreError):
                _remove_old(self._folder, KEPT)
        self._place.close()

    def clear(self) -> None:
        """Remove all checkpoints, and the folder if nothing else is in it."""
        self.close()
        with suppress(OSError, StoreError):
            _remove_unfinished(self._folder)
            _remove_old(self._folder, 0)
            with folders.opened(self._folder.parent) as outer:
                os.rmdir(self._folder.name, dir_fd=outer)


# The folder of checkpoints. It may come from a stranger, and be changed at any time.


def _pinned(handle: int, folder: Path) -> Path:
    """Return a path of an open folder that stays, whatever takes its place."""
    pinned = Path(f"/proc/self/fd/{handle}")
    return pinned if pinned.is_dir() else folder.absolute()


def _said(error: Exception) -> str:
    """Return the beginning of what an error says, by the names that people know."""
    return re.sub(r"/proc/self/fd/\d+/", "", str(error))[:200]


def _check_room(folder: Path, size: int) -> None:
    """Raise OSError where a file system has no room for so many bytes."""
    trial = folders.temporary(folder / "trial")
    with folders.creating(trial) as file:
        try:
            room = os.fstatvfs(file.fileno())
            if room.f_bavail * room.f_frsize < size:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            # Quotas are not in these numbers. Where files cannot be given their room at
            # once, it is written block by block, so this is not tried with all of it.
            if hasattr(os, "posix_fallocate"):  # macOS has it not
                os.posix_fallocate(file.fileno(), 0, min(max(size, 1), TRIED))
        finally:
            folders.remove(trial)


def _numbers(folder: Path) -> list[int]:
    """Return the numbers of the checkpoints that are complete."""
    try:
        with folders.opened(folder) as handle:
            names = os.listdir(handle)
    except (FileNotFoundError, NotADirectoryError):
        return []
    return sorted(int(name) for name in names if re.fullmatch(r"[1-9]\d{0,9}", name))


def _strange(checkpoint: Path) -> str:
    """Return what is in a checkpoint that we do not write there; ``""`` if nothing."""
    try:
        with folders.opened(checkpoint) as handle:
            return next(_strange_in(handle), "")
    except NotADirectoryError:
        return "no folder"


def _strange_in(handle: int) -> Iterator[str]:
    """Yield what is in an open folder that a checkpoint has not.

    Orbax would follow links, wait for pipes, and read devices for ever.
    """
    for place, inner, names, inside in os.fwalk(".", dir_fd=handle):
        parts = Path(place).parts
        for name in sorted(inner + names):
            path = "/".join((*parts, name))
            known = path.partition(UNFINISHED)[0] in INSIDE if not parts else True
            with suppress(FileNotFoundError):  # Orbax has finished with it
                mode = os.lstat(name, dir_fd=inside).st_mode
                plain = stat.S_ISREG(mode) or stat.S_ISDIR(mode)
                if not (known and plain and len(parts) < DEEPEST):
                    yield path


def _remove_old(folder: Path, but: int) -> None:
    """Remove complete checkpoints, all but the last so many."""
    numbers = _numbers(folder)
    _remove(folder, [str(number) for number in numbers[: len(numbers) - but]])


def _remove_unfinished(folder: Path) -> None:
    """Remove checkpoints that were not written to the end."""
    _remove(folder, [path.name for path in folder.glob(f"*{UNFINISHED}*")])


def _remove(folder: Path, names: Iterable[str]) -> None:
    """Remove checkpoints of some names that look as ours."""
    for name in names:
        if not _strange(folder / name):
            folders.remove(folder / name)


# What a checkpoint says of itself is checked before it is believed.


def _check_small(about: Path, networks: int) -> None:
    """Raise ValueError where notes are longer than those of so many networks."""
    size = sum(file.stat().st_size for file in about.iterdir())
    if size > NOTES_BYTES * (networks + 10):
        raise ValueError(f"its notes are {size:,} bytes long")


def _check_files(checkpoint: Path) -> None:
    """Raise StoreError where a file is no plain one, or hardly there: of holes."""
    for place, _, names in os.walk(checkpoint):
        for name in names:
            with reading(Path(place, name)):
                pass


def _check_networks(
    about: Mapping[str, Any], timeline: Timeline, lengths: Mapping[str, int]
) -> None:
    if about["timeline"] != list(timeline[1:]):
        raise ValueError("its trainings are divided into other ticks")
    if strange := {*about["finished"], *about["begun"]} - lengths.keys():
        raise ValueError(f"it holds {min(strange)}, no network of this run")


def _check_sizes(
    stored: Mapping[str, Any],
    about: Mapping[str, Any],
    states: TrainState,
    timeline: Timeline,
    lengths: Mapping[str, int],
) -> None:
    """Raise ValueError where an array is larger than one of such a training."""
    networks = max(len(about["finished"]), len(about["begun"]), 1)
    leaf = max(int(np.prod(one.shape[1:])) for one in jax.tree.leaves(states))
    whole = timeline._replace(steps=max(lengths.values()))
    curve = whole.evaluations_at(whole.ticks)
    for path, one in zip(about["paths"], stored.values(), strict=True):
        kind = path.partition("/")[0]
        most = {"curve": curve, "kept": leaf}.get(kind, networks * max(leaf, curve))
        for shape in (one.shape, one.storage.chunk_shape):
            if math.prod(shape) > max(most, 1):
                raise ValueError(f"it says that {path} has the shape {shape}")


# The trees of a checkpoint. Orbax returns nested dicts of whatever it is given, so the
# trees are taken apart into arrays by path, and put together from what the training
# says its states look like. The states of networks, many and alike, are stacked: a
# file for each leaf, not for each leaf of each network. Curves, which are of different
# lengths, and snapshots, which not every network has, are stored network by network.
#
#     finished/<path>       outcomes, in the order of about["finished"]
#     states/<path>         states in the middle of training, as in about["begun"]
#     curve/<name>/<path>   evaluations so far
#     kept/<name>/<step>/<path>


def _flat(saved: Saved) -> dict[str, np.ndarray]:
    """Return arrays by path, new ones where training goes on in the old; none empty."""
    flat: dict[str, np.ndarray] = {}
    if saved.finished:
        outcomes = [
            outcome._replace(curve=None, kept={}) for outcome in saved.finished.values()
        ]
        stacked = jax.tree.map(lambda *x: np.stack(x), *outcomes)
        flat |= _named("finished", stacked)
    if saved.begun:
        states = tree.concatenate([one.states for one in saved.begun.values()])
        flat |= _named("states", states)
    for name, one in (saved.finished | saved.begun).items():
        flat |= _named(f"curve/{name}", one.curve)
    for name, kept in _kept(saved).items():
        flat |= _named(f"kept/{name}", kept)
    # Orbax cannot store an array without elements.
    return {path: leaf for path, leaf in flat.items() if leaf.size}


def _named(prefix: str, values: Any) -> dict[str, np.ndarray]:
    return {f"{prefix}/{path}": leaf for path, leaf in tree.flatten(values).items()}


def _kept(saved: Saved) -> dict[str, Trajectory]:
    """Return the snapshots on the way of the networks that have some."""
    networks = saved.finished | saved.begun
    return {name: dict(one.kept) for name, one in networks.items() if one.kept}


def _unflat(
    flat: Mapping[str, np.ndarray],
    about: Mapping[str, Any],
    states: TrainState,
    timeline: Timeline,
) -> Saved:
    """Return what was given to `_flat`; refuse what is no state of such a training."""
    like, kept = _outcome_like(states), _unflat_kept(flat, about, states)
    outcomes = tree.below(flat, "finished/")
    if tree.below(outcomes, "masks/"):  # masks that can change in training
        like = like._replace(masks=states.mask)
    finished = {}
    for i, name in enumerate(about["finished"]):
        own = {path: leaf[i] for path, leaf in outcomes.items()}
        outcome = tree.unflatten(like._replace(curve=None), own)
        curve = tree.unflatten(like.curve, tree.below(flat, f"curve/{name}/"))
        finished[name] = outcome._replace(curve=curve, kept=kept.get(name, {}))
    begun = {}
    for i, (name, (done, steps, length)) in enumerate(about["begun"].items()):
        mine = timeline._replace(steps=length)
        if not 0 <= done <= mine.ticks or steps != mine.steps_at(done):
            raise ValueError(f"{name} cannot be at tick {done}")
        state = tree.map_with_path(
            lambda p, leaf, i=i: _like(flat[f"states/{p}"][i : i + 1], leaf), states
        )
        curve = None  # before the first evaluation
        if points := mine.evaluations_at(done):
            shape = jax.ShapeDtypeStruct((1, points), np.float32)
            curve = tree.map_with_path(
                lambda p, _, n=name, s=shape: _like(flat[f"curve/{n}/{p}"], s, lanes=0),
                like.curve,
            )
        begun[name] = Underway(state, curve, done, steps, length, kept.get(name, {}))
    return Saved(finished, begun)


def _unflat_kept(
    flat: Mapping[str, np.ndarray], about: Mapping[str, Any], states: TrainState
) -> dict[str, Trajectory]:
    """Return the snapshots by name, as they were given to `_flat`."""
    found: dict[str, Trajectory] = {}
    for name, steps in about["kept"].items():
        own = tree.below(flat, f"kept/{name}/")
        parts = {step: tree.below(own, f"{step}/") for step in steps}
        moments = states.moments if any("moments" in path for path in own) else None
        like = Snapshot(states.params, states.state, moments, 0)
        found[name] = {step: tree.unflatten(like, part) for step, part in parts.items()}
    return found


def _like(array: np.ndarray, leaf: Any, lanes: int = 1) -> np.ndarray:
    """Return an array that is shaped like a leaf, but for the number of lanes."""
    if array.shape[lanes:] != leaf.shape[lanes:]:
        raise ValueError(f"it holds an array {array.shape}, not {leaf.shape}")
    return array


def _outcome_like(states: TrainState) -> Outcome:
    """Return an outcome of the structure of those of states; its leaves say nothing."""
    finals = Snapshot(states.params, states.state, None, 0)
    metrics: Any = Metrics(0, 0)  # type: ignore[arg-type]
    return Outcome(finals, Curve(metrics, metrics), metrics, states.failed, {})  # type: ignore[arg-type]


def _digest(about: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> str:
    """Return the sha256 of all that is stored; Orbax does not notice a changed bit."""
    total = hashlib.sha256(json.dumps(about, sort_keys=True).encode())
    for array in arrays.values():
        total.update(f"{array.dtype}{array.shape}".encode())
        total.update(np.ascontiguousarray(array).view(np.uint8).data)
    return total.hexdigest()
