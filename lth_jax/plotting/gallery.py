"""Which figures of the papers runs support, and what stands below them."""

from collections.abc import Callable
from typing import Any

import numpy as np

from . import anatomy, dead, figures, rewinding, stability
from .appendices import APPENDICES, LAST_STEP
from .exhibits import BARS, EARLY_STOP, LINES, Exhibit, Runs
from .layers import shows
from .rules import are_alike, by_step, method

BY_DENSITY = ", by the share of weights that remain." + LINES
BY_SHARE = f", by the share of weights that remain.{BARS}."
DURING = (
    " during training, up to twice the dense network's early stop, at the run's levels"
    " nearest to those of the paper's figure. Lines are means over networks, bands"
    " reach from the least to the greatest value."
)


OVER_PAIRS = (
    " means over pairs of networks and replicates, bars their least and greatest value"
)
CLOSENESS = (
    " between copies of a network that were trained under two data orders, and between"
    " a pruned network and the dense one on the weights that both have (less is more"
    " stable)"
)
STABILIZING = " of Frankle et al. (2020), Stabilizing the Lottery Ticket Hypothesis."
CONNECTED = (
    " of Frankle et al. (2020), Linear Mode Connectivity and the Lottery Ticket"
    " Hypothesis."
)


POOLED = (
    " replicates pooled; the area below each line is 1. Of many layers, the first, the"
    " last and some between are shown."
)
APART = (
    " of the dense network, separately for the weights of the ticket nearest to 16.9 %"
    " of the weights and for all others, layer by layer;" + POOLED + " Weights that do"
    " not move at all, such as those of pixels that are black in all images, count as"
    " just above 0; if they are many, the line leaves the panel there."
)
OVER_UNITS = (
    " connections the units of each layer keep (of a convolution: the channels). A line"
    " per share of the weights that remains, over units,"
    + POOLED
    + " Thin dashed lines are expected of random masks that keep as many weights of the"
    " layer."
)


def supported(runs: Runs) -> dict[str, Exhibit]:
    """Return the figures that runs support, by name, in order.

    A sweep of an appendix has the figures of that alone: in those of the paper's main
    part it would be dozens of lines. A single run has figure 14 last, after its own.

    Args:
        runs: by variant; a single run is a mapping of one.

    Example:
        >>> from lth_jax.store.read import load_run  # doctest: +SKIP
        >>> run = load_run("runs/mnist_lenet-1a2b3c4d")  # doctest: +SKIP
        >>> list(supported({"": run}))  # doctest: +SKIP
        ['figure_4', 'figure_3', 'figure_11']
    """
    found = {name: each for name, each in GALLERY.items() if each.supports(runs)}
    if len(runs) == 1 and "figure_14" in found:
        found["figure_14"] = found.pop("figure_14")
    if len(runs) > 1 and found.keys() & APPENDICES.keys():
        return {name: each for name, each in found.items() if name not in OF_RESULTS}
    return found


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
    return len(runs) <= MOST_NETWORKS and all(
        "shuffle_mask" in set(run.summary["kind"]) for run in runs.values()
    )


def _has_curves(runs: Runs) -> bool:
    return all(len(run.curves) for run in runs.values())


def _is_plain(runs: Runs) -> bool:
    return _network(runs) not in ("conv", "vgg19", "resnet18", "several")


def _has_pairs(runs: Runs, columns: tuple[str, ...] = ("distance",)) -> bool:
    """Tell whether a table of stability holds a number in one of some columns."""
    return any(
        np.isfinite(run.stability[column].astype(float)).any()
        for run in runs.values()
        for column in columns
    )


def _is_measured_sweep(runs: Runs, *columns: str) -> bool:
    """Tell whether several runs of a sweep over rewind steps hold such a number."""
    steps = by_step(runs)
    found = [_has_pairs({"": run}, columns) for run in steps.values()]
    return sum(found) >= 2


def _show(what: str) -> Callable[[Runs], bool]:
    return lambda runs: any(shows(run, what) for run in runs.values())


def _differ_in_method(runs: Runs) -> bool:
    return len(set(map(method, runs.values()))) > 1 and are_alike(runs.values())


OF_RESULTS = ("figure_1", "figure_4", "figure_5", "figure_6", "figure_7", "figure_8")
"""Figures of the paper's main part that have a line per variant and kind."""
MOST_NETWORKS = 8
"""Figure 1 shows at most so many variants."""
GALLERY = {
    **APPENDICES,
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
    **LAST_STEP,
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
    "figure_15": Exhibit(
        anatomy.figure_15,
        _show("initial"),
        "Figure 15 (with SGD: 16). Distribution of the initial weights of tickets,"
        " layer by layer. A line per share of the weights that remains, that of the"
        " dense network shaded," + POOLED,
    ),
    "figure_19": Exhibit(
        anatomy.figure_19,
        _show("distance"),
        "Figure 19. How far training moves the weights" + APART,
    ),
    "figure_20": Exhibit(
        anatomy.figure_20,
        _show("growth"),
        "Figure 20. By how much training makes the magnitude of weights grow" + APART,
    ),
    "figure_21": Exhibit(
        anatomy.figure_21,
        _show("incoming"),
        "Figure 21 (with SGD: 22). Which share of their incoming" + OVER_UNITS,
    ),
    "figure_23": Exhibit(
        anatomy.figure_23,
        _show("outgoing"),
        "Figure 23 (with SGD: 24). Which share of their outgoing" + OVER_UNITS,
    ),
    "dead_units": Exhibit(
        dead.figure_dead_units,
        dead.shows_dead_units,
        "Dead units and paths. Units of each layer without incoming connections, and"
        " its inputs without outgoing ones (inputs of a layer are those of the network"
        " or units of a layer before; of a convolution, channels). Where layers are a"
        " chain, also the share of the connections that lie on a path from an input to"
        " an output (live), and the number of such paths" + BY_SHARE + " Of many"
        " layers, the first, the last and some between are shown; the whole network"
        " counts all.",
    ),
    "rewinding_accuracy": Exhibit(
        rewinding.figure_rewinding_accuracy,
        lambda runs: bool(by_step(runs)),
        "Rewinding and accuracy. Test accuracy at the last step, by the share of"
        " weights that remain and the step to which pruned networks are rewound."
        + LINES
        + " As"
        " figures 5 and 8" + STABILIZING,
    ),
    "retraining": Exhibit(
        rewinding.figure_retraining,
        _differ_in_method,
        "Retraining. Test accuracy at the last step of tickets that go back to earlier"
        " weights (weight rewinding), keep their trained weights and go back to an"
        " earlier learning rate (learning-rate rewinding), or train on at the last one"
        " (fine-tuning). At the right, less the accuracy of the dense network of the"
        " same replicate." + LINES + " After Renda et al. (2020), Comparing Rewinding"
        " and Fine-tuning in Neural Network Pruning.",
    ),
    "rewinding_stability": Exhibit(
        rewinding.figure_rewinding_stability,
        lambda runs: _is_measured_sweep(runs, "distance"),
        "Rewinding and stability. L2 distance" + CLOSENESS + ", and test accuracy, by"
        " the step to which pruned networks are rewound. Lines are"
        + OVER_PAIRS
        + ". As"
        " figure 4" + STABILIZING,
    ),
    "rewinding_angle": Exhibit(
        rewinding.figure_rewinding_angle,
        lambda runs: _is_measured_sweep(runs, "angle"),
        "Rewinding and angle. Angle" + CLOSENESS + ", by the step to which pruned"
        " networks are rewound. Lines are" + OVER_PAIRS + ". As figure 4, with the"
        " measure of appendix B," + STABILIZING,
    ),
    "barrier": Exhibit(
        rewinding.figure_barrier,
        lambda runs: _is_measured_sweep(runs, "test_barrier", "train_barrier"),
        "Error barrier: how far error rises on the straight line between two copies"
        " above the mean of its ends, by the step to which pruned networks are rewound."
        " Lines are"
        + OVER_PAIRS
        + ". Below 2 % they are stable, by the rule"
        + CONNECTED,
    ),
    "stability": Exhibit(
        stability.figure_stability,
        _has_pairs,
        "Stability. L2 distance and angle"
        + CLOSENESS
        + ". Columns are"
        + OVER_PAIRS
        + ". As figures 3 and 10"
        + STABILIZING,
    ),
    "path": Exhibit(
        stability.figure_path,
        lambda runs: any(len(run.paths) for run in runs.values()),
        "Error on the line: error of the networks on the straight line between two"
        " copies that were trained under two data orders. Lines are means over pairs of"
        " copies and replicates, bands reach from the least to the greatest value. As"
        " in section 2" + CONNECTED,
    ),
}
"""The figures in the order of the page.

Numbers are those of Frankle & Carbin (2019); figures of other papers have names.
"""
