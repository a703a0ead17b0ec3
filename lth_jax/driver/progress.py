"""A progress bar over the training steps of a run, and how long chunks are."""

import sys
import time
from contextlib import suppress

from ..config import Config
from ..training.lanes import Underway

CHUNK_SECONDS = 1.0
"""Time between two looks at a training, about."""


class Progress:
    """A progress bar over training steps, and the length of the chunks between."""

    def __init__(self, config: Config, steps: int) -> None:
        """Start a bar over so many steps."""
        from tqdm.auto import tqdm

        self._config = config
        self._bar = tqdm(
            total=steps,
            unit=" steps",
            unit_scale=True,
            disable=not config.progress,
        )
        self._done, self._then, self._chunk = (sys.maxsize, 0), 0.0, 1

    def level(self, number: int) -> None:
        """Say which level is being trained."""
        self._bar.set_description(f"level {number}/{self._config.levels}")

    def watch(self, underway: Underway, lanes: int) -> int:
        """Advance the bar; choose the next chunk to last about `CHUNK_SECONDS`."""
        now, last = time.monotonic(), self._done
        if underway.done >= last[0]:
            self.skip((underway.steps - last[1]) * lanes)
            rate = (underway.done - last[0]) / max(now - self._then, 1e-6)
            self._chunk = max(1, int(CHUNK_SECONDS * rate))
        else:  # another group
            self.skip(underway.steps * lanes)
        self._done, self._then = (underway.done, underway.steps), now
        return self._chunk

    def skip(self, steps: int) -> None:
        """Advance the bar, if there is still somebody to see it."""
        with suppress(OSError):
            self._bar.update(steps)

    def close(self) -> None:
        """Finish the bar."""
        self._bar.close()
