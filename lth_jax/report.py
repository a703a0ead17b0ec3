"""One page per run: what was found, the figures, the table, the settings.

The page and its figures are functions of the run directory: made again from the same
files they have the same bytes.
"""

import re
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import plots
from .claims import (
    WinningTickets,
    by_level,
    density_text,
    judge,
    winning_tickets,
)
from .config import Config, numbers, to_dict
from .files import write_bytes, writing

if TYPE_CHECKING:
    import pandas as pd

    from .runs import Run


def write_report(run: "Run") -> Path:
    """Write ``report.html`` and ``figures/*.svg`` and ``*.png`` into the run directory.

    The page holds everything it shows and needs no network. Each file is replaced at
    once, so a reader sees the old one or the new one.

    Args:
        run: a run directory, loaded.

    Returns:
        The path of the page.

    Example:
        >>> from lth_jax.runs import load_run  # doctest: +SKIP
        >>> write_report(load_run("runs/mnist_lenet-1a2b3c4d"))  # doctest: +SKIP

    Reference:
        Frankle & Carbin, "The Lottery Ticket Hypothesis" (2019), figures 3 and 4.
    """
    figures = write_figures(run.path, {run.path.name: run})
    page = run.path / "report.html"
    write_file(page, _page(run, figures).encode())
    return page


def write_figures(path: Path, runs: Mapping[str, "Run"]) -> str:
    """Write the figures that runs support, as SVG and PNG; return them as HTML."""
    shown = []
    for name, exhibit in plots.supported(runs).items():
        figure = exhibit.draw(runs)
        svg = plots.render(figure, "svg")
        write_file(path / "figures" / f"{name}.svg", svg)
        write_file(path / "figures" / f"{name}.png", plots.render(figure, "png"))
        shown.append(_figure(name, exhibit.caption, svg.decode()))
    return "".join(shown)


def write_file(path: Path, content: bytes) -> None:
    """Write a file that is there whole or not at all."""
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_bytes(path, content)


def _inline_svg(name: str, svg: str) -> str:
    """Return the svg element alone, its ids prefixed: a page's ids must be unique."""
    element = svg[svg.index("<svg") :]
    return re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{name}-", element)


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


def _page(run: "Run", figures: str) -> str:
    found = winning_tickets(run.summary)
    name = str(run.manifest.get("experiment", run.path.name))
    body = f"""<p>{escape(_explanation(run))}</p>
<p class="finding">{escape(found.sentence).replace(" %", "&nbsp;%")}</p>
{figures}
<h2>Levels</h2>
{_level_table(run.summary, found)}
{claims_section([run])}<h2>Diverged, collapsed or not run</h2>
{_failures(run.summary)}
<h2>Settings</h2>
{_definitions(_settings(run.config))}
<h2>Made with</h2>
{_definitions(_origin(run.manifest))}
{_events(run.manifest)}
<footer>
<p>Made by <code>{escape(_command(run))}</code> from the folder that holds the run.</p>
</footer>
"""
    return document(name, f"run <code>{escape(run.path.name)}</code>", body)


def _explanation(run: "Run") -> str:
    """Say in plain words what the run did."""
    data = run.config.get("data", {}).get("name", "its data")
    model = run.config.get("model", {}).get("name", "a network")
    tickets = run.summary[run.summary["kind"] == "ticket"]
    controls = [plots.label(kind) for kind in plots.kinds(run.summary)]
    controls = [f"{name}s" for name in controls if name not in ("ticket", "chain")]
    text = (
        f"This run trained {model} on {data} in"
        f" {_count(tickets['replicate'].nunique(), 'replicate')}, each from its own"
        " initialisation. The dense network is level 0. At each further level"
        f" {_pruning(run.config.get('prune', {}))}, and those that remain are set back"
        " to their first values and trained again: a ticket. It wins if it trains as"
        " fast and gets as accurate as the dense network."
    )
    if not controls:
        return text
    return (
        f"{text} Controls, trained the same way at the same density, show what the"
        f" ticket's own weights or mask are worth: {' and '.join(controls)}."
    )


def _pruning(prune: Mapping[str, Any]) -> str:
    if prune.get("one_shot"):
        return "more weights of least magnitude in the trained dense network are pruned"
    if prune.get("continued"):
        return (
            "the weights of least magnitude are pruned in a chain of networks that goes"
            " on from its trained weights"
        )
    return "the weights of least magnitude are pruned"


def _figure(name: str, caption: str, svg: str) -> str:
    text = escape(caption)
    return f"""<figure id="{name}">
<div class="paper" role="img" aria-label="{text}">
{_inline_svg(name, svg)}</div>
<figcaption>{text}</figcaption>
</figure>
"""


def _level_table(summary: "pd.DataFrame", found: WinningTickets) -> str:
    kinds = plots.kinds(summary)
    cells = {kind: _cells(summary, kind) for kind in kinds}
    densities = summary.groupby("level")["density"].mean()
    rows = []
    for level, density in densities.items():
        wins = ' class="wins"' if level in found.levels else ""
        values = [level, density_text(density)]
        for kind in kinds:
            values += cells[kind].get(level, ["-", "-", "-"])
        tds = "".join(f"<td>{escape(str(value))}</td>" for value in values)
        rows.append(f"<tr{wins}>{tds}</tr>")
    groups = "".join(
        f'<th colspan="3" scope="colgroup">{escape(plots.label(kind))}</th>'
        for kind in kinds
    )
    columns = "<th>early stop</th><th>accuracy</th><th>min to max</th>"
    return (
        '<div class="wide"><table>\n<caption>Mean early-stop step, mean test accuracy'
        " at early stop in %, and its least and greatest value over the networks of a"
        " kind. Shaded: winning tickets.</caption>\n"
        '<thead><tr><th rowspan="2">level</th><th rowspan="2">weights</th>'
        f"{groups}</tr>\n<tr>{columns * len(kinds)}</tr></thead>\n"
        f"<tbody>\n{chr(10).join(rows)}\n</tbody>\n</table></div>"
    )


def _cells(summary: "pd.DataFrame", kind: str) -> dict[int, list[str]]:
    """Return the three cells of a kind, by level."""
    steps = by_level(summary, kind, "early_stop_step")["mean"]
    accuracies = by_level(summary, kind, "test_accuracy_es")
    return {
        row.Index: [
            f"{steps[row.Index]:,.0f}" if row.Index in steps.index else "-",
            f"{100 * row.mean:.2f}",
            f"{100 * row.min:.2f} to {100 * row.max:.2f}",
        ]
        for row in accuracies.itertuples()
    }


def claims_section(runs: Sequence["Run"]) -> str:
    """Return a section with all claims of the papers, judged by some runs, as HTML."""
    rows = judge(runs)
    judged = [row for row in rows if row.ours is not None]
    rest = [row for row in rows if row.ours is None]
    count = sum(row.replicates > 0 for row in judged)
    return f"""<h2>Claims of the papers</h2>
<p>Each claim is judged by its rule, which was written before the run. {count} of
{len(rows)} are judged here from training.</p>
{_claims(judged, ("paper", "ours", "spread", "replicates", "rule", "note"))}
<details><summary>The other {len(rest)}, and what they wait for</summary>
{_claims(rest, ("paper", "rule", "note"))}</details>
"""


def _claims(rows: Sequence[Any], columns: Sequence[str]) -> str:
    columns = ("id", "verdict", "quantity", *columns)
    body = "\n".join(
        "<tr>"
        + "".join(f"<td>{escape(str(getattr(row, c) or '-'))}</td>" for c in columns)
        + "</tr>"
        for row in rows
    )
    head = "".join(f"<th>{'claim' if c == 'id' else c}</th>" for c in columns)
    return (
        f'<div class="wide"><table class="claims">\n<thead><tr>{head}</tr></thead>\n'
        f"<tbody>\n{body}\n</tbody>\n</table></div>\n"
    )


def _failures(summary: "pd.DataFrame") -> str:
    """List the networks that diverged, collapsed or were not run."""
    failed = summary[summary["status"] != "ok"]
    if failed.empty:
        return "<p>None: every network trained to the end.</p>"
    items = []
    for (level, kind, status), rows in failed.groupby(["level", "kind", "status"]):
        verb = {"not_run": "was not run" if len(rows) == 1 else "were not run"}
        number = _count(len(rows), plots.label(kind))
        which = ", ".join(_who(row) for row in rows.itertuples())
        items.append(f"Level {level}: {number} {verb.get(status, status)} ({which}).")
    return f"<ul>{''.join(f'<li>{escape(item)}</li>' for item in items)}</ul>"


def _who(row: Any) -> str:
    draw = "" if row.kind == "ticket" else f" draw {row.draw}"
    return f"replicate {row.replicate}{draw}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _settings(config: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield the fields that have a value and change numbers."""
    unchanged = dict(_flat(to_dict(Config()))).keys() - numbers(Config()).keys()
    for name, value in _flat(config):
        if name not in unchanged and value not in (None, []):
            yield name, value


def _origin(manifest: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield what is known of fingerprint, data, versions, devices and plan."""
    names = ("fingerprint", "data", "versions", "devices", "plan")
    return _flat({name: manifest[name] for name in names if name in manifest})


def _flat(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in tree.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _definitions(pairs: Iterable[tuple[str, Any]]) -> str:
    rows = (
        f"<dt>{escape(name)}</dt><dd>{escape(_text(value))}</dd>"
        for name, value in pairs
    )
    return f"<dl>\n{chr(10).join(rows)}\n</dl>"


def _text(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_text(item)}" for name, item in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(_text(item) for item in value)
    return str(value)


def _events(manifest: Mapping[str, Any]) -> str:
    events = manifest.get("events", [])
    if not events:
        return ""
    items = "\n".join(f"<li>{escape(_text(event))}</li>" for event in events)
    return f"<details><summary>Events</summary>\n<ul>\n{items}\n</ul></details>"


def _command(run: "Run") -> str:
    return f"lth report {shlex.quote(run.path.name)}"


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
