"""Files that are there whole or not at all: JSON, npz, parquet."""

import hashlib
import json
import math
import os
import stat
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from io import BufferedReader
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from . import folders
from .errors import LthError, StoreError

DEEPEST = 20
"""Levels of nesting of a JSON file."""
MOST_JSON = 24 << 20
"""Bytes of a JSON file: notes of 100,000 networks that diverged, the most there are."""
MOST_VALUES = 1_000_000
"""Values in a JSON file."""
LONGEST_WORD = 1_000
"""Characters of a word in a table: kinds, layers, status."""
HOLES = 10
"""A file is refused that takes less than one in so many of its bytes on disk, ..."""
LARGE = 64 << 20
"""... if it has more bytes than this; smaller ones are read in no time."""


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
        LthError: the system refuses, or a number of it is none.
    """
    try:
        text = json.dumps(value, indent=1, allow_nan=False)
    except ValueError as error:
        raise LthError(
            f"{path} was not written: it would hold NaN or an infinite number, which"
            f" JSON has not ({error})."
        ) from error
    with folders.writing(path):
        write_bytes(path, (text + "\n").encode())


@contextmanager
def reading(path: Path, most: int | None = None) -> Iterator[BufferedReader]:
    """Yield a file, open for reading; refuse one that is not plain, or far too large.

    What is looked at is what was opened, whatever takes its name meanwhile.

    Args:
        path: of the file.
        most: bytes that it can have, if that is known.

    Raises:
        StoreError: names the file, whatever a parser raises on its content.
    """
    try:
        with open(path, "rb", opener=_open_plain) as file:
            _check_size(file.fileno(), most)
            yield file
    except Exception as error:
        why = str(error) or type(error).__name__
        raise StoreError(f"{path} cannot be read: {why}") from error


def _open_plain(path: str, flags: int) -> int:
    """Return a descriptor of a plain file; raise ValueError if it is none."""
    _check_plain(os.stat(path))  # to open some devices is to do something
    handle = os.open(path, flags | os.O_NONBLOCK)  # a pipe would be waited for
    try:
        _check_plain(os.fstat(handle))
    except ValueError:
        os.close(handle)
        raise
    return handle


def _check_plain(about: os.stat_result) -> None:
    if not stat.S_ISREG(about.st_mode):
        raise ValueError("it is no file.")


def _check_size(handle: int, most: int | None) -> None:
    """Raise ValueError on a size that is made up."""
    size = os.fstat(handle).st_size
    if most is not None and size > most:
        raise ValueError(f"it has {size:,} bytes; it can have {most:,} at most.")
    if size > LARGE and not _has_content(handle, size):
        raise ValueError(
            f"it says that it has {size:,} bytes, and hardly any are there. (A copy"
            " without holes would be read: cp --sparse=never.)"
        )


def _has_content(handle: int, size: int) -> bool:
    """Tell whether most of a file is no holes, where the system tells."""
    if not hasattr(os, "SEEK_HOLE"):
        return True
    there, end = 0, 0
    with suppress(OSError):  # ENXIO: no more data
        while there * HOLES < size:
            start = os.lseek(handle, end, os.SEEK_DATA)
            end = os.lseek(handle, start, os.SEEK_HOLE)
            there += end - start
    os.lseek(handle, 0, os.SEEK_SET)
    return there * HOLES >= size


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object.

    Raises:
        StoreError: the file is missing or holds no JSON object, or a number that is
            none, or is longer or nested deeper than any that this package writes.
    """

    def refuse(word: str) -> None:
        raise ValueError(f"it holds {word}.")

    def finite(word: str) -> float:
        number = float(word)
        if not math.isfinite(number):  # 1e999
            raise ValueError(f"it holds {word[:20]}, which is no finite number.")
        return number

    with reading(path, MOST_JSON) as file:
        content = file.read()
        # Every value but the first has one of these before it.
        if sum(map(content.count, (b",", b"[", b"{"))) > MOST_VALUES:
            raise ValueError(f"it holds more than {MOST_VALUES:,} values.")
        value = json.loads(content, parse_constant=refuse, parse_float=finite)
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


class Form(NamedTuple):
    """What is known of an array before it is read."""

    shape: tuple[int, ...]
    dtype: np.dtype


def read_npz(
    path: Path, check: Callable[[Mapping[str, Form]], None] | None = None
) -> dict[str, np.ndarray]:
    """Read arrays as `write_npz` writes them: no pickles, nothing that inflates.

    Args:
        path: of the file.
        check: looks at the forms of all arrays before any is read; raises ValueError
            where they are not what they must be.

    Raises:
        StoreError: the file is missing or damaged, or does not pass the check.
    """
    with reading(path) as opened, zipfile.ZipFile(opened) as file:
        members = file.infolist()
        if any(member.compress_type for member in members):
            raise ValueError("its arrays are compressed.")
        if len({member.filename for member in members}) < len(members):
            raise ValueError("two of its arrays have one name.")
        if (
            sum(member.file_size for member in members)
            > os.fstat(opened.fileno()).st_size
        ):
            raise ValueError("its arrays overlap.")
        forms = {_array_name(member): _form(file, member) for member in members}
        if check is not None:
            check(forms)
        opened.seek(0)
        with np.load(opened, allow_pickle=False) as stored:
            return dict(stored)


def _array_name(member: zipfile.ZipInfo) -> str:
    return member.filename.removesuffix(".npy")


def _form(file: zipfile.ZipFile, member: zipfile.ZipInfo) -> Form:
    """Return what the header of a member says, which must agree with its size."""
    name = _array_name(member)
    with file.open(member) as stream:
        version = np.lib.format.read_magic(stream)
        headers = {
            (1, 0): np.lib.format.read_array_header_1_0,
            (2, 0): np.lib.format.read_array_header_2_0,
        }
        if version not in headers:
            raise ValueError(f"{name} is of version {version} of the format.")
        shape, _, dtype = headers[version](stream)
        size = stream.tell() + math.prod(shape) * dtype.itemsize
    if dtype.hasobject or min(shape, default=0) < 0 or size != member.file_size:
        raise ValueError(f"{name} is said to be {dtype} {shape}, and is not.")
    return Form(shape, dtype)


def npz_names(path: Path) -> list[str]:
    """Return the names of the arrays of a file, which are not read.

    Raises:
        StoreError: the file is missing or damaged.
    """
    with reading(path) as opened, zipfile.ZipFile(opened) as file:
        return [_array_name(member) for member in file.infolist()]


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


def read_table(path: Path, columns: Mapping[str, str], most: int | None = None) -> Any:
    """Read parquet as a DataFrame; integers that can be null are Int64.

    A small file can hold many equal rows, so these are counted before they are read.

    Args:
        path: of the file.
        columns: names and types that it must have.
        most: rows that it can have, if that is known.

    Raises:
        StoreError: the file is missing, damaged, of other columns or of more rows.
    """
    import pandas as pd
    import pyarrow as pa
    import pyarrow.parquet as pq

    wanted = _schema(columns)
    words = [
        name for name in wanted.names if pa.types.is_string(wanted.field(name).type)
    ]
    with reading(path) as opened:
        with pq.ParquetFile(opened) as file:
            found = file.schema_arrow.remove_metadata()
            if not found.equals(wanted):
                there = ", ".join(f"{field.name} {field.type}" for field in found)
                must = ", ".join(f"{name} {type_}" for name, type_ in columns.items())
                raise ValueError(f"its columns are {there}; they must be {must}.")
            _check_rows(file.metadata, most)
        # A word that is in many rows is stored once, and read once.
        with pq.ParquetFile(opened, read_dictionary=words) as file:
            table = file.read().replace_schema_metadata(None)
        for name in words:
            _check_words(name, table[name])
        frame = table.cast(wanted).to_pandas(
            types_mapper={pa.int64(): pd.Int64Dtype()}.get
        )
    return _whole(frame)


def _check_rows(metadata: Any, most: int | None) -> None:
    """Raise ValueError if a table has too many rows, or says two things about that."""
    groups = [metadata.row_group(i) for i in range(metadata.num_row_groups)]
    rows = sum(group.num_rows for group in groups)
    if most is not None and max(rows, metadata.num_rows) > most:
        raise ValueError(f"it has {rows:,} rows; it can have {most:,} at most.")
    for group in groups:
        for i in range(group.num_columns):
            if group.column(i).num_values != group.num_rows:
                raise ValueError("its columns are of different lengths.")
            # Others make a thousand times of a file; this one twenty times at most.
            if group.column(i).compression not in ("SNAPPY", "UNCOMPRESSED"):
                raise ValueError(f"it is compressed by {group.column(i).compression}.")


def _check_words(name: str, column: Any) -> None:
    """Raise ValueError if a word of a column, read as dictionaries, is too long."""
    import pyarrow.compute as pc

    for chunk in column.chunks:
        if (pc.max(pc.utf8_length(chunk.dictionary)).as_py() or 0) > LONGEST_WORD:
            raise ValueError(
                f"its column {name} holds more than {LONGEST_WORD:,} characters."
            )


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
    with reading(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def entry(path: Path) -> dict[str, Any]:
    """Return size and sha256 of a file, for a manifest."""
    return {"bytes": path.stat().st_size, "sha256": sha256(path)}
