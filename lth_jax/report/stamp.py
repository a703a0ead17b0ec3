"""What a page was made of, noted in it: a page of the same need not be made again."""

import functools
import hashlib
import re
from collections.abc import Iterable
from html import unescape
from importlib import metadata
from pathlib import Path

from ..errors import StoreError
from ..files import reading
from ..schema import ANATOMY, CONFIG_FILE, FIGURES, MANIFEST_FILE, PAGE

NOTED = re.compile(r'<meta name="made-of" content="(\w+)">')
FIGURE = re.compile(r'<figure id="([^"]+)">')
DRAWN_BY = ("matplotlib", "pandas", "numpy", "jinja2")


def stamp_of(path: Path, words: Iterable[str] = ()) -> str:
    """Return the sha256 of all that the page of a run is made of, in hex.

    That are the settings and notes of the run, its tables, and the code that makes
    pages. Weights are no part of a page.

    Args:
        path: run directory, or directory of a sweep.
        words: what else the page depends on, such as the stamps of a sweep's variants.
    """
    total = hashlib.sha256(_code().encode())
    tables = [*path.glob("level_*/*.parquet"), *path.glob(f"{ANATOMY}/*.parquet")]
    for file in [path / CONFIG_FILE, path / MANIFEST_FILE, *sorted(tables)]:
        if file.exists():
            with reading(file) as opened:
                content = opened.read()
            name = file.relative_to(path).as_posix()
            total.update(f"{name} {len(content)} ".encode() + content)
    for word in words:
        total.update(f"{word}\n".encode())
    return total.hexdigest()


@functools.cache
def _code() -> str:
    """Return what identifies this package, and what draws for it."""
    total = hashlib.sha256()
    package = Path(__file__).parents[1]
    for pattern in ("**/*.py", "report/templates/*"):
        for file in sorted(package.glob(pattern)):
            total.update(file.read_bytes())
    versions = [f"{name} {metadata.version(name)}" for name in DRAWN_BY]
    return " ".join([total.hexdigest(), *versions])


def is_made_of(path: Path, stamp: str) -> bool:
    """Tell whether the page of a folder was made of what has a stamp.

    Its figures must be there too.

    Args:
        path: run directory, or directory of a sweep.
        stamp: from `stamp_of`.
    """
    page = path / PAGE
    if not page.exists():
        return False
    try:
        with reading(page) as opened:
            text = opened.read().decode()
    except StoreError:  # it will be made anew
        return False
    noted = NOTED.search(text)
    names = map(unescape, FIGURE.findall(text))
    drawn = (path / FIGURES / f"{n}.{form}" for n in names for form in ("svg", "png"))
    return bool(noted) and noted[1] == stamp and all(file.is_file() for file in drawn)
