"""Networks that start as one and train under several data orders, compared, as rows."""

from collections.abc import Mapping
from itertools import combinations
from typing import Any

from .config import Config
from .outline import level_ids

STABILITY = {
    "level": "int64",
    "kind": "string",
    "replicate": "int64",
    "cause": "string",
    "first": "int64",
    "second": "int64",
    "distance": "float64",
    "angle": "float64",
    "train_barrier": "float64",
    "test_barrier": "float64",
}
"""Columns of the comparisons and their types.

``cause`` is what makes the two networks differ: ``data_order`` (their data orders are
the ``first`` and the ``second``) or ``pruning`` (the second is the dense network)."""
PATHS = {
    "level": "int64",
    "kind": "string",
    "replicate": "int64",
    "first": "int64",
    "second": "int64",
    "alpha": "float64",
    "split": "string",
    "error": "float64",
}
"""Columns of the errors on the line between two networks, and their types."""
DATA_ORDER, PRUNING = "data_order", "pruning"
PRUNED_KINDS = ("ticket", "shuffle_mask")
"""Kinds that start from the dense network's own weights."""


def copied_kinds(config: Config, level: int) -> list[str]:
    """Return the kinds of which a level has copies under other data orders.

    Example:
        >>> from lth_jax.config import StabilityConfig
        >>> config = Config(reinits=2, stability=StabilityConfig(orders=3))
        >>> copied_kinds(config, 0), copied_kinds(config, 1)
        ([], ['ticket', 'random_reinit'])
    """
    kinds = (lane.copied for lane in level_ids(config, level))
    return list(dict.fromkeys(kind for kind in kinds if kind))


def fault(table: Any, config: Config, level: int) -> str:
    """Say what is wrong with the values of a stored table; ``""`` if nothing is.

    Args:
        table: DataFrame with the columns `STABILITY` or `PATHS`.
        config: of the study.
        level: of which the table is.
    """
    names = [name for name in table if table[name].dtype != float]
    names += [name for name in table if name == "alpha"]
    if table[names].isna().any(axis=None) or table.duplicated(names).any():
        return f"a row without {', '.join(names)}, or two of the same."
    network = ["level", "kind", "replicate"]
    kinds, replicates = copied_kinds(config, level), range(config.replicates)
    wanted = {(level, kind, replicate) for kind in kinds for replicate in replicates}
    there = set(table[network].drop_duplicates().itertuples(index=False, name=None))
    if not there <= wanted:
        return "its networks are not those of this level of this run."
    for name in table:
        values = table[name].dropna()
        good = _good(name, values, config.stability.orders)
        if not good.all():
            return f"its column {name} holds {values[~good].iloc[0]}."
    return ""


def _good(name: str, values: Any, orders: int) -> Any:
    """Tell which values of a column can be."""
    words: Mapping[str, Any] = {
        "cause": (DATA_ORDER, PRUNING),
        "split": ("train", "test"),
        "first": range(orders),
        "second": range(orders),
    }
    if name in words:
        return values.isin(words[name])
    if name in ("distance", "angle"):
        return values.between(0, 180 if name == "angle" else float("inf"))
    if values.dtype == float:
        return values.between(0, 1 + 1e-6)
    return values.isin(values)


def pairs(orders: int) -> list[tuple[int, int]]:
    """Return the pairs of data orders that are compared.

    Example:
        >>> pairs(3)
        [(0, 1), (0, 2), (1, 2)]
    """
    return list(combinations(range(orders), 2))
