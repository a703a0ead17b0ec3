"""The benchmarks: what is measured, beside what, and how well it should do.

Every measurement is a process of its own and takes turns with its peer, so that what
disturbs one shows in its pair; the ratio of a row is the median over its pairs. The
machine should be idle.
"""

import json
import os
import platform
import re
import statistics
import subprocess
import sys
import time
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple

HERE = Path(__file__).parent
SLOWER = 1.25
"""A ratio that grew by more than this factor is a regression."""
CONV2 = (27 * 64 * 32**2, 9 * 64 * 64 * 32**2, 64 * 16**2 * 256, 256 * 256, 2_560)
RESNET18 = (
    *(27 * 16 * 32**2, 6 * 9 * 16 * 16 * 32**2, (9 + 1) * 16 * 32 * 16**2),
    *(5 * 9 * 32 * 32 * 16**2, (9 + 1) * 32 * 64 * 8**2, 5 * 9 * 64 * 64 * 8**2, 640),
)
OPERATIONS = {
    "lenet": 2 * 60 * (3 * 266_200 - 235_200),
    "conv2": 2 * 60 * (3 * sum(CONV2) - CONV2[0]),
    "resnet18": 2 * 128 * (3 * sum(RESNET18) - RESNET18[0]),
}
"""Floating-point operations of a step: each product forward and twice backward, but the
first layer needs no input gradient."""
LENET_EVALUATION = 2 * 15_000 * 266_200
EAGER, COMPILED, NAIVE = "PyTorch eager", "torch.compile", "a plain JAX loop"
LIMIT = "the matrix-product peak"


class Row(NamedTuple):
    """One comparison.

    Attributes:
        name: of the work.
        ours: words for `lth_jax.benchmarks.ours`.
        peer: what it is compared with.
        theirs: words for the peer; for the limit, the work's operations.
        goal: largest ratio ours / peer that is good enough.
        pairs: how often both are measured.
        operations: floating-point, where they bound the time.
    """

    name: str
    ours: str
    peer: str
    theirs: str | int
    goal: float | None = None
    pairs: int = 3
    operations: int | None = None


def rows(platform: str, cores: int) -> list[Row]:
    """Return what is measured on a CPU with so many cores, or on a GPU."""
    return _cpu_rows(cores) if platform == "cpu" else _gpu_rows()


def _cpu_rows(cores: int) -> list[Row]:
    wide = f"--lanes {cores}"
    cadence = 100 * OPERATIONS["lenet"] + LENET_EVALUATION
    steps = [
        *(
            ("lenet", 1, None, 5),
            ("lenet", cores, 0.42, 7),
            ("lenet", 4 * cores, None, 3),
        ),
        *(("conv2", 1, None, 3), ("conv2", cores, 1.0, 5)),
        *(("resnet18", 1, None, 3), ("resnet18", cores, None, 3)),
    ]
    return [
        *(_step(network, lanes, goal, n, "cpu") for network, lanes, goal, n in steps),
        Row("lenet step, 1 lane", "step --devices 1", COMPILED, "step --compile"),
        Row("lenet step, 1 lane", "step --devices 1", NAIVE, "naive --devices 1"),
        Row("lenet epoch", "epoch --devices 1", EAGER, "epoch", 0.65, 5),
        Row(
            f"lenet evaluation, {cores} lanes",
            f"evaluation {wide}",
            LIMIT,
            LENET_EVALUATION,
            1.3,
            5,
        ),
        Row(
            f"lenet at the paper's cadence, {cores} lanes",
            f"period {wide}",
            LIMIT,
            cadence,
            1.6,
            5,
        ),
        *_pruning(),
    ]


def _gpu_rows() -> list[Row]:
    widths = {
        "lenet": (1, 2, 8, 32, 128),
        "conv2": (1, 2, 8, 32),
        "resnet18": (1, 8, 32),
    }
    goals = {("conv2", 32): 0.5, ("resnet18", 32): 0.5}
    return [
        *(
            _step(network, lanes, goals.get((network, lanes)), 1, "gpu")
            for network, wide in widths.items()
            for lanes in wide
        ),
        Row("lenet step, 32 lanes", "step --lanes 32", "one lane", "step", 1 / 20, 1),
        Row("lenet step, 1 lane", "step", COMPILED, "step --compile", pairs=1),
        Row("lenet step, 1 lane", "step", NAIVE, "naive", pairs=1),
        Row("lenet epoch", "epoch", EAGER, "epoch", pairs=1),
        *_pruning(),
    ]


def _step(
    network: str, lanes: int, goal: float | None, pairs: int, platform: str
) -> Row:
    devices = " --devices 1" if platform == "cpu" and lanes == 1 else ""
    words = f"step --network {network}"
    name = f"{network} step, {lanes} lane{'s' * (lanes > 1)}"
    ours, operations = f"{words} --lanes {lanes}{devices}", OPERATIONS[network]
    return Row(name, ours, EAGER, words, goal, pairs, operations)


def _pruning() -> list[Row]:
    name = "pruning of 4 million weights"
    return [
        Row(name, "pruning", "a full sort", "pruning --how sort"),
        Row(name, "pruning", "lax.top_k", "pruning --how top_k"),
    ]


def run(torch_python: str | None, out: Path, pairs: int | None = None) -> Path:
    """Take all measurements, print them and write ``<out>/<cpu|gpu>-<device>.json``.

    Args:
        torch_python: interpreter that has PyTorch; None leaves its rows out.
        out: folder of the results.
        pairs: of every row; default: as many as the row says.

    Returns:
        The path of the file.
    """
    device, names = _device(), ("jax", "jaxlib", "flax", "optax", "numpy")
    versions = {"python": platform.python_version()}
    versions |= {name: metadata.version(name) for name in names}
    peak, taken = _ours("peak --devices 1")["seconds"], []
    print(f"{device['kind']}, {device['cores']} cores, {1 / peak:,.0f} GFLOP/s at most")
    print(f"{HEAD}\n{re.sub('[^|]', '-', HEAD)}", flush=True)
    for row in rows(device["platform"], device["cores"]):
        if row.peer in (EAGER, COMPILED) and torch_python is None:
            continue
        try:
            one = _measured(row, torch_python or "", pairs or row.pairs)
        except subprocess.CalledProcessError as error:
            last = (error.stderr or "no message").strip().splitlines()[-1]
            print(f"{row.name} beside {row.peer} failed: {last}", file=sys.stderr)
            continue
        versions |= one.pop("versions")
        if row.operations:
            one["share_of_peak"] = row.operations / 1e9 * peak * 1e3 / one["value"]
        taken.append(one)
        print(_line(one), flush=True)
    for one in (_vgg19(), _start_up()):
        taken.append(one)
        print(_line(one), flush=True)
    slug = re.sub(r"[^a-z0-9]+", "-", device["kind"].lower()).strip("-")
    path = out / f"{'cpu' if device['platform'] == 'cpu' else 'gpu'}-{slug}.json"
    out.mkdir(parents=True, exist_ok=True)
    content = {"device": device, "versions": versions, "rows": taken}
    path.write_text(json.dumps(content, indent=1) + "\n")
    return path


def regressions(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """Say which ratios grew by more than `SLOWER`, and which are gone.

    Example:
        >>> old = {"rows": [{"name": "step", "peer": "x", "ratio": 0.5}]}
        >>> new = {"rows": [{"name": "step", "peer": "x", "ratio": 0.9}]}
        >>> regressions(old, new)
        ['step beside x: 0.90, was 0.50']
    """
    known = {(r["name"], r["peer"]): r["ratio"] for r in before["rows"]}
    gone = known.keys() - {(r["name"], r["peer"]) for r in after["rows"]}
    return [f"{name} beside {peer}: not measured" for name, peer in sorted(gone)] + [
        f"{r['name']} beside {r['peer']}: {r['ratio']:.2f}, was {old:.2f}"
        for r in after["rows"]
        if (old := known.get((r["name"], r["peer"]))) and r["ratio"] > SLOWER * old
    ]


def _measured(row: Row, torch_python: str, pairs: int) -> dict[str, Any]:
    ratios, ours, versions = [], {"seconds": float("inf")}, {}
    for _ in range(pairs):
        one = _ours(row.ours)
        if row.peer == LIMIT:
            theirs = int(row.theirs) / 1e9 * _ours("peak --devices 1")["seconds"]
        elif row.peer in (EAGER, COMPILED):
            answer = _ask([torch_python, str(HERE / "peer.py")], str(row.theirs))
            theirs, versions = answer["seconds"], {"torch": answer["with"]}
        else:
            theirs = _ours(str(row.theirs))["seconds"]
        ratios.append(one["seconds"] / theirs)
        ours = min(ours, one, key=lambda answer: answer["seconds"])
    ratio = statistics.median(ratios)
    return {
        "name": row.name,
        "value": 1e3 * ours["seconds"],
        "unit": "ms",
        "peer": row.peer,
        "ratio": ratio,
        "lowest": min(ratios),
        "highest": max(ratios),
        "pairs": pairs,
        "goal": row.goal,
        "met": None if row.goal is None else ratio <= row.goal,
        "compile_seconds": ours["compile"],
        "memory_bytes": ours["memory"],
        "versions": versions,
    }


def _vgg19() -> dict[str, Any]:
    """Measure the memory of four VGG-19 that train."""
    gib = _ours("step --network vgg19 --lanes 4")["memory"] / 2**30
    return _alone("memory of VGG-19, 4 lanes", gib, "GiB", 8)


def _start_up() -> dict[str, Any]:
    """Time the smallest of runs, from the shell to its report, compiled before."""
    import tempfile

    words = "run digits --train.steps 1 --replicates 1 --reinits 0 --shuffles 0"
    code = "import sys; from lth_jax.cli import main; sys.exit(main(sys.argv[1:]))"
    seconds = []
    for _ in range(2):
        with tempfile.TemporaryDirectory() as folder:
            more = ["--prune.levels", "0", "--no-progress", "--out", folder]
            start = time.perf_counter()
            command = [sys.executable, "-c", code, *words.split(), *more]
            subprocess.run(command, check=True, capture_output=True)
            seconds.append(time.perf_counter() - start)
    return _alone("smallest run, start to report, compiled before", seconds[-1], "s", 8)


def _alone(name: str, value: float, unit: str, goal: float) -> dict[str, Any]:
    row = {"name": name, "value": value, "unit": unit, "peer": "", "ratio": None}
    return row | {"goal": goal, "met": value <= goal}


def _ours(words: str) -> dict[str, Any]:
    return _ask([sys.executable, "-m", f"{__package__}.ours"], words)


def _ask(command: list[str], words: str) -> dict[str, Any]:
    done = subprocess.run(
        [*command, *words.split()], capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout.splitlines()[-1])


def _device() -> dict[str, Any]:
    """Ask another process: this one must leave an accelerator's memory alone."""
    code = "import json, lth_jax.parallel as p; print(json.dumps(p.describe()))"
    return _ask([sys.executable, "-c", code], "") | {"cores": os.cpu_count() or 1}


HEAD = "| work | ours | beside | ratio | goal | of the peak |"


def _line(one: dict[str, Any]) -> str:
    """Return a row of a table in Markdown."""
    share = one.get("share_of_peak")
    goal = "" if one["goal"] is None else f"{one['goal']:.3g}"
    cells = [
        one["name"],
        f"{one['value']:.3g} {one['unit']}",
        one["peer"],
        "" if one["ratio"] is None else f"{one['ratio']:.2f}",
        f"{goal} {'missed' if one['met'] is False else ''}".strip(),
        "" if share is None else f"{share:.0%}",
    ]
    return f"| {' | '.join(cells)} |"
