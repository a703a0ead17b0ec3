"""Iterative magnitude pruning: what every level is made of."""

import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import (
    CLASSES,
    FEATURES,
    Known,
    built,
    count_traces,
    ready,
    splits,
    trees_differ,
)

from lth_jax import from_functions, models, tree
from lth_jax.config import Config, PlanConfig, PruneConfig, TrainConfig
from lth_jax.errors import InputError
from lth_jax.keys import Stream, derive
from lth_jax.study.draws import _compiled_control
from lth_jax.study.find import find_ticket
from lth_jax.study.level import Level, Parent, Ready
from lth_jax.study.networks import LaneId, plan_study, waves
from lth_jax.study.rows import curve_rows, summary_rows
from lth_jax.study.study import make_study
from lth_jax.study.waves import train_levels
from lth_jax.tickets import controls, masks
from lth_jax.training.lanes import Outcome
from lth_jax.training.metrics import Metrics
from lth_jax.types import Model, Snapshot

TRAIN = TrainConfig(steps=12, batch_size=6, eval_every=6, learning_rate=0.02)
ITERATIVE = Config(
    train=TRAIN,
    prune=PruneConfig(levels=3, rate=0.3),
    replicates=2,
    reinits=1,
    shuffles=1,
    plan=PlanConfig(devices=1),  # so that all studies share a program
)
ONE_SHOT = Config(
    train=TRAIN,
    prune=PruneConfig(one_shot=(0.3, 0.6)),
    replicates=2,
    reinits=1,
    plan=PlanConfig(devices=1),
)


MLP = built("mlp")


@functools.cache
def levels_of(config: Config, make_model=lambda: MLP) -> list[Level]:
    return list(find_ticket(make_model(), splits(), config))


def with_fields(config: Config, **fields) -> Config:
    known = {name: getattr(config, name) for name in config.__dataclass_fields__}
    return Config(**known | fields)


def lane(level: Level, kind: str, replicate: int = 0, draw: int = 0):
    """Return the ticket and the outcome of one training."""
    i = level.ids.index(LaneId(level.number, kind, replicate, draw))
    return tree.take((level.tickets, level.outcome), i)


def kernels(a) -> dict[str, np.ndarray]:
    return {p: np.asarray(x) for p, x in tree.flatten(a).items() if x.ndim >= 2}


def bits(a) -> list[bytes]:
    return [np.asarray(leaf).tobytes() for leaf in jax.tree.leaves(a)]


# Masks and counts. The layers of `mlp` have 30, 20 and 12 weights.

COUNTS = [(30, 20, 12), (21, 14, 10), (15, 10, 8), (11, 7, 7)]  # of 0.3, 0.3, 0.15
GLOBAL = [(62,), (43,), (30,), (21,)]  # of 0.3


@pytest.mark.parametrize("number", range(4))
def test_counts_are_exact_in_every_lane(number):
    level = levels_of(ITERATIVE)[number]
    assert len(level.ids) == (6 if number else 2)
    for i in range(len(level.ids)):
        found = kernels(tree.take(level.tickets.mask, i))
        assert tuple(m.sum() for m in found.values()) == COUNTS[number]
    for path, leaf in tree.flatten(level.tickets.mask).items():
        assert leaf.dtype == bool
        assert "kernel" in path or leaf.all()


@pytest.mark.parametrize("replicate", [0, 1])
def test_masks_are_nested_and_follow_magnitude(replicate):
    for before, after in zip(
        levels_of(ITERATIVE), levels_of(ITERATIVE)[1:], strict=False
    ):
        ticket, outcome = lane(before, "ticket", replicate)
        smaller = kernels(lane(after, "ticket", replicate)[0].mask)
        for path, mask in kernels(ticket.mask).items():
            assert not (smaller[path] & ~mask).any()
            size = np.abs(kernels(outcome.finals.params)[path])
            gone = mask & ~smaller[path]
            assert gone.any()
            assert size[gone].max() <= size[smaller[path]].min()


def test_pruned_weights_stay_zero_and_the_rest_learns():
    for level in levels_of(ITERATIVE):
        for i in range(len(level.ids)):
            ticket, outcome = tree.take((level.tickets, level.outcome), i)
            final = kernels(outcome.finals.params)
            for path, mask in kernels(ticket.mask).items():
                assert not final[path][~mask].any()
            assert trees_differ(
                outcome.finals.params, masks.apply(ticket.mask, ticket.params)
            )


def test_global_scope_leaves_a_layer_of_rate_0_alone():
    prune = PruneConfig(levels=2, rate=0.5, scope="global", output_rate=0)
    levels = levels_of(with_fields(ITERATIVE, prune=prune, reinits=0, shuffles=0))
    for level, total in zip(levels, (62, 12 + 25, 12 + 13), strict=True):
        for r in range(2):
            found = kernels(lane(level, "ticket", r)[0].mask)
            assert found["Dense_2/kernel"].all()
            assert sum(m.sum() for m in found.values()) == total
    final = kernels(lane(levels[0], "ticket")[1].finals.params)
    hidden = np.concatenate([abs(final[f"Dense_{i}/kernel"]).ravel() for i in (0, 1)])
    kept = kernels(lane(levels[1], "ticket")[0].mask)
    alive = np.concatenate([kept[f"Dense_{i}/kernel"].ravel() for i in (0, 1)])
    assert hidden[~alive].max() <= hidden[alive].min()
    second = kernels(levels[1].tickets.mask)["Dense_1/kernel"].sum(axis=(1, 2))
    assert (second != 10).any()  # not layer by layer


# Rewinding and controls.


@pytest.mark.parametrize("config", [ITERATIVE, ONE_SHOT], ids=["iterative", "one-shot"])
def test_tickets_start_from_the_initial_weights(config):
    dense, *pruned = levels_of(config)
    for level in pruned:
        for r in range(2):
            whole, (ticket, _) = lane(dense, "ticket", r)[0], lane(level, "ticket", r)
            assert bits(ticket.params) == bits(whole.params)
            assert ticket.clock == 0
            assert ticket.moments is None
    study = make_study(MLP, config)
    assert bits(dense.tickets.params) == bits(study.start.params)


def test_training_starts_from_the_masked_weights():
    data = splits().validation

    @jax.jit
    def loss(ticket):
        params = masks.apply(ticket.mask, ticket.params)
        logits, _ = MLP.apply(params, {}, data.x, False, jax.random.key(0))
        return -jax.nn.log_softmax(logits)[np.arange(data.size), data.y].mean()

    for level in levels_of(ITERATIVE):
        for i in range(len(level.ids)):
            ticket, outcome = tree.take((level.tickets, level.outcome), i)
            nats = loss(ticket)
            first = outcome.curve.validation.loss[0]
            assert first == pytest.approx(float(nats), abs=1e-6)


@pytest.mark.parametrize("number", [1, 2, 3])
@pytest.mark.parametrize("replicate", [0, 1])
def test_controls_change_one_thing(number, replicate):
    level = levels_of(ITERATIVE)[number]
    ticket, _ = lane(level, "ticket", replicate)
    reinit, _ = lane(level, "random_reinit", replicate)
    shuffled, _ = lane(level, "shuffle_mask", replicate)
    assert bits(reinit.mask) == bits(ticket.mask)
    assert bits(shuffled.params) == bits(ticket.params)
    assert masks.layer_counts(shuffled.mask) == masks.layer_counts(ticket.mask)
    for path, mask in kernels(ticket.mask).items():
        old, new = kernels(ticket.params)[path], kernels(reinit.params)[path]
        assert (old != new)[mask].all()
        assert (kernels(shuffled.mask)[path] != mask).any()


def test_every_draw_and_level_of_a_control():
    """A reinit is one draw per replicate: the same at every level, under its mask."""
    config = with_fields(ITERATIVE, reinits=2, shuffles=0)
    one, two, _ = levels_of(config)[1:]
    first, again = lane(one, "random_reinit")[0], lane(two, "random_reinit")[0]
    second = lane(one, "random_reinit", draw=1)[0]
    assert bits(first.params) == bits(again.params)
    assert trees_differ(first.params, second.params)
    assert trees_differ(first.params, lane(one, "random_reinit", 1)[0].params)


def rows_of(config: Config) -> dict:
    """Return all rows of summary and curves, by what they are of."""
    rows: dict = {}
    for level in levels_of(config):
        for row in summary_rows(level):
            rows[tuple(row[name] for name in LaneId._fields)] = [repr(row)]
        for row in curve_rows(level):
            rows[tuple(row[name] for name in LaneId._fields)].append(repr(row))
    return rows


@pytest.mark.parametrize("more", [{"replicates": 3}, {"reinits": 2}, {"shuffles": 2}])
def test_more_trainings_change_no_row(more):
    few, many = rows_of(ITERATIVE), rows_of(with_fields(ITERATIVE, **more))
    assert len(few) == 2 + 3 * 6
    assert len(many) > len(few)
    assert {name: many[name] for name in few} == few


def test_controls_share_the_data_order_of_their_replicate():
    """A reinit of an init that ignores its key trains exactly like its ticket."""

    def constant() -> Model:
        params, _ = MLP.init(jax.random.key(11))
        return MLP._replace(init=lambda key: (params, {}))

    level = levels_of(with_fields(ITERATIVE, shuffles=0), constant)[1]
    outcomes = [lane(level, "ticket", r)[1] for r in (0, 1)]
    for r in (0, 1):
        assert bits(lane(level, "random_reinit", r)[1]) == bits(outcomes[r])
    assert trees_differ(outcomes[0].finals.params, outcomes[1].finals.params)


def planned(study, number: int = 1, seed: int = 0) -> list[Ready]:
    """Return levels up to one as they are before they train, after made-up ends."""
    rng = np.random.default_rng(seed)
    params = jax.tree.map(lambda p: rng.normal(size=p.shape), study.start.params)
    mask, levels = jax.tree.map(lambda p: np.ones(p.shape, bool), params), []
    for n in range(1, number + 1):
        finals = Snapshot(params, {}, None, np.zeros(2, np.int32))
        memory = Known(**{f"_{n - 1}": Parent(mask, finals, np.ones(2, bool))})
        levels.append(ready(study, n, memory))
        mask = levels[-1].masks
    return levels


def start_of(level: Ready, kind: str, replicate: int, draw: int = 0):
    where = level.ids.index(LaneId(level.plan.number, kind, replicate, draw))
    return tree.take(level.tickets, where)


WIDE = models.gaussian(MLP, 7.0)
NOISY = with_fields(ITERATIVE, shuffles=0, noises=(0.5, 1, 3.0), resamples=2)
NOISES = ["noise_0.5", "noise_1", "noise_3"]


@pytest.fixture(scope="module")
def noisy():
    """Return levels 1 and 2 of tickets with noise, and traces of what makes it."""
    counted, entry = [], controls.CONTROLS["noise"]

    def made(model):
        counted.append(count_traces(entry.make(model)))
        return counted[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(controls.CONTROLS, "noise", entry._replace(make=made))
        _compiled_control.cache_clear()
        levels = planned(make_study(WIDE, NOISY), 2)
    return levels, [f.traces for f in counted]


def test_all_strengths_of_noise_share_a_compilation(noisy):
    (one, _), traces = noisy
    assert traces == [1]
    kinds = [lane.kind for lane in one.ids if not lane.replicate]
    assert kinds == ["ticket", "random_reinit", *["resample_init"] * 2, *NOISES]


def test_noise_grows_by_its_scale_alone(noisy):
    """All strengths share a key, the same at all levels."""
    noise: dict = {}
    for r, kind in itertools.product((0, 1), NOISES):
        one, two = (
            (start_of(level, k, r) for k in ("ticket", kind)) for level in noisy[0]
        )
        (ticket, control), (_, later) = one, two
        assert bits(control.mask) == bits(ticket.mask)
        assert bits(control.params) == bits(later.params)
        old, new = kernels(ticket.params), kernels(control.params)
        noise[kind, r] = {p: (new[p] - old[p]) / old[p].std() for p in old}
        scale = {"noise_0.5": 0.5, "noise_1": 1, "noise_3": 3}[kind]
        paths = list(tree.flatten(ticket.params))
        draw = derive(jax.random.key(0), r, Stream.NOISY_INIT)
        for path, found in noise[kind, r].items():
            own = jax.random.split(draw, len(paths))[paths.index(path)]
            expected = scale * jax.random.normal(own, found.shape)
            np.testing.assert_allclose(found, expected, atol=1e-5)
    assert trees_differ(noise["noise_1", 0], noise["noise_1", 1])


def test_draws_of_resampled_weights_differ_and_come_from_the_ticket(noisy):
    for level, r in itertools.product(noisy[0], (0, 1)):
        ticket = start_of(level, "ticket", r)
        first, second = (start_of(level, "resample_init", r, d) for d in (0, 1))
        assert trees_differ(first.params, second.params)
        for path, kept in kernels(ticket.mask).items():
            ours = kernels(ticket.params)[path][kept]
            assert np.isin(kernels(first.params)[path], ours).all()
            assert np.isin(kernels(second.params)[path], ours).all()


def test_reinits_have_the_scale_of_the_initial_weights(noisy):
    for r in (0, 1):
        found = kernels(start_of(noisy[0][0], "random_reinit", r).params)
        drawn = np.concatenate([leaf.ravel() for leaf in found.values()])
        assert drawn.std() == pytest.approx(7, rel=4 / (2 * 62) ** 0.5)


@pytest.mark.parametrize("scope", ["layerwise", "global"])
def test_initial_magnitude_ranks_the_initial_weights(scope):
    """By NumPy's ranking, whatever training comes to; each level a part of the last."""
    prune = PruneConfig(levels=3, rate=0.3, scope=scope, criterion="initial_magnitude")
    study = make_study(MLP, with_fields(ITERATIVE, prune=prune, reinits=0, shuffles=0))
    pairs = zip(planned(study, 3), planned(study, 3, seed=1), strict=True)
    for (level, other), r in itertools.product(pairs, (0, 1)):
        assert bits(level.masks) == bits(other.masks)
        size = kernels(tree.take(study.start.params, r))
        masked = kernels(tree.take(level.masks, r))
        groups = [[path] for path in size] if scope == "layerwise" else [list(size)]
        counts = COUNTS if scope == "layerwise" else GLOBAL
        for group, n in zip(groups, counts[level.plan.number], strict=True):
            ranked = np.concatenate([abs(size[p]).ravel() for p in group])
            kept = np.concatenate([masked[p].ravel() for p in group])
            largest = np.argsort(-ranked, kind="stable")[:n]
            assert np.flatnonzero(kept).tolist() == sorted(largest)


# One-shot.


def test_one_shot_is_one_wave():
    assert waves(plan_study(ONE_SHOT)) == [[0], [1, 2]]
    study = make_study(MLP, ONE_SHOT)
    calls = []

    def train(lanes, names, keep):
        calls.append((lanes.size, len(set(names)), keep.steps))
        values = np.zeros(lanes.size)
        yield Outcome(values, values, Metrics(values, values), values, {})

    memory = Known(levels_of(ONE_SHOT)[0])
    wave = [(study, ready(study, n, memory)) for n in (1, 2)]
    made = list(train_levels(wave, train))
    assert calls == [(8, 8, [])]
    assert [level.number for level in made] == [1, 2]


def test_one_shot_prunes_the_dense_network_directly():
    dense, *pruned = levels_of(ONE_SHOT)
    for level, counts in zip(pruned, [(21, 14, 10), (12, 8, 8)], strict=True):
        for r in range(2):
            final = kernels(lane(dense, "ticket", r)[1].finals.params)
            mask = kernels(lane(level, "ticket", r)[0].mask)
            for (path, kept), n in zip(mask.items(), counts, strict=True):
                largest = np.argsort(-np.abs(final[path]).ravel(), kind="stable")[:n]
                assert np.flatnonzero(kept).tolist() == sorted(largest)


# What goes wrong goes wrong alone.


def poisoned(stream: Stream) -> Model:
    """Return `mlp`, whose weights are NaN for one key of replicate 1."""
    bad = jax.random.key_data(derive(jax.random.key(0), 1, stream))

    def init(key):
        params, state = MLP.init(key)
        ill = (jax.random.key_data(key) == bad).all()
        return jax.tree.map(lambda p: jnp.where(ill, jnp.nan, p), params), state

    return MLP._replace(init=init)


def statuses(config: Config, make_model) -> dict[tuple, str]:
    return {
        tuple(row[name] for name in LaneId._fields): row["status"]
        for level in levels_of(config, make_model)
        for row in summary_rows(level)
    }


def assert_others_untouched(config: Config, make_model, ill: set) -> None:
    healthy, hurt = rows_of(config), {}
    for level in levels_of(config, make_model):
        for row in summary_rows(level):
            hurt[tuple(row[name] for name in LaneId._fields)] = repr(row)
    for name, row in hurt.items():
        assert (row == healthy[name][0]) == (name not in ill), name


def test_chain_of_a_diverged_ticket_stops():
    make_model = functools.partial(poisoned, Stream.INIT)
    found = statuses(ITERATIVE, make_model)
    assert found.keys() == rows_of(ITERATIVE).keys()
    expected = {
        name: "ok" if name[2] == 0 else "not_run" if name[0] else "diverged"
        for name in found
    }
    assert found == expected
    ill = {name for name in found if name[2] == 1}
    assert_others_untouched(ITERATIVE, make_model, ill)
    row = summary_rows(levels_of(ITERATIVE, make_model)[0])[1]
    assert row["early_stop_step"] is None
    assert row["n_remaining"] == 62
    later = summary_rows(levels_of(ITERATIVE, make_model)[1])
    absent = [row for row in later if row["status"] == "not_run"]
    assert [row["density"] for row in absent] == [None] * 3


def test_chain_of_a_diverged_control_goes_on():
    make_model = functools.partial(poisoned, Stream.RANDOM_REINIT)
    config = with_fields(ITERATIVE, shuffles=0)
    found = statuses(config, make_model)
    ill = {name for name in found if name[1:3] == ("random_reinit", 1)}
    assert len(ill) == 3
    assert {n for n, status in found.items() if status == "diverged"} == ill
    assert set(found.values()) == {"ok", "diverged"}
    assert_others_untouched(config, make_model, ill)


def two_layers(params, state, x, train, key):
    return jax.nn.relu(x @ params["one"]) @ params["two"], state


def collapsing(everywhere: bool = False) -> Model:
    """Return a network whose second layer is tiny, in replicate 1 or in all."""
    small = jax.random.key_data(derive(jax.random.key(0), 1, Stream.INIT))

    def init(key):
        tiny = (jax.random.key_data(key) == small).all() | everywhere
        one, two = jax.random.split(key)
        return {
            "one": jax.random.normal(one, (FEATURES, 5)),
            "two": jax.random.normal(two, (5, CLASSES)) * jnp.where(tiny, 1e-4, 1),
        }, {}

    return from_functions(init, two_layers, output="two")


COLLAPSE = with_fields(
    ITERATIVE,
    train=TrainConfig(steps=2, batch_size=6, learning_rate=1e-7),
    prune=PruneConfig(levels=3, rate=0.5, scope="global"),
)


def test_collapsed_chain_stops_and_others_go_on():
    found = statuses(COLLAPSE, collapsing)
    word = {0: "ok", 1: "collapsed", 2: "not_run", 3: "not_run"}
    assert found == {n: word[n[0]] if n[2] else "ok" for n in found}
    level = levels_of(COLLAPSE, collapsing)[1]
    rows = summary_rows(level)
    assert len(rows) == 6
    assert {row["n_remaining"] for row in rows} == {23}
    counts = masks.layer_counts(tree.take(level.masks, 1))
    assert {path: int(n) for path, n in counts.items()} == {"one": 23, "two": 0}


def test_everything_collapsed():
    levels = levels_of(COLLAPSE, functools.partial(collapsing, everywhere=True))
    assert [len(level.ids) for level in levels] == [2, 0, 0, 0]
    words = [set(level.absent.values()) for level in levels]
    assert words == [set(), {"collapsed"}, {"not_run"}, {"not_run"}]


# Bad input.


def test_what_does_not_fit_is_refused_before_anything_is_trained():
    trained = []
    model = MLP._replace(apply=lambda *_: trained.append(1))
    batch = with_fields(ITERATIVE, train=TrainConfig(batch_size=41))
    with pytest.raises(InputError, match=r"train\.batch_size is 41.* 40 training"):
        next(find_ticket(model, splits(), batch))
    empty = with_fields(ITERATIVE, prune=PruneConfig(levels=9, rate=0.6))
    with pytest.raises(InputError, match=r"prune\.levels is 9.*Dense_"):
        next(find_ticket(MLP, splits(), empty))
    assert not trained


@pytest.mark.parametrize("layers", ["none", "others", "of another shape"])
def test_a_table_of_layers_of_another_model_is_refused(layers):
    (path, info), *rest = MLP.layers.items()
    known = {
        "none": {},
        "others": {"elsewhere": info, **dict(rest)},
        "of another shape": {path: info._replace(shape=(1, 2)), **dict(rest)},
    }[layers]
    with pytest.raises(InputError, match=r"^model\.layers names"):
        make_study(MLP._replace(layers=known), ITERATIVE)
