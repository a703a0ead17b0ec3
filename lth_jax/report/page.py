"""What all pages have in common: the document, figures, tables, writing them."""

import re
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import papers, plotting
from ..files import write_bytes, writing

if TYPE_CHECKING:
    from ..store.read import Run


def write_figures(path: Path, runs: Mapping[str, "Run"]) -> str:
    """Write the figures that runs support, as SVG and PNG; return them as HTML.

    What only part of a sweep supports, such as the rewind points of one of its
    networks, follows under the name of that part.
    """
    figures = papers.figures()
    whole = plotting.supported(figures, runs)
    shown = [_write_figure(path, name, each, runs) for name, each in whole.items()]
    for part, some in plotting.parts(runs).items():
        found = plotting.supported(figures, some)
        own = {name: each for name, each in found.items() if name not in whole}
        shown += [f"<h2>{escape(part)}</h2>\n"] if own else []
        shown += [
            _write_figure(path, f"{name}_{part}", each, some)
            for name, each in own.items()
        ]
    return "".join(shown)


def _write_figure(
    path: Path, name: str, exhibit: plotting.Exhibit, runs: Mapping[str, "Run"]
) -> str:
    figure = exhibit.draw(runs)
    svg = plotting.render(figure, "svg")
    write_file(path / "figures" / f"{name}.svg", svg)
    write_file(path / "figures" / f"{name}.png", plotting.render(figure, "png"))
    return _figure(name, exhibit.caption, svg.decode())


def write_file(path: Path, content: bytes) -> None:
    """Write a file that is there whole or not at all."""
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_bytes(path, content)


def document(name: str, about: str, body: str) -> str:
    """Return a page of HTML that stands alone.

    Args:
        name: title and heading, plain text.
        about: line below the heading, HTML.
        body: the rest, HTML.
    """
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{escape(name)}: lottery tickets</title>
<style>{CSS}</style>
</head>
<body>
<main>
<header>
<h1>{escape(name)}</h1>
<p class="quiet">{about}</p>
</header>
{body}</main>
</body>
</html>
"""


def table(
    head: Sequence[str], rows: Iterable[Sequence[Any]], wraps: bool = False
) -> str:
    """Return a table as HTML, its cells plain text.

    Args:
        head: of the columns.
        rows: cells; what is empty is shown as a dash.
        wraps: cells hold text, and break into lines.
    """
    body = "\n".join(
        "<tr>"
        + "".join(f"<td>{escape(str(cell or '-'))}</td>" for cell in row)
        + "</tr>"
        for row in rows
    )
    kind = ' class="claims"' if wraps else ""
    cells = "".join(f"<th>{escape(cell)}</th>" for cell in head)
    return (
        f'<div class="wide"><table{kind}>\n<thead><tr>{cells}</tr></thead>\n'
        f"<tbody>\n{body}\n</tbody>\n</table></div>\n"
    )


def _figure(name: str, caption: str, svg: str) -> str:
    text = escape(caption)
    return f"""<figure id="{name}">
<div class="paper" role="img" aria-label="{text}">
{_inline_svg(name, svg)}</div>
<figcaption>{text}</figcaption>
</figure>
"""


def _inline_svg(name: str, svg: str) -> str:
    """Return the svg element alone, its ids prefixed: a page's ids must be unique."""
    element = svg[svg.index("<svg") :]
    return re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{name}-", element)


CSS = """
:root { --ink: #24292f; --quiet: #57606a; --ground: #ffffff; --line: #d8dee4;
  --tint: #e8f1f8; --mark: #0072b2; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6edf3; --quiet: #9da7b1; --ground: #14181d; --line: #30363d;
    --tint: #16293a; --mark: #56b4e9; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink);
  font: 1rem/1.6 system-ui, sans-serif; }
main { max-width: 66rem; margin: 0 auto; padding: 1.5rem 1rem 3rem; }
h1 { margin: 0; font-size: 1.9rem; line-height: 1.2; overflow-wrap: anywhere; }
h2 { margin: 2.5rem 0 .75rem; font-size: 1.25rem; }
p { max-width: 46rem; }
header p { margin: .25rem 0 1.5rem; }
.quiet, figcaption, caption, dt, footer { color: var(--quiet); }
.finding { padding: .9rem 1.1rem; border-left: 4px solid var(--mark);
  border-radius: 0 6px 6px 0; background: var(--tint); }
figure { margin: 2rem 0; }
figcaption { margin-top: .6rem; max-width: 46rem; font-size: .9rem; }
.paper, .wide { overflow-x: auto; }
.paper { padding: .6rem; border: 1px solid var(--line); border-radius: 8px;
  background: #ffffff; }
.paper svg { display: block; width: 100%; min-width: 38rem; height: auto; }
table { border-collapse: collapse; font-size: .85rem; line-height: 1.3;
  font-variant-numeric: tabular-nums; white-space: nowrap; }
caption { padding-bottom: .5rem; text-align: left; white-space: normal; }
th, td { padding: .32rem .6rem; border-bottom: 1px solid var(--line);
  text-align: right; }
th { font-weight: 600; vertical-align: bottom; }
th[colspan] { text-align: center; }
td:nth-child(3n), th[colspan], tr + tr th:nth-child(3n + 1) {
  border-left: 1px solid var(--line); }
.wins td { background: var(--tint); }
.wins td:first-child { color: var(--mark); font-weight: 700; }
.claims { white-space: normal; }
.claims th, .claims td { text-align: left; vertical-align: top; border-left: 0; }
dl { display: grid; grid-template-columns: minmax(8rem, max-content) 1fr;
  gap: .2rem 1.25rem; margin: 0; font-size: .9rem; }
dd { margin: 0; overflow-wrap: anywhere; font-variant-numeric: tabular-nums; }
code { font-family: ui-monospace, monospace; font-size: .9em; overflow-wrap: anywhere; }
details { margin-top: 1rem; font-size: .9rem; }
footer { margin-top: 3rem; padding-top: .5rem; border-top: 1px solid var(--line);
  font-size: .9rem; }
"""
