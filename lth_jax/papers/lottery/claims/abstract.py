"""The abstract and section 1 of the paper (claim A1)."""

from ....judging.quantities import gain, speedup
from ....judging.reductions import at
from ....judging.rules import Claim, Condition, at_least, commensurate, need
from ....judging.settings import Setting
from ..settings import CONV2, CONV4, CONV6, LENET, RESNET_WARM, VGG_WARM
from .deep import FINAL_GAIN

BELOW_A_FIFTH = {LENET: 8, CONV2: 8, CONV4: 8, CONV6: 9, RESNET_WARM: 8, VGG_WARM: 8}
"""The first level with less than 20 % of the weights."""


def _small_tickets(setting: Setting, level: int) -> list[Condition]:
    """Return the conditions of a winning ticket at a level."""
    if not setting.cadence:
        return [commensurate(setting, FINAL_GAIN, at(level))]
    return [
        commensurate(setting, gain(), at(level)),
        need(setting, speedup(), at(level), at_least(1)),
    ]


CLAIMS = (
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
)
