"""The page of a sweep: its variants side by side, and links to the page of each."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from .. import folders
from .page import write_figures, write_page
from .run import judged_claims, write_report
from .tables import settings_section, variants_section
from .winning import winning_tickets

if TYPE_CHECKING:
    from ..store.read import Run


def write_reports(path: Path) -> list[Path]:
    """Write the page of a run; for a sweep, those of its variants and of the whole.

    Args:
        path: run directory, or directory of a sweep.

    Returns:
        The paths of the pages, that of the sweep last.
    """
    from ..store.read import load_run, load_variants

    variants = load_variants(path)
    if not variants:
        return [write_report(load_run(path))]
    with folders.held(path):
        pages = [write_report(run) for run in variants.values()]
        return [*pages, write_sweep(path, variants)]


def write_sweep(path: Path, variants: Mapping[str, "Run"]) -> Path:
    """Write the page of a sweep.

    Args:
        path: directory of the sweep.
        variants: its runs, by variant.

    Returns:
        The path of the page.
    """
    several = len(variants) > 1
    beside = several and (variants_section(variants) or settings_section(variants))
    return write_page(
        path,
        "sweep.html",
        name=path.name,
        findings={k: winning_tickets(v.summary).sentence for k, v in variants.items()},
        galleries=write_figures(path, variants) if several else [],
        sections=[beside] if beside else [],
        claims=judged_claims([*variants.values()]) if several else None,
    )
