"""All claims of the papers, in order, with the rules that judge them."""

from . import (
    appendix_conv,
    appendix_lenet,
    appendix_tickets,
    conv,
    deep,
    lenet,
    stabilizing,
)
from .deep import FINAL_GAIN, FINAL_LEAD, RESNET_WARM, VGG_WARM
from .quantities import gain, speedup, value
from .reductions import Reduction, at, average, crossing, levels
from .rules import (
    Against,
    Claim,
    Condition,
    Extreme,
    Measure,
    above,
    at_least,
    at_most,
    below,
    commensurate,
    near_level,
    need,
)
from .settings import (
    CONV2,
    CONV4,
    CONV6,
    LENET,
    RESNET18,
    VGG19,
    Setting,
    layerwise,
    warmed,
)

BELOW_A_FIFTH = {LENET: 8, CONV2: 8, CONV4: 8, CONV6: 9, RESNET_WARM: 8, VGG_WARM: 8}
"""The first level with less than 20 % of the weights."""
FINAL_VALIDATION = value("val_accuracy_final")
SMALL = levels(4, 10)
REACHED = {"vgg19": levels(1, 22), "resnet18": levels(1, 14)}
"""The sizes of figures 38 and 39: to below 1 % of VGG-19, to 4 % of Resnet-18."""


def _small_tickets(setting: Setting, level: int) -> list[Condition]:
    """Return the conditions of a winning ticket at a level."""
    if not setting.cadence:
        return [commensurate(setting, FINAL_GAIN, at(level))]
    return [
        commensurate(setting, gain(), at(level)),
        need(setting, speedup(), at(level), at_least(1)),
    ]


def _smallest(setting: Setting) -> Measure:
    """Return the last level at which final accuracy is that of the dense network."""
    reached = REACHED[setting.config.model.name]
    return Measure(setting, gain("val_accuracy_final"), crossing(reached))


def _diminishing(setting: Setting, rate: float, longest: int) -> list[Condition]:
    """Return the conditions of A80 for a network."""
    none, some, most = (
        Measure(warmed(setting, rate, warmup), FINAL_VALIDATION, average(SMALL))
        for warmup in (0, 5_000, longest)
    )
    rapid, slow = Against(some, none), Against(most, some)
    return [
        Condition(rapid, above(0)),
        Condition(Against(rapid, slow), above(0)),
    ]


def _leads(setting: Setting, reduction: Reduction) -> Condition:
    """Return the condition that no learning rate without warmup finds tickets."""
    settings = (warmed(setting, rate) for rate in (0.02, 0.03, 0.05, 0.1))
    measures = tuple(Measure(each, FINAL_LEAD, reduction) for each in settings)
    why = "tickets are no better than reinits"
    return Condition(Extreme(measures, largest=True), at_most(deep.NO_LEAD, why))


_ABSTRACT = (
    Claim(
        "A1",
        "abstract, section 1",
        "all networks: size of winning tickets",
        "less than 10 to 20 % of the original",
        [
            condition
            for setting, level in BELOW_A_FIFTH.items()
            for condition in _small_tickets(setting, level)
        ],
    ),
    Claim(
        "A2",
        "figure 3",
        "Lenet: the curves that are shown",
        "P_m 100, 51.3, 21.1, 7.0, 3.6, 1.9 and two reinits",
        untestable="it says what a figure shows, and states no result",
    ),
)
_APPENDIX_I = (
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
        "Resnet-18: global against layer-wise pruning",
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
        "VGG-19, Resnet-18: learning rates above 0.01 without warmup",
        "no winning tickets",
        [_leads(VGG19, average(deep.PRUNED)), _leads(RESNET18, average(deep.PRUNED))],
    ),
    Claim(
        "A80",
        "appendix I.5, figures 44 and 45",
        "VGG-19, Resnet-18: warmup",
        "accuracy rises rapidly up to 5,000 steps, little above",
        [*_diminishing(VGG19, 0.1, 50_000), *_diminishing(RESNET18, 0.03, 20_000)],
    ),
)
_COST = (
    Claim(
        "A81",
        "appendix G.1",
        "Lenet: networks trained for appendix G",
        "more than 3,000",
        untestable="it says how many networks the authors trained; the experiments"
        " lth_figure_26 to 31 train 3,219",
    ),
)

CLAIMS: tuple[Claim, ...] = (
    *_ABSTRACT,
    *lenet.CLAIMS,
    *conv.CLAIMS,
    *deep.CLAIMS,
    *appendix_tickets.CLAIMS,
    *appendix_lenet.CLAIMS,
    *appendix_conv.CLAIMS,
    *_APPENDIX_I,
    *_COST,
    *stabilizing.CLAIMS,
)
"""A1 to A81 of the first paper, B1 to B16 of the second; some in several parts."""
