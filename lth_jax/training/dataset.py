"""Data as arrays on the device; a batch is a gather, a function of (key, step)."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from ..types import Key


class Dataset(NamedTuple):
    """Examples and their labels, or some of a larger set, chosen by their rows.

    Attributes:
        x: float [pool, ...].
        y: int32 [pool].
        rows: int32 [n], which examples of the pool it consists of, or [replicates, n],
            one choice for each replicate; None: all of them, for all replicates.
    """

    x: Any
    y: Any
    rows: Any = None

    @property
    def size(self) -> int:
        """Number of examples, of one replicate."""
        return self.y.shape[0] if self.rows is None else self.rows.shape[-1]

    def of(self, replicate: Any) -> "Dataset":
        """Return the examples of a replicate, whose number may be traced.

        Example:
            >>> x = jnp.array([[3.0], [4.0], [5.0]])
            >>> data = Dataset(x, jnp.arange(3), jnp.array([[0, 1], [2, 0]]))
            >>> data.of(1).at(jnp.array([0]))[0].item()
            5.0
        """
        if self.rows is None or self.rows.ndim == 1:
            return self
        return self._replace(rows=self.rows[replicate])

    def at(self, index: Any) -> tuple[jax.Array, jax.Array]:
        """Return x and y of some examples, by their numbers from 0 to ``size - 1``."""
        index = index if self.rows is None else self.rows[index]
        return self.x[index], self.y[index]

    def block(self, start: Any, size: int) -> tuple[jax.Array, jax.Array]:
        """Return x and y of consecutive examples.

        Args:
            start: number of the first; may be traced.
            size: how many (static).
        """
        cut = jax.lax.dynamic_slice_in_dim
        if self.rows is None:  # A slice is cheaper than a gather.
            return cut(self.x, start, size), cut(self.y, start, size)
        return self.at(start + jnp.arange(size))


class Splits(NamedTuple):
    """The three sets of a study, and how many classes their labels name."""

    train: Dataset
    validation: Dataset
    test: Dataset
    n_classes: int

    def of(self, replicate: Any) -> "Splits":
        """Return the sets of a replicate, whose number may be traced."""
        train, validation, test = (part.of(replicate) for part in self[:3])
        return Splits(train, validation, test, self.n_classes)


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
    return data.at(row[0])


class Feed(NamedTuple):
    """Where the batches of a training come from.

    A batch is a function of (order key, step), so no feed has a position of its own: a
    training that goes on asks for the steps that it has not done yet.

    Attributes:
        ahead: (order keys [lanes], clocks [lanes], steps) -> window of every lane,
            lanes as first axis. Called on the host before each chunk with the range of
            steps that the chunk trains, counted from the start of the training; a lane
            stands at its clock before the first. Arrays of all windows of a training
            have one shape, else each would be compiled anew.
        open: (training set, window, order key, first step, most steps) -> anything.
            Called on the device once for each chunk, before its loop; ``first`` is
            traced, ``most`` static: how many steps from the first a chunk can touch.
        batch: (training set, what ``open`` returned, step) -> (x, y). Called in the
            loop.
    """

    ahead: Callable[[Key, Any, range], Any]
    open: Callable[[Dataset, Any, Key, jax.Array, int], Any]
    batch: Callable[[Dataset, Any, jax.Array], tuple[jax.Array, jax.Array]]


def resident(batch_size: int) -> Feed:
    """Return the feed that gathers batches from a training set on the device.

    Args:
        batch_size: examples of a batch.

    Example:
        >>> data = Dataset(jnp.arange(4.0)[:, None], jnp.arange(4))
        >>> feed, key = resident(2), jax.random.key(0)
        >>> opened = feed.open(data, (), key, jnp.int32(0), 2)
        >>> batches = [feed.batch(data, opened, jnp.int32(step)) for step in (0, 1)]
        >>> sorted(int(label) for _, y in batches for label in y)
        [0, 1, 2, 3]
    """

    def open_(
        data: Dataset, window: Any, key: Key, first: jax.Array, most: int
    ) -> Orders:
        del window
        per_epoch = steps_per_epoch(data.size, batch_size)
        epochs = (most - 1) // per_epoch + 2
        return epoch_orders(key, data.size, first // per_epoch, epochs)

    def batch(data: Dataset, orders: Orders, step: jax.Array) -> Any:
        return batch_at(data, orders, step, batch_size)

    return Feed(lambda keys, clocks, steps: (), open_, batch)
