"""Networks, and adapters for a user's own."""

import dataclasses
import functools
import math

import jax

from ..config import ModelConfig
from ..errors import InputError, did_you_mean
from ..types import Model
from .adapters import SlowConvolutionWarning as SlowConvolutionWarning
from .adapters import from_functions as from_functions
from .adapters import from_linen as from_linen
from .adapters import from_nnx as from_nnx
from .conv import CONVOLUTIONS as CONVOLUTIONS
from .conv import best_known as best_known
from .conv import conv_general_dilated as conv_general_dilated
from .convnets import NETWORKS as _CONVNETS
from .convnets import conv_net as conv_net
from .convnets import resnet18 as resnet18
from .convnets import vgg19 as vgg19
from .gaussian import gaussian as gaussian
from .lenet import NETWORKS as _LENETS
from .lenet import lenet as lenet
from .network import Network as Network

NETWORKS: dict[str, Network] = {**_LENETS, **_CONVNETS}
"""The networks that have a name."""


def build(
    config: ModelConfig,
    input_shape: tuple[int, ...],
    n_classes: int,
    convolution: str | None = None,
) -> Model:
    """Build the network of a config for examples of a shape.

    Equal arguments give the same functions, so what is compiled of them is shared.

    Args:
        config: which network.
        input_shape: shape of one example.
        n_classes: outputs.
        convolution: a name in `CONVOLUTIONS`; default: the best known here.

    Raises:
        InputError: there is no such network, it does not take examples of this shape,
            or it has no dropout.

    Example:
        >>> sorted(build(ModelConfig(), (28, 28, 1), 10).layers)
        ['Dense_0/kernel', 'Dense_1/kernel', 'Dense_2/kernel']
    """
    name = config.name
    if name not in NETWORKS:
        raise InputError(f"model.name is {name!r}{did_you_mean(name, NETWORKS)}")
    form = convolution or best_known()
    return _build(NETWORKS[name], config, tuple(input_shape), n_classes, form)


@functools.lru_cache(maxsize=64)
def _build(
    network: Network,
    config: ModelConfig,
    input_shape: tuple[int, ...],
    n_classes: int,
    convolution: str,
) -> Model:
    name = config.name
    if config.dropout and not network.dropout:
        raise InputError(
            f"model.dropout is {config.dropout}, but {name} has no dropout: leave it"
            " out."
        )
    divisor = network.divisor
    if divisor and (len(input_shape) != 3 or any(n % divisor for n in input_shape[:2])):
        raise InputError(
            f"model.name is {name}, which takes images [height, width, channels]"
            f" with height and width multiples of {divisor}; the examples of data.name"
            f" have shape {input_shape}."
        )
    if config.init_std is not None:
        plain = dataclasses.replace(config, init_std=None)
        model = _build(network, plain, input_shape, n_classes, convolution)
        return gaussian(model, float(config.init_std))
    return network.build(config, input_shape, n_classes, convolution)


def listed() -> list[dict[str, str | int]]:
    """Return name, parameters and prunable weights of the papers' networks.

    LeNets other than LeNet-300-100 are named by their ``model.widths``.

    Example:
        >>> listed()[0]
        {'name': 'lenet', 'parameters': 266610, 'prunable': 266200}
    """
    configs = {name: ModelConfig(name=name) for name in NETWORKS}  # type: ignore[arg-type]
    for name, network in NETWORKS.items():
        for widths in network.widths:
            title = " ".join([name, *map(str, widths)])
            configs[title] = ModelConfig(name=name, widths=widths)  # type: ignore[arg-type]
    rows = []
    for title, config in configs.items():
        model = build(config, NETWORKS[config.name].example, 10)
        params, _ = jax.eval_shape(model.init, jax.random.key(0))
        total = sum(leaf.size for leaf in jax.tree.leaves(params))
        prunable = sum(math.prod(info.shape) for info in model.layers.values())
        rows.append({"name": title, "parameters": total, "prunable": prunable})
    return rows
