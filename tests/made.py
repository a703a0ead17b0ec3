"""Runs made by hand, in a world in which the claims hold, for the tests of claims."""

import dataclasses
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pandas as pd

from lth_jax.anatomy import TABLES, Anatomy
from lth_jax.claims import judge
from lth_jax.claims.deep import (
    RESNET_HIGH,
    RESNET_LOW,
    RESNET_WARM,
    VGG_HIGH,
    VGG_LOW,
    VGG_WARM,
)
from lth_jax.claims.judge import Row
from lth_jax.claims.settings import (
    CONV2,
    CONV4,
    CONV6,
    LENET,
    LENET_ONE_SHOT,
    Setting,
)
from lth_jax.claims.table import CLAIMS
from lth_jax.config import to_dict
from lth_jax.copies import PATHS, STABILITY
from lth_jax.files import no_rows
from lth_jax.runs import Run
from lth_jax.tables import SUMMARY

CODED = [claim for claim in CLAIMS if claim.conditions]
REINIT, SHUFFLE = "random_reinit", "shuffle_mask"
DENSE_STEP = 7_000

# A world in which the claims of sections 2 to 4 hold: what each network does.


def lenet(level: int, kind: str) -> tuple[float, float]:
    """Return early-stop step and accuracy as the paper describes them."""
    if kind != "ticket":
        return DENSE_STEP * (1 + level / 10), 0.98 + 0.0008 * (6 - level)
    down, up = level / 7, (level - 7) / 8
    step = DENSE_STEP - 2_800 * (down if level <= 7 else 1 - up)
    return step, 0.98 + 0.0036 * (level / 9 if level <= 9 else (15 - level) / 6)


def one_shot(level: int, kind: str) -> tuple[float, float]:
    del kind
    return (6_500, 0.981) if level else (DENSE_STEP, 0.98)


def conv(level: int, kind: str) -> tuple[float, float]:
    if level and kind == "ticket":
        return 2_000, 0.785
    return DENSE_STEP, 0.75


def deep(
    accuracy: float, ticket: float, reinit: float, ends: tuple[int, int] = (99, 99)
) -> Callable[..., Any]:
    """Return gains of tickets and of controls, which end after a level of each."""

    def network(level: int, kind: str) -> tuple[float, float]:
        is_ticket = kind == "ticket"
        gain = (ticket if is_ticket else reinit) if level else 0.0
        over = level > ends[0 if is_ticket else 1]
        return DENSE_STEP, accuracy + gain - (0.02 if over else 0)

    return network


WORLD = {
    LENET: lenet,
    LENET_ONE_SHOT: one_shot,
    **dict.fromkeys((CONV2, CONV4, CONV6), conv),
    VGG_HIGH: deep(0.91, -0.01, -0.01),
    VGG_LOW: deep(0.92, -0.005, -0.02, (15, 99)),
    VGG_WARM: deep(0.92, 0.005, 0.0, (19, 7)),
    RESNET_HIGH: deep(0.905, -0.01, -0.01),
    RESNET_LOW: deep(0.895, 0.0, -0.01),
    RESNET_WARM: deep(0.905, 0.001, 0.0, (10, 3)),
}
NO_ANATOMY = Anatomy(*map(no_rows, TABLES.values()))
Closeness = tuple[float, float]


def make_run(
    setting: Setting,
    replicates: int = 3,
    n_levels: int = 24,
    seed: int = 0,
    kinds: Iterable[str] = (REINIT, SHUFFLE),
    data: dict[str, Any] | None = None,
    close: Callable[[str, str], Closeness] | None = None,
    copied: Iterable[int] = (),
    **train: Any,
) -> Run:
    """Return a run of a setting in the world above.

    Args:
        setting: that it is of.
        replicates: how many.
        n_levels: number of the last level.
        seed: of the run.
        kinds: of controls.
        data: more of the manifest on the data.
        close: (kind, cause) -> distance and angle of every pair.
        copied: levels with copies under another data order.
        train: fields that differ from the setting's.
    """
    rates = setting.config.prune.one_shot
    n_levels = len(rates) or n_levels
    copied = [level for level in copied if level <= n_levels]
    config = dataclasses.replace(
        setting.config,
        seed=seed,
        replicates=replicates,
        train=dataclasses.replace(setting.config.train, **train),
        prune=dataclasses.replace(setting.config.prune, levels=n_levels),
    )
    rows = []
    for level in range(n_levels + 1):
        for kind in ("ticket", *kinds) if level else ("ticket",):
            step, accuracy = WORLD.get(setting, conv)(level, kind)
            one = {"level": level, "kind": kind, "draw": 0, "status": "ok"}
            one |= {"density": 0.8**level, "n_remaining": round(99_999 * 0.8**level)}
            one |= {name: accuracy for name in SUMMARY if "accuracy" in name}
            one |= {"train_accuracy_final": 1.0, "early_stop_step": step}
            rows += [one | {"replicate": r} for r in range(replicates)]
            if level in copied and close:
                copy = one | {"kind": f"{kind}_reorder", "draw": 1}
                rows += [copy | {"replicate": r} for r in range(replicates)]
    summary = pd.DataFrame(rows)
    point = {"split": "test", "loss": 1.0, "accuracy": 0.5}
    who = ["level", "kind", "replicate", "draw"]
    curves = [summary[who].assign(step=step, **point) for step in (10_000, 30_000)]
    return Run(
        path=Path("runs/made"),
        config=to_dict(config),
        manifest={"data": {"name": config.data.name} | (data or {})},
        summary=summary,
        curves=pd.concat(curves, ignore_index=True),
        stability=pairs_of(close, ("ticket", *kinds), copied, replicates),
        paths=pd.DataFrame(columns=[*PATHS]),
        anatomy=NO_ANATOMY,
    )


def pairs_of(
    close: Callable[[str, str], Closeness] | None,
    kinds: Iterable[str],
    levels: Iterable[int],
    replicates: int,
) -> pd.DataFrame:
    """Return rows of stability: one pair of data orders, and one with the dense one."""
    rows = [
        {"level": level, "kind": kind, "replicate": r, "cause": cause}
        | {"first": 0, "second": int(cause == "data_order")}
        | dict(zip(("distance", "angle"), close(kind, cause), strict=True))
        for level in levels
        for kind in kinds
        for cause in ("data_order", "pruning")
        if close and (cause == "data_order" or kind != REINIT)
        for r in range(replicates)
    ]
    table = pd.DataFrame(rows, columns=[*STABILITY])
    return table.astype({n: t for n, t in STABILITY.items() if t == "float64"})


def changed(run: Run, *changes: tuple[str, str, Iterable[int], Any]) -> Run:
    """Return the run with other values of kind, column and levels."""
    summary = run.summary.copy()
    for kind, column, at, value in changes:
        rows = (summary["kind"] == kind) & summary["level"].isin(list(at))
        assert rows.any()
        summary.loc[rows, column] = value
    return run._replace(summary=summary)


def row_of(id_: str, *runs: Run) -> Row:
    (row,) = judge(runs, [claim for claim in CLAIMS if claim.id == id_])
    return row


def needed(id_: str) -> list[Setting]:
    claim = next(claim for claim in CODED if claim.id == id_)
    return list(dict.fromkeys(measure.setting for measure in claim.measures))
