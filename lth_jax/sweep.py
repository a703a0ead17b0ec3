"""The page of a sweep: its variants side by side, and links to the page of each."""

from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from .claims import winning_tickets
from .report import claims_section, document, write_figures, write_file, write_report

if TYPE_CHECKING:
    from .runs import Run


def write_reports(path: Path) -> list[Path]:
    """Write the page of a run; for a sweep, those of its variants and of the whole.

    Args:
        path: run directory, or directory of a sweep.

    Returns:
        The paths of the pages, that of the sweep last.
    """
    from .runs import load_run, load_variants

    variants = load_variants(path)
    if not variants:
        return [write_report(load_run(path))]
    return [*(write_report(run) for run in variants.values()), _write(path, variants)]


def _write(path: Path, variants: Mapping[str, "Run"]) -> Path:
    figures = write_figures(path, variants)
    parts = [figures, *(_variant(*item) for item in variants.items())]
    body = "".join([*parts, claims_section([*variants.values()])])
    page = path / "report.html"
    about = f"{len(variants)} variants"
    write_file(page, document(path.name, about, body).encode())
    return page


def _variant(name: str, run: "Run") -> str:
    sentence = escape(winning_tickets(run.summary).sentence).replace(" %", "&nbsp;%")
    link = f'<a href="{escape(name)}/report.html">{escape(name)}</a>'
    return f"<h2>{link}</h2>\n<p>{sentence}</p>\n"
