"""Sections 3 and 4 of the paper: rewinding to later steps (claims B4 to B8)."""

from collections.abc import Iterator

from ....judging.quantities import (
    CAUSES,
    FINAL_ACCURACY,
    Quantity,
    closeness,
    gain,
    lead,
    stabler,
    value,
)
from ....judging.reductions import at, average, levels
from ....judging.rules import (
    ACCURACY_SLACK,
    COMMENSURATE,
    SHARE,
    Against,
    Bound,
    Claim,
    Condition,
    Statistic,
    above,
    at_least,
    below,
    need,
)
from ....judging.settings import Setting
from ..settings import (
    EARLY,
    LATER,
    LATEST,
    LEVEL,
    NETWORKS,
    RANDOM,
    RESNET_HIGH,
    VGG_HIGH,
)

FINAL, FINAL_GAIN = value(FINAL_ACCURACY), gain(FINAL_ACCURACY)


def _change(
    setting: Setting, quantity: Quantity, first: int, last: int, bound: Bound
) -> Condition:
    """Return a condition on what is gained at a level by a later rewind point."""
    before, after = (
        Statistic(setting.rewound(step), quantity, at(LEVEL[setting]))
        for step in (first, last)
    )
    return Condition(Against(after, before), bound)


def _jump(setting: Setting, cause: str) -> list[Condition]:
    """Return the conditions of "stability comes within the first few steps"."""
    none, early, later = (
        Statistic(
            setting.rewound(step), closeness("distance", cause), at(LEVEL[setting])
        )
        for step in (0, EARLY[setting], LATER[setting])
    )
    brought = Against(Against(none, early), Against(none, later), weight=SHARE)
    why = f"two thirds of what {LATER[setting]:,} steps bring"
    return [
        Condition(Against(none, early), above(0)),
        Condition(brought, at_least(0, why)),
    ]


def _exceeds(setting: Setting) -> list[Condition]:
    """Return the conditions of "above the original from this rewind point on"."""
    around_level = average(levels(LEVEL[setting] - 1, LEVEL[setting] + 1))
    less = below(COMMENSURATE, "less than is commensurate with the dense network")
    return [
        need(setting.rewound(EARLY[setting]), FINAL_GAIN, around_level, above(0)),
        need(setting, FINAL_GAIN, around_level, less),
    ]


def _all_sizes(setting: Setting, last: int) -> list[Condition]:
    """Return the conditions of "rewinding is better, at all sizes"."""
    spans = (levels(1, 3), levels(4, 8), levels(9, 14), levels(15, 20))
    light = at_least(COMMENSURATE, "nothing to mend yet, and nothing lost")
    return [
        Condition(
            Against(
                Statistic(setting.rewound(EARLY[setting]), FINAL, average(span)),
                Statistic(setting, FINAL, average(span)),
            ),
            light if span.first == 1 else above(0),
        )
        for span in spans
        if span.last <= last
    ]


def _declines(setting: Setting) -> Condition:
    """Return the condition of "less accurate at the latest rewind point"."""
    near_level = average(levels(LEVEL[setting] - 2, LEVEL[setting]))
    latest, later = (
        Statistic(setting.rewound(steps[setting]), FINAL, near_level)
        for steps in (LATEST, LATER)
    )
    why = "a decline, and not the noise of a mean"
    return Condition(Against(latest, later), below(-ACCURACY_SLACK, why))


def _random_improves(setting: Setting) -> Iterator[Condition]:
    """Yield the conditions of "random subnetworks improve, and stay below tickets"."""
    later, where = setting.rewound(LATER[setting]), at(LEVEL[setting])
    span = 0, LATER[setting]
    for cause in CAUSES:
        random = closeness("distance", cause, RANDOM)
        yield _change(setting, random, *span, below(0, "stabler"))
        yield need(later, stabler("distance", cause, than=RANDOM), where, above(1))
    accuracy = value(FINAL_ACCURACY, RANDOM)
    yield _change(setting, accuracy, *span, above(0))
    yield need(later, lead(FINAL_ACCURACY, "ticket", RANDOM), where, above(0))


CLAIMS = (
    Claim(
        "B4",
        "Stabilizing, section 3",
        "VGG-19, ResNet-18: rewinding after which tickets are stable",
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
        "ResNet-18, VGG-19: rewinding whose tickets exceed the original's accuracy",
        "to step 500; to step 100 (not to 0)",
        [*_exceeds(RESNET_HIGH), *_exceeds(VGG_HIGH)],
    ),
    Claim(
        "B6",
        "Stabilizing, section 4, figure 5",
        "ResNet-18, VGG-19: rewinding to 500 and 100 against 0",
        "tickets train better at all sizes, at the standard learning rate",
        [*_all_sizes(RESNET_HIGH, 14), *_all_sizes(VGG_HIGH, 20)],
    ),
    Claim(
        "B7",
        "Stabilizing, section 4",
        "LeNet, ResNet-18, VGG-19: the latest rewind points",
        "accuracy of tickets declines: too little training is left",
        [_declines(setting) for setting in NETWORKS],
    ),
    Claim(
        "B8",
        "Stabilizing, section 4",
        "LeNet, ResNet-18, VGG-19: random subnetworks, rewound later",
        "stability and accuracy improve, but stay below those of tickets",
        [condition for each in NETWORKS for condition in _random_improves(each)],
    ),
)
