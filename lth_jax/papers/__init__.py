"""Papers, each in a folder of its own: its settings, its claims, its figures.

A folder holds what one paper says and shows, in modules of these names:

- ``settings``: how it trains, prunes and rewinds its networks;
- ``claims``: ``CLAIMS``, its results with the rules that judge them;
- ``worlds``: ``WORLDS``, what its networks do if its numbers are true;
- ``figures``: ``FIGURES``, its figures with their captions.

A paper may have claims alone, or figures alone. To add one, add its folder, its name in
`PAPERS`, and the experiments that train its networks. How rules judge and how figures
are drawn is not known here, but in `lth_jax.judging` and `lth_jax.plotting`, which in
turn know no paper.
"""

import importlib
import importlib.util
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..judging.null import World
    from ..judging.rules import Claim
    from ..judging.settings import Setting

PAPERS = ("lottery", "stabilizing", "connectivity", "retraining")
"""Folders, in the order in which pages show them."""


def claims() -> "tuple[Claim, ...]":
    """Return the claims of all papers, in order."""
    return _joined("claims", "CLAIMS")


def claims_with_worlds() -> "Iterator[tuple[Claim, Mapping[Setting, World]]]":
    """Yield the claims of all papers, with what they say of networks if it is known."""
    for paper in PAPERS:
        worlds = dict(_of(paper, "worlds", "WORLDS"))
        for claim in _of(paper, "claims", "CLAIMS"):
            yield claim, worlds.get(claim.id, {})


def figures() -> tuple[Any, ...]:
    """Return the figures of all papers, in order."""
    return _joined("figures", "FIGURES")


def _joined(module: str, name: str) -> tuple[Any, ...]:
    """Join what a module of each paper defines, and import no other module.

    So claims do not load what draws, and figures do not load what judges.
    """
    return tuple(each for paper in PAPERS for each in _of(paper, module, name))


def _of(paper: str, module: str, name: str) -> Any:
    """Return what a module of a paper defines; nothing if there is no such module."""
    path = f"{__name__}.{paper}.{module}"
    if not importlib.util.find_spec(path):
        return ()
    return getattr(importlib.import_module(path), name)
