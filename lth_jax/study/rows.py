"""Levels as rows: one per trained network, and one per evaluation of it."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import tree
from ..schema import SUMMARY, Status
from ..training import metrics
from ..training.lanes import Outcome
from .level import Level
from .networks import LaneId

Row = dict[str, Any]


def summary_rows(level: Level) -> list[Row]:
    """Return one row per training of a level, trained or not, with columns `SUMMARY`.

    Accuracies are fractions; ``_es`` is at the step of minimum validation loss.

    Args:
        level: from `lth_jax.study.find.find_tickets`.

    Reference:
        Frankle & Carbin (2019), footnote 2 and appendix G.1.
    """
    rows = [_absent(level, *item) for item in level.absent.items()]
    kernels = _kernels(level, level.tickets.mask)
    return [
        _identity(lane, status)
        | _counts(kernels, i)
        | _scores(level.outcome, i, level.evaluations)
        for i, (lane, status) in enumerate(zip(level.ids, level.status, strict=True))
    ] + rows


def curve_rows(level: Level) -> list[Row]:
    """Return one row per training, evaluation and split, with columns `CURVES`.

    Losses are means in nats, accuracies fractions. The training set is evaluated at the
    last step only; where the test set was not, there is no row of it.

    Args:
        level: from `lth_jax.study.find.find_tickets`.
    """
    rows: list[Row] = []
    for i, lane in enumerate(level.ids):
        for split, points in level.outcome.curve._asdict().items():
            for step, loss, accuracy in zip(
                level.evaluations, points.loss[i], points.accuracy[i], strict=True
            ):
                if not np.isnan(accuracy):
                    rows.append(_point(lane, step, split, loss, accuracy))
        end = level.outcome.train
        rows.append(
            _point(lane, level.evaluations[-1], "train", end.loss[i], end.accuracy[i])
        )
    return rows


def _point(lane: LaneId, step: int, split: str, loss: Any, accuracy: Any) -> Row:
    values = {"step": step, "split": split}
    return lane._asdict() | values | {"loss": float(loss), "accuracy": float(accuracy)}


def _identity(lane: LaneId, status: Status) -> Row:
    return dict.fromkeys(SUMMARY) | lane._asdict() | {"status": status}


def _absent(level: Level, lane: LaneId, status: Status) -> Row:
    row = _identity(lane, status)
    if status == "collapsed":
        row |= _counts(_kernels(level, level.masks), lane.replicate)
    return row


def _kernels(level: Level, masks: Any) -> list[Any]:
    return [m for path, m in tree.flatten(masks).items() if path in level.layers]


def _counts(kernels: Sequence[Any], i: int) -> Row:
    weights = sum(m[i].size for m in kernels)
    alive = int(sum(np.sum(m[i]) for m in kernels))
    return {"density": alive / weights, "n_weights": weights, "n_remaining": alive}


def _scores(outcome: Outcome, i: int, evaluations: Sequence[int]) -> Row:
    validation, test = outcome.curve
    row = {
        "val_accuracy_final": float(validation.accuracy[i, -1]),
        "test_accuracy_final": float(test.accuracy[i, -1]),
        "train_accuracy_final": float(outcome.train.accuracy[i]),
    }
    best = metrics.early_stop(np.asarray(validation.loss[i]))
    if best is None:
        return row
    return row | {
        "early_stop_step": evaluations[best],
        "min_val_loss": float(validation.loss[i, best]),
        "val_accuracy_es": float(validation.accuracy[i, best]),
        "test_accuracy_es": float(test.accuracy[i, best]),
    }
