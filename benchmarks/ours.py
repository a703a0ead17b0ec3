"""One measurement of our side, in a process of its own; prints JSON.

    python -m lth_jax.benchmarks.ours step --network conv2 --lanes 2

A result has the seconds of one unit of work of one network (the best of a few
repetitions), the seconds that compilation took, and the peak of the memory in bytes.
"""

import argparse
import json
import resource
import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from lth_jax import ensemble, masks, models, optim
from lth_jax.config import ModelConfig, TrainConfig
from lth_jax.dataset import Dataset, Splits
from lth_jax.keys import Stream, derive
from lth_jax.metrics import cross_entropy
from lth_jax.parallel import use_host_devices
from lth_jax.train import Fixed
from lth_jax.types import Ticket

from .work import BATCHES, N_TEST, SHAPES, STEPS

REPEATS = 3


def step(network: str, lanes: int) -> dict[str, Any]:
    """Time a training step of a network, in a chunk of the program of ``lth run``."""
    steps = STEPS[network]
    train = TrainConfig(
        steps=steps,
        eval_every=steps,
        batch_size=BATCHES[network],
        learning_rate=1e-3,
        optimizer="momentum" if network in ("resnet18", "vgg19") else "adam",
    )
    return _trained(network, lanes, train, n_test=1, units=steps)


def period(lanes: int) -> dict[str, Any]:
    """Time 100 LeNet steps and an evaluation on 15,000 examples, as in the paper."""
    train = TrainConfig(steps=1_000, eval_every=100, batch_size=60)
    return _trained("lenet", lanes, train, n_test=N_TEST, units=10)


def epoch() -> dict[str, Any]:
    """Time 469 LeNet steps of 128 with SGD and an evaluation on 10,000 examples."""
    train = TrainConfig(
        steps=469, eval_every=469, batch_size=128, optimizer="sgd", learning_rate=0.1
    )
    return _trained("lenet", 1, train, n_test=10_000, units=1, examples=60_032)


def evaluation(lanes: int) -> dict[str, Any]:
    """Time an evaluation of LeNet on 15,000 examples."""
    train = TrainConfig(steps=100, eval_every=100, batch_size=60)
    program, data, states, fixed = _ready("lenet", lanes, train, N_TEST, 60)

    def work() -> None:
        nonlocal states
        states, curve = program.advance(
            states, fixed, data, 0, program.timeline(data).blocks
        )
        jax.block_until_ready(curve)

    return _timed(work, program.width)


def _trained(
    network: str,
    lanes: int,
    train: TrainConfig,
    n_test: int,
    units: int,
    examples: int | None = None,
) -> dict[str, Any]:
    n_train = examples or (55_000 if network == "lenet" else 20 * train.batch_size)
    program, data, states, fixed = _ready(network, lanes, train, n_test, n_train)
    rounds = -(-lanes // program.width)
    timeline = program.timeline(data)
    stop = timeline.ticks - timeline.train - timeline.blocks  # an evaluation at 0

    def work() -> None:
        nonlocal states
        for _ in range(rounds):
            states, curve = program.advance(states, fixed, data, 0, stop)
            jax.block_until_ready(curve)

    return _timed(work, units * rounds * program.width)


def _ready(
    network: str, lanes: int, train: TrainConfig, n_test: int, n_train: int
) -> Any:
    """Return program, data, states and what stays fixed, of a group of lanes."""
    cpu = jax.default_backend() == "cpu"
    devices = jax.devices()[: min(lanes, jax.device_count())]
    shape = SHAPES[network]
    model = models.build(ModelConfig(name=network), shape, 10)  # type: ignore[arg-type]
    program = ensemble.make_program(
        model,
        train,
        devices=devices,
        lanes_per_device=1 if cpu else -(-lanes // len(devices)),
    )
    sets = (_random(n, shape) for n in (n_train, 1, n_test))
    data = program.put_data(Splits(*sets, 10))
    return program, data, *_lanes(model, train, program)


def _lanes(model: Any, train: TrainConfig, program: ensemble.Program) -> Any:
    root = jax.random.key(0)

    def lane(replicate: jax.Array) -> tuple[Ticket, Fixed]:
        params, state = model.init(derive(root, replicate, Stream.INIT))
        ticket = Ticket(params, masks.ones(params), state, jnp.int32(0))
        key = derive(root, replicate, Stream.ORDER)
        hyper = jax.tree.map(jnp.float32, optim.hyper(train))
        return ticket, Fixed(ticket.mask, ticket.clock, hyper, key, key, key)

    made = jax.jit(jax.vmap(lane))(jnp.arange(program.width))
    tickets, fixed = program.put_lanes(made)
    return program.start(tickets, fixed.hyper), fixed


def naive() -> dict[str, Any]:
    """Time a LeNet step as a plain JAX loop does it: jit per step, no mask."""
    model = models.build(ModelConfig(), SHAPES["lenet"], 10)
    params, state = model.init(jax.random.key(0))
    tx = optax.adam(1e-3)

    @jax.jit
    def update(params: Any, moments: Any, x: Any, y: Any) -> Any:
        def loss(params: Any) -> Any:
            logits, _ = model.apply(params, state, x, True, jax.random.key(0))
            return cross_entropy(logits, y)

        updates, moments = tx.update(jax.grad(loss)(params), moments, params)
        return optax.apply_updates(params, updates), moments

    data, rng = _random(55_000, SHAPES["lenet"]), np.random.default_rng(0)
    moments = tx.init(params)

    def work() -> None:
        nonlocal params, moments
        orders = [rng.permutation(data.size) for _ in range(2)]
        batches = np.concatenate(orders)[: 60 * STEPS["lenet"]].reshape(-1, 60)
        for batch in batches:
            params, moments = update(params, moments, data.x[batch], data.y[batch])
        jax.block_until_ready(params)

    return _timed(work, STEPS["lenet"])


def pruning(how: str) -> dict[str, Any]:
    """Time a pruning of 4,194,304 weights to a fifth, by rank, sort or top-k."""
    size = 1 << 22
    weights = {"w": jax.random.normal(jax.random.key(0), (1, size))}
    mask, keep = masks.ones(weights), size // 5
    methods: dict[str, Callable[..., Any]] = {
        "ours": lambda s, m: masks.prune(s, m, {"w": keep}),
        "sort": lambda s, m: s["w"] >= jnp.sort(s["w"].ravel())[-keep],
        "top_k": lambda s, m: jax.lax.top_k(s["w"].ravel(), keep)[1],
    }
    method = jax.jit(methods[how])
    scores = jax.tree.map(jnp.abs, weights)
    return _timed(lambda: jax.block_until_ready(method(scores, mask)), 1)


def peak() -> dict[str, Any]:
    """Time a billion floating-point operations of a large matrix product."""
    size = 2048 if jax.default_backend() == "cpu" else 16_384
    a = jax.random.normal(jax.random.key(0), (size, size))
    product = jax.jit(lambda a: jnp.matmul(a, a, precision="float32"))
    return _timed(lambda: product(a).block_until_ready(), 2 * size**3 / 1e9)


def _random(n: int, shape: tuple[int, ...]) -> Dataset:
    rng = np.random.default_rng(0)
    x = rng.random((n, *shape), dtype=np.float32)
    return Dataset(x, rng.integers(0, 10, n, dtype=np.int32))


def _timed(work: Callable[[], Any], units: float) -> dict[str, Any]:
    start = time.perf_counter()
    work()
    first, best = time.perf_counter() - start, float("inf")
    for _ in range(REPEATS):
        start = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - start)
    stats = jax.local_devices()[0].memory_stats() or {}
    resident = 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {
        "seconds": best / units,
        "compile": max(0.0, first - best),
        "memory": stats.get("peak_bytes_in_use", resident),
    }


def main() -> None:
    """Take one measurement and print it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("what")
    parser.add_argument("--devices", type=int)
    parser.add_argument("--network", default="lenet")
    parser.add_argument("--lanes", type=int, default=1)
    parser.add_argument("--how", default="ours")
    args = parser.parse_args()
    use_host_devices(args.devices)
    measurements = {
        "step": lambda: step(args.network, args.lanes),
        "evaluation": lambda: evaluation(args.lanes),
        "period": lambda: period(args.lanes),
        "epoch": epoch,
        "naive": naive,
        "pruning": lambda: pruning(args.how),
        "peak": peak,
    }
    print(json.dumps(measurements[args.what]()))


if __name__ == "__main__":
    main()
