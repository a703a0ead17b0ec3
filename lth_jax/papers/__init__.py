"""Papers, each in a folder of its own: its settings, its claims, its figures.

A folder holds what one paper says and shows, in modules of these names:

- ``settings``: how it trains, prunes and rewinds its networks;
- ``claims``: ``CLAIMS``, its results with the rules that judge them;
- ``figures``: ``FIGURES``, its figures with their captions.

A paper may have claims alone, or figures alone. To add one, add its folder, its name in
`PAPERS`, and the experiments that train its networks. How rules judge and how figures
are drawn is not known here, but in `lth_jax.judging` and `lth_jax.plotting`, which in
turn know no paper.
"""

import importlib
import importlib.util
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..judging.rules import Claim

PAPERS = ("lottery", "stabilizing", "connectivity", "retraining")
"""Folders, in the order in which pages show them."""


def claims() -> "tuple[Claim, ...]":
    """Return the claims of all papers, in order."""
    return _joined("claims", "CLAIMS")


def figures() -> tuple[Any, ...]:
    """Return the figures of all papers, in order."""
    return _joined("figures", "FIGURES")


def _joined(module: str, name: str) -> tuple[Any, ...]:
    """Join what a module of each paper defines, and import no other module.

    So claims do not load what draws, and figures do not load what judges.
    """
    found: list[Any] = []
    for paper in PAPERS:
        path = f"{__name__}.{paper}.{module}"
        if importlib.util.find_spec(path):
            found += getattr(importlib.import_module(path), name)
    return tuple(found)
