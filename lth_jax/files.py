"""Files that are there whole or not at all: JSON, npz, parquet, folders."""

import hashlib
import json
import os
import shutil
import sys
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from .errors import LthError, StoreError


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file under a temporary name, flush it to disk, rename it into place."""
    temporary = path.with_name(f".{path.name}.tmp-{os.getpid()}")
    try:
        with open(temporary, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write_json(path: Path, value: Any) -> None:
    """Write JSON that a person can read."""
    write_bytes(path, (json.dumps(value, indent=1) + "\n").encode())


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object.

    Raises:
        StoreError: the file is missing or holds no JSON object.
    """
    try:
        value = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise StoreError(f"{path} cannot be read: {error}") from error
    if not isinstance(value, dict):
        raise StoreError(f"{path} cannot be read: it holds no JSON object.")
    return value


def write_npz(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write arrays without pickle, in C order."""
    contiguous: dict[str, Any] = {k: np.ascontiguousarray(v) for k, v in arrays.items()}
    np.savez(path, **contiguous)


def read_npz(path: Path) -> dict[str, np.ndarray]:
    """Read arrays, never pickles.

    Raises:
        StoreError: the file is missing or damaged.
    """
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return dict(arrays)
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise StoreError(f"{path} cannot be read: {error}") from error


def write_table(
    path: Path, rows: Sequence[Mapping[str, Any]], columns: Mapping[str, str]
) -> None:
    """Write rows as parquet; a missing value is null."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pa.schema([(name, pa.type_for_alias(t)) for name, t in columns.items()])
    pq.write_table(pa.Table.from_pylist([dict(r) for r in rows], schema=schema), path)


def read_table(path: Path) -> Any:
    """Read parquet as a DataFrame; integers that can be null are Int64.

    Raises:
        StoreError: the file is missing or damaged.
    """
    import pandas as pd
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path)
    except (OSError, pa.ArrowException) as error:
        raise StoreError(f"{path} cannot be read: {error}") from error
    frame = table.to_pandas(types_mapper={pa.int64(): pd.Int64Dtype()}.get)
    whole = [c for c in frame if frame[c].dtype == "Int64" and frame[c].notna().all()]
    keep = [c for c in whole if c != "early_stop_step"]
    return frame.astype(dict.fromkeys(keep, "int64"))


def sha256(path: Path) -> str:
    """Return the sha256 of a file, in hex."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def entry(path: Path) -> dict[str, Any]:
    """Return size and sha256 of a file, for a manifest."""
    return {"bytes": path.stat().st_size, "sha256": sha256(path)}


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep other processes out of a folder; the system frees it when this one dies.

    Raises:
        StoreError: another process has it.
    """
    handle = os.open(folder, os.O_RDONLY)
    try:
        try:
            import fcntl

            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise StoreError(
                f"{folder} is in use by another process: wait until it is done, or"
                " choose another folder with --out."
            ) from error
        except (ImportError, OSError) as error:
            print(
                f"{folder} cannot be locked here ({error}): see to it that no other"
                " process runs the same study.",
                file=sys.stderr,
            )
        yield
    finally:
        os.close(handle)


@contextmanager
def replacing(folder: Path) -> Iterator[Path]:
    """Fill a temporary folder; when all went well it takes the place of ``folder``.

    What a killed process left of an earlier try is removed.
    """
    pattern = f".{folder.name}.tmp-"
    for left in folder.parent.glob(f"{pattern}*"):
        shutil.rmtree(left)
    temporary = folder.with_name(f"{pattern}{os.getpid()}")
    temporary.mkdir()
    try:
        yield temporary
        for path in temporary.iterdir():
            with open(path, "rb") as file:
                os.fsync(file.fileno())
        shutil.rmtree(folder, ignore_errors=True)
        os.replace(temporary, folder)
    except OSError as error:
        raise LthError(
            f"{folder} could not be written ({error}). What was there before is intact:"
            " make room, or mend the permissions, and start the same command again."
        ) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
