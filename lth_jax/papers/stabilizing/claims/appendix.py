"""Appendix A of the paper: reinits, SNIP, and sizes (claims B13 to B16)."""

from ....judging.quantities import FINAL_ACCURACY, gain
from ....judging.reductions import crossing, levels
from ....judging.rules import (
    COMMENSURATE,
    OFF,
    Against,
    Claim,
    Condition,
    Statistic,
    at_most,
    ends_near,
)
from ...lottery.settings import REINIT
from ..settings import RESNET_WARM, VGG_WARM
from .rewinding import FINAL_GAIN


def _reinits_last() -> Against:
    """Return how many levels later ResNet-18's reinits lose accuracy than VGG-19's."""
    reinits = gain(FINAL_ACCURACY, REINIT)
    last = crossing(levels(1, 7 + OFF + 1), COMMENSURATE)
    return Against(
        Statistic(RESNET_WARM, reinits, last), Statistic(VGG_WARM, reinits, last)
    )


CLAIMS = (
    Claim(
        "B13",
        "Stabilizing, appendix A, figure 9",
        "VGG-19 with warmup: sizes down to which reinits, tickets match the original",
        "up to 80 % (level 7), up to 99 % pruned (level 20); SNIP in between",
        [
            ends_near(VGG_WARM, gain(FINAL_ACCURACY, REINIT), 7, COMMENSURATE),
            ends_near(VGG_WARM, FINAL_GAIN, 20, COMMENSURATE),
        ],
        remark="SNIP is not judged yet: it waits for the study of pruning before"
        " training.",
    ),
    Claim(
        "B14",
        "Stabilizing, appendix A",
        "ResNet-18 with warmup: reinits against those of VGG-19",
        "lose accuracy at much larger sizes; the network has 75 times fewer weights",
        [
            Condition(
                _reinits_last(),
                at_most(-OFF, f"{OFF} levels sooner, a factor 2 in density"),
            )
        ],
    ),
    Claim(
        "B15",
        "Stabilizing, appendix A",
        "VGG-19: sizes that others have studied",
        "up to 95 % pruned; in the first paper, upwards of 99.5 %",
        untestable="it says what others have studied, and states no result",
    ),
    Claim(
        "B16",
        "Stabilizing, appendix A",
        "SNIP: how it prunes",
        "by the gradient of a factor 1 on every weight, on one mini-batch",
        untestable="it says how a method works, and states no result",
    ),
)
