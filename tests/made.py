"""Runs made by hand: from rows, of known numbers, and of a world of true claims."""

import dataclasses
import functools
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from lth_jax import papers
from lth_jax.config import Config, to_dict
from lth_jax.files import no_rows
from lth_jax.judging import Judgement, judge
from lth_jax.judging.settings import Setting
from lth_jax.papers.lottery.claims import appendix_lenet
from lth_jax.papers.lottery.claims.appendix_conv import (
    MOMENTUM_HIGHEST,
    MOMENTUM_LOWEST,
    ONE_KIND,
)
from lth_jax.papers.lottery.claims.appendix_tickets import BEFORE, NOISES, SGD
from lth_jax.papers.lottery.settings import (
    CONV2,
    CONV4,
    CONV6,
    LENET,
    LENET_LAYERS,
    LENET_ONE_SHOT,
    REINIT,
    RESAMPLE,
    RESNET_HIGH,
    RESNET_LOW,
    RESNET_WARM,
    SHUFFLE,
    VGG_HIGH,
    VGG_LOW,
    VGG_WARM,
    layerwise,
)
from lth_jax.report.page import Section
from lth_jax.schema import ANATOMY_TABLES, CURVES, PATHS, STABILITY, SUMMARY
from lth_jax.store.read import Anatomy, Run

CLAIMS = papers.claims()
LAYERS = [layer.path for layer in LENET_LAYERS]
CODED = [claim for claim in CLAIMS if claim.conditions]
CONTROLS = (REINIT, SHUFFLE, RESAMPLE, *NOISES)
DENSE_STEP = 7_000
WHO = ["level", "kind", "replicate", "draw"]
NO_ANATOMY = Anatomy(*(no_rows(table.columns) for table in ANATOMY_TABLES.values()))


def run_of(config: Config | dict[str, Any], summary: pd.DataFrame, **more) -> Run:
    """Return a run of a summary: every run that is made by hand is made here.

    Args:
        config: settings, or what of them is to be stored.
        summary: one row per network; whole steps become integers, some of which may be
            missing.
        more: other fields of the run; without them it has no curves, copies or anatomy.
    """
    steps = summary.get("early_stop_step", pd.Series(dtype=float))
    if (steps.dropna() % 1 == 0).all() and len(steps):
        summary = summary.astype({"early_stop_step": "Int64"})
    empty = {
        "curves": pd.DataFrame(columns=[*CURVES]),
        "stability": pd.DataFrame(columns=[*STABILITY]),
        "paths": pd.DataFrame(columns=[*PATHS]),
    }
    about = {"path": Path("runs/made"), "manifest": {}, "anatomy": NO_ANATOMY}
    stored = to_dict(config) if isinstance(config, Config) else config
    return Run(config=stored, summary=summary, **about | empty | more)


def curves_of(
    summary: pd.DataFrame, steps: Iterable[int], **point: Any
) -> pd.DataFrame:
    """Return curves on which every network has the same values at these steps."""
    values = {"split": "test", "loss": 1.0, "accuracy": 0.5} | point
    parts = [summary[WHO].assign(step=step, **values) for step in steps]
    return pd.concat(parts, ignore_index=True)


# Known numbers: arrays first, so that figures can be checked against NumPy.

DRAWS = {"ticket": 1, "random_reinit": 3, "shuffle_mask": 2}
LEVELS, REPLICATES, STEPS = 8, 3, np.arange(0, 1001, 50)


def numbers_of(kind: str, what: str) -> np.ndarray:
    """Return deterministic numbers [levels + 1, replicates, draws]."""
    seed = [list(DRAWS).index(kind), len(what)]
    noise = np.random.default_rng(seed).uniform(
        size=(LEVELS + 1, REPLICATES, DRAWS[kind])
    )
    if what == "early_stop_step":
        return 300 + 50 * np.floor(5 * noise)
    return 0.97 + 0.01 * noise


def losses_of(kind: str, split: str) -> np.ndarray:
    """Return losses [levels + 1, replicates, draws, steps]; accuracy: 1 - loss / 9."""
    peaks = numbers_of(kind, split)[..., None]
    return 0.1 * peaks + 8 * np.exp(-STEPS / 60) + 1e-4 * STEPS


def known_run(
    path: Path, kinds: tuple[str, ...] = tuple(DRAWS), levels: int = LEVELS
) -> Run:
    """Return a run of these numbers: of LeNet on digits, with a note of everything."""
    summary, curves = [], []
    for kind in kinds:
        steps, accuracy = (
            numbers_of(kind, name) for name in ("early_stop_step", "test_accuracy_es")
        )
        for level, replicate, draw in np.ndindex(steps.shape):
            if level > levels or (level == 0 and kind != "ticket"):
                continue
            at = (level, replicate, draw)
            who = dict(zip(WHO, (level, kind, replicate, draw), strict=True))
            summary.append(
                who
                | {"density": 0.8**level, "status": "ok", "early_stop_step": steps[at]}
                | {"test_accuracy_es": accuracy[at]}
                | {"test_accuracy_final": accuracy[at] - 0.01}
                | {"train_accuracy_final": accuracy[at] + 0.01}
            )
            for split in ("validation", "test"):
                loss = losses_of(kind, split)[at]
                values = {"step": STEPS, "loss": loss, "accuracy": 1 - loss / 9}
                curves.append(pd.DataFrame(who | {"split": split} | values))
    return run_of(
        Config(reinits=3, shuffles=2),
        pd.DataFrame(summary),
        path=path,
        curves=pd.concat(curves, ignore_index=True),
        manifest={
            "experiment": "tiny",
            "fingerprint": "0123abcd",
            "versions": {"jax": "0.10.2"},
            "devices": ["cpu"],
            "plan": {"devices": 2},
            "data": {"name": "digits", "sha256": "cafe", "note": "as delivered"},
            "events": [{"time": "2026-01-01T00:00:00", "event": "resumed"}],
        },
    )


RATES = (0.05, 0.2, 0.325, 0.45, 0.575, 0.7, 0.825, 0.9, 0.95)
"""One-shot rates: more than the paper names, as rules ask for."""

# A world in which the claims hold: what each network does.


def lenet(level: int, kind: str) -> tuple[float, float]:
    """Return early-stop step and accuracy as the paper describes them."""
    more = {SHUFFLE: -0.001, RESAMPLE: 0.0005}
    if kind in (REINIT, *more):
        accuracy = 0.98 + 0.0008 * (6 - level) + more.get(kind, 0)
        return DENSE_STEP * (1 + level / 10), accuracy
    less = dict(zip(NOISES, (0.0005, 0.001, 0.0022, 0.004), strict=True))
    down, up = level / 7, (level - 7) / 8
    step = DENSE_STEP - 2_800 * (down if level <= 7 else 1 - up)
    gain = 0.0036 * (level / 9 if level <= 9 else (15 - level) / 6)
    return step, 0.98 + gain - less.get(kind, 0)


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


def steady(step: float, accuracy: float, dense: float) -> Callable[..., Any]:
    """Return networks that are the same at all levels but the dense one."""

    def network(level: int, kind: str) -> tuple[float, float]:
        del kind
        return (step, accuracy) if level else (DENSE_STEP, dense)

    return network


def like_adam(level: int, kind: str) -> tuple[float, float]:
    """Return networks that stop early at all levels, and are as accurate."""
    return (6_000 if level else DENSE_STEP), lenet(level, kind)[1]


def continued(setting: Setting) -> Setting:
    return setting.but("continued", prune={"continued": True})


def dipping(level: int, kind: str) -> tuple[float, float]:
    del kind
    return DENSE_STEP, 0.75 - 0.01 * (0 < level < 5) + 0.01 * (level > 8)


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
    layerwise(VGG_WARM): deep(0.92, 0.005, 0.0, (12, 7)),
    layerwise(RESNET_WARM): deep(0.905, 0.001, 0.0, (8, 3)),
    continued(LENET): steady(8_000, 0.979, 0.98),
    **{continued(each): steady(3_000, 0.78, 0.75) for each in (CONV2, CONV4, CONV6)},
    BEFORE: steady(9_000, 0.976, 0.98),
    **dict.fromkeys(appendix_lenet.SGD.values(), like_adam),
    **{
        setting: steady(DENSE_STEP, 0.982, 0.982 if rate == 0.025 else 0.981)
        if rate in (0.025, 0.05, 0.1)
        else steady(DENSE_STEP, 0.979, 0.979)
        for rate, setting in appendix_lenet.MOMENTUM.items()
    },
    appendix_lenet.PER_ROUND[0.1]: steady(5_500, 0.9815, 0.98),
    appendix_lenet.PER_ROUND[0.4]: steady(DENSE_STEP, 0.979, 0.98),
    appendix_lenet.PER_ROUND[0.6]: steady(DENSE_STEP, 0.979, 0.98),
    **{
        setting: steady(6_000, *((0.982, 0.979) if std == 0.1 else (0.98, 0.978)))
        for std, setting in appendix_lenet.STDS.items()
    },
    appendix_lenet.SIZES[100, 34]: steady(DENSE_STEP, 0.979, 0.978),
    appendix_lenet.SIZES[900, 300]: steady(6_600, 0.982, 0.981),
    **dict.fromkeys(MOMENTUM_LOWEST, dipping),
    **dict.fromkeys(MOMENTUM_HIGHEST, steady(6_500, 0.76, 0.75)),
    **{
        each.one: steady(*((1_500, 0.79) if each.better else (2_500, 0.78)), 0.75)
        for each in ONE_KIND
    },
}
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
    apart: Iterable[int] = (),
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
        apart: levels whose tickets are taken apart.
        train: fields that differ from the setting's.
    """
    world = setting
    if setting == LENET_ONE_SHOT:
        setting = setting.but("", prune={"one_shot": RATES})
    rates = setting.config.prune.one_shot
    n_levels = len(rates) or n_levels
    copied = [level for level in copied if level <= n_levels]
    apart = [level for level in apart if level <= n_levels]
    config = dataclasses.replace(
        setting.config,
        seed=seed,
        replicates=replicates,
        train=dataclasses.replace(setting.config.train, **train),
        prune=dataclasses.replace(setting.config.prune, levels=n_levels),
    )
    kinds, twice = tuple(kinds), tuple(copied) if close else ()
    made = networks_of(world, replicates, n_levels, kinds, twice)
    summary, curves = (table.copy() for table in made)
    return run_of(
        config,
        summary,
        manifest={"data": {"name": config.data.name} | (data or {})},
        curves=curves,
        stability=pairs_of(close, ("ticket", *kinds), copied, replicates),
        anatomy=NO_ANATOMY._replace(
            layers=layers_of(setting, apart, replicates),
            histograms=histograms_of(setting, apart, replicates),
        )
        if apart
        else NO_ANATOMY,
    )


@functools.cache
def networks_of(
    setting: Setting,
    replicates: int,
    n_levels: int,
    kinds: tuple[str, ...],
    copied: tuple[int, ...],
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return summary and curves of a setting in the world; some levels are copied."""
    rows = []
    for level in range(n_levels + 1):
        for kind in ("ticket", *kinds) if level else ("ticket",):
            step, accuracy = WORLD.get(setting, conv)(level, kind)
            one = {"level": level, "kind": kind, "draw": 0, "status": "ok"}
            one |= {"density": 0.8**level, "n_remaining": round(99_999 * 0.8**level)}
            one |= {name: accuracy for name in SUMMARY if "accuracy" in name}
            one |= {"train_accuracy_final": 1.0, "early_stop_step": step}
            rows += [one | {"replicate": r} for r in range(replicates)]
            if level in copied:
                copy = one | {"kind": f"{kind}_reorder", "draw": 1}
                rows += [copy | {"replicate": r} for r in range(replicates)]
    summary = pd.DataFrame(rows)
    return summary, curves_of(summary, (10_000, 30_000))


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


def layers_of(setting: Setting, levels: Iterable[int], replicates: int) -> pd.DataFrame:
    """Return rows of the layers of tickets, as the paper describes them."""
    sgd, two_peaked = setting == SGD, two_peaked_in(setting)
    positive = dict(
        zip(LAYERS, (0.4, 0.6, 0.6) if sgd else (0.5, 0.6, 0.4), strict=True)
    )
    rows = [
        {"level": level, "replicate": r, "layer": layer}
        | {"n_weights": 999, "n_remaining": 99}
        | {"kept_positive": positive[layer] if level else 0.5}
        | {"near_zero": 0.1 if level and two_peaked[layer] else 0.38}
        | {"distance_kept": 0.2, "distance_other": 0.1 if level else None}
        | {"grown_kept": 0.8, "grown_other": 0.3 if level else None}
        | {"incoming_spread": 0.3, "outgoing_spread": 0.3 if sgd else 0.9}
        | {"incoming_random": 0.2, "outgoing_random": 0.2}
        | {"units_without_incoming": 0, "units_without_outgoing": 0}
        | {"live": 99, "log10_paths": 3.0}
        for level in levels
        for layer in LAYERS
        for r in range(replicates)
    ]
    return pd.DataFrame(rows, columns=[*ANATOMY_TABLES["layers.parquet"].columns])


def two_peaked_in(setting: Setting) -> dict[str, bool]:
    """Return in which layers the paper sees two peaks."""
    return dict(zip(LAYERS, (setting == SGD, True, True), strict=True))


def histograms_of(
    setting: Setting, levels: Iterable[int], replicates: int
) -> pd.DataFrame:
    """Return rows of the initial weights that tickets keep, half of them at 0 gone."""
    rows = [
        {"level": level, "replicate": r, "layer": layer}
        | {"quantity": "initial", "part": "kept", "low": low, "high": low + 1.0}
        | {"count": 5 if peaks and level and -8 <= low < 8 else 10}
        for level in levels
        for layer, peaks in two_peaked_in(setting).items()
        for r in range(replicates)
        for low in range(-32, 32)
    ]
    return pd.DataFrame(rows)


def changed(run: Any, *changes: tuple[str, str, Iterable[int], Any]) -> Any:
    """Return the run, or pool, with other values of kind, column and levels."""
    summary = run.summary.copy()
    for kind, column, at, value in changes:
        rows = (summary["kind"] == kind) & summary["level"].isin(list(at))
        assert rows.any()
        summary.loc[rows, column] = value
    return run._replace(summary=summary)


def row_of(id_: str, *runs: Run) -> Judgement:
    (row,) = judge(runs, [claim for claim in CLAIMS if claim.id == id_])
    return row


def needed(id_: str) -> list[Setting]:
    claim = next(claim for claim in CODED if claim.id == id_)
    return list(dict.fromkeys(each.setting for each in claim.statistics))


def text_of(section: Section | None) -> list[str]:
    """Return the cells of the table of a page, row by row, joined by bars."""
    assert section is not None
    return ["|".join(row) for row in (section.table.head, *section.table.rows)]
