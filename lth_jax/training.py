"""Lanes trained for a run: watched, checkpointed, within the memory of the device."""

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import jax
import numpy as np

from . import tree
from .checkpoint import Checkpoints, Saved
from .config import Config
from .ensemble import Lanes, Outcome, Partial, run_lanes
from .errors import LthError
from .interrupts import Request
from .parallel import Plan
from .planning import compile_lanes
from .prepare import Prepared

CHUNK_SECONDS = 1.0
"""Time between two looks at a training, about."""


class Progress:
    """A progress bar over training steps, and the length of the chunks between."""

    def __init__(self, config: Config, trainings: int) -> None:
        """Start a bar over the steps of so many trainings."""
        from tqdm.auto import tqdm

        self._config = config
        self._bar = tqdm(
            total=trainings * config.train.steps,
            unit=" steps",
            unit_scale=True,
            disable=not config.progress,
        )
        self._done, self._then, self._chunk = (sys.maxsize, 0), 0.0, 1

    def level(self, number: int) -> None:
        """Say which level is being trained."""
        self._bar.set_description(f"level {number}/{self._config.levels}")

    def watch(self, partial: Partial, lanes: int) -> int:
        """Advance the bar; choose the next chunk to last about `CHUNK_SECONDS`."""
        now, last = time.monotonic(), self._done
        if partial.done >= last[0]:
            self._bar.update((partial.steps - last[1]) * lanes)
            rate = (partial.done - last[0]) / max(now - self._then, 1e-6)
            self._chunk = max(1, int(CHUNK_SECONDS * rate))
        else:  # another group
            self._bar.update(partial.steps * lanes)
        self._done, self._then = (partial.done, partial.steps), now
        return self._chunk

    def close(self) -> None:
        """Finish the bar."""
        self._bar.close()


class Training:
    """Trains the lanes of waves; whatever happens, little has to be trained again.

    Every ``checkpoint_every`` seconds, and when the process is asked to stop, a
    checkpoint is written. Where the memory of the device does not hold the lanes of a
    group, they are halved, and the group goes on from its last checkpoint.
    """

    def __init__(
        self,
        prepared: Prepared,
        plan: Plan,
        checkpoints: Checkpoints,
        progress: Progress,
        request: Request,
        halved: Callable[[Plan], None],
    ) -> None:
        """Compile-ready training.

        Args:
            prepared: a study; the others share its compilation.
            plan: how lanes are spread.
            checkpoints: where they go.
            progress: told of everything.
            request: whether to stop.
            halved: called with every new plan.
        """
        self._prepared, self._plan = prepared, plan
        self._checkpoints, self._progress = checkpoints, progress
        self._request, self._halved = request, halved
        self._every = prepared.study.config.checkpoint_every
        self._program = compile_lanes(prepared, plan)
        self._data = self._program.put_data(prepared.splits)
        self._finished: dict[str, Outcome] = {}
        self._saved_at = time.monotonic()

    def train(self, lanes: Lanes, names: Sequence[str]) -> Iterator[Outcome]:
        """Train lanes, or go on where they stand; see `lth_jax.ensemble.run_lanes`.

        Args:
            lanes: what to train.
            names: one for each lane, the same when a run is resumed.
        """
        saved = self._load(lanes)
        self._finished = {n: o for n, o in saved.finished.items() if n in names}
        done = 0
        while done < len(names) and names[done] in self._finished:
            yield jax.tree.map(lambda leaf: leaf[None], self._finished[names[done]])
            done += 1
        while done < len(names):
            begun = _begun(saved, names[done:])
            rest = tree.take(lanes, slice(done, None))

            def watch(partial: Partial, real: int) -> int:
                return self._watch(partial, names[done : done + real])  # noqa: B023

            try:
                for outcome in run_lanes(self._program, rest, self._data, watch, begun):
                    for i in range(len(outcome.failed)):
                        self._finished[names[done]] = tree.take(outcome, i)
                        done += 1
                    yield outcome
            except jax.errors.JaxRuntimeError as error:
                if "RESOURCE_EXHAUSTED" not in str(error):
                    raise
                self._halve(error)
                saved = self._load(lanes)

    def forget(self, names: Sequence[str]) -> None:
        """Drop outcomes that are stored elsewhere."""
        for name in names:
            self._finished.pop(name, None)

    def _load(self, lanes: Lanes) -> Saved:
        some = np.zeros(self._program.width, int)
        group = tree.take((lanes.tickets, lanes.hypers), some)
        states = jax.eval_shape(self._program.start, *group)
        return self._checkpoints.load(states)

    def _watch(self, partial: Partial, names: Sequence[str]) -> int:
        chunk = self._progress.watch(partial, len(names))
        asked = self._request.signum is not None
        if asked or time.monotonic() - self._saved_at >= self._every:
            states = tree.take(tree.to_host(partial.states), slice(0, len(names)))
            curve = partial.curve and tree.take(partial.curve, slice(0, len(names)))
            stand = partial._replace(states=states, curve=curve)
            self._checkpoints.save(Saved(self._finished, names, stand), wait=asked)
            self._saved_at = time.monotonic()
        if asked:
            raise self._request.error
        return chunk

    def _halve(self, error: Exception) -> None:
        lanes = self._plan.lanes
        if lanes == 1:
            raise LthError(
                "The memory of the device does not hold the training of one network:"
                f" make train.batch_size smaller. ({error})"
            ) from error
        self._plan = self._plan._replace(lanes=lanes // 2)
        print(
            f"Out of memory: going on with {lanes // 2} networks on each device in"
            f" place of {lanes}.",
            file=sys.stderr,
        )
        self._halved(self._plan)
        self._program = compile_lanes(self._prepared, self._plan)


def _begun(saved: Saved, names: Sequence[str]) -> Any:
    """Return what a checkpoint knows of the first of these lanes."""
    mine = list(names[: len(saved.names)]) == list(saved.names)
    return saved.partial if mine else None
