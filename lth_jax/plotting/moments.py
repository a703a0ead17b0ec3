"""Accuracy at moments of training, as columns of the summary."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

    from ..store.read import Run

MOMENTS = {"vgg19": (30_000, 60_000, 112_480), "resnet18": (10_000, 20_000, 30_000)}
"""Steps at which the paper looks, the last one the end of training."""


def moments_of(run: "Run", network: str) -> list[int]:
    """Return the evaluations of a run nearest to those fractions of training.

    Args:
        run: with curves.
        network: whose moments, of `MOMENTS`.
    """
    last = MOMENTS[network][-1]
    return [_nearest(run, step / last) for step in MOMENTS[network]]


def _nearest(run: "Run", fraction: float) -> int:
    steps = run.curves.query("level == 0")["step"].drop_duplicates()
    return int(steps[(steps - fraction * steps.max()).abs().idxmin()])


def moment_titles(split: str, moments: Sequence[Sequence[int]]) -> list[str]:
    """Return the titles of panels of accuracy at moments of several runs.

    Example:
        >>> moment_titles("Test", [[100, 2000], [100, 1900]])[1]
        'Test accuracy after 1,900 or 2,000 steps'
    """
    return [
        f"{split} accuracy after {' or '.join(f'{n:,}' for n in sorted(set(at)))} steps"
        for at in zip(*moments, strict=True)
    ]


def with_moments(
    run: "Run", names: Sequence[str], steps: Sequence[int], split: str = "test"
) -> "pd.DataFrame":
    """Return the summary with columns of the accuracy at some steps.

    Networks that were rewound may be evaluated at other steps: the nearest one counts.

    Args:
        run: with curves.
        names: of the columns.
        steps: one for each.
        split: ``test`` or ``validation``.
    """
    network = ["level", "kind", "replicate", "draw"]
    rows, summary = run.curves[run.curves["split"] == split], run.summary
    apart = rows.query("level == 0")["step"].drop_duplicates().sort_values().diff()
    for name, step in zip(names, steps, strict=True):
        away = (rows["step"] - step).abs()
        near = away[away < apart.max()].groupby([rows[n] for n in network]).idxmin()
        column = rows.loc[near, [*network, "accuracy"]]
        summary = summary.merge(
            column.rename(columns={"accuracy": name}), on=network, how="left"
        )
    return summary
