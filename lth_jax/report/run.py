"""One page per run: what was found, the figures, the table, the settings.

The page and its figures are functions of the run directory: made again from the same
files they have the same bytes.
"""

import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from .. import folders, papers
from ..config import Config, numbers, to_dict
from ..judging import Judgement, judge
from ..results import flat
from .claims import PROVENANCE, old_verdict, summary
from .page import Table, table, write_figures, write_page
from .tables import anatomy_section, level_table, stability_section
from .winning import winning_tickets
from .words import explanation, failures, steps_of

if TYPE_CHECKING:
    from ..store.read import Run

ASKED_FOR = ("rewind", "stability")
"""Settings that a page names only if they are not the default."""
MADE_WITH = ("fingerprint", "data", "choices", "git", "versions", "devices", "plan")
"""What a page shows of a manifest."""


class Claims(NamedTuple):
    """The papers' claims beside runs.

    Attributes:
        summary: how many have which verdict.
        provenance: when rules were written.
        judged: those that have a verdict.
        rest: those that wait for other runs.
    """

    summary: str
    provenance: str
    judged: Table
    rest: Table


def write_report(run: "Run", made_of: str = "") -> Path:
    """Write ``report.html`` and ``figures/*.svg`` and ``*.png`` into the run directory.

    The page holds everything it shows and needs no network. Each file is replaced at
    once, so a reader sees the old one or the new one.

    Args:
        run: a run directory, loaded.
        made_of: its stamp before it was loaded, see `lth_jax.report.stamp`.

    Returns:
        The path of the page.

    Example:
        >>> from lth_jax.store.read import load_run  # doctest: +SKIP
        >>> write_report(load_run("runs/mnist_lenet-1a2b3c4d"))  # doctest: +SKIP

    Reference:
        Frankle & Carbin, "The Lottery Ticket Hypothesis" (2019), figures 3 and 4.
    """
    folders.make(run.path)
    with folders.held(run.path):
        return _write(run, made_of)


def _write(run: "Run", made_of: str) -> Path:
    found = winning_tickets(run.summary, steps=steps_of(run))
    sections = (stability_section(run), anatomy_section(run))
    origin = {name: run.manifest[name] for name in MADE_WITH if name in run.manifest}
    return write_page(
        run.path,
        "run.html",
        made_of,
        name=str(run.manifest.get("experiment", run.path.name)),
        folder=run.path.name,
        explanation=explanation(run),
        finding=found.sentence,
        galleries=write_figures(run.path, {run.path.name: run}),
        levels=level_table(run.summary, found.levels),
        sections=[section for section in sections if section],
        claims=judged_claims([run]),
        failures=failures(run.summary),
        settings=[(name, _plain(value)) for name, value in _settings(run.config)],
        origin=[(name, _plain(value)) for name, value in flat(origin).items()],
        events=[_plain(event) for event in run.manifest.get("events", [])],
        command=f"lth report {shlex.quote(run.path.name)}",
    )


def judged_claims(runs: Sequence["Run"]) -> Claims:
    """Return the claims of the papers, judged by some runs."""
    rows = judge(runs, papers.claims())
    judged = [row for row in rows if row.findings]
    rest = [row for row in rows if not row.findings]
    return Claims(
        summary=summary(rows),
        provenance=PROVENANCE,
        judged=_table(JUDGED, judged),
        rest=_table(REST, rest),
    )


REST: dict[str, Callable[[Judgement], str]] = {
    "claim": lambda row: row.id,
    "verdict": lambda row: row.verdict_text,
    "quantity": lambda row: row.claim.quantity,
    "paper": lambda row: row.claim.paper,
    "rule": lambda row: row.claim.rule,
    "note": lambda row: row.note,
    "old verdict": old_verdict,
}
"""Columns of claims that wait for other runs."""
JUDGED = {
    **{name: REST[name] for name in ("claim", "verdict", "quantity", "paper")},
    "ours [interval]": lambda row: row.shown,
    "n": lambda row: str(row.replicates),
    "seeds": lambda row: ", ".join(map(str, row.seeds)),
    **{name: REST[name] for name in ("rule", "note", "old verdict")},
}
"""Columns of claims that are judged."""


def _table(
    columns: Mapping[str, Callable[[Judgement], str]], rows: Iterable[Judgement]
) -> Table:
    cells = [[column(row) for column in columns.values()] for row in rows]
    return table([*columns], cells, wraps=True)


def _settings(config: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield the fields that have a value and change numbers.

    Rewinding and stability are named if something of them was asked for.
    """
    default = to_dict(Config())
    unchanged = flat(default).keys() - numbers(Config()).keys()
    plain = [name for name in ASKED_FOR if config.get(name) == default[name]]
    asked = {name: value for name, value in config.items() if name not in plain}
    for name, value in flat(asked).items():
        if name not in unchanged and value not in (None, []):
            yield name, value


def _plain(value: Any) -> str:
    """Return a value of a config or manifest as text."""
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_plain(item)}" for name, item in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(_plain(item) for item in value)
    return str(value)
