"""Loss, accuracy, and the step at which training would have stopped early."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from .dataset import Dataset
from .types import Key, Model, ModelState, Params


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


def evaluate(
    model: Model, params: Params, state: ModelState, data: Dataset, key: Key, block: int
) -> Metrics:
    """Return loss and accuracy over a whole data set, in inference mode.

    Goes through the data in blocks of at most ``block`` examples. The last block
    reaches back to be full; what it repeats is not counted twice.
    """
    n = data.size
    block = min(block, n)

    def add(i: jax.Array, sums: tuple[jax.Array, jax.Array]) -> Any:
        start = jnp.minimum(i * block, n - block)
        x = jax.lax.dynamic_slice_in_dim(data.x, start, block)
        y = jax.lax.dynamic_slice_in_dim(data.y, start, block)
        logits, _ = model.apply(params, state, x, False, key)
        logits = logits.astype(dtype)
        losses = optax.softmax_cross_entropy_with_integer_labels(logits, y)
        new = start + jnp.arange(block) >= i * block
        hits = (logits.argmax(-1) == y) & new
        n_hits = sums[1] + hits.sum(dtype=jnp.int32)
        return sums[0] + jnp.where(new, losses, 0).sum(), n_hits

    narrow = jax.eval_shape(
        lambda: model.apply(params, state, data.x[:1], False, key)[0]
    ).dtype
    dtype = jnp.promote_types(narrow, jnp.float32)  # a sum in bfloat16 stops growing
    zero = (jnp.zeros((), dtype), jnp.zeros((), jnp.int32))
    loss, hits = jax.lax.fori_loop(0, -(-n // block), add, zero)
    return Metrics(loss / n, hits / n)


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
