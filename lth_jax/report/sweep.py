"""The page of a sweep: its variants side by side, and links to the page of each."""

from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from .page import document, write_figures, write_file
from .run import claims_section, write_report
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
    return [*(write_report(run) for run in variants.values()), _write(path, variants)]


def _write(path: Path, variants: Mapping[str, "Run"]) -> Path:
    links = "".join(_variant(*item) for item in variants.items())
    if len(variants) == 1:  # All else stands on the page of the variant.
        about, body = "1 variant", links
    else:
        about = f"{len(variants)} variants"
        figures = write_figures(path, variants)
        beside = variants_section(variants) or settings_section(variants)
        body = "".join([figures, beside, links, claims_section([*variants.values()])])
    page = path / "report.html"
    write_file(page, document(path.name, about, body).encode())
    return page


def _variant(name: str, run: "Run") -> str:
    sentence = escape(winning_tickets(run.summary).sentence).replace(" %", "&nbsp;%")
    link = f'<a href="{escape(name)}/report.html">{escape(name)}</a>'
    return f"<h2>{link}</h2>\n<p>{sentence}</p>\n"
