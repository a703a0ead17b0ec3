"""Judged claims as text: lines for a terminal, and a table for a document."""

import textwrap
from collections.abc import Iterable, Iterator, Sequence

from ..judging import Judgement, totals
from ..judging.null import Rates
from ..judging.verdicts import JUDGED, Finding

WIDTH, INDENT = 100, " " * 6
PROVENANCE = (
    "Rules were committed before the judged numbers existed; those of A3 to A16 after a"
    " 20,000-step pilot of the same three networks. Changed rules are marked."
)


def lines(rows: Sequence[Judgement]) -> Iterator[str]:
    """Yield lines that say what claims are, and what became of them.

    Args:
        rows: judged claims.
    """
    for row in rows:
        yield from _wrapped(f"{row.id:<6}{row.verdict_text}", row.claim.quantity)
        yield from _wrapped(INDENT, f"paper: {row.claim.paper}")
        if row.findings:
            seeds = ", ".join(map(str, row.seeds))
            yield f"{INDENT}ours, {row.replicates} replicates of seed {seeds}:"
        yield from (f"{INDENT}  {_finding(found)}" for found in row.findings)
        if old := old_verdict(row):
            yield from _wrapped(INDENT, f"old verdict: {old}")
        if row.note:
            yield from _wrapped(INDENT, row.note)
    yield ""
    yield from _wrapped("", f"{summary(rows)} {PROVENANCE} --json has the rules.")


def _wrapped(head: str, text: str) -> list[str]:
    joined = f"{head}  {text}" if head.strip() else f"{head}{text}"
    return textwrap.wrap(joined, WIDTH, subsequent_indent=INDENT + "  ")


def _finding(found: Finding) -> str:
    cells = f"{found.text:<44} {found.bound.short(found.unit):<30}"
    return f"{cells} {found.outcome}"


def old_verdict(row: Judgement) -> str:
    """Return the verdict of the old rule, and why that changed; empty if none."""
    change = row.claim.changed
    return f"{change.old} ({change.why})" if change and change.old else ""


def summary(rows: Iterable[Judgement]) -> str:
    """Return how many claims have which verdict, in a sentence."""
    rows = list(rows)
    listed = ", ".join(f"{n} {verdict}" for verdict, n in sorted_totals(rows))
    again = sum(bool(row.claim.shares) for row in rows)
    more = (
        f" ({again} share the numbers of another, and count with it)" if again else ""
    )
    return f"{listed}{more}."


def sorted_totals(rows: Iterable[Judgement]) -> list[tuple[str, int]]:
    """Return the verdicts with how many claims have them, the firm ones first."""
    order = [*JUDGED, "not run", "not testable"]
    return sorted(totals(rows).items(), key=lambda item: order.index(item[0]))


def null_lines(rows: Iterable[Rates], sizes: Sequence[int]) -> Iterator[str]:
    """Yield lines that say how often rules reproduce what made-up networks do.

    Args:
        rows: of claims, as they are computed.
        sizes: replicates of the studies in which the papers' numbers are true.
    """
    yield "Share of made-up studies that reproduce a claim: none has any effect, at 5"
    yield "replicates; the paper's numbers are true, at so many replicates."
    yield ""
    heads = "".join(f"{f'n = {n}':>10}" for n in sizes)
    yield f"{'':<6}{'no effect':>10}{heads}"
    for row in rows:
        truth = "".join(
            f"{f'{row.truth[n]:.0%}' if n in row.truth else '':>10}" for n in sizes
        )
        yield f"{row.id:<6}{row.noise:>10.1%}{truth}  {row.remark}".rstrip()


COLUMNS = (
    "",
    "the paper",
    "rule",
    "ours: value [interval]",
    "n",
    "n for power",
    "verdict",
)
HEAD = """# Claims of the papers

Made by `lth claims results/* --markdown > docs/claims.md`; do not edit.

A claim is judged by a rule: each condition sets a bound, and the 95 % interval over
replicates lies inside of it, outside, or neither. All inside: reproduced; one outside:
not reproduced; else undecided, with about how many replicates would decide it at this
mean and spread. Intervals are Student's, over networks paired by seed, of logarithms
for ratios; from 10 replicates on they are bootstrapped. The value is that of the means
over replicates, and a ratio one of means. Where the paper states a size, two thirds of
it must be there on average, and the interval must lie beyond no effect ("surely >"); it
fails if all of it is below the two thirds. "On average" alone marks what only guards
the other conditions: it holds by the value, and fails by the interval. "n for power"
replicates find the claim in 4 of 5 studies, if the paper's number is true
(`lth claims --null`).
"""


def markdown(rows: Sequence[Judgement], names: Iterable[str]) -> str:
    """Return a document with a table of the claims that are judged.

    Args:
        rows: judged claims.
        names: of the runs.
    """
    judged = [row for row in rows if row.findings]
    waiting = [row for row in rows if not row.findings]
    known = [row for row in waiting if old_verdict(row)]
    others = [row for row in waiting if not old_verdict(row)]
    return "\n".join(
        [
            HEAD,
            f"{PROVENANCE}\n",
            f"**{summary(rows)}** Runs: {', '.join(names)}.\n",
            "## Judged\n",
            *_table(COLUMNS, map(_cells, judged)),
            "\n## Changed rules\n",
            "The old verdict is that of the old rule on the results of that day.\n",
            *_table(("", "old verdict", "now", "why"), _changes(rows)),
            "\n## Judged before, and not now\n",
            *_table(("", "the paper", "rule", "why"), map(_waiting, known)),
            "\n## Others\n",
            *_table(("", "the paper", "verdict"), map(_other, others)),
            "",
        ]
    )


def _cells(row: Judgement) -> tuple[str, ...]:
    verdict = f"**{row.verdict_text}**"
    if row.claim.changed and row.claim.changed.old not in ("", row.verdict):
        verdict += f" (old: {row.claim.changed.old})"
    return (
        row.id,
        f"{row.claim.quantity}: {row.claim.paper}",
        "<br>".join(
            c.text(named=bool(f.name))
            for c, f in zip(row.claim.conditions, row.findings, strict=True)
        ),
        "<br>".join(found.text for found in row.findings),
        str(row.replicates),
        str(row.claim.replicates),
        verdict,
    )


def _changes(rows: Iterable[Judgement]) -> Iterator[tuple[str, ...]]:
    for row in rows:
        if change := row.claim.changed:
            old = change.old or "none"
            yield row.id, old, row.verdict, f"{change.date}: {change.why}"


def _waiting(row: Judgement) -> tuple[str, ...]:
    what = f"{row.claim.quantity}: {row.claim.paper}"
    return row.id, what, row.claim.rule, row.note


def _other(row: Judgement) -> tuple[str, ...]:
    return row.id, f"{row.claim.quantity}: {row.claim.paper}", row.verdict


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield _row(head)
    yield _row(["---"] * len(head))
    yield from map(_row, rows)


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"
