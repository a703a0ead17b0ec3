"""What there is to choose from, as rows: ``lth list``."""

import ast
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..errors import InputError, StoreError
from ..results import network_name
from .experiment import shipped

Row = dict[str, Any]


def criteria(folder: Path) -> list[Row]:
    """Return the pruning criteria of the package."""
    from ..tickets.criteria import CRITERIA

    return [
        {"name": name, "reads": one.reads, "words": one.words}
        for name, one in CRITERIA.items()
    ]


def controls(folder: Path) -> list[Row]:
    """Return the controls of the package, and the setting that asks for each."""
    from ..tickets.controls import CONTROLS

    return [
        {"name": name, "setting": one.field or "controls", "words": one.words}
        for name, one in CONTROLS.items()
    ]


def models(folder: Path) -> list[Row]:
    """Return the networks of the package and their sizes."""
    from ..driver.devices import check_platforms
    from ..models import listed

    check_platforms()
    return listed()


def optimizers(folder: Path) -> list[Row]:
    """Return the optimizers of the package."""
    from ..training.optim import OPTIMIZERS

    return [{"name": name} for name in OPTIMIZERS]


def experiments(folder: Path) -> list[Row]:
    """Return the experiments of the package, and the first line of each."""
    rows = []
    for path in shipped():
        text = ast.get_docstring(ast.parse(path.read_text())) or ""
        rows.append({"name": path.stem, "words": text.split("\n", 1)[0]})
    return rows


def runs(folder: Path) -> list[Row]:
    """Return the run directories in a folder, and what is known of each.

    Args:
        folder: e.g. ``runs``.

    Raises:
        InputError: there is no such folder.
    """
    from ..store.verify import level_numbers, read_config, read_manifest

    if not folder.is_dir():
        raise InputError(f"There is no folder {folder}: lth list runs FOLDER.")
    rows = []
    for path in sorted(folder.iterdir()):
        if not (path / "config.json").is_file():
            continue
        try:
            manifest = read_manifest(path)
            row: Row = {"run": str(path), "experiment": manifest.get("experiment", "")}
            variants = [p.parent for p in path.glob("*/config.json")]
            done = all(map(_is_finished, variants or [path]))
            if variants:
                row |= {
                    "network": f"{len(variants)} variants",
                    "seed": "",
                    "levels": "",
                }
            else:
                config = read_config(path)
                there = len(level_numbers(path, config))
                row |= {
                    "network": network_name(config.model.name, config.model.widths),
                    "seed": config.seed,
                    "levels": f"{there} of {config.levels + 1}",
                }
            rows.append(row | {"state": "finished" if done else ""})
        except StoreError as error:
            rows.append(
                {"run": str(path), "experiment": "", "network": "", "seed": ""}
                | {"levels": "", "state": f"damaged: {error}"}
            )
    return rows


def _is_finished(run: Path) -> bool:
    from ..store.verify import read_manifest

    events = read_manifest(run).get("events", [])
    return bool(events) and events[-1].get("event") == "finished"


LISTS: dict[str, Callable[[Path], list[Row]]] = {
    "criteria": criteria,
    "controls": controls,
    "models": models,
    "optimizers": optimizers,
    "experiments": experiments,
    "runs": runs,
}
"""What ``lth list`` can list."""
