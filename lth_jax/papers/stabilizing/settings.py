"""The networks of the paper, which are those of the first, and its rewind points."""

from ..lottery.settings import (
    LENET,
    RESNET_HIGH,
    RESNET_LOW,
    RESNET_WARM,
    VGG_HIGH,
    VGG_LOW,
    VGG_WARM,
)

RANDOM = "shuffle_mask"
"""Kind of the paper's random subnetworks."""
NETWORKS = (LENET, RESNET_HIGH, VGG_HIGH)
"""At the standard learning rates."""
LEVEL = {
    LENET: 10,
    RESNET_HIGH: 8,
    RESNET_LOW: 8,
    RESNET_WARM: 8,
    VGG_HIGH: 17,
    VGG_LOW: 17,
    VGG_WARM: 17,
}
"""Where stability is measured: 10.7 %, 16.7 % and 2.2 % of the weights."""
EARLY = {RESNET_HIGH: 500, VGG_HIGH: 100}
"""Steps to which rewinding is enough, says the text: 1.7 % and 0.1 % of training."""
LATER = {LENET: 1_000, RESNET_HIGH: 2_000, VGG_HIGH: 5_000}
LATEST = {LENET: 25_000, RESNET_HIGH: 20_000, VGG_HIGH: 80_000}
"""Other rewind points of Figure 4. The paper's are in an image only, so these are ours:
the last one within the 7 % of B1, and one with half or less of training left."""
