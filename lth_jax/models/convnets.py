"""The convolutional networks of the papers, in their CIFAR-10 forms."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import flax.linen as nn
import jax

from ..types import Kind, Model
from .adapters import from_linen
from .conv import named
from .network import Network

GLOROT = nn.initializers.glorot_normal()
CONV_WIDTHS = {2: (64,), 4: (64, 128), 6: (64, 128, 256)}
"""Width of every pair of convolutions of Conv-2, Conv-4 and Conv-6."""
VGG19 = ((64, 2), (128, 2), (256, 4), (512, 4), (512, 4))
"""Width and number of the convolutions of every group of VGG-19."""
RESNET18 = (16, 32, 64)
"""Width of every stage of the 20-layer residual network."""


Convolution = Callable[..., jax.Array]
"""Computes what `jax.lax.conv_general_dilated` does."""


def _conv(features: int, convolution: Convolution, **options: Any) -> nn.Conv:
    size = options.pop("size", 3)
    return nn.Conv(
        features,
        (size, size),
        kernel_init=GLOROT,
        conv_general_dilated=convolution,
        **options,
    )


def max_pool(x: jax.Array) -> jax.Array:
    """Take the maximum of every 2x2 square, stride 2.

    A reshape instead of ``lax.reduce_window``, whose gradient is slow on CPU. Of equal
    maxima each gets an equal share of the gradient.

    Args:
        x: [batch, height, width, channels], even height and width.

    Example:
        >>> import jax.numpy as jnp
        >>> max_pool(jnp.arange(16.0).reshape(1, 4, 4, 1)).ravel().tolist()
        [5.0, 7.0, 13.0, 15.0]
    """
    n, height, width, channels = x.shape
    return x.reshape(n, height // 2, 2, width // 2, 2, channels).max(axis=(2, 4))


class ConvNet(nn.Module):
    """Pairs of 3x3 convolutions, a 2x2 max-pool after each, dense 256, 256, output."""

    widths: Sequence[int]
    n_classes: int
    dropout: float
    convolution: Convolution

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        """Map images [batch, height, width, channels] to logits."""
        for width in self.widths:
            x = nn.relu(_conv(width, self.convolution)(x))
            x = max_pool(nn.relu(_conv(width, self.convolution)(x)))
        x = x.reshape(x.shape[0], -1)
        for _ in range(2):
            x = nn.relu(nn.Dense(256, kernel_init=GLOROT)(x))
            x = nn.Dropout(self.dropout, deterministic=not train)(x)
        return nn.Dense(self.n_classes, kernel_init=GLOROT)(x)


class Vgg(nn.Module):
    """Groups of 3x3 convolutions with batch norm; max-pools, an average, one output."""

    groups: Sequence[tuple[int, int]]
    n_classes: int
    convolution: Convolution

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        """Map images [batch, height, width, channels] to logits."""
        for i, (width, layers) in enumerate(self.groups):
            for _ in range(layers):
                conv = _conv(width, self.convolution, use_bias=False)
                x = nn.relu(_norm(train)(conv(x)))
            if i + 1 < len(self.groups):
                x = max_pool(x)
        return nn.Dense(self.n_classes, kernel_init=GLOROT)(x.mean(axis=(1, 2)))


class ResNet(nn.Module):
    """A convolution, stages of three residual pairs, an average, one output."""

    widths: Sequence[int]
    n_classes: int
    convolution: Convolution

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        """Map images [batch, height, width, channels] to logits."""
        conv = _conv(self.widths[0], self.convolution, use_bias=False)
        x = nn.relu(_norm(train)(conv(x)))
        for stage, width in enumerate(self.widths):
            for block in range(3):
                stride = 2 if stage and not block else 1
                name = f"Residual_{3 * stage + block}"
                x = Residual(width, stride, self.convolution, name=name)(x, train)
        return nn.Dense(self.n_classes, kernel_init=GLOROT)(x.mean(axis=(1, 2)))


class Residual(nn.Module):
    """Two 3x3 convolutions around a shortcut, which is 1x1 where the shape changes."""

    width: int
    stride: int
    convolution: Convolution

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        """Map features to features."""
        conv = partial(_conv, convolution=self.convolution, use_bias=False)
        strides = (self.stride, self.stride)
        out = nn.relu(_norm(train)(conv(self.width, strides=strides)(x)))
        out = _norm(train)(conv(self.width)(out))
        if self.stride > 1:
            x = conv(self.width, size=1, strides=strides, name="Shortcut")(x)
            x = _norm(train)(x)
        return nn.relu(out + x)


def _norm(train: bool) -> nn.BatchNorm:
    return nn.BatchNorm(use_running_average=not train, momentum=0.9, epsilon=1e-5)


def conv_net(
    depth: int,
    input_shape: tuple[int, ...] = (32, 32, 3),
    n_classes: int = 10,
    dropout: float = 0.0,
    convolution: str | None = None,
) -> Model:
    """Return Conv-2, Conv-4 or Conv-6.

    Args:
        depth: 2, 4 or 6 convolutions.
        input_shape: height, width (multiples of ``2 ** (depth / 2)``), channels.
        n_classes: outputs.
        dropout: rate after both hidden dense layers.
        convolution: a name in `CONVOLUTIONS`; default: the best known here.

    Example:
        >>> len(conv_net(2).layers)
        5

    Reference:
        Frankle & Carbin (2019), Figure 2 and appendix H; dropout in section 3.

    Deviation:
        The paper does not say where dropout is applied. Its 1.7M weights of Conv-6 do
        not follow from its layers; they have 2,261,184.
    """
    module = ConvNet(CONV_WIDTHS[depth], n_classes, dropout, named(convolution))
    return from_linen(module, input_shape, output="Dense_2/kernel")


def vgg19(
    input_shape: tuple[int, ...] = (32, 32, 3),
    n_classes: int = 10,
    convolution: str | None = None,
) -> Model:
    """Return VGG-19 in its CIFAR-10 form, with batch norm.

    Args:
        input_shape: height, width, channels.
        n_classes: outputs.
        convolution: a name in `CONVOLUTIONS`; default: the best known here.

    Example:
        >>> len(vgg19().layers)
        17

    Reference:
        Frankle & Carbin (2019), Figure 2 and appendix I.2.
    """
    module = Vgg(VGG19, n_classes, named(convolution))
    return from_linen(module, input_shape, output="Dense_0/kernel")


def resnet18(
    input_shape: tuple[int, ...] = (32, 32, 3),
    n_classes: int = 10,
    convolution: str | None = None,
) -> Model:
    """Return the network that the paper calls ResNet-18: 20 layers, 16-32-64 channels.

    Args:
        input_shape: height, width, channels.
        n_classes: outputs.
        convolution: a name in `CONVOLUTIONS`; default: the best known here.

    Example:
        >>> [p for p, info in resnet18().layers.items() if info.kind == "shortcut"]
        ['Residual_3/Shortcut/kernel', 'Residual_6/Shortcut/kernel']

    Reference:
        Frankle & Carbin (2019), Figure 2 and appendix I.3.
    """
    shortcuts: dict[str, Kind] = {
        f"Residual_{i}/Shortcut/kernel": "shortcut" for i in (3, 6)
    }
    return from_linen(
        ResNet(RESNET18, n_classes, named(convolution)),
        input_shape,
        output="Dense_0/kernel",
        kinds=shortcuts,
    )


def _conv_network(depth: int) -> Network:
    return Network(
        lambda config, shape, n, convolution: conv_net(
            depth, shape, n, config.dropout, convolution
        ),
        divisor=2 ** len(CONV_WIDTHS[depth]),
        dropout=True,
    )


NETWORKS = {
    "conv2": _conv_network(2),
    "conv4": _conv_network(4),
    "conv6": _conv_network(6),
    "vgg19": Network(
        lambda _, shape, n, convolution: vgg19(shape, n, convolution),
        divisor=2 ** (len(VGG19) - 1),
    ),
    "resnet18": Network(
        lambda _, shape, n, convolution: resnet18(shape, n, convolution), divisor=1
    ),
}
