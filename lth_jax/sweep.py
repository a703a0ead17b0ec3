"""The page of a sweep: its variants side by side, and links to the page of each."""

from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from . import plots
from .claims import winning_tickets
from .report import document, inline_svg, write_file, write_report

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
    figure = plots.figure_variants(variants)
    svg = plots.render(figure, "svg")
    write_file(path / "figures" / "variants.svg", svg)
    write_file(path / "figures" / "variants.png", plots.render(figure, "png"))
    page = path / "report.html"
    write_file(page, _page(path.name, variants, svg.decode()).encode())
    return page


def _page(name: str, variants: Mapping[str, "Run"], svg: str) -> str:
    body = f"""<figure id="variants">
<div class="paper" role="img">
{inline_svg("variants", svg)}</div>
<figcaption>How early training stops (top) and how accurate the network is then
(bottom), by the share of weights that remain. Lines are means over networks, bars their
least and greatest value; the dashed line is the dense network.</figcaption>
</figure>
{"".join(_variant(*item) for item in variants.items())}
"""
    return document(name, f"{len(variants)} variants", body)


def _variant(name: str, run: "Run") -> str:
    sentence = escape(winning_tickets(run.summary).sentence).replace(" %", "&nbsp;%")
    link = f'<a href="{escape(name)}/report.html">{escape(name)}</a>'
    return f"<h2>{link}</h2>\n<p>{sentence}</p>\n"
