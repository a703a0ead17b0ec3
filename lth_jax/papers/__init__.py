"""Papers, each in a folder of its own: its figures with their captions.

To add one, add its folder and its name in `PAPERS`. How figures are drawn is not known
here, but in `lth_jax.plotting`, which in turn knows no paper.
"""

import importlib
import importlib.util
from typing import Any

PAPERS = ("lottery", "stabilizing", "connectivity", "retraining")
"""Folders, in the order in which pages show them."""


def figures() -> tuple[Any, ...]:
    """Return the figures of all papers, in order."""
    found: list[Any] = []
    for paper in PAPERS:
        path = f"{__name__}.{paper}.figures"
        if importlib.util.find_spec(path):
            found += importlib.import_module(path).FIGURES
    return tuple(found)
