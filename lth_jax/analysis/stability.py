"""How close two trainings end: stability to pruning and to data order."""

import functools
import itertools
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from .. import tree
from ..errors import InputError
from ..tickets.prunable import Prunable, select
from ..types import Mask, Params, Ticket


class Closeness(NamedTuple):
    """How far two networks are from each other: L2 distance, and angle in degrees."""

    distance: jax.Array
    angle: jax.Array


def closeness(a: Params, b: Params, mask: Mask, prunable: Prunable = None) -> Closeness:
    """Return distance and angle between the surviving weights of two networks.

    Pure, jittable and vmappable. Computed in the precision of the weights, but not
    below float32. The angle is exact to rounding also near 0 and 180 degrees, where the
    arccos of a cosine is not.

    Args:
        a: weights of a network.
        b: weights of another.
        mask: True = keep; what it prunes is not looked at.
        prunable: what is looked at, such as ``model.layers``; default: by name.

    Returns:
        Scalars. The angle is NaN where the surviving weights of a network are all 0.

    Raises:
        InputError: the trees differ.

    Example:
        >>> a, b = {"w": jnp.array([[3.0, 0.0, 9.0]])}, {"w": jnp.array([[0.0, 4, 7]])}
        >>> found = closeness(a, b, {"w": jnp.array([[True, True, False]])})
        >>> found.distance.item(), found.angle.item()
        (5.0, 90.0)

    Reference:
        Frankle et al. (2020), "Stabilizing the Lottery Ticket Hypothesis", section 2
        and appendix B.

    Deviation:
        Biases and norms, which are never pruned, do not count; the paper does not say.
    """
    tree.check_alike(a, b, ("The first network", "the second"))
    tree.check_alike(a, mask, ("The first network", "the mask"))
    u, v = _surviving(a, mask, prunable), _surviving(b, mask, prunable)
    to_u, to_v = _unit(u), _unit(v)
    apart, along = _norm(_add(to_u, to_v, -1)), _norm(_add(to_u, to_v, 1))
    angle = jnp.rad2deg(2 * jnp.arctan2(apart, along))
    return Closeness(_norm(_add(u, v, -1)), angle)


def to_pruning(
    full: Params, subnetwork: Params, mask: Mask, prunable: Prunable = None
) -> Closeness:
    """Return how close a subnetwork, trained alone, comes to the full network.

    The smaller, the more stable to pruning. Pure, jittable and vmappable.

    Args:
        full: the full network at the end of its training from the rewind point.
        subnetwork: the same weights, pruned and then trained with the same data order.
        mask: of the subnetwork; only its surviving weights are compared.
        prunable: see `closeness`.

    Returns:
        Scalars, see `closeness`.

    Example:
        >>> full, alone = {"w": jnp.array([[3.0, 8.0]])}, {"w": jnp.array([[1.0, 0.0]])}
        >>> mask = {"w": jnp.array([[True, False]])}
        >>> to_pruning(full, alone, mask).distance.item()
        2.0

    Reference:
        Frankle et al. (2020), "Stabilizing the Lottery Ticket Hypothesis", section 2.
    """
    return closeness(full, subnetwork, mask, prunable)


def pairs(n: int) -> list[tuple[int, int]]:
    """Return all pairs of ``n`` copies, the lower number first.

    Example:
        >>> pairs(3)
        [(0, 1), (0, 2), (1, 2)]
    """
    return list(itertools.combinations(range(n), 2))


def to_data_order(
    tickets: Ticket, finals: Params, prunable: Prunable = None
) -> Closeness:
    """Return how close copies of a subnetwork come under other data orders.

    The smaller, the more stable to data order. Looks at values first, so it cannot be
    jitted itself.

    Args:
        tickets: copies of one ticket, stacked along the first axis of every leaf.
        finals: the weights of each copy at the end of its training, stacked too.
        prunable: see `closeness`.

    Returns:
        Leaves are float [pairs], in the order of `pairs`; see `closeness`.

    Raises:
        InputError: there are fewer than two copies, their masks or surviving start
            weights differ, or the trees do.

    Example:
        >>> start, kept = {"w": jnp.zeros((3, 1, 1))}, {"w": jnp.ones((3, 1, 1), bool)}
        >>> copies = Ticket(start, kept, {}, jnp.zeros(3, int))
        >>> finals = {"w": jnp.array([1.0, 2.0, 4.0]).reshape(3, 1, 1)}
        >>> to_data_order(copies, finals).distance.tolist()
        [1.0, 3.0, 2.0]

    Reference:
        Frankle et al. (2020), "Stabilizing the Lottery Ticket Hypothesis", section 2.
    """
    names = "The tickets' start weights"
    tree.check_alike(tickets.params, finals, (names, "the final weights"))
    tree.check_alike(tickets.params, tickets.mask, (names, "their mask"))
    masks = tree.flatten(tree.to_host(tickets.mask))
    copies = _copies(masks)
    _check_equal("masks", masks, {path: True for path in masks})
    starts = tree.flatten(tree.to_host(tickets.params))
    _check_equal("surviving start weights", starts, masks)
    leaves = tree.flatten(tree.take(finals, 0))
    paths = tuple(select(leaves, prunable))
    mask = tree.take(tickets.mask, 0)
    return _all_pairs(finals, mask, jnp.array(pairs(copies)), paths)


@functools.partial(jax.jit, static_argnames="paths")
def _all_pairs(
    finals: Params, mask: Mask, index: jax.Array, paths: tuple[str, ...]
) -> Closeness:
    def one(pair: jax.Array) -> Closeness:
        one, other = tree.take(finals, pair[0]), tree.take(finals, pair[1])
        return closeness(one, other, mask, paths)

    return jax.lax.map(one, index)


def _copies(stacked: Mapping[str, np.ndarray]) -> int:
    """Return the length of the first axis, which must be one and at least two."""
    sizes = {path: leaf.shape[0] if leaf.ndim else 0 for path, leaf in stacked.items()}
    first = next(iter(sizes))
    for path, size in sizes.items():
        if size != sizes[first]:
            raise InputError(
                f"Leaf {first!r} holds {sizes[first]} copies, but leaf {path!r} {size}:"
                " stack the copies along the first axis of every leaf."
            )
    if sizes[first] < 2:
        raise InputError(
            "Stability to data order compares copies of one subnetwork, but there are"
            f" {sizes[first]}: train at least 2."
        )
    return sizes[first]


def _check_equal(
    what: str, stacked: Mapping[str, np.ndarray], where: Mapping[str, Any]
) -> None:
    """Check that all copies have what the first has, wherever it matters."""
    for path, leaf in stacked.items():
        differs = (leaf != leaf[0]) & where[path]
        for copy in range(1, len(leaf)):
            if n := int(differs[copy].sum()):
                raise InputError(
                    f"The {what} of copies 0 and {copy} differ in leaf {path!r}, at {n}"
                    f" of {leaf[0].size} places: all copies must be one ticket, trained"
                    " under other data orders."
                )


def _surviving(params: Params, mask: Mask, prunable: Prunable) -> list[jax.Array]:
    leaves, kept = tree.flatten(params), tree.flatten(mask)
    return [
        jnp.where(kept[path], leaves[path], 0).astype(
            jnp.result_type(leaves[path], jnp.float32)
        )
        for path in select(leaves, prunable)
    ]


def _norm(leaves: Sequence[jax.Array]) -> jax.Array:
    """Return the norm of all leaves as one vector; XLA adds in trees, not in a row."""
    return jnp.sqrt(sum(jnp.square(leaf).sum() for leaf in leaves))


def _unit(leaves: Sequence[jax.Array]) -> list[jax.Array]:
    norm = _norm(leaves)
    return [leaf / norm for leaf in leaves]


def _add(
    u: Sequence[jax.Array], v: Sequence[jax.Array], sign: float
) -> list[jax.Array]:
    return [x + sign * y for x, y in zip(u, v, strict=True)]
