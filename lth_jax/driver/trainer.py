"""Lanes trained for a run: watched, checkpointed, within the memory of the device."""

import itertools
import logging
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any

import jax
import numpy as np

from .. import tree
from ..errors import LthError
from ..store.checkpoint import Checkpoints, Saved
from ..study.level import Level
from ..study.study import Study
from ..training.lanes import NOTHING, Keep, Lanes, Outcome, Underway, run_lanes
from ..types import Snapshot
from .compare import Comparison, Errors, compare, make_errors
from .interrupts import Request
from .plan import Plan, compile_lanes
from .prepare import Prepared
from .progress import Progress

log = logging.getLogger(__name__)


class Training:
    """Trains the lanes of waves; whatever happens, little has to be trained again.

    Every ``checkpoint_every`` seconds, and when the process is asked to stop, all that
    is known of networks whose level is not stored is written to a checkpoint. Where the
    memory of the device does not hold the lanes of a group, they are halved, and the
    group goes on from what was last saved.
    """

    def __init__(
        self,
        prepared: Prepared,
        plan: Plan,
        checkpoints: Checkpoints,
        progress: Progress,
        request: Request,
        halved: Callable[[Plan], None],
        wanted: Collection[str],
        lengths: Mapping[str, int],
    ) -> None:
        """Compile-ready training.

        Args:
            prepared: a study; the others share its compilation.
            plan: how lanes are spread.
            checkpoints: where they go.
            progress: told of everything.
            request: whether to stop.
            halved: called with every new plan.
            wanted: names of all networks that are to be trained; a checkpoint may hold
                others, whose level is stored since.
            lengths: steps of all networks, also of those, by name.
        """
        self._prepared, self._plan = prepared, plan
        self._checkpoints, self._progress = checkpoints, progress
        self._request, self._halved = request, halved
        self._wanted, self._lengths = wanted, lengths
        self._errors: dict[Any, Errors] = {}
        self._every = prepared.study.config.checkpoint_every
        self._program = compile_lanes(prepared, plan)
        self._data = self._program.put_data(prepared.splits)
        self._timeline = self._program.timeline(self._data, 0)
        self._saved: Saved | None = None
        self._saved_at = time.monotonic()

    def train(
        self, lanes: Lanes, names: Sequence[str], keep: Keep = NOTHING
    ) -> Iterator[Outcome]:
        """Train lanes, or go on where they stand, as `training.lanes.run_lanes` does.

        Args:
            lanes: what to train.
            names: one for each lane, the same when a run is resumed.
            keep: which moments are kept.
        """
        self._saved = self._saved or self._load(lanes)
        finished, begun = self._saved
        _keep_only(self._saved, dict(zip(names, lanes.steps, strict=True)), keep)
        done = 0
        while done < len(names):
            if outcome := finished.get(names[done]):
                self._progress.skip(int(lanes.steps[done]))
                yield jax.tree.map(lambda leaf: np.asarray(leaf)[None], outcome)
                done += 1
                continue
            alike = _alike(names[done:], lanes.steps[done:], self._saved)
            some = tree.take(lanes, slice(done, done + len(alike)))

            # `done` grows when a group is finished, and a group is watched before it
            # is: so the names are those of the group that trains.
            def watch(underway: Underway, real: int) -> int:
                return self.watch(underway, names[done : done + real])  # noqa: B023

            try:
                for outcome in run_lanes(
                    self._program, some, self._data, watch, _joined(alike, begun), keep
                ):
                    for i in range(len(outcome.failed)):
                        finished[names[done]] = tree.take(outcome, i)
                        begun.pop(names[done], None)
                        done += 1
                    yield outcome
            except jax.errors.JaxRuntimeError as error:
                if "RESOURCE_EXHAUSTED" not in str(error):
                    raise
                self._halve(error)

    def forget(self, names: Sequence[str]) -> None:
        """Drop networks whose level is stored, and checkpoints with no others."""
        if self._saved is None:
            return
        for name in names:
            self._saved.finished.pop(name, None)
        if not any(self._saved):
            self._checkpoints.clear()

    def _load(self, lanes: Lanes) -> Saved:
        some = np.zeros(self._program.width, int)
        group = tree.take((lanes.tickets, lanes.hypers), some)
        states = jax.eval_shape(self._program.start, *group)
        loaded = self._checkpoints.load(states, self._timeline, self._lengths)
        for part in loaded:
            for name in part.keys() - self._wanted:
                del part[name]
        return loaded

    def compare(self, study: Study, level: Level, dense: Snapshot) -> Comparison:
        """Compare the copies of a trained level, before it is stored.

        Args:
            study: one of those that share the compilation.
            level: trained here.
            dense: the dense networks at the end of training.
        """
        stability = study.config.stability
        if stability.points and stability not in self._errors:
            self._errors[stability] = make_errors(
                self._prepared._replace(study=study), self._plan
            )
        if stability.points:
            self._save(wait=False)
        return compare(
            study.config,
            level,
            dense,
            self._data,
            self._errors.get(stability),
            self._plan.devices,
            self._settle,
        )

    def _settle(self) -> None:
        """Stop, if the process is asked to; what is finished is saved."""
        if self._asked:
            self._save(wait=True)
            raise self._request.error

    @property
    def _asked(self) -> bool:
        return self._request.signum is not None

    def watch(self, underway: Underway, names: Sequence[str]) -> int:
        """Save what has begun where it is time to, and stop where the process is asked.

        Args:
            underway: where a group of lanes stands, between two chunks.
            names: of its lanes.

        Returns:
            How many ticks the next chunk has.

        Raises:
            BaseException: the one that ends the process, if it is asked to stop.
        """
        asked = self._asked
        if asked or time.monotonic() - self._saved_at >= self._every:
            self._begun(underway, names)
            self._save(wait=asked)
        if asked:
            raise self._request.error
        return self._progress.watch(underway, len(names))

    def _save(self, wait: bool) -> None:
        if self._saved and any(self._saved):
            self._checkpoints.save(self._saved, self._timeline, wait)
            self._saved_at = time.monotonic()

    def _begun(self, underway: Underway, names: Sequence[str]) -> None:
        """Take down where lanes stand, for the next checkpoint."""
        assert self._saved is not None
        states = tree.to_host(underway.states)
        for i, name in enumerate(names):
            one = slice(i, i + 1)
            curve = underway.curve and tree.take(underway.curve, one)
            lane = jax.tree.map(lambda leaf, one=one: leaf[one].copy(), states)
            kept = tree.take(underway.kept, one)
            now = underway._replace(states=lane, curve=curve, kept=kept)
            self._saved.begun[name] = now

    def _halve(self, error: Exception) -> None:
        lanes = self._plan.lanes
        if lanes == 1:
            raise LthError(
                "The memory of the device does not hold the training of one network:"
                f" make train.batch_size smaller. ({error})"
            ) from error
        self._plan = self._plan._replace(lanes=lanes // 2)
        log.warning(
            "Out of memory: going on with %d networks on each device in place of %d.",
            lanes // 2,
            lanes,
        )
        self._halved(self._plan)
        self._program = compile_lanes(self._prepared, self._plan)


def _keep_only(saved: Saved, lengths: Mapping[str, int], keep: Keep) -> None:
    """Make snapshots on the way those that are wanted; drop networks that lack one."""
    networks: dict[str, Any]
    for networks in saved:
        for name in lengths.keys() & networks.keys():
            one = networks[name]
            done = one.steps if isinstance(one, Underway) else lengths[name]
            passed = [step for step in keep.steps if step <= done]
            if set(passed) <= one.kept.keys():
                kept = {step: one.kept[step] for step in passed}
                networks[name] = one._replace(kept=kept)
            else:
                del networks[name]


def _alike(names: Sequence[str], steps: np.ndarray, saved: Saved) -> list[str]:
    """Return the first of the names that stand where the first one does."""

    def stand(i: int) -> tuple[int, int | None]:
        name = names[i]
        if name in saved.finished:
            return -1, None
        begun = saved.begun.get(name)
        return int(steps[i]), begun and begun.done

    alike = itertools.takewhile(lambda i: stand(i) == stand(0), range(len(names)))
    return [names[i] for i in alike]


def _joined(names: Sequence[str], begun: Mapping[str, Underway]) -> Underway | None:
    """Return lanes that stand at one tick as one; None if they have not begun."""
    if names[0] not in begun:
        return None
    parts = [begun[name] for name in names]
    states, curve, kept = (
        tree.concatenate([getattr(part, field) for part in parts])
        for field in ("states", "curve", "kept")
    )
    return parts[0]._replace(states=states, curve=curve, kept=kept)
