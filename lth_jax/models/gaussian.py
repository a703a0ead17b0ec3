"""Initial weights of another scale."""

from typing import Any

import jax

from ..tickets import masks
from ..types import Key, Model

CUT = 2.0
"""Standard deviations of a Gaussian at which initial weights are cut, as Glorot's."""
CUT_STD = 0.87962566103423978
"""Standard deviation of a standard Gaussian that is cut there."""


def gaussian(model: Model, std: Any) -> Model:
    """Return a network whose prunable weights begin as Gaussians of mean 0.

    They are cut at two standard deviations and rescaled, as Glorot's are, so that
    networks of the two differ in nothing but the scale.

    Args:
        model: the network; what of it cannot be pruned begins as before.
        std: standard deviation after the cut, the same in all layers; may be traced.

    Example:
        >>> from lth_jax import lenet
        >>> model = gaussian(lenet((28, 28, 1)), 0.1)
        >>> params, _ = jax.jit(model.init)(jax.random.key(0))
        >>> f"{params['Dense_0']['kernel'].std():.3f}"
        '0.100'

    Reference:
        Frankle & Carbin (2019), appendix G.5, figure 30.

    Deviation:
        The paper says Gaussian, and nothing of a cut.
    """

    def draw(key: Key, leaf: jax.Array) -> jax.Array:
        drawn = jax.random.truncated_normal(key, -CUT, CUT, leaf.shape, leaf.dtype)
        return (std / CUT_STD) * drawn

    def init(key: Key) -> tuple[Any, Any]:
        params, state = model.init(key)
        return masks.redraw(draw, key, params, prunable=model.layers), state

    return model._replace(init=init)
