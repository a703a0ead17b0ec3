"""LeNet-300-100 and any other fully connected network."""

import flax.linen as nn
import jax

from ..types import Model
from .adapters import from_linen
from .network import Network

SIZES = (
    (25, 9),
    (50, 17),
    (100, 34),
    (150, 50),
    (200, 67),
    (400, 134),
    (500, 167),
    (700, 233),
    (900, 300),
)
"""Hidden widths of the other LeNets of the paper (LTH, appendix G.6)."""


class Lenet(nn.Module):
    """Flatten, dense layers with ReLU, a linear output layer.

    Kernels are Gaussian Glorot (truncated at two standard deviations and rescaled, as
    in TensorFlow), biases zero.
    """

    widths: tuple[int, ...]
    n_classes: int

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Map images [batch, ...] to logits [batch, classes]."""
        glorot = nn.initializers.glorot_normal()
        x = x.reshape(x.shape[0], -1)
        for width in self.widths:
            x = nn.relu(nn.Dense(width, kernel_init=glorot)(x))
        return nn.Dense(self.n_classes, kernel_init=glorot)(x)


def lenet(
    input_shape: tuple[int, ...],
    n_classes: int = 10,
    widths: tuple[int, ...] = (300, 100),
) -> Model:
    """Return a fully connected network; by default LeNet-300-100.

    Args:
        input_shape: shape of one example, e.g. ``(28, 28, 1)``.
        n_classes: outputs.
        widths: hidden widths; may be empty.

    Example:
        >>> lenet((28, 28, 1)).layers["Dense_2/kernel"]
        LayerInfo(kind='output', shape=(100, 10), stacked=0)

    Reference:
        Frankle & Carbin (2019), Figure 2 and appendix G.
    """
    module = Lenet(widths=widths, n_classes=n_classes)
    return from_linen(module, input_shape, output=f"Dense_{len(widths)}/kernel")


NETWORKS = {
    "lenet": Network(
        lambda config, shape, n, _: lenet(shape, n, config.widths),
        example=(28, 28, 1),
        widths=SIZES,
    )
}
