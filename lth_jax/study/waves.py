"""Train the levels of several studies at once, what they have in common only once."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

import jax
import numpy as np

from .. import tree
from ..tickets.rewinding import rule_of
from ..training.lanes import Keep, Lanes, Outcome, join
from ..training.loop import Curve
from ..training.metrics import Metrics
from .level import Level, Ready
from .networks import kept_steps, names
from .ready import lanes_of
from .study import Study

Train = Callable[[Lanes, list[str], Keep], Iterable[Outcome]]
"""(lanes, their names, what is kept on the way) -> outcomes of consecutive groups."""


def train_levels(
    levels: Sequence[tuple[Study, Ready]], train: Train
) -> Iterator[Level]:
    """Train levels as lanes of one program; yield each when it is complete.

    Trainings that studies have in common (`names`), such as the dense network of a
    sweep over pruning rates, train once.

    Args:
        levels: each with its study. The studies differ in nothing that the training
            program holds fixed, such as learning rates.
        train: e.g. ``lambda lanes, _, keep: run_lanes(program, lanes, data,
            keep=keep)``.

    Yields:
        The levels, in order.
    """
    named = [names(study.config, ready.ids) for study, ready in levels]
    # Who is still to have each network; the names stand in the order of the lanes.
    users = Counter(name for mine in named for name in mine)
    lanes = _lanes_once(levels, named)
    trained = train(lanes, list(users), _kept(levels)) if lanes else ()
    arriving = zip(users, _one_by_one(trained), strict=False)
    # Outcomes come in the order of the lanes, levels want theirs in the same order: so
    # a level is complete when as many have come as it has networks nobody had before.
    arrived: dict[str, Outcome] = {}
    for (study, ready), mine in zip(levels, named, strict=True):
        arrived |= islice(arriving, len(set(mine) - arrived.keys()))
        outcomes = [arrived[name] for name in mine]
        users.subtract(mine)
        arrived = {name: one for name, one in arrived.items() if users[name]}
        yield ready.trained(_stacked(outcomes) or _no_outcome(study, ready))


def _lanes_once(
    levels: Sequence[tuple[Study, Ready]], named: Sequence[Sequence[str]]
) -> Lanes | None:
    """Return the lanes of all levels, each network once; None if there are none."""
    parts, known = [], set()
    for (study, ready), mine in zip(levels, named, strict=True):
        new = np.array([n for n, name in enumerate(mine) if name not in known], int)
        known |= set(mine)
        if len(new):
            own = lanes_of(study, ready)
            parts.append(own if len(new) == own.size else tree.take(own, new))
    return join(parts) if parts else None


def _kept(levels: Sequence[tuple[Study, Ready]]) -> Keep:
    """Return what studies want of their dense networks on the way."""
    configs = [study.config for study, ready in levels if ready.plan.number == 0]
    steps = {step for config in configs for step in kept_steps(config)}
    return Keep(sorted(steps), any(rule_of(config).moments for config in configs))


def _one_by_one(outcomes: Iterable[Outcome]) -> Iterator[Outcome]:
    for outcome in outcomes:
        yield from (tree.take(outcome, i) for i in range(len(outcome.train.loss)))


def _stacked(outcomes: Sequence[Outcome]) -> Outcome | None:
    if not outcomes:
        return None
    return jax.tree.map(lambda *leaves: np.stack(leaves), *outcomes)


def _no_outcome(study: Study, ready: Ready) -> Outcome:
    """Return the outcome of no networks."""
    start = tree.to_host(study.start._replace(moments=None))
    none: Any = np.zeros(0, np.float32)
    curve: Any = np.zeros((0, len(ready.plan.evaluations)), np.float32)
    return Outcome(
        finals=tree.take(start, np.zeros(0, int)),
        curve=Curve(Metrics(curve, curve), Metrics(curve, curve)),
        train=Metrics(none, none),
        failed=np.zeros(0, np.int32),
        kept={},
    )
