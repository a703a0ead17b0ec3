"""Accuracy at some evaluations of a training, as columns of the summary."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from ..results import at_common_steps
from ..store.read import Run

if TYPE_CHECKING:
    import pandas as pd

NETWORK = ["level", "kind", "replicate", "draw"]


def at_fractions(
    runs: Sequence[Run], fractions: Sequence[float], split: str
) -> tuple[list[Run], list[tuple[str, str]]]:
    """Return runs whose summaries have accuracy at some fractions of training.

    The evaluations nearest to these fractions of a run's steps count.

    Args:
        runs: with curves.
        fractions: of the training of the dense network.
        split: ``test`` or ``validation``.

    Returns:
        The runs, and name and title of each column, in order of the fractions.
    """
    columns = [f"accuracy at {i}" for i in range(len(fractions))]
    runs = [run._replace(curves=at_common_steps(run.curves)) for run in runs]
    steps = [_nearest_steps(run, fractions, split) for run in runs]
    looked = [
        run._replace(summary=_with_accuracy(run, columns, own, split))
        for run, own in zip(runs, steps, strict=True)
    ]
    titles = [step_title(split, at) for at in zip(*steps, strict=True)]
    return looked, list(zip(columns, titles, strict=True))


def _nearest_steps(run: Run, fractions: Sequence[float], split: str) -> list[int]:
    dense = run.curves.query("level == 0 and split == @split")
    steps = dense["step"].drop_duplicates()
    last = steps.max()
    return [int(steps[(steps - x * last).abs().idxmin()]) for x in fractions]


def step_title(split: str, steps: Iterable[int]) -> str:
    """Return the title of a panel of accuracy at a step of each of several runs.

    Example:
        >>> step_title("test", [2000, 1900, 2000])
        'Test accuracy after 1,900 or 2,000 steps'
    """
    words = " or ".join(f"{step:,}" for step in sorted(set(steps)))
    return f"{split.capitalize()} accuracy after {words} steps"


def _with_accuracy(
    run: Run, columns: Sequence[str], steps: Sequence[int], split: str
) -> "pd.DataFrame":
    """Return the summary with a column of the accuracy at each of some steps.

    Networks that were rewound may be evaluated at other steps: the nearest one counts,
    unless it is further away than evaluations are from one another.
    """
    rows, summary = run.curves[run.curves["split"] == split], run.summary
    apart = rows.query("level == 0")["step"].drop_duplicates().sort_values().diff()
    for column, step in zip(columns, steps, strict=True):
        away = (rows["step"] - step).abs()
        near = away[away < apart.max()].groupby([rows[n] for n in NETWORK]).idxmin()
        found = rows.loc[near, [*NETWORK, "accuracy"]]
        found = found.rename(columns={"accuracy": column})
        summary = summary.merge(found, on=NETWORK, how="left")
    return summary
