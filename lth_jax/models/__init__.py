"""Networks, and adapters for a user's own."""

import math
from collections.abc import Callable

import jax

from ..config import ModelConfig
from ..errors import InputError
from ..types import Model
from .adapters import SlowConvolutionWarning as SlowConvolutionWarning
from .adapters import from_functions as from_functions
from .adapters import from_linen as from_linen
from .adapters import from_nnx as from_nnx
from .conv import CONVOLUTIONS as CONVOLUTIONS
from .conv import best_known as best_known
from .conv import conv_general_dilated as conv_general_dilated
from .convnets import conv_net as conv_net
from .convnets import resnet18 as resnet18
from .convnets import vgg19 as vgg19
from .gaussian import gaussian as gaussian
from .lenet import lenet as lenet

MODELS: dict[str, Callable[..., Model]] = {
    "lenet": lambda config, shape, n, _: lenet(shape, n, config.widths),
    "conv2": lambda config, shape, n, form: conv_net(2, shape, n, config.dropout, form),
    "conv4": lambda config, shape, n, form: conv_net(4, shape, n, config.dropout, form),
    "conv6": lambda config, shape, n, form: conv_net(6, shape, n, config.dropout, form),
    "vgg19": lambda config, shape, n, form: vgg19(shape, n, form),
    "resnet18": lambda config, shape, n, form: resnet18(shape, n, form),
}


DIVISORS = {"conv2": 2, "conv4": 4, "conv6": 8, "vgg19": 16, "resnet18": 1}
"""Height and width of images must be multiples of this, because pools halve them."""
LENETS = (
    *((25, 9), (50, 17), (100, 34), (150, 50), (200, 67)),
    *((400, 134), (500, 167), (700, 233), (900, 300)),
)
"""Hidden widths of the other LeNets of the paper (LTH, appendix G.6)."""


def build(
    config: ModelConfig,
    input_shape: tuple[int, ...],
    n_classes: int,
    convolution: str | None = None,
) -> Model:
    """Build the network of a config for images of a shape.

    Args:
        config: which network.
        input_shape: shape of one example.
        n_classes: outputs.
        convolution: a name in `CONVOLUTIONS`; default: the best known here.

    Raises:
        InputError: the network does not take examples of this shape.

    Example:
        >>> sorted(build(ModelConfig(), (28, 28, 1), 10).layers)
        ['Dense_0/kernel', 'Dense_1/kernel', 'Dense_2/kernel']
    """
    divisor = DIVISORS.get(config.name)
    if divisor and (len(input_shape) != 3 or any(n % divisor for n in input_shape[:2])):
        raise InputError(
            f"model.name is {config.name}, which takes images [height, width, channels]"
            f" with height and width multiples of {divisor}; the examples of data.name"
            f" have shape {input_shape}."
        )
    model = MODELS[config.name](config, input_shape, n_classes, convolution)
    return model if config.init_std is None else gaussian(model, config.init_std)


def listed() -> list[dict[str, str | int]]:
    """Return name, parameters and prunable weights of the papers' networks.

    LeNets other than LeNet-300-100 are named by their ``model.widths``.

    Example:
        >>> listed()[0]
        {'name': 'lenet', 'parameters': 266610, 'prunable': 266200}
    """
    known = {name: ModelConfig(name=name) for name in MODELS}  # type: ignore[arg-type]
    known |= {f"lenet {a} {b}": ModelConfig(widths=(a, b)) for a, b in LENETS}
    rows = []
    for name, config in known.items():
        shape = (28, 28, 1) if config.name == "lenet" else (32, 32, 3)
        model = build(config, shape, 10)
        params, _ = jax.eval_shape(model.init, jax.random.key(0))
        total = sum(leaf.size for leaf in jax.tree.leaves(params))
        prunable = sum(math.prod(info.shape) for info in model.layers.values())
        rows.append({"name": name, "parameters": total, "prunable": prunable})
    return rows
