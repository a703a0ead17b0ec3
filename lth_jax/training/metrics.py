"""Loss, accuracy, and the step at which training would have stopped early."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from ..types import Key, Model, ModelState, Params
from .dataset import Dataset


class Metrics(NamedTuple):
    """Mean cross-entropy in nats, and the fraction of examples classified right."""

    loss: jax.Array
    accuracy: jax.Array


def cross_entropy(logits: jax.Array, labels: jax.Array) -> jax.Array:
    """Return the mean cross-entropy of a batch, in nats.

    Args:
        logits: float [batch, classes].
        labels: int [batch].

    Example:
        >>> round(cross_entropy(jnp.zeros((1, 10)), jnp.array([3])).item(), 4)
        2.3026
    """
    return optax.softmax_cross_entropy_with_integer_labels(logits, labels).mean()


class Tally(NamedTuple):
    """Sum of the losses so far, and how many examples were classified right."""

    loss: jax.Array
    hits: jax.Array


def no_tally(params: Params) -> Tally:
    """Return the tally of an evaluation that has not begun.

    Losses are summed in the precision of the weights, but not below float32: a sum in
    bfloat16 stops growing.
    """
    dtype = jnp.result_type(jnp.float32, *(p.dtype for p in jax.tree.leaves(params)))
    return Tally(jnp.zeros((), dtype), jnp.zeros((), jnp.int32))


def n_blocks(n: int, block: int) -> int:
    """Return the blocks of at most so many examples in a data set of ``n``."""
    return -(-n // block)


def tally(
    model: Model,
    params: Params,
    state: ModelState,
    data: Dataset,
    key: Key,
    block: int,
    span: tuple[Any, Any],
    so_far: Tally,
) -> Tally:
    """Evaluate some blocks of a data set, in inference mode.

    The last block of a data set reaches back to be full; what it repeats is not counted
    twice.

    Args:
        model: the network.
        params: its weights.
        state: its state.
        data: the data set.
        key: for the network.
        block: examples of a block (static).
        span: first block and last plus one.
        so_far: what the blocks before have come to.
    """
    n = data.size
    size = min(block, n)

    def add(i: jax.Array, so_far: Tally) -> Tally:
        start = jnp.minimum(i * size, n - size)
        x, y = data.block(start, size)
        logits, _ = model.apply(params, state, x, False, key)
        logits = logits.astype(so_far.loss.dtype)
        losses = optax.softmax_cross_entropy_with_integer_labels(logits, y)
        new = start + jnp.arange(size) >= i * size
        hits = (logits.argmax(-1) == y) & new
        return Tally(
            so_far.loss + jnp.where(new, losses, 0).sum(),
            so_far.hits + hits.sum(dtype=jnp.int32),
        )

    return jax.lax.fori_loop(*span, add, so_far)


def mean(total: Tally, n: int) -> Metrics:
    """Return loss and accuracy of ``n`` evaluated examples."""
    return Metrics(total.loss / n, total.hits.astype(jnp.float32) / n)


def early_stop(losses: np.ndarray) -> int | None:
    """Return the index of the first minimum of the finite validation losses.

    Args:
        losses: float [evaluations].

    Returns:
        The index, or None where no loss is finite.

    Example:
        >>> early_stop(np.array([2.3, 0.5, 0.5, np.nan]))
        1

    Reference:
        Frankle & Carbin (2019), footnote 2: the iteration of minimum validation loss,
        found after training.
    """
    finite = np.isfinite(losses)
    if not finite.any():
        return None
    return int(np.argmin(np.where(finite, losses, np.inf)))
