"""What LeNet's networks do if the paper is right, to see if rules find it then.

Where it states a number, that is the one here. Where it states none (one-shot pruning,
random masks, noise, pruning before training), it is about what our runs show.
"""

import math

from ...judging.null import DENSE, World
from ...judging.quantities import ES_STEP
from ...judging.settings import Setting
from .claims.appendix_tickets import BEFORE, NOISES
from .settings import LENET, LENET_ONE_SHOT, REINIT, RESAMPLE, SHUFFLE

DENSE_ACCURACY = 0.98
EARLIEST, MOST_ACCURATE, BACK = 7, 9, 15
"""Levels: of the earliest stop, of the best accuracy, and of neither any more."""
SAVED, GAINED, GAINED_AT_END = 0.38, 0.35, 0.35
"""Part of the early-stop step; points."""
LOST = (0.0, 0.1, 0.25, 0.45)
"""Points, by noise of 0.5, 1, 2 and 3 standard deviations."""
SLOWER, BEHIND = 2.51, 0.5
"""Reinits against tickets at the level of the earliest stop."""


def lenet(position: float, kind: str, column: str) -> float:
    """Return what Figures 3 and 4, 14, 17 and 25 say of LeNet's networks."""
    if not position:
        return math.nan
    if column == ES_STEP:
        return DENSE[ES_STEP] * _time(position, kind)
    if column == "train_accuracy_final":
        return math.nan
    return DENSE_ACCURACY + _points(position, kind, column) / 100


def _time(level: float, kind: str) -> float:
    """Return the early-stop step of a kind / that of the dense network."""
    if kind in (REINIT, SHUFFLE, RESAMPLE):
        return 1 + (SLOWER * (1 - SAVED) - 1) * level / EARLIEST
    down, up = level / EARLIEST, (level - EARLIEST) / (BACK - EARLIEST)
    return 1 - SAVED * (down if level <= EARLIEST else 1 - up)


def _points(level: float, kind: str, column: str) -> float:
    """Return by how many points a kind is more accurate than the dense network."""
    top = GAINED_AT_END if column == "test_accuracy_final" else GAINED
    rest = (BACK + 0.5 - level) / (BACK + 0.5 - MOST_ACCURATE)
    ticket = top * min(math.sqrt(level / MOST_ACCURATE), rest)
    if kind in NOISES:
        return ticket - LOST[NOISES.index(kind)]
    if kind == "ticket":
        return ticket
    at_earliest = GAINED * math.sqrt(EARLIEST / MOST_ACCURATE) - BEHIND
    later = at_earliest - 0.15 * (level - EARLIEST)
    reinit = 0.02 * (EARLIEST - level) if level < EARLIEST else later
    return reinit - (0.4 if kind == SHUFFLE else 0)


def one_shot(rate: float, kind: str, column: str) -> float:
    """Return what Figure 4c says: earlier and better, but not at the end."""
    del kind
    if not rate:
        return math.nan
    if column == ES_STEP:
        inside = 0.325 <= rate <= 0.825
        return DENSE[ES_STEP] * (0.8 if inside else 1.0 if rate < 0.9 else 1.3)
    return DENSE_ACCURACY + (0.0025 if rate < 0.9 else -0.0002)


def before(level: float, kind: str, column: str) -> float:
    """Return what Figure 18 says: worse than reinits."""
    worse = 0.0 if column == ES_STEP or not level else 0.003
    return lenet(level, REINIT if level else kind, column) - worse


_SECTION_2 = "A3 A4 A5 A6 A7 A8 A9 A10 A11 A12 A13 A14 A15 A16"
_APPENDIX = "A42 A45 A46 A51 A52"
WORLDS: dict[str, dict[Setting, World]] = {
    id_: {LENET: lenet, LENET_ONE_SHOT: one_shot, BEFORE: before}
    for id_ in f"{_SECTION_2} {_APPENDIX}".split()
}
"""By claim: what the paper says of the settings that it reads."""
