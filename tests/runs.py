"""Whole runs of seconds, and what they leave."""

import dataclasses
import json
from pathlib import Path

import pytest

import lth_jax as lth
from lth_jax import plotting
from lth_jax.driver import pipeline
from lth_jax.report import run as report
from lth_jax.report import sweep

SMALL = {"summary.parquet", "curves.parquet", "tickets.npz"}
FILES = SMALL | {"final.npz", "manifest.json"}
SOMETIMES = {"snapshots.npz", "stability.parquet", "paths.parquet"}


def config_at(out: Path, **fields) -> lth.Config:
    """Return a study of seconds: digits, eight hidden units, two prunings."""
    config = lth.Config(
        model=lth.ModelConfig(widths=(8,)),
        train=lth.TrainConfig(steps=20, eval_every=8, learning_rate=0.02),
        prune=lth.PruneConfig(levels=2, rate=0.4),
        replicates=2,
        reinits=1,
        shuffles=1,
        plan=lth.PlanConfig(devices=2),
        out=str(out),
        progress=False,
    )
    return dataclasses.replace(config, **fields)


def run(config: lth.Config) -> Path:
    return pipeline.run(config, "digits")


def without_pictures(patch: pytest.MonkeyPatch) -> None:
    """Draw figures, but make no pictures of them, which takes longest of a page."""
    patch.setattr(plotting, "render", lambda figure, form: b"<svg></svg>")


def without_figures(patch: pytest.MonkeyPatch) -> None:
    """Leave figures out of pages, also of those that are only drawn."""
    for pages in (report, sweep):
        patch.setattr(pages, "write_figures", lambda path, runs: [])


def levels(path: Path, names=frozenset(FILES | SOMETIMES)) -> dict[str, bytes]:
    """Return the files of all levels."""
    return {
        str(p.relative_to(path)): p.read_bytes()
        for p in sorted(path.glob("level_*/*"))
        if p.name in names
    }


def times(path: Path) -> dict[Path, int]:
    return {p: p.stat().st_mtime_ns for p in path.rglob("*") if p.is_file()}


def events(path: Path) -> list[tuple]:
    noted = json.loads((path / "manifest.json").read_text())["events"]
    return [(e["event"], e.get("level", e.get("levels"))) for e in noted]
