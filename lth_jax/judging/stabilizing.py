"""The second paper, "Stabilizing the Lottery Ticket Hypothesis" (claims B1 to B16).

The numbers of Figures 3 and 10 that the text does not repeat, B3a to B3u, are in
`lth_jax.judging.stability`.
"""

from collections.abc import Iterator

from . import stability
from .deep import FINAL_GAIN, RESNET_HIGH, RESNET_WARM, VGG_HIGH, VGG_WARM
from .lenet import REINIT
from .quantities import FINAL_ACCURACY, Quantity, closeness, gain, lead, stabler, value
from .reductions import at, average, crossing, levels
from .rules import (
    ACCURACY_SLACK,
    COMMENSURATE,
    OFF,
    SHARE,
    Against,
    Bound,
    Claim,
    Condition,
    Measure,
    above,
    at_least,
    at_most,
    below,
    commensurate,
    ends_near,
    need,
)
from .settings import LENET, Setting, rewound
from .stability import CAUSES, LEVEL, RANDOM

FINAL = value(FINAL_ACCURACY)
NETWORKS = (LENET, RESNET_HIGH, VGG_HIGH)
"""At the standard learning rates."""
EARLY = {RESNET_HIGH: 500, VGG_HIGH: 100}
"""Steps to which rewinding is enough, says the text: 1.7 % and 0.1 % of training."""
LATER = {LENET: 1_000, RESNET_HIGH: 2_000, VGG_HIGH: 5_000}
LATEST = {LENET: 25_000, RESNET_HIGH: 20_000, VGG_HIGH: 80_000}
"""Other rewind points of Figure 4. The paper's are in an image only, so these are ours:
the last one within the 7 % of B1, and one with half or less of training left."""
HALF, SMALL = levels(4, 6), levels(1, 22)
"""More than 50 % smaller; and as far as 99 % smaller, which is level 20 to 21."""


def _change(
    setting: Setting, quantity: Quantity, first: int, last: int, bound: Bound
) -> Condition:
    """Return a condition on what is gained at a level by a later rewind point."""
    before, after = (
        Measure(rewound(setting, step), quantity, at(LEVEL[setting]))
        for step in (first, last)
    )
    return Condition(Against(after, before), bound)


def _jump(setting: Setting, cause: str) -> list[Condition]:
    """Return the conditions of "stability comes within the first few steps"."""
    none, early, later = (
        Measure(
            rewound(setting, step), closeness("distance", cause), at(LEVEL[setting])
        )
        for step in (0, EARLY[setting], LATER[setting])
    )
    share = Against(Against(none, early), Against(none, later), divided=True)
    why = f"two thirds of what {LATER[setting]:,} steps bring"
    return [
        Condition(Against(none, early), above(0)),
        Condition(share, at_least(SHARE, why)),
    ]


def _exceeds(setting: Setting) -> list[Condition]:
    """Return the conditions of "above the original from this rewind point on"."""
    around_level = average(levels(LEVEL[setting] - 1, LEVEL[setting] + 1))
    less = below(COMMENSURATE, "less than is commensurate with the dense network")
    return [
        need(rewound(setting, EARLY[setting]), FINAL_GAIN, around_level, above(0)),
        need(setting, FINAL_GAIN, around_level, less),
    ]


def _all_sizes(setting: Setting, last: int) -> list[Condition]:
    """Return the conditions of "rewinding is better, at all sizes"."""
    spans = (levels(1, 3), levels(4, 8), levels(9, 14), levels(15, 20))
    light = at_least(COMMENSURATE, "nothing to mend yet, and nothing lost")
    return [
        Condition(
            Against(
                Measure(rewound(setting, EARLY[setting]), FINAL, average(span)),
                Measure(setting, FINAL, average(span)),
            ),
            light if span.first == 1 else above(0),
            everywhere=span.first > 1,
        )
        for span in spans
        if span.last <= last
    ]


def _declines(setting: Setting) -> Condition:
    """Return the condition of "less accurate at the latest rewind point"."""
    near_level = average(levels(LEVEL[setting] - 2, LEVEL[setting]))
    latest, later = (
        Measure(rewound(setting, steps[setting]), FINAL, near_level)
        for steps in (LATEST, LATER)
    )
    why = "a decline, and not the noise of a mean"
    return Condition(Against(latest, later), below(-ACCURACY_SLACK, why))


def _random_improves(setting: Setting) -> Iterator[Condition]:
    """Yield the conditions of "random subnetworks improve, and stay below tickets"."""
    later, where = rewound(setting, LATER[setting]), at(LEVEL[setting])
    span = 0, LATER[setting]
    for cause in CAUSES:
        random = closeness("distance", cause, RANDOM)
        yield _change(setting, random, *span, below(0, "stabler"))
        yield need(later, stabler("distance", cause, than=RANDOM), where, above(1))
    accuracy = value(FINAL_ACCURACY, RANDOM)
    yield _change(setting, accuracy, *span, above(0))
    yield need(later, lead(FINAL_ACCURACY, "ticket", RANDOM), where, above(0))


def _no_imagenet(id_: str, where: str, quantity: str, paper: str) -> Claim:
    why = "its networks train on ImageNet, which is not among the data sets here"
    return Claim(id_, f"Stabilizing, {where}", quantity, paper, untestable=why)


def _reinits_last() -> Against:
    """Return how many levels later Resnet-18's reinits lose accuracy than VGG-19's."""
    reinits = gain(FINAL_ACCURACY, REINIT)
    last = crossing(levels(1, 7 + OFF + 1), COMMENSURATE)
    return Against(
        Measure(RESNET_WARM, reinits, last), Measure(VGG_WARM, reinits, last)
    )


CLAIMS = (
    Claim(
        "B1",
        "Stabilizing, abstract",
        "VGG-19, Resnet-18: useful rewinding; size of subnetworks that match",
        "to 0.1 % to 7 % of training; 50 % to 99 % smaller",
        [
            *(
                commensurate(
                    rewound(setting, steps[setting]), FINAL_GAIN, average(HALF)
                )
                for steps in (EARLY, LATER)
                for setting in EARLY
            ),
            need(
                rewound(VGG_HIGH, EARLY[VGG_HIGH]),
                FINAL_GAIN,
                crossing(SMALL, COMMENSURATE),
                at_least(20 - OFF, f"99 % smaller is level 20, less {OFF}"),
            ),
        ],
        remark="The range is over all networks of the paper, of which those on ImageNet"
        " are not here; steps 100 of VGG-19 and 2,000 of Resnet-18 are its ends.",
    ),
    _no_imagenet(
        "B2",
        "abstract, section 1",
        "Resnet-50: subnetwork without loss of accuracy",
        "80 % smaller, rewound to epoch 6 of 90",
    ),
    Claim(
        "B3",
        "Stabilizing, section 2, figure 3",
        "Lenet, level 10: stability in L2 distance, ratio of random to ticket",
        "data order 2.8x; pruning 1.6x",
        stability.ratios(LENET, ("distance",)),
    ),
    *stability.CLAIMS,
    Claim(
        "B4",
        "Stabilizing, section 3",
        "VGG-19, Resnet-18: rewinding after which tickets are stable",
        "they become stable within the first 100 and 500 steps",
        [
            c
            for s in (VGG_HIGH, RESNET_HIGH)
            for cause in CAUSES
            for c in _jump(s, cause)
        ],
    ),
    Claim(
        "B5",
        "Stabilizing, section 4",
        "Resnet-18, VGG-19: rewinding whose tickets exceed the original's accuracy",
        "to step 500; to step 100 (not to 0)",
        [*_exceeds(RESNET_HIGH), *_exceeds(VGG_HIGH)],
    ),
    Claim(
        "B6",
        "Stabilizing, section 4, figure 5",
        "Resnet-18, VGG-19: rewinding to 500 and 100 against 0",
        "tickets train better at all sizes, at the standard learning rate",
        [*_all_sizes(RESNET_HIGH, 14), *_all_sizes(VGG_HIGH, 20)],
    ),
    Claim(
        "B7",
        "Stabilizing, section 4",
        "Lenet, Resnet-18, VGG-19: the latest rewind points",
        "accuracy of tickets declines: too little training is left",
        [_declines(setting) for setting in NETWORKS],
    ),
    Claim(
        "B8",
        "Stabilizing, section 4",
        "Lenet, Resnet-18, VGG-19: random subnetworks, rewound later",
        "stability and accuracy improve, but stay below those of tickets",
        [condition for each in NETWORKS for condition in _random_improves(each)],
    ),
    _no_imagenet(
        "B9",
        "section 5",
        "Resnet-50, Inception-v3, Squeezenet: matching one-shot subnetworks",
        "70 %, 70 %, 50 % pruned, rewound to 4.4 %, 3.5 %, 6.6 % of training",
    ),
    _no_imagenet(
        "B10",
        "section 5",
        "Resnet-50, Inception-v3, Squeezenet: rewinding that reaches the original",
        "to epochs 4 of 90, 6 of 171, 10 of 150",
    ),
    _no_imagenet(
        "B11",
        "section 5",
        "Resnet-50, Inception-v3, Squeezenet: rewinding to 0",
        "no better than random subnetworks",
    ),
    _no_imagenet(
        "B12",
        "section 5, figure 8",
        "Resnet-50, iterative, rewound to epoch 6",
        "matches with 20 % of the weights; reset to 0 or reinit only lose accuracy",
    ),
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
        "Resnet-18 with warmup: reinits against those of VGG-19",
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
