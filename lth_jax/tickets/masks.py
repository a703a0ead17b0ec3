"""Who survives, given scores and counts.

A mask has the treedef of the params and bool leaves; leaves that cannot be pruned
(fewer than two axes: biases, norms) are all True.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from .. import tree
from ..types import Key, Mask, Params, Scores


def is_prunable(leaf: Any) -> bool:
    """Tell whether a parameter can be pruned: kernels can, biases and norms cannot.

    Example:
        >>> is_prunable(jnp.ones((2, 3))), is_prunable(jnp.ones(3))
        (True, False)
    """
    return leaf.ndim >= 2


def ones(params: Params) -> Mask:
    """Return the dense mask.

    Example:
        >>> ones({"kernel": jnp.zeros((1, 2))})["kernel"].tolist()
        [[True, True]]
    """
    return jax.tree.map(lambda p: jnp.ones(p.shape, bool), params)


def apply(mask: Mask, params: Params) -> Params:
    """Return the params with pruned weights set to exactly 0.

    Uses ``where``, not a product: 0 * NaN is NaN and 0 * -1 is -0.

    Example:
        >>> apply({"w": jnp.array([True, False])}, {"w": jnp.array([1.0, jnp.nan])})
        {'w': Array([1., 0.], dtype=float32)}
    """
    return jax.tree.map(lambda m, p: jnp.where(m, p, jnp.zeros_like(p)), mask, params)


def layer_counts(mask: Mask) -> dict[str, jax.Array]:
    """Return the survivors of every prunable leaf, by path.

    Example:
        >>> mask = {"w": jnp.array([[True, False]]), "b": jnp.array([True])}
        >>> {path: n.item() for path, n in layer_counts(mask).items()}
        {'w': 1}
    """
    return {p: m.sum() for p, m in tree.flatten(mask).items() if is_prunable(m)}


def redraw(
    draw: Callable[..., jax.Array], key: Key, params: Params, *rest: Any
) -> Params:
    """Return the params with other values of every leaf that can be pruned.

    Args:
        draw: (key, leaf, *leaves) -> leaf; each leaf has a key of its own.
        key: for all of them.
        params: the weights; biases and norms stay as they are.
        rest: trees like the params, whose leaves ``draw`` is given too.

    Example:
        >>> params = {"w": jnp.zeros((1, 2)), "b": jnp.zeros(2)}
        >>> redraw(lambda _, leaf: leaf + 1, jax.random.key(0), params)["b"].tolist()
        [0.0, 0.0]
    """
    leaves = tree.flatten(params)
    keys = dict(zip(leaves, jax.random.split(key, len(leaves)), strict=True))

    def one(path: str, leaf: jax.Array, *others: Any) -> jax.Array:
        return draw(keys[path], leaf, *others) if is_prunable(leaf) else leaf

    return tree.map_with_path(one, params, *rest)


def prune(scores: Scores, mask: Mask, n_keep: Any) -> Mask:
    """Keep exactly so many of the surviving weights: those with the highest scores.

    Of equal scores the lower flat index is kept; a NaN scores lowest; nothing pruned is
    ever revived (with fewer survivors than ``n_keep`` all of them stay). Pure, jittable
    and vmappable, with traced counts: all levels share one compilation.

    Args:
        scores: tree like the params; higher = keep. ``inf`` protects a weight.
        mask: tree like the params, bool: the survivors so far.
        n_keep: counts per layer, ``{path: int}`` (layers not named stay as they are),
            or one integer for all leaves with two or more axes together (global).

    Returns:
        The new mask, a subset of ``mask``.

    Raises:
        KeyError: ``n_keep`` names a path that does not exist or cannot be pruned.

    Example:
        >>> w = {"w": jnp.array([[3.0, -1.0, 2.0, 1.0]])}
        >>> prune({"w": abs(w["w"])}, ones(w), {"w": 3})["w"].tolist()
        [[True, True, True, False]]

    Reference:
        Frankle & Carbin (2019), section 2: the lowest magnitudes go, in every layer
        (VGG-19 and ResNet-18: over all layers, section 4).

    Deviation:
        The original code prunes one weight more, and all ties of the last one.
    """
    flat_scores, flat_mask = tree.flatten(scores), tree.flatten(mask)
    prunable = [path for path, m in flat_mask.items() if is_prunable(m)]
    if not isinstance(n_keep, Mapping):
        groups = [(prunable, n_keep)] if prunable else []
    elif unknown := set(n_keep) - set(prunable):
        raise KeyError(f"n_keep names {sorted(unknown)}; prunable are {prunable}.")
    else:
        groups = [([path], n) for path, n in n_keep.items()]
    kept = dict(flat_mask)
    for paths, n in groups:
        kept |= _keep_highest(flat_scores, flat_mask, paths, n)
    return tree.unflatten(mask, kept)


def _keep_highest(
    scores: Mapping[str, jax.Array],
    mask: Mapping[str, jax.Array],
    paths: Sequence[str],
    n_keep: Any,
) -> dict[str, jax.Array]:
    ranks = _rankable(jnp.concatenate([scores[p].ravel() for p in paths]))
    alive = jnp.concatenate([mask[p].ravel() for p in paths])
    threshold = _nth_highest(ranks, alive, n_keep)
    above = alive & (ranks > threshold)
    level = alive & (ranks == threshold)
    keep = above | (level & (jnp.cumsum(level) <= n_keep - above.sum()))
    sizes = [mask[p].size for p in paths]
    pieces = jnp.split(keep, [sum(sizes[:i]) for i in range(1, len(sizes))])
    return {p: k.reshape(mask[p].shape) for p, k in zip(paths, pieces, strict=True)}


def _rankable(scores: jax.Array) -> jax.Array:
    """Map floats to unsigned integers of the same order; NaN lowest, -0 equal to 0.

    On bits alone: XLA flushes subnormals in arithmetic, and compiled it drops ``+ 0``.
    """
    scores = jnp.where(jnp.isnan(scores), -jnp.inf, scores)
    bits = jnp.finfo(scores.dtype).bits
    unsigned = {16: jnp.uint16, 32: jnp.uint32, 64: jnp.uint64}[bits]
    raw = jax.lax.bitcast_convert_type(scores, unsigned)
    sign = jnp.array(1 << (bits - 1), unsigned)
    raw = jnp.where(raw == sign, jnp.zeros_like(raw), raw)
    return jnp.where(raw & sign, ~raw, raw | sign)


def _nth_highest(ranks: jax.Array, alive: jax.Array, n: Any) -> jax.Array:
    """Return the n-th highest rank among the living, found bit by bit from the top.

    0 with fewer than n of them, the largest number with n = 0.
    """
    bits = jnp.iinfo(ranks.dtype).bits

    def set_bit(i: jax.Array, found: jax.Array) -> jax.Array:
        shift = jnp.asarray(bits - 1 - i, ranks.dtype)
        candidate = found | (jnp.array(1, ranks.dtype) << shift)
        enough = (alive & (ranks >= candidate)).sum() >= n
        return jnp.where(enough, candidate, found)

    return jax.lax.fori_loop(0, bits, set_bit, jnp.zeros((), ranks.dtype))
