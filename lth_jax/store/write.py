"""The run directory: written level by level, each complete or not there at all."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jax
import numpy as np

from .. import config as configs
from .. import tree
from ..config import Config, Variants
from ..errors import InputError, StoreError
from ..files import (
    entry,
    locked,
    read_json,
    remove_left,
    replacing,
    write_bytes,
    write_json,
    write_npz,
    write_table,
    writing,
)
from ..study.level import Level, by_replicate, finals_of, surviving, trajectory_of
from ..study.networks import kept_steps, pruned_kind
from ..study.rows import Row, curve_rows, summary_rows
from ..study.waves import Study
from ..tickets.rewinding import rule_of
from ..types import Snapshot
from .resume import FINAL_NAMES
from .verify import (
    COLUMNS,
    checked,
    is_variant,
    level_files,
    level_numbers,
    level_path,
    read_config,
    read_manifest,
    read_rows,
    tables_of,
)


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Make a run directory and keep other processes from running in it.

    Raises:
        StoreError: it cannot be written, or another process is at it.
    """
    _make_writable(path)
    with locked(path):
        remove_left(path)
        yield


def open_run(path: Path, config: Config, manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Create a run directory, or check that an existing one is of this config.

    Args:
        path: the run directory.
        config: all settings.
        manifest: what a new run notes about itself.

    Returns:
        The manifest of the run: the stored one if there is one.

    Raises:
        StoreError: the folder cannot be written, or holds a run of another config.
    """
    _make_writable(path)
    remove_left(path)
    stored = check_run(path, config, manifest)
    if stored is None:
        write_json(path / "manifest.json", dict(manifest))
        write_json(path / "config.json", configs.to_dict(config))
    return stored or dict(manifest)


def check_run(
    path: Path, config: Config, manifest: Mapping[str, Any]
) -> dict[str, Any] | None:
    """Check, as `open_run` does, that a run directory is of this config; only read.

    Returns:
        The stored manifest; None if there is no run yet.
    """
    if not (path / "config.json").exists():
        if any(path.glob("level_*")):
            raise StoreError(f"{path} has levels but no config.json: restore it.")
        return None
    _check_same(read_json(path / "config.json"), config, path)
    level_numbers(path, read_config(path))
    stored = read_manifest(path)
    if lacking := [key for key in manifest if key not in stored]:
        raise StoreError(f"{path / 'manifest.json'} has no {lacking[0]}: restore it.")
    if stored["fingerprint"] != manifest["fingerprint"]:
        raise StoreError(
            f"{path / 'manifest.json'} is of another run ({stored['fingerprint']}, not"
            f" {manifest['fingerprint']}): restore it, or choose another --out."
        )
    if stored["data"].get("sha256") != manifest["data"]["sha256"]:
        raise StoreError(
            f"{path} was computed on other data ({stored['data']}) than there is now"
            f" ({manifest['data']}). Restore the data, or choose another --out."
        )
    return stored


def _make_writable(path: Path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
        write_bytes(path / ".writable", b"")
        (path / ".writable").unlink(missing_ok=True)
    except OSError as error:
        raise StoreError(
            f"{path} cannot be written ({error.strerror}): choose another folder with"
            " --out."
        ) from error


def check_names(variants: Variants) -> None:
    """Raise InputError where the name of a variant cannot name a folder."""
    if bad := [name for name in variants if not is_variant(name)]:
        raise InputError(
            f"{bad[0]!r} is no name of a variant: it names a folder, so use letters,"
            " digits, '_', '.' and '-'."
        )


def open_sweep(path: Path, variants: Variants, experiment: str) -> None:
    """Create the directory of a sweep: it holds the run directories of its variants.

    Raises:
        StoreError: the folder cannot be written, or was edited.
    """
    wanted = {"variants": {n: configs.to_dict(c) for n, c in variants.items()}}
    _make_writable(path)
    if (path / "config.json").exists():
        stored = read_json(path / "config.json").get("variants")
        if not isinstance(stored, dict) or list(stored) != list(variants):
            raise StoreError(
                f"{path / 'config.json'} does not list the variants of this sweep"
                f" ({', '.join(variants)}): restore it, or choose another --out."
            )
        for name, config in variants.items():
            _check_same(stored[name], config, path)
        return
    fingerprint = configs.fingerprint(variants)
    about = {"experiment": experiment, "fingerprint": fingerprint, "events": []}
    write_json(path / "manifest.json", {"schema": configs.SCHEMA} | about)
    write_json(path / "config.json", wanted)


def _check_same(stored: dict[str, Any], config: Config, path: Path) -> None:
    default = configs.numbers(Config())
    wanted = configs.numbers(config)
    there = {name: _field(stored, name, default[name]) for name in wanted}
    changed = [
        f"{name} is {there[name]!r} there and {value!r} here"
        for name, value in wanted.items()
        if there[name] != value
    ]
    if changed:
        raise StoreError(
            f"{path / 'config.json'} is not the config of this run:"
            f" {'; '.join(changed)}. It was edited or copied; restore it, or choose"
            " another --out."
        )


def _field(stored: Any, name: str, default: Any) -> Any:
    """Return a field of a stored config; one it does not know yet has its default."""
    for word in name.split("."):
        if not isinstance(stored, dict) or word not in stored:
            return default
        stored = stored[word]
    return stored


def damage(run: Path, number: int) -> str | None:
    """Say what is wrong with the files of a level.

    Returns:
        A sentence; ``""`` if the level was never written; None if it is complete.
    """
    if not level_path(run, number).exists():
        return ""
    try:
        files = level_files(run, number)
        names = tables_of(read_config(run), number)
        for name in sorted({*names, "tickets.npz", *files}):
            checked(run, number, name, files)
        for name in names:
            read_rows(run, number, name)
    except StoreError as error:
        return str(error)
    return None


def write_level(
    run: Path, study: Study, level: Level, comparison: Sequence[Sequence[Row]] = ()
) -> None:
    """Write a level into a temporary folder and rename it into place.

    Args:
        run: the run directory.
        study: the level's study.
        level: trained.
        comparison: rows of the tables of stability and of paths, if it has them.
    """
    tables = summary_rows(level), curve_rows(level), *comparison
    rows = dict(zip(COLUMNS, tables, strict=False))
    with replacing(level_path(run, level.number)) as folder:
        for name in tables_of(study.config, level.number):
            write_table(folder / name, rows[name], COLUMNS[name])
        write_npz(folder / "tickets.npz", _ticket_arrays(study, level))
        write_npz(folder / "final.npz", _final_arrays(study, level))
        if kept := _snapshot_arrays(study, level):
            write_npz(folder / "snapshots.npz", kept)
        files = {p.name: entry(p) for p in sorted(folder.iterdir())}
        owner = {"fingerprint": configs.fingerprint(study.config)}
        about = owner | {"level": level.number, "files": files}
        write_json(folder / "manifest.json", about)


def drop_final(run: Path, number: int) -> None:
    """Delete a level's final weights, which its manifest then no longer names."""
    folder = level_path(run, number)
    manifest = read_json(folder / "manifest.json")
    if manifest["files"].pop("final.npz", None):
        write_json(folder / "manifest.json", manifest)
    with writing(folder):
        (folder / "final.npz").unlink(missing_ok=True)


def note(run: Path, manifest: dict[str, Any], event: str, **details: Any) -> None:
    """Add an event to a run's manifest, with the time."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    manifest["events"].append({"time": now, "event": event, **details})
    write_json(run / "manifest.json", manifest)


def has_final(run: Path, number: int) -> bool:
    """Tell whether a complete level's final weights are kept."""
    return "final.npz" in read_json(level_path(run, number) / "manifest.json")["files"]


def _ticket_arrays(study: Study, level: Level) -> dict[str, np.ndarray]:
    replicates = study.config.replicates
    masks = {p: m for p, m in tree.flatten(level.masks).items() if m.ndim >= 3}
    arrays = {
        f"mask/{path}": np.packbits(m.reshape(replicates, -1), axis=1)
        for path, m in masks.items()
    }
    if level.tickets is None:
        start = tree.to_host((study.start.params, study.start.state))
        params, state = jax.tree.map(np.zeros_like, start)
    else:
        host = tree.to_host(level.tickets._replace(moments=None))
        alive = surviving(host.mask, host.params)
        params, state = by_replicate(level, (alive, host.state), replicates, "ticket")
    return arrays | _prefixed("start", params) | _prefixed("state", state)


def _final_arrays(study: Study, level: Level) -> dict[str, np.ndarray]:
    arrays = {}
    for kind in {"ticket", pruned_kind(study.config, level.number)}:
        finals = finals_of(study.config, level, kind, study.start)
        names = FINAL_NAMES[kind]
        arrays |= _prefixed(names[0], finals.params)
        arrays |= _prefixed(names[1], finals.state)
    return dict(sorted(arrays.items()))


def _snapshot_arrays(study: Study, level: Level) -> dict[str, np.ndarray]:
    """Return the moments of the dense network's training that tickets start from."""
    if level.number:
        return {}
    kept, restored = trajectory_of(study.config, level), rule_of(study.config).moments
    arrays = {}
    for step in kept_steps(study.config):
        for name, part in _parts(kept[step], restored).items():
            arrays |= _prefixed(f"{step}/{name}", part)
    return arrays


def _parts(snapshot: Snapshot, restored: bool) -> dict[str, Any]:
    parts = {"params": snapshot.params, "state": snapshot.state}
    return parts | ({"moments": snapshot.moments} if restored else {})


def _prefixed(prefix: str, values: Any) -> dict[str, np.ndarray]:
    return {f"{prefix}/{path}": leaf for path, leaf in tree.flatten(values).items()}
