"""Section 5 of the paper: networks on ImageNet (claims B9 to B12)."""

from ....judging.rules import Claim


def no_imagenet(id_: str, where: str, quantity: str, paper: str) -> Claim:
    """Return a claim that no run can test."""
    why = "its networks train on ImageNet, which is not among the data sets here"
    return Claim(id_, f"Stabilizing, {where}", quantity, paper, untestable=why)


CLAIMS = (
    no_imagenet(
        "B9",
        "section 5",
        "ResNet-50, Inception-v3, SqueezeNet: matching one-shot subnetworks",
        "70 %, 70 %, 50 % pruned, rewound to 4.4 %, 3.5 %, 6.6 % of training",
    ),
    no_imagenet(
        "B10",
        "section 5",
        "ResNet-50, Inception-v3, SqueezeNet: rewinding that reaches the original",
        "to epochs 4 of 90, 6 of 171, 10 of 150",
    ),
    no_imagenet(
        "B11",
        "section 5",
        "ResNet-50, Inception-v3, SqueezeNet: rewinding to 0",
        "no better than random subnetworks",
    ),
    no_imagenet(
        "B12",
        "section 5, figure 8",
        "ResNet-50, iterative, rewound to epoch 6",
        "matches with 20 % of the weights; reset to 0 or reinit only lose accuracy",
    ),
)
