"""The benchmarks, taken one by one; results and their comparison.

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
from importlib import metadata
from pathlib import Path
from typing import Any

from lth_jax.errors import LthError

from .rows import COMPILED, EAGER, LIMIT, Row, rows

HERE = Path(__file__).parent
SLOWER = 1.25
"""A ratio that grew by more than this factor is a regression."""
TORCH = (EAGER, COMPILED)
PACKAGES = ("jax", "jaxlib", "flax", "optax", "numpy")


class Failed(LthError):
    """A measurement came to no result; the message says why."""


def run(
    torch_python: str | None, out: Path, pairs: int | None = None, only: str = ""
) -> Path:
    """Take all measurements, print them and write ``<out>/<cpu|gpu>-<device>.json``.

    The file is written after every row. A row that fails, be it for want of memory,
    says so, and the others go on.

    Args:
        torch_python: interpreter that has PyTorch; None leaves its rows out.
        out: folder of the results.
        pairs: of every row; default: as many as the row says.
        only: part of the names of the rows to take; the file then keeps its others.

    Returns:
        The path of the file.
    """
    device = _device()
    versions = {"python": platform.python_version()}
    versions |= {name: metadata.version(name) for name in PACKAGES}
    wanted = [
        row
        for row in rows(device["platform"], device["cores"])
        if only in row.name and (torch_python or row.peer not in TORCH)
    ]
    peaks = {name: _peak(name) for name in dict.fromkeys(r.precision for r in wanted)}
    rates = [f"{1 / each:,.0f} GFLOP/s in {name}" for name, each in peaks.items()]
    print(f"{device['kind']}, {device['cores']} cores, at most {', '.join(rates)}")
    print(f"{HEAD}\n{re.sub('[^|]', '-', HEAD)}", flush=True)
    slug = re.sub(r"[^a-z0-9]+", "-", device["kind"].lower()).strip("-")
    path = out / f"{'cpu' if device['platform'] == 'cpu' else 'gpu'}-{slug}.json"
    out.mkdir(parents=True, exist_ok=True)
    taken = []
    if only and path.exists():
        known = json.loads(path.read_text())
        taken, versions = known["rows"], known["versions"] | versions
    for row in wanted:
        one = _taken(row, torch_python or "", pairs or row.pairs, peaks[row.precision])
        versions |= one.pop("versions", {})
        taken = [*(old for old in taken if not _same(old, one)), one]
        content = {"device": device, "versions": versions, "rows": taken}
        path.write_text(json.dumps(content, indent=1) + "\n")
        print(_line(one), flush=True)
    return path


def _same(a: dict[str, Any], b: dict[str, Any]) -> bool:
    return all(a[key] == b[key] for key in ("name", "precision", "peer"))


def regressions(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """Say which ratios grew by more than `SLOWER`, and which are gone.

    Example:
        >>> row = {"name": "step", "precision": "float32", "peer": "x"}
        >>> old, new = ({"rows": [row | {"ratio": ratio}]} for ratio in (0.5, 0.9))
        >>> regressions(old, new)
        ['step (float32) beside x: 0.90, was 0.50']
    """
    known, now = _ratios(before), _ratios(after)
    return [f"{name}: not measured" for name in sorted(known.keys() - now.keys())] + [
        f"{name}: {ratio:.2f}, was {old:.2f}"
        for name, ratio in now.items()
        if (old := known.get(name)) and ratio > SLOWER * old
    ]


def _ratios(result: dict[str, Any]) -> dict[str, Any]:
    """Return the ratio of every row that came to a result; None where it has none."""
    return {
        f"{row['name']} ({row['precision']}) beside {row['peer'] or 'nothing'}": (
            row["ratio"]
        )
        for row in result["rows"]
        if "failed" not in row
    }


def _taken(row: Row, torch_python: str, pairs: int, peak: float) -> dict[str, Any]:
    """Return a row's result, or why there is none."""
    about = {"name": row.name, "precision": row.precision, "peer": row.peer}
    about |= {"goal": row.goal, "unit": row.unit}
    try:
        if row.peer:
            return about | _compared(row, torch_python, pairs, peak)
        return about | _alone(row)
    except Failed as error:
        nothing = {"value": None, "ratio": None, "met": None}
        return about | nothing | {"failed": str(error)}


def _compared(row: Row, torch_python: str, pairs: int, peak: float) -> dict[str, Any]:
    ratios, ours, versions = [], {"seconds": float("inf")}, {}
    for _ in range(pairs):
        one = _ours(row.ours)
        try:
            theirs, with_ = _theirs(row, torch_python)
        except Failed as error:
            raise Failed(f"{row.peer}: {error}") from error
        versions |= with_
        ratios.append(one["seconds"] / theirs)
        ours = min(ours, one, key=lambda answer: answer["seconds"])
    ratio = statistics.median(ratios)
    result = {
        "value": _value(row, ours),
        "ratio": ratio,
        "lowest": min(ratios),
        "highest": max(ratios),
        "pairs": pairs,
        "met": _met(row, ratio),
        "compile_seconds": ours["compile"],
        "memory_bytes": ours["memory"],
        "versions": versions,
    }
    if row.operations:
        result["share_of_peak"] = row.operations / 1e9 * peak / ours["seconds"]
    return result


def _alone(row: Row) -> dict[str, Any]:
    value = _value(row, _ours(row.ours))
    return {"value": value, "ratio": None, "met": _met(row, value)}


def _met(row: Row, reached: float) -> bool | None:
    return None if row.goal is None else reached <= row.goal


def _value(row: Row, answer: dict[str, Any]) -> float:
    if row.unit == "GiB":
        return answer["memory"] / 2**30
    return answer["seconds"] * {"s": 1, "ms": 1e3}[row.unit]


def _theirs(row: Row, torch_python: str) -> tuple[float, dict[str, str]]:
    """Return the peer's seconds and, where it is another package, its version."""
    if row.peer == LIMIT:
        return int(row.theirs) / 1e9 * _peak(row.precision), {}
    if row.peer in TORCH:
        answer = _ask([torch_python, str(HERE / "peer.py")], str(row.theirs))
        return answer["seconds"], {"torch": answer["with"]}
    return _ours(str(row.theirs))["seconds"], {}


def _peak(precision: str) -> float:
    """Return the seconds of a billion operations of a large matrix product."""
    return _ours(f"peak --devices 1 --precision {precision}")["seconds"]


def _ours(words: str) -> dict[str, Any]:
    return _ask([sys.executable, "-m", f"{__package__}.ours"], words)


def _ask(command: list[str], words: str) -> dict[str, Any]:
    done = subprocess.run(
        [*command, *words.split()],
        capture_output=True,
        text=True,
        env=os.environ | {"JAX_TRACEBACK_FILTERING": "off"},  # or its notes come last
    )
    if done.returncode:
        raise Failed(_reason(done.stderr) or f"exit code {done.returncode}")
    return json.loads(done.stdout.splitlines()[-1])


def _reason(stderr: str) -> str:
    """Return why a process failed, in its last words; they are many for want of memory.

    Example:
        >>> _reason("JaxRuntimeError: RESOURCE_EXHAUSTED: Out of memory ...")
        'out of device memory'
    """
    if re.search("RESOURCE_EXHAUSTED|OutOfMemoryError", stderr):
        return "out of device memory"
    return "".join(stderr.strip().splitlines()[-1:])


def _device() -> dict[str, Any]:
    """Ask another process: this one must leave an accelerator's memory alone."""
    code = "import json, lth_jax.driver.devices as p; print(json.dumps(p.describe()))"
    return _ask([sys.executable, "-c", code], "") | {"cores": os.cpu_count() or 1}


HEAD = "| work | precision | ours | beside | ratio | goal | of the peak |"


def _line(one: dict[str, Any]) -> str:
    """Return a row of a table in Markdown."""
    share = one.get("share_of_peak")
    goal = "" if one["goal"] is None else f"{one['goal']:.3g}"
    cells = [
        one["name"],
        one["precision"],
        one.get("failed") or f"{one['value']:.3g} {one['unit']}",
        one["peer"],
        "" if one["ratio"] is None else f"{one['ratio']:.2f}",
        f"{goal} {'missed' if one['met'] is False else ''}".strip(),
        "" if share is None else f"{share:.0%}",
    ]
    return f"| {' | '.join(cells)} |"
