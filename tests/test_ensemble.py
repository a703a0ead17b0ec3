"""Lanes: alike in any group, on any device; one compilation; no communication."""

import contextlib
import functools
import re
from collections.abc import Iterator

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import built, count_traces, random_mask, ready, splits, tree_close
from jax.sharding import AxisType, Mesh
from jax.sharding import PartitionSpec as P

from lth_jax import tree
from lth_jax.config import Config, PlanConfig, PruneConfig, TrainConfig
from lth_jax.study.find import find_ticket
from lth_jax.study.ready import lanes_of
from lth_jax.study.study import make_study
from lth_jax.training.lanes import (
    Lanes,
    Outcome,
    Program,
    Underway,
    begin,
    make_program,
    run_lanes,
)

TRAIN = TrainConfig(steps=20, batch_size=6, eval_every=8, learning_rate=0.02)
CONTROLS = {"reinits": 1, "shuffles": 1}
COLLECTIVES = re.compile(
    r"all-reduce|all-gather|all-to-all|reduce-scatter|collective-(permute|broadcast)"
)


@functools.cache
def some_lanes(n: int, x64: bool = False) -> Lanes:
    """Return lanes with weights, masks, keys and learning rates of their own."""
    study = make_study(built("mlp"), Config(train=TRAIN, replicates=n))
    level = ready(study, 0)
    masks = jax.vmap(random_mask)(
        jax.random.split(jax.random.key(5), n), level.tickets.params
    )
    tickets = level.tickets._replace(mask=tree.to_host(masks))
    lanes = lanes_of(study, level._replace(tickets=tickets))
    rates = TRAIN.learning_rate * np.arange(1, n + 1, dtype=np.float64)
    dtype = np.float64 if x64 else np.float32
    hypers = lanes.hypers._replace(learning_rate=rates.astype(dtype))
    return lanes._replace(hypers=hypers)


@functools.cache
def program_on(devices: int, lanes_per_device: int) -> Program:
    assert len(jax.devices()) >= 4
    return make_program(
        built("mlp"),
        TRAIN,
        devices=jax.devices()[:devices],
        lanes_per_device=lanes_per_device,
    )


def outcome_of(program: Program, lanes: Lanes, data=None) -> Outcome:
    """Train lanes; return their outcomes stacked."""
    groups = list(run_lanes(program, lanes, program.put_data(data or splits())))
    return tree.concatenate(groups)


# A lane is a lane.


@pytest.mark.long
def test_lanes_differ():
    outcome = outcome_of(program_on(1, 1), some_lanes(3))
    losses = outcome.curve.validation.loss
    assert losses.shape == (3, 4)
    assert len(np.unique(losses[:, -1])) == 3


@pytest.mark.usefixtures("x64")
def test_stacked_lane_is_the_single_run():
    lanes, data = some_lanes(5, x64=True), splits(dtype=np.float64)
    lanes = jax.tree.map(
        lambda a: a.astype(np.float64) if a.dtype == np.float32 else a, lanes
    )
    single = outcome_of(program_on(1, 1), lanes, data)
    stacked = outcome_of(program_on(1, 5), lanes, data)
    assert single.finals.params["Dense_0"]["kernel"].dtype == np.float64
    tree_close(stacked, single, atol=1e-10)


@pytest.mark.parametrize(
    ("devices", "per_device"),
    [(4, 1), *(pytest.param(*n, marks=pytest.mark.long) for n in [(2, 2), (1, 6)])],
)
def test_neither_devices_nor_padding_change_a_lane(devices, per_device):
    lanes = some_lanes(6)  # 4 does not divide it: the second group is padded
    spread = outcome_of(program_on(devices, per_device), lanes)
    tolerance = 0.0 if per_device == 1 else 1e-5
    tree_close(spread, outcome_of(program_on(1, 1), lanes), atol=tolerance)


@pytest.mark.parametrize("n", [1, 4, 5])
def test_outcomes_come_group_by_group_without_padding(n):
    program = program_on(4, 1)
    data = program.put_data(splits())
    paced = []

    def watch(underway: Underway, lanes: int) -> int:
        paced.append((underway.steps, lanes))
        return 99

    groups = list(run_lanes(program, some_lanes(n), data, watch))
    sizes = [4, 1] if n == 5 else [n]
    assert [len(group.train.loss) for group in groups] == sizes
    for leaf in jax.tree.leaves(groups[-1]):
        assert len(leaf) == sizes[-1]
    assert paced == [(done, size) for size in sizes for done in (0, 20)]


def test_final_clock_is_where_training_ended():
    lanes = some_lanes(2)
    later = lanes._replace(tickets=lanes.tickets._replace(clock=np.int32([0, 7])))
    outcome = outcome_of(program_on(1, 1), later)
    assert outcome.finals.clock.tolist() == [20, 27]


# One compilation.


@contextlib.contextmanager
def compilations() -> Iterator[list[str]]:
    """Note every compilation of the backend, of whatever function."""
    seen: list[str] = []

    def note(event: str, duration: float, **_) -> None:
        if event == "/jax/core/compile/backend_compile_duration":
            seen.append(event)

    jax.monitoring.register_event_duration_secs_listener(note)
    try:
        yield seen
    finally:
        jax.monitoring.unregister_event_duration_listener(note)


@pytest.mark.parametrize(
    "prune",
    [PruneConfig(levels=4, rate=0.3), PruneConfig(levels=4, scope="global")],
    ids=lambda prune: prune.scope,
)
def test_one_trace_for_all_levels_and_controls(prune):
    model = built("mlp")
    applied = []

    def apply(params, state, x, train, key):
        applied.append(train)
        return model.apply(params, state, x, train, key)

    one = PlanConfig(devices=1)
    config = Config(train=TRAIN, prune=prune, replicates=2, plan=one, **CONTROLS)
    after = []
    with compilations() as compiled:
        for level in find_ticket(model._replace(apply=apply), splits(), config):
            assert len(level.ids) == (6 if level.number else 2)
            after.append((applied.count(True), applied.count(False), len(compiled)))
    traced = [trained for trained, _, _ in after]
    evaluated = [n for _, n, _ in after]
    assert traced == [2] * 5, "once to check it, once to compile it"
    assert evaluated == [evaluated[0]] * 5
    # Level 1 compiles pruning and controls; what follows compiles nothing at all.
    assert 0 < after[0][2] < after[1][2]
    assert [n for _, _, n in after[2:]] == [after[1][2]] * 3


def test_other_values_and_data_share_the_trace():
    counted = count_traces(built("mlp").apply)
    program = make_program(built("mlp")._replace(apply=counted), TRAIN)
    lanes, data = some_lanes(2), splits()
    outcome_of(program, lanes, data)
    traces = counted.traces
    hypers = jax.tree.map(lambda value: value * 0.5, lanes.hypers)
    data = data._replace(train=data.train._replace(x=data.train.x + 1))
    with compilations() as compiled:
        outcome_of(program, lanes._replace(hypers=hypers), data)
    assert counted.traces == traces
    assert not compiled


# The compiled program.


def compiled_advance(devices: int, n_train: int = 40) -> str:
    program = program_on(devices, 1)
    lanes = program.put_lanes(some_lanes(devices))
    state, fixed = begin(program, lanes)
    data = splits()
    many = jax.tree.map(lambda a: jnp.resize(a, (n_train, *a.shape[1:])), data.train)
    data = program.put_data(data._replace(train=many))
    return program.advance.lower(state, fixed, (), data, 20, 0, 20).compile().as_text()


def test_devices_do_not_communicate():
    text = compiled_advance(4)
    assert "num_partitions=4" in text.splitlines()[0]
    assert not COLLECTIVES.search(text)


def test_communication_would_be_seen():
    mesh = Mesh(np.array(jax.devices()[:4]), ("lane",), axis_types=(AxisType.Auto,))
    total = jax.shard_map(
        lambda x: jax.lax.psum(x, "lane"), mesh=mesh, in_specs=P("lane"), out_specs=P()
    )
    assert COLLECTIVES.search(jax.jit(total).lower(jnp.ones(4)).compile().as_text())


def test_data_are_arguments_not_constants():
    small, large = compiled_advance(1), compiled_advance(1, n_train=4_000)
    assert "f32[40,6]" in small and "f32[4000,6]" in large
    assert len(large) < 1.5 * len(small)
    constants = re.findall(r"\[([\d,]+)\][^=]* constant\(", large)
    assert all(np.prod([int(n) for n in c.split(",")]) < 40 for c in constants)
