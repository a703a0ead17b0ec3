"""The abstract and section 1 of the paper (claims B1 and B2)."""

from ....judging.reductions import average, crossing, levels
from ....judging.rules import COMMENSURATE, OFF, Claim, at_least, commensurate, need
from ..settings import EARLY, LATER, VGG_HIGH
from .imagenet import no_imagenet
from .rewinding import FINAL_GAIN

HALF, SMALL = levels(4, 6), levels(1, 22)
"""More than 50 % smaller; and as far as 99 % smaller, which is level 20 to 21."""

CLAIMS = (
    Claim(
        "B1",
        "Stabilizing, abstract",
        "VGG-19, ResNet-18: useful rewinding; size of subnetworks that match",
        "to 0.1 % to 7 % of training; 50 % to 99 % smaller",
        [
            *(
                commensurate(setting.rewound(steps[setting]), FINAL_GAIN, average(HALF))
                for steps in (EARLY, LATER)
                for setting in EARLY
            ),
            need(
                VGG_HIGH.rewound(EARLY[VGG_HIGH]),
                FINAL_GAIN,
                crossing(SMALL, COMMENSURATE),
                at_least(20 - OFF, f"99 % smaller is level 20, less {OFF}"),
            ),
        ],
        remark="The range is over all networks of the paper, of which those on ImageNet"
        " are not here; steps 100 of VGG-19 and 2,000 of ResNet-18 are its ends.",
    ),
    no_imagenet(
        "B2",
        "abstract, section 1",
        "ResNet-50: subnetwork without loss of accuracy",
        "80 % smaller, rewound to epoch 6 of 90",
    ),
)
