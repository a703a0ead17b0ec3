"""One training step of LeNet-300-100, beside PyTorch's, on the CPU.

Both sides train on 55,000 MNIST-shaped images in memory, in shuffled batches of 60,
with Adam at 1.2e-3. PyTorch runs what a good user would write by hand: an eager loop
with fused Adam on all cores. Our side runs the program that `lth run` runs, mask and
all, one lane per core. Every measurement is a process of its own, and the two sides
take turns on a machine that should be idle: what disturbs one then shows in its pair.

    python benchmarks/lenet_step.py --torch-python ENVIRONMENT_WITH_TORCH/bin/python
"""

import argparse
import itertools
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from pathlib import Path

N_TRAIN = 55_000
BATCH_SIZE = 60
LEARNING_RATE = 1.2e-3
WARM_UP_STEPS = 100


def torch_step_times(steps: int) -> dict:
    """Return the milliseconds of a PyTorch step, and with what it was taken."""
    import torch
    from torch import nn

    torch.manual_seed(0)
    x, y = torch.rand(N_TRAIN, 784), torch.randint(10, (N_TRAIN,))
    widths = (784, 300, 100, 10)
    dense = [nn.Linear(n_in, n_out) for n_in, n_out in itertools.pairwise(widths)]
    model = nn.Sequential(dense[0], nn.ReLU(), dense[1], nn.ReLU(), dense[2])
    loss_fn = nn.CrossEntropyLoss()
    adam = torch.optim.Adam(model.parameters(), lr=LEARNING_RATE, fused=True)

    def train(steps: int) -> None:
        batches = []
        for _ in range(steps):
            if not batches:
                order = torch.randperm(N_TRAIN)
                batches = list(order.split(BATCH_SIZE)[: N_TRAIN // BATCH_SIZE])
            batch = batches.pop()
            adam.zero_grad()
            loss_fn(model(x[batch]), y[batch]).backward()
            adam.step()

    train(WARM_UP_STEPS)
    start = time.perf_counter()
    train(steps)
    return {
        "ms": 1e3 * (time.perf_counter() - start) / steps,
        "with": f"torch {torch.__version__}, {torch.get_num_threads()} threads",
    }


def our_step_times(lanes_per_device: int, devices: int | None, steps: int) -> dict:
    """Return the milliseconds of one lane's step, and with what it was taken.

    The step is timed where users meet it, in a chunk of the training program: shuffling
    the epochs is in, evaluation is reduced to one example.
    """
    import flax
    import jax
    import jax.numpy as jnp

    from lth_jax import ensemble, masks, models, optim
    from lth_jax.config import ModelConfig, TrainConfig
    from lth_jax.dataset import Dataset, Splits
    from lth_jax.keys import Stream, derive
    from lth_jax.parallel import use_host_devices
    from lth_jax.train import Fixed
    from lth_jax.types import Ticket

    use_host_devices(devices)
    config = TrainConfig(
        steps=steps,
        eval_every=steps,
        batch_size=BATCH_SIZE,
        learning_rate=LEARNING_RATE,
    )
    model = models.build(ModelConfig(), (28, 28, 1), 10)
    program = ensemble.make_program(
        model, config, devices=jax.devices(), lanes_per_device=lanes_per_device
    )
    root = jax.random.key(0)

    def lane(replicate: jax.Array) -> tuple[Ticket, Fixed]:
        params, state = model.init(derive(root, replicate, Stream.INIT))
        ticket = Ticket(params, masks.ones(params), state, jnp.int32(0))
        order = derive(root, replicate, Stream.ORDER)
        noise = derive(root, replicate, Stream.NOISE)
        hyper = jax.tree.map(jnp.float32, optim.hyper(config))
        fixed = Fixed(ticket.mask, ticket.clock, hyper, order, noise, augment=noise)
        return ticket, fixed

    x = jax.random.uniform(root, (N_TRAIN, 28, 28, 1))
    y = jax.random.randint(root, (N_TRAIN,), 0, 10)
    one = Dataset(x[:1], y[:1])
    data = program.put_data(Splits(Dataset(x, y), one, one, 10))
    tickets, fixed = program.put_lanes(jax.vmap(lane)(jnp.arange(program.width)))
    states = program.start(tickets, fixed.hyper)

    for _ in range(2):  # the first call compiles
        jax.block_until_ready(states)
        start = time.perf_counter()
        states, _ = program.advance(states, fixed, data, 0, steps)
        jax.block_until_ready(states)
        seconds = time.perf_counter() - start
    return {
        "ms": 1e3 * seconds / steps / program.width,
        "with": f"jax {jax.__version__}, flax {flax.__version__},"
        f" {jax.device_count()} devices, lanes on each: {lanes_per_device}",
    }


def measure(python: str, side: str) -> dict:
    """Run one side in a process of its own, with the options of this one."""
    done = subprocess.run(
        [python, __file__, *sys.argv[1:], f"--side={side}"],
        env={**os.environ, "JAX_PLATFORMS": "cpu"},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


def compare(torch_python: str, n_pairs: int) -> None:
    """Print both sides' times and their ratios, pair by pair."""
    pairs = []
    print(f"{cpu()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    print("  pair  torch ms   ours ms  ours / torch")
    for number in range(1, n_pairs + 1):
        torch, ours = measure(torch_python, "torch"), measure(sys.executable, "ours")
        pairs.append((torch["ms"], ours["ms"], ours["ms"] / torch["ms"]))
        row(str(number), *pairs[-1])
    row("median", *map(statistics.median, zip(*pairs, strict=True)))
    print(f"torch: {torch['with']}\nours:  {ours['with']}; time of one lane's step")


def row(name: str, torch_ms: float, our_ms: float, ratio: float) -> None:
    """Print a line of the table."""
    print(f"{name:>6}  {torch_ms:8.3f}  {our_ms:8.3f}  {ratio:12.2f}", flush=True)


def cpu() -> str:
    """Return the name of the processor."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.partition(":")[2] for line in lines if line.startswith("model name")]
    return names[0].strip() if names else platform.processor()


def main() -> None:
    """Compare the two sides, or, in a process of its own, time one."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--pairs", type=int, default=7, help="measurements of each side")
    add("--steps", type=int, default=300, help="steps per measurement")
    add("--devices", type=int, help="our host devices; default: one per core")
    add("--lanes", type=int, default=1, help="our lanes per device")
    add("--torch-python", default=sys.executable, help="interpreter that has PyTorch")
    add("--side", choices=["torch", "ours"], help="time this one only, print JSON")
    args = parser.parse_args()
    if args.side == "torch":
        print(json.dumps(torch_step_times(args.steps)))
    elif args.side == "ours":
        print(json.dumps(our_step_times(args.lanes, args.devices, args.steps)))
    else:
        compare(args.torch_python, args.pairs)


if __name__ == "__main__":
    main()
