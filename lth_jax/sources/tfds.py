"""Image data sets of the TFDS catalogue, read without TensorFlow or network."""

import hashlib
import io
import json
import os
import re
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from ..config import DataConfig
from ..errors import InputError
from ..files import read_json, reading
from . import cache, mnist
from .features import check

JPEG = b"\xff\xd8\xff"
"""First bytes of a JPEG image."""
LOSSY = (
    "a copy stored as JPEG, not the original pixels: accuracies may differ somewhat"
    " from published ones"
)
"""The note on data sets whose originals are lossless; all here are."""


def read(config: DataConfig) -> cache.Decoded:
    """Return a data set: from the cache, else decoded from its TFDS data_dir.

    Raises:
        InputError: the data set is not prepared, or its files cannot be read.
    """
    folder = _folder(config)
    if folder is None:
        return _prepared(config)
    entry = cache.root(config) / f"{config.name}-{folder.name}-{_identity(folder)}"
    decoded = cache.read(entry)
    if decoded is None:
        decoded = cache.canonical(_decode(folder))
        try:
            cache.write(entry, decoded)
        except OSError as error:
            warnings.warn(f"decoded data are not cached: {error}", stacklevel=2)
    return decoded


def _prepared(config: DataConfig) -> cache.Decoded:
    """Return what ``lth data prepare`` has made, or say how to get the data."""
    data_dir = _data_dir(config)
    entry = cache.root(config) / mnist.ENTRY
    decoded = cache.read(entry) if config.name == "mnist" else None
    if decoded is None:
        command = "type `lth data prepare mnist`, or " if config.name == "mnist" else ""
        raise InputError(
            f"{config.name} is not prepared (as array_record) in {data_dir}: {command}"
            "point --data.dir DIR or TFDS_DATA_DIR at a prepared TFDS data_dir."
        )
    if config.dir is not None:
        warnings.warn(f"no {config.name} in {data_dir}: {entry} is used", stacklevel=2)
    return decoded


def _data_dir(config: DataConfig) -> Path:
    """Return the TFDS data_dir."""
    path = config.dir or os.environ.get("TFDS_DATA_DIR") or "~/tensorflow_datasets"
    return Path(os.path.expanduser(path))


def _folder(config: DataConfig) -> Path | None:
    """Return the folder of the newest version that is readable without TensorFlow."""
    versions = {
        tuple(map(int, info.parent.name.split("."))): info.parent
        for info in (_data_dir(config) / config.name).glob("*/dataset_info.json")
        if re.fullmatch(r"\d+\.\d+\.\d+", info.parent.name)
        and read_json(info).get("fileFormat") == "array_record"
    }
    return versions[max(versions)] if versions else None


def _identity(folder: Path) -> str:
    """Return 12 hex digits that change with the content of a TFDS folder."""
    sizes = [[p.name, p.stat().st_size] for p in sorted(folder.glob("*.array_record*"))]
    with reading(folder / "dataset_info.json") as file:
        info = file.read()
    return hashlib.sha256(info + json.dumps(sizes).encode()).hexdigest()[:12]


def _decode(folder: Path) -> cache.Decoded:
    """Decode the train and test images of a TFDS folder, once it has been looked at."""
    known = check(folder)
    import tensorflow_datasets as tfds

    try:
        builder: Any = tfds.builder_from_directory(folder)
        arrays, is_lossy = {}, False
        for split in ("train", "test"):
            source = builder.as_data_source(
                split, decoders={"image": tfds.decode.SkipDecoding()}
            )
            # One by one takes three times as long.
            rows = source.__getitems__(range(len(source)))
            encoded = [row["image"] for row in rows]
            is_lossy |= any(image.startswith(JPEG) for image in encoded)
            arrays[f"x_{split}"] = _images(encoded, known.shape)
            labels = np.array([row["label"] for row in rows], np.int64)
            if not ((0 <= labels) & (labels < known.n_classes)).all():
                raise ValueError(f"a label of {split} is none of {known.n_classes}")
            arrays[f"y_{split}"] = labels.astype(np.int32)
    except Exception as error:  # whatever readers and decoders raise
        raise InputError(
            f"cannot read the TFDS data set in {folder}, prepare it again: {error}"
        ) from error
    return cache.Decoded(arrays, LOSSY if is_lossy else "")


def _images(encoded: list[bytes], shape: tuple[int, ...]) -> np.ndarray:
    """Decode PNG or JPEG images of one shape.

    With Pillow, always: TFDS would take OpenCV where it is installed, and two JPEG
    decoders need not agree.
    """
    from PIL import Image

    images = np.empty((len(encoded), *shape), np.uint8)
    for image, content in zip(images, encoded, strict=True):
        opened = Image.open(io.BytesIO(content), formats=("PNG", "JPEG"))
        if opened.size != (shape[1], shape[0]):  # known before it is decoded
            raise ValueError(f"an image is of {opened.size} pixels, not {shape}")
        image[:] = np.asarray(opened).reshape(shape)
    return images
