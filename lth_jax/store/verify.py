"""Run directories are not trusted: what is read back is what was written, or refused.

Nothing that is stored is ever executed, and every message names the file.
"""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .. import config as configs
from ..config import Config
from ..config.fields import shown
from ..errors import InputError, StoreError
from ..files import entry, read_json, read_table, sha256, write_json
from ..schema import (
    CONFIG_FILE,
    CURVES_FILE,
    LEVEL_TABLES,
    MANIFEST_FILE,
    PATHS_FILE,
    STABILITY_FILE,
    SUMMARY_FILE,
    Table,
)
from ..study.networks import plan_study
from .faults import fault, most_of_level

_NOTES = {
    "experiment": str,
    "fingerprint": str,
    "plan": dict,
    "data": dict,
    "layers": dict,
    "given": dict,
    "criterion": str,
    "events": list,
}
"""What manifests hold that is read again, and its type."""


# Of a run.


def is_variant(name: str) -> bool:
    """Tell whether a name can be that of a variant: it names a folder of the sweep."""
    return bool(re.fullmatch(r"\w[\w.-]*", name))


def read_config(run: Path) -> Config:
    """Read the config of a run directory.

    Raises:
        StoreError: it is missing, or no config; names the field.
    """
    file = run / CONFIG_FILE
    stored = read_json(file)
    try:
        return configs.from_dict(stored)
    except InputError as error:
        raise StoreError(f"{file} was changed; restore it: {error}") from error


def read_manifest(run: Path) -> dict[str, Any]:
    """Read the manifest of a run directory, or of that of a sweep.

    Raises:
        StoreError: it is missing, or damaged; names the field.
    """
    file = run / MANIFEST_FILE
    stored = read_json(file)
    for name, kind in _NOTES.items():
        if not isinstance(stored.get(name, kind()), kind):
            raise StoreError(
                f"{file} was changed; restore it: {name} is {shown(stored[name])}."
            )
    if not all(isinstance(event, dict) for event in stored.get("events", [])):
        raise StoreError(f"{file} was changed; restore it: an event is no object.")
    return stored


# Of a level.


def tables_of(config: Config, number: int) -> list[str]:
    """Return the names of the tables that a level has.

    Example:
        >>> tables_of(Config(), 1)
        ['summary.parquet', 'curves.parquet']
    """
    names = [SUMMARY_FILE, CURVES_FILE]
    if any(lane.copied for lane in plan_study(config)[number].networks):
        names.append(STABILITY_FILE)
        if config.stability.points:
            names.append(PATHS_FILE)
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


def read_rows(run: Path, number: int, name: str) -> Any:
    """Read a table of a level as a DataFrame.

    Raises:
        StoreError: the file cannot be read, or does not hold what a level's can.
    """
    file, config = level_path(run, number) / name, read_config(run)
    most = most_of_level(name, config, number)
    return read_checked(file, LEVEL_TABLES[name], config, most, number)


def read_checked(
    file: Path, table: Table, config: Config, most: int, level: int | None = None
) -> Any:
    """Read a table of a run as a DataFrame.

    Args:
        file: to read.
        table: which one it is.
        config: of the run.
        most: rows that it can have.
        level: that the table is of; None if it is of the whole run.

    Raises:
        StoreError: the file cannot be read, or does not hold what such a table can.
    """
    rows = read_table(file, table.columns, most)
    if wrong := fault(rows, table, config, level):
        raise StoreError(f"{file} cannot be read: {wrong}")
    return rows


# Sizes and hashes of the files of a folder, in its manifest.


def seal(folder: Path, run: Path, **about: Any) -> None:
    """Write the manifest of a folder of a run: what its files are, and whose.

    Args:
        folder: complete but for its manifest.
        run: the run directory.
        about: what else the manifest says of the folder.
    """
    files = {file.name: entry(file) for file in sorted(folder.iterdir())}
    owner = {"fingerprint": read_json(run / MANIFEST_FILE).get("fingerprint")}
    write_json(folder / MANIFEST_FILE, owner | about | {"files": files})


def sealed_files(run: Path, folder: Path, **about: Any) -> dict[str, Any]:
    """Return what the manifest of a folder of a run says of its files.

    Args:
        run: the run directory.
        folder: of the run.
        about: what the manifest must say of the folder, see `seal`.

    Raises:
        StoreError: it cannot be read, or is of another folder or run.
    """
    file = folder / MANIFEST_FILE
    manifest = read_json(file)
    wanted = {**about, "fingerprint": read_json(run / MANIFEST_FILE).get("fingerprint")}
    try:
        if any(manifest[name] != value for name, value in wanted.items()):
            raise StoreError(f"{folder} was copied from another level or run")
        return {
            name: {"bytes": known["bytes"], "sha256": known["sha256"]}
            for name, known in manifest["files"].items()
        }
    except (KeyError, TypeError, AttributeError) as error:
        raise StoreError(f"{file} cannot be read") from error


def level_files(run: Path, number: int) -> dict[str, Any]:
    """Return what the manifest of a level says of its files.

    Raises:
        StoreError: it cannot be read, or is of another level or run.
    """
    return sealed_files(run, level_path(run, number), level=number)


def checked(file: Path, files: Mapping[str, Any]) -> Path:
    """Return the path of a file, after comparing it with the manifest of its folder.

    Args:
        file: to compare.
        files: from `level_files` or `sealed_files`.

    Raises:
        StoreError: says how it differs.
    """
    known = files.get(file.name)
    if known is None:
        raise StoreError(f"{file.with_name(MANIFEST_FILE)} does not name {file.name}")
    if not os.path.isfile(file):
        raise StoreError(f"{file} is missing")
    size = file.stat().st_size
    if size != known["bytes"]:
        raise StoreError(f"{file} has {size} bytes, not {known['bytes']}")
    if sha256(file) != known["sha256"]:
        raise StoreError(
            f"{file} was changed: its sha256 is not the one in the manifest"
        )
    return file
