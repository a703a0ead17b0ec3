"""Whether two networks lie in one minimum: errors along the line between them."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from .. import tree
from ..errors import InputError
from ..training.dataset import Dataset, Splits
from ..training.metrics import n_blocks, no_tally, tally
from ..types import Key, Model, ModelState, Params, Snapshot


class Path(NamedTuple):
    """Error rates along the line between two networks: leaves are float [points]."""

    train: jax.Array
    test: jax.Array


def interpolate(a: Params, b: Params, alpha: Any) -> Params:
    """Return ``alpha * a + (1 - alpha) * b``: all weights, biases and norms too.

    Exactly ``a`` at 1 and ``b`` at 0, where both are finite; what is pruned in both
    stays exactly 0. Pure, jittable and vmappable.

    Args:
        a: weights of a network.
        b: weights of another.
        alpha: scalar.

    Raises:
        InputError: the trees differ.

    Example:
        >>> interpolate({"w": jnp.array([4.0])}, {"w": jnp.array([0.0])}, 0.75)
        {'w': Array([3.], dtype=float32)}
    """
    tree.check_alike(a, b, ("The first network", "the second"))
    alpha = jnp.asarray(alpha)
    return jax.tree.map(
        lambda x, y: (alpha * x + (1 - alpha) * y).astype(jnp.result_type(x, y)), a, b
    )


def recomputed(
    model: Model,
    params: Params,
    state: ModelState,
    data: Dataset,
    batches: int,
    batch_size: int,
    key: Key,
) -> ModelState:
    """Return the model state, such as batch-norm statistics, that belongs to weights.

    It is the model's own running average over some batches in training mode, without
    augmentation: consecutive examples, in a circle. The state it starts from keeps a
    weight of ``momentum ** batches``: 4% after 30 batches at momentum 0.9, less than
    float32 can tell after 160. A model without state runs nothing. Pure, jittable and
    vmappable.

    Args:
        model: the network.
        params: its weights.
        state: where the averages start.
        data: training set, not sorted by class: each batch must look like the whole.
        batches: how many (static).
        batch_size: examples of each (static).
        key: for the network.

    Raises:
        InputError: a batch has no example, or more than the training set.

    Example:
        >>> def apply(params, state, x, train, key):
        ...     return x, {"mean": 0.5 * state["mean"] + 0.5 * x.mean()}
        >>> model = Model(lambda key: ({}, {"mean": 0.0}), apply, {})
        >>> data = Dataset(jnp.array([[2.0], [6.0], [4.0]]), jnp.zeros(3, int))
        >>> key, state = jax.random.key(0), {"mean": jnp.array(0.0)}
        >>> found = recomputed(model, {}, state, data, 2, 2, key)  # of (2, 6), (4, 2)
        >>> found["mean"].item()
        2.5
    """
    if not jax.tree.leaves(state):
        return state
    if not 1 <= batch_size <= data.size:
        raise InputError(
            f"batch_size is {batch_size}, but there are {data.size} training examples:"
            " take at least one and no more than these."
        )

    def body(i: jax.Array, state: ModelState) -> ModelState:
        index = (i * batch_size + jnp.arange(batch_size)) % data.size
        x, _ = data.at(index)
        _, state = model.apply(params, state, x, True, jax.random.fold_in(key, i))
        return state

    return jax.lax.fori_loop(0, batches, body, state)


def alphas(points: int) -> np.ndarray:
    """Return evenly spaced positions on the line, both ends included.

    Raises:
        InputError: fewer than two points.

    Example:
        >>> alphas(3).tolist()
        [0.0, 0.5, 1.0]

    Reference:
        Frankle et al. (2020), "Linear Mode Connectivity and the Lottery Ticket
        Hypothesis": 30 points.
    """
    if points < 2:
        raise InputError(f"points is {points}: a line has at least 2, its ends.")
    return np.linspace(0, 1, points)


def path_errors(
    model: Model,
    first: Snapshot,
    second: Snapshot,
    data: Splits,
    *,
    points: int,
    batches: int,
    batch_size: int,
    key: Key,
    block: int,
) -> Path:
    """Return the error rates of the networks on the line between two.

    Point i has the weights ``alpha * first + (1 - alpha) * second`` with
    ``alpha = alphas(points)[i]``, so the path leads from the second to the first. Pure,
    jittable and vmappable over the two ends; one point is computed after the other.

    Args:
        model: the network.
        first: one end; its weights and state are read.
        second: the other end; its weights are read.
        data: training and test set are read.
        points: of the path, ends included (static).
        batches: see `recomputed` (static).
        batch_size: see `recomputed` (static).
        key: for the network.
        block: examples that are evaluated at once (static).

    Returns:
        Error rates, 1 - accuracy, of training and test set.

    Raises:
        InputError: the two networks differ in structure, or numbers do not fit.

    Reference:
        Frankle et al. (2020), "Linear Mode Connectivity and the Lottery Ticket
        Hypothesis", section 2 and Algorithm 1.

    Deviation:
        Batch-norm statistics are recomputed at every point, at the ends too, from those
        of the first end on; the paper does not say what it does.
    """

    def at(alpha: jax.Array) -> Path:
        params = interpolate(first.params, second.params, alpha)
        state = recomputed(
            model, params, first.state, data.train, batches, batch_size, key
        )

        def error(part: Dataset) -> jax.Array:
            span = 0, n_blocks(part.size, block)
            total = tally(
                model, params, state, part, key, block, span, no_tally(params)
            )
            return (part.size - total.hits) / part.size

        return Path(error(data.train), error(data.test))

    return jax.lax.map(at, jnp.asarray(alphas(points)))


def barrier(errors: Any) -> jax.Array:
    """Return the error barrier: the maximum of a path minus the mean of its ends.

    Two networks are in one linearly connected minimum where it is about 0; the paper
    calls training stable below 0.02. It is never negative.

    Args:
        errors: float [..., points], the ends first and last.

    Returns:
        Float [...].

    Example:
        >>> round(barrier(jnp.array([0.25, 0.5, 0.75, 0.25])).item(), 3)
        0.5

    Reference:
        Frankle et al. (2020), "Linear Mode Connectivity and the Lottery Ticket
        Hypothesis", section 2: linear interpolation instability.
    """
    errors = jnp.asarray(errors)
    return errors.max(-1) - (errors[..., 0] + errors[..., -1]) / 2
