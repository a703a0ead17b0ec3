"""What the papers do not say, and what a study took in its place.

Every run notes it in its manifest; docs/experiments.md shows what is taken by default.
"""

from collections.abc import Callable
from typing import Literal, NamedTuple

from ..config import Config
from ..sources import Origin
from ..study.given import OWN


class Choice(NamedTuple):
    """One thing that a paper leaves open.

    Attributes:
        field: of the config that changes it; empty: none.
        took: what a study takes.
        of: what it is a property of: said only where that is the package's own.
    """

    field: str
    took: Callable[[Config], str]
    of: Literal["study", "data", "model", "optimizer"] = "study"


_SCALINGS = {
    "unit": "pixels in [0, 1]",
    "standard": "every channel with mean 0 and standard deviation 1",
    "l2": "every image of Euclidean norm 1",
}
_SPLITS = {
    "shared": "one for all replicates",
    "per_replicate": "one for each replicate",
}
_DRAWS = {"same": "the same at all levels", "per_level": "a new one at each level"}
_COUNTS = {
    "exact": "the rate of what a layer has left, rounded half to even",
    "original": "the same and one more in every layer, as the released code",
}
_CONSTANTS = {
    "adam": "Adam with decays 0.9 and 0.999, epsilon 1e-8",
    "momentum": "no dampening, no Nesterov",
    "sgd": "none",
}


def _initial_weights(config: Config) -> str:
    std = config.model.init_std
    scale = "Glorot's deviation" if std is None else f"standard deviation {std:g}"
    return f"Gaussian, {scale}, cut at two deviations and rescaled; biases 0"


def _tests(config: Config) -> str:
    if config.train.test_every is None:
        return "whenever the validation set is evaluated"
    return (
        f"every {config.train.test_every} steps, at the end, and where the validation"
        " loss is the least so far"
    )


CHOICES: dict[str, Choice] = {
    "input scaling": Choice(
        "data.scaling", lambda c: _SCALINGS[c.data.scaling], "data"
    ),
    "validation set": Choice("data.split", lambda c: _SPLITS[c.data.split], "data"),
    "initial weights": Choice("model.init_std", _initial_weights, "model"),
    "data order": Choice(
        "", lambda _: "one for each replicate, the same at all levels"
    ),
    "draw of a control": Choice("control_draws", lambda c: _DRAWS[c.control_draws]),
    "last examples of an epoch": Choice("", lambda _: "left out if no full batch"),
    "early stop": Choice(
        "", lambda _: "first least validation loss of all evaluations, step 0 included"
    ),
    "evaluations of the test set": Choice("train.test_every", _tests),
    "weights pruned": Choice("prune.count", lambda c: _COUNTS[c.prune.count]),
    "constants of the optimizer": Choice(
        "train.optimizer",
        lambda c: _CONSTANTS.get(c.train.optimizer, "those of its entry"),
        "optimizer",
    ),
    "weight decay": Choice("", lambda _: "of the prunable kernels only", "optimizer"),
    "biases": Choice(
        "", lambda _: "of dense layers and of Conv-2/4/6, never pruned", "model"
    ),
    "batch norm": Choice(
        "", lambda _: "running averages decay by 0.9, epsilon 1e-5", "model"
    ),
}
"""By what is left open."""


def choices(config: Config, origin: Origin) -> dict[str, str]:
    """Return what a study took where papers say nothing.

    Args:
        config: of the study.
        origin: which copy of the data it was read from.

    Example:
        >>> choices(Config(), Origin("", ""))["input scaling"]
        'pixels in [0, 1]'
    """
    names = {
        "data": config.data.name,
        "model": config.model.name,
        "optimizer": config.train.optimizer,
    }
    own = {part for part, name in names.items() if name == OWN}
    copy = {"copy of the data": origin.note or "exact"}
    return copy | {
        what: choice.took(config)
        for what, choice in CHOICES.items()
        if choice.of not in own
    }
