"""Appendix H of the paper: Conv-2, Conv-4, Conv-6 on CIFAR-10 (claims A61 to A76)."""

from collections.abc import Iterable
from typing import NamedTuple

from ....judging.quantities import (
    ES_ACCURACY,
    VALIDATION,
    Quantity,
    gain,
    learned,
    speedup,
    value,
)
from ....judging.reductions import (
    Reduction,
    at,
    average,
    beside,
    greatest,
    highest,
    least,
    levels,
    lowest,
)
from ....judging.rules import (
    ACCURACY_SLACK,
    COMMENSURATE,
    Against,
    Bound,
    Claim,
    Condition,
    Extreme,
    Statistic,
    above,
    around,
    at_least,
    at_most,
    below,
    most_of,
    need,
)
from ....judging.settings import Setting
from ....judging.units import points, times
from ..settings import CONV2, CONV4, CONV6, DROPOUT4, DROPOUT6, dropout
from .conv import SOME, WHOLE

VAL, VAL_GAIN = value(VALIDATION), gain(VALIDATION)
CONV6_TEMPORARY = CONV6.but("conv rate 0.1", prune={"rates": (("conv", 0.1),)})
"""The sweeps of H.2 prune convolutions of all three networks at 10 %."""
NO_SPEEDUP = 1.1
"""A speedup below this is none but for noise."""
A_GAIN = -COMMENSURATE
"""A gain up to this is none but for noise."""
EARLY = levels(1, 6)

SGD = {
    CONV2: (1e-4, 5e-4, 8e-4, 1e-3, 1.5e-3, 2.5e-3),
    CONV4: (1e-3, 2e-3, 3e-3, 5e-3, 1e-2),
    CONV6: (2.5e-3, 5e-3, 1e-2, 2e-2, 2.5e-2, 3e-2, 3.5e-2),
}
"""Learning rates of appendix H.3.1."""


def _sweep(setting: Setting, optimizer: str, rates: Iterable[float]) -> list[Setting]:
    return [setting.at_rate(rate, optimizer=optimizer) for rate in rates]


def _extreme(
    settings: Iterable[Setting],
    quantity: Quantity,
    reduction: Reduction,
    largest: bool = False,
) -> Extreme:
    each = (Statistic(setting, quantity, reduction) for setting in settings)
    return Extreme(tuple(each), largest)


def _from_to(
    setting: Setting, dense: float, rise: float, reduction: Reduction
) -> list[Condition]:
    """Return the conditions of "validation accuracy from dense % by rise points"."""
    return [
        around(setting, VAL, at(0), dense),
        need(setting, VAL_GAIN, reduction, most_of(rise, points)),
    ]


def _faster(setting: Setting, claimed: float, level: int) -> Condition:
    return need(setting, speedup(), at(level), most_of(claimed, times))


def _gain_by_dropout(with_: Setting, without: Setting, claimed: float) -> Condition:
    terms = [Statistic(setting, VAL, at(0)) for setting in (with_, without)]
    return Condition(Against(terms[0], terms[1]), most_of(claimed, points))


def _sgd(setting: Setting) -> list[Condition]:
    """Return the conditions of A69 for one network."""
    sweep = _sweep(setting, "sgd", SGD[setting])
    best = _extreme(sweep, VAL, at(0), largest=True)
    return [
        Condition(
            Against(best, Statistic(setting, VAL, at(0))),
            Bound(-4, -1, why="the paper's 2 to 3 less, give or take 1"),
        ),
        Condition(
            _extreme(sweep, VAL_GAIN, highest(WHOLE)),
            above(A_GAIN, "a gain, and not noise"),
        ),
    ]


def _dips(settings: Iterable[Setting]) -> Condition:
    return Condition(
        _extreme(settings, VAL_GAIN, lowest(EARLY), largest=True),
        below(-ACCURACY_SLACK, "a dip, and not the noise of a mean"),
    )


def _learning(rate: float, reduction: Reduction, bound: Bound) -> Condition:
    setting = dropout(CONV2, rate)
    return need(setting, learned(), reduction, bound)


def _conv_rates(setting: Setting) -> list[Setting]:
    own = dict(setting.config.prune.rates)["conv"]
    return [
        setting
        if rate == own
        else setting.but(f"conv rate {rate:g}", prune={"rates": (("conv", rate),)})
        for rate in (0.1, 0.15, 0.2)
    ]


MOMENTUM_LOWEST = [
    *_sweep(CONV2, "momentum", [1e-4]),
    *_sweep(CONV4, "momentum", [1e-3]),
    *_sweep(CONV6, "momentum", [1e-3]),
]
MOMENTUM_HIGHEST = [
    *_sweep(CONV4, "momentum", [5e-3, 8e-3]),
    *_sweep(CONV6, "momentum", [5e-3, 8e-3]),
]
"""Learning rates of appendix H.3.2."""


class OneKind(NamedTuple):
    """Pruning of all layers against that of one kind, at equal numbers of weights.

    Attributes:
        all: setting in which all layers are pruned.
        one: that in which those of one kind are.
        better: it is more accurate and faster than pruning all.
        at_all: levels of the first.
        at_one: levels of the second, on average with as many weights: up to 8 % fewer
            where it is better, up to 4 % more where it is worse.
    """

    all: Setting
    one: Setting
    better: bool
    at_all: Reduction
    at_one: Reduction


def conv_only(setting: Setting) -> Setting:
    """Return the setting with pruning of convolutions alone."""
    rates = (*setting.config.prune.rates, ("dense", 0.0))
    return setting.but("conv only", prune={"output_rate": 0.0, "rates": rates})


def dense_only(setting: Setting) -> Setting:
    """Return the setting with pruning of dense layers alone."""
    return setting.but("dense only", prune={"rates": (("conv", 0.0),)})


ONE_KIND = (
    OneKind(CONV2, conv_only(CONV2), True, at(0), beside(11)),
    OneKind(CONV4, conv_only(CONV4), True, at(0), beside(11)),
    OneKind(CONV6, conv_only(CONV6), True, beside(3), beside(12)),
    OneKind(CONV2, dense_only(CONV2), False, beside(15), beside(16)),
    OneKind(CONV4, dense_only(CONV4), False, beside(9), beside(12)),
    OneKind(CONV6, dense_only(CONV6), False, beside(3), beside(9)),
)


_FEWER, _MORE = "though it keeps no more", "though it keeps no less"


def _one_kind(each: OneKind) -> list[Condition]:
    """Return the conditions of A76 for a network and a kind of layer."""
    bound = above(0, _FEWER) if each.better else below(0, _MORE)
    return [
        Condition(
            Against(
                Statistic(each.one, quantity, each.at_one),
                Statistic(each.all, quantity, each.at_all),
            ),
            bound,
        )
        for quantity in (value(ES_ACCURACY), speedup())
    ]


CLAIMS = (
    Claim(
        "A61",
        "appendix H.2, figure 32",
        "Conv-2, learning rate 0.0002: validation accuracy",
        "67.6 % -> 70.9 % (+3.3 points) at 3 % of the weights (level 16)",
        _from_to(CONV2, 67.6, 3.3, at(16)),
    ),
    Claim(
        "A62",
        "appendix H.2, figure 32",
        "Conv-2, learning rate 0.0004: validation accuracy",
        "65.2 % -> 71.7 % (+6.5 points)",
        _from_to(CONV2.at_rate(4e-4), 65.2, 6.5, greatest(WHOLE)),
    ),
    Claim(
        "A63",
        "appendix H.2, figure 32",
        "Conv-2, learning rate 0.0002: early stop",
        "4.8x earlier at 8.8 % of the weights (level 11)",
        [_faster(CONV2, 4.8, 11)],
    ),
    Claim(
        "A64",
        "appendix H.2, figure 32",
        "Conv-4, learning rate 0.0003: validation accuracy; early stop",
        "+3.7 points to 78.6 % at 5.4 % (level 15); 4.27x at 11.1 % (level 11)",
        [*_from_to(CONV4, 74.9, 3.7, at(15)), _faster(CONV4, 4.27, 11)],
    ),
    Claim(
        "A65",
        "appendix H.2, figure 32",
        "Conv-4, learning rates 0.0004; 0.0002",
        "+3.6 points to 79.1 % at 5.4 % (level 15); 5.1x at 9.2 % (level 12)",
        [
            *_from_to(CONV4.at_rate(4e-4), 75.5, 3.6, at(15)),
            _faster(CONV4.at_rate(2e-4), 5.1, 12),
        ],
    ),
    Claim(
        "A66",
        "appendix H.2, figure 32",
        "Conv-6, learning rate 0.0003: validation accuracy; early stop",
        "+2.4 points to 81.5 % at 9.31 % (level 17); 2.61x at 11.9 % (level 15)",
        [
            *_from_to(CONV6_TEMPORARY, 79.1, 2.4, at(17)),
            _faster(CONV6_TEMPORARY, 2.61, 15),
        ],
    ),
    Claim(
        "A67",
        "appendix H.2, figure 32",
        "Conv-6, learning rates 0.0004; 0.0002",
        "+2.7 points to 81.9 % at 15.2 % (level 13); 6.26x at 19.7 % (level 11)",
        [
            *_from_to(CONV6_TEMPORARY.at_rate(4e-4), 79.2, 2.7, at(13)),
            _faster(CONV6_TEMPORARY.at_rate(2e-4), 6.26, 11),
        ],
    ),
    Claim(
        "A68",
        "appendix H.2, figure 32",
        "Conv-2/4/6: the highest learning rate (0.0008)",
        "early stop gets earlier briefly or never",
        [
            Condition(
                _extreme(
                    [s.at_rate(8e-4) for s in (CONV2, CONV4, CONV6_TEMPORARY)],
                    speedup(),
                    average(SOME),
                    largest=True,
                ),
                at_most(NO_SPEEDUP, "no speedup but for noise"),
            )
        ],
    ),
    Claim(
        "A69",
        "appendix H.3.1, figure 33",
        "Conv-2/4/6, SGD: best dense network against Adam's; tickets",
        "2 to 3 points less; tickets at all rates; Conv-2/4 dip before they rise",
        [
            *(condition for setting in SGD for condition in _sgd(setting)),
            *(_dips(_sweep(s, "sgd", SGD[s])) for s in (CONV2, CONV4)),
        ],
    ),
    Claim(
        "A70",
        "appendix H.3.2, figure 34",
        "Conv-2/4/6, momentum: the exceptions",
        "lowest rates: accuracy dips first; highest: early stop never gets earlier",
        [
            _dips(MOMENTUM_LOWEST),
            Condition(
                _extreme(MOMENTUM_HIGHEST, speedup(), highest(SOME), largest=True),
                at_most(NO_SPEEDUP, "no speedup but for noise"),
            ),
        ],
    ),
    Claim(
        "A71",
        "appendix H.4, figure 35",
        "Conv-2/4/6: rate of the convolutions",
        "any from 10 to 20 % is reasonable",
        [
            Condition(_extreme(rates, quantity, highest(WHOLE)), bound)
            for rates in map(_conv_rates, (CONV2, CONV4, CONV6))
            for quantity, bound in (
                (VAL_GAIN, above(A_GAIN, "a gain, and not noise")),
                (speedup(), above(NO_SPEEDUP, "a speedup, and not noise")),
            )
        ],
    ),
    Claim(
        "A72",
        "appendix H.5, figure 36",
        "Conv-2 with dropout: which networks learn, by learning rate",
        "0.0001: none above 26.5 % (level 6); 0.0002: some fail; 0.0003: all learn;"
        " 0.0004: one fails at times",
        [
            _learning(1e-4, greatest(levels(0, 5)), at_most(0)),
            _learning(2e-4, least(levels(0, 12)), below(100)),
            _learning(3e-4, least(levels(0, 12)), at_least(100)),
            _learning(4e-4, least(levels(0, 12)), at_least(60, "one or two of five")),
        ],
    ),
    Claim(
        "A73",
        "appendix H.5, figure 36",
        "Conv-4 with dropout: validation accuracy; early stop",
        "77.6 % (+2.7 points by dropout) -> 82.6 %; 1.58x; at 7.6 % (level 13)",
        [
            *_from_to(DROPOUT4, 77.6, 5.0, at(13)),
            _gain_by_dropout(DROPOUT4, CONV4, 2.7),
            _faster(DROPOUT4, 1.58, 13),
        ],
    ),
    Claim(
        "A74",
        "appendix H.5, figure 36",
        "Conv-6 with dropout: validation accuracy; early stop",
        "81.3 % (+2.2 points by dropout) -> 84.8 % at 10.5 % (level 12); 1.5x at"
        " 15.1 % (level 10)",
        [
            *_from_to(DROPOUT6, 81.3, 3.5, at(12)),
            _gain_by_dropout(DROPOUT6, CONV6, 2.2),
            _faster(DROPOUT6, 1.5, 10),
        ],
    ),
    Claim(
        "A75",
        "appendix H.5, figure 36",
        "Conv-4/6 with dropout, the fastest learning rate (0.0005): early stop",
        "the original's down to about 40 % of the weights, then later",
        [
            condition
            for setting in (dropout(CONV4, 5e-4), dropout(CONV6, 5e-4))
            for condition in (
                need(
                    setting,
                    speedup(),
                    average(levels(1, 4)),
                    Bound(0.8, 1.25, why="the same but for a quarter"),
                ),
                need(setting, speedup(), at(12), below(1)),
            )
        ],
    ),
    Claim(
        "A76",
        "appendix H.6, figure 37",
        "Conv-2/4/6: pruning only dense or only convolutional layers",
        "only convolutional: more accurate and faster; only dense: worse and slower",
        [condition for each in ONE_KIND for condition in _one_kind(each)],
        remark="Levels are those with equal numbers of weights, see appendix_conv.py;"
        " Conv-2 and 4 have few weights in convolutions, so there it is level 0.",
    ),
)
