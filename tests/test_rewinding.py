"""Rewinding in whole studies: what goes back to which step, and what it costs."""

import functools
from itertools import pairwise

import jax
import numpy as np
import optax
import pytest
from helpers import IMAGE, Known, built, ready, splits, tree_close

from lth_jax import tree
from lth_jax.config import (
    Config,
    PlanConfig,
    PruneConfig,
    RewindConfig,
    StabilityConfig,
    TrainConfig,
)
from lth_jax.errors import InputError
from lth_jax.keys import Stream, derive
from lth_jax.study import networks
from lth_jax.study.find import find_ticket
from lth_jax.study.given import Given
from lth_jax.study.level import Level
from lth_jax.study.ready import lanes_of
from lth_jax.study.rows import curve_rows, summary_rows
from lth_jax.study.study import make_study
from lth_jax.study.waves import train_levels
from lth_jax.tickets import masks
from lth_jax.training.lanes import Keep, begin, make_program, run_lanes
from lth_jax.training.optim import scale_by_clock

STEPS, EVERY, K = 14, 4, 5
MODELS = {
    "mlp": (built("mlp"), splits()),
    "conv_net": (built("conv_net"), splits(IMAGE)),
}
MLP, DATA = MODELS["mlp"]
MOMENTUM = {"optimizer": "momentum", "weight_decay": 1e-3, "learning_rate": 0.05}


def train_config(**fields) -> TrainConfig:
    fields = {"learning_rate": 0.02, "warmup": 3, "drops": (9,)} | fields
    return TrainConfig(steps=STEPS, eval_every=EVERY, batch_size=6, **fields)


def study_of(rewind: RewindConfig, train: TrainConfig | None = None, **fields):
    """Return a study on one device, so that all of one network share a program."""
    fields = {"prune": PruneConfig(levels=2, rate=0.3), "replicates": 2} | fields
    plan = PlanConfig(devices=1)
    return Config(train=train or train_config(), rewind=rewind, plan=plan, **fields)


@functools.cache
def program_of(name: str, train: TrainConfig):
    return make_program(MODELS[name][0], train)


@functools.cache
def levels_of(config: Config, name: str = "mlp") -> list[Level]:
    model, data = MODELS[name]
    return list(find_ticket(model, data, config))


def lane(level: Level, kind: str, replicate: int, draw: int = 0):
    """Return ticket and outcome of one network."""
    i = level.ids.index(networks.LaneId(level.number, kind, replicate, draw))
    return tree.take((level.tickets, level.outcome), i)


def trained_alone(name: str, train: TrainConfig, replicate: int, step: int):
    """Return where the dense network of a replicate stands after so many steps.

    It is found by a training of that length, with the schedule of the long one.
    """
    model, data = MODELS[name]
    study = make_study(model, Config(train=train, replicates=2))
    lanes = tree.take(lanes_of(study, ready(study, 0)), np.array([replicate]))
    program = program_of(name, train)
    spread = program.put_data(data)
    states, fixed = begin(program, program.put_lanes(lanes))
    stop = program.timeline(spread, STEPS).after(step)
    done = 0
    while done < stop:
        last = min(stop, done + EVERY)
        states, _ = program.advance(states, fixed, (), spread, STEPS, done, last)
        done = last
    return tree.to_host(tree.take(states, 0))


# Late rewinding.


@pytest.mark.parametrize(
    ("name", "fields"),
    [pytest.param("mlp", {}, marks=pytest.mark.long), ("conv_net", MOMENTUM)],
    ids=["mlp", "conv_net"],
)
def test_tickets_start_from_the_dense_networks_step_k(name, fields):
    """Weights and model state are those of step k; the clock stands there."""
    train = train_config(**fields)
    _, *pruned = levels_of(study_of(RewindConfig(weights=K), train), name)
    for replicate in range(2):
        expected = trained_alone(name, train, replicate, K)
        for level in pruned:
            ticket, _ = lane(level, "ticket", replicate)
            tree_close(ticket.params, expected.params)
            tree_close(ticket.state, expected.state)
            assert ticket.clock == K and ticket.moments is None
    states = jax.tree.leaves(expected.state)
    assert bool(states) == (name == "conv_net"), "batch norm has statistics"


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("mlp", {}),
        ("conv_net", MOMENTUM),
        pytest.param("mlp", MOMENTUM, marks=pytest.mark.long),
        pytest.param("conv_net", {}, marks=pytest.mark.long),
    ],
)
def test_unpruned_and_restored_it_continues_the_dense_training(name, fields):
    """All ones, the moments of step k: the same bits as if never interrupted."""
    restored = RewindConfig(weights=K, moments="restored")
    config = study_of(
        restored,
        train_config(**fields),
        prune=PruneConfig(levels=1, rate=0.0),
        stability=StabilityConfig(orders=2),
    )
    dense, level = levels_of(config, name)
    for replicate in range(2):
        _, whole = lane(dense, "ticket", replicate)
        ticket, again = lane(level, "ticket", replicate)
        assert all(leaf.all() for leaf in jax.tree.leaves(ticket.mask))
        tree_close(again.finals, whole.finals)
        tree_close(again.train, whole.train)
        last = whole.curve.test.loss[-1], whole.curve.validation.loss[-1]
        assert (again.curve.test.loss[-1], again.curve.validation.loss[-1]) == last


def test_fresh_moments_make_another_training():
    fields = {"prune": PruneConfig(levels=1, rate=0.0)}
    fields["stability"] = StabilityConfig(orders=2)
    dense, level = levels_of(study_of(RewindConfig(weights=K), **fields))
    for replicate in range(2):
        ends = (lane(one, "ticket", replicate)[1].finals for one in (dense, level))
        with pytest.raises(AssertionError):
            tree_close(*(end.params for end in ends))


def test_restored_at_0_is_fresh():
    plain = levels_of(study_of(RewindConfig()))
    restored = levels_of(study_of(RewindConfig(moments="restored")))
    for one, other in zip(plain, restored, strict=True):
        tree_close(one.outcome.finals, other.outcome.finals)


def test_the_masks_are_those_of_the_levels_before():
    """Each level prunes what the level before has come to, from step k on."""
    levels = levels_of(study_of(RewindConfig(weights=K)))
    for before, after in pairwise(levels):
        for replicate in range(2):
            ticket, outcome = lane(before, "ticket", replicate)
            kept = tree.flatten(lane(after, "ticket", replicate)[0].mask)
            old = tree.flatten(ticket.mask)
            for path, final in tree.flatten(outcome.finals.params).items():
                if final.ndim > 1:
                    n = kept[path].sum()
                    order = np.argsort(-np.where(old[path], abs(final), -1).ravel())
                    assert set(np.flatnonzero(kept[path])) == set(order[:n])


# The other rules.


def test_learning_rate_rewinding_keeps_the_trained_weights():
    levels = levels_of(study_of(RewindConfig(weights="final", clock=K)))
    for before, after in pairwise(levels):
        assert after.evaluations == (K, K + 4, K + 8, STEPS)
        for replicate in range(2):
            _, ended = lane(before, "ticket", replicate)
            ticket, outcome = lane(after, "ticket", replicate)
            tree_close(ticket.params, ended.finals.params)
            assert ticket.clock == K
            assert outcome.finals.clock == STEPS


def test_fine_tuning_goes_on_at_the_end():
    rule = RewindConfig(weights="final", clock="end", steps=6)
    levels = levels_of(study_of(rule))
    assert levels[1].evaluations == (14, 18, 20)
    assert levels[2].evaluations == (20, 24, 26)
    for level, clock in zip(levels[1:], (14, 20), strict=True):
        ticket, outcome = lane(level, "ticket", 1)
        assert ticket.clock == clock
        assert outcome.finals.clock == clock + 6


def test_fine_tuning_uses_the_last_learning_rate():
    """The drop at step 9 holds: with a factor of 0, nothing moves any more."""
    rule = RewindConfig(weights="final", clock="end", steps=6)
    train = train_config(drop_factor=0.0)
    level = levels_of(study_of(rule, train))[1]
    ticket, outcome = lane(level, "ticket", 0)
    tree_close(outcome.finals.params, masks.apply(ticket.mask, ticket.params))
    back = levels_of(study_of(RewindConfig(weights="final", clock=0), train))[1]
    ticket, outcome = lane(back, "ticket", 0)
    with pytest.raises(AssertionError):
        tree_close(outcome.finals.params, masks.apply(ticket.mask, ticket.params))


def test_one_shot_rewinds_every_rate_from_the_dense_network():
    prune = PruneConfig(one_shot=(0.3, 0.6))
    rule = RewindConfig(weights="final", clock="end", steps=3)
    dense, *pruned = levels_of(study_of(rule, prune=prune))
    for level in pruned:
        assert level.evaluations == (14, 17)
        tree_close(
            lane(level, "ticket", 0)[0].params, lane(dense, "ticket", 0)[1][0][0]
        )


def test_rows_say_the_steps_of_the_schedule():
    config = study_of(RewindConfig(weights=K), reinits=1)
    dense, level, _ = levels_of(config)
    assert {row["step"] for row in curve_rows(dense)} == {0, 4, 8, 12, 14}
    assert {row["step"] for row in curve_rows(level)} == {5, 9, 13, 14}
    stops = {row["early_stop_step"] for row in summary_rows(level)}
    assert stops <= {5, 9, 13, 14}


# Controls at k.


def test_controls_stand_where_the_ticket_stands():
    names = ("reinits", "shuffles", "keep_signs", "permutes", "resamples")
    controls = dict.fromkeys(names, 1) | {"noises": (0.5,)}
    train = train_config(**MOMENTUM)
    config = study_of(RewindConfig(weights=K), train, **controls)
    level = levels_of(config, "conv_net")[1]
    model, _ = MODELS["conv_net"]
    ticket, _ = lane(level, "ticket", 1)
    found = {kind: lane(level, kind, 1)[0] for kind in config.draws}
    assert all(control.clock == K for control in found.values())
    shuffled = found["shuffle_mask"]
    tree_close(shuffled.params, ticket.params)
    tree_close(shuffled.state, ticket.state)
    counts = (masks.layer_counts(one.mask) for one in (shuffled, ticket))
    assert len({str({k: int(v) for k, v in c.items()}) for c in counts}) == 1
    key = derive(jax.random.key(0), 1, Stream.RANDOM_REINIT, 0)
    params, state = jax.jit(model.init)(key)
    tree_close(found["random_reinit"].params, tree.to_host(params))
    tree_close(found["random_reinit"].state, tree.to_host(state))
    assert not np.array_equal(*(jax.tree.leaves(s)[0] for s in (state, ticket.state)))


def test_controls_with_restored_moments_start_afresh_where_their_weights_do():
    config = study_of(
        RewindConfig(weights=K, moments="restored"), reinits=1, shuffles=1
    )
    level = levels_of(config)[1]
    moments = {
        kind: jax.tree.leaves(lane(level, kind, 0)[0].moments)
        for kind in ("ticket", "random_reinit", "shuffle_mask")
    }
    assert any(leaf.any() for leaf in moments["ticket"])
    assert not any(leaf.any() for leaf in moments["random_reinit"])
    tree_close(moments["shuffle_mask"], moments["ticket"])


def test_controls_at_some_levels_only():
    config = study_of(
        RewindConfig(),
        reinits=1,
        stability=StabilityConfig(orders=3),
        control_levels=(2,),
    )
    _, one, two = levels_of(config)
    assert {lane.kind for lane in one.ids} == {"ticket"}
    kinds = ["ticket", "random_reinit", "ticket_reorder", "random_reinit_reorder"]
    assert list(dict.fromkeys(lane.kind for lane in two.ids)) == kinds
    everywhere = study_of(RewindConfig(), reinits=1)
    for level, same in zip((one, two), levels_of(everywhere)[1:], strict=True):
        ticket = lane(level, "ticket", 0)[1].finals
        tree_close(ticket, lane(same, "ticket", 0)[1].finals)


# Data orders.


def test_copies_differ_in_data_order_alone():
    config = study_of(
        RewindConfig(weights=K), shuffles=1, stability=StabilityConfig(orders=3)
    )
    level = levels_of(config)[1]
    for kind in ("ticket", "shuffle_mask"):
        own, trained = lane(level, kind, 0)
        finals = [trained.finals.params]
        for order in (1, 2):
            copy, outcome = lane(level, f"{kind}_reorder", 0, order)
            tree_close(copy, own)
            finals.append(outcome.finals.params)
        for i in range(3):
            for j in range(i):
                with pytest.raises(AssertionError):
                    tree_close(finals[i], finals[j])


def test_copies_of_a_network_draw_everything_anew():
    study = make_study(
        MLP, study_of(RewindConfig(), stability=StabilityConfig(orders=2))
    )
    levels = levels_of(study.config)
    level = ready(study, 1, Known(levels[0]))
    lanes = lanes_of(study, level)
    own = level.ids.index(networks.LaneId(1, "ticket", 1))
    copy = level.ids.index(networks.LaneId(1, "ticket_reorder", 1, 1))
    for keys in (lanes.orders, lanes.rngs, lanes.augments):
        assert keys[own] != keys[copy]
    expected = derive(jax.random.key(0), 1, Stream.ORDER, 1)
    assert lanes.orders[copy] == expected


# One dense training for a sweep.


def test_a_sweep_over_k_trains_one_dense_network():
    rules = [RewindConfig(weights=k) for k in (0, 3, K)]
    rules.append(RewindConfig(weights="final", clock="end", steps=2))
    configs = [study_of(rule) for rule in rules]
    program = program_of("mlp", train_config())
    data, calls = program.put_data(DATA), []

    def train(lanes, names, keep):
        calls.append((lanes.size, sorted(set(lanes.steps.tolist())), list(keep.steps)))
        return run_lanes(program, lanes, data, keep=keep)

    studies = [make_study(MLP, config) for config in configs]
    dense = [(study, ready(study, 0)) for study in studies]
    first = list(train_levels(dense, train))
    assert calls == [(2, [STEPS], [3, K])]
    for i, config in enumerate(configs):
        tree_close(first[i].outcome.finals, levels_of(config)[0].outcome.finals)
    memories = [Known(level) for level in first]
    pruned = [
        (study, ready(study, 1, memory))
        for study, memory in zip(studies, memories, strict=True)
    ]
    second = list(train_levels(pruned, train))
    assert calls[1:] == [(8, [2, STEPS - K, STEPS - 3, STEPS], [])]
    for i, config in enumerate(configs):
        tree_close(second[i].outcome.finals, levels_of(config)[1].outcome.finals)


def test_all_rewind_points_share_one_compilation():
    program = make_program(MLP, train_config())
    study = make_study(MLP, study_of(RewindConfig(weights=K)))
    lanes = lanes_of(study, ready(study, 0))
    data = program.put_data(DATA)
    for steps in (STEPS, 3, 9):
        some = lanes._replace(steps=np.full(2, steps, np.int32))
        list(run_lanes(program, some, data, keep=Keep((1, 3))))
    assert program.advance._cache_size() == 1


def test_other_dense_networks_have_other_names():
    def dense(**fields):
        config = Config(**fields)
        return networks.names(config, networks.plan_study(config)[0].networks)[0]

    same = [{}, {"reinits": 3}, {"prune": PruneConfig(rate=0.5)}, {"replicates": 1}]
    same += [{"rewind": RewindConfig(weights=3)}, {"control_levels": (1,)}]
    assert len({dense(**fields) for fields in same}) == 1
    other = [{}, {"seed": 1}, {"train": TrainConfig(steps=7)}]
    assert len({dense(**fields) for fields in other}) == 3


# The user's own optimizer.


def test_an_own_optimizer_takes_the_place_of_the_configs():
    config = study_of(RewindConfig(), train_config(learning_rate=1e30))
    quiet = list(find_ticket(MLP, DATA, config, optax.sgd(0.0)))
    for level in quiet:
        ticket, outcome = lane(level, "ticket", 0)
        tree_close(outcome.finals.params, masks.apply(ticket.mask, ticket.params))


COUNTING = [
    optax.sgd(optax.linear_schedule(0.1, 0.0, STEPS)),
    optax.adam(optax.constant_schedule(0.1)),
    optax.chain(optax.clip(1.0), optax.adamw(optax.cosine_decay_schedule(0.1, 9))),
    optax.inject_hyperparams(optax.sgd)(learning_rate=optax.constant_schedule(0.1)),
    optax.chain(optax.add_decayed_weights(optax.constant_schedule(0.1))),
    optax.conditionally_transform(optax.sgd(0.1), lambda step: step < 3),
]


@pytest.mark.parametrize("optimizer", COUNTING)
def test_an_own_schedule_that_counts_from_0_cannot_be_rewound(optimizer):
    config = study_of(RewindConfig(weights=K))
    with pytest.raises(InputError, match=r"rewind\.clock is above 0.*scale_by_clock"):
        next(iter(find_ticket(MLP, DATA, config, optimizer)))
    # Nothing is said where it begins at 0.
    make_study(MLP, study_of(RewindConfig()), Given(optimizer=optimizer))


@pytest.mark.parametrize(
    "optimizer",
    [COUNTING[0], *(pytest.param(o, marks=pytest.mark.long) for o in COUNTING[1:])],
)
def test_an_own_schedule_that_counts_from_0_trains_from_0(optimizer):
    config = study_of(RewindConfig(), prune=PruneConfig(levels=0))
    assert len(list(find_ticket(MLP, DATA, config, optimizer))) == 1


def test_an_own_schedule_that_takes_the_step_is_rewound():
    """Its rate is 0 from step k on: nothing moves after rewinding."""
    schedule = optax.piecewise_constant_schedule(0.1, {K: 0.0})
    optimizer = optax.chain(optax.scale_by_adam(), scale_by_clock(schedule))
    config = study_of(RewindConfig(weights=K + 1))
    dense, level, _ = find_ticket(MLP, DATA, config, optimizer)
    ticket, outcome = lane(level, "ticket", 0)
    tree_close(outcome.finals.params, masks.apply(ticket.mask, ticket.params))
    start, ended = lane(dense, "ticket", 0)
    with pytest.raises(AssertionError):
        tree_close(ended.finals.params, start.params)
