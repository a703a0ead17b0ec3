"""Data as arrays on the device; a batch is a gather, a function of (key, step)."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from ..types import Key


class Dataset(NamedTuple):
    """Examples and their labels.

    Attributes:
        x: float [n, ...].
        y: int32 [n].
    """

    x: Any
    y: Any

    @property
    def size(self) -> int:
        """Number of examples."""
        return self.y.shape[0]


class Splits(NamedTuple):
    """The three sets of a study, and how many classes their labels name."""

    train: Dataset
    validation: Dataset
    test: Dataset
    n_classes: int


class Orders(NamedTuple):
    """Shuffled indices of consecutive epochs.

    Attributes:
        indices: int32 [epochs, n].
        first: int32 scalar, the number of the first of these epochs.
    """

    indices: jax.Array
    first: jax.Array


def steps_per_epoch(n: int, batch_size: int) -> int:
    """Return the full batches in ``n`` examples; the rest of an epoch is not used.

    The papers count the same way: 160 epochs of 45,000 examples in batches of 64 are
    112,480 steps (LTH, appendix I.3).

    Example:
        >>> steps_per_epoch(45_000, 64) * 160
        112480
    """
    return n // batch_size


def epoch_orders(key: Key, n: int, first: jax.Array, epochs: int) -> Orders:
    """Shuffle ``n`` indices once for each of some consecutive epochs.

    Args:
        key: key of the data order; epoch e is shuffled with ``fold_in(key, e)``.
        n: number of examples.
        first: int32 scalar, number of the first epoch.
        epochs: how many epochs (static).
    """
    numbers = first + jnp.arange(epochs)
    shuffle = jax.vmap(lambda e: jax.random.permutation(jax.random.fold_in(key, e), n))
    return Orders(shuffle(numbers), first)


def augment(key: Key, x: jax.Array, pad: int = 4) -> jax.Array:
    """Flip each image with probability 1/2, then shift it by up to ``pad`` pixels.

    The shift is a random crop of the image padded with zeros.

    Args:
        key: of this batch.
        x: [batch, height, width, channels].
        pad: pixels on every side.

    Returns:
        Images of the same shape.

    Reference:
        Frankle & Carbin (2019), appendices I.2 and I.3: "random flips and random four
        pixel pads and crops".
    """
    n, height, width, channels = x.shape
    flip_key, shift_key = jax.random.split(key)
    flipped = jax.random.bernoulli(flip_key, shape=(n, 1, 1, 1))
    x = jnp.where(flipped, x[:, :, ::-1], x)
    padded = jnp.pad(x, ((0, 0), (pad, pad), (pad, pad), (0, 0)))
    corners = jax.random.randint(shift_key, (n, 2), 0, 2 * pad + 1)

    def crop(image: jax.Array, corner: jax.Array) -> jax.Array:
        start = (corner[0], corner[1], 0)
        return jax.lax.dynamic_slice(image, start, (height, width, channels))

    return jax.vmap(crop)(padded, corners)


def batch_at(
    data: Dataset, orders: Orders, step: jax.Array, batch_size: int
) -> tuple[jax.Array, jax.Array]:
    """Return the batch of a step.

    Args:
        data: training set.
        orders: shuffled indices that cover the epoch of ``step``.
        step: int32 scalar, counted from the start of the data order.
        batch_size: static.

    Returns:
        x [batch_size, ...] and y int32 [batch_size].
    """
    per_epoch = steps_per_epoch(data.size, batch_size)
    epoch, position = step // per_epoch, step % per_epoch
    row = jax.lax.dynamic_slice(
        orders.indices,
        (epoch - orders.first, position * batch_size),
        (1, batch_size),
    )
    index = row[0]
    return data.x[index], data.y[index]
