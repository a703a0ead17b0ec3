"""Networks, and adapters for a user's own."""

import math
from collections.abc import Callable

import jax

from ..config import ModelConfig
from ..types import Model
from .adapters import SlowConvolutionWarning as SlowConvolutionWarning
from .adapters import from_functions as from_functions
from .adapters import from_linen as from_linen
from .adapters import from_nnx as from_nnx
from .conv import conv_general_dilated as conv_general_dilated
from .lenet import lenet as lenet

MODELS: dict[str, Callable[[ModelConfig, tuple[int, ...], int], Model]] = {
    "lenet": lambda config, shape, n: lenet(shape, n, config.widths),
}


def build(config: ModelConfig, input_shape: tuple[int, ...], n_classes: int) -> Model:
    """Build the network of a config for images of a shape.

    Args:
        config: which network.
        input_shape: shape of one example.
        n_classes: outputs.

    Example:
        >>> sorted(build(ModelConfig(), (28, 28, 1), 10).layers)
        ['Dense_0/kernel', 'Dense_1/kernel', 'Dense_2/kernel']
    """
    return MODELS[config.name](config, input_shape, n_classes)


LISTED = {"lenet": (ModelConfig(name="lenet"), (28, 28, 1))}
"""Networks of the papers: name -> (config, shape of an example)."""


def listed() -> list[dict[str, str | int]]:
    """Return name, parameters and prunable weights of the papers' networks.

    Example:
        >>> listed()[0]
        {'name': 'lenet', 'parameters': 266610, 'prunable': 266200}
    """
    rows = []
    for name, (config, shape) in LISTED.items():
        model = build(config, shape, 10)
        params, _ = jax.eval_shape(model.init, jax.random.key(0))
        total = sum(leaf.size for leaf in jax.tree.leaves(params))
        prunable = sum(math.prod(info.shape) for info in model.layers.values())
        rows.append({"name": name, "parameters": total, "prunable": prunable})
    return rows
