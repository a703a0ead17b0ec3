"""What the variants of a sweep differ in: as settings, and in words."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from ..results import flat_numbers, network_name
from ..store.read import Run

SCOPES = {"global": "global", "layerwise": "layer by layer"}
NAMED: dict[str, dict[Any, str]] = {
    "train.optimizer": {"adam": "Adam", "sgd": "SGD", "momentum": "momentum"},
    "prune.continued": {True: "continued training", False: "resetting"},
    "prune.scope": SCOPES,
    "prune.criterion": {
        "magnitude": "pruned after training",
        "initial_magnitude": "pruned before training",
    },
}
"""Settings whose values say enough."""
WORDS = {
    "train.learning_rate": "rate",
    "train.warmup": "warmup",
    "train.steps": "steps",
    "prune.rate": "pruning rate",
    "prune.rates": "pruning rates",
    "prune.output_rate": "pruning rate of the output",
    "model.init_std": "initial standard deviation",
    "model.widths": "hidden units",
    "model.dropout": "dropout",
}
"""What stands before a value."""


def settings_of(run: Run) -> dict[str, Any]:
    """Return the settings of a run that change numbers, flat, as JSON values.

    What its config does not have is the default.
    """
    stored = flat_numbers(run.config)
    return {name: stored[name] for name in flat_numbers({})}


def by_network(runs: Mapping[str, Run]) -> dict[str, dict[str, Run]]:
    """Return the runs of every network by variant, by the network's name."""
    found: dict[str, dict[str, Run]] = {}
    for variant, run in runs.items():
        found.setdefault(settings_of(run)["model.name"], {})[variant] = run
    return found


def network_words(runs: Iterable[Run]) -> str:
    """Return how the one network of some runs is called, with widths they share."""
    found = [settings_of(run) for run in runs]
    first = found[0]
    shared = all(each["model.widths"] == first["model.widths"] for each in found)
    return network_name(first["model.name"], first["model.widths"] if shared else ())


def differing(runs: Iterable[Run]) -> list[str]:
    """Return the names of the settings of tickets in which runs differ."""
    found = [settings_of(run) for run in runs]
    return [
        name
        for name in (found[0] if found else {})
        if _is_of_tickets(name) and any(one[name] != found[0][name] for one in found)
    ]


def _is_of_tickets(name: str) -> bool:
    """Tell whether a setting changes tickets, not only what is trained beside them.

    Settings of data, network, training, ... have a dot in their names; the others say
    how many networks of which kinds there are, but for the seed.
    """
    return "." in name or name == "seed"


def plain(value: float) -> str:
    """Return a number without exponent, thousands apart.

    Example:
        >>> plain(2.5e-5), plain(0.1), plain(20000)
        ('0.000025', '0.1', '20,000')
    """
    if value == int(value):
        return f"{int(value):,}"
    return np.format_float_positional(value, trim="-")


def differences(runs: Mapping[str, Run]) -> dict[str, str]:
    """Return what is special about each variant among those of its network.

    Returns:
        Words by variant, such as ``ResNet-18, rate 0.03, warmup 20,000``; the network
        is named if there are several, and what is 0, off or the default is not.
    """
    groups = by_network(runs)
    words = {}
    for group in groups.values():
        fields = differing(group.values())
        if "prune.one_shot" in fields:  # It replaces the rate.
            fields = [name for name in fields if name != "prune.rate"]
        first = [network_words(group.values())] if len(groups) > 1 else []
        for variant, run in group.items():
            own = settings_of(run)
            rest = [setting_words(name, own[name]) for name in fields]
            words[variant] = ", ".join(filter(None, [*first, *rest]))
    return {variant: words[variant] for variant in runs}


def setting_words(name: str, value: Any) -> str:
    """Return a setting in words; "" if it is no more than the absence of something.

    Example:
        >>> setting_words("train.optimizer", "sgd"), setting_words("train.warmup", 0)
        ('SGD', '')
        >>> setting_words("model.widths", [300, 100])
        'hidden units 300-100'
    """
    if name in NAMED:
        return NAMED[name].get(value, str(value))
    if name == "prune.one_shot":
        return "one-shot" if value else "iterative"
    if name == "model.init_std" and value is None:
        return "Glorot's initial weights"
    if name == "prune.levels" or value in (None, [], 0):
        return ""
    return f"{WORDS.get(name, name)} {_value_words(value)}"


def _value_words(value: Any) -> str:
    if isinstance(value, list):
        apart = " " if any(isinstance(one, str) for one in value) else "-"
        listed = ", " if any(isinstance(one, list) for one in value) else apart
        return listed.join(map(_value_words, value))
    return plain(value) if isinstance(value, int | float) else str(value)
