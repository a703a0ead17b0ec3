"""Randomness as a function of (root key, replicate, stream, draw): no carried keys.

So adding replicates or controls changes no existing number, and a resumed run draws
what an uninterrupted one would have drawn.
"""

import zlib
from enum import IntEnum

import jax

from .types import Key


class Stream(IntEnum):
    """What a key is for. Members are only ever appended: their numbers are results."""

    INIT = 0
    ORDER = 1
    NOISE = 2
    RANDOM_REINIT = 3
    SHUFFLE_MASK = 4
    AUGMENT = 5
    KEEP_SIGN = 6
    PERMUTE_INIT = 7
    RESAMPLE_INIT = 8
    NOISY_INIT = 9
    SCORE = 10
    SCORE_BATCH = 11
    NAMED_CONTROL = 12


def derive(
    root: Key, replicate: int, stream: Stream, draw: int = 0, name: str = ""
) -> Key:
    """Return the key of one draw of one stream of one replicate.

    Args:
        root: key of the study, ``jax.random.key(seed)``.
        replicate: number of the independent ticket.
        stream: what the key is for.
        draw: n-th sample of a control; 0 where there is only one.
        name: of what has no stream of its own, such as a user's control.

    Returns:
        A typed key, the same however many replicates or draws there are.

    Example:
        >>> root = jax.random.key(0)
        >>> bool(derive(root, 0, Stream.INIT) == derive(root, 1, Stream.INIT))
        False
    """
    fold = jax.random.fold_in
    key = fold(fold(fold(root, replicate), int(stream)), draw)
    return fold(key, zlib.crc32(name.encode())) if name else key
