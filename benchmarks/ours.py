"""One measurement of our side, in a process of its own; prints JSON.

    python -m lth_jax.benchmarks.ours step --network conv2 --lanes 2

A result has the seconds of one unit of work of one network (the best of a few
repetitions), the seconds that compilation took, and the peak of the memory in bytes;
that of a whole study or start has its seconds. Nothing compiled is taken from disk,
except at that start.
"""

import argparse
import dataclasses
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from lth_jax.experiments import lth_figure_4

from lth_jax import models
from lth_jax.config import ModelConfig, TrainConfig
from lth_jax.driver.devices import use_host_devices
from lth_jax.keys import Stream, derive
from lth_jax.study import networks
from lth_jax.study.find import find_ticket
from lth_jax.tickets import masks
from lth_jax.training import lanes as ensemble
from lth_jax.training import optim
from lth_jax.training.dataset import Dataset, Splits
from lth_jax.training.loop import Fixed
from lth_jax.training.metrics import cross_entropy
from lth_jax.types import Model, Ticket

from .work import BATCHES, N_TEST, SHAPES, STEPS

REPEATS = 3
FIGURE_4 = lth_figure_4.config()["iterative"]
SMALLEST = (
    "run digits --train.steps 1 --replicates 1 --reinits 0 --shuffles 0"
    " --prune.levels 0 --no-progress"
)


def step(network: str, lanes: int, precision: str) -> dict[str, Any]:
    """Time a training step of a network, in a chunk of the program of ``lth run``."""
    train = dataclasses.replace(_settings(network), precision=precision)
    return _trained(network, lanes, train, n_test=1, units=train.steps)


def _settings(network: str) -> TrainConfig:
    return TrainConfig(
        steps=STEPS[network],
        eval_every=STEPS[network],
        batch_size=BATCHES[network],
        learning_rate=1e-3,
        optimizer="momentum" if network in ("resnet18", "vgg19") else "adam",
    )


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
        blocks = program.timeline(data, train.steps).blocks
        states, curve = program.advance(states, fixed, (), data, train.steps, 0, blocks)
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
    n_train = examples or _examples(network)
    program, data, states, fixed = _ready(network, lanes, train, n_test, n_train)
    rounds = -(-lanes // program.width)
    timeline = program.timeline(data, train.steps)
    stop = timeline.ticks - timeline.train - timeline.blocks  # an evaluation at 0

    def work() -> None:
        nonlocal states
        for _ in range(rounds):
            states, curve = program.advance(
                states, fixed, (), data, train.steps, 0, stop
            )
            jax.block_until_ready(curve)

    return _timed(work, units * rounds * program.width)


def _ready(
    network: str, lanes: int, train: TrainConfig, n_test: int, n_train: int
) -> Any:
    """Return program, data, states and what stays fixed, of a group of lanes."""
    cpu = jax.default_backend() == "cpu"
    devices = jax.devices()[: min(lanes, jax.device_count())]
    shape = SHAPES[network]
    model = _model(network)
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
        ticket = Ticket(
            params, masks.ones(params), state, jnp.int32(0), filled=jnp.bool_(False)
        )
        key = derive(root, replicate, Stream.ORDER)
        hyper = jax.tree.map(jnp.float32, optim.hyper(train))
        return ticket, Fixed(ticket.clock, hyper, ticket.filled, 0, key, key, key)

    made = jax.jit(jax.vmap(lane))(jnp.arange(program.width))
    tickets, fixed = program.put_lanes(made)
    return program.start(tickets, fixed.hyper), fixed


def naive(network: str) -> dict[str, Any]:
    """Time a step as a plain JAX loop does it: jit per step, no mask, `lax.conv`."""
    train, shape = _settings(network), SHAPES[network]
    model = _model(network, "lax")
    params, state = model.init(jax.random.key(0))
    rate, decay = train.learning_rate, train.momentum
    tx = optax.adam(rate) if train.optimizer == "adam" else optax.sgd(rate, decay)

    @jax.jit
    def update(params: Any, state: Any, moments: Any, x: Any, y: Any) -> Any:
        def loss(params: Any) -> Any:
            logits, new = model.apply(params, state, x, True, jax.random.key(0))
            return cross_entropy(logits, y), new

        with jax.default_matmul_precision(train.precision):
            grads, state = jax.grad(loss, has_aux=True)(params)
        updates, moments = tx.update(grads, moments, params)
        return optax.apply_updates(params, updates), state, moments

    data, rng = _random(_examples(network), shape), np.random.default_rng(0)
    carry = params, state, tx.init(params)

    def work() -> None:
        nonlocal carry
        orders = [rng.permutation(data.size) for _ in range(2)]
        seen = np.concatenate(orders)[: train.batch_size * train.steps]
        for batch in seen.reshape(train.steps, -1):
            carry = update(*carry, data.x[batch], data.y[batch])
        jax.block_until_ready(carry)

    return _timed(work, train.steps)


def figure_4(steps: int, levels: int) -> dict[str, Any]:
    """Time the iterative study of Figure 4 in memory, its compilation included.

    The images are random, as many and as large as MNIST's; so are their labels.

    Args:
        steps: of every training.
        levels: prunings.

    Raises:
        RuntimeError: a training diverged, so that those after it did not take place.
    """
    train = dataclasses.replace(FIGURE_4.train, steps=steps)
    prune = dataclasses.replace(FIGURE_4.prune, levels=levels)
    config = dataclasses.replace(FIGURE_4, train=train, prune=prune)
    sets = [_random(n, SHAPES["lenet"]) for n in (55_000, 5_000, 10_000)]
    found = find_ticket(_model("lenet"), Splits(*sets, 10), config)
    start = time.perf_counter()
    trained = sum(level.status.count("ok") for level in found)
    seconds = time.perf_counter() - start
    if trained < len(networks.trainings(config)):
        raise RuntimeError(f"Only {trained} trainings came to an end.")
    return {"seconds": seconds, "memory": _memory()}


def start_up() -> dict[str, Any]:
    """Time the smallest of runs, from the shell to its report, compiled before."""
    code = "import sys; from lth_jax.cli import main; sys.exit(main(sys.argv[1:]))"
    command = [sys.executable, "-c", code, *SMALLEST.split(), "--out"]
    seconds = 0.0
    for _ in range(2):
        with tempfile.TemporaryDirectory() as folder:
            start = time.perf_counter()
            subprocess.run([*command, folder], check=True, stdout=subprocess.DEVNULL)
            seconds = time.perf_counter() - start
    return {"seconds": seconds}


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


def peak(precision: str) -> dict[str, Any]:
    """Time a billion floating-point operations of a large matrix product."""
    size = 2048 if jax.default_backend() == "cpu" else 16_384
    a = jax.random.normal(jax.random.key(0), (size, size))
    product = jax.jit(lambda a: jnp.matmul(a, a, precision=precision))
    return _timed(lambda: product(a).block_until_ready(), 2 * size**3 / 1e9)


def _model(network: str, convolution: str | None = None) -> Model:
    config = ModelConfig(name=network)  # type: ignore[arg-type]
    return models.build(config, SHAPES[network], 10, convolution)


def _examples(network: str) -> int:
    return 55_000 if network == "lenet" else 20 * BATCHES[network]


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
    compiling = max(0.0, first - best)
    return {"seconds": best / units, "compile": compiling, "memory": _memory()}


def _memory() -> int:
    stats = jax.local_devices()[0].memory_stats() or {}
    resident = 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return stats.get("peak_bytes_in_use", resident)


def main() -> None:
    """Take one measurement and print it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("what")
    parser.add_argument("--devices", type=int)
    parser.add_argument("--network", default="lenet")
    parser.add_argument("--lanes", type=int, default=1)
    parser.add_argument("--precision", default="float32")
    parser.add_argument("--how", default="ours")
    parser.add_argument("--steps", type=int, default=FIGURE_4.train.steps)
    parser.add_argument("--levels", type=int, default=FIGURE_4.prune.levels)
    args = parser.parse_args()
    use_host_devices(args.devices)
    jax.config.update("jax_enable_compilation_cache", False)
    measurements = {
        "step": lambda: step(args.network, args.lanes, args.precision),
        "evaluation": lambda: evaluation(args.lanes),
        "period": lambda: period(args.lanes),
        "epoch": epoch,
        "naive": lambda: naive(args.network),
        "pruning": lambda: pruning(args.how),
        "peak": lambda: peak(args.precision),
        "figure_4": lambda: figure_4(args.steps, args.levels),
        "start_up": start_up,
    }
    print(json.dumps(measurements[args.what]()))


if __name__ == "__main__":
    main()
