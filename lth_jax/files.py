"""Files that are there whole or not at all: JSON, npz, parquet."""

import hashlib
import json
import os
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from . import folders
from .errors import StoreError

DEEPEST = 20
"""Levels of nesting of a JSON file."""


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file under a temporary name, flush it to disk, rename it into place."""
    temporary = folders.temporary(path)
    try:
        with folders.creating(temporary) as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        folders.move(temporary, path.name)
    finally:
        folders.remove(temporary)


def write_json(path: Path, value: Any) -> None:
    """Write JSON that a person can read.

    Raises:
        LthError: the system refuses.
    """
    with folders.writing(path):
        write_bytes(path, (json.dumps(value, indent=1) + "\n").encode())


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Raise StoreError, naming the file, whatever a parser raises on its content."""
    try:
        if path.exists() and not path.is_file():
            raise ValueError("it is no file.")  # a pipe would be waited for
        yield
    except Exception as error:
        why = str(error) or type(error).__name__
        raise StoreError(f"{path} cannot be read: {why}") from error


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object.

    Raises:
        StoreError: the file is missing or holds no JSON object, or a number that is
            none, or is nested deeper than any that this package writes.
    """

    def refuse(word: str) -> None:
        raise ValueError(f"it holds {word}.")

    with reading(path):
        value = json.loads(path.read_bytes(), parse_constant=refuse)
        if not isinstance(value, dict):
            raise ValueError("it holds no JSON object.")
        if _depth(value) > DEEPEST:
            raise ValueError(f"it is nested deeper than {DEEPEST}.")
        json.dumps(value, ensure_ascii=False).encode()  # no halves of surrogate pairs
        return value


def _depth(value: Any) -> int:
    inner = value.values() if isinstance(value, dict) else value
    return (
        1 + max(map(_depth, inner), default=0) if isinstance(value, dict | list) else 0
    )


def write_npz(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write arrays without pickle, in C order."""
    contiguous: dict[str, Any] = {k: np.ascontiguousarray(v) for k, v in arrays.items()}
    with folders.creating(path) as file:
        np.savez(file, **contiguous)


def read_npz(path: Path) -> dict[str, np.ndarray]:
    """Read arrays as `write_npz` writes them: no pickles, nothing that inflates.

    Raises:
        StoreError: the file is missing or damaged.
    """
    with reading(path), zipfile.ZipFile(path) as file:
        if any(member.compress_type for member in file.infolist()):
            raise ValueError("its arrays are compressed.")
        with np.load(path, allow_pickle=False) as stored:
            arrays = dict(stored)
        if not all(isinstance(array, np.ndarray) for array in arrays.values()):
            raise ValueError("it holds more than arrays.")
        return arrays


def npz_names(path: Path) -> list[str]:
    """Return the names of the arrays of a file, which are not read.

    Raises:
        StoreError: the file is missing or damaged.
    """
    with reading(path), zipfile.ZipFile(path) as file:
        return [name.removesuffix(".npy") for name in file.namelist()]


def write_table(
    path: Path, rows: Sequence[Mapping[str, Any]], columns: Mapping[str, str]
) -> None:
    """Write rows as parquet; a missing value is null."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.Table.from_pylist([dict(r) for r in rows], schema=_schema(columns))
    with folders.creating(path) as file:
        pq.write_table(table, file)


def write_blocks(
    path: Path, blocks: Iterable[Mapping[str, Any]], columns: Mapping[str, str]
) -> None:
    """Write blocks of rows as parquet.

    Args:
        path: of the file.
        blocks: map columns to arrays, or to the one value that all their rows share.
        columns: names and types.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = _schema(columns)

    def column(block: Mapping[str, Any], name: str) -> Any:
        length = max(map(np.size, block.values()))
        values, kind = block[name], schema.field(name).type
        if np.ndim(values):
            return pa.array(values, kind)
        return pa.repeat(pa.scalar(values, kind), length)

    tables = [
        pa.Table.from_arrays([column(block, name) for name in columns], schema=schema)
        for block in blocks
    ]
    table = pa.concat_tables([schema.empty_table(), *tables]).combine_chunks()
    with folders.creating(path) as file:
        pq.write_table(table, file)


def _schema(columns: Mapping[str, str]) -> Any:
    import pyarrow as pa

    return pa.schema([(name, pa.type_for_alias(t)) for name, t in columns.items()])


def read_table(path: Path, columns: Mapping[str, str]) -> Any:
    """Read parquet as a DataFrame; integers that can be null are Int64.

    Args:
        path: of the file.
        columns: names and types that it must have.

    Raises:
        StoreError: the file is missing, damaged or of other columns.
    """
    import pandas as pd
    import pyarrow as pa
    import pyarrow.parquet as pq

    with reading(path), pq.ParquetFile(path) as file:
        found = file.schema_arrow.remove_metadata()
        if not found.equals(_schema(columns)):
            there = ", ".join(f"{field.name} {field.type}" for field in found)
            wanted = ", ".join(f"{name} {type_}" for name, type_ in columns.items())
            raise ValueError(f"its columns are {there}; they must be {wanted}.")
        table = file.read().replace_schema_metadata(None)
        frame = table.to_pandas(types_mapper={pa.int64(): pd.Int64Dtype()}.get)
    return _whole(frame)


def no_rows(columns: Mapping[str, str]) -> Any:
    """Return a DataFrame as `read_table` does, without rows."""
    return _whole(_schema(columns).empty_table().to_pandas())


def _whole(frame: Any) -> Any:
    whole = [c for c in frame if frame[c].dtype == "Int64" and frame[c].notna().all()]
    keep = [c for c in whole if c != "early_stop_step"]
    return frame.astype(dict.fromkeys(keep, "int64"))


def sha256(path: Path) -> str:
    """Return the sha256 of a file, in hex.

    Raises:
        StoreError: it cannot be read.
    """
    with reading(path), open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def entry(path: Path) -> dict[str, Any]:
    """Return size and sha256 of a file, for a manifest."""
    return {"bytes": path.stat().st_size, "sha256": sha256(path)}
