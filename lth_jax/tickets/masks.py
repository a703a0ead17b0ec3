"""Who survives, given scores and counts.

A mask has the treedef of the params and bool leaves; leaves that cannot be pruned
(biases, norms, embeddings, ...: see `lth_jax.tickets.prunable`) are all True.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from .. import tree
from ..errors import InputError, did_you_mean
from ..types import Key, Mask, Params, Scores, Ticket
from .counts import n_pruned
from .prunable import Prunable as Prunable
from .prunable import check_one_network, select, stacked
from .prunable import is_prunable as is_prunable

Leaves = Mapping[str, Any]
"""Leaves by path."""


def ones(params: Params) -> Mask:
    """Return the dense mask: True everywhere, also where nothing can be pruned.

    Raises:
        InputError: a leaf is no array.

    Example:
        >>> ones({"kernel": jnp.zeros((1, 2))})["kernel"].tolist()
        [[True, True]]
    """
    _arrays(params, "params")
    return jax.tree.map(lambda p: jnp.ones(p.shape, bool), params)


def apply(mask: Mask, params: Params) -> Params:
    """Return the params with pruned weights set to exactly 0.

    Uses ``where``, not a product: 0 * NaN is NaN and 0 * -1 is -0.

    Raises:
        InputError: the mask is not bool, or not of the params' leaves and shapes.

    Example:
        >>> apply({"w": jnp.array([True, False])}, {"w": jnp.array([1.0, jnp.nan])})
        {'w': Array([1., 0.], dtype=float32)}
    """
    _check_bool(tree.flatten(mask))
    tree.check_alike(mask, params, ("The mask", "the params"))
    return jax.tree.map(lambda m, p: jnp.where(m, p, jnp.zeros_like(p)), mask, params)


def start(ticket: Ticket) -> Params:
    """Return the weights that the training of a ticket starts from.

    Pruned weights are exactly 0, or, of a filled ticket, what its ``params`` hold.

    Args:
        ticket: of one network; map over several (`jax.vmap`).

    Raises:
        InputError: the ticket is several, stacked.

    Example:
        >>> w, mask = {"w": jnp.array([1.0, 2.0])}, {"w": jnp.array([True, False])}
        >>> ticket = Ticket(w, mask, {}, 0)
        >>> [start(t)["w"].tolist() for t in (ticket, ticket._replace(filled=True))]
        [[1.0, 0.0], [1.0, 2.0]]
    """
    if jnp.ndim(ticket.filled):
        raise InputError(
            f"ticket.filled has shape {jnp.shape(ticket.filled)}, so these are several"
            " tickets: map over them, jax.vmap(lth_jax.tickets.masks.start)(tickets)."
        )
    seen = jax.tree.map(lambda m: m | ticket.filled, ticket.mask)
    return apply(seen, ticket.params)


def layer_counts(mask: Mask, prunable: Prunable = None) -> dict[str, jax.Array]:
    """Return the survivors of every prunable leaf, by path.

    Args:
        mask: of one network; map over several (`jax.vmap`).
        prunable: what can be pruned, a function (path, leaf) -> bool or paths; default:
            by name and shape (`is_prunable`). Given ``model.layers``, a leaf that
            stacks layers has an array of counts, one of each.

    Raises:
        InputError: the mask is not bool; or the masks are those of several networks, as
            far as can be known.

    Example:
        >>> mask = {"w": jnp.array([[True, False]]), "b": jnp.array([True])}
        >>> {path: n.item() for path, n in layer_counts(mask).items()}
        {'w': 1}
    """
    leaves = _arrays(mask, "mask")
    _check_bool(leaves)
    return {
        path: _count(leaves[path], stacked(prunable, path))
        for path in _paths(leaves, prunable)
    }


def redraw(
    draw: Callable[..., jax.Array],
    key: Key,
    params: Params,
    *rest: Any,
    prunable: Prunable = None,
) -> Params:
    """Return the params with other values of every leaf that can be pruned.

    Args:
        draw: (key, leaf, *leaves) -> leaf; each leaf has a key of its own, and so has
            each of the layers that a leaf stacks: ``draw`` sees one of them.
        key: for all of them.
        params: the weights; biases and norms stay as they are.
        rest: trees like the params, whose leaves ``draw`` is given too.
        prunable: what is drawn, see `layer_counts`.

    Example:
        >>> params = {"w": jnp.zeros((1, 2)), "b": jnp.zeros(2)}
        >>> redraw(lambda _, leaf: leaf + 1, jax.random.key(0), params)["b"].tolist()
        [0.0, 0.0]
    """
    leaves = tree.flatten(params)
    keys = dict(zip(leaves, jax.random.split(key, len(leaves)), strict=True))
    drawn = set(_paths(leaves, prunable))

    def one(path: str, leaf: jax.Array, *others: Any) -> jax.Array:
        if path not in drawn:
            return leaf
        layers = leaf.shape[: stacked(prunable, path)]
        each = draw
        for _ in layers:
            each = jax.vmap(each)
        keyed = jax.random.split(keys[path], layers) if layers else keys[path]
        return each(keyed, leaf, *others)

    return tree.map_with_path(one, params, *rest)


def prune(
    scores: Scores,
    mask: Mask = None,
    n_keep: Any = None,
    *,
    rate: Any = None,
    prunable: Prunable = None,
) -> Mask:
    """Keep so many of the surviving weights: those with the highest scores.

    Of equal scores the lower flat index is kept; a NaN scores lowest; nothing pruned is
    ever revived (with fewer survivors than ``n_keep`` all of them stay). Pure, jittable
    and vmappable, with traced counts: all levels share one compilation.

    Args:
        scores: tree like the params; higher = keep. ``inf`` protects a weight.
        mask: tree like the params, bool: the survivors so far; `ones` at first.
        n_keep: how many stay, exactly: integers per layer, ``{path: int}`` (layers not
            named stay as they are), or one for all that can be pruned together
            (global). Of a leaf that stacks layers it may be an array of its leading
            axes, one count for each of its layers.
        rate: in place of ``n_keep``, which fraction of every layer's survivors goes, in
            [0, 1): one for all layers or ``{path: rate}``. Half to even, computed
            exactly; traced rates or masks in float32.
        prunable: what can be pruned, see `layer_counts`.

    Returns:
        The new mask, a subset of ``mask``.

    Raises:
        InputError: ``n_keep`` is a fraction, negative or larger than the layer, names a
            path that does not exist or cannot be pruned; both or neither of ``n_keep``
            and ``rate`` are given; scores or mask are none, or not of one network.

    Example:
        >>> w = {"w": jnp.array([[3.0, -1.0, 2.0, 1.0]])}
        >>> prune({"w": abs(w["w"])}, ones(w), {"w": 3})["w"].tolist()
        [[True, True, True, False]]
        >>> prune({"w": abs(w["w"])}, ones(w), rate=0.5)["w"].tolist()
        [[True, False, True, False]]

    Reference:
        Frankle & Carbin (2019), section 2: the lowest magnitudes go, in every layer
        (VGG-19 and ResNet-18: over all layers, section 4).

    Deviation:
        The original code prunes one weight more, and all ties of the last one.
    """
    flat_scores, flat_mask = _arrays(scores, "scores"), _arrays(mask, "mask")
    _check_scores_and_mask(flat_scores, flat_mask)
    paths = _paths(flat_mask, prunable)
    if (n_keep is None) == (rate is None):
        given = "both are" if rate is not None else "neither is"
        raise InputError(
            f"prune takes n_keep, which counts the weights that stay, or rate: {given}"
            " given."
        )
    if rate is not None:
        n_keep = _counts_at(rate, flat_mask, paths, prunable)
    kept = dict(flat_mask)
    if isinstance(n_keep, Mapping):
        _check_known("n_keep", n_keep, paths)
        for path, n in n_keep.items():
            shape = flat_mask[path].shape
            known = stacked(prunable, path) if isinstance(prunable, Mapping) else None
            _check_count(n, f"n_keep[{path!r}]", shape, known)
            kept[path] = _keep_in_layer(flat_scores[path], flat_mask[path], n)
    elif not paths:
        raise InputError(
            f"Of {list(flat_mask)} no leaf can be pruned by its name and shape: say"
            " which can (prunable=...)."
        )
    else:
        total = sum(math.prod(flat_mask[path].shape) for path in paths)
        _check_count(n_keep, "n_keep", (total,), 0)
        chosen = {path: flat_scores[path] for path in paths}
        kept |= _keep_highest(
            chosen, {p: flat_mask[p] for p in paths}, tuple(paths), n_keep
        )
    return tree.unflatten(mask, kept)


def _keep_in_layer(scores: jax.Array, mask: jax.Array, n_keep: Any) -> jax.Array:
    def keep(scores: jax.Array, mask: jax.Array, n_keep: Any) -> jax.Array:
        return _keep_highest({"": scores}, {"": mask}, ("",), n_keep)[""]

    for _ in range(jnp.ndim(n_keep)):  # a count for each layer that the leaf stacks
        keep = jax.vmap(keep)
    return keep(scores, mask, n_keep)


@partial(jax.jit, static_argnums=2, inline=True)  # one program where nobody compiles
def _keep_highest(
    scores: Leaves, mask: Leaves, paths: tuple[str, ...], n_keep: Any
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
    if jnp.finfo(scores.dtype).bits < 16:  # float8 and smaller: exact in float32
        scores = scores.astype(jnp.float32)
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


def _counts_at(
    rate: Any, mask: Leaves, paths: Sequence[str], prunable: Prunable
) -> dict[str, Any]:
    """Return what stays of every layer when a fraction of its survivors goes."""
    rates = rate if isinstance(rate, Mapping) else dict.fromkeys(paths, rate)
    _check_known("rate", rates, paths)
    for path, value in rates.items():
        _check_rate(value, f"rate[{path!r}]" if rate is rates else "rate")
    alive = {path: _count(mask[path], stacked(prunable, path)) for path in rates}
    return {path: n - _n_going(n, rates[path]) for path, n in alive.items()}


def _count(mask: jax.Array, layers: int) -> jax.Array:
    return mask.sum(tuple(range(layers, mask.ndim)))


def _n_going(alive: jax.Array, rate: Any) -> Any:
    if _is_traced(alive) or _is_traced(rate):
        return jnp.round(jnp.asarray(rate, float) * alive).astype(int)
    each = [n_pruned(int(n), float(rate)) for n in np.ravel(alive)]
    return np.reshape(each, np.shape(alive))


# Checks: of values where they are known, of shapes and dtypes where they are traced too


def _is_traced(value: Any) -> bool:
    return isinstance(value, Tracer)


def _paths(leaves: Leaves, prunable: Prunable) -> list[str]:
    if prunable is None:
        check_one_network(leaves)
    return select(leaves, prunable)


def _arrays(given: Any, name: str) -> dict[str, Any]:
    """Return the leaves of a tree, which must be arrays."""
    leaves = tree.flatten(given)
    if not leaves:
        raise InputError(
            f"{name} is {given!r}, which holds no array. (prune takes scores, mask and"
            " n_keep, in this order; the first mask is"
            " lth_jax.tickets.masks.ones(params).)"
        )
    for path, leaf in leaves.items():
        if not (hasattr(leaf, "shape") and hasattr(leaf, "dtype")):
            raise InputError(
                f"{name} has a leaf {path!r} that is no array, but of type"
                f" {type(leaf).__name__}: give a tree of arrays only (of an Equinox"
                " module, eqx.filter(module, eqx.is_array))."
            )
    return leaves


def _check_bool(mask: Leaves, hint: str = "") -> None:
    for path, leaf in mask.items():
        dtype = jnp.result_type(leaf)
        if not jnp.issubdtype(dtype, jnp.bool_):
            raise InputError(
                f"mask has a leaf {path!r} of {dtype}: masks are bool, True = keep"
                f"{hint}."
            )


def _check_scores_and_mask(scores: Leaves, mask: Leaves) -> None:
    _check_bool(mask, " (prune takes scores, mask and n_keep, in this order)")
    for path in {**mask, **scores}:
        of = [each[path].shape if path in each else None for each in (scores, mask)]
        if of[0] != of[1]:
            has = " and ".join("no such leaf" if s is None else str(s) for s in of)
            raise InputError(
                f"scores and mask differ in leaf {path!r}: {has}. Both must be trees"
                " like the params."
            )
        if not _is_number(scores[path].dtype):
            raise InputError(
                f"scores has a leaf {path!r} of {scores[path].dtype}: scores are"
                " floats; higher = keep."
            )


def _is_number(dtype: Any) -> bool:
    return jnp.issubdtype(dtype, jnp.floating) or jnp.issubdtype(dtype, jnp.integer)


def _check_known(name: str, given: Leaves, paths: Sequence[str]) -> None:
    for path in given:
        if path not in paths:
            raise InputError(
                f"{name} names {path!r}, which is no leaf that can be pruned"
                f"{did_you_mean(str(path), paths)}"
            )


def _check_rate(rate: Any, name: str) -> None:
    kind = getattr(rate, "dtype", np.dtype(type(rate)))
    if not _is_number(kind) or np.shape(rate):
        raise InputError(
            f"{name} is {rate!r}: give a number in [0, 1), or a mapping {{path: rate}}."
        )
    if not _is_traced(rate) and not 0 <= rate < 1:
        raise InputError(
            f"{name} is {rate}: it is the fraction of a layer's survivors that goes, in"
            " [0, 1)."
        )


def _check_count(
    n_keep: Any, name: str, shape: tuple[int, ...], layers: int | None
) -> None:
    """Check one count.

    Args:
        n_keep: the count, or counts of the layers that a leaf stacks.
        name: what to call it.
        shape: of the leaf.
        layers: leading axes that number layers; None: not known.
    """
    kind = getattr(n_keep, "dtype", np.dtype(type(n_keep)))
    if jnp.issubdtype(kind, jnp.floating):
        value = "a float" if _is_traced(n_keep) else n_keep
        raise InputError(
            f"{name} is {value}: it counts the weights that stay. Either give integers,"
            " {path: count} or one for all layers together, or prune a fraction of"
            " every layer's survivors with rate=0.5 or rate={path: 0.5}."
        )
    if not jnp.issubdtype(kind, jnp.integer):
        raise InputError(
            f"{name} is {n_keep!r}: give integers, {{path: count}} or one for all"
            " layers together; or rate=0.5, the fraction of every layer that goes."
        )
    given = np.shape(n_keep)
    most = max(len(shape) - 2, 0) if layers is None else layers
    if given != shape[: len(given)] or not (layers or 0) <= len(given) <= most:
        wanted = f"an array of shape {shape[:layers]}" if layers else "one integer"
        raise InputError(
            f"{name} has shape {given}, for a leaf of shape {shape}: give {wanted}."
        )
    if _is_traced(n_keep):
        return
    size = math.prod(shape[len(given) :])
    if np.min(n_keep, initial=0) < 0 or np.max(n_keep, initial=0) > size:
        raise InputError(
            f"{name} is {n_keep}: it counts the weights that stay, from 0 to {size:,}."
        )
