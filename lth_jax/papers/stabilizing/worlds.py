"""What the paper prints of its networks, to see if rules find it when it is true."""

import math

from ...judging.null import World
from ...judging.settings import Setting
from ...schema import DATA_ORDER
from .claims.stability import CLAIMS, PRINTED, Printed
from .settings import RANDOM


def _world(printed: Printed) -> World:
    """Return the world of what Figures 3 and 10 print of a setting."""

    def world(position: float, kind: str, column: str) -> float:
        del position
        name, *cause = column.split()
        if not cause:
            final = name == "test_accuracy_final"
            accuracy = printed.random if kind == RANDOM else printed.ticket
            return accuracy / 100 if final else math.nan
        both = printed.distances if name == "distance" else printed.angles
        contrast = both[0 if cause == [DATA_ORDER] else 1]
        return contrast.random if kind == RANDOM else contrast.ticket

    return world


WORLDS: dict[str, dict[Setting, World]] = {
    claim.id: {setting: _world(PRINTED[setting])}
    for claim in CLAIMS
    for setting in {each.setting for each in claim.statistics}
}
"""By claim: what the paper prints of the setting that it reads."""
