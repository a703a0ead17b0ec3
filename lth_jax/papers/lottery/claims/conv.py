"""Section 3 of the paper: Conv-2, Conv-4, Conv-6 on CIFAR-10 (claims A17 to A29)."""

import itertools
import math

from ....judging.quantities import (
    ES_ACCURACY,
    FINAL_ACCURACY,
    TRAIN_ACCURACY,
    gain,
    slowdown,
    speedup,
    value,
)
from ....judging.reductions import at, average, greatest, least, levels
from ....judging.rules import (
    FULL,
    Against,
    Claim,
    Condition,
    Statistic,
    above,
    at_least,
    below,
    best_at,
    commensurate,
    most_of,
    need,
    rising,
    throughout,
)
from ....judging.settings import Setting
from ....judging.units import points
from ..settings import (
    CONV2,
    CONV4,
    CONV6,
    DROPOUT2,
    DROPOUT4,
    DROPOUT6,
    REINIT,
)

ABOVE_2_PERCENT = {CONV2: levels(1, 17), CONV4: levels(1, 20), CONV6: levels(1, 21)}
"""The levels with more than 2 % of the weights."""
WHOLE = levels(1, 18)
MODERATE = levels(1, 6)
"""Down to about 30 % of the weights."""
SOME = levels(3, 12)
"""From about half to a tenth of the weights, where the best of all are."""


def conv_share(depth: int) -> float:
    """Return which percentage of the weights of Conv-2, 4 or 6 is convolutional.

    Example:
        >>> f"{conv_share(2):.1f}"
        '0.9'
    """
    from ....models.convnets import CONV_WIDTHS

    widths = CONV_WIDTHS[depth]
    inputs = (3, *widths[:-1])
    conv = sum(9 * (a * b + b * b) for a, b in zip(inputs, widths, strict=True))
    side = 32 // 2 ** len(widths)
    sizes = (side * side * widths[-1], 256, 256, 10)
    dense = sum(map(math.prod, itertools.pairwise(sizes)))
    return 100 * conv / (conv + dense)


def _best(
    id_: str, setting: Setting, what: str, claimed: float, level: int, share: str
) -> Claim:
    """Return a claim of figure 5: the best speedup or gain, and where it is."""
    text, quantity = {
        "early stop": (f"{claimed:g}x earlier", speedup()),
        "accuracy": (f"{claimed:+g} points", gain()),
    }[what]
    return Claim(
        id_,
        "section 3, figure 5",
        f"{setting.name}: best {what} against the original",
        f"{text}, at {share} % of the weights (level {level})",
        best_at(setting, quantity, claimed, at(level), WHOLE),
    )


def _less(first: Statistic, second: Statistic) -> Condition:
    return Condition(Against(first, second), below(0))


CLAIMS = (
    _best("A17", CONV2, "early stop", 3.5, 11, "8.8"),
    _best("A18", CONV4, "early stop", 3.5, 12, "9.2"),
    _best("A19", CONV6, "early stop", 2.5, 10, "15.1"),
    _best("A20", CONV2, "accuracy", 3.4, 14, "4.6"),
    _best("A21", CONV4, "accuracy", 3.5, 11, "11.1"),
    _best("A22", CONV6, "accuracy", 3.3, 7, "26.4"),
    Claim(
        "A23",
        "section 3",
        "Conv-2/4/6: accuracy against the original",
        "higher while more than 2 % of the weights remain",
        [
            condition
            for setting, span in ABOVE_2_PERCENT.items()
            for condition in throughout(setting, gain(), span)
        ],
    ),
    Claim(
        "A24",
        "section 3, figure 13",
        "Conv-2/4/6: training and test accuracy at the last step",
        "training accuracy 100 % while P_m >= 2 %; tickets keep higher test accuracy",
        [
            condition
            for setting, span in ABOVE_2_PERCENT.items()
            for condition in (
                need(setting, value(TRAIN_ACCURACY), least(span), at_least(FULL)),
                need(setting, gain(FINAL_ACCURACY), average(span), above(0)),
            )
        ],
    ),
    Claim(
        "A25",
        "section 3",
        "Conv-2/4: reinits under moderate pruning",
        "accuracy steady, even improving (not for Conv-6, LeNet); early stop later",
        [
            *(
                commensurate(setting, gain(kind=REINIT), average(MODERATE))
                for setting in (CONV2, CONV4)
            ),
            need(CONV6, gain(kind=REINIT), average(MODERATE), below(0)),
            *(
                condition
                for setting in (CONV2, CONV4)
                for condition in rising(
                    setting, slowdown(REINIT, "dense"), levels(1, 12), 0.7
                )
            ),
        ],
    ),
    Claim(
        "A26",
        "section 3",
        "Conv-2, Conv-6: convolutional share of the weights",
        "less than 1 %; nearly two thirds",
        untestable="it counts weights, and the paper's numbers do not agree: of its"
        f" layers {conv_share(2):.2f} % and {conv_share(6):.1f} % are convolutional,"
        " but the 1.7 million weights that it gives Conv-6 are not those of its layers"
        " (2,261,184)",
    ),
    Claim(
        "A27",
        "section 3, figure 6",
        "Conv-2/4/6: gain of the dense network's accuracy by dropout",
        "+2.1, +3.0, +2.4 points",
        [
            Condition(
                Against(
                    Statistic(with_dropout, value(ES_ACCURACY), at(0)),
                    Statistic(without, value(ES_ACCURACY), at(0)),
                ),
                most_of(claimed, points),
            )
            for with_dropout, without, claimed in (
                (DROPOUT2, CONV2, 2.1),
                (DROPOUT4, CONV4, 3.0),
                (DROPOUT6, CONV6, 2.4),
            )
        ],
    ),
    Claim(
        "A28",
        "section 3, figure 6",
        "Conv-2/4/6 with dropout: further gain by iterative pruning",
        "up to +2.3, +4.6, +4.7 points",
        [
            need(setting, gain(), greatest(WHOLE), most_of(claimed, points))
            for setting, claimed in ((DROPOUT2, 2.3), (DROPOUT4, 4.6), (DROPOUT6, 4.7))
        ],
    ),
    Claim(
        "A29",
        "section 3",
        "Conv-2/4/6 with dropout: early stop with pruning",
        "earlier, less dramatically for Conv-2",
        [
            *(
                Condition(Statistic(setting, speedup(), average(SOME)), above(1))
                for setting in (DROPOUT2, DROPOUT4, DROPOUT6)
            ),
            *(
                _less(
                    Statistic(DROPOUT2, speedup(), average(SOME)),
                    Statistic(setting, speedup(), average(SOME)),
                )
                for setting in (DROPOUT4, DROPOUT6)
            ),
        ],
    ),
)
