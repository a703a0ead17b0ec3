"""The run directory: written level by level, each complete or not there at all."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from . import config as configs
from . import tree
from .config import Config, Variants
from .errors import StoreError
from .files import (
    entry,
    read_json,
    read_npz,
    read_table,
    replacing,
    sha256,
    write_bytes,
    write_json,
    write_npz,
    write_table,
)
from .imp import Chain, Level, Study, by_replicate
from .tables import CURVES, SUMMARY, curve_rows, summary_rows
from .types import Ticket


class Run(NamedTuple):
    """A run directory, read.

    Attributes:
        path: the directory.
        config: all settings, nested.
        manifest: versions, devices, plan, data, events.
        summary: DataFrame, one row per trained network.
        curves: DataFrame, one row per network, evaluation and split.
    """

    path: Path
    config: dict[str, Any]
    manifest: dict[str, Any]
    summary: Any
    curves: Any


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
    try:
        path.mkdir(parents=True, exist_ok=True)
        write_bytes(path / ".writable", b"")
        (path / ".writable").unlink()
    except OSError as error:
        raise StoreError(
            f"{path} cannot be written ({error.strerror}): choose another folder with"
            " --out."
        ) from error
    if not (path / "config.json").exists():
        if any(path.glob("level_*")):
            raise StoreError(f"{path} has levels but no config.json: restore it.")
        write_json(path / "manifest.json", dict(manifest))
        write_json(path / "config.json", configs.to_dict(config))
        return dict(manifest)
    _check_same(read_json(path / "config.json"), config, path)
    stored = read_json(path / "manifest.json")
    if lacking := [key for key in manifest if key not in stored]:
        raise StoreError(f"{path / 'manifest.json'} has no {lacking[0]}: restore it.")
    if stored["data"] != manifest["data"]:
        raise StoreError(
            f"{path} was computed on other data ({stored['data']}) than there is now"
            f" ({manifest['data']}). Restore the data, or choose another --out."
        )
    return stored


def open_sweep(path: Path, variants: Variants, experiment: str) -> None:
    """Create the directory of a sweep: it holds the run directories of its variants.

    Raises:
        StoreError: the folder cannot be written, or was edited.
    """
    wanted = {"variants": {n: configs.to_dict(c) for n, c in variants.items()}}
    path.mkdir(parents=True, exist_ok=True)
    if (path / "config.json").exists():
        stored = read_json(path / "config.json")
        if list(stored.get("variants", ())) != list(variants):
            raise StoreError(
                f"{path / 'config.json'} does not list the variants of this sweep"
                f" ({', '.join(variants)}): restore it, or choose another --out."
            )
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


def level_path(run: Path, number: int) -> Path:
    """Return the folder of a level.

    Example:
        >>> level_path(Path("runs/x"), 3).name
        'level_03'
    """
    return run / f"level_{number:02d}"


def damage(run: Path, number: int) -> str | None:
    """Say what is wrong with the files of a level.

    Returns:
        A sentence; ``""`` if the level was never written; None if it is complete.
    """
    folder = level_path(run, number)
    if not folder.exists():
        return ""
    try:
        files = read_json(folder / "manifest.json")["files"]
        needed = {"summary.parquet", "curves.parquet", "tickets.npz"}
        for name in sorted(needed | set(files)):
            path, known = folder / name, files[name]
            if not path.exists():
                return f"{path} is missing"
            if path.stat().st_size != known["bytes"]:
                return f"{path} has {path.stat().st_size} bytes, not {known['bytes']}"
            if sha256(path) != known["sha256"]:
                return f"{path} was changed: its sha256 is not the one in the manifest"
    except (StoreError, KeyError, TypeError, AttributeError):
        return f"{folder / 'manifest.json'} cannot be read"
    return None


def write_level(run: Path, study: Study, level: Level) -> None:
    """Write a level into a temporary folder and rename it into place.

    Args:
        run: the run directory.
        study: the level's study.
        level: trained.
    """
    evaluations = study.config.evaluations
    with replacing(level_path(run, level.number)) as folder:
        write_table(
            folder / "summary.parquet", summary_rows(level, evaluations), SUMMARY
        )
        curves = curve_rows(level, evaluations) if level.ids else []
        write_table(folder / "curves.parquet", curves, CURVES)
        write_npz(folder / "tickets.npz", _ticket_arrays(study, level))
        write_npz(folder / "final.npz", _final_arrays(study, level))
        files = {p.name: entry(p) for p in sorted(folder.iterdir())}
        write_json(folder / "manifest.json", {"level": level.number, "files": files})


def drop_final(run: Path, number: int) -> None:
    """Delete a level's final weights, which its manifest then no longer names."""
    folder = level_path(run, number)
    manifest = read_json(folder / "manifest.json")
    if manifest["files"].pop("final.npz", None):
        write_json(folder / "manifest.json", manifest)
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
        params, state = _zeros(study)
    else:
        host = tree.to_host(level.tickets._replace(moments=None))
        zero = jax.tree.map(
            lambda m, p: np.where(m, p, p.dtype.type(0)), host.mask, host.params
        )
        params, state = by_replicate(level, (zero, host.state), replicates)
    return arrays | _prefixed("start", params) | _prefixed("state", state)


def _final_arrays(study: Study, level: Level) -> dict[str, np.ndarray]:
    if level.outcome is None:
        params, state = _zeros(study)
    else:
        finals = (level.outcome.finals.params, level.outcome.finals.state)
        params, state = by_replicate(level, finals, study.config.replicates)
    return _prefixed("final", params) | _prefixed("state", state)


def _zeros(study: Study) -> tuple[Any, Any]:
    """Return the weights and states of a level at which nothing was trained."""
    start = study.start
    return jax.tree.map(np.zeros_like, tree.to_host((start.params, start.state)))


def _prefixed(prefix: str, values: Any) -> dict[str, np.ndarray]:
    return {f"{prefix}/{path}": leaf for path, leaf in tree.flatten(values).items()}


def read_chain(run: Path, study: Study, number: int) -> Chain:
    """Read back what the pruning after a level needs.

    Args:
        run: the run directory.
        study: gives the structure of the trees.
        number: of a complete level whose final weights are kept.
    """
    folder = level_path(run, number)
    tickets, final = read_npz(folder / "tickets.npz"), read_npz(folder / "final.npz")
    summary = read_table(folder / "summary.parquet")
    mine = summary[summary["kind"] == "ticket"].sort_values("replicate")
    like = tree.to_host(study.start.params)
    masks = tree.map_with_path(lambda path, p: _unpacked(tickets, path, p), like)
    finals = tree.map_with_path(lambda path, p: final[f"final/{path}"], like)
    return Chain(masks, finals, (mine["status"] == "ok").to_numpy())


def _unpacked(arrays: Mapping[str, np.ndarray], path: str, like: np.ndarray) -> Any:
    packed = arrays.get(f"mask/{path}")
    if packed is None:
        return np.ones(like.shape, bool)
    size = int(np.prod(like.shape[1:]))
    return np.unpackbits(packed, axis=1, count=size).astype(bool).reshape(like.shape)


def load_run(path: str | Path) -> Run:
    """Read a run directory.

    Args:
        path: the run directory.

    Returns:
        A `Run` with pandas DataFrames of all levels that are there; for a sweep, of all
        variants that are there, with a column ``variant``.

    Raises:
        StoreError: it is no run directory, or has no complete level.
    """
    import pandas as pd

    path = Path(path)
    parts = load_variants(path)
    if parts:
        tables = [
            pd.concat(
                [
                    getattr(run, table).assign(variant=name)
                    for name, run in parts.items()
                ],
                ignore_index=True,
            )
            for table in ("summary", "curves")
        ]
        about = read_json(path / "manifest.json")
        return Run(path, read_json(path / "config.json"), about, *tables)
    levels = _levels(path)
    tables = [
        pd.concat([read_table(folder / name) for folder in levels], ignore_index=True)
        for name in ("summary.parquet", "curves.parquet")
    ]
    config = read_json(path / "config.json")
    return Run(path, config, read_json(path / "manifest.json"), *tables)


def load_variants(path: str | Path) -> dict[str, Run]:
    """Read the runs of a sweep, as far as they have come.

    Args:
        path: directory of the sweep.

    Returns:
        Runs by variant; empty if the directory is no sweep.

    Raises:
        StoreError: it is a sweep of which nothing is complete yet.
    """
    path = Path(path)
    if not (path / "config.json").exists():
        return {}
    names = read_json(path / "config.json").get("variants", {})
    found = {n: load_run(path / n) for n in names if list((path / n).glob("level_*"))}
    if names and not found:
        raise StoreError(f"{path} has no complete level yet.")
    return found


def _levels(path: Path) -> list[Path]:
    if not (path / "config.json").exists():
        raise StoreError(f"{path} is not a run directory: it has no config.json.")
    levels = sorted(path.glob("level_*"), key=lambda p: int(p.name.split("_")[1]))
    if not levels:
        raise StoreError(f"{path} has no complete level yet.")
    return levels


def load_ticket(path: str | Path, level: int, replicate: int) -> Ticket:
    """Read a ticket of a run.

    Args:
        path: the run directory.
        level: 0 = dense.
        replicate: which of the independent tickets.

    Returns:
        A `Ticket` whose params are the full weights of the rewind point and whose trees
        are nested dicts of NumPy arrays.

    Raises:
        StoreError: there is no such ticket.
    """
    path = Path(path)
    numbers = [int(folder.name.split("_")[1]) for folder in _levels(path)]
    if level not in numbers:
        raise StoreError(f"{path} has no level {level}; it has {numbers}.")
    summary = read_table(level_path(path, level) / "summary.parquet")
    row = summary[(summary["kind"] == "ticket") & (summary["replicate"] == replicate)]
    if row.empty or row["status"].item() in ("collapsed", "not_run"):
        found = "none" if row.empty else f"one that is {row['status'].item()}"
        raise StoreError(
            f"Level {level} of {path} has no ticket of replicate {replicate} ({found})."
        )
    arrays = read_npz(level_path(path, level) / "tickets.npz")
    whole = read_npz(level_path(path, 0) / "tickets.npz")
    params = _nested(whole, "start/")
    masks = {
        name.removeprefix("start/"): _unpacked(
            arrays, name.removeprefix("start/"), leaf
        )
        for name, leaf in whole.items()
        if name.startswith("start/")
    }
    mask = _nested({f"mask/{p}": m for p, m in masks.items()}, "mask/")
    clocks = np.zeros(len(next(iter(masks.values()))), np.int32)
    ticket = Ticket(params, mask, _nested(arrays, "state/"), clocks)
    return tree.take(ticket, replicate)


def _nested(arrays: Mapping[str, np.ndarray], prefix: str) -> dict[str, Any]:
    nested: dict[str, Any] = {}
    for name, leaf in arrays.items():
        if name.startswith(prefix):
            *folders, last = name.removeprefix(prefix).split("/")
            place = nested
            for folder in folders:
                place = place.setdefault(folder, {})
            place[last] = leaf
    return nested
