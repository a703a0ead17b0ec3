"""What a run notes about itself: versions, devices, data, git, the command."""

import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

from .. import config as configs
from ..study.given import layer_table
from . import devices
from .prepare import Prepared

PACKAGES = ("lth-jax", "jax", "jaxlib", "flax", "optax", "numpy")


def new_manifest(prepared: Prepared, experiment: str) -> dict[str, Any]:
    """Return the manifest of a run that begins.

    Args:
        prepared: the study.
        experiment: its name.
    """
    config = prepared.study.config
    manifest = {
        "schema": configs.SCHEMA,
        "experiment": experiment,
        "fingerprint": configs.fingerprint(config, prepared.identities),
        "versions": versions(),
        "devices": devices.describe(),
        "plan": {},
        "data": {"name": config.data.name} | prepared.origin._asdict(),
        "layers": layer_table(prepared.study.model),
        "git": git(),
        "events": [],
    }
    # What the user gave as values, as far as a digest can say it.
    given = {"given": dict(prepared.identities)} if prepared.identities else {}
    return manifest | given


def versions() -> dict[str, str]:
    """Return the versions of Python and of the packages that numbers depend on."""
    packages = {name: metadata.version(name) for name in PACKAGES}
    return {"python": sys.version.split()[0]} | packages


def git() -> dict[str, Any] | None:
    """Return the commit that the package is of; None where it is no checkout."""

    def ask(*words: str) -> str:
        command = ["git", "-C", str(Path(__file__).parent), *words]
        return subprocess.run(
            command, capture_output=True, text=True, check=True
        ).stdout.strip()

    try:
        ask("ls-files", "--error-unmatch", Path(__file__).name)
        changed = ask("status", "--porcelain", "--untracked-files=no")
        return {"commit": ask("rev-parse", "HEAD"), "changed": bool(changed)}
    except (OSError, subprocess.CalledProcessError):
        return None


def command() -> str:
    """Return the command line of this process."""
    return " ".join([Path(sys.argv[0]).name, *sys.argv[1:]])
