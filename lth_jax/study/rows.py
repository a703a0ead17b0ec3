"""Levels as rows: one per trained network, and one per evaluation of it."""

from collections.abc import Sequence
from typing import Any, get_args

import numpy as np

from .. import tree
from ..config import Config
from ..training import metrics
from ..training.lanes import Outcome
from .level import Level, Status
from .networks import LaneId, evaluations, level_ids

SUMMARY = {
    "level": "int64",
    "kind": "string",
    "replicate": "int64",
    "draw": "int64",
    "density": "float64",
    "n_weights": "int64",
    "n_remaining": "int64",
    "early_stop_step": "int64",
    "min_val_loss": "float64",
    "val_accuracy_es": "float64",
    "test_accuracy_es": "float64",
    "val_accuracy_final": "float64",
    "test_accuracy_final": "float64",
    "train_accuracy_final": "float64",
    "status": "string",
}
"""Columns of the summary and their types; a value that does not exist is null."""
CURVES = {
    "level": "int64",
    "kind": "string",
    "replicate": "int64",
    "draw": "int64",
    "step": "int64",
    "split": "string",
    "loss": "float64",
    "accuracy": "float64",
}
"""Columns of the curves and their types."""

Row = dict[str, Any]


def summary_rows(level: Level) -> list[Row]:
    """Return one row per training of a level, trained or not, with columns `SUMMARY`.

    Accuracies are fractions; ``_es`` is at the step of minimum validation loss.

    Args:
        level: from `lth_jax.study.waves.run_waves`.

    Reference:
        Frankle & Carbin (2019), footnote 2 and appendix G.1.
    """
    rows = [_absent(level, *item) for item in level.absent.items()]
    if level.outcome is None or level.tickets is None:
        return rows
    kernels = _kernels(level.tickets.mask)
    return [
        _identity(lane, status)
        | _counts(kernels, i)
        | _scores(level.outcome, i, level.evaluations)
        for i, (lane, status) in enumerate(zip(level.ids, level.status, strict=True))
    ] + rows


def curve_rows(level: Level) -> list[Row]:
    """Return one row per training, evaluation and split, with columns `CURVES`.

    Losses are means in nats, accuracies fractions. The training set is evaluated at the
    last step only.

    Args:
        level: from `lth_jax.study.waves.run_waves`.
    """
    rows: list[Row] = []
    if level.outcome is None:
        return rows
    for i, lane in enumerate(level.ids):
        for split, points in level.outcome.curve._asdict().items():
            for step, loss, accuracy in zip(
                level.evaluations, points.loss[i], points.accuracy[i], strict=True
            ):
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
        row |= _counts(_kernels(level.masks), lane.replicate)
    return row


def _kernels(stacked: Any) -> list[Any]:
    return [m for m in tree.flatten(stacked).values() if m.ndim >= 3]


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


def fault(table: Any, config: Config, level: int) -> str:
    """Say what is wrong with the values of a stored table; ``""`` if nothing is.

    Args:
        table: DataFrame with the columns `SUMMARY` or `CURVES`.
        config: of the study.
        level: of which the table is.
    """
    network = list(LaneId._fields)
    names = network + [name for name in ("step", "split") if name in table]
    if table[names].isna().any(axis=None) or table.duplicated(names).any():
        return f"a row without {', '.join(names)}, or two of the same."
    there = set(table[network].drop_duplicates().itertuples(index=False, name=None))
    wanted = set(level_ids(config, level))
    if not there <= wanted or ("status" in table and there != wanted):
        return "its networks are not those of this level of this run."
    for name in table:
        values = table[name].dropna()
        if name == "density" or "accuracy" in name:
            good = values.between(0, 1 + 1e-6)
        else:
            good = values.isin(_words(config, level).get(name, values))
        if not good.all():
            return f"its column {name} holds {values[~good].iloc[0]}."
    return ""


def _words(config: Config, level: int) -> dict[str, Sequence[Any]]:
    """Return what columns can hold, where that is a few words or numbers."""
    steps = evaluations(config, level)
    return {
        "status": get_args(Status),
        "split": ("train", "validation", "test"),
        "step": steps,
        "early_stop_step": steps,
    }
