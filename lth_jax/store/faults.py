"""What is wrong with the values of a stored table: one check for all tables."""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..config import Config
from ..schema import (
    BINS,
    CURVES_FILE,
    HISTOGRAMS_FILE,
    LAYERS_FILE,
    PARTS,
    PATHS_FILE,
    QUANTITIES,
    STABILITY_FILE,
    SUMMARY_FILE,
    UNITS_FILE,
    Range,
    Table,
)
from ..study.networks import LaneId, plan_study

if TYPE_CHECKING:
    import pandas as pd


MOST_OF_OLD = 2_000_000
"""Rows of an anatomy whose run does not say what its layers are: older ones do not."""


def most_of_level(name: str, config: Config, number: int) -> int:
    """Return how many rows a table of a level can have.

    Args:
        name: of the file.
        config: of the run.
        number: of the level.

    Example:
        >>> config = Config(replicates=2)
        >>> most_of_level("summary.parquet", config, 0)
        2
        >>> most_of_level("curves.parquet", config, 0)  # 501 of two splits, 1 of one
        2006
    """
    plan = plan_study(config)[number]
    orders, networks = config.stability.orders, len(plan.networks)
    copied = len(
        {(lane.copied, lane.replicate) for lane in plan.networks if lane.copied}
    )
    pairs = copied * math.comb(orders, 2)
    return {
        SUMMARY_FILE: networks,
        CURVES_FILE: networks * (2 * len(plan.evaluations) + 1),
        STABILITY_FILE: pairs + copied * orders,
        PATHS_FILE: pairs * 2 * config.stability.points,
    }[name]


def most_of_anatomy(
    name: str, config: Config, shapes: Mapping[str, tuple[int, ...]]
) -> int:
    """Return how many rows a table of an anatomy can have.

    Args:
        name: of the file.
        config: of the run.
        shapes: of the layers; empty if they are not known.

    Example:
        >>> shapes = {"Dense_0/kernel": (64, 300)}
        >>> most_of_anatomy("units.parquet", Config(replicates=1), shapes)
        7644
    """
    if not shapes:
        return MOST_OF_OLD
    each = {
        LAYERS_FILE: len(shapes),
        HISTOGRAMS_FILE: len(shapes) * len(QUANTITIES) * len(PARTS) * BINS,
        UNITS_FILE: sum(sum(shape[-2:]) for shape in shapes.values()),
    }
    return config.replicates * (config.levels + 1) * each[name]


def fault(
    rows: "pd.DataFrame", table: Table, config: Config, level: int | None = None
) -> str:
    """Say what is wrong with the values of a stored table; ``""`` if nothing is.

    Args:
        rows: with the columns of the table.
        table: which one, and what it can hold.
        config: of the run.
        level: that the table is of; None if it is of the whole run.
    """
    required = list(table.key if table.required is None else table.required)
    is_incomplete = rows[required].isna().any(axis=None)
    if is_incomplete or rows.duplicated(list(table.key)).any():
        return f"a row without {', '.join(required)}, or two of the same."
    if level is not None and _has_other_networks(rows, table, config, level):
        return "its networks are not those of this level of this run."
    allowed = {**table.values, **_allowed(config, level)}
    for name, type_ in table.columns.items():
        values = rows[name].dropna()
        if name in allowed:
            good = _are(values, allowed[name])
        elif type_ == "string":
            good = values != ""
        else:
            continue
        if not good.all():
            return f"its column {name} holds {values[~good].iloc[0]}."
    for low, high in table.ordered:
        if (rows[low] > rows[high]).fillna(False).any():
            return f"a row with more {low} than {high}."
    return ""


def _allowed(config: Config, level: int | None) -> dict[str, Range | Sequence[Any]]:
    """Return what columns can hold in a run of a config."""
    allowed: dict[str, Range | Sequence[Any]] = {
        "level": Range(0, config.levels),
        "replicate": Range(0, config.replicates - 1),
        "first": range(config.stability.orders),
        "second": range(config.stability.orders),
    }
    if level is not None:
        steps = plan_study(config)[level].evaluations
        allowed |= {"step": steps, "early_stop_step": steps}
    return allowed


def _are(values: "pd.Series[Any]", allowed: Range | Sequence[Any]) -> Any:
    """Tell which values of a column are allowed."""
    if isinstance(allowed, Range):
        return values.between(allowed.low, allowed.high)
    return values.isin(allowed)


def _has_other_networks(
    rows: "pd.DataFrame", table: Table, config: Config, level: int
) -> bool:
    """Tell whether networks are there that the level has not, or some are missing."""
    lanes = plan_study(config)[level].networks
    if table.networks == "copies":
        columns = ["level", "kind", "replicate"]
        known = {(n.level, n.copied, n.replicate) for n in lanes if n.copied}
    else:
        columns, known = list(LaneId._fields), {tuple(lane) for lane in lanes}
    there = set(rows[columns].drop_duplicates().itertuples(index=False, name=None))
    return not there <= known or (table.networks == "every" and there != known)
