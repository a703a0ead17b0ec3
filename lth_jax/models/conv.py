"""Convolution as shifted slices and matrix products, in blocks that fit the cache."""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from ..errors import InputError

BLOCK_BYTES = 2_500_000
"""Columns of a block: one image of Conv-2's second layer, the fastest size measured."""
_NHWC = ("NHWC", "HWIO", "NHWC")


def conv_general_dilated(
    lhs: jax.Array,
    rhs: jax.Array,
    window_strides: Sequence[int],
    padding: str | Sequence[tuple[int, int]],
    lhs_dilation: Sequence[int] | None = None,
    rhs_dilation: Sequence[int] | None = None,
    dimension_numbers: Any = None,
    feature_group_count: int = 1,
    precision: Any = None,
    preferred_element_type: Any = None,
    out_sharding: Any = None,
) -> jax.Array:
    """Convolve 2-D images: `jax.lax.conv_general_dilated` by way of im2col.

    For loops on CPU, where XLA runs ``lax.conv`` far slower than outside. Images go in
    blocks whose columns stay in cache; the backward pass makes the columns again.

    Args:
        lhs: images [batch, height, width, channels].
        rhs: kernel [kernel height, kernel width, channels, features].
        window_strides: two ints.
        padding: "SAME", "VALID" or two pairs of ints.
        lhs_dilation: ones, else refused.
        rhs_dilation: dilation of the kernel, two ints.
        dimension_numbers: NHWC, HWIO, NHWC, else refused; None means these.
        feature_group_count: 1, else refused.
        precision: of the matrix product.
        preferred_element_type: of the result.
        out_sharding: None, else refused.

    Returns:
        Features [batch, out height, out width, features].

    Raises:
        InputError: a convolution that this does not cover.

    Example:
        >>> x, w = jnp.ones((1, 4, 4, 2)), jnp.ones((3, 3, 2, 5))
        >>> conv_general_dilated(x, w, (1, 1), "SAME").shape
        (1, 4, 4, 5)
    """
    _check(lhs, rhs, lhs_dilation, dimension_numbers, feature_group_count, out_sharding)
    dilation, strides = rhs_dilation or (1, 1), tuple(window_strides)
    rows, columns, _, features = rhs.shape
    window = [(k - 1) * d + 1 for k, d in zip((rows, columns), dilation, strict=True)]
    if isinstance(padding, str):
        padding = lax.padtype_to_pads(lhs.shape[1:3], window, strides, padding)
    lhs = jnp.pad(lhs, ((0, 0), *map(tuple, padding), (0, 0)))

    def convolve(images: jax.Array) -> jax.Array:
        return jnp.matmul(
            _columns(images, window, dilation, strides),
            rhs.reshape(-1, features),
            precision=precision,
            preferred_element_type=preferred_element_type,
        )

    one = jax.eval_shape(lambda x: _columns(x, window, dilation, strides), lhs[:1])
    return _in_blocks(convolve, lhs, _block(len(lhs), one.size * one.dtype.itemsize))


def _columns(
    images: jax.Array,
    window: Sequence[int],
    dilation: Sequence[int],
    strides: Sequence[int],
) -> jax.Array:
    """Return what the kernel sees: [batch, out height, out width, kernel inputs]."""
    reach = [size - w + 1 for size, w in zip(images.shape[1:3], window, strict=True)]
    shifted = [
        images[:, i : i + reach[0] : strides[0], j : j + reach[1] : strides[1]]
        for i in range(0, window[0], dilation[0])
        for j in range(0, window[1], dilation[1])
    ]
    return jnp.concatenate(shifted, axis=-1)


def _block(n: int, n_bytes: int) -> int:
    """Return how many of ``n`` images, of so many bytes of columns, go together."""
    fitting = max(1, BLOCK_BYTES // n_bytes)
    return max(size for size in range(1, min(n, fitting) + 1) if n % size == 0)


def _in_blocks(
    f: Callable[[jax.Array], jax.Array], images: jax.Array, size: int
) -> jax.Array:
    if size == len(images):
        return f(images)
    blocks = images.reshape(-1, size, *images.shape[1:])
    out = lax.map(jax.checkpoint(f, prevent_cse=False), blocks)
    return out.reshape(-1, *out.shape[2:])


def _check(
    lhs: Any, rhs: Any, lhs_dilation: Any, numbers: Any, groups: int, sharding: Any
) -> None:
    images = lhs.ndim == rhs.ndim == 4
    if images and numbers is not None:
        spec = lax.conv_dimension_numbers(lhs.shape, rhs.shape, numbers)
        images = spec == lax.conv_dimension_numbers(lhs.shape, rhs.shape, _NHWC)
    dilated = any(d != 1 for d in (lhs_dilation or ()))
    if not images or groups != 1 or dilated or sharding is not None:
        raise InputError(
            "conv_general_dilated covers 2-D convolutions of NHWC images with HWIO"
            " kernels, without groups, dilated input or sharding: use"
            f" lax.conv_general_dilated for images {lhs.shape}, kernel {rhs.shape},"
            f" {groups} groups."
        )


CONVOLUTIONS: dict[str, Callable[..., jax.Array]] = {
    "columns": conv_general_dilated,
    "lax": lax.conv_general_dilated,
}
"""The forms of convolution; all give the same up to rounding."""


def best_known() -> str:
    """Return the name of the form that is fast inside a loop on this backend."""
    return "columns" if jax.default_backend() == "cpu" else "lax"


def named(name: str | None) -> Callable[..., jax.Array]:
    """Return a form of convolution; default: `best_known`.

    Example:
        >>> named("columns") is conv_general_dilated
        True
    """
    return CONVOLUTIONS[name or best_known()]
