"""What all pages have in common: templates, figures, tables, writing them.

Modules of pages prepare values; templates/ says how they are shown, and escapes them.
"""

import functools
import re
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from .. import folders, papers, plotting
from ..errors import harmless
from ..files import write_bytes
from ..schema import FIGURES, PAGE

if TYPE_CHECKING:
    from ..store.read import Run


class Figure(NamedTuple):
    """A figure as a page shows it.

    Attributes:
        name: its id on the page.
        caption: what it shows.
        svg: the picture.
    """

    name: str
    caption: str
    svg: Markup

    @property
    def title(self) -> str:
        """The first sentence of the caption."""
        return self.caption.partition(". ")[0]


class Gallery(NamedTuple):
    """Figures of all runs of a page, or of a part of them, which then has a name."""

    part: str
    figures: list[Figure]


class Table(NamedTuple):
    """A table of text.

    Attributes:
        head: of the columns.
        rows: cells.
        wraps: cells hold sentences, and break into lines.
    """

    head: Sequence[str]
    rows: list[list[str]]
    wraps: bool


class Section(NamedTuple):
    """A table with a heading, and what it shows."""

    name: str
    about: str
    table: Table


def table(
    head: Sequence[str], rows: Iterable[Sequence[Any]], wraps: bool = False
) -> Table:
    """Return a table of any cells; those that are empty are shown as a dash.

    Example:
        >>> table(["level", "accuracy"], [["1", ""]]).rows
        [['1', '-']]
    """
    return Table(head, [[str(cell or "-") for cell in row] for row in rows], wraps)


def write_figures(path: Path, runs: Mapping[str, "Run"]) -> list[Gallery]:
    """Write the figures that runs support, as SVG and PNG; return them for a page.

    What only part of a sweep supports, such as the rewind points of one of its
    networks, follows under the name of that part.
    """
    folders.remove_left(path / FIGURES, ended=True)
    exhibits = papers.figures()
    whole = plotting.supported(exhibits, runs)
    figures = [_write_figure(path, name, each, runs) for name, each in whole.items()]
    galleries = [Gallery("", figures)]
    for part, some in plotting.parts(runs).items():
        figures = [
            _write_figure(path, f"{name}_{part}", each, some)
            for name, each in plotting.supported(exhibits, some).items()
            if name not in whole
        ]
        if figures:
            galleries.append(Gallery(part, figures))
    return galleries


def _write_figure(
    path: Path, name: str, exhibit: plotting.Exhibit, runs: Mapping[str, "Run"]
) -> Figure:
    figure = exhibit.draw(runs)
    svg = plotting.render(figure, "svg")
    write_file(path / FIGURES / f"{name}.svg", svg)
    write_file(path / FIGURES / f"{name}.png", plotting.render(figure, "png"))
    return Figure(name, exhibit.caption, _inline_svg(name, svg.decode()))


def _inline_svg(name: str, svg: str) -> Markup:
    """Return the svg element alone, its ids prefixed: a page's ids must be unique."""
    element = svg[svg.index("<svg") :]
    prefix = escape(f"{name}-")
    ids = r'\bid="|href="#|url\(#'
    return Markup(re.sub(ids, lambda match: match.group() + prefix, element))


def write_page(path: Path, template: str, made_of: str = "", **values: Any) -> Path:
    """Write ``report.html``, made from a template, into a folder.

    Args:
        path: the folder.
        template: file in ``templates/``.
        made_of: what the page notes of that, see `lth_jax.report.stamp`.
        values: what it shows; plain text is escaped, and what acts unseen in it too.

    Returns:
        The path of the page.
    """
    page = path / PAGE
    text = _templates().get_template(template).render(values, made_of=made_of)
    write_file(page, harmless(text).encode())
    return page


@functools.cache
def _templates() -> Environment:
    return Environment(
        loader=PackageLoader(__package__ or ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def write_file(path: Path, content: bytes) -> None:
    """Write a file that is there whole or not at all."""
    with folders.writing(path):
        folders.make(path.parent)
        write_bytes(path, content)
