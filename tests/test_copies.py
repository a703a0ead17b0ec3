"""Copies compared in whole runs: rows, files, damage, and a second opinion."""

import dataclasses
import itertools
import shutil

import jax
import numpy as np
import pytest
from helpers import built, splits
from runs import config_at, levels, run

import lth_jax as lth
from lth_jax import load_run, load_ticket, tree
from lth_jax.config import (
    Config,
    PlanConfig,
    PruneConfig,
    RewindConfig,
    StabilityConfig,
)
from lth_jax.errors import StoreError
from lth_jax.schema import LEVEL_TABLES, PATHS, STABILITY
from lth_jax.store import write
from lth_jax.store.faults import fault
from lth_jax.study.copies import pairs_of, stability_rows
from lth_jax.study.find import find_ticket
from lth_jax.study.level import parent_of
from lth_jax.study.study import make_study
from lth_jax.types import FINAL, Snapshot

TRAIN = lth.TrainConfig(steps=20, eval_every=8, learning_rate=0.02)
COPIED = {
    "rewind": RewindConfig(weights=5),
    "stability": StabilityConfig(orders=3, points=4),
    "control_levels": (2,),
}


@pytest.fixture(scope="module")
def copied(tmp_path_factory):
    """Return a run with copies at its last level: 2 + 2 + 2 * 9 networks."""
    return run(config_at(tmp_path_factory.mktemp("copied"), **COPIED))


@pytest.fixture(scope="module")
def memory():
    """Return config, levels and dense end of the same study in memory."""
    config = config_at("nowhere", **COPIED)
    data, _ = lth.sources.load(config.data, config.seed)
    model = lth.lenet((8, 8, 1), widths=(8,))
    made = list(find_ticket(model, data, config))
    dense = parent_of(made[0])
    return config, made, dense.finals, model, data


def final_of(level, kind: str, replicate: int, draw: int = 0):
    i = level.ids.index(lane := (level.number, kind, replicate, draw))
    assert lane in level.ids
    return tree.take((level.tickets.mask, level.outcome.finals.params), i)


def numpy_closeness(a, b, mask) -> tuple[float, float]:
    """Return distance and angle over surviving kernels, in float64."""
    vectors = [
        np.concatenate(
            [
                np.asarray(leaf, np.float64)[tree.flatten(mask)[path]]
                for path, leaf in tree.flatten(params).items()
                if path.endswith("kernel")
            ]
        )
        for params in (a, b)
    ]
    u, v = (vector / np.linalg.norm(vector) for vector in vectors)
    distance = np.linalg.norm(vectors[0] - vectors[1])
    return distance, np.degrees(np.arccos(np.clip(u @ v, -1, 1)))


def test_rows_are_those_of_numpy(memory):
    """18 rows of data order, 6 of which are of reinits, and 4 of pruning."""
    config, (*_, level), dense, *_ = memory
    rows = stability_rows(config, level, dense)
    assert len(rows) == 2 * (3 * 3 + 2)
    for row in rows:
        kind, replicate = row["kind"], row["replicate"]
        mask, one = final_of(level, kind, replicate)
        if row["cause"] == "pruning":
            assert kind in ("ticket", "shuffle_mask")
            ends = tree.take(dense.params, replicate), one
        else:
            assert 0 <= row["first"] < row["second"] < 3
            ends = [
                final_of(level, f"{kind}_reorder", replicate, order)[1]
                if order
                else one
                for order in (row["first"], row["second"])
            ]
        distance, angle = numpy_closeness(*ends, mask)
        assert row["distance"] == pytest.approx(distance, rel=1e-5)
        assert row["angle"] == pytest.approx(angle, abs=1e-2)


def test_stored_rows_are_those_in_memory(copied, memory):
    config, (*_, level), dense, *_ = memory
    stored = load_run(copied).stability
    for row, there in zip(
        stability_rows(config, level, dense), stored.to_dict("records"), strict=True
    ):
        for name in ("level", "kind", "replicate", "cause", "first", "second"):
            assert row[name] == there[name]
        assert row["distance"] == pytest.approx(there["distance"], rel=1e-4)
        assert row["angle"] == pytest.approx(there["angle"], rel=1e-3)


def test_barriers_are_those_of_the_stored_paths(copied):
    loaded = load_run(copied)
    keys = ["kind", "replicate", "first", "second"]
    orders = loaded.stability.query("cause == 'data_order'").set_index(keys)
    paths = loaded.paths
    assert len(paths) == 2 * 4 * len(orders) == 2 * 4 * 18
    for (*pair, split), path in paths.groupby([*keys, "split"]):
        errors = path.sort_values("alpha")["error"].to_numpy()
        barrier = errors.max() - (errors[0] + errors[-1]) / 2
        stored = orders.loc[tuple(pair), f"{split}_barrier"]
        assert stored == pytest.approx(barrier, abs=1e-6)
    pruning = loaded.stability.query("cause == 'pruning'")
    assert pruning[["train_barrier", "test_barrier"]].isna().all(axis=None)


def test_paths_end_at_the_networks(copied):
    """Alpha 1 is the first network, alpha 0 the second: their stored accuracies."""
    loaded = load_run(copied)
    accuracy = loaded.summary.set_index(["level", "kind", "replicate", "draw"])
    for row in loaded.paths.query("alpha in (0, 1)").itertuples():
        order = row.first if row.alpha == 1 else row.second
        kind = f"{row.kind}_reorder" if order else row.kind
        network = accuracy.loc[(2, kind, row.replicate, order)]
        expected = network[f"{row.split}_accuracy_final"]
        assert row.error == pytest.approx(1 - expected, abs=1e-6)


def test_only_levels_with_copies_have_the_tables(copied):
    names = {path.split("/")[0] for path in levels(copied, {"stability.parquet"})}
    assert names == {"level_02"}
    assert load_run(copied).stability["level"].unique().tolist() == [2]
    bare = load_run(copied)
    assert list(bare.stability) == list(STABILITY)
    assert list(bare.paths) == list(PATHS)


def test_runs_without_copies_have_empty_tables(tmp_path):
    loaded = load_run(
        run(config_at(tmp_path, replicates=1, prune=PruneConfig(levels=1)))
    )
    assert loaded.stability.empty and list(loaded.stability) == list(STABILITY)
    assert loaded.paths.empty and list(loaded.paths) == list(PATHS)


@pytest.mark.parametrize(
    "rule",
    [
        RewindConfig(weights="final", clock=5),
        RewindConfig(weights="final", steps=4),
        RewindConfig(weights=5, clock=0),
        RewindConfig(weights=5, steps=3),
    ],
)
def test_stability_to_pruning_needs_the_dense_networks_own_way(rule):
    config = Config(train=TRAIN, rewind=rule, stability=StabilityConfig(orders=2))
    small = dataclasses.replace(
        config, prune=PruneConfig(levels=1), replicates=1, plan=PlanConfig(devices=1)
    )
    *_, level = made = list(find_ticket(built("mlp"), splits(), batch_of(small)))
    dense = made[0].outcome.finals
    causes = {row["cause"] for row in stability_rows(small, level, dense)}
    assert causes == {"data_order"}


def batch_of(config: Config) -> Config:
    train = dataclasses.replace(config.train, batch_size=6)
    return dataclasses.replace(config, train=train)


def test_diverged_copies_are_in_no_pair(memory):
    config, (*_, level), dense, *_ = memory
    lost = level.ids.index((2, "ticket_reorder", 1, 2))
    curve = jax.tree.map(np.copy, level.outcome.curve)
    curve.test.loss[lost, -1] = np.nan
    broken = level._replace(outcome=level.outcome._replace(curve=curve))
    pairs = [pair for pair in pairs_of(broken) if pair.kind == "ticket"]
    assert [(pair.replicate, pair.orders) for pair in pairs] == [
        *((0, orders) for orders in itertools.combinations(range(3), 2)),
        (1, (0, 1)),
    ]
    rows = stability_rows(config, broken, dense)
    assert len(rows) == len(stability_rows(config, level, dense)) - 2


# Files.


def test_a_ticket_is_read_back_with_the_weights_of_step_k(copied, memory):
    _, (dense, *pruned), *_ = memory
    for level, replicate in itertools.product(pruned, range(2)):
        i = level.ids.index((level.number, "ticket", replicate, 0))
        ticket = load_ticket(copied, level.number, replicate)
        made = tree.take(level.tickets, i)
        assert ticket.clock == made.clock == 5
        for path, leaf in tree.flatten(made.params).items():
            close = tree.flatten(ticket.params)[path]
            np.testing.assert_allclose(close, leaf, rtol=1e-4, atol=1e-6)
    assert load_ticket(copied, 0, 0).clock == 0
    assert dense.outcome.kept.keys() == {5}


def test_a_ticket_that_kept_its_trained_weights_is_read_back(tmp_path):
    path = run(config_at(tmp_path, rewind=RewindConfig(weights="final", clock=5)))
    before = np.load(path / "level_01" / "final.npz")
    ticket = load_ticket(path, 2, 1)
    kernel = ticket.params["Dense_0"]["kernel"]
    np.testing.assert_array_equal(kernel, before["final/Dense_0/kernel"][1])
    assert ticket.clock == 5 and load_ticket(path, 1, 1).clock == 5


def test_weights_that_were_not_kept_are_named(tmp_path):
    rule = RewindConfig(weights="final", clock=5)
    path = run(config_at(tmp_path, rewind=rule, keep_final="last"))
    with pytest.raises(StoreError, match=r"end of level 1, were not kept"):
        load_ticket(path, 2, 1)


def test_the_dense_end_is_kept_as_long_as_it_is_compared(tmp_path, copied):
    path = run(config_at(tmp_path, keep_final="last", **COPIED))
    assert levels(path, {"stability.parquet", "paths.parquet"}) == levels(
        copied, {"stability.parquet", "paths.parquet"}
    )
    assert not (path / "level_00" / "final.npz").exists()
    shutil.rmtree(path / "level_02")
    run(config_at(tmp_path, keep_final="last", **COPIED))
    assert levels(path, {"stability.parquet"}) == levels(copied, {"stability.parquet"})


@pytest.mark.parametrize("name", ["snapshots.npz", "final.npz", "stability.parquet"])
def test_what_is_damaged_is_done_again(name, copied, tmp_path, logged):
    path = tmp_path / copied.name
    shutil.copytree(copied, path)
    where = 2 if name == "stability.parquet" else 0
    (path / f"level_{where:02d}" / name).write_bytes(b"no")
    if where == 0:
        shutil.rmtree(path / "level_02")
    run(config_at(tmp_path, **COPIED))
    assert f"Level {where} will be done again" in logged()
    assert levels(path) == levels(copied)


@pytest.mark.parametrize(
    ("column", "value", "problem"),
    [
        ("angle", 181.0, "its column angle holds 181"),
        ("distance", -1.0, "its column distance holds -1"),
        ("second", 3, "its column second holds 3"),
        ("cause", "luck", "its column cause holds luck"),
        ("kind", "keep_sign", "its networks are not those"),
        ("replicate", 2, "its networks are not those"),
        ("test_barrier", 1.5, "its column test_barrier holds 1.5"),
        ("kind", None, "a row without"),
    ],
)
def test_impossible_rows_are_refused(column, value, problem, copied):
    config = config_at("nowhere", **COPIED)
    rows, table = load_run(copied).stability, LEVEL_TABLES["stability.parquet"]
    assert fault(rows, table, config, 2) == ""
    rows.loc[0, column] = value
    assert fault(rows, table, config, 2).startswith(problem)


def test_the_same_pair_twice_is_refused(copied):
    rows, table = load_run(copied).paths, LEVEL_TABLES["paths.parquet"]
    config = config_at("nowhere", **COPIED)
    assert fault(rows, table, config, 2) == ""
    rows.loc[1] = rows.loc[0]
    assert "or two of the same" in fault(rows, table, config, 2)


def test_a_trajectory_of_another_shape_is_refused(copied, tmp_path):
    path = tmp_path / copied.name
    shutil.copytree(copied, path)
    config = config_at(tmp_path, **COPIED)
    model = lth.lenet((8, 8, 1), widths=(8,))
    study = make_study(model, config)
    found = write.read_trajectory(path, study)
    assert found.keys() == {5, FINAL}
    assert isinstance(found[5], Snapshot) and found[5].clock.tolist() == [5, 5]
    np.savez(path / "level_00" / "snapshots.npz", other=np.zeros(3))
    with pytest.raises(
        StoreError, match=r"snapshots\.npz cannot be read: it holds other"
    ):
        write.read_trajectory(path, study)
