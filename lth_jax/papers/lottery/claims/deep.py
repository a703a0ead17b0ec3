"""Sections 4 and 5 of the paper: VGG-19 and ResNet-18 (claims A30 to A40)."""

from ....judging.quantities import FINAL_ACCURACY, gain, lead, value
from ....judging.reductions import at, average, greatest, least, levels
from ....judging.rules import (
    ACCURACY_SLACK,
    COMMENSURATE,
    NO_LEAD,
    Against,
    Claim,
    Condition,
    Statistic,
    above,
    around,
    at_least,
    below,
    commensurate,
    ends_near,
    near,
    need,
    throughout,
)
from ....judging.settings import Setting
from ..settings import (
    REINIT,
    RESNET18,
    RESNET_HIGH,
    RESNET_LOW,
    RESNET_WARM,
    VGG_HIGH,
    VGG_LOW,
    VGG_WARM,
    warmed,
)

WARMUPS = (500, 1_000, 5_000, 10_000, 20_000)
"""Of appendix I.5."""
PRUNED = levels(4, 12)
"""From about 40 % to 7 % of the weights: where tickets and reinits part."""
FINAL_GAIN, FINAL_LEAD = gain(FINAL_ACCURACY), lead(FINAL_ACCURACY)
HALF = 0.5
"""Points by which the two accuracies may be missed that differ by 1."""
ONE_POINT = -1 - ACCURACY_SLACK
"""What may be lost "within 1 point": a point, and the noise of a mean."""


def no_tickets(setting: Setting) -> list[Condition]:
    """Return the conditions of "no winning tickets, no better than reinits"."""
    no_better = near(0, NO_LEAD, "tickets are no better than reinits")
    no_match = below(COMMENSURATE, "less than is commensurate with the dense network")
    return [
        need(setting, FINAL_LEAD, average(PRUNED), no_better),
        need(setting, FINAL_GAIN, average(PRUNED), no_match),
    ]


def _learns_early(setting: Setting, step: int) -> list[Condition]:
    """Return the conditions of "ahead at an early step, less so at the end"."""
    early = Statistic(setting, gain(f"accuracy@{step}"), average(PRUNED))
    final = Statistic(setting, FINAL_GAIN, average(PRUNED))
    return [Condition(early, above(0)), Condition(Against(early, final), above(0))]


CLAIMS = (
    Claim(
        "A30",
        "section 4, figure 7",
        "VGG-19, learning rate 0.1: winning tickets",
        "none; tickets are no better than reinits",
        no_tickets(VGG_HIGH),
    ),
    Claim(
        "A31",
        "section 4",
        "VGG-19, learning rate 0.01: tickets against the original",
        "within 1 point while P_m >= 3.5 %, but below it",
        [
            need(
                VGG_LOW,
                FINAL_GAIN,
                least(levels(1, 15)),
                at_least(ONE_POINT, "1 point, and the noise of a mean"),
            ),
            ends_near(VGG_LOW, FINAL_GAIN, 15, ONE_POINT),
            need(VGG_LOW, FINAL_GAIN, average(levels(1, 15)), below(0)),
        ],
    ),
    Claim(
        "A32",
        "section 4",
        "VGG-19, learning rate 0.1: gain of the dense network by 10,000 warmup steps",
        "about +1 point",
        [
            Condition(
                Against(
                    Statistic(VGG_WARM, value(FINAL_ACCURACY), at(0)),
                    Statistic(VGG_HIGH, value(FINAL_ACCURACY), at(0)),
                ),
                near(1, 0.5, "the paper's 1 give or take a half"),
            )
        ],
    ),
    Claim(
        "A33",
        "sections 4 and 5",
        "VGG-19, learning rate 0.1, warmup 10,000: accuracy against the original",
        "higher while P_m >= 1.5 %",
        [
            *throughout(VGG_WARM, FINAL_GAIN, levels(1, 19)),
            ends_near(VGG_WARM, FINAL_GAIN, 19),
        ],
    ),
    Claim(
        "A34",
        "section 5",
        "VGG-19, warmup: reinits against the original",
        "as accurate when pruned by up to 80 % (level 7)",
        [
            commensurate(VGG_WARM, gain(FINAL_ACCURACY, REINIT), least(levels(1, 7))),
            ends_near(VGG_WARM, gain(FINAL_ACCURACY, REINIT), 7, COMMENSURATE),
        ],
    ),
    Claim(
        "A35",
        "section 4, figure 8",
        "ResNet-18, learning rate 0.1: winning tickets; accuracy of the original",
        "none; 90.5 %",
        [
            *no_tickets(RESNET_HIGH),
            around(RESNET_HIGH, value(FINAL_ACCURACY), at(0), 90.5),
        ],
    ),
    Claim(
        "A36",
        "section 4",
        "ResNet-18, learning rate 0.01: best accuracy of tickets, 41.7 to 21.9 %",
        "89.5 %",
        [around(RESNET_LOW, value(FINAL_ACCURACY), greatest(levels(4, 7)), 89.5, HALF)],
        alike="it states an accuracy",
    ),
    Claim(
        "A37",
        "section 4",
        "ResNet-18, learning rate 0.03, warmup 20,000: accuracy at 27.1 %",
        "90.5 %",
        [
            around(RESNET_WARM, value(FINAL_ACCURACY), at(6), 90.5, HALF),
            Condition(
                Against(
                    Statistic(RESNET_WARM, value(FINAL_ACCURACY), at(6)),
                    Statistic(
                        RESNET_LOW, value(FINAL_ACCURACY), greatest(levels(4, 7))
                    ),
                ),
                at_least(HALF, "half of the paper's 1 point more than at 0.01", 1),
            ),
        ],
    ),
    Claim(
        "A38",
        "section 4",
        "ResNet-18, learning rate 0.03, warmup 20,000: winning tickets",
        "while P_m >= 11.8 % (level 10)",
        [
            commensurate(RESNET_WARM, FINAL_GAIN, least(levels(1, 10))),
            ends_near(RESNET_WARM, FINAL_GAIN, 10, COMMENSURATE),
            need(RESNET_WARM, FINAL_LEAD, average(levels(1, 10)), above(0)),
        ],
    ),
    Claim(
        "A39",
        "section 4",
        "ResNet-18, learning rate 0.1 with warmup: winning tickets",
        "none, whatever the warmup",
        [
            condition
            for warmup in WARMUPS
            for condition in no_tickets(warmed(RESNET18, 0.1, warmup))
        ],
    ),
    Claim(
        "A40",
        "section 4",
        "VGG-19, ResNet-18, learning rate 0.01: tickets early (steps 30,000, 10,000)",
        "ahead of the original early; the advantage erodes later",
        [*_learns_early(VGG_LOW, 30_000), *_learns_early(RESNET_LOW, 10_000)],
    ),
)
