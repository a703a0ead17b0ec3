"""A training as ticks, the pieces between which the host may look at it.

A tick is one training step or one block of examples evaluated; on a network of
convolutions both last about as long. A *unit* is an evaluation on validation and test
set and the steps that follow it; the last unit has no steps, but the evaluation of the
training set.
"""

from itertools import pairwise
from typing import Any, NamedTuple

import jax.numpy as jnp

Span = tuple[Any, Any]
"""First and last plus one."""


class Timeline(NamedTuple):
    """What happens in a training, in order.

    Attributes:
        steps: of the training; may be traced, the rest is static.
        every: steps between evaluations.
        validation: blocks of the validation set.
        test: blocks of the test set.
        train: blocks of the training set.
    """

    steps: int
    every: int
    validation: int
    test: int
    train: int

    @property
    def units(self) -> Any:
        """Number of units, and of evaluations."""
        return -(-self.steps // self.every) + 1

    @property
    def blocks(self) -> int:
        """Blocks of an evaluation on validation and test set."""
        return self.validation + self.test

    @property
    def ticks(self) -> Any:
        """Ticks of the whole training."""
        return self.units * self.blocks + self.steps + self.train

    def begin(self, unit: Any) -> Any:
        """Return the first tick of a unit; like the other methods, also of traced ones.

        Example:
            >>> timeline = Timeline(steps=5, every=3, validation=1, test=1, train=4)
            >>> [int(timeline.begin(unit)) for unit in range(3)], timeline.ticks
            ([0, 5, 9], 15)
        """
        return unit * self.blocks + jnp.minimum(unit * self.every, self.steps)

    def unit_of(self, tick: Any) -> Any:
        """Return the unit that a tick lies in.

        Example:
            >>> timeline = Timeline(steps=5, every=3, validation=1, test=1, train=4)
            >>> [int(timeline.unit_of(tick)) for tick in (0, 4, 5, 8, 9, 14)]
            [0, 0, 1, 1, 2, 2]
        """
        last = self.units - 1
        before = jnp.minimum(tick // (self.blocks + self.every), last - 1)
        return jnp.where(tick >= self.begin(last), last, before)

    def end(self, unit: Any) -> Any:
        """Return the tick after a unit; of all units beyond the last, after the last.

        Example:
            >>> timeline = Timeline(steps=5, every=3, validation=1, test=1, train=4)
            >>> [int(timeline.end(unit)) for unit in range(4)]
            [5, 9, 15, 15]
        """
        last = unit >= self.units - 1
        return jnp.where(last, self.ticks, self.begin(unit + 1))

    def after(self, step: int) -> int:
        """Return the first tick before which so many steps are done.

        Example:
            >>> timeline = Timeline(steps=5, every=3, validation=1, test=1, train=4)
            >>> [timeline.after(step) for step in range(6)]
            [0, 3, 4, 5, 8, 9]
        """
        if step == 0:
            return 0
        unit = (step - 1) // self.every
        return int(self.begin(unit)) + self.blocks + step - unit * self.every

    def parts(self, unit: Any, first: Any, stop: Any) -> tuple[Span, Span, Span, Span]:
        """Return what ticks ``first`` to ``stop`` do of a unit.

        Returns:
            Spans of blocks of the validation and of the test set, of steps counted from
            the start of the training, and of blocks of the training set.
        """
        origin, done = self.begin(unit), jnp.minimum(unit * self.every, self.steps)
        low, high = first - origin, stop - origin
        steps = jnp.minimum(self.every, self.steps - done)
        train = jnp.where(unit == self.units - 1, self.train, 0)
        # The parts of a unit lie one after the other; what ticks do of each is their
        # span, cut to where the part begins and ends.
        borders: list[Any] = [0]
        for size in (self.validation, self.test, steps, train):
            borders.append(borders[-1] + size)
        spans = [
            (jnp.clip(low, a, b) - a, jnp.clip(high, a, b) - a)
            for a, b in pairwise(borders)
        ]
        trained = spans[2][0] + done, spans[2][1] + done
        return spans[0], spans[1], trained, spans[3]

    def steps_at(self, tick: int) -> int:
        """Return the steps that are done before a tick.

        Example:
            >>> timeline = Timeline(steps=5, every=3, validation=1, test=1, train=4)
            >>> [timeline.steps_at(tick) for tick in (0, 2, 3, 5, 7, 8, 15)]
            [0, 0, 1, 3, 3, 4, 5]
        """
        *_, steps, _ = self.parts(self.unit_of(tick), 0, tick)
        return int(steps[1])

    def evaluations_at(self, tick: int) -> int:
        """Return the evaluations that are complete before a tick.

        Example:
            >>> timeline = Timeline(steps=5, every=3, validation=1, test=1, train=4)
            >>> [timeline.evaluations_at(tick) for tick in (0, 1, 2, 6, 7, 15)]
            [0, 0, 1, 1, 2, 3]
        """
        unit = int(self.unit_of(tick))
        return unit + (tick - int(self.begin(unit)) >= self.blocks)
