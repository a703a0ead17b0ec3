"""Tickets taken apart: their initial weights, their movement, their connections."""

from typing import Any, NamedTuple

from .config import Config

LAYERS = {
    "level": "int64",
    "replicate": "int64",
    "layer": "string",
    "n_weights": "int64",
    "n_remaining": "int64",
    "kept_positive": "float64",
    "near_zero": "float64",
    "distance_kept": "float64",
    "distance_other": "float64",
    "grown_kept": "float64",
    "grown_other": "float64",
    "incoming_spread": "float64",
    "outgoing_spread": "float64",
    "incoming_random": "float64",
    "outgoing_random": "float64",
    "units_without_incoming": "int64",
    "units_without_outgoing": "int64",
    "live": "int64",
    "log10_paths": "float64",
}
"""Columns of the layers of tickets and their types; docs/design.md explains each."""
HISTOGRAMS = {
    "level": "int64",
    "replicate": "int64",
    "layer": "string",
    "quantity": "string",
    "part": "string",
    "low": "float64",
    "high": "float64",
    "count": "int64",
}
"""Columns of the histograms of weights and their types, one row per bin."""
UNITS = {
    "level": "int64",
    "replicate": "int64",
    "layer": "string",
    "side": "string",
    "unit": "int64",
    "connections": "int64",
    "possible": "int64",
}
"""Columns of the connections of units and their types."""
TABLES = {
    "layers.parquet": LAYERS,
    "histograms.parquet": HISTOGRAMS,
    "units.parquet": UNITS,
}
"""Columns of the tables of a run's anatomy."""
QUANTITIES = ("initial", "distance", "growth")
"""What is counted: the initial weight, how far it moved, by how much it grew."""
PARTS = ("kept", "other")
"""Where: in the ticket, or outside."""
SIDES = ("incoming", "outgoing")
"""Of which connections: those into an output unit, or those out of an input unit."""
_CAN_BE_NULL = ("distance_other", "grown_other", "live", "log10_paths")
_SHARES = ("kept_positive", "near_zero", "grown_kept", "grown_other")
_WORDS = {"quantity": QUANTITIES, "part": PARTS, "side": SIDES}
_ORDERED = {"n_remaining": "n_weights", "connections": "possible", "low": "high"}
_LARGEST = float.fromhex("0x1.fffffffffffffp+1023")


class Anatomy(NamedTuple):
    """What the tickets of a run look like inside.

    Attributes:
        layers: DataFrame, one row per ticket and layer.
        histograms: DataFrame, one row per ticket, layer, quantity, part and bin.
        units: DataFrame, one row per ticket, layer, side and unit.
    """

    layers: Any
    histograms: Any
    units: Any


def fault(table: Any, config: Config) -> str:
    """Say what is wrong with the values of a stored table; ``""`` if nothing is.

    Args:
        table: DataFrame with the columns `LAYERS`, `HISTOGRAMS` or `UNITS`.
        config: of the study.
    """
    names = [name for name in table if name not in _CAN_BE_NULL]
    keys = ["level", "replicate", "layer", *_WORDS, "low", "unit"]
    keys = [name for name in keys if name in table]
    if table[names].isna().any(axis=None) or table.duplicated(keys).any():
        return f"a row without {', '.join(names)}, or two of the same."
    for name in table:
        values = table[name].dropna()
        good = _good(name, values, config)
        if not good.all():
            return f"its column {name} holds {values[~good].iloc[0]}."
    for low, high in _ORDERED.items():
        if low in table and (table[low] > table[high]).any():
            return f"a row with more {low} than {high}."
    return ""


def _good(name: str, values: Any, config: Config) -> Any:
    """Tell which values of a column can be."""
    if name in _WORDS:
        return values.isin(_WORDS[name])
    if name == "level":
        return values.between(0, config.levels)
    if name == "replicate":
        return values.between(0, config.replicates - 1)
    if name == "layer":
        return values != ""
    if name in _SHARES:
        return values.between(0, 1)
    return values.between(-_LARGEST if name in ("low", "high") else 0, _LARGEST)
