"""Convolution without lax.conv gives what lax.conv gives."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import tree_close
from jax import lax

from lth_jax.errors import InputError
from lth_jax.models import conv, conv_general_dilated

WINDOWS = [
    ((1, 1), None, (3, 3)),
    ((2, 3), None, (3, 2)),
    ((1, 1), (2, 1), (2, 3)),
    ((2, 1), (1, 3), (3, 2)),
    ((2, 2), None, (1, 1)),
]
PADDINGS = ["SAME", "VALID", "SAME_LOWER", ((2, 1), (0, 3))]
# Each window and each padding in blocks, and one whole; the rest of the table is long.
SHORT = {(0, 0, 1), (1, 1, 1), (1, 2, 1), (2, 3, 1), (3, 0, 1), (3, 2, 1), (4, 3, 1)}
SHORT |= {(3, 3, conv.BLOCK_BYTES)}


@pytest.mark.parametrize(
    ("window", "padding", "block_bytes"),
    [
        pytest.param(*case, marks=[] if case in SHORT else pytest.mark.long)
        for case in itertools.product(range(5), range(4), (1, conv.BLOCK_BYTES))
    ],
)
def test_the_convolution_is_lax_conv(window, padding, block_bytes, x64, monkeypatch):
    (strides, dilation, kernel), padding = WINDOWS[window], PADDINGS[padding]
    monkeypatch.setattr(conv, "BLOCK_BYTES", block_bytes)
    rng = np.random.default_rng(0)
    x = jnp.asarray(rng.normal(size=(4, 7, 6, 3)))
    w = jnp.asarray(rng.normal(size=(*kernel, 3, 4)))
    more = {"dimension_numbers": ("NHWC", "HWIO", "NHWC"), "rhs_dilation": dilation}

    def value_and_gradients(convolve):
        def loss(x, w):
            y = convolve(x, w, strides, padding, **more)
            return (jnp.sin(y) * jnp.arange(y.size).reshape(y.shape)).sum(), y

        graded = jax.value_and_grad(loss, argnums=(0, 1), has_aux=True)
        return jax.jit(graded)(x, w)

    ours, theirs = map(
        value_and_gradients, (conv_general_dilated, lax.conv_general_dilated)
    )
    tree_close(ours, theirs, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize(
    ("images", "fitting", "blocks"), [(60, 8, 10), (60, 7, 10), (7, 3, 7), (4, 9, 1)]
)
def test_blocks_divide_the_batch_and_fit(images, fitting, blocks, monkeypatch):
    columns = 4 * 4 * 9 * 2 * 4  # bytes of one image
    monkeypatch.setattr(conv, "BLOCK_BYTES", fitting * columns)
    x, w = jnp.ones((images, 4, 4, 2), jnp.float32), jnp.ones((3, 3, 2, 5), jnp.float32)
    program = jax.make_jaxpr(lambda x: conv_general_dilated(x, w, (1, 1), "SAME"))(x)
    loops = [e for e in program.eqns if e.primitive.name == "scan"]
    lengths = [loop.params["length"] for loop in loops]
    assert lengths == ([blocks] if blocks > 1 else [])


def test_forward_mode_and_lanes(x64, monkeypatch):
    monkeypatch.setattr(conv, "BLOCK_BYTES", 1)
    rng = np.random.default_rng(1)
    x, w, v = (
        jnp.asarray(rng.normal(size=s))
        for s in [(2, 4, 5, 4, 2), *[(2, 3, 3, 2, 3)] * 2]
    )

    def directions(convolve):
        def along(x, w, v):
            f = lambda w: convolve(x, w, (1, 1), "SAME")  # noqa: E731
            return jax.jvp(f, (w,), (v,))

        return jax.jit(jax.vmap(along))(x, w, v)

    tree_close(
        directions(conv_general_dilated),
        directions(
            lambda x, w, *rest: lax.conv_general_dilated(
                x, w, *rest, dimension_numbers=("NHWC", "HWIO", "NHWC")
            )
        ),
        rtol=1e-10,
        atol=1e-10,
    )


def test_the_convolution_has_the_preferred_element_type():
    x, w = jnp.ones((1, 4, 4, 2), jnp.bfloat16), jnp.ones((3, 3, 2, 5), jnp.bfloat16)
    assert conv_general_dilated(x, w, (1, 1), "SAME").dtype == jnp.bfloat16
    wide = conv_general_dilated(
        x, w, (1, 1), "VALID", preferred_element_type=jnp.float32
    )
    assert wide.dtype == jnp.float32


@pytest.mark.parametrize(
    ("x", "w", "more"),
    [
        ((1, 8, 2), (3, 2, 4), {}),
        ((1, 8, 2), (3, 2, 4), {"dimension_numbers": ("NHC", "HIO", "NHC")}),
        ((1, 4, 4, 4, 2), (3, 3, 3, 2, 4), {}),
        (
            (1, 4, 4, 4, 2),
            (3, 3, 3, 2, 4),
            {"dimension_numbers": ("NHWDC", "HWDIO", "NHWDC")},
        ),
        ((1, 2, 4, 4), (3, 3, 2, 4), {"dimension_numbers": ("NCHW", "HWIO", "NCHW")}),
        ((1, 4, 4, 2), (3, 3, 1, 4), {"feature_group_count": 2}),
        ((1, 4, 4, 2), (3, 3, 2, 4), {"lhs_dilation": (2, 1)}),
        ((1, 4, 4, 2), (3, 3, 2, 4), {"out_sharding": jax.P("lane")}),
    ],
)
def test_other_convolutions_are_refused(x, w, more):
    strides = (1,) * (len(x) - 2)
    with pytest.raises(InputError, match="conv_general_dilated covers 2-D"):
        conv_general_dilated(jnp.ones(x), jnp.ones(w), strides, "SAME", **more)
