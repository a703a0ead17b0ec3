"""Initial weights of another scale."""

from typing import Any

import jax

from ..tickets import masks
from ..types import Key, Model


def gaussian(model: Model, std: Any) -> Model:
    """Return a network whose prunable weights begin as Gaussians of mean 0.

    Args:
        model: the network; what of it cannot be pruned begins as before.
        std: standard deviation, the same in all layers; may be traced.

    Example:
        >>> from lth_jax import lenet
        >>> model = gaussian(lenet((28, 28, 1)), 0.1)
        >>> params, _ = jax.jit(model.init)(jax.random.key(0))
        >>> f"{params['Dense_0']['kernel'].std():.3f}"
        '0.100'

    Reference:
        Frankle & Carbin (2019), appendix G.5, figure 30.
    """

    def draw(key: Key, leaf: jax.Array) -> jax.Array:
        return std * jax.random.normal(key, leaf.shape, leaf.dtype)

    def init(key: Key) -> tuple[Any, Any]:
        params, state = model.init(key)
        return masks.redraw(draw, key, params, prunable=model.layers), state

    return model._replace(init=init)
