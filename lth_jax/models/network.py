"""What the package knows of one of its networks."""

from collections.abc import Callable
from typing import NamedTuple

from ..config import ModelConfig
from ..types import Model

Shape = tuple[int, ...]


class Network(NamedTuple):
    """An entry of the table of networks; each stands beside its network.

    Attributes:
        build: (config, shape of an example, classes, name of a convolution or None) ->
            model.
        example: shape of the examples of the papers.
        divisor: it takes images [height, width, channels] with height and width
            multiples of this, because pools halve them; None: examples of any shape.
        dropout: it has dropout.
        widths: hidden widths in which the papers use it beside its usual ones.
    """

    build: Callable[[ModelConfig, Shape, int, str | None], Model]
    example: Shape = (32, 32, 3)
    divisor: int | None = None
    dropout: bool = False
    widths: tuple[tuple[int, ...], ...] = ()
