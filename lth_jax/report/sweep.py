"""The page of a sweep: its variants side by side, and links to the page of each."""

import logging
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from .. import folders
from ..schema import PAGE
from .page import write_figures, write_page
from .run import judged_claims, write_report
from .stamp import is_made_of, stamp_of
from .tables import settings_section, variants_section
from .winning import winning_tickets
from .words import steps_of

if TYPE_CHECKING:
    from ..store.read import Run

log = logging.getLogger(__name__)
MOST_PAGES = 24
"""Variants of which each has a page of its own; those of larger sweeps, only if one is
there already: a page takes seconds."""


def write_reports(path: Path, anew: bool = True) -> list[Path]:
    """Write the page of a run; for a sweep, those of its variants and of the whole.

    Of a sweep with more than `MOST_PAGES` variants, those of variants are written that
    are there already; the page of one variant is written when it is given as a run.

    Args:
        path: run directory, or directory of a sweep.
        anew: write also pages that were made of the same tables by the same code.

    Returns:
        The paths of the pages, that of the sweep last.
    """
    from ..store.read import load_run, load_variants, variant_paths

    # Stamps are older than what is loaded: what comes in between makes a page stale.
    variants = variant_paths(path)
    if not variants:
        stamp = stamp_of(path)
        if not anew and is_made_of(path, stamp):
            return [path / PAGE]
        return [write_report(load_run(path), stamp)]
    stamps = {name: stamp_of(part) for name, part in variants.items()}
    few = len(variants) <= MOST_PAGES
    paged = [n for n, part in variants.items() if few or (part / PAGE).exists()]
    unpaged = variants.keys() - set(paged)
    whole = stamp_of(path, [*stamps.values(), *paged])
    stale = {n for n in paged if anew or not is_made_of(variants[n], stamps[n])}
    pages = [variants[name] / PAGE for name in paged]
    if not anew and not stale and is_made_of(path, whole):
        return [*pages, path / PAGE]
    runs = load_variants(path)
    with folders.held(path):
        for name in paged:
            if name in stale:
                write_report(runs[name], stamps[name])
        pages.append(write_sweep(path, runs, unpaged, whole))
    if unpaged:
        log.info(
            "%s has %d variants: their own pages are left out, and lth report"
            " %s/VARIANT makes one.",
            path,
            len(variants),
            path,
        )
    return pages


def write_sweep(
    path: Path,
    variants: Mapping[str, "Run"],
    unpaged: Collection[str] = (),
    made_of: str = "",
) -> Path:
    """Write the page of a sweep.

    Args:
        path: directory of the sweep.
        variants: its runs, by variant.
        unpaged: variants that have no page of their own.
        made_of: its stamp before it was loaded, see `lth_jax.report.stamp`.

    Returns:
        The path of the page.
    """
    folders.make(path)
    several = len(variants) > 1
    beside = several and (variants_section(variants) or settings_section(variants))
    return write_page(
        path,
        "sweep.html",
        made_of,
        name=path.name,
        unpaged=unpaged,
        findings={
            k: winning_tickets(v.summary, steps=steps_of(v)).sentence
            for k, v in variants.items()
        },
        galleries=write_figures(path, variants) if several else [],
        sections=[beside] if beside else [],
        claims=judged_claims([*variants.values()]) if several else None,
    )
