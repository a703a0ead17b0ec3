"""All experiments: what they plan is possible, and they run from data to claims."""

import dataclasses
import functools
import math
import re
import runpy
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from runs import without_pictures

from lth_jax import load_run, models, papers, sources
from lth_jax.config import Config, ModelConfig, PlanConfig, Variants, fingerprint
from lth_jax.driver import pipeline
from lth_jax.errors import InputError
from lth_jax.judging import judge
from lth_jax.report.sweep import write_reports
from lth_jax.store import write
from lth_jax.store.read import load_variants
from lth_jax.study import networks
from lth_jax.study.study import compiled
from lth_jax.tickets.counts import level_counts
from lth_jax.training.dataset import Dataset
from lth_jax.training.loop import check_fits
from lth_jax.types import Model

FILES = sorted((Path(__file__).parent.parent / "experiments").glob("[!_]*.py"))
NAMES = [path.stem for path in FILES]
DATA = {
    "digits": ((8, 8, 1), 1_197),
    "mnist": ((28, 28, 1), 55_000),
    "cifar10": ((32, 32, 3), 45_000),
}
"""Shape of an example, and how many there are to train on."""


@functools.cache
def functions(name: str) -> dict:
    return runpy.run_path(str(FILES[NAMES.index(name)]))


def made(name: str, function: str) -> Variants:
    """Return the variants of an experiment; one study is named by nothing."""
    config = functions(name)[function]()
    return {"": config} if isinstance(config, Config) else config


@functools.cache
def network(config: ModelConfig, shape: tuple[int, ...]) -> Model:
    return models.build(config, shape, 10)


@functools.cache
def check_takes(config: ModelConfig, shape: tuple[int, ...], train) -> None:
    """Check that a network takes examples, without data or weights."""
    n = {shape: n for shape, n in DATA.values()}[shape]
    x = np.broadcast_to(np.float32(0), (n, *shape))
    data = Dataset(x, np.broadcast_to(np.int32(0), (n,)))
    check_fits(network(config, shape), train, data, 10)


# What is planned.


@pytest.mark.parametrize("function", ["config", "quick"])
@pytest.mark.parametrize("name", NAMES)
def test_every_variant_can_be_built_and_pruned(name, function):
    variants = made(name, function)
    if "" not in variants:
        write.check_names(variants)
    for config in variants.values():
        shape, n = DATA[config.data.name]
        assert config.train.batch_size <= n
        model = dataclasses.replace(config.model, init_std=None)
        plain = dataclasses.replace(config.train, learning_rate=0.1, warmup=0, drops=())
        check_takes(model, shape, dataclasses.replace(plain, steps=1))
        counts = level_counts(network(model, shape).layers, config.prune)
        kept = [c if isinstance(c, int) else sum(c.values()) for c in counts]
        assert len(kept) == config.levels + 1
        falls = [a > b for a, b in pairwise(kept)]
        assert all(falls) or not config.prune.rate, "every level prunes"
        ids = networks.trainings(config)
        assert len({*networks.names(config, ids)}) == len(ids)


@pytest.mark.parametrize("name", NAMES)
def test_it_says_how_much_it_trains(name):
    """Trainings of a variant, a network, with one optimizer, or in all; programs."""
    variants = made(name, "config")
    groups: dict = {}
    for label, config in variants.items():
        own = networks.lengths(
            [(config, networks.plan_study(config), range(config.levels + 1))]
        )
        model, optimizer = config.model.name, config.train.optimizer
        for key in (label, model, (model, optimizer), None):
            groups.setdefault(key, set()).update(own)
    words = " ".join(functions(name)["__doc__"].split())
    numbers = {len(own) for own in groups.values()}
    for said in re.findall(r"([\d,]+) trainings", words):
        assert int(said.replace(",", "")) in numbers, said
    programs = len({compiled(config) for config in variants.values()})
    assert {int(n) for n in re.findall(r"in (\d+) programs", words)} <= {programs}


# What is run: on the embedded digits, in seconds.


def tiny(config: Config, out: Path) -> Config:
    """Return the same study with 4 steps of 8 digits, at most 2 levels."""
    train, rewind, prune = config.train, config.rewind, config.prune
    change, levels = dataclasses.replace, min(2, config.levels)

    def scaled(moment: Any) -> Any:
        return math.ceil(moment * 3 / train.steps) if type(moment) is int else moment

    def there(numbers: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(n for n in numbers if n <= levels)

    return change(
        config,
        data=change(config.data, name="digits"),
        model=change(config.model, widths=(6 + (config.model.widths[0] > 300), 4)),
        train=change(
            train,
            steps=4,
            batch_size=8,
            eval_every=2,
            warmup=min(1, train.warmup),
            drops=(2, 3)[: len(train.drops)],
        ),
        prune=change(prune, levels=levels, one_shot=prune.one_shot[-2:]),
        rewind=change(
            rewind,
            weights=scaled(rewind.weights),
            clock=scaled(rewind.clock),
            steps=scaled(rewind.steps),
        ),
        stability=change(
            config.stability,
            orders=min(2, config.stability.orders),
            points=min(3, config.stability.points),
            batches=1,
        ),
        replicates=min(2, config.replicates),
        control_levels=there(config.control_levels),
        anatomy=there(config.anatomy),
        plan=PlanConfig(devices=2),
        out=str(out),
        progress=False,
    )


@pytest.fixture(scope="module")
def _no_figures():
    with pytest.MonkeyPatch.context() as patch:
        without_pictures(patch)
        yield


def quick_of(name: str) -> Variants:
    """Return the LeNets of a quick form; of a grid, its two ends.

    Convolutional networks compile for long: of them, one that prunes one kind of layer.
    """
    cheap = "conv2" if name == "lth_figure_37" else "lenet"
    found = {k: c for k, c in made(name, "quick").items() if c.model.name == cheap}
    ends = list(found)[:1] + list(found)[1:][-1:]
    return {label: found[label] for label in ends}


def unlike() -> list[str]:
    """Return the experiments whose quick forms have LeNets; of equal ones, one."""
    quick = {name: quick_of(name) for name in NAMES}
    return list({fingerprint(v): name for name, v in quick.items() if v}.values())


FAST = {"digits", "lth_figure_9", "instability"}
"""Experiments that differ in kind; the others repeat what these do, on other grids."""


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=() if name in FAST else pytest.mark.long)
        for name in unlike()
    ],
)
def test_it_runs_from_data_to_claims(name, _no_figures, tmp_path):
    variants = {k: tiny(config, tmp_path) for k, config in quick_of(name).items()}
    if list(variants) == [""]:
        path = pipeline.run(variants[""], name)
    else:
        path = pipeline.run_sweep(variants, name)
    found = load_run(path).summary
    wanted = [lane for c in variants.values() for lane in networks.trainings(c)]
    assert sorted(found["kind"]) == sorted(lane.kind for lane in wanted)
    assert set(found["status"]) == {"ok"}
    page, *_ = write_reports(path)
    assert "<svg></svg>" in page.read_text()
    runs = [*load_variants(path).values()] or [load_run(path)]
    assert judge(runs, papers.claims())


# What is run: quick forms as they are, on real data.


@pytest.mark.long
@pytest.mark.parametrize("name", NAMES)
def test_its_quick_form_runs(name, tmp_path):
    """With the data that the user has prepared, if any."""
    variants = {
        label or "one": dataclasses.replace(config, out=str(tmp_path), progress=False)
        for label, config in made(name, "quick").items()
    }
    try:
        for config in variants.values():
            sources.load(config.data, config.seed)
    except InputError as error:
        pytest.skip(str(error))
    path = pipeline.run_sweep(variants, name)
    assert set(load_run(path).summary["status"]) == {"ok"}
    page, *_ = write_reports(path)
    assert "<svg" in page.read_text()
    assert judge([*load_variants(path).values()], papers.claims())
