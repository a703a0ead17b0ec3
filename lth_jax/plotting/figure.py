"""A figure: how it is drawn, which runs have it, and what stands below it."""

from collections.abc import Callable, Mapping
from enum import IntEnum, auto
from functools import wraps
from typing import TYPE_CHECKING, Any, NamedTuple

from ..errors import InputError
from ..store.read import Run
from .style import style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Runs = Mapping[str, Run]
"""Loaded runs by name of the variant; a single run is a mapping of one."""

BARS = " Lines are means over networks, bars their least and greatest value"
APART = (
    " Lines join levels that follow one another, and stand a little beside each other."
)
LINES = f"{BARS}; thin dashed lines are the dense networks.{APART}"
EARLY_STOP = (
    " Early stop is the step of least validation loss; where that is the last step of"
    " a network's training, an open triangle stands for the least that it can be."
)


class Topic(IntEnum):
    """What a figure is about; figures stand on a page in this order."""

    SWEEP = auto()
    """Variants of one setting side by side."""
    NETWORK = auto()
    """All kinds of networks of all runs, by density."""
    LAST_STEP = auto()
    """Accuracy at the last step, in a panel per run."""
    RANDOM_MASKS = auto()
    """Tickets beside networks that are pruned at random."""
    TRAINING = auto()
    """Loss and accuracy during training."""
    ANATOMY = auto()
    """What tickets are made of: their weights and connections."""
    REWINDING = auto()
    """Accuracy by where, and how, pruned networks are rewound."""
    STABILITY_BY_STEP = auto()
    """How alike networks become, by the step to which they are rewound."""
    STABILITY = auto()
    """How alike networks become, at one level of a run or more."""


class Exhibit(NamedTuple):
    """A figure, the runs that have it, and its caption.

    Attributes:
        name: of its file and its place on a page.
        topic: what it is about.
        draw: from a run, or from runs by variant.
        supports: whether runs have what it shows.
        caption: what it shows.
    """

    name: str
    topic: Topic
    draw: "Callable[[Run | Runs], Figure]"
    supports: Callable[[Runs], bool]
    caption: str


def drawn_of_runs(
    draw: "Callable[[Runs], Figure]",
) -> "Callable[[Run | Runs], Figure]":
    """Let a function that draws runs by variant take a single run too.

    It draws in our style.
    """

    @wraps(draw)
    def drawn(runs: Run | Runs) -> "Figure":
        with style():
            return draw(by_variant(runs))

    return drawn


def by_variant(runs: Any) -> Runs:
    """Return runs by variant; a single one is a variant without a name.

    Raises:
        InputError: they are no runs, or none.
    """
    if isinstance(runs, Run):
        return {"": runs}
    are_runs = isinstance(runs, Mapping) and all(
        isinstance(run, Run) for run in runs.values()
    )
    if not are_runs or not runs:
        what = "an empty mapping" if are_runs else f"a {type(runs).__name__}"
        raise InputError(
            f"A figure is drawn of a run, or of runs by name, not of {what}: give it"
            " lth_jax.load_run(path), or {name: load_run(path), ...}."
        )
    return runs


def only(runs: Runs) -> Run:
    """Return the one run of a figure that shows no more.

    Raises:
        InputError: there are several.
    """
    if len(runs) > 1:
        raise InputError(
            f"This figure shows a single run; there are {len(runs)}: {', '.join(runs)}."
        )
    (run,) = runs.values()
    return run
