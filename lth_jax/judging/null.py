"""What rules say of made-up networks: how often noise passes, and the truth fails.

Networks are drawn in memory, with the noise that runs show, and judged by the same
conditions as runs. Where no network has any effect, a rule should hardly ever say
"reproduced"; where the numbers of the paper are true, it should nearly always.
"""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..schema import DATA_ORDER, PRUNING
from .intervals import Network
from .pool import Pool
from .quantities import ES_STEP, Quantity
from .reductions import Reduction
from .rules import Claim, Statistic
from .settings import Setting
from .units import percent

if TYPE_CHECKING:
    import pandas as pd

REPLICATES, REINITS = 5, 3
"""Of the papers."""
STUDIES = 100
RATES = tuple(n / 10 for n in range(1, 10))
"""One-shot rates, beside those that a setting names."""
LOGGED = {ES_STEP: 0.18, "distance": 0.03, "angle": 0.03}
"""Standard deviations of logarithms over networks, pooled within levels of runs."""
SPREAD = {
    "test_accuracy_es": 0.0012,
    "val_accuracy_es": 0.0012,
    "test_accuracy_final": 0.0015,
    "val_accuracy_final": 0.0015,
    "train_accuracy_final": 0.0005,
}
"""Standard deviations of other columns."""
DENSE = {ES_STEP: 4_000.0, "train_accuracy_final": 1.0, "distance": 50.0, "angle": 50.0}
ACCURACY = 0.98
RANDOM_MASK = {
    "kept_positive": (0.5, 0.02),
    "near_zero": (0.383, 0.01),
    "hollow": (1.05, 0.1),
    "distance_kept": (0.2, 0.01),
    "distance_other": (0.2, 0.01),
    "grown_kept": (0.7, 0.02),
    "grown_other": (0.7, 0.02),
    "incoming_spread": (0.2, 0.016),
    "incoming_random": (0.2, 0.0),
    "outgoing_spread": (0.2, 0.016),
    "outgoing_random": (0.2, 0.0),
}
"""Mean and standard deviation of what a layer shows whose mask is random."""

World = Callable[[float, str, str], float]
"""(position, kind, column) -> what networks are like on average; NaN: as dense ones.
Columns of pairs are followed by their cause: ``distance pruning``."""


class Rates(NamedTuple):
    """How often a rule says what of made-up networks.

    Attributes:
        id: of the claim.
        noise: share of studies without any effect that reproduce it.
        truth: share of those that do where the paper's numbers are true, by replicates;
            empty if these are not known.
        remark: why it holds without any effect, if it does.
    """

    id: str
    noise: float
    truth: Mapping[int, float]
    remark: str


class MadeUp:
    """Networks of a setting in many studies at once, which are judged one by one."""

    def __init__(self, pool: Pool, replicates: int) -> None:
        """Take a pool in which the replicates of each study stand side by side."""
        self.pool, self.replicates = pool, replicates
        self._known: dict[tuple[int, int], tuple[list[float], list[float]]] = {}

    def reduce(
        self, quantity: Quantity, reduction: Reduction
    ) -> tuple[list[float], list[float]]:
        """Return what the means of every study show, and what every network does."""
        key = id(quantity), id(reduction)
        if key not in self._known:
            tables = quantity.tables(self.pool)
            means = quantity.join(*(self._means(table) for table in tables))
            self._known[key] = (
                self._reduced(means, reduction),
                self._reduced(quantity.join(*tables), reduction),
            )
        return self._known[key]

    def _reduced(self, table: Any, reduction: Reduction) -> list[float]:
        table = table.sort_index()
        return [reduction.of(table[column], self.pool) for column in table.columns]

    def _means(self, table: Any) -> Any:
        """Return means over the replicates of each study."""
        studies = np.arange(table.shape[-1]) // self.replicates
        return table.T.groupby(studies).mean().T


class Study(NamedTuple):
    """One of the studies, read as a pool of runs is."""

    networks: MadeUp
    number: int

    def reduced(
        self, quantity: Quantity, reduction: Reduction
    ) -> tuple[float, dict[Network, float]]:
        """Return a quantity, reduced over levels: of the means, and of replicates."""
        means, each = self.networks.reduce(quantity, reduction)
        n = self.networks.replicates
        mine = each[n * self.number : n * (self.number + 1)]
        return means[self.number], {(0, r): value for r, value in enumerate(mine)}


def rates(
    claim: Claim,
    worlds: Mapping[Setting, World],
    studies: int | None = None,
    sizes: Iterable[int] = (REPLICATES,),
) -> Rates:
    """Judge a claim by made-up studies, without any effect and with the paper's.

    Args:
        claim: with conditions.
        worlds: what the paper says of settings; where one of the claim's is missing,
            its own numbers are not known.
        studies: how many of each; default: `STUDIES`.
        sizes: replicates of those in which the paper's numbers are true.
    """
    studies = studies or STUDIES
    known = {each.setting for each in claim.statistics} <= worlds.keys()
    noise = verdicts(claim, {}, studies, REPLICATES)["reproduced"]
    found = {
        n: verdicts(claim, worlds, studies, n)["reproduced"] / studies
        for n in (sizes if known else ())
    }
    return Rates(claim.id, noise / studies, found, claim.alike)


def verdicts(
    claim: Claim, worlds: Mapping[Setting, World], studies: int, replicates: int
) -> Counter[str]:
    """Count what a rule says of made-up studies."""
    parts: dict[Setting, list[Statistic]] = {}
    for statistic in claim.statistics:
        parts.setdefault(statistic.setting, []).append(statistic)
    made = {
        setting: MadeUp(
            _pool(
                setting, each, worlds.get(setting), _base(claim), studies * replicates
            ),
            replicates,
        )
        for setting, each in parts.items()
    }
    counts: Counter[str] = Counter()
    for number in range(studies):
        pools = {setting: Study(each, number) for setting, each in made.items()}
        said = {each.outcome(each.term.of(pools)) for each in claim.conditions}
        no = "not reproduced" if "no" in said else "undecided"
        counts["reproduced" if said == {"yes"} else no] += 1
    return counts


def _base(claim: Claim) -> float:
    """Return an accuracy that the claim itself states, so that it is no obstacle."""
    stated = (
        each.bound.claimed / 100
        for each in claim.conditions
        if each.bound.claimed
        and isinstance(each.term, Statistic)
        and each.term.unit is percent
        and each.term.quantity.column in SPREAD
    )
    return next(stated, ACCURACY)


def _pool(
    setting: Setting,
    statistics: Iterable[Statistic],
    world: World | None,
    base: float,
    columns: int,
) -> Pool:
    """Draw networks with all that statistics read, with noise of their own each.

    Args:
        setting: which also seeds the noise, so that two settings share none.
        statistics: of the setting.
        world: what networks are like on average; None: all are like dense ones.
        base: accuracy of dense ones.
        columns: how many networks of every kind and position.
    """
    import pandas as pd

    statistics = [*statistics]
    rng = np.random.default_rng([ord(letter) for letter in setting.name])
    rates = setting.config.prune.one_shot
    last = max(math.ceil(each.reduction.last) for each in statistics)
    positions = [0.0, *sorted({*rates, *RATES})] if rates else list(range(last + 1))

    def mean(position: float, kind: str, column: str) -> float:
        name = column.split()[0]
        like_dense = DENSE.get(name, base)
        value = world(position, kind, column) if world else math.nan
        return like_dense if math.isnan(value) else value

    def drawn(position: float, kind: str, column: str) -> np.ndarray:
        draws = REINITS if kind != "ticket" else 1
        noise = rng.standard_normal((draws, columns))
        name, middle = column.split()[0], mean(position, kind, column)
        if name in LOGGED:
            return (middle * np.exp(LOGGED[name] * noise)).mean(axis=0)
        return np.minimum(middle + SPREAD.get(name, 0.0012) * noise, 1.0).mean(axis=0)

    kinds = dict.fromkeys(k for each in statistics for k in each.quantity.kinds)
    read = dict.fromkeys(each.quantity.column for each in statistics)
    summary, curves, pairs, layers = [], [], [], []
    for position in positions:
        for kind in kinds if position else ("ticket",):
            who = {"position": float(position), "kind": kind}
            who |= {"replicate": np.arange(columns)}
            own = {c: drawn(position, kind, c) for c in read if c in {*SPREAD, ES_STEP}}
            size = {"n_remaining": 1e5 * 0.8**position}
            summary.append(pd.DataFrame(who | size | own))
            curves += [
                pd.DataFrame(
                    who
                    | {"step": int(c.split("@")[1]), "split": "test"}
                    | {"accuracy": drawn(position, kind, "test_accuracy_final")}
                )
                for c in read
                if "@" in c
            ]
            pairs += [
                pd.DataFrame(
                    who
                    | {"cause": cause}
                    | {c: drawn(position, kind, f"{c} {cause}") for c in read}
                )
                for cause in (DATA_ORDER, PRUNING)
                if any(each.quantity.cause == cause for each in statistics)
            ]
        layers += [
            pd.DataFrame(
                {"position": float(position), "kind": "ticket", "layer": layer}
                | {"replicate": np.arange(columns)}
                | {
                    name: middle + spread * rng.standard_normal(columns)
                    for name, (middle, spread) in RANDOM_MASK.items()
                }
            )
            for layer in {
                s.quantity.layer: None for s in statistics if s.quantity.layer
            }
        ]
    tables = (_joined(table) for table in (summary, curves, pairs, layers))
    return Pool(
        {"train.steps": math.inf},
        *tables,
        positions=positions,
        data_note="",
        networks=[(0, n) for n in range(columns)],
        names=(),
        data=(),
        repeated=(),
    )


def _joined(tables: "list[pd.DataFrame]") -> "pd.DataFrame":
    import pandas as pd

    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()
