"""Appendix G of the paper: LeNet, how it is trained (claims A53 to A60, and A81)."""

import dataclasses
import math
from collections.abc import Iterable, Mapping

from ....judging.quantities import (
    ES_STEP,
    VALIDATION,
    Quantity,
    gain,
    speedup,
    unstopped,
    value,
)
from ....judging.reductions import (
    Reduction,
    at,
    average,
    beside,
    crossing,
    crossing_weights,
    highest,
    levels,
)
from ....judging.rules import (
    ACCURACY_SLACK,
    COMMENSURATE,
    OFF,
    SPEEDUP_SLACK,
    Against,
    Bound,
    Claim,
    Condition,
    Extreme,
    Statistic,
    above,
    at_least,
    at_most,
    below,
    near,
    near_level,
    need,
)
from ....judging.settings import Setting
from ....results import network_name
from ..settings import LENET

VAL_GAIN = gain(VALIDATION)
SEEN = levels(1, 15)
"""Down to 3.6 % of the weights, where tickets are back to the dense network."""
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
GOOD = (0.025, 0.05, 0.1)
PER_ROUND = {
    rate: LENET.but(f"rate {rate:g}", prune={"rate": rate, "output_rate": rate / 2})
    for rate in (0.1, 0.4, 0.6)
} | {0.2: LENET}
STDS = {
    std: LENET.but(f"std {std:g}", model={"init_std": std})
    for std in (0.0125, 0.025, 0.05, 0.1, 0.2, 0.4)
}
"""Standard deviations of appendix G.5."""
BEST_STD = 0.1
WIDTHS = (
    (25, 9),
    (50, 17),
    (100, 34),
    (150, 50),
    (200, 67),
    (300, 100),
    (400, 134),
    (500, 167),
    (700, 233),
    (900, 300),
)


def _of_size(widths: tuple[int, int]) -> Setting:
    name = network_name("lenet", widths)
    return dataclasses.replace(LENET.but("", model={"widths": widths}), name=name)


SIZES = {widths: _of_size(widths) for widths in WIDTHS} | {(300, 100): LENET}
"""Hidden sizes of appendix G.6."""


def level_of(widths: tuple[int, int], weights: float) -> int:
    """Return the level of a LeNet that has the nearest number of weights, by ratio.

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
                Statistic(settings[first], quantity, reduction),
                Statistic(settings[second], quantity, reduction),
            ),
            bound,
        )
        for first, second in pairs
    ]


def _over_stds(quantity: Quantity, reduction: Reduction) -> tuple[Statistic, ...]:
    return tuple(Statistic(setting, quantity, reduction) for setting in STDS.values())


def _accuracy(setting: Setting, reduction: Reduction | None = None) -> Statistic:
    return Statistic(setting, value(VALIDATION), reduction or average(SEEN))


def _best_accuracy(
    sweep: Mapping[float, Setting], without: Iterable[float], reduction: Reduction
) -> Extreme:
    """Return the greatest accuracy of the settings of a sweep but for some."""
    others = sweep.keys() - {*without}
    best = (_accuracy(sweep[key], reduction) for key in sorted(others))
    return Extreme(tuple(best), largest=True)


def _at_own_level(
    quantity: Quantity,
    first: tuple[Setting, Reduction],
    second: tuple[Setting, Reduction],
    bound: Bound,
    divided: bool = False,
) -> Condition:
    """Return a condition on two settings, each at levels of its own."""
    terms = [
        Statistic(setting, quantity, reduce) for setting, reduce in (first, second)
    ]
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
        (SIZES[widths], beside(level_of(widths, 13_000))) for widths in (large, small)
    )
    marginal = "at most marginally earlier"
    return [
        _at_own_level(value(VALIDATION), first, second, above(0)),
        _at_own_level(
            value(ES_STEP), first, second, Bound(0.67, 1.1, why=marginal), divided=True
        ),
    ]


def _like_adam(setting: Setting) -> tuple[Condition, ...]:
    """Return the conditions of A55: early stop to smaller sizes, accuracy as far."""
    back = crossing(levels(1, 20), over=3)
    return (
        _at_own_level(
            value(ES_STEP),
            (setting, at(0)),
            (LENET, at(0)),
            Bound(0.5, 2, why="similar: a factor 2"),
            divided=True,
        ),
        need(
            setting,
            speedup(),
            average(levels(20, 22)),
            at_least(0.9, "a mean, as a single level may stop later by noise"),
        ),
        _at_own_level(
            VAL_GAIN,
            (setting, back),
            (LENET, back),
            near(0, OFF, "as far as Adam's, give or take a factor 2 in density"),
        ),
    )


_BEST = "best but for the noise of a mean"
_TANGIBLE = "tangible: more than noise, though the smaller rate keeps less"

CLAIMS = (
    Claim(
        "A53",
        "appendix G.2, figure 26",
        "LeNet, Adam: learning rates",
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
        "LeNet, Adam: early stop at learning rates 0.000025 and 0.0064",
        "none within 50,000 steps",
        [
            need(
                ADAM[rate],
                unstopped(0.9),
                at(0),
                above(50, "most: within a tenth of the end, if at all"),
            )
            for rate in (2.5e-5, 6.4e-3)
        ],
    ),
    Claim(
        "A55",
        "appendix G.3.1, figure 27",
        "LeNet, SGD at 0.4 and 0.8",
        "early stop like the best Adam's; tickets to less than 1 % (Adam: about 3.6 %)",
        [
            *(condition for each in SGD.values() for condition in _like_adam(each)),
            need(LENET, speedup(), crossing(levels(1, 20), 1, 3), near_level(15)),
        ],
    ),
    Claim(
        "A56",
        "appendix G.3.2, figure 28",
        "LeNet, momentum: learning rates",
        "best from 0.025 to 0.1; 0.025 the best dense network, not improved by pruning",
        [
            Condition(
                Against(
                    Extreme(tuple(_accuracy(MOMENTUM[rate]) for rate in GOOD)),
                    _best_accuracy(MOMENTUM, GOOD, average(SEEN)),
                ),
                at_least(-ACCURACY_SLACK, _BEST),
            ),
            Condition(
                Against(
                    _accuracy(MOMENTUM[0.025], at(0)),
                    _best_accuracy(MOMENTUM, [0.025], at(0)),
                ),
                at_least(-ACCURACY_SLACK, _BEST),
            ),
            need(
                MOMENTUM[0.025],
                VAL_GAIN,
                highest(SEEN),
                at_most(ACCURACY_SLACK, "no gain but for the noise of a mean"),
            ),
        ],
    ),
    Claim(
        "A57",
        "appendix G.4, figure 29",
        "LeNet: pruning rates of 0.1 and 0.2 against 0.4 and more, near 7 %",
        "a tangible gap in early stop and accuracy",
        [
            _at_own_level(
                quantity,
                (PER_ROUND[small], at(n_small)),
                (PER_ROUND[large], at(n_large)),
                above(slack, _TANGIBLE),
            )
            for quantity, slack in (
                (value(VALIDATION), ACCURACY_SLACK),
                (speedup(), SPEEDUP_SLACK),
            )
            for small, n_small in ((0.1, 27), (0.2, 13))
            for large, n_large in ((0.4, 5), (0.6, 3))
        ],
    ),
    Claim(
        "A58",
        "appendix G.5, figure 30",
        "LeNet: standard deviation of Gaussian initial weights",
        "tickets at all; 0.1 best, about like Glorot's",
        [
            Condition(
                Extreme(_over_stds(VAL_GAIN, highest(SEEN))),
                above(ACCURACY_SLACK, "a gain, and not the noise of a mean"),
            ),
            Condition(
                Extreme(_over_stds(speedup(), highest(SEEN))),
                above(1 + SPEEDUP_SLACK, "earlier, and not by the noise of a mean"),
            ),
            Condition(
                Against(
                    _accuracy(STDS[BEST_STD]),
                    _best_accuracy(STDS, [BEST_STD], average(SEEN)),
                ),
                at_least(-ACCURACY_SLACK, _BEST),
            ),
            Condition(
                Against(
                    _accuracy(STDS[BEST_STD]),
                    Extreme(tuple(map(_accuracy, STDS.values()))),
                ),
                above(ACCURACY_SLACK, "better than the worst, and not by noise"),
            ),
            Condition(
                Against(_accuracy(STDS[BEST_STD]), _accuracy(LENET)),
                near(0, -COMMENSURATE, "commensurate with Glorot's"),
            ),
        ],
    ),
    Claim(
        "A59",
        "appendix G.6, figure 31",
        "LeNets of all sizes: weights left where accuracy is back to the original's",
        "about 9,000 to 15,000, whatever the initial size",
        [_returns(widths) for widths in WIDTHS],
    ),
    Claim(
        "A60",
        "appendix G.6, figure 31",
        "LeNets of all sizes at 13,000 weights",
        "initially larger ones are more accurate; early stop only marginally earlier",
        [
            *_larger_wins((300, 100), (100, 34)),
            *_larger_wins((900, 300), (300, 100)),
        ],
    ),
)

COST = Claim(
    "A81",
    "appendix G.1",
    "LeNet: networks trained for appendix G",
    "more than 3,000",
    untestable="it says how many networks the authors trained; the experiments"
    " lth_figure_26 to 31 train 3,219",
)
