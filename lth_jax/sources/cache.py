"""Decoded data sets on disk: checksummed ``.npy`` files, a folder for each source."""

import hashlib
import json
import os
import shutil
import threading
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

import numpy as np

from ..config import DataConfig
from ..errors import StoreError
from ..files import read_json, reading

Arrays = Mapping[str, np.ndarray]
"""Decoded data: uint8 ``x_*`` [n, height, width, channels], int32 ``y_*`` [n]."""


class Decoded(NamedTuple):
    """A data set as it is decoded.

    Attributes:
        arrays: images and labels.
        note: what a reader of results must know of this copy; mostly empty.
    """

    arrays: Arrays
    note: str = ""


NAMES = ("x_train", "y_train", "x_test", "y_test")
MANIFEST = "manifest.json"

# np.load parses the header with ast, which fails now and then in threads of CPython
# 3.11 ("AST constructor recursion depth mismatch").
_PARSING = threading.Lock()


def root(config: DataConfig) -> Path:
    """Return the folder that holds all entries."""
    path = config.cache or os.environ.get("LTH_CACHE_DIR") or "~/.cache/lth_jax"
    return Path(os.path.expanduser(path))


def digest(arrays: Arrays) -> str:
    """Return one sha256 (hex) for dtypes, shapes and values of all arrays."""
    joined = "".join(_digests(arrays).values())
    return hashlib.sha256(joined.encode()).hexdigest()


def canonical(decoded: Decoded) -> Decoded:
    """Put the examples in one order, whatever order their source has.

    It is the order of their sha256: as good as shuffled, with no class or shade first.
    """
    ordered = {}
    for split in ("train", "test"):
        x = decoded.arrays[f"x_{split}"]
        y = decoded.arrays[f"y_{split}"].astype(np.int32)
        examples = zip(x, y, strict=True)
        keys = [hashlib.sha256(a.tobytes() + b.tobytes()).digest() for a, b in examples]
        order = sorted(range(len(keys)), key=keys.__getitem__)
        ordered |= {f"x_{split}": x[order], f"y_{split}": y[order]}
    return decoded._replace(arrays=ordered)


def read(entry: Path) -> Decoded | None:
    """Map the arrays of an entry into memory, after comparing their checksums.

    Args:
        entry: folder of the entry.

    Returns:
        None if there is no such entry or, with a warning that names the file, if it is
        not what was written.
    """
    if not entry.exists():
        return None
    try:
        return _verified(entry)
    except _CorruptError as error:
        warnings.warn(f"ignoring a corrupt cache entry: {error}", stacklevel=2)
        return None


def write(entry: Path, decoded: Decoded) -> None:
    """Write an entry so that readers see all of it or nothing.

    Of concurrent writers, which all hold the same arrays, the first wins.
    """
    mine = entry.with_name(f".{entry.name}-{uuid4().hex}")
    mine.mkdir(parents=True)
    try:
        for name in NAMES:
            np.save(mine / f"{name}.npy", decoded.arrays[name])
        manifest = {"note": decoded.note} | _digests(decoded.arrays)
        (mine / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n")
        _move(mine, entry)
    finally:
        shutil.rmtree(mine, ignore_errors=True)


class _CorruptError(Exception):
    """A file of an entry is not what was written; the message names it."""


def _verified(entry: Path) -> Decoded:
    """Map the arrays of an entry, or raise ``_CorruptError``."""
    try:
        expected = read_json(entry / MANIFEST)
        if not isinstance(expected.get("note"), str):
            raise _CorruptError(f"{entry / MANIFEST} has no note")
        arrays = {}
        for name in NAMES:
            path = entry / f"{name}.npy"
            with reading(path), _PARSING:
                mapped = np.load(path, mmap_mode="r")
            # asarray: the map stays, its special class goes.
            arrays[name] = np.asarray(mapped)
    except StoreError as error:
        raise _CorruptError(str(error)) from error
    for name, found in _digests(arrays).items():
        if found != expected.get(name):
            raise _CorruptError(f"{entry / name}.npy: wrong checksum")
    return Decoded(arrays, expected["note"])


def _move(new: Path, entry: Path) -> None:
    """Rename a folder to ``entry``, in place of a corrupt one but not of a good one."""
    try:
        new.rename(entry)
        return
    except OSError:
        if not entry.exists():
            raise
    try:
        _verified(entry)
    except _CorruptError:
        # Moved away first, because no folder can be renamed onto one with content.
        old = new.with_name(f"{new.name}.old")
        entry.rename(old)
        new.rename(entry)
        shutil.rmtree(old, ignore_errors=True)


def _digests(arrays: Arrays) -> dict[str, str]:
    """Return the sha256 of every array: dtype, shape and values."""
    digests = {}
    for name in NAMES:
        array = arrays[name]
        sha = hashlib.sha256(f"{array.dtype.str}{array.shape}".encode())
        sha.update(array.tobytes())
        digests[name] = sha.hexdigest()
    return digests
