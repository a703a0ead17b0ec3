"""Copies under other data orders compared, as far as a study asks for it."""

from collections.abc import Callable, Sequence
from itertools import chain
from typing import NamedTuple

import jax
import numpy as np

from .. import analysis, tree
from ..analysis import Path
from ..config import Config
from ..keys import Stream, derive
from ..study.copies import Pair, Row, pairs_of, path_rows, stability_rows, with_barriers
from ..study.level import Level
from ..training.dataset import Splits
from ..training.lanes import spread
from ..training.loop import eval_block
from ..types import Snapshot
from .plan import Plan, plan_devices, planned_model
from .prepare import Prepared


class Comparison(NamedTuple):
    """What the copies of a level have shown, as rows of its tables."""

    stability: Sequence[Row]
    paths: Sequence[Row]


Errors = Callable[[Snapshot, Snapshot, np.ndarray, Splits], Path]
"""(first ends, second ends, replicates, data) -> errors on the lines between; one per
device."""


def make_errors(prepared: Prepared, plan: Plan) -> Errors:
    """Return a compiled function of the errors on lines, a line on each device.

    Args:
        prepared: a study.
        plan: which devices, which form of convolutions.
    """
    config, model = prepared.study.config, planned_model(prepared, plan)
    key = derive(jax.random.key(config.seed), 0, Stream.NOISE)

    def errors(
        first: Snapshot, second: Snapshot, replicate: jax.Array, data: Splits
    ) -> Path:
        with jax.default_matmul_precision(config.train.precision):
            return analysis.path_errors(
                model,
                first,
                second,
                data.of(replicate),
                points=config.stability.points,
                batches=config.stability.batches,
                batch_size=config.train.batch_size,
                key=key,
                block=eval_block(model),
            )

    return spread(errors, 3, 1, devices=plan_devices(plan))


def compare(
    config: Config,
    level: Level,
    dense: Snapshot,
    data: Splits,
    errors: Errors | None,
    width: int,
    between: Callable[[], None],
) -> Comparison:
    """Compare the copies of a level.

    Args:
        config: of the level's study.
        level: trained.
        dense: the dense networks at the end of training, replicates as first axis.
        data: on all devices.
        errors: from `make_errors`; None: no lines.
        width: lines that it takes at once.
        between: called before every group of lines; may stop it all.
    """
    rows = stability_rows(config, level, dense)
    if errors is None:
        return Comparison(rows, [])
    pairs, paths = pairs_of(level), {}
    for first in range(0, len(pairs), width):
        between()
        some = pairs[first : first + width]
        lanes = _lanes(some, width, 0), _lanes(some, width, 1)
        one, other = (tree.take(level.outcome.finals, end) for end in lanes)
        replicates = np.array([level.ids[n].replicate for n in lanes[0]], np.int32)
        found = tree.to_host(errors(one, other, replicates, data))
        paths |= {pair: tree.take(found, i) for i, pair in enumerate(some)}
    lines = (path_rows(level, pair, path) for pair, path in paths.items())
    return Comparison(with_barriers(rows, paths), [*chain.from_iterable(lines)])


def _lanes(pairs: Sequence[Pair], width: int, end: int) -> np.ndarray:
    """Return the lanes of first or second ends of lines, padded by the last of them."""
    padded = [pairs[min(i, len(pairs) - 1)] for i in range(width)]
    return np.array([pair.lanes[end] for pair in padded])
