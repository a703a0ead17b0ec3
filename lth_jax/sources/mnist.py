"""The four MNIST files as published: from a folder or a mirror, checked, parsed."""

import gzip
import hashlib
import os
import tempfile
import threading
from pathlib import Path
from typing import Any

import numpy as np

from ..config import DataConfig
from ..errors import InputError, StoreError
from ..files import reading
from . import cache

MIRRORS = (
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
)
ANSWER_SECONDS = 4.0
"""How long a mirror may take to answer at all."""
STALL_SECONDS = 30.0
"""How long a download may stand still."""
MOST_BYTES = 10_000_000
"""None of the published files is larger."""
ENTRY = "mnist-3.0.1-prepared"
"""Name of the cache entry, with the version that TFDS gives to the same files."""
FILES = {
    "x_train": "train-images-idx3-ubyte.gz",
    "y_train": "train-labels-idx1-ubyte.gz",
    "x_test": "t10k-images-idx3-ubyte.gz",
    "y_test": "t10k-labels-idx1-ubyte.gz",
}
SHA256 = {
    "x_train": "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
    "y_train": "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
    "x_test": "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
    "y_test": "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
}


def prepare(config: DataConfig) -> Path:
    """Write the cache entry of the MNIST files, unless there is a valid one.

    Args:
        config: the files are taken from the folder ``dir`` if it is given, else from
            public mirrors; ``cache`` is used too.

    Returns:
        The folder of the entry.

    Raises:
        InputError: missing or wrong files, no network, cache not writable.
    """
    entry = cache.root(config) / ENTRY
    if cache.read(entry) is not None:
        return entry
    if config.dir is not None:
        decoded = _read(Path(os.path.expanduser(config.dir)))
    else:
        with tempfile.TemporaryDirectory() as folder:
            _download(Path(folder))
            decoded = _read(Path(folder))
    try:
        cache.write(entry, cache.canonical(decoded))
    except OSError as error:
        raise InputError(
            f"cannot write {entry}: {error}. Name another folder with --cache."
        ) from error
    return entry


def _read(folder: Path) -> cache.Decoded:
    """Check and parse the four files of a folder."""
    arrays = {}
    for name, file in FILES.items():
        path = folder / file
        try:
            with reading(path, MOST_BYTES) as opened:
                content = opened.read()
        except StoreError as error:
            raise InputError(
                f"cannot read the files of MNIST: {str(error).rstrip('.')}. The folder"
                f" must hold {', '.join(FILES.values())}; without --dir they are"
                " downloaded."
            ) from error
        if hashlib.sha256(content).hexdigest() != SHA256[name]:
            raise InputError(f"{path} is not the published file: fetch it again.")
        array = _parse(gzip.decompress(content))
        arrays[name] = array[..., None] if name.startswith("x") else array
    return cache.Decoded(arrays)


def _parse(content: bytes) -> np.ndarray:
    """Parse IDX bytes: 0, 0, 8 (uint8), rank; sizes as big-endian uint32; values."""
    rank = content[3]
    shape = np.frombuffer(content, ">u4", count=rank, offset=4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * rank).reshape(shape)


def _download(folder: Path) -> None:
    """Download the files from the first mirror that gives all of them."""
    import pooch

    get: Any = pooch.HTTPDownloader(timeout=STALL_SECONDS)
    failures = []
    for mirror in MIRRORS:
        try:
            _await_answer(mirror + FILES["y_test"])
            for name, file in FILES.items():
                known = f"sha256:{SHA256[name]}"
                pooch.retrieve(mirror + file, known, file, folder, downloader=get)
            return
        except (OSError, ValueError) as error:  # network, checksum
            failures.append(f"  {mirror}: {error}")
    raise InputError(
        "\n".join(["MNIST cannot be downloaded:", *failures])
        + f"\nFetch {', '.join(FILES.values())} elsewhere, then type `lth data prepare"
        " mnist --dir FOLDER`."
    )


def _await_answer(url: str) -> None:
    """Raise OSError unless a server answers within ANSWER_SECONDS.

    The timeouts of sockets hold for each address of a host, and none holds for looking
    up its name, so without network they add up to minutes. A thread can be left behind.
    """
    import requests

    outcome: list[Exception | None] = []

    def ask() -> None:
        try:
            requests.head(url, timeout=ANSWER_SECONDS)
            outcome.append(None)
        except OSError as error:  # the base of all that requests raises
            outcome.append(error)

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(ANSWER_SECONDS)
    failure = (
        outcome[0] if outcome else TimeoutError(f"silent for {ANSWER_SECONDS:g} s")
    )
    if failure is not None:
        raise failure
