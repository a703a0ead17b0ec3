"""The gallery's part for the appendices of the first paper, with its captions."""

from functools import partial

from . import bykind, sweeps
from .exhibits import BARS, EARLY_STOP, Exhibit

SHARE = ", by the share of weights that remain."
WEIGHTS = ", by the number of weights that remain."
COMMON = (
    f"{BARS}; every line starts at its dense network, and a thin dashed line is a dense"
    " network that all share. What lies far below the rest, such as networks that learn"
    " nothing, is cut off."
)
EARLY = "how early training stops, and"
ON_VALIDATION = f"{EARLY} validation accuracy there"
ON_TEST = f"{EARLY} test accuracy there"
OVER_TIME = "accuracy of tickets at three moments of training"
LENET, CONV = "of LeNet", "of convolutional networks"
VGG, RESNET = "of VGG-19", "of ResNet-18"
CUTS = "Global and layer-by-layer pruning"

SUBJECTS = {
    "figure_9": (f"Resetting and continued training {LENET}", ON_VALIDATION, SHARE),
    "figure_10": (f"Resetting and continued training {CONV}", ON_VALIDATION, SHARE),
    "figure_26": (f"Learning rates {LENET} with Adam", ON_VALIDATION, SHARE),
    "figure_27": (f"Learning rates {LENET} with SGD", ON_VALIDATION, SHARE),
    "figure_28": (f"Learning rates {LENET} with momentum", ON_VALIDATION, SHARE),
    "figure_29": (f"Pruning rates {LENET}", ON_VALIDATION, SHARE),
    "figure_30": (f"Gaussian initial weights {LENET}", ON_VALIDATION, SHARE),
    "figure_31": ("LeNets of several sizes", ON_VALIDATION, WEIGHTS),
    "figure_32": (f"Learning rates {CONV} with Adam", ON_VALIDATION, SHARE),
    "figure_33": (f"Learning rates {CONV} with SGD", ON_VALIDATION, SHARE),
    "figure_34": (f"Learning rates {CONV} with momentum", ON_VALIDATION, SHARE),
    "figure_35": ("Pruning rates of convolutions", ON_VALIDATION, SHARE),
    "figure_36": (f"Learning rates {CONV} with dropout", ON_VALIDATION, SHARE),
    "figure_37": ("Pruning dense layers or convolutions alone", ON_TEST, WEIGHTS),
    "figure_38": (f"{CUTS} {VGG}", f"test {OVER_TIME}", SHARE),
    "figure_39": (f"{CUTS} {RESNET}", f"test {OVER_TIME}", SHARE),
    "figure_40": (f"Layer-by-layer pruning {VGG}", f"test {OVER_TIME}", SHARE),
    "figure_41": (f"Layer-by-layer pruning {RESNET}", f"test {OVER_TIME}", SHARE),
    "figure_42": (f"Learning rates {RESNET}", f"validation {OVER_TIME}", SHARE),
    "figure_43": (f"Learning rates {VGG}", f"validation {OVER_TIME}", SHARE),
    "figure_44": (f"Steps of warmup {RESNET}", f"validation {OVER_TIME}", SHARE),
    "figure_45": (f"Steps of warmup {VGG}", f"validation {OVER_TIME}", SHARE),
}
"""What figures of sweeps are about, what they show, and against what."""


def _swept(name: str) -> Exhibit:
    subject, shown, against = SUBJECTS[name]
    stops = EARLY_STOP if shown.startswith(EARLY) else ""
    return Exhibit(
        partial(sweeps.draw_sweep, name),
        lambda runs: bool(sweeps.selected(name, runs)),
        f"{_number(name)} {subject}: {shown}{against}{stops}{COMMON}",
    )


def _number(name: str) -> str:
    return f"Figure {name.removeprefix('figure_')}."


KINDS = {
    "figure_17": Exhibit(
        bykind.figure_17,
        bykind.shows_resampled,
        "Figure 17. Early stop, and test accuracy there, of tickets, of random reinits"
        " and of reinits drawn, layer by layer, from the initial weights that the"
        f" ticket keeps{SHARE}{EARLY_STOP}{COMMON}",
    ),
    "figure_18": Exhibit(
        bykind.figure_18,
        bykind.shows_criterion,
        "Figure 18. Early stop, and test accuracy there, of tickets, of random reinits"
        " and of networks that keep their initial weights of greatest magnitude"
        f" (pruned before training){SHARE}{EARLY_STOP}{COMMON}",
    ),
    "figure_25": Exhibit(
        bykind.figure_25,
        bykind.shows_noise,
        "Figure 25. Early stop, and test accuracy there, of tickets with Gaussian noise"
        " on their initial weights; sigma is the standard deviation of those of a layer"
        f"{SHARE}{EARLY_STOP}{COMMON}",
    ),
}
APPENDICES = dict(
    sorted(
        (KINDS | {name: _swept(name) for name in SUBJECTS}).items(),
        key=lambda item: int(item[0].removeprefix("figure_")),
    )
)
"""Figures in place of those of the paper's main part, where runs are a sweep."""
LAST_STEP = {
    "figure_14": Exhibit(
        bykind.figure_14,
        bykind.shows_random_masks,
        "Figure 14. Test accuracy at the last step of tickets, of random reinits and of"
        f" networks pruned at random{SHARE}{COMMON}",
    ),
    "figure_12": Exhibit(
        bykind.figure_12,
        bykind.shows_training_accuracy_of_lenet,
        f"Figure 12. Training accuracy {LENET} at the last step{SHARE}{COMMON}",
    ),
    "figure_13": Exhibit(
        bykind.figure_13,
        bykind.shows_training_accuracy_of_conv,
        f"Figure 13. Training accuracy {CONV} at the last step{SHARE}{COMMON}",
    ),
}
"""Figures of appendices D and E, which show runs of the main part."""
