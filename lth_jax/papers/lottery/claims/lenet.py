"""Section 2 of the paper: LeNet on MNIST (claims A2 to A16)."""

from ....judging.quantities import (
    FINAL_ACCURACY,
    TRAIN_ACCURACY,
    gain,
    lead,
    saving,
    slowdown,
    speedup,
    value,
)
from ....judging.reductions import (
    at,
    average,
    beside,
    change,
    crossing,
    highest,
    least,
    levels,
    rates,
)
from ....judging.rules import (
    FULL,
    NEARLY_FULL,
    Against,
    Claim,
    Condition,
    Statistic,
    above,
    at_least,
    best_at,
    most_of,
    near_level,
    need,
    noticeable,
    rising,
    throughout,
)
from ....judging.units import points, times
from ..settings import LENET, LENET_ONE_SHOT, REINIT

WHOLE = levels(1, 20)
"""Far enough to see the tickets fall back to the dense network."""


CLAIMS = (
    Claim(
        "A2",
        "figure 3",
        "LeNet: the curves that are shown",
        "P_m 100, 51.3, 21.1, 7.0, 3.6, 1.9 and two reinits",
        untestable="it says what a figure shows, and states no result",
    ),
    Claim(
        "A3",
        "section 2",
        "LeNet: tickets at 51.3 % against the original and those at 21.1 %",
        "higher accuracy and faster than the original; slower than 21.1 %",
        [
            need(LENET, gain(), at(3), noticeable(0.1, 0)),
            need(LENET, speedup(), beside(3), noticeable(1.05, 1)),
            need(LENET, speedup(), change(beside(3), beside(7)), above(1)),
        ],
    ),
    Claim(
        "A4",
        "section 2",
        "LeNet: early stop below 21.1 % of the weights",
        "learning slows",
        [
            *rising(LENET, speedup(), levels(0, 7), 0.7),
            *rising(LENET, speedup(), levels(7, 18), 0.7, up=False),
        ],
    ),
    Claim(
        "A5",
        "section 2, figure 4a",
        "LeNet: early stop at 21 % of the weights, where it is earliest",
        "38 % earlier than the original",
        best_at(LENET, saving(), 38, beside(7), WHOLE),
    ),
    Claim(
        "A6",
        "section 2",
        "LeNet: size at which early stop is back to the original's",
        "3.6 % of the weights (level 15)",
        [need(LENET, speedup(), crossing(WHOLE, 1, over=3), near_level(15))],
    ),
    Claim(
        "A7",
        "section 2",
        "LeNet: greatest gain of test accuracy at early stop",
        "more than 0.3 points, at 13.5 % of the weights (level 9)",
        best_at(LENET, gain(), 0.3, at(9), WHOLE),
    ),
    Claim(
        "A8",
        "section 2",
        "LeNet: size at which accuracy is back to the original's",
        "3.6 % of the weights (level 15)",
        [need(LENET, gain(), crossing(WHOLE, over=3), near_level(15))],
    ),
    Claim(
        "A9",
        "section 2, figure 4b",
        "LeNet: gain of test accuracy at step 50,000",
        "up to 0.35 points",
        [
            need(LENET, gain(FINAL_ACCURACY), highest(WHOLE), most_of(0.35, points)),
            need(LENET, gain(FINAL_ACCURACY), average(levels(5, 13)), above(0)),
        ],
    ),
    Claim(
        "A10",
        "section 2, figure 4",
        "LeNet: training accuracy at step 50,000",
        "100 % for all networks of >= 5 %; about 100 % for tickets of >= 2 %",
        [
            need(LENET, value(TRAIN_ACCURACY), least(levels(0, 13)), at_least(FULL)),
            need(
                LENET,
                value(TRAIN_ACCURACY, REINIT),
                least(levels(1, 13)),
                at_least(FULL),
            ),
            need(
                LENET,
                value(TRAIN_ACCURACY),
                least(levels(0, 17)),
                at_least(NEARLY_FULL),
            ),
        ],
        alike="it says what networks of all sizes share",
    ),
    Claim(
        "A11",
        "section 2",
        "LeNet: size at which accuracy drops below the original's",
        "21.1 % (level 7) for reinits, 2.9 % (level 16) for tickets",
        [need(LENET, gain(kind=REINIT), crossing(WHOLE, over=3), near_level(6))],
        remark="Its second half is A8, and judged there.",
    ),
    Claim(
        "A12",
        "section 2",
        "LeNet: tickets against their reinits at 21 % of the weights",
        "minimum validation loss 2.51x earlier; 0.5 points more accurate",
        [
            need(
                LENET,
                slowdown(REINIT, "ticket"),
                beside(7),
                most_of(2.51, times),
            ),
            need(LENET, lead(), beside(7), most_of(0.5, points)),
        ],
    ),
    Claim(
        "A13",
        "section 2",
        "LeNet: early stop of reinits",
        "later the more is pruned",
        rising(LENET, slowdown(REINIT, "dense"), levels(1, 15), 0.9),
    ),
    Claim(
        "A14",
        "section 2, figure 4c",
        "LeNet, one-shot: early stop against the original",
        "earlier from 67.5 % to 17.6 % of the weights",
        throughout(
            LENET_ONE_SHOT, speedup(), rates(0.325, 0.825, fewest=5), speedup_slack=0.1
        ),
    ),
    Claim(
        "A15",
        "section 2, figure 4c",
        "LeNet, one-shot: accuracy against the original",
        "higher from 95.0 % to 5.17 % of the weights",
        throughout(LENET_ONE_SHOT, gain(), rates(0.05, 0.95, fewest=8)),
    ),
    Claim(
        "A16",
        "section 2",
        "LeNet: iterative against one-shot pruning at small sizes",
        "iterative tickets learn faster and are more accurate",
        [
            Condition(
                Against(
                    Statistic(LENET, quantity, average(levels(11, 13))),
                    Statistic(LENET_ONE_SHOT, quantity, average(rates(0.9, 0.95))),
                ),
                above(0, "the iterative ones keep less, so it does not favour them"),
            )
            for quantity in (speedup(), gain())
        ],
    ),
)
