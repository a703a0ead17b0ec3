"""Figures 3 and 10 of "Stabilizing the Lottery Ticket Hypothesis" (claims B3a to B3u).

Three claims for each of seven settings: how many times as stable tickets are as random
subnetworks, the distances and angles themselves, and accuracies, which are the final
ones, as this paper knows no early stop. Random subnetworks are those of kind
``shuffle_mask``. The tickets of Lenet had been trained, without copies, before these
rules; its tolerances are those of all settings.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from ..study.copies import DATA_ORDER, PRUNING
from .deep import (
    NO_LEAD,
    RESNET_HIGH,
    RESNET_LOW,
    RESNET_WARM,
    VGG_HIGH,
    VGG_LOW,
    VGG_WARM,
)
from .quantities import (
    FINAL_ACCURACY,
    Unit,
    closeness,
    degrees,
    lead,
    length,
    points,
    stabler,
    times,
    value,
)
from .reductions import at
from .rules import Bound, Claim, Condition, around, most_of, near, need
from .settings import LENET, Setting

RANDOM = "shuffle_mask"
CAUSES = (DATA_ORDER, PRUNING)
LEVEL = {
    LENET: 10,
    **dict.fromkeys((RESNET_HIGH, RESNET_LOW, RESNET_WARM), 8),
    **dict.fromkeys((VGG_HIGH, VGG_LOW, VGG_WARM), 17),
}
"""Where stability is measured: 10.7 %, 16.7 % and 2.2 % of the weights."""

# Tolerances of this paper's numbers, beside those of `lth_jax.judging.rules`.

FACTOR = 1.5
"""By which a distance may be missed: its scale is that of the weights, on which
augmentation, decay, batch norm and a JPEG copy of the data act."""
DEGREES = 10.0
"""By which an angle may be missed: it has no scale, so a ninth of a right angle."""
ALIKE = 0.2
"""By which a ratio may be off 1 for "no difference"; the paper prints one of 0.8."""


class Compared(NamedTuple):
    """What Figures 3 and 10 print of a measure: of tickets, of random, their ratio."""

    ticket: float
    random: float
    ratio: float


class Printed(NamedTuple):
    """What Figures 3 and 10 print of a setting; data order first, then pruning.

    Attributes:
        distances: L2.
        angles: in degrees.
        ticket: final test accuracy in percent.
        random: the same of random subnetworks.
        remark: on the numbers.
    """

    distances: tuple[Compared, Compared]
    angles: tuple[Compared, Compared]
    ticket: float
    random: float
    remark: str = ""


PRINTED = {
    LENET: Printed(
        (Compared(20.7, 58.6, 2.8), Compared(48.1, 75.7, 1.6)),
        (Compared(22.7, 49.2, 2.2), Compared(53.1, 83.6, 1.6)),
        *(98.3, 97.5),
    ),
    RESNET_HIGH: Printed(
        (Compared(66.4, 66.7, 1.0), Compared(54.4, 53.4, 1.0)),
        (Compared(87.7, 88.0, 1.0), Compared(87.7, 88.0, 1.0)),
        *(87.7, 87.7),
        remark="The paper prints the same angles for data order and for pruning.",
    ),
    RESNET_LOW: Printed(
        (Compared(7.1, 28.9, 4.1), Compared(19.8, 26.6, 1.3)),
        (Compared(16.1, 75.8, 4.7), Compared(50.4, 77.1, 1.5)),
        *(89.1, 86.1),
    ),
    RESNET_WARM: Printed(
        (Compared(9.5, 37.4, 3.9), Compared(24.8, 34.6, 1.4)),
        (Compared(17.0, 69.0, 4.7), Compared(49.9, 79.0, 1.6)),
        *(90.3, 86.8),
        remark="The paper prints 4.7x for angles of 17.0 and 69.0, whose ratio is 4.1.",
    ),
    VGG_HIGH: Printed(
        (Compared(285, 245, 0.8), Compared(216, 212, 1.0)),
        (Compared(88.5, 88.3, 1.0), Compared(87.8, 88.1, 1.0)),
        *(90.0, 90.2),
    ),
    VGG_LOW: Printed(
        (Compared(36.8, 90.3, 2.5), Compared(44.0, 66.1, 1.5)),
        (Compared(39.9, 84.9, 2.1), Compared(54.0, 79.0, 1.5)),
        *(91.0, 88.0),
    ),
    VGG_WARM: Printed(
        (Compared(97, 267, 2.7), Compared(138, 201, 1.5)),
        (Compared(39.9, 84.6, 2.1), Compared(71.7, 84.8, 1.2)),
        *(92.4, 90.3),
        remark="The paper prints the data-order angle of the tickets at the rate 0.01.",
    ),
}


def by_factor(claimed: float, unit: Unit) -> Bound:
    """Return the bound for a number that may be missed by a factor.

    Example:
        >>> by_factor(30, length).text(length)
        "from 20.0 to 45.0 (the paper's 30.0 but for a factor 1.5)"
    """
    why = f"the paper's {unit(claimed)} but for a factor {FACTOR:g}"
    return Bound(claimed / FACTOR, claimed * FACTOR, why=why)


def ratio_of(claimed: float) -> Bound:
    """Return the bound for a ratio: most of what it is above 1, or near 1.

    Example:
        >>> ratio_of(1.0).text(times)
        'from 0.80x to 1.20x (no difference but for a fifth)'
    """
    if claimed > 1:
        return most_of(claimed, times)
    return near(1, ALIKE, "no difference but for a fifth")


def _measures(printed: Printed) -> Iterator[tuple[str, str, Compared]]:
    """Yield column, cause and numbers of what is printed of stability."""
    columns = {"distance": printed.distances, "angle": printed.angles}
    for column, numbers in columns.items():
        for cause, compared in zip(CAUSES, numbers, strict=True):
            yield column, cause, compared


def ratios(setting: Setting, columns: Iterable[str]) -> list[Condition]:
    """Return the conditions of "tickets are so many times as stable as random"."""
    return [
        need(
            setting,
            stabler(column, cause, than=RANDOM),
            at(LEVEL[setting]),
            ratio_of(compared.ratio),
        )
        for column, cause, compared in _measures(PRINTED[setting])
        if column in columns
    ]


def _amounts(setting: Setting) -> list[Condition]:
    """Return the conditions of the distances and angles themselves."""

    def bound(column: str, claimed: float) -> Bound:
        if column == "distance":
            return by_factor(claimed, length)
        why = f"the paper's {degrees(claimed)} give or take {DEGREES:g}"
        return near(claimed, DEGREES, why)

    return [
        need(
            setting,
            closeness(column, cause, kind),
            at(LEVEL[setting]),
            bound(column, claimed),
        )
        for column, cause, compared in _measures(PRINTED[setting])
        for kind, claimed in (("ticket", compared.ticket), (RANDOM, compared.random))
    ]


def _accuracies(setting: Setting) -> list[Condition]:
    """Return the conditions of both accuracies, and of their difference."""
    where, printed = at(LEVEL[setting]), PRINTED[setting]
    more = printed.ticket - printed.random
    alike = near(0, NO_LEAD, "no difference but for half a point")
    return [
        around(setting, value(FINAL_ACCURACY), where, printed.ticket),
        around(setting, value(FINAL_ACCURACY, RANDOM), where, printed.random),
        need(
            setting,
            lead(FINAL_ACCURACY, "ticket", RANDOM),
            where,
            most_of(more, points) if more >= NO_LEAD else alike,
        ),
    ]


def _figures(setting: Setting, letters: str) -> Iterator[Claim]:
    """Yield the claims of Figures 3 and 10 for a setting; B3 has Lenet's distances."""
    printed, name = PRINTED[setting], f"{setting.name}, level {LEVEL[setting]}"
    columns = ("angle",) if setting is LENET else ("distance", "angle")
    cells = list(_measures(printed))
    by = (f"{c}, {w} {times(x.ratio)}" for c, w, x in cells if c in columns)
    amounts = (f"{c}, {w} {x.ticket:g} / {x.random:g}" for c, w, x in cells)
    for letter, what, paper, conditions in (
        (letters[0], "ratio of random to ticket", by, ratios(setting, columns)),
        (letters[1], "ticket / random", amounts, _amounts(setting)),
    ):
        yield Claim(
            f"B3{letter}",
            "Stabilizing, figures 3 and 10",
            f"{name}: stability, {what}",
            "; ".join(paper).replace("_", " "),
            conditions,
            remark=printed.remark,
        )
    yield Claim(
        f"B3{letters[2]}",
        "Stabilizing, figure 3",
        f"{name}: final test accuracy, ticket / random",
        f"{printed.ticket:g} % / {printed.random:g} %",
        _accuracies(setting),
    )


CLAIMS = tuple(
    claim
    for n, setting in enumerate(PRINTED)
    for claim in _figures(setting, "abcdefghijklmnopqrstu"[3 * n : 3 * n + 3])
)
