"""Section 2 of the paper, figures 3 and 10: stability of tickets (claims B3 to B3u).

Three claims for each of seven settings: how many times as stable tickets are as random
subnetworks, the distances and angles themselves, and accuracies, which are the final
ones, as this paper knows no early stop. Random subnetworks are those of kind
``shuffle_mask``. The tickets of LeNet had been trained, without copies, before these
rules; its tolerances are those of all settings.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from ....judging.quantities import (
    CAUSES,
    FINAL_ACCURACY,
    closeness,
    lead,
    stabler,
    value,
)
from ....judging.reductions import at
from ....judging.rules import (
    NO_LEAD,
    Bound,
    Claim,
    Condition,
    around,
    most_of,
    near,
    need,
)
from ....judging.settings import Setting
from ....judging.units import Unit, degrees, length, points, times
from ..settings import (
    LENET,
    LEVEL,
    RANDOM,
    RESNET_HIGH,
    RESNET_LOW,
    RESNET_WARM,
    VGG_HIGH,
    VGG_LOW,
    VGG_WARM,
)

# Tolerances of this paper's numbers, beside those of `lth_jax.judging.rules`.

FACTOR = 1.2
"""By which a distance may be missed; the paper's bars are 1 to 7 %."""
DEGREES = 5.0
"""By which an angle may be missed."""
EXACT = 0.4
"""Points by which an accuracy may be missed; the paper's bars are 0.1 to 0.3."""
ALIKE = 0.2
"""By which a ratio may be off 1 for "no difference"; the paper prints one of 0.8."""


class Contrast(NamedTuple):
    """What Figures 3 and 10 print of a column: tickets, random ones, their ratio."""

    ticket: float
    random: float
    ratio: float


class Printed(NamedTuple):
    """What Figures 3 and 10 print of a setting; data order first, then pruning.

    Attributes:
        letters: of the three claims that are made of it.
        distances: L2.
        angles: in degrees.
        ticket: final test accuracy in percent.
        random: the same of random subnetworks.
        remark: on the numbers.
    """

    letters: str
    distances: tuple[Contrast, Contrast]
    angles: tuple[Contrast, Contrast]
    ticket: float
    random: float
    remark: str = ""


PRINTED = {
    LENET: Printed(
        "abc",
        (Contrast(20.7, 58.6, 2.8), Contrast(48.1, 75.7, 1.6)),
        (Contrast(22.7, 49.2, 2.2), Contrast(53.1, 83.6, 1.6)),
        ticket=98.3,
        random=97.5,
    ),
    RESNET_HIGH: Printed(
        "def",
        (Contrast(66.4, 66.7, 1.0), Contrast(54.4, 53.4, 1.0)),
        (Contrast(87.7, 88.0, 1.0), Contrast(87.7, 88.0, 1.0)),
        ticket=87.7,
        random=87.7,
        remark="The paper prints the same angles for data order and for pruning.",
    ),
    RESNET_LOW: Printed(
        "ghi",
        (Contrast(7.1, 28.9, 4.1), Contrast(19.8, 26.6, 1.3)),
        (Contrast(16.1, 75.8, 4.7), Contrast(50.4, 77.1, 1.5)),
        ticket=89.1,
        random=86.1,
    ),
    RESNET_WARM: Printed(
        "jkl",
        (Contrast(9.5, 37.4, 3.9), Contrast(24.8, 34.6, 1.4)),
        (Contrast(17.0, 69.0, 4.7), Contrast(49.9, 79.0, 1.6)),
        ticket=90.3,
        random=86.8,
        remark="The paper prints 4.7x for angles of 17.0 and 69.0, whose ratio is 4.1.",
    ),
    VGG_HIGH: Printed(
        "mno",
        (Contrast(285, 245, 0.8), Contrast(216, 212, 1.0)),
        (Contrast(88.5, 88.3, 1.0), Contrast(87.8, 88.1, 1.0)),
        ticket=90.0,
        random=90.2,
    ),
    VGG_LOW: Printed(
        "pqr",
        (Contrast(36.8, 90.3, 2.5), Contrast(44.0, 66.1, 1.5)),
        (Contrast(39.9, 84.9, 2.1), Contrast(54.0, 79.0, 1.5)),
        ticket=91.0,
        random=88.0,
    ),
    VGG_WARM: Printed(
        "stu",
        (Contrast(97, 267, 2.7), Contrast(138, 201, 1.5)),
        (Contrast(39.9, 84.6, 2.1), Contrast(71.7, 84.8, 1.2)),
        ticket=92.4,
        random=90.3,
        remark="The paper prints the data-order angle of the tickets at the rate 0.01.",
    ),
}


def by_factor(claimed: float, unit: Unit) -> Bound:
    """Return the bound for a number that may be missed by a factor.

    Example:
        >>> by_factor(30, length).text(length)
        "from 25.0 to 36.0 (the paper's 30.0 but for a factor 1.2)"
    """
    why = f"the paper's {unit(claimed)} but for a factor {FACTOR:g}"
    return Bound(claimed / FACTOR, claimed * FACTOR, why=why, claimed=claimed)


def ratio_of(claimed: float) -> Bound:
    """Return the bound for a ratio: most of what it is above 1, or near 1.

    Example:
        >>> ratio_of(1.0).text(times)
        'from 0.80x to 1.20x (no difference but for a fifth)'
    """
    if claimed > 1:
        return most_of(claimed, times)
    return near(1, ALIKE, "no difference but for a fifth", claimed)


def _contrasts(printed: Printed) -> Iterator[tuple[str, str, Contrast]]:
    """Yield column, cause and numbers of what is printed of stability."""
    columns = {"distance": printed.distances, "angle": printed.angles}
    for column, numbers in columns.items():
        for cause, contrast in zip(CAUSES, numbers, strict=True):
            yield column, cause, contrast


def _ratios(setting: Setting, columns: Iterable[str]) -> list[Condition]:
    """Return the conditions of "tickets are so many times as stable as random"."""
    return [
        need(
            setting,
            stabler(column, cause, than=RANDOM),
            at(LEVEL[setting]),
            ratio_of(contrast.ratio),
        )
        for column, cause, contrast in _contrasts(PRINTED[setting])
        if column in columns
    ]


def _amounts(setting: Setting) -> list[Condition]:
    """Return the conditions of the distances and angles themselves."""

    def bound(column: str, claimed: float) -> Bound:
        if column == "distance":
            return by_factor(claimed, length)
        why = f"the paper's {degrees(claimed)} give or take {DEGREES:g}"
        return near(claimed, DEGREES, why, claimed)

    return [
        need(
            setting,
            closeness(column, cause, kind),
            at(LEVEL[setting]),
            bound(column, claimed),
        )
        for column, cause, contrast in _contrasts(PRINTED[setting])
        for kind, claimed in (("ticket", contrast.ticket), (RANDOM, contrast.random))
    ]


def _accuracies(setting: Setting) -> list[Condition]:
    """Return the conditions of both accuracies, and of their difference."""
    where, printed = at(LEVEL[setting]), PRINTED[setting]
    more = printed.ticket - printed.random
    alike = near(0, NO_LEAD, "no difference but for half a point")
    return [
        around(setting, value(FINAL_ACCURACY), where, printed.ticket, EXACT),
        around(setting, value(FINAL_ACCURACY, RANDOM), where, printed.random, EXACT),
        need(
            setting,
            lead(FINAL_ACCURACY, "ticket", RANDOM),
            where,
            most_of(more, points) if more >= NO_LEAD else alike,
        ),
    ]


def _figures(setting: Setting) -> Iterator[Claim]:
    """Yield the claims of Figures 3 and 10 for a setting; B3 has LeNet's distances.

    They are three of one table, which count once.
    """
    printed, name = PRINTED[setting], f"{setting.name}, level {LEVEL[setting]}"
    columns = ("angle",) if setting is LENET else ("distance", "angle")
    head = "B3" if setting is LENET else f"B3{printed.letters[0]}"
    same = all(x.ratio <= 1 for _, _, x in _contrasts(printed))
    alike = "it says that there is no difference" if same else ""
    cells = list(_contrasts(printed))
    by = (f"{c}, {w} {times(x.ratio)}" for c, w, x in cells if c in columns)
    amounts = (f"{c}, {w} {x.ticket:g} / {x.random:g}" for c, w, x in cells)
    for letter, what, paper, conditions in (
        (
            printed.letters[0],
            "ratio of random to ticket",
            by,
            _ratios(setting, columns),
        ),
        (printed.letters[1], "ticket / random", amounts, _amounts(setting)),
    ):
        id_ = f"B3{letter}"
        yield Claim(
            id_,
            "Stabilizing, figures 3 and 10",
            f"{name}: stability, {what}",
            "; ".join(paper).replace("_", " "),
            conditions,
            remark=printed.remark,
            shares="" if id_ == head else head,
            alike=alike,
        )
    yield Claim(
        f"B3{printed.letters[2]}",
        "Stabilizing, figure 3",
        f"{name}: final test accuracy, ticket / random",
        f"{printed.ticket:g} % / {printed.random:g} %",
        _accuracies(setting),
        shares=head,
        alike=alike,
    )


CLAIMS = (
    Claim(
        "B3",
        "Stabilizing, section 2, figure 3",
        "LeNet, level 10: stability in L2 distance, ratio of random to ticket",
        "data order 2.8x; pruning 1.6x",
        _ratios(LENET, ("distance",)),
    ),
    *(claim for setting in PRINTED for claim in _figures(setting)),
)
