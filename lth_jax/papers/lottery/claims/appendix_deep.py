"""Appendix I of the paper: VGG-19 and ResNet-18 (claims A77 to A80)."""

from ....judging.quantities import gain, value
from ....judging.reductions import average, crossing, levels
from ....judging.rules import (
    COMMENSURATE,
    NO_LEAD,
    Against,
    Claim,
    Condition,
    Extreme,
    Statistic,
    above,
    at_least,
    at_most,
    below,
    near_level,
)
from ....judging.settings import Setting
from ..settings import (
    RESNET18,
    RESNET_WARM,
    VGG19,
    VGG_WARM,
    layerwise,
    warmed,
)
from .deep import FINAL_GAIN, FINAL_LEAD, PRUNED

FINAL_VALIDATION = value("val_accuracy_final")
SMALL = levels(4, 10)
RAPID = 0.5
"""Points that 5,000 steps of warmup gain."""
REACHED = {"vgg19": levels(1, 22), "resnet18": levels(1, 14)}
"""The sizes of figures 38 and 39: to below 1 % of VGG-19, to 4 % of ResNet-18."""


def _smallest(setting: Setting) -> Statistic:
    """Return the last level at which final accuracy is that of the dense network."""
    reached = REACHED[setting.config.model.name]
    return Statistic(setting, gain("val_accuracy_final"), crossing(reached))


def _diminishing(setting: Setting, rate: float, longest: int) -> list[Condition]:
    """Return the conditions of A80 for a network."""
    none, some, most = (
        Statistic(warmed(setting, rate, warmup), FINAL_VALIDATION, average(SMALL))
        for warmup in (0, 5_000, longest)
    )
    rapid, slow = Against(some, none), Against(most, some)
    return [
        Condition(rapid, at_least(RAPID, "rapidly")),
        Condition(Against(rapid, slow, weight=2), at_least(0, "little: half of it")),
    ]


def _no_tickets(setting: Setting) -> list[Condition]:
    """Return the conditions that no learning rate without warmup finds tickets."""
    settings = [warmed(setting, rate) for rate in (0.02, 0.03, 0.05, 0.1)]
    lead, gain = (
        Extreme(
            tuple(Statistic(each, quantity, average(PRUNED)) for each in settings),
            largest=True,
        )
        for quantity in (FINAL_LEAD, FINAL_GAIN)
    )
    no_match = below(COMMENSURATE, "less than is commensurate with the dense network")
    return [
        Condition(lead, at_most(NO_LEAD, "tickets are no better than reinits")),
        Condition(gain, no_match),
    ]


CLAIMS = (
    Claim(
        "A77",
        "appendix I.1, figure 38",
        "VGG-19, learning rate 0.1, warmup 10,000: smallest winning tickets",
        "layer-wise: 6.9 % (level 12); global: 1.5 % (level 19)",
        [
            Condition(_smallest(layerwise(VGG_WARM)), near_level(12)),
            Condition(_smallest(VGG_WARM), near_level(19)),
        ],
    ),
    Claim(
        "A78",
        "appendix I.1, figure 39",
        "ResNet-18: global against layer-wise pruning",
        "global: smaller tickets; less extreme than for VGG-19",
        [
            Condition(
                Against(_smallest(RESNET_WARM), _smallest(layerwise(RESNET_WARM))),
                above(0),
            ),
            Condition(
                Against(
                    Against(_smallest(RESNET_WARM), _smallest(layerwise(RESNET_WARM))),
                    Against(_smallest(VGG_WARM), _smallest(layerwise(VGG_WARM))),
                ),
                below(0),
            ),
        ],
    ),
    Claim(
        "A79",
        "appendix I.4, figures 42 and 43",
        "VGG-19, ResNet-18: learning rates above 0.01 without warmup",
        "no winning tickets",
        [*_no_tickets(VGG19), *_no_tickets(RESNET18)],
    ),
    Claim(
        "A80",
        "appendix I.5, figures 44 and 45",
        "VGG-19, ResNet-18: warmup",
        "accuracy rises rapidly up to 5,000 steps, little above",
        [*_diminishing(VGG19, 0.1, 50_000), *_diminishing(RESNET18, 0.03, 20_000)],
    ),
)
