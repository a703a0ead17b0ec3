"""One measurement of PyTorch, in a process of its own; prints JSON.

What a good user writes by hand: data in memory on the device, an eager loop, fused
optimizers, all cores; with --compile the same loop through torch.compile. Runs with any
interpreter that has PyTorch, and does not import lth_jax.

Precision is as of our side: true float32, where PyTorch's convolutions would take TF32;
tensorfloat32 where the device has it. For bfloat16 ours names the least precision that
a product of float32 arrays may have: bfloat16 on a TPU, but TF32 on an NVIDIA GPU. What
is nearest here and takes bfloat16 in convolutions too is autocast, which, unlike ours,
also hands on results as bfloat16; so it may be the faster one.
"""

import argparse
import importlib.util
import itertools
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn import functional

_spec = importlib.util.spec_from_file_location(
    "work", Path(__file__).with_name("work.py")
)
assert _spec and _spec.loader
work = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(work)

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
REPEATS = 3
PRECISIONS = ("float32", "tensorfloat32", "bfloat16")


class Residual(nn.Module):
    """Two 3x3 convolutions with batch norm around a shortcut."""

    def __init__(self, channels: int, width: int, stride: int) -> None:
        """Build the layers."""
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(channels, width, 3, stride, 1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.Conv2d(width, width, 3, 1, 1, bias=False),
            nn.BatchNorm2d(width),
        )
        self.shortcut: nn.Module = nn.Identity()
        if stride > 1:
            self.shortcut = nn.Sequential(
                nn.Conv2d(channels, width, 1, stride, bias=False),
                nn.BatchNorm2d(width),
            )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map features to features."""
        return functional.relu(self.body(x) + self.shortcut(x))


def network(name: str) -> nn.Module:
    """Return LeNet-300-100, Conv-2 or the 20-layer residual network."""
    if name == "lenet":
        widths = (784, 300, 100, 10)
        dense = [nn.Linear(a, b) for a, b in itertools.pairwise(widths)]
        return nn.Sequential(
            nn.Flatten(), dense[0], nn.ReLU(), dense[1], nn.ReLU(), dense[2]
        )
    if name == "conv2":
        convs = [nn.Conv2d(3, 64, 3, padding=1), nn.Conv2d(64, 64, 3, padding=1)]
        dense = [nn.Linear(16_384, 256), nn.Linear(256, 256), nn.Linear(256, 10)]
        return nn.Sequential(
            *(convs[0], nn.ReLU(), convs[1], nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()),
            *(dense[0], nn.ReLU(), dense[1], nn.ReLU(), dense[2]),
        )
    blocks, channels = [], 16
    for width in (16, 32, 64):
        for i in range(3):
            stride = 2 if width > 16 and i == 0 else 1
            blocks.append(Residual(channels, width, stride))
            channels = width
    stem = (nn.Conv2d(3, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU())
    return nn.Sequential(
        *stem, *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10)
    )


def trained(
    name: str,
    batch: int,
    steps: int,
    make: Callable[..., Any],
    n_test: int,
    fast: bool,
    precision: str,
) -> float:
    """Return the seconds of so many steps and an evaluation, the best of a few."""
    reduced = precision != "float32"
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = reduced
    bfloat16 = torch.autocast(DEVICE, torch.bfloat16, enabled=precision == "bfloat16")
    torch.manual_seed(0)
    height, width, channels = work.SHAPES[name]
    n = 60_032 if name == "lenet" else 20 * batch
    x = torch.rand(n, channels, height, width, device=DEVICE)
    y = torch.randint(10, (n,), device=DEVICE)
    model = network(name).to(DEVICE)
    optimizer = make(model.parameters())
    forward = torch.compile(model) if fast else model

    def run() -> None:
        batches: list[torch.Tensor] = []
        for _ in range(steps):
            if not batches:
                batches = list(
                    torch.randperm(n, device=DEVICE).split(batch)[: n // batch]
                )
            index = batches.pop()
            optimizer.zero_grad()
            with bfloat16:
                loss = functional.cross_entropy(forward(x[index]), y[index])
            loss.backward()
            optimizer.step()
        if n_test:
            with torch.no_grad(), bfloat16:
                (model(x[:n_test]).argmax(1) == y[:n_test]).sum().item()
        if DEVICE == "cuda":
            torch.cuda.synchronize()

    run()
    times = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return min(times)


def main() -> None:
    """Take one measurement and print it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=["step", "epoch"])
    parser.add_argument("--network", default="lenet")
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--precision", choices=PRECISIONS, default="float32")
    args = parser.parse_args()
    how = args.compile, args.precision
    if args.what == "epoch":
        make = lambda p: torch.optim.SGD(p, lr=0.1, fused=True)  # noqa: E731
        seconds = trained("lenet", 128, 469, make, 10_000, *how)
    else:
        name, steps = args.network, work.STEPS[args.network]
        momentum = {"lr": 1e-3, "momentum": 0.9, "fused": True}
        make = lambda p: (  # noqa: E731
            torch.optim.SGD(p, **momentum)
            if name == "resnet18"
            else torch.optim.Adam(p, lr=1e-3, fused=True)
        )
        seconds = trained(name, work.BATCHES[name], steps, make, 0, *how) / steps
    threads = f", {torch.get_num_threads()} threads" if DEVICE == "cpu" else ""
    print(
        json.dumps({"seconds": seconds, "with": f"torch {torch.__version__}{threads}"})
    )


if __name__ == "__main__":
    main()
