"""Appendices B to G of the paper: Lenet on MNIST (claims A41 to A60)."""

import math
from collections.abc import Mapping

from .conv import CONV2, CONV4, CONV6
from .lenet import REINIT
from .quantities import (
    ES_STEP,
    FINAL_ACCURACY,
    Quantity,
    gain,
    lead,
    speedup,
    value,
)
from .reductions import (
    Reduction,
    at,
    average,
    crossing,
    crossing_weights,
    greatest,
    levels,
)
from .rules import (
    ACCURACY_SLACK,
    Against,
    Bound,
    Claim,
    Condition,
    Measure,
    above,
    at_least,
    at_most,
    below,
    near,
    need,
)
from .settings import LENET, Setting

SHUFFLE = "shuffle_mask"
VALIDATION = "val_accuracy_es"
PRUNED = levels(7, 15)
"""From 21.1 to 3.6 % of the weights."""
ADAM = {
    1.2e-3: LENET,
    **{
        rate: LENET.at_rate(rate)
        for rate in (2.5e-5, 5e-5, 2e-4, 8e-4, 2e-3, 3.2e-3, 6.4e-3)
    },
}
"""Learning rates of appendix G.2; 1.2e-3 is the main one."""
SGD = {rate: LENET.at_rate(rate, optimizer="sgd") for rate in (0.4, 0.8)}
MOMENTUM = {
    rate: LENET.at_rate(rate, optimizer="momentum")
    for rate in (0.003125, 0.0125, 0.025, 0.05, 0.1, 0.2, 0.4)
}
"""Learning rates of appendix G.3.2."""
PER_ROUND = {
    rate: LENET.but(f"rate {rate:g}", prune={"rate": rate, "output_rate": rate / 2})
    for rate in (0.1, 0.4, 0.6)
} | {0.2: LENET}
WIDTHS = (
    *((25, 9), (50, 17), (100, 34), (150, 50), (200, 67)),
    *((300, 100), (400, 134), (500, 167), (700, 233), (900, 300)),
)
SIZES = {
    widths: LENET.but("{}-{}".format(*widths), model={"widths": widths})
    for widths in WIDTHS
} | {(300, 100): LENET}
"""Hidden sizes of appendix G.6."""


def level_of(widths: tuple[int, int], weights: float) -> int:
    """Return the level of a Lenet that has the nearest number of weights, by ratio.

    Example:
        >>> level_of((300, 100), 0.21 * 266_200)
        7
    """
    first, second = widths
    total = 784 * first + first * second + 10 * second
    return round(math.log(weights / total) / math.log(0.8))


def _compare(
    settings: Mapping[float, Setting],
    quantity: Quantity,
    reduction: Reduction,
    pairs: list[tuple[float, float]],
    bound: Bound,
) -> list[Condition]:
    """Return conditions on differences between two settings of a sweep."""
    return [
        Condition(
            Against(
                Measure(settings[first], quantity, reduction),
                Measure(settings[second], quantity, reduction),
            ),
            bound,
        )
        for first, second in pairs
    ]


def _at_equal_size(
    quantity: Quantity,
    first: tuple[Setting, int],
    second: tuple[Setting, int],
    bound: Bound,
    divided: bool = False,
) -> Condition:
    """Return a condition on two settings, each at its own level."""
    terms = [Measure(setting, quantity, at(n)) for setting, n in (first, second)]
    return Condition(Against(terms[0], terms[1], divided), bound)


def _returns(widths: tuple[int, int]) -> Condition:
    """Return the condition that accuracy is back to the dense one at 9 to 15,000."""
    one_level = "the paper's 9,000 to 15,000 give or take one level"
    return need(
        SIZES[widths],
        gain(VALIDATION),
        crossing_weights(levels(1, level_of(widths, 9_000) + 3)),
        Bound(9_000 * 0.8, 15_000 / 0.8, why=one_level),
    )


def _larger_wins(large: tuple[int, int], small: tuple[int, int]) -> list[Condition]:
    """Return the conditions of A60 for two sizes at 13,000 weights."""
    first, second = (
        (SIZES[widths], level_of(widths, 13_000)) for widths in (large, small)
    )
    marginal = "at most marginally earlier"
    return [
        _at_equal_size(value(VALIDATION), first, second, above(0)),
        _at_equal_size(
            value(ES_STEP), first, second, Bound(0.67, 1.1, why=marginal), divided=True
        ),
    ]


_RATES_OF_SMALLER = "the smaller rate keeps less, so it does not favour it"
_TICKETS = "the study of what the tickets' weights are (appendix F): "


def _waiting(id_: str, where: str, quantity: str, paper: str, waits: str) -> Claim:
    return Claim(id_, where, f"Lenet: {quantity}", paper, waits=waits)


CLAIMS = (
    Claim(
        "A41",
        "appendix B, figures 9 and 10",
        "Lenet, Conv-2/4/6: resetting against continued training",
        "resetting: higher validation accuracy, earlier stop, to smaller sizes",
        [
            Condition(
                Against(
                    Measure(setting, quantity, average(PRUNED)),
                    Measure(
                        setting.but("continued", prune={"continued": True}),
                        quantity,
                        average(PRUNED),
                    ),
                ),
                above(0),
            )
            for setting in (LENET, CONV2, CONV4, CONV6)
            for quantity in (value(VALIDATION), speedup())
        ],
    ),
    Claim(
        "A42",
        "appendix E, figure 14",
        "Lenet, Conv-2/4/6: reinits against random masks, final test accuracy",
        "Lenet: reinits better; convolutional networks: no significant difference",
        [
            need(
                LENET,
                lead(FINAL_ACCURACY, REINIT, SHUFFLE),
                average(PRUNED),
                above(0),
            ),
            *(
                need(
                    setting,
                    lead(FINAL_ACCURACY, REINIT, SHUFFLE),
                    average(PRUNED),
                    near(0, 0.5, "no significant difference"),
                )
                for setting in (CONV2, CONV4, CONV6)
            ),
        ],
    ),
    _waiting(
        "A43",
        "appendix F.1, figure 15",
        "initial weights of tickets, Adam",
        "layer 1 unchanged; layer 2 and output bimodal, layer 2 more positive, output"
        " more negative",
        f"{_TICKETS}share of positive initial weights, by layer, at 16.88 %",
    ),
    _waiting(
        "A44",
        "appendix F.2, figure 16",
        "initial weights of tickets, SGD 0.8",
        "bimodal in all layers; layer 1 favours negative, the others positive",
        f"{_TICKETS}share of positive initial weights, by layer, at 16.88 %",
    ),
    _waiting(
        "A45",
        "appendix F.3, figure 17",
        "reinits drawn from the tickets' initial weights",
        "little better than ordinary reinits",
        "a control that draws from the tickets' initial weights: mean lead over"
        " random_reinit to be small beside that of tickets",
    ),
    _waiting(
        "A46",
        "appendix F.4, figure 18",
        "pruning by magnitude before training",
        "worse than reinits of iterative pruning",
        "pruning at step 0: mean accuracy to be less than that of random_reinit",
    ),
    _waiting(
        "A47",
        "appendix F.5, figure 19",
        "distance that weights move in training",
        "larger for weights of tickets than for others",
        f"{_TICKETS}mean |final - initial| in the ticket / outside, by layer, > 1",
    ),
    _waiting(
        "A48",
        "appendix F.5, figure 20",
        "growth of magnitude in training",
        "weights of tickets more likely to grow",
        f"{_TICKETS}share of weights whose magnitude grows, in the ticket > outside",
    ),
    _waiting(
        "A49",
        "appendix F.6, figures 21 and 22",
        "incoming connections of a unit",
        "roughly proportional to what the layer keeps",
        f"{_TICKETS}spread over units of the share of incoming connections",
    ),
    _waiting(
        "A50",
        "appendix F.6, figures 23 and 24",
        "outgoing connections of a unit",
        "very uneven for Adam, two-peaked for the input; less uneven for SGD",
        f"{_TICKETS}spread over units of the share of outgoing connections",
    ),
    _waiting(
        "A51",
        "appendix F.7, figure 25",
        "noise of 0.5 standard deviations on the initial weights",
        "barely changes accuracy",
        "noise on the initial weights: mean accuracy against tickets within 0.1 points",
    ),
    _waiting(
        "A52",
        "appendix F.7, figure 25",
        "noise of 3 standard deviations on the initial weights",
        "still better than reinits; worse the more noise",
        "noise on the initial weights: mean lead over random_reinit > 0, accuracy"
        " falling from 0.5 to 3 standard deviations",
    ),
    Claim(
        "A53",
        "appendix G.2, figure 26",
        "Lenet, Adam: learning rates",
        "good accuracy from 0.0002 to 0.002; earliest stop at 0.0012 and 0.002",
        [
            *_compare(
                ADAM,
                value(VALIDATION),
                at(0),
                [(rate, 1.2e-3) for rate in (2e-4, 8e-4, 2e-3)],
                at_least(-0.5, "as good but for half a point"),
            ),
            *_compare(
                ADAM,
                value(ES_STEP),
                at(0),
                [(1.2e-3, 2e-4), (2e-3, 2e-4), (1.2e-3, 8e-4), (2e-3, 8e-4)],
                below(0, "earlier"),
            ),
        ],
    ),
    Claim(
        "A54",
        "appendix G.2, figure 26",
        "Lenet, Adam: early stop at learning rates 0.000025 and 0.0064",
        "none within 50,000 steps",
        [
            need(
                ADAM[rate],
                value(ES_STEP),
                at(0),
                at_least(45_000, "within a tenth of the end"),
            )
            for rate in (2.5e-5, 6.4e-3)
        ],
    ),
    Claim(
        "A55",
        "appendix G.3.1, figure 27",
        "Lenet, SGD at 0.4 and 0.8",
        "early stop like the best Adam's; tickets to less than 1 % (Adam: about 3.6 %)",
        [
            condition
            for setting in SGD.values()
            for condition in (
                _at_equal_size(
                    value(ES_STEP),
                    (setting, 0),
                    (LENET, 0),
                    Bound(0.5, 2, why="similar: a factor 2"),
                    divided=True,
                ),
                need(setting, gain(VALIDATION), crossing(levels(1, 24)), at_least(21)),
            )
        ],
    ),
    Claim(
        "A56",
        "appendix G.3.2, figure 28",
        "Lenet, momentum: learning rates",
        "best from 0.025 to 0.1; 0.025 the best dense network, not improved by pruning",
        [
            *_compare(
                MOMENTUM,
                value(VALIDATION),
                at(0),
                [(0.025, rate) for rate in MOMENTUM if rate != 0.025],
                at_least(-ACCURACY_SLACK, "best but for the noise of a mean"),
            ),
            need(
                MOMENTUM[0.025],
                gain(VALIDATION),
                greatest(levels(1, 15)),
                at_most(ACCURACY_SLACK, "no gain but for the noise of a mean"),
            ),
        ],
    ),
    Claim(
        "A57",
        "appendix G.4, figure 29",
        "Lenet: pruning rates of 0.1 and 0.2 against 0.4 and more, near 7 %",
        "a tangible gap in early stop and accuracy",
        [
            _at_equal_size(
                quantity,
                (PER_ROUND[small], n_small),
                (PER_ROUND[large], n_large),
                above(0, _RATES_OF_SMALLER),
            )
            for quantity in (value(VALIDATION), speedup())
            for small, n_small in ((0.1, 27), (0.2, 13))
            for large, n_large in ((0.4, 5), (0.6, 3))
        ],
    ),
    _waiting(
        "A58",
        "appendix G.5, figure 30",
        "standard deviation of Gaussian initial weights",
        "tickets at all; 0.1 best, about like Glorot's",
        "the scale of the initial weights as a setting: greatest gain > 0 at each,"
        " accuracy best at 0.1",
    ),
    Claim(
        "A59",
        "appendix G.6, figure 31",
        "Lenets of all sizes: weights left where accuracy is back to the original's",
        "about 9,000 to 15,000, whatever the initial size",
        [_returns(widths) for widths in WIDTHS],
    ),
    Claim(
        "A60",
        "appendix G.6, figure 31",
        "Lenets of all sizes at 13,000 weights",
        "initially larger ones are more accurate; early stop only marginally earlier",
        [
            *_larger_wins((300, 100), (100, 34)),
            *_larger_wins((900, 300), (300, 100)),
        ],
    ),
)
