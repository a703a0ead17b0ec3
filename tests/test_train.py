"""One training as a program: in parts, at any pace, and beside a NumPy version."""

import functools
from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import CLASSES, FEATURES, mlp, random_mask, ready, splits

from lth_jax import from_functions, tree
from lth_jax.config import Config, PlanConfig, PruneConfig, TrainConfig
from lth_jax.keys import Stream, derive
from lth_jax.study.find import find_ticket
from lth_jax.study.networks import plan_study
from lth_jax.study.ready import lanes_of
from lth_jax.study.study import make_study
from lth_jax.training import loop
from lth_jax.training.dataset import (
    Dataset,
    batch_at,
    epoch_orders,
    steps_per_epoch,
)
from lth_jax.training.lanes import (
    Lanes,
    Outcome,
    Program,
    Underway,
    begin,
    make_program,
    run_lanes,
)
from lth_jax.training.optim import OPTIMIZERS
from lth_jax.training.timeline import Timeline
from lth_jax.types import Model

BATCH = 6
PER_EPOCH = steps_per_epoch(splits().train.size, BATCH)
SHORT = TrainConfig(steps=23, batch_size=BATCH, eval_every=5, learning_rate=0.02)


def short(**fields) -> TrainConfig:
    known = {name: getattr(SHORT, name) for name in SHORT.__dataclass_fields__}
    return TrainConfig(**known | fields)


@functools.cache
def lanes_with_masks(config: TrainConfig) -> Lanes:
    """Return one lane: a ticket with about half of its weights."""
    study = make_study(mlp(), Config(train=config, replicates=1))
    level = ready(study, 0)
    masked = random_mask(jax.random.key(2), level.tickets.params)
    ticket = level.tickets._replace(mask=masked)
    return lanes_of(study, level._replace(tickets=ticket))


def sizes_of_blocks() -> tuple[int, int]:
    return loop.EVAL_BLOCK["dense"], loop.CHUNK_STEPS


@functools.cache
def program_of(config: TrainConfig, *sizes: int) -> Program:
    """Return a program, compiled once for all tests with the same sizes of blocks."""
    assert sizes == sizes_of_blocks()
    return make_program(mlp(), config)


def tick_of(timeline: Timeline, step: int) -> int:
    """Return the tick after a step; after its evaluation, where it has one."""
    ticks = range(timeline.ticks - timeline.train + 1)
    return max(t for t in ticks if timeline.steps_at(t) == step)


def train_to(config: TrainConfig, *stops: int, clock: int = 0, params=None):
    """Train, returning to the host at every tick; return the state and the curve."""
    program, lanes = program_of(config, *sizes_of_blocks()), lanes_with_masks(config)
    ticket = lanes.tickets._replace(clock=lanes.tickets.clock + clock)
    if params is not None:
        ticket = ticket._replace(params=jax.tree.map(lambda p: p[None], params))
    lanes = program.put_lanes(lanes._replace(tickets=ticket))
    state, fixed = begin(program, lanes)
    data, points = program.put_data(splits()), []
    timeline = program.timeline(data, config.steps)
    for first, stop in pairwise((0, *stops)):
        span = config.steps, first, stop
        state, curve = program.advance(state, fixed, (), data, *span)
        before, after = (timeline.evaluations_at(tick) for tick in (first, stop))
        begun = before - int(timeline.unit_of(first))
        rows = slice(begun, begun + after - before)
        points.append(jax.tree.map(lambda c, r=rows: np.asarray(c[0, r]), curve))
    curve = jax.tree.map(lambda *c: np.concatenate(c), *points)
    return jax.tree.map(lambda leaf: np.asarray(leaf[0]), state), curve


def train_for(config: TrainConfig, steps: int, **start):
    """Train so many steps; return the state and the curve."""
    program = program_of(config, *sizes_of_blocks())
    tick = tick_of(program.timeline(splits(), config.steps), steps)
    return train_to(config, tick, **start)


def outcome_of(config: TrainConfig, watch=None) -> Outcome:
    """Train the same network as `run_lanes` does."""
    program = program_of(config, *sizes_of_blocks())
    data = program.put_data(splits())
    (outcome,) = run_lanes(program, lanes_with_masks(config), data, watch)
    return outcome


def bits(tree):
    return [(a.dtype, np.asarray(a).tobytes()) for a in jax.tree.leaves(tree)]


# In parts.


@pytest.mark.parametrize(
    "optimizer",
    [
        "adam",
        *(pytest.param(o, marks=pytest.mark.long) for o in OPTIMIZERS if o != "adam"),
    ],
)
def test_two_parts_are_one(optimizer, monkeypatch):
    """Parts begin inside epochs and evaluations, and at their borders."""
    monkeypatch.setitem(loop.EVAL_BLOCK, "dense", 5)
    config = short(optimizer=optimizer, weight_decay=1e-3, clip_norm=1.0)
    program = program_of(config, *sizes_of_blocks())
    timeline = program.timeline(splits(), config.steps)
    assert PER_EPOCH == 6 and min(timeline[2:]) > 1
    end = timeline.ticks
    whole, curve = train_to(config, end)
    assert len(curve.test.loss) == timeline.units
    middles = [(tick,) for tick in range(1, end)] if optimizer == "adam" else [(9,)]
    for stops in (*middles, (2, 3, 4, 9, 11, end - 2)):
        parts, pieces = train_to(config, *stops, end)
        assert bits(parts) == bits(whole)
        assert bits(pieces) == bits(curve)


@pytest.mark.parametrize("clock", [4, 6, 8])
def test_ticket_goes_on_at_its_clock(clock):
    """SGD has no memory: from the weights of a step on, training is the same."""
    config = short(optimizer="sgd")
    begun, whole = (train_for(config, steps)[0] for steps in (clock, 13))
    left, start = 13 - clock, begun.params
    resumed, _ = train_for(config, left, clock=clock, params=start)
    assert bits(resumed.params) == bits(whole.params)
    elsewhere, _ = train_for(config, left, clock=0, params=start)
    assert bits(elsewhere.params) != bits(whole.params)


PACES = {
    "one": lambda *_: 1,
    "two": lambda *_: 2,
    "changing": lambda underway, _: 1 + underway.done // 5 % 3,
    "nonsense": lambda *_: -7,
}


@pytest.mark.parametrize("watch", PACES.values(), ids=PACES)
def test_pace_changes_no_bit(watch):
    assert bits(outcome_of(SHORT, watch)) == bits(outcome_of(SHORT))


def test_room_of_a_chunk_changes_no_bit(monkeypatch):
    expected = outcome_of(SHORT)
    monkeypatch.setattr(loop, "CHUNK_STEPS", 1)
    assert make_program(mlp(), SHORT).capacity == 1
    assert bits(outcome_of(SHORT)) == bits(expected)
    assert bits(outcome_of(SHORT, lambda *_: 99)) == bits(expected)


@pytest.mark.parametrize("wanted", [1, 4, 13, 99])
def test_watch_sees_every_chunk(wanted):
    """Blocks of one tick, evaluations at 0, 5, ..., 20, 23: 23 + 6 * 2 + 1 ticks."""
    seen = []

    def watch(underway: Underway, lanes: int) -> int:
        evaluations = 0 if underway.curve is None else underway.curve.test.loss.shape[1]
        seen.append((underway.done, underway.steps, evaluations, lanes))
        return wanted

    outcome_of(SHORT, watch)
    stops = [*range(0, 36, wanted), 36]
    assert [done for done, *_ in seen] == stops
    program = program_of(SHORT, *sizes_of_blocks())
    timeline = program.timeline(splits(), SHORT.steps)
    for done, steps, points, lanes in seen:
        assert steps == timeline.steps_at(done)
        assert points == timeline.evaluations_at(done)
        assert lanes == 1
    assert seen[-1] == (36, 23, 6, 1)


def test_what_has_begun_goes_on():
    """From any tick, in a process that knows only what the host was shown."""
    program, data = program_of(SHORT, *sizes_of_blocks()), splits()
    shown = []

    def watch(underway: Underway, lanes: int) -> int:
        shown.append(underway._replace(states=tree.to_host(underway.states)))
        return 5

    whole = outcome_of(SHORT, watch)
    assert len(shown) > 5
    for underway in shown:
        lanes = lanes_with_masks(SHORT)
        (outcome,) = run_lanes(program, lanes, data, begun=underway)
        assert bits(outcome) == bits(whole)


# Evaluations.


@pytest.mark.parametrize(
    ("steps", "every", "expected"),
    [
        (20, 5, (0, 5, 10, 15, 20)),
        (23, 5, (0, 5, 10, 15, 20, 23)),
        (3, 5, (0, 3)),
        (5, 5, (0, 5)),
        (3, 1, (0, 1, 2, 3)),
    ],
)
def test_evaluates_at_start_every_so_often_and_at_end(steps, every, expected):
    config = short(steps=steps, eval_every=every)
    assert plan_study(Config(train=config))[0].evaluations == expected
    for values in jax.tree.leaves(outcome_of(config).curve):
        assert values.shape == (1, len(expected))
        assert np.isfinite(values).all()


def logits_of(params, x: np.ndarray) -> tuple[list[np.ndarray], np.ndarray]:
    """Return the inputs of every layer and the logits, in NumPy and float64."""
    inputs = [np.asarray(x, np.float64)]
    for layer in sorted(params):
        kernel, bias = (np.asarray(params[layer][n]) for n in ("kernel", "bias"))
        inputs.append(np.maximum(inputs[-1] @ kernel + bias, 0))
    last = params[max(params)]
    return inputs[:-1], inputs[-2] @ np.asarray(last["kernel"]) + last["bias"]


def metrics_of(params, data: Dataset) -> tuple[float, float]:
    """Return loss and accuracy, in NumPy and float64."""
    _, logits = logits_of(params, data.x)
    y = np.asarray(data.y)
    losses = np.log(np.exp(logits).sum(1)) - logits[np.arange(len(y)), y]
    return losses.mean(), (logits.argmax(1) == y).mean()


@pytest.mark.parametrize("block", [1_000, 5])
def test_curve_shows_the_weights_of_its_steps(block, monkeypatch):
    monkeypatch.setitem(loop.EVAL_BLOCK, "dense", block)
    _, curve = train_for(SHORT, 23)
    for i, step in enumerate(plan_study(Config(train=SHORT))[0].evaluations):
        params = train_for(SHORT, step)[0].params
        for split in ("validation", "test"):
            points = getattr(curve, split)
            loss, accuracy = metrics_of(params, getattr(splits(), split))
            assert points.loss[i] == pytest.approx(loss, abs=1e-6)
            assert points.accuracy[i] == pytest.approx(accuracy, abs=1e-6)
    assert curve.test.loss[-1] < 0.8 * curve.test.loss[0]


def test_training_set_is_evaluated_at_the_end():
    outcome = outcome_of(SHORT)
    params = jax.tree.map(lambda leaf: leaf[0], outcome.finals.params)
    loss, accuracy = metrics_of(params, splits().train)
    assert outcome.train.loss == pytest.approx([loss], abs=1e-6)
    assert outcome.train.accuracy == pytest.approx([accuracy], abs=1e-6)


@pytest.mark.parametrize("step", [0, 7])
def test_step_of_failure_is_noted(step):
    """A weight that is infinite makes the loss of the next step NaN."""
    program, lanes = program_of(SHORT, *sizes_of_blocks()), lanes_with_masks(SHORT)
    state, fixed = begin(program, program.put_lanes(lanes))
    data = program.put_data(splits())
    tick = tick_of(program.timeline(data, SHORT.steps), step)
    state, _ = program.advance(state, fixed, (), data, SHORT.steps, 0, tick)
    assert state.failed.tolist() == [loop.NEVER]
    broken = jax.tree.map(lambda p: p * jnp.inf, state.params)
    state, _ = program.advance(
        state._replace(params=broken), fixed, (), data, SHORT.steps, tick, tick + 9
    )
    assert state.failed.tolist() == [step]


# Precision.


@pytest.mark.parametrize(
    "precision", [pytest.param("tensorfloat32", marks=pytest.mark.long), "bfloat16"]
)
def test_precision_changes_nothing_on_cpu(precision):
    assert jax.default_backend() == "cpu"
    other = outcome_of(short(precision=precision))
    assert bits(other) == bits(outcome_of(SHORT))


@pytest.mark.parametrize(
    ("precision", "word"), [("float32", "HIGHEST"), ("bfloat16", "DEFAULT")]
)
def test_precision_reaches_every_product(precision, word):
    config = short(precision=precision)
    program = make_program(mlp(), config)
    state, fixed = begin(program, lanes_with_masks(config))
    lowered = program.advance.lower(state, fixed, (), splits(), 20, 0, 5)
    products = [t for t in lowered.as_text().splitlines() if "dot_general" in t]
    assert len(products) >= 8
    assert all(f"precision = [{word}, {word}]" in line for line in products)


# A second opinion: train, prune, rewind, train, in NumPy and float64.


def float64_mlp() -> Model:
    """Return a network like `mlp` whose weights are float64."""
    sizes = {"Dense_0": (FEATURES, 5), "Dense_1": (5, 4), "Dense_2": (4, CLASSES)}

    def init(key):
        keys = dict(zip(sizes, jax.random.split(key, len(sizes)), strict=True))
        return {
            name: {
                "kernel": jax.random.normal(keys[name], shape, jnp.float64),
                "bias": jnp.zeros(shape[1], jnp.float64),
            }
            for name, shape in sizes.items()
        }, {}

    def apply(params, state, x, train, key):
        for name in sizes:
            if name != "Dense_0":
                x = jax.nn.relu(x)
            x = x @ params[name]["kernel"] + params[name]["bias"]
        return x, state

    return from_functions(init, apply, output="Dense_2/kernel")


def numpy_gradient(params, x: np.ndarray, y: np.ndarray):
    """Return the gradient of the mean cross-entropy, by hand."""
    inputs, logits = logits_of(params, x)
    exp = np.exp(logits - logits.max(1, keepdims=True))
    delta = exp / exp.sum(1, keepdims=True)
    delta[np.arange(len(y)), y] -= 1
    delta /= len(y)
    grads = {}
    for name, before in zip(sorted(params, reverse=True), inputs[::-1], strict=True):
        grads[name] = {"kernel": before.T @ delta, "bias": delta.sum(0)}
        delta = (delta @ params[name]["kernel"].T) * (before > 0)
    return dict(sorted(grads.items()))


def numpy_training(start, mask, config: TrainConfig, order, data):
    """Train with Adam; yield the weights before every step and at the end."""
    tree_map = jax.tree.map
    params = tree_map(lambda p, m: np.where(m, np.asarray(p), 0), start, mask)
    m = v = tree_map(np.zeros_like, params)
    for step in range(config.steps):
        yield params
        epoch = epoch_orders(order, data.size, step // PER_EPOCH, 1)
        grads = numpy_gradient(params, *batch_at(data, epoch, step, config.batch_size))
        grads = tree_map(lambda g, k: np.where(k, g, 0), grads, mask)
        if config.clip_norm is not None:
            norm = np.sqrt(sum((g**2).sum() for g in jax.tree.leaves(grads)))
            factor = min(1, config.clip_norm / norm)
            grads = tree_map(lambda g, f=factor: g * f, grads)
        grads = tree_map(
            lambda g, p: g + config.weight_decay * p if g.ndim > 1 else g, grads, params
        )
        m = tree_map(lambda m, g: 0.9 * m + 0.1 * g, m, grads)
        v = tree_map(lambda v, g: 0.999 * v + 0.001 * g**2, v, grads)
        debias = 1 - 0.9 ** (step + 1), 1 - 0.999 ** (step + 1)
        params = tree_map(
            lambda p, m, v, d=debias: (
                p - config.learning_rate * (m / d[0]) / (np.sqrt(v / d[1]) + 1e-8)
            ),
            params,
            m,
            v,
        )
    yield params


def numpy_prune(params, n_keep: dict[str, int]):
    """Keep the largest weights of every kernel; everything was alive."""

    def keep(name: str, leaf: np.ndarray, kind: str) -> np.ndarray:
        mask = np.ones(leaf.size, bool)
        if kind == "kernel":
            order = np.argsort(-np.abs(leaf).ravel(), kind="stable")
            mask[order[n_keep[name] :]] = False
        return mask.reshape(leaf.shape)

    return {
        name: {kind: keep(name, leaf, kind) for kind, leaf in layer.items()}
        for name, layer in params.items()
    }


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize(
    "extras",
    [
        pytest.param({}, marks=pytest.mark.long),
        {"clip_norm": 0.5, "weight_decay": 0.01},
    ],
)
def test_round_agrees_with_numpy(extras):
    config = Config(
        train=short(**extras),
        prune=PruneConfig(levels=1, rate=0.3),
        replicates=2,
        plan=PlanConfig(devices=1),
    )
    model, data = float64_mlp(), splits(dtype=np.float64)
    levels = list(find_ticket(model, data, config))
    kept = {"Dense_0": 30 - 9, "Dense_1": 20 - 6, "Dense_2": 12 - 2}
    root = jax.random.key(config.seed)
    close = functools.partial(np.testing.assert_allclose, rtol=0, atol=1e-9)
    for r in range(config.replicates):
        start, _ = model.init(derive(root, r, Stream.INIT))
        order = derive(root, r, Stream.ORDER)
        mask = jax.tree.map(lambda p: np.ones(p.shape, bool), start)
        for level in levels:
            ticket, outcome = jax.tree.map(
                lambda leaf, r=r: np.asarray(leaf[r]), (level.tickets, level.outcome)
            )
            same = jax.tree.map(np.array_equal, ticket.mask, mask)
            assert jax.tree.all(same)
            path = list(numpy_training(start, mask, config.train, order, data.train))
            jax.tree.map(close, outcome.finals.params, path[-1])
            for split in ("validation", "test"):
                weights = [path[step] for step in level.evaluations]
                expected = [metrics_of(w, getattr(data, split)) for w in weights]
                loss, accuracy = np.transpose(expected)
                points = getattr(outcome.curve, split)
                close(points.loss, loss)
                close(points.accuracy, accuracy, atol=1e-7)  # float32 fractions
            mask = numpy_prune(path[-1], kept)
