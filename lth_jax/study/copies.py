"""Networks that start as one and train under several data orders, compared, as rows."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from .. import analysis, tree
from ..config import Config
from ..schema import DATA_ORDER, PATHS, PRUNING, STABILITY
from ..tickets.controls import CONTROLS
from ..tickets.rewinding import rule_of
from ..types import Snapshot
from .level import Level
from .networks import LevelPlan

Row = dict[str, Any]


def copied_kinds(level: LevelPlan) -> list[str]:
    """Return the kinds of which a level has copies under other data orders.

    Example:
        >>> from lth_jax.config import StabilityConfig
        >>> from lth_jax.study.networks import plan_study
        >>> config = Config(reinits=2, stability=StabilityConfig(orders=3))
        >>> dense, first, *_ = plan_study(config)
        >>> copied_kinds(dense), copied_kinds(first)
        ([], ['ticket', 'random_reinit'])
    """
    kinds = (lane.copied for lane in level.networks)
    return list(dict.fromkeys(kind for kind in kinds if kind))


class Pair(NamedTuple):
    """Two copies of one network, trained under two data orders.

    Attributes:
        kind: of the network.
        replicate: of both.
        orders: their data orders.
        lanes: their places in ``level.ids``.
    """

    kind: str
    replicate: int
    orders: tuple[int, int]
    lanes: tuple[int, int]


def stability_rows(config: Config, level: Level, dense: Snapshot) -> list[Row]:
    """Return how close the copies at a level came, as rows with columns `STABILITY`.

    Networks that diverged are in no pair. Stability to pruning is that of tickets and
    random masks which train from weights of the dense network as it went on from them.

    Args:
        config: of the study.
        level: trained.
        dense: the dense networks at the end of training, replicates as first axis.

    Reference:
        Frankle et al. (2020), "Stabilizing the Lottery Ticket Hypothesis", section 2
        and figures 3 and 10.

    Deviation:
        The dense network is not trained anew from the rewind point: it is the one that
        went through it, with the moments of its optimizer.
    """
    finals, rows = level.outcome.finals.params, []
    for (kind, replicate), copies in _groups(level).items():
        numbers, lanes = [*copies], np.array([*copies.values()])
        if len(lanes) > 1:
            tickets = tree.take(level.tickets, lanes)
            close = analysis.to_data_order(
                tickets, tree.take(finals, lanes), level.layers
            )
            rows += [
                _row(level, kind, replicate, DATA_ORDER, numbers[a], numbers[b])
                | {"distance": float(distance), "angle": float(angle)}
                for (a, b), distance, angle in zip(
                    analysis.pairs(len(lanes)), *close, strict=True
                )
            ]
        if _has_own_weights(kind) and 0 in copies and _follows_dense(config):
            one, full = tree.take(finals, copies[0]), tree.take(dense.params, replicate)
            mask = tree.take(level.tickets.mask, copies[0])
            distance, angle = analysis.to_pruning(full, one, mask, level.layers)
            rows.append(
                _row(level, kind, replicate, PRUNING, 0, 0)
                | {"distance": float(distance), "angle": float(angle)}
            )
    return rows


def _row(
    level: Level, kind: str, replicate: int, cause: str, first: int, second: int
) -> Row:
    known = (level.number, kind, replicate, cause, first, second)
    return dict.fromkeys(STABILITY) | dict(zip(STABILITY, known, strict=False))


def _has_own_weights(kind: str) -> bool:
    """Tell whether a kind starts from the dense network's own weights."""
    known = CONTROLS.get(kind)
    return kind == "ticket" or (known is not None and known.own_weights)


def _follows_dense(config: Config) -> bool:
    """Tell whether tickets train as the dense network did from their weights on."""
    rule = rule_of(config)
    left = config.train.steps - rule.clock if isinstance(rule.clock, int) else None
    return rule.weights == rule.clock and rule.steps == left


def _groups(level: Level) -> dict[tuple[str, int], dict[int, int]]:
    """Return the places of the copies that did not diverge, by data order."""
    groups: dict[tuple[str, int], dict[int, int]] = {}
    kinds = copied_kinds(level.plan)
    for i, (lane, status) in enumerate(zip(level.ids, level.status, strict=True)):
        kind = lane.copied or lane.kind
        original = not lane.copied and lane.draw == 0
        if kind in kinds and status == "ok" and (lane.copied or original):
            order = lane.draw if lane.copied else 0
            groups.setdefault((kind, lane.replicate), {})[order] = i
    return groups


def pairs_of(level: Level) -> list[Pair]:
    """Return the pairs of copies of a level that did not diverge."""
    found = []
    for (kind, replicate), copies in _groups(level).items():
        orders = [*copies]
        for a, b in analysis.pairs(len(orders)):
            both = orders[a], orders[b]
            lanes = copies[both[0]], copies[both[1]]
            found.append(Pair(kind, replicate, both, lanes))
    return found


def path_rows(level: Level, pair: Pair, path: analysis.Path) -> Iterator[Row]:
    """Yield the errors on the line between two copies, as rows with columns `PATHS`.

    Args:
        level: of the pair.
        pair: the copies; alpha is the share of the first.
        path: from `lth_jax.analysis.path_errors`.
    """
    known = level.number, pair.kind, pair.replicate, *pair.orders
    for split, errors in path._asdict().items():
        for alpha, error in zip(analysis.alphas(len(errors)), errors, strict=True):
            values = (*known, float(alpha), split, float(error))
            yield dict(zip(PATHS, values, strict=True))


def with_barriers(
    rows: Sequence[Row], paths: Mapping[Pair, analysis.Path]
) -> list[Row]:
    """Return rows of stability with the error barriers of their pairs.

    Args:
        rows: from `stability_rows`.
        paths: errors on the line between copies.
    """
    barriers = {
        (pair.kind, pair.replicate, DATA_ORDER, *pair.orders): {
            "train_barrier": float(analysis.barrier(path.train)),
            "test_barrier": float(analysis.barrier(path.test)),
        }
        for pair, path in paths.items()
    }
    keys = ("kind", "replicate", "cause", "first", "second")
    return [row | barriers.get(tuple(row[key] for key in keys), {}) for row in rows]
