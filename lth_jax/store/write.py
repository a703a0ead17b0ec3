"""The run directory: written level by level, each complete or not there at all.

And read back, at the end of this file, by the study that goes on.
"""

import hashlib
import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from .. import config as configs
from .. import folders, tree
from ..config import Config, Variants
from ..errors import InputError, StoreError
from ..files import read_json, write_bytes, write_json, write_npz, write_table
from ..schema import (
    ANATOMY,
    CHECKPOINT,
    CONFIG_FILE,
    FIGURES,
    FINAL_FILE,
    LEVEL_TABLES,
    MANIFEST_FILE,
    SNAPSHOTS_FILE,
    SUMMARY_FILE,
    TICKETS_FILE,
    UNCOMMITTED,
)
from ..study.level import (
    Level,
    Parent,
    by_replicate,
    finals_of,
    masks_at_end,
    trajectory_of,
)
from ..study.networks import kept_steps
from ..study.ready import new_moments
from ..study.rows import Row, curve_rows, summary_rows
from ..study.study import Study
from ..tickets.rewinding import rule_of
from ..types import FINAL, Snapshot, Trajectory
from . import arrays
from .verify import (
    checked,
    is_variant,
    level_files,
    level_numbers,
    level_path,
    read_config,
    read_manifest,
    read_rows,
    seal,
    tables_of,
)

log = logging.getLogger(__name__)

WRITTEN = ("level_*", ANATOMY, CHECKPOINT, FIGURES)
"""Names of the folders of a run directory."""
MOST_DIFF = 1_000_000
"""Bytes of uncommitted changes that a run keeps."""
LATER_NOTES = ("layers", "choices", "criterion")
"""What the manifests of older runs do not say."""


@contextmanager
def alone(folder: Path, variants: Iterable[str] = ()) -> Iterator[None]:
    """Make a run directory and keep other processes from running in it.

    What killed processes have left in it is removed.

    Args:
        folder: the run directory, or that of a sweep.
        variants: names of its variants.

    Raises:
        StoreError: it cannot be written, another process is at it, or a folder that is
            written in is a link.
    """
    with ExitStack() as stack:
        with _writable(folder):
            folder.mkdir(parents=True, exist_ok=True)
            stack.enter_context(folders.locked(folder))
            folders.refuse_links(folder, [*variants, *WRITTEN])
            _tidy(folder)
        yield


def _tidy(run: Path) -> None:
    """Check that a run directory can be written, and remove what was left in it."""
    trial = folders.temporary(run / "trial")
    with folders.creating(trial):
        folders.remove(trial)
    # Pages and figures may be drawn by another process meanwhile, levels not.
    folders.remove_left(run, "level_*")
    folders.remove_left(run, ended=True)
    for place in sorted(run.glob("level_*")):
        folders.remove_left(place)
    folders.remove_left(run / FIGURES, ended=True)


@contextmanager
def _writable(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StoreError(
            f"{folder} cannot be written ({error.strerror}): choose another folder with"
            " --out."
        ) from error


def open_run(run: Path, config: Config, manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Create a run directory, or check that an existing one is of this config.

    Args:
        run: the run directory.
        config: all settings.
        manifest: what a new run notes about itself.

    Returns:
        The manifest of the run: the stored one if there is one.

    Raises:
        StoreError: the folder cannot be written, or holds a run of another config.
    """
    with _writable(run):
        folders.make(run)
        folders.refuse_links(run, WRITTEN)
        _tidy(run)
    stored = check_run(run, config, manifest)
    if stored is None:
        write_json(run / MANIFEST_FILE, dict(manifest))
        write_json(run / CONFIG_FILE, configs.to_dict(config))
    return stored or dict(manifest)


def check_run(
    run: Path, config: Config, manifest: Mapping[str, Any]
) -> dict[str, Any] | None:
    """Check, as `open_run` does, that a run directory is of this config; only read.

    Returns:
        The stored manifest; None if there is no run yet.
    """
    if not (run / CONFIG_FILE).exists():
        if any(run.glob("level_*")):
            raise StoreError(f"{run} has levels but no config.json: restore it.")
        return None
    _check_same(read_json(run / CONFIG_FILE), config, run)
    level_numbers(run, read_config(run))
    stored = read_manifest(run)
    if lacking := [key for key in manifest if key not in {*stored, *LATER_NOTES}]:
        raise StoreError(f"{run / MANIFEST_FILE} has no {lacking[0]}: restore it.")
    if stored["fingerprint"] != manifest["fingerprint"]:
        raise StoreError(
            f"{run / MANIFEST_FILE} is of another run ({stored['fingerprint']}, not"
            f" {manifest['fingerprint']}): restore it, or choose another --out."
        )
    if stored["data"].get("sha256") != manifest["data"]["sha256"]:
        raise StoreError(
            f"{run} was computed on other data ({stored['data']}) than there is now"
            f" ({manifest['data']}). Restore the data, or choose another --out."
        )
    return stored


def check_names(variants: Variants) -> None:
    """Raise InputError where the name of a variant cannot name a folder."""
    if bad := [name for name in variants if not is_variant(name)]:
        raise InputError(
            f"{bad[0]!r} is no name of a variant: it names a folder, so use letters,"
            " digits, '_', '.' and '-'."
        )


def open_sweep(
    folder: Path,
    variants: Variants,
    experiment: str,
    given: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Create the directory of a sweep: it holds the run directories of its variants.

    Args:
        folder: of the sweep.
        variants: config by name.
        experiment: name of the sweep.
        given: digests of the values that the user gave.

    Raises:
        StoreError: the folder cannot be written, or was edited.
    """
    wanted = {"variants": {n: configs.to_dict(c) for n, c in variants.items()}}
    with _writable(folder):
        folders.make(folder)
    if (folder / CONFIG_FILE).exists():
        stored = read_json(folder / CONFIG_FILE).get("variants")
        if not isinstance(stored, dict) or list(stored) != list(variants):
            raise StoreError(
                f"{folder / CONFIG_FILE} does not list the variants of this sweep"
                f" ({', '.join(variants)}): restore it, or choose another --out."
            )
        for name, config in variants.items():
            _check_same(stored[name], config, folder)
        return
    fingerprint = configs.fingerprint(variants, given)
    about = {"experiment": experiment, "fingerprint": fingerprint, "events": []}
    write_json(folder / MANIFEST_FILE, {"schema": configs.SCHEMA} | about)
    write_json(folder / CONFIG_FILE, wanted)


def _check_same(stored: dict[str, Any], config: Config, folder: Path) -> None:
    default = configs.numbers(Config())
    wanted, stored = configs.numbers(config), configs.renewed(stored)
    there = {name: _field(stored, name, default[name]) for name in wanted}
    changed = [
        f"{name} is {there[name]!r} there and {value!r} here"
        for name, value in wanted.items()
        if there[name] != value
    ]
    if changed:
        raise StoreError(
            f"{folder / CONFIG_FILE} is not the config of this run:"
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
    folder = level_path(run, number)
    if not folder.exists():
        return ""
    try:
        files = level_files(run, number)
        names = tables_of(read_config(run), number)
        for name in sorted({*names, TICKETS_FILE, *files}):
            checked(folder / name, files)
        for name in names:
            read_rows(run, number, name)
    except StoreError as error:
        return str(error)
    return None


# Levels.


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
    # Not every level has the last tables.
    rows = dict(zip(LEVEL_TABLES, tables, strict=False))
    with folders.replacing(level_path(run, level.number)) as folder:
        for name in tables_of(study.config, level.number):
            write_table(folder / name, rows[name], LEVEL_TABLES[name].columns)
        write_npz(folder / TICKETS_FILE, _ticket_arrays(study, level))
        write_npz(folder / FINAL_FILE, _final_arrays(study, level))
        if kept := _snapshot_arrays(study, level):
            write_npz(folder / SNAPSHOTS_FILE, kept)
        seal(folder, run, level=level.number)


def drop_final(run: Path, number: int) -> None:
    """Delete a level's final weights, which its manifest then no longer names."""
    folder = level_path(run, number)
    manifest = read_json(folder / MANIFEST_FILE)
    if manifest["files"].pop(FINAL_FILE, None):
        write_json(folder / MANIFEST_FILE, manifest)
    with folders.writing(folder):
        folders.remove(folder / FINAL_FILE)


def has_final(run: Path, number: int) -> bool:
    """Tell whether a complete level's final weights are kept."""
    return FINAL_FILE in read_json(level_path(run, number) / MANIFEST_FILE)["files"]


def keep_uncommitted(run: Path, diff: bytes) -> None:
    """Keep in a run directory what its code differs in from the commit that it notes.

    Args:
        run: the run directory.
        diff: git's; larger than `MOST_DIFF` it is left out, with a warning.
    """
    if not diff:
        return
    if len(diff) > MOST_DIFF:
        log.warning(
            "%s does not keep what was changed in the code since its commit: that is"
            " %d bytes, more than %d.",
            run,
            len(diff),
            MOST_DIFF,
        )
        return
    file = run / UNCOMMITTED.format(hashlib.sha256(diff).hexdigest()[:8])
    with folders.writing(file):
        write_bytes(file, diff)


def note(run: Path, manifest: dict[str, Any], event: str, **details: Any) -> None:
    """Add an event to a run's manifest, with the time."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    manifest["events"].append({"time": now, "event": event, **details})
    write_json(run / MANIFEST_FILE, manifest)


def _ticket_arrays(study: Study, level: Level) -> dict[str, np.ndarray]:
    own = tree.to_host(level.tickets._replace(moments=None))
    weights = arrays.start_weights(own.mask, own.params, own.filled)
    params, state, filled = by_replicate(
        level, (weights, own.state, own.filled), "ticket"
    )
    return arrays.pack_tickets(level.masks, params, state, filled, study.model.layers)


def _final_arrays(study: Study, level: Level) -> dict[str, np.ndarray]:
    kinds = {"ticket", level.plan.pruned}
    finals = {kind: finals_of(level, kind) for kind in kinds}
    moved = None if level.outcome.masks is None else masks_at_end(level)
    return arrays.pack_finals(finals, moved, study.model.layers)


def _snapshot_arrays(study: Study, level: Level) -> dict[str, np.ndarray]:
    """Return the points of the dense network's training that tickets start from."""
    if level.number:
        return {}
    kept = trajectory_of(level)
    wanted = {step: kept[step] for step in kept_steps(study.config)}
    if not rule_of(study.config).moments:
        wanted = {step: one._replace(moments=None) for step, one in wanted.items()}
    return arrays.pack_snapshots(wanted)


# What later levels need of stored ones.


def read_chain(run: Path, study: Study, number: int) -> Parent:
    """Read back what the pruning after a level needs.

    Args:
        run: the run directory.
        study: gives the structure of the trees.
        number: of a complete level whose final weights are kept.

    Raises:
        StoreError: an array is missing, or is not one of the study's.
    """
    tickets = _opened(run, study, number, TICKETS_FILE)
    like, kind = _like(study).params, study.plan[number].pruned
    summary = read_rows(run, number, SUMMARY_FILE)
    mine = summary[summary["kind"] == kind].sort_values("replicate")
    stored = _opened(run, study, number, FINAL_FILE)
    # Masks that moved in training are stored where the training ends.
    masked = stored if arrays.masked_layers(stored.arrays) else tickets
    masks = arrays.masks_like(masked, like, study.model.layers)
    finals = _read_finals(run, study, number, kind)
    return Parent(masks, finals, (mine["status"] == "ok").to_numpy())


def read_trajectory(run: Path, study: Study) -> Trajectory:
    """Read back what is needed of the training of the dense networks.

    Args:
        run: the run directory, with a complete level 0.
        study: says which steps; gives the structure of the trees.

    Returns:
        The snapshots at the steps of `kept_steps`; where stability is measured, that at
        the end too.

    Raises:
        StoreError: an array is missing, or is not one of the study's.
    """
    config, trajectory = study.config, {}
    if config.stability.orders > 1:
        trajectory[FINAL] = _read_finals(run, study, 0, "ticket")
    steps = kept_steps(config)
    if not steps:
        return trajectory
    like = _like(study)
    if rule_of(config).moments:
        like = like._replace(moments=new_moments(study, like.params))
    check = arrays.like_those_of(like, study.model.layers, steps)
    snapshots = arrays.opened(level_path(run, 0) / SNAPSHOTS_FILE, check)
    for step in steps:
        mine = like._replace(clock=np.full(config.replicates, step, np.int32))
        trajectory[step] = arrays.snapshot_like(snapshots, step, mine)
    return trajectory


def _opened(run: Path, study: Study, number: int, name: str) -> arrays.Stored:
    check = arrays.like_those_of(_like(study), study.model.layers)
    return arrays.opened(level_path(run, number) / name, check)


def _like(study: Study) -> Snapshot:
    """Return a snapshot of the structure of the study's networks, on the host."""
    return tree.to_host(study.start._replace(moments=None))


def _read_finals(run: Path, study: Study, number: int, kind: str) -> Snapshot:
    finals = _opened(run, study, number, FINAL_FILE)
    like = _like(study)
    like = like._replace(clock=np.full_like(like.clock, study.plan[number].end))
    return arrays.finals_like(finals, kind, like)
