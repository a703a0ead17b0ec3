"""Tables of networks that start as one and are compared: levels, columns, captions."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..errors import InputError
from ..results import density_of, density_text
from ..schema import DATA_ORDER, PRUNING
from ..store.read import Run
from .figure import Runs
from .rewinding import by_step

if TYPE_CHECKING:
    import pandas as pd

OVER_PAIRS = (
    " means over pairs of networks and replicates, bars their least and greatest value"
)
CLOSENESS = (
    " between copies of a network that were trained under two data orders, and between"
    " a pruned network and the dense one on the weights that both have (less is more"
    " stable)"
)


CAUSE_WORDS = {DATA_ORDER: "data orders", PRUNING: "to the dense network"}


class ClosenessColumn(NamedTuple):
    """A column of the table of stability.

    Attributes:
        column: of the table.
        cause: whose rows.
        title: in words.
    """

    column: str
    cause: str
    title: str


DISTANCES = (
    ClosenessColumn("distance", DATA_ORDER, "L2 distance between data orders"),
    ClosenessColumn("distance", PRUNING, "L2 distance to the dense network"),
)
ANGLES = (
    ClosenessColumn("angle", DATA_ORDER, "Angle between data orders (degrees)"),
    ClosenessColumn("angle", PRUNING, "Angle to the dense network (degrees)"),
)


class SideBySide(NamedTuple):
    """Networks that stand side by side with others in a figure.

    Attributes:
        name: below them.
        title: above them, where they have a panel of their own.
        rows: of a table, of one level of one run.
    """

    name: str
    title: str
    rows: "pd.DataFrame"


def has_pairs(runs: Runs, *columns: str) -> bool:
    """Tell whether a table of stability holds a number in one of some columns."""
    return any(
        np.isfinite(run.stability[column].astype(float)).any()
        for run in runs.values()
        for column in columns
    )


def is_measured_sweep(runs: Runs, *columns: str) -> bool:
    """Tell whether several runs of a sweep over rewind steps hold such a number."""
    found = [has_pairs({"": run}, *columns) for run in by_step(runs).values()]
    return sum(found) >= 2


def check_compared(runs: Mapping[Any, Run], table: str) -> None:
    """Refuse runs none of which has a row in a table of comparisons.

    Args:
        runs: by variant or step.
        table: ``stability`` or ``paths``.

    Raises:
        InputError: no run has one.
    """
    if not any(measured(run, table) for run in runs.values()):
        setting = {"stability": "stability.orders", "paths": "stability.points"}[table]
        raise InputError(
            "This figure shows copies of networks that were trained under several data"
            f" orders; no run has them. Train it with {setting} of 2 or more."
        )


def measured(run: Run, table: str = "stability") -> list[int]:
    """Return the levels of which a table of comparisons has rows, in order."""
    return sorted({int(level) for level in getattr(run, table)["level"]})


def sparsest(runs: Mapping[Any, Run], table: str = "stability") -> dict[Any, int]:
    """Return the level at which each run is compared with the others.

    It is the last one that was measured in all of them, else the last of each run. Runs
    without rows are left out.
    """
    levels = {name: measured(run, table) for name, run in runs.items()}
    levels = {name: each for name, each in levels.items() if each}
    shared = set.intersection(*map(set, levels.values())) if levels else set()
    return {name: max(shared or each) for name, each in levels.items()}


def groups_of(runs: Mapping[str, Run], table: str) -> tuple[list[SideBySide], str]:
    """Return what stands side by side, and what its names are.

    Args:
        runs: by variant; of one run, its levels stand side by side.
        table: ``stability`` or ``paths``.

    Raises:
        InputError: no run was compared.
    """
    check_compared(runs, table)
    if len(runs) == 1:
        (run,) = runs.values()
        return _levels(run, table), "weights remaining (%)"
    steps = by_step(runs)
    if len(steps) < len(runs):
        return _variants(runs, table), ""
    groups = _variants({f"{step:,}": run for step, run in steps.items()}, table)
    titled = [group._replace(title=f"Rewound to step {group.name}") for group in groups]
    return titled, "rewound to step"


def pairs_text(tables: Iterable["pd.DataFrame"]) -> str:
    """Return how many pairs of how many networks means stand for.

    Pairs of copies of one network share copies, so they are not independent.

    Args:
        tables: rows of pairs, or of networks; the same pair may have several rows.

    Returns:
        Words such as ``data orders: n = 18 pairs of 3 networks (not independent); to
        the dense network: n = 3 pairs of 3 networks``.
    """
    import pandas as pd

    found: dict[str, set[tuple[int, int]]] = {}
    for rows in tables:
        if "first" not in rows:
            continue
        causes = rows["cause"] if "cause" in rows else pd.Series(DATA_ORDER, rows.index)
        own = [name for name in ("step", "level", "kind") if name in rows]
        for (cause, *_), group in rows.groupby([causes, *(rows[n] for n in own)]):
            pairs = group.drop_duplicates(["replicate", "first", "second"])
            n = len(pairs), pairs["replicate"].nunique()
            found.setdefault(str(cause), set()).add(n)
    words = []
    for cause, numbers in found.items():
        for pairs, networks in sorted(numbers):
            number = f"{CAUSE_WORDS[cause]}: n = {pairs} pairs of {networks} networks"
            words.append(number + " (not independent)" * (pairs > networks))
    return "; ".join(words)


def _levels(run: Run, table: str) -> list[SideBySide]:
    groups = []
    for level in measured(run, table):
        share = density_text(density_of(run, level))
        rows = _at(getattr(run, table), level)
        groups.append(SideBySide(share[:-2], f"{share} of the weights", rows))
    return groups


def _variants(runs: Mapping[str, Run], table: str) -> list[SideBySide]:
    """Return a group per run, with the share of weights that remain if it differs."""
    levels = sparsest(runs, table)
    shares = {
        name: density_text(density_of(runs[name], n)) for name, n in levels.items()
    }
    differ = len(set(shares.values())) > 1
    groups = []
    for variant, level in levels.items():
        name = f"{variant} ({shares[variant]})" if differ else variant
        groups.append(SideBySide(name, name, _at(getattr(runs[variant], table), level)))
    return groups


def _at(table: "pd.DataFrame", level: int) -> "pd.DataFrame":
    return table[table["level"] == level]
