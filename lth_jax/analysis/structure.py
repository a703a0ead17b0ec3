"""What a ticket looks like: its connections, unit by unit, and how its weights move.

All in NumPy, on the host: counts are exact, means in float64.
"""

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from .. import tree
from ..errors import InputError
from ..tickets.masks import is_prunable
from ..types import Mask, Params


class Units(NamedTuple):
    """Surviving connections of the units on one side of a layer.

    Attributes:
        connections: int [units].
        possible: how many each unit has in the dense network.
    """

    connections: np.ndarray
    possible: int


class Connections(NamedTuple):
    """Connections of a layer: into its output units, and out of its input units."""

    incoming: Units
    outgoing: Units


class Split(NamedTuple):
    """Values in the ticket, and outside: [values] each."""

    kept: np.ndarray
    other: np.ndarray


def connections(mask: Mask) -> dict[str, Connections]:
    """Count the surviving connections of every unit.

    A unit is a neuron or, of a convolution, a channel; kernels are [..., inputs,
    outputs].

    Args:
        mask: True = keep; leaves with fewer than two axes do not count.

    Returns:
        Counts by path of the prunable leaf.

    Example:
        >>> mask = {"w": np.array([[True, True, False], [True, False, False]])}
        >>> found = connections(mask)["w"]
        >>> found.incoming.connections.tolist(), found.incoming.possible
        ([2, 1, 0], 2)
        >>> found.outgoing.connections.tolist(), found.outgoing.possible
        ([2, 1], 3)

    Reference:
        Frankle & Carbin (2019), appendix F.6, figures 21 to 24.
    """
    return {path: _connections(leaf) for path, leaf in _kernels(mask).items()}


def _connections(mask: np.ndarray) -> Connections:
    between = _between(mask)
    size = mask.size
    inputs, outputs = between.shape
    return Connections(
        Units(between.sum(0), size // outputs if outputs else 0),
        Units(between.sum(1), size // inputs if inputs else 0),
    )


def split(values: Params, mask: Mask) -> Split:
    """Return the values of the weights in a ticket and of those outside.

    Args:
        values: a leaf, or a tree; leaves with fewer than two axes do not count.
        mask: the same; True = keep.

    Raises:
        InputError: the trees differ.

    Example:
        >>> mask = {"w": np.array([[True, False], [False, True]])}
        >>> kept, other = split({"w": np.array([[1, 2], [3, 4]])}, mask)
        >>> kept.tolist(), other.tolist()
        ([1, 4], [2, 3])
    """
    tree.check_alike(values, mask, ("The values", "the mask"))
    masks = _kernels(mask)
    leaves = {path: np.asarray(leaf) for path, leaf in tree.flatten(values).items()}
    parts = [(leaves[path][m], leaves[path][~m]) for path, m in masks.items()]
    kept, other = zip(*parts, strict=True) if parts else ([np.empty(0)], [np.empty(0)])
    return Split(np.concatenate(kept), np.concatenate(other))


def distance(initial: Params, final: Params) -> Params:
    """Return how far every weight moved in training, in float64.

    Raises:
        InputError: the trees differ.

    Example:
        >>> distance({"w": np.array([1.0, -2.0])}, {"w": np.array([-2.0, -1.0])})
        {'w': array([3., 1.])}

    Reference:
        Frankle & Carbin (2019), appendix F.5, figure 19.
    """
    return _compared(lambda start, end: np.abs(end - start), initial, final)


def growth(initial: Params, final: Params) -> Params:
    """Return by how much the magnitude of every weight grew, in float64.

    Raises:
        InputError: the trees differ.

    Example:
        >>> growth({"w": np.array([1.0, -2.0])}, {"w": np.array([-2.0, -1.0])})
        {'w': array([ 1., -1.])}

    Reference:
        Frankle & Carbin (2019), appendix F.5, figure 20.
    """
    return _compared(lambda start, end: np.abs(end) - np.abs(start), initial, final)


def _compared(f: Any, initial: Params, final: Params) -> Params:
    tree.check_alike(initial, final, ("The initial weights", "the final ones"))

    def one(_: str, start: Any, end: Any) -> np.ndarray:
        return f(np.asarray(start, np.float64), np.asarray(end, np.float64))

    return tree.map_with_path(one, initial, final)


def spread(counts: np.ndarray) -> float:
    """Return how unevenly connections are spread: standard deviation over mean.

    Args:
        counts: connections of every unit; the share that survives has the same spread.

    Returns:
        The spread; NaN if no unit has a connection.

    Example:
        >>> spread(np.array([1, 3]))
        0.5
    """
    return float(np.std(counts) / np.mean(counts)) if np.any(counts) else math.nan


def random_spread(size: int, remaining: int, possible: int) -> float:
    """Return the `spread` of a layer whose surviving weights are placed at random.

    Its square is the mean, over all masks with as many survivors, of the square of
    their spread: a unit's connections are hypergeometric.

    Args:
        size: weights of the layer.
        remaining: that survive.
        possible: connections of a unit in the dense network.

    Returns:
        The spread; NaN if no weight survives.

    Example:
        >>> random_spread(4, 2, 2)  # counts of (2, 0), (0, 2), four times (1, 1)
        0.5773502691896257
    """
    if remaining in (0, size):
        return 0.0 if remaining else math.nan
    variance = (size - remaining) * (size - possible) / (size - 1)
    return math.sqrt(variance / (remaining * possible))


def dead_units(masks: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Tell which hidden units have no connection in, or none out.

    Args:
        masks: kernels' masks of a chain of layers by path, in order. Each layer takes
            what the one before gives; a dense layer after a convolution may take it
            flattened, channels last.

    Returns:
        bool [units] by path of the layer whose outputs they are, but for the last one.

    Raises:
        InputError: the layers are no chain; names the first that does not fit.

    Example:
        >>> first = np.array([[True, False, True]])
        >>> second = np.array([[True], [True], [False]])
        >>> dead_units({"a": first, "b": second})["a"].tolist()
        [False, True, True]
    """
    links = _links(masks)
    return {
        path: (incoming.sum(0) == 0) | (outgoing.sum(1) == 0)
        for path, incoming, outgoing in zip(masks, links[:-1], links[1:], strict=False)
    }


def live(masks: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Tell which connections lie on a path from an input to an output.

    Biases are not looked at.

    Args:
        masks: of a chain of layers, see `dead_units`.

    Returns:
        Masks, a subset of the given ones.

    Raises:
        InputError: the layers are no chain; names the first that does not fit.

    Example:
        >>> first = np.array([[True, False, True]])
        >>> second = np.array([[True], [True], [False]])
        >>> found = live({"a": first, "b": second})
        >>> found["a"].tolist(), found["b"].tolist()
        ([[True, False, False]], [[True], [False], [False]])
    """
    links = _links(masks)
    reached, leading = (
        [np.ones(len(links[0]), bool)],
        [np.ones(links[-1].shape[1], bool)],
    )
    for link in links:
        reached.append(reached[-1] @ link > 0)
    for link in reversed(links):
        leading.append(link @ leading[-1] > 0)
    found = {}
    for (path, given), ins, outs in zip(
        masks.items(), reached, leading[-2::-1], strict=False
    ):
        mask = np.asarray(given, bool)
        inputs = np.resize(ins, mask.shape[-2])  # repeats channels that are flattened
        found[path] = mask & inputs[:, None] & outs
    return found


def log10_paths(masks: Mapping[str, Any]) -> float:
    """Return the number of paths from inputs to outputs, as its decimal logarithm.

    A path takes one surviving weight of every layer, each from the unit that the one
    before leads to.

    Args:
        masks: of a chain of layers, see `dead_units`.

    Returns:
        The logarithm; -inf if there is no path.

    Raises:
        InputError: the layers are no chain; names the first that does not fit.

    Example:
        >>> round(log10_paths({"a": np.ones((4, 5)), "b": np.ones((5, 5))}), 6)
        2.0
    """
    links = _links(masks)
    ends, scale = np.ones(links[0].shape[0]), 0.0
    for link in links:
        ends = ends @ link
        if not ends.any():
            return -math.inf
        scale += math.log10(ends.max())
        ends /= ends.max()
    return scale + math.log10(ends.sum())


def _kernels(mask: Mask) -> dict[str, np.ndarray]:
    leaves = tree.flatten(mask).items()
    return {p: np.asarray(leaf, bool) for p, leaf in leaves if is_prunable(p, leaf)}


def _between(mask: np.ndarray) -> np.ndarray:
    """Return the number of connections between each two units, [inputs, outputs]."""
    return mask.sum(tuple(range(mask.ndim - 2)), dtype=np.int64)


def _links(masks: Mapping[str, Any]) -> list[np.ndarray]:
    """Return the connections between the units of each layer and the next.

    Inputs of a dense layer that are positions of one channel are one unit.
    """
    links, before = [], None
    for path, given in masks.items():
        mask = np.asarray(given, bool)
        if mask.ndim < 2:
            raise InputError(
                f"{path} is of shape {mask.shape}: the mask of a layer is [..., inputs,"
                " outputs]."
            )
        link = _between(mask)
        if before is not None:
            axes, units = before
            is_flattened = axes > 2 and mask.ndim == 2 and units > 0
            if len(link) != units and not (is_flattened and len(link) % units == 0):
                raise InputError(
                    f"{path} takes {len(link)} inputs, but the layer before it gives"
                    f" {units}: paths are counted in a chain of layers, given in order."
                )
            if len(link) != units:
                link = link.reshape(-1, units, link.shape[1]).sum(0)
        links.append(link)
        before = mask.ndim, link.shape[1]
    if not links:
        raise InputError("masks is empty: give those of the layers, in order.")
    return links
