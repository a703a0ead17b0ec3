"""Run directories are not trusted: what is read back is what was written, or refused.

Nothing that is stored is ever executed, and every message names the file.
"""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .. import config as configs
from ..analysis import anatomy
from ..analysis.anatomy import Anatomy
from ..config import Config
from ..config.fields import shown
from ..errors import InputError, StoreError
from ..files import no_rows, read_json, read_table, sha256
from ..study import copies, rows
from ..study.copies import PATHS, STABILITY
from ..study.rows import CURVES, SUMMARY

COLUMNS = {
    "summary.parquet": SUMMARY,
    "curves.parquet": CURVES,
    "stability.parquet": STABILITY,
    "paths.parquet": PATHS,
}
"""Columns of the tables of a level."""
ANATOMY = "anatomy"
"""Name of the folder of the tables of a run's anatomy."""
_NOTES = {"experiment": str, "fingerprint": str, "plan": dict, "data": dict}
_NOTES |= {"events": list}
"""What manifests hold that is read again, and its type."""


def is_variant(name: str) -> bool:
    """Tell whether a name can be that of a variant: it names a folder of the sweep."""
    return bool(re.fullmatch(r"\w[\w.-]*", name))


def read_config(path: Path) -> Config:
    """Read the config of a run directory.

    Raises:
        StoreError: it is missing, or no config; names the field.
    """
    stored = read_json(path / "config.json")
    try:
        return configs.from_dict(stored)
    except InputError as error:
        file = path / "config.json"
        raise StoreError(f"{file} was changed; restore it: {error}") from error


def read_manifest(path: Path) -> dict[str, Any]:
    """Read the manifest of a run directory, or of that of a sweep.

    Raises:
        StoreError: it is missing, or damaged; names the field.
    """
    file = path / "manifest.json"
    stored = read_json(file)
    for name, kind in _NOTES.items():
        if not isinstance(stored.get(name, kind()), kind):
            raise StoreError(
                f"{file} was changed; restore it: {name} is {shown(stored[name])}."
            )
    if not all(isinstance(event, dict) for event in stored.get("events", [])):
        raise StoreError(f"{file} was changed; restore it: an event is no object.")
    return stored


def tables_of(config: Config, number: int) -> list[str]:
    """Return the names of the tables that a level has.

    Example:
        >>> tables_of(Config(), 1)
        ['summary.parquet', 'curves.parquet']
    """
    summary, curves, stability, paths = COLUMNS
    names = [summary, curves]
    if copies.copied_kinds(config, number):
        names += [stability, paths] if config.stability.points else [stability]
    return names


def level_path(run: Path, number: int) -> Path:
    """Return the folder of a level.

    Example:
        >>> level_path(Path("runs/x"), 3).name
        'level_03'
    """
    return run / f"level_{number:02d}"


def level_numbers(run: Path, config: Config) -> list[int]:
    """Return the numbers of the levels that are there, complete or not.

    Raises:
        StoreError: one is there that no run of the config has.
    """
    known = {level_path(run, n).name: n for n in range(config.levels + 1)}
    names = [folder.name for folder in run.glob("level_*")]
    for name in names:
        if re.fullmatch(r"level_\d+", name) and name not in known:
            raise StoreError(f"{run / name} is no level of this run: remove it.")
    return sorted(known[name] for name in names if name in known)


def level_files(run: Path, number: int) -> dict[str, Any]:
    """Return what the manifest of a level says of its files.

    Raises:
        StoreError: it cannot be read, or is of another level or run.
    """
    return _files(run, level_path(run, number), level=number)


def _files(run: Path, folder: Path, **mine: Any) -> dict[str, Any]:
    """Return what the manifest of a folder of a run says of its files."""
    manifest = read_json(folder / "manifest.json")
    mine["fingerprint"] = read_json(run / "manifest.json").get("fingerprint")
    try:
        if any(manifest[name] != value for name, value in mine.items()):
            raise StoreError(f"{folder} was copied from another level or run")
        return {
            name: {"bytes": known["bytes"], "sha256": known["sha256"]}
            for name, known in manifest["files"].items()
        }
    except (KeyError, TypeError, AttributeError) as error:
        raise StoreError(f"{folder / 'manifest.json'} cannot be read") from error


def checked(run: Path, number: int, name: str, files: Mapping[str, Any]) -> Path:
    """Return the path of a file of a level, after comparing it with its manifest.

    Args:
        run: the run directory.
        number: of the level.
        name: of the file.
        files: from `level_files`.

    Raises:
        StoreError: says how it differs.
    """
    return _compared(level_path(run, number) / name, files)


def _compared(path: Path, files: Mapping[str, Any]) -> Path:
    name, known = path.name, files.get(path.name)
    if known is None:
        raise StoreError(f"{path.with_name('manifest.json')} does not name {name}")
    if not os.path.isfile(path):
        raise StoreError(f"{path} is missing")
    if path.stat().st_size != known["bytes"]:
        size = path.stat().st_size
        raise StoreError(f"{path} has {size} bytes, not {known['bytes']}")
    if sha256(path) != known["sha256"]:
        raise StoreError(
            f"{path} was changed: its sha256 is not the one in the manifest"
        )
    return path


def read_rows(run: Path, number: int, name: str) -> Any:
    """Read a table of a level as a DataFrame.

    Raises:
        StoreError: the file cannot be read, or does not hold what a level's can.
    """
    path = level_path(run, number) / name
    table = read_table(path, COLUMNS[name])
    say = rows.fault if "draw" in table else copies.fault
    if wrong := say(table, read_config(run), number):
        raise StoreError(f"{path} cannot be read: {wrong}")
    return table


def read_anatomy(run: Path, config: Config) -> Anatomy:
    """Read the tables of a run's anatomy; one that is not there has no rows.

    Args:
        run: the run directory.
        config: of the run.

    Raises:
        StoreError: a file cannot be read, was changed, or does not hold what it can.
    """
    folder = run / ANATOMY
    try:
        files = _anatomy_files(run, folder)
        return Anatomy(
            *(_part(folder / name, config, files) for name in anatomy.TABLES)
        )
    except StoreError as error:
        raise StoreError(
            f"{str(error).rstrip('.')}. Remove {folder}, and make it again where the"
            f" weights are: lth anatomy {run}"
        ) from error


def _anatomy_files(run: Path, folder: Path) -> dict[str, Any] | None:
    """Return what the manifest of the anatomy names; None if there is no manifest.

    Published runs hold tables alone.
    """
    if not os.path.lexists(folder / "manifest.json"):
        return None
    return _files(run, folder)


def _part(path: Path, config: Config, files: Mapping[str, Any] | None) -> Any:
    columns = anatomy.TABLES[path.name]
    if files is None and not os.path.lexists(path):
        return no_rows(columns)
    if files is not None:
        _compared(path, files)
    table = read_table(path, columns)
    if wrong := anatomy.fault(table, config):
        raise StoreError(f"{path} cannot be read: {wrong}")
    return table
