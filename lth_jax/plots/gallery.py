"""Which figures of the paper runs support, and what stands below them."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from . import figures
from .figures import Runs

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LINES = (
    " Lines are means over networks, bars their least and greatest value; thin dashed"
    " lines are the dense networks."
)
BY_DENSITY = ", by the share of weights that remain." + LINES
EARLY_STOP = " Early stop is the step of least validation loss."
DURING = (
    " during training, up to twice the dense network's early stop, at the run's levels"
    " nearest to those of the paper's figure. Lines are means over networks, bands"
    " reach from the least to the greatest value."
)


class Exhibit(NamedTuple):
    """A figure of the paper.

    Attributes:
        draw: from runs by variant.
        supports: whether runs have what it shows.
        caption: what it shows.
    """

    draw: "Callable[[Runs], Figure]"
    supports: Callable[[Runs], bool]
    caption: str


def supported(runs: Runs) -> dict[str, Exhibit]:
    """Return the figures that runs support, by name, in order.

    Args:
        runs: by variant; a single run is a mapping of one.

    Example:
        >>> from lth_jax.runs import load_run  # doctest: +SKIP
        >>> run = load_run("runs/mnist_lenet-1a2b3c4d")  # doctest: +SKIP
        >>> list(supported({"": run}))  # doctest: +SKIP
        ['figure_4', 'figure_3', 'figure_11']
    """
    return {name: each for name, each in GALLERY.items() if each.supports(runs)}


def _network(runs: Runs) -> str:
    """Return the kind of network that all runs train; "several" if they differ."""
    names = {_model(run).get("name", "") for run in runs.values()}
    families = {"conv" if name.startswith("conv") else name for name in names}
    return families.pop() if len(families) == 1 else "several"


def _model(run: Any) -> dict[str, Any]:
    return run.config.get("model", {})


def _has_dropout(runs: Runs) -> bool:
    return any(_model(run).get("dropout") for run in runs.values())


def _has_random_masks(runs: Runs) -> bool:
    return all("shuffle_mask" in set(run.summary["kind"]) for run in runs.values())


def _has_curves(runs: Runs) -> bool:
    return all(len(run.curves) for run in runs.values())


def _is_plain(runs: Runs) -> bool:
    return _network(runs) not in ("conv", "vgg19", "resnet18", "several")


GALLERY = {
    "figure_4": Exhibit(
        figures.figure_4,
        _is_plain,
        "Figure 4. How early training stops, how accurate the network is then, and how"
        " accurate it is at the last step" + BY_DENSITY + EARLY_STOP + " A control's"
        " random draw is the same at all levels.",
    ),
    "figure_5": Exhibit(
        figures.figure_5,
        lambda runs: _network(runs) == "conv" and not _has_dropout(runs),
        "Figure 5. How early training stops, how accurate the network is then, and how"
        " accurate it is at the last step" + BY_DENSITY + EARLY_STOP,
    ),
    "figure_6": Exhibit(
        figures.figure_6,
        lambda runs: _network(runs) == "conv" and _has_dropout(runs),
        "Figure 6. How early training with dropout stops and how accurate the network"
        " is then" + BY_DENSITY + EARLY_STOP,
    ),
    "figure_7": Exhibit(
        figures.figure_7,
        lambda runs: _network(runs) == "vgg19" and _has_curves(runs),
        "Figure 7. Test accuracy of VGG-19 at three moments of training" + BY_DENSITY,
    ),
    "figure_8": Exhibit(
        figures.figure_8,
        lambda runs: _network(runs) == "resnet18" and _has_curves(runs),
        "Figure 8. Test accuracy of ResNet-18 at three moments of training"
        + BY_DENSITY,
    ),
    "figure_1": Exhibit(
        figures.figure_1,
        _has_random_masks,
        "Figure 1. Early stop, and accuracy there, of tickets and of networks pruned at"
        " random" + BY_DENSITY,
    ),
    "figure_3": Exhibit(
        figures.figure_3,
        lambda runs: len(runs) == 1,
        "Figure 3. Test accuracy" + DURING,
    ),
    "figure_11": Exhibit(
        figures.figure_11,
        lambda runs: len(runs) == 1,
        "Figure 11. Validation loss" + DURING,
    ),
}
"""The figures in the order of the page; the numbers are the paper's."""
