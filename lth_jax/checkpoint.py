"""Checkpoints in the middle of a level: asynchronous, checked, the last two kept."""

import hashlib
import json
import shutil
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from . import tree
from .ensemble import Outcome, Partial
from .metrics import Metrics
from .train import Curve, TrainState
from .types import Snapshot

KEPT = 2


class Saved(NamedTuple):
    """What a wave has come to, in the middle.

    Attributes:
        finished: outcomes by name of the lane, each without the axis of lanes.
        names: of the lanes under way.
        partial: where they stand, without padding; None if none has begun.
    """

    finished: Mapping[str, Outcome]
    names: Sequence[str] = ()
    partial: Partial | None = None


class Checkpoints:
    """The checkpoints of a run, in a folder of its own.

    Nothing is written and Orbax is not imported before the first `save`. A file system
    that fails does not stop the training: it is said, and the training goes on.
    """

    def __init__(self, folder: Path) -> None:
        """Name the folder; nothing is made yet."""
        self._folder = folder.absolute()
        self._opened: Any = None

    @property
    def _manager(self) -> Any:
        if self._opened is None:
            import orbax.checkpoint as ocp

            options = ocp.CheckpointManagerOptions(
                max_to_keep=KEPT, enable_async_checkpointing=True
            )
            self._opened = ocp.CheckpointManager(self._folder, options=options)
        return self._opened

    def save(self, saved: Saved, wait: bool = False) -> bool:
        """Write a checkpoint in the background.

        Args:
            saved: what is copied before this returns.
            wait: return when it is on disk.

        Returns:
            False if it could not be written, which is printed too.
        """
        import orbax.checkpoint as ocp

        arrays = {k: v for k, v in _flat(saved).items() if np.size(v)}
        about = {
            "finished": list(saved.finished),
            "names": list(saved.names),
            "done": saved.partial.done if saved.partial else 0,
            "steps": saved.partial.steps if saved.partial else 0,
            "paths": list(arrays),
        }
        keyed = {f"{i:05d}": array for i, array in enumerate(arrays.values())}
        args = ocp.args.Composite(
            arrays=ocp.args.StandardSave(keyed),
            about=ocp.args.JsonSave(about | {"sha256": _digest(about, keyed)}),
        )
        try:
            number = (self._manager.latest_step() or 0) + 1
            self._manager.save(number, args=args)
            if wait:
                self._manager.wait_until_finished()
        except Exception as error:  # whatever a file system brings to Orbax
            print(
                f"{self._folder}: the checkpoint could not be written ({error}); the"
                " training goes on without it.",
                file=sys.stderr,
            )
            self.close()
            return False
        return True

    def load(self, states: TrainState) -> Saved:
        """Read the newest checkpoint that is whole; what is damaged is said.

        Args:
            states: structure of the states of lanes, e.g. from ``jax.eval_shape``.

        Returns:
            What was saved; nothing finished and nothing begun if there is nothing.
        """
        if not self._folder.exists():
            return Saved({})
        self.close()
        for number in sorted(self._manager.all_steps(), reverse=True):
            try:
                return self._read(number, states)
            except Exception as error:  # damage shows in many ways
                print(
                    f"{self._folder / str(number)} is damaged and not used:"
                    f" {str(error)[:200]}",
                    file=sys.stderr,
                )
        return Saved({})

    def _read(self, number: int, states: TrainState) -> Saved:
        import orbax.checkpoint as ocp

        args = ocp.args.Composite(
            arrays=ocp.args.StandardRestore(), about=ocp.args.JsonRestore()
        )
        read = self._manager.restore(number, args=args)
        arrays, about = read.arrays, dict(read.about)
        if about.pop("sha256") != _digest(about, arrays):
            raise ValueError("its sha256 is not the one that was written")
        flat = dict(zip(about["paths"], arrays.values(), strict=True))
        like = _outcome_like(states)
        finished = {
            name: tree.map_with_path(lambda p, _, i=i: flat[f"finished/{p}"][i], like)
            for i, name in enumerate(about["finished"])
        }
        if not about["names"]:
            return Saved(finished)
        running = tree.map_with_path(lambda p, _: flat[f"states/{p}"], states)
        curve = None
        if any(path.startswith("curve/") for path in flat):
            curve = tree.map_with_path(lambda p, _: flat[f"curve/{p}"], like.curve)
        partial = Partial(running, curve, about["done"], about["steps"])
        return Saved(finished, about["names"], partial)

    def close(self) -> None:
        """Return when what is being written is on disk, or has failed."""
        opened, self._opened = self._opened, None
        if opened is not None:
            with suppress(Exception):  # the next save would have said it
                opened.close()

    def clear(self) -> None:
        """Remove all checkpoints."""
        self.close()
        shutil.rmtree(self._folder, ignore_errors=True)


def _flat(saved: Saved) -> dict[str, np.ndarray]:
    flat: dict[str, np.ndarray] = {}
    if saved.finished:
        stacked = jax.tree.map(lambda *x: np.stack(x), *saved.finished.values())
        flat |= {f"finished/{p}": leaf for p, leaf in tree.flatten(stacked).items()}
    if saved.partial:
        states, curve = saved.partial.states, saved.partial.curve
        flat |= {f"states/{p}": leaf for p, leaf in tree.flatten(states).items()}
        flat |= {f"curve/{p}": leaf for p, leaf in tree.flatten(curve).items()}
    return {path: np.array(leaf) for path, leaf in flat.items()}


def _outcome_like(states: TrainState) -> Outcome:
    finals = Snapshot(states.params, states.state, None, 0)
    metrics: Any = Metrics(0, 0)  # type: ignore[arg-type]
    return Outcome(finals, Curve(metrics, metrics), metrics, states.failed)  # type: ignore[arg-type]


def _digest(about: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> str:
    total = hashlib.sha256(json.dumps(about, sort_keys=True).encode())
    for array in arrays.values():
        total.update(f"{array.dtype}{array.shape}".encode())
        total.update(np.ascontiguousarray(array).view(np.uint8).data)
    return total.hexdigest()
