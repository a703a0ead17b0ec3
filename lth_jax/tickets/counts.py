"""How many weights survive at every level: integers, fixed before anything is trained.

So a density is exact and never derived from a float.
"""

import math
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np

from ..config import PruneConfig
from ..errors import InputError, did_you_mean
from ..types import LayerInfo

Counts = dict[str, int]


def n_pruned(
    survivors: int, rate: float, count: Literal["exact", "original"] = "exact"
) -> int:
    """Return how many of a layer's survivors go at a rate: half to even, as ``round``.

    Args:
        survivors: weights alive.
        rate: fraction to prune.
        count: "original" adds one, as the code of Frankle & Carbin does (it compares
            with the sorted magnitude at index ``round(rate * survivors)`` inclusively).

    Example:
        >>> n_pruned(235_200, 0.2), n_pruned(235_200, 0.2, "original")
        (47040, 47041)
    """
    if not rate:
        return 0
    return round(rate * survivors) + (count == "original")


def iterative_counts(
    sizes: Mapping[str, int],
    rates: Mapping[str, float],
    levels: int,
    count: Literal["exact", "original"] = "exact",
) -> list[Counts]:
    """Return the survivors of every layer at levels 0 to ``levels``.

    Args:
        sizes: weights of every prunable layer (or of one group: global pruning).
        rates: fraction of a layer's survivors that each pruning removes.
        levels: number of prunings.
        count: see `n_pruned`.

    Example:
        >>> sizes = {"layer1": 235_200, "layer2": 30_000, "output": 1_000}
        >>> rates = {"layer1": 0.2, "layer2": 0.2, "output": 0.1}
        >>> [sum(n.values()) for n in iterative_counts(sizes, rates, 3)]
        [266200, 213060, 170538, 136511]

    Reference:
        Frankle & Carbin (2019), section 1; rates in its Figure 2.
    """
    counts = [dict(sizes)]
    for _ in range(levels):
        counts.append(
            {p: n - n_pruned(n, rates[p], count) for p, n in counts[-1].items()}
        )
    return counts


def layer_rates(
    layers: Mapping[str, LayerInfo], config: PruneConfig, rate: float | None = None
) -> dict[str, float]:
    """Return the pruning rate of every layer.

    Args:
        layers: of the model.
        config: rates by path, by kind, of the output layer, of the rest.
        rate: in place of the config's (one-shot).

    Raises:
        InputError: a rate is given for a layer or kind that the model does not have, or
            twice.

    Example:
        >>> layers = {"a": LayerInfo("dense", (2, 3)), "b": LayerInfo("output", (3, 1))}
        >>> layer_rates(layers, PruneConfig(rate=0.2))
        {'a': 0.2, 'b': 0.1}

    Reference:
        Frankle & Carbin (2019), section 2: the output layer is pruned at half the rate.
    """
    rate = config.rate if rate is None else rate
    given = dict(config.rates)
    known = [*layers, *dict.fromkeys(info.kind for info in layers.values())]
    for name in given:
        if name not in known:
            raise InputError(
                f"prune.rates names {name!r}, which is no layer and no kind of layer of"
                f" this model{did_you_mean(name, known)}"
            )
    kinds = {info.kind for info in layers.values()}
    if config.output_rate is not None and "output" not in kinds:
        raise InputError(
            f"prune.output_rate is {config.output_rate}, but the model does not say"
            " which layer is the output: name its kernel (output=...), or leave the"
            " rate out."
        )
    output = rate / 2 if config.output_rate is None else config.output_rate
    by_kind = {"output": output} | given
    return {
        path: given.get(path, by_kind.get(info.kind, rate))
        for path, info in layers.items()
    }


def level_counts(layers: Mapping[str, LayerInfo], config: PruneConfig) -> list[Any]:
    """Return what `lth_jax.tickets.masks.prune` is to keep at levels 0 to L.

    Returns:
        Counts by path for layer-wise pruning, one integer for global pruning. A leaf
        that stacks layers has an array of counts, one for each of its layers.

    Raises:
        InputError: a layer would be emptied, no layer of this model is pruned though a
            rate is above 0, or global pruning is given several rates.

    Example:
        >>> blocks = {"blocks/kernel": LayerInfo("dense", (3, 4, 5), stacked=1)}
        >>> level_counts(blocks, PruneConfig(levels=1, rate=0.5))[1]
        {'blocks/kernel': array([10, 10, 10])}
    """
    whole = config.scope == "global"
    sizes = {
        path: math.prod(info.shape[0 if whole else info.stacked :])
        for path, info in layers.items()
    }
    every = [
        _group(layers, config, rate) for rate in (config.one_shot or (config.rate,))
    ]
    stated = config.rate or any(rate for _, rate in config.rates)
    if stated and config.levels and not any(any(r.values()) for r in every):
        raise InputError(
            f"prune.rate is {config.rate}, but prune.rates and prune.output_rate leave"
            f" no layer of this model to prune: it has {', '.join(layers)}."
        )
    if whole:
        taking_part = sum(n for p, n in sizes.items() if any(r[p] for r in every))
        protected = sum(sizes.values()) - taking_part
        sizes, every = {"": taking_part}, [{"": max(r.values())} for r in every]
    if config.one_shot:
        counts = [sizes] + [
            {p: n - n_pruned(n, rates[p], config.count) for p, n in sizes.items()}
            for rates in every
        ]
    else:
        counts = iterative_counts(sizes, every[0], config.levels, config.count)
    for level, count in enumerate(counts):
        if empty := [path for path, n in count.items() if n < 1]:
            schedule = (
                f"prune.one_shot is {config.one_shot}"
                if config.one_shot
                else f"prune.levels is {config.levels}"
            )
            raise InputError(
                f"{schedule}, but at level {level} nothing would"
                f" be left of {empty[0] or 'the network'}: prune fewer times or less."
            )
    if whole:
        return [n[""] + protected for n in counts]
    return [{p: _of_each(n, layers[p]) for p, n in level.items()} for level in counts]


def _of_each(n: int, layer: LayerInfo) -> Any:
    """Return a layer's count, once for each layer that its leaf stacks."""
    return np.full(layer.shape[: layer.stacked], n) if layer.stacked else n


def _group(
    layers: Mapping[str, LayerInfo], config: PruneConfig, rate: float
) -> dict[str, float]:
    if config.scope == "layerwise":
        return layer_rates(layers, config, rate)
    stated = [config.output_rate, *dict(config.rates).values()]
    if any(value not in (None, 0, rate) for value in stated):
        raise InputError(
            f"prune.scope is global, with the one rate {rate}: prune.output_rate and"
            " prune.rates can only be 0 (the layer does not take part) or equal to it."
        )
    rates = layer_rates(layers, config, rate)
    return {path: rate if r else 0.0 for path, r in rates.items()}
