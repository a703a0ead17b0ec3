"""Appendices B, E and F of the paper: what makes tickets win (claims A41 to A52).

In appendix F, the weights and connections of tickets are read from the anatomy of runs,
at levels that the figures show; where controls are compared, only those need them.
"""

import itertools
from collections.abc import Iterable

from ....judging.quantities import (
    ES_ACCURACY,
    FINAL_ACCURACY,
    VALIDATION,
    Layer,
    Quantity,
    excess,
    hollow,
    lead,
    part,
    ratio,
    slowdown,
    speedup,
    value,
)
from ....judging.reductions import (
    Reduction,
    at,
    average,
    greatest_at,
    levels,
    mean_at,
)
from ....judging.rules import (
    ACCURACY_SLACK,
    NO_LEAD,
    Against,
    Bound,
    Claim,
    Condition,
    Statistic,
    above,
    at_least,
    at_most,
    below,
    near,
    need,
)
from ....judging.settings import Setting
from ..settings import (
    CONV2,
    CONV4,
    CONV6,
    LENET,
    LENET_LAYERS,
    REINIT,
    RESAMPLE,
    SHUFFLE,
)

SGD = LENET.at_rate(0.8, optimizer="sgd")
BEFORE = LENET.but("pruned before training", prune={"criterion": "initial_magnitude"})
"""Appendix F.4: the largest initial weights stay."""
FIRST, SECOND, OUTPUT = LENET_LAYERS
SMALL = mean_at(8, 12)
"""16.88 and 6.95 % of the weights, in the figures of the appendix."""
SHOWN = greatest_at(4, 8, 12)
"""These, and 41.05 %: all pruned sizes of the figures on connections."""
MIDDLE = at(8)
"""16.88 % of the weights: the one size of figures 19 and 20."""
PRUNED = average(levels(7, 15))
"""From 21.1 to 3.6 % of the weights."""
NOISES = ("noise_0.5", "noise_1", "noise_2", "noise_3")

# Tolerances of this appendix, beside those of `lth_jax.judging.rules`.

SKEW = 3.0
"""Points by which more or fewer initial weights are positive, if a sign is favoured."""
HOLLOW, GAUSSIAN = 0.8, 2 / 3
"""The density at 0, of that at the lower peak beside it, below which initial weights
are two-peaked; and the part of the weights near 0 above which they are Gaussian."""
UNEVEN = 2.0
"""How many times the spread of a random mask is "very uneven"."""
BY_MAGNITUDE = (
    "It follows from pruning by final magnitude, which keeps what has grown: movement"
    " that knows nothing of the ticket would show more of it."
)
BARELY = 0.15
"""Points of accuracy that "barely" change."""


def _change(setting: Setting, layer: Layer, column: str, divided: bool) -> Against:
    """Return a share in tickets against the same in the dense network."""
    small, dense = (
        Statistic(setting, part(layer, column), reduction)
        for reduction in (MIDDLE, at(0))
    )
    return Against(small, dense, divided)


def _sign(setting: Setting, layer: Layer, bound: Bound) -> Condition:
    return Condition(_change(setting, layer, "kept_positive", divided=False), bound)


def _two_peaked(setting: Setting, layers: Iterable[Layer]) -> list[Condition]:
    bound = at_most(HOLLOW, "a peak on either side")
    return [need(setting, hollow(layer), MIDDLE, bound) for layer in layers]


_POSITIVE, _NEGATIVE = above(0, "favours positive"), below(0, "favours negative")


def _in_every_layer(quantities: Iterable[Quantity], bound: Bound) -> list[Condition]:
    """Return conditions at 16.88 % of the weights, for tickets found by Adam."""
    return [need(LENET, each, MIDDLE, bound) for each in quantities]


def _uneven(setting: Setting, layer: Layer, side: str, reduce: Reduction) -> Statistic:
    """Return how unevenly connections are kept, beside a random mask."""
    quantity = ratio(layer, f"{side}_spread", f"{side}_random")
    return Statistic(setting, quantity, reduce)


def _lead(kind: str, other: str) -> Statistic:
    return Statistic(LENET, lead(ES_ACCURACY, kind, other), SMALL)


def _reset(setting: Setting) -> list[Condition]:
    """Return the conditions of "resetting is better than continued training"."""
    continued = setting.but("continued", prune={"continued": True})
    return [
        Condition(
            Against(
                Statistic(setting, quantity, PRUNED),
                Statistic(continued, quantity, PRUNED),
            ),
            above(0),
        )
        for quantity in (value(VALIDATION), speedup())
    ]


CLAIMS = (
    Claim(
        "A41",
        "appendix B, figure 9",
        "LeNet: resetting against continued training",
        "resetting: higher validation accuracy, earlier stop, to smaller sizes",
        _reset(LENET),
    ),
    Claim(
        "A41b",
        "appendix B, figure 10",
        "Conv-2/4/6: resetting against continued training",
        "resetting: higher validation accuracy, earlier stop, to smaller sizes",
        [condition for s in (CONV2, CONV4, CONV6) for condition in _reset(s)],
    ),
    Claim(
        "A42",
        "appendix E, figure 14",
        "LeNet: reinits against random masks, final test accuracy",
        "reinits better",
        [
            need(LENET, lead(FINAL_ACCURACY, REINIT, SHUFFLE), at(level), above(0))
            for level in (8, 12)
        ],
    ),
    Claim(
        "A42b",
        "appendix E, figure 14",
        "Conv-2/4/6: reinits against random masks, final test accuracy",
        "no significant difference",
        [
            need(
                setting,
                lead(FINAL_ACCURACY, REINIT, SHUFFLE),
                PRUNED,
                near(0, NO_LEAD, "no significant difference"),
            )
            for setting in (CONV2, CONV4, CONV6)
        ],
        alike="it says that there is no difference",
    ),
    Claim(
        "A43",
        "appendix F.1, figure 15",
        "LeNet: initial weights of tickets, Adam",
        "layer 1 unchanged; layer 2 and output bimodal, layer 2 more positive, output"
        " more negative",
        [
            Condition(
                _change(LENET, FIRST, "near_zero", divided=True),
                Bound(GAUSSIAN, 1 / GAUSSIAN, why="unchanged but for a third"),
            ),
            _sign(LENET, FIRST, near(0, SKEW, "no sign is favoured but by chance")),
            *_two_peaked(LENET, (SECOND, OUTPUT)),
            _sign(LENET, SECOND, _POSITIVE),
            _sign(LENET, OUTPUT, _NEGATIVE),
        ],
    ),
    Claim(
        "A44",
        "appendix F.2, figure 16",
        "LeNet: initial weights of tickets, SGD 0.8",
        "bimodal in all layers; layer 1 favours negative, the others positive",
        [
            *_two_peaked(SGD, LENET_LAYERS),
            _sign(SGD, FIRST, _NEGATIVE),
            _sign(SGD, SECOND, _POSITIVE),
            _sign(SGD, OUTPUT, _POSITIVE),
        ],
    ),
    Claim(
        "A45",
        "appendix F.3, figure 17",
        "LeNet: reinits drawn from the tickets' initial weights",
        "little better than ordinary reinits",
        [
            Condition(_lead("ticket", REINIT), above(0)),
            *(
                Condition(
                    Against(
                        _lead(RESAMPLE, REINIT),
                        _lead("ticket", REINIT),
                        weight=sign / 2,
                    ),
                    bound,
                )
                for sign, bound in (
                    (1, at_most(0, "half of the tickets' lead better, at most")),
                    (-1, at_least(0, "half of the tickets' lead worse, at most")),
                )
            ),
            need(
                LENET,
                slowdown(RESAMPLE, REINIT),
                SMALL,
                Bound(0.8, 1.25, why="the same but for a quarter"),
            ),
        ],
    ),
    Claim(
        "A46",
        "appendix F.4, figure 18",
        "LeNet: pruning by magnitude before training",
        "worse than reinits of iterative pruning",
        [
            Condition(
                Against(
                    Statistic(BEFORE, value(ES_ACCURACY), average(levels(4, 8))),
                    Statistic(LENET, value(ES_ACCURACY, REINIT), average(levels(4, 8))),
                ),
                below(0),
            )
        ],
    ),
    Claim(
        "A47",
        "appendix F.5, figure 19",
        "LeNet: distance that weights move in training, Adam",
        "larger for weights of tickets than for others",
        _in_every_layer(
            (ratio(layer, "distance_kept", "distance_other") for layer in LENET_LAYERS),
            above(1),
        ),
        remark=BY_MAGNITUDE,
    ),
    Claim(
        "A48",
        "appendix F.5, figure 20",
        "LeNet: growth of magnitude in training, Adam",
        "weights of tickets more likely to grow",
        _in_every_layer(
            (excess(layer, "grown_kept", "grown_other") for layer in LENET_LAYERS),
            above(0),
        ),
        remark=BY_MAGNITUDE,
    ),
    Claim(
        "A49",
        "appendix F.6, figures 21 and 22",
        "LeNet: incoming connections of a unit, Adam and SGD",
        "roughly proportional to what the layer keeps",
        [
            Condition(
                _uneven(setting, layer, "incoming", SHOWN),
                at_most(UNEVEN, "not very uneven: twice what chance alone does"),
            )
            for setting in (LENET, SGD)
            for layer in LENET_LAYERS
        ],
        alike="it says that nothing is uneven",
    ),
    Claim(
        "A50",
        "appendix F.6, figures 23 and 24",
        "LeNet: outgoing connections of a unit, Adam and SGD",
        "very uneven for Adam, two-peaked for the input; less uneven for SGD",
        [
            *(
                Condition(
                    _uneven(LENET, layer, "outgoing", SMALL),
                    at_least(UNEVEN, "twice what chance alone does"),
                )
                for layer in (FIRST, SECOND)
            ),
            Condition(
                Against(
                    _uneven(LENET, SECOND, "outgoing", SMALL),
                    _uneven(LENET, SECOND, "incoming", SMALL),
                    divided=True,
                ),
                above(1, "less smooth than the incoming ones"),
            ),
            *(
                Condition(
                    Against(
                        _uneven(SGD, FIRST, "outgoing", at(level)),
                        _uneven(LENET, FIRST, "outgoing", at(level)),
                        divided=True,
                    ),
                    below(1, "less uneven"),
                )
                for level in (4, 8, 12)
            ),
        ],
        remark="That pixels have two peaks is for the eye, in the figure: no rule here"
        " counts peaks.",
    ),
    Claim(
        "A51",
        "appendix F.7, figure 25",
        "LeNet: noise of 0.5 standard deviations on the initial weights",
        "barely changes accuracy",
        [
            Condition(
                _lead(NOISES[0], "ticket"),
                near(0, BARELY, "barely", 0),
            )
        ],
        alike="it says that there is no difference",
    ),
    Claim(
        "A52",
        "appendix F.7, figure 25",
        "LeNet: noise of 3 standard deviations on the initial weights",
        "still better than reinits; worse the more noise",
        [
            Condition(
                _lead(NOISES[-1], REINIT), at_least(-ACCURACY_SLACK, "not worse")
            ),
            need(LENET, slowdown(REINIT, NOISES[-1]), SMALL, above(1, "earlier")),
            *(
                Condition(
                    _lead(more, less),
                    at_most(ACCURACY_SLACK, "no better but for the noise of a mean"),
                )
                for less, more in itertools.pairwise(NOISES)
            ),
            Condition(
                _lead(NOISES[-1], NOISES[0]),
                below(-ACCURACY_SLACK, "worse, and not by the noise of a mean"),
            ),
        ],
    ),
)
