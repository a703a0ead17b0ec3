"""Of which code numbers are: versions, commit, and what was changed since it."""

import functools
import hashlib
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

PACKAGES = ("lth-jax", "jax", "jaxlib", "flax", "optax", "numpy")
HERE = Path(__file__).parent


def versions() -> dict[str, str]:
    """Return the versions of Python and of the packages that numbers depend on."""
    packages = {name: metadata.version(name) for name in PACKAGES}
    return {"python": sys.version.split()[0]} | packages


def command() -> str:
    """Return the command line of this process."""
    return " ".join([Path(sys.argv[0]).name, *sys.argv[1:]])


@functools.cache
def git(folder: Path = HERE) -> dict[str, Any] | None:
    """Return the commit that code is of; None where it is no checkout.

    Where tracked files were changed since, it also has the sha256 of `uncommitted`. The
    first answer is the one of this process, which has read the code by then.

    Args:
        folder: of the code, tracked by git.
    """
    try:
        _ask(folder, "ls-files", "--error-unmatch", ".")
        commit = _ask(folder, "rev-parse", "HEAD").decode().strip()
    except (OSError, subprocess.CalledProcessError):
        return None
    if not (diff := uncommitted(folder)):
        return {"commit": commit, "changed": False}
    sha256 = hashlib.sha256(diff).hexdigest()
    return {"commit": commit, "changed": True, "diff_sha256": sha256}


@functools.cache
def uncommitted(folder: Path = HERE) -> bytes:
    """Return what tracked files differ in from the commit, as git's diff."""
    try:
        return _ask(folder, "diff", "HEAD", "--binary")
    except (OSError, subprocess.CalledProcessError):
        return b""


def _ask(folder: Path, *words: str) -> bytes:
    command = ["git", "-C", str(folder), *words]
    return subprocess.run(command, capture_output=True, check=True).stdout
