"""What a run notes about itself when it begins."""

from typing import Any

from .. import config as configs
from ..study.given import layer_table
from ..study.study import criterion_of
from . import devices
from .choices import choices
from .prepare import Prepared
from .provenance import git, versions


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
        "choices": choices(config, prepared.origin),
        "layers": layer_table(prepared.study.model),
        "criterion": criterion_of(config, prepared.study.given).words,
        "git": git(),
        "events": [],
    }
    # What the user gave as values, as far as a digest can say it.
    given = {"given": dict(prepared.identities)} if prepared.identities else {}
    return manifest | given
