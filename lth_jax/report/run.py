"""One page per run: what was found, the figures, the table, the settings.

The page and its figures are functions of the run directory: made again from the same
files they have the same bytes.
"""

import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import papers, plotting
from ..config import Config, numbers, to_dict
from ..judging import judge
from ..results import by_level, density_text
from ..types import END, FINAL
from .page import document, table, write_figures, write_file
from .tables import anatomy_section, stability_section
from .winning import WinningTickets, winning_tickets

if TYPE_CHECKING:
    import pandas as pd

    from ..store.read import Run

FAILED = "Diverged, collapsed or not run"
_ASKED_FOR = ("rewind", "stability")
"""Settings that a page names only if they are not the default."""


def write_report(run: "Run") -> Path:
    """Write ``report.html`` and ``figures/*.svg`` and ``*.png`` into the run directory.

    The page holds everything it shows and needs no network. Each file is replaced at
    once, so a reader sees the old one or the new one.

    Args:
        run: a run directory, loaded.

    Returns:
        The path of the page.

    Example:
        >>> from lth_jax.store.read import load_run  # doctest: +SKIP
        >>> write_report(load_run("runs/mnist_lenet-1a2b3c4d"))  # doctest: +SKIP

    Reference:
        Frankle & Carbin, "The Lottery Ticket Hypothesis" (2019), figures 3 and 4.
    """
    figures = write_figures(run.path, {run.path.name: run})
    page = run.path / "report.html"
    write_file(page, _page(run, figures).encode())
    return page


def _page(run: "Run", figures: str) -> str:
    found = winning_tickets(run.summary)
    name = str(run.manifest.get("experiment", run.path.name))
    body = f"""<p>{escape(_explanation(run))}</p>
<p class="finding">{escape(found.sentence).replace(" %", "&nbsp;%")}</p>
{figures}
<h2>Levels</h2>
{_level_table(run.summary, found)}
{stability_section(run)}{anatomy_section(run)}{claims_section([run])}<h2>{FAILED}</h2>
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
    controls = _controls(plotting.kinds(run.summary))
    text = (
        f"This run trained {model} on {data} in"
        f" {_count(tickets['replicate'].nunique(), 'replicate')}, each from its own"
        f" initialisation{_scale(run)}. The dense network is level 0. At each further"
        f" level {_pruning(run.config.get('prune', {}))}, and those that remain"
        f" {_rewinding(run)}: a ticket. It wins if it trains as fast and gets as"
        " accurate as the dense network."
    )
    if not controls:
        return text
    return (
        f"{text} Controls, trained the same way at the same density, show what the"
        f" ticket's own weights or mask are worth: {_joined(controls)}."
    )


def _controls(kinds: Iterable[str]) -> list[str]:
    """Return the controls among some kinds in words, all strengths of noise as one."""
    kinds = [kind for kind in kinds if kind not in ("ticket", "chain")]
    noises = [f"{noise:g}" for noise in map(plotting.noise_of, kinds) if noise]
    words = [plotting.noun(kind, 2) for kind in kinds if not plotting.noise_of(kind)]
    if not noises:
        return words
    deviations = f"standard deviation{'' if noises == ['1'] else 's'}"
    return [*words, f"tickets with noise of {_joined(noises)} {deviations}"]


def _joined(words: Sequence[str]) -> str:
    """Return words as a list in a sentence."""
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last


def _scale(run: "Run") -> str:
    """Say how initial weights are drawn, if not as usual."""
    std = run.config.get("model", {}).get("init_std")
    if std is None:
        return ""
    return f" (Gaussian, with a standard deviation of {std:g} in all layers)"


def _pruning(prune: Mapping[str, Any]) -> str:
    if prune.get("criterion") == "initial_magnitude":
        more = "more of " if prune.get("one_shot") else ""
        return f"{more}the weights of least initial magnitude are pruned"
    if prune.get("one_shot"):
        return "more weights of least magnitude in the trained dense network are pruned"
    if prune.get("continued"):
        return (
            "the weights of least magnitude are pruned in a chain of networks that goes"
            " on from its trained weights"
        )
    return "the weights of least magnitude are pruned"


def _rewinding(run: "Run") -> str:
    """Say what happens to the weights that remain."""
    weights, clock, steps = plotting.rewinding_of(run)
    if (weights, clock) == (FINAL, END):
        return (
            f"keep their trained weights and are trained on for {steps:,} steps at the"
            " last learning rate (fine-tuning)"
        )
    if weights == FINAL:
        return (
            "keep their trained weights; the learning rate goes back to step"
            f" {clock:,}, from where they are trained again (learning-rate rewinding)"
        )
    values = f"values at step {weights:,}" if weights else "first values"
    back = f"are set back to their {values}"
    if weights == clock:
        return f"{back} and trained again{' from there' if weights else ''}"
    rate = "stays the last one" if clock == END else f"goes back to step {clock:,}"
    return f"{back} and trained again; the learning rate {rate}"


def _level_table(summary: "pd.DataFrame", found: WinningTickets) -> str:
    kinds = plotting.kinds(summary)
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
        f'<th colspan="3" scope="colgroup">{escape(plotting.label(kind))}</th>'
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
    rows = judge(runs, papers.claims())
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
    head = ["claim" if column == "id" else column for column in columns]
    cells = [[getattr(row, column) for column in columns] for row in rows]
    return table(head, cells, wraps=True)


def _failures(summary: "pd.DataFrame") -> str:
    """List the networks that diverged, collapsed or were not run."""
    failed = summary[summary["status"] != "ok"]
    if failed.empty:
        return "<p>None: every network trained to the end.</p>"
    items = []
    for (level, kind, status), rows in failed.groupby(["level", "kind", "status"]):
        verb = {"not_run": "was not run" if len(rows) == 1 else "were not run"}
        number = f"{len(rows)} {plotting.noun(kind, len(rows))}"
        which = ", ".join(_who(row) for row in rows.itertuples())
        items.append(f"Level {level}: {number} {verb.get(status, status)} ({which}).")
    return f"<ul>{''.join(f'<li>{escape(item)}</li>' for item in items)}</ul>"


def _who(row: Any) -> str:
    if row.kind.endswith("_reorder"):
        return f"replicate {row.replicate} data order {row.draw}"
    draw = "" if row.kind == "ticket" else f" draw {row.draw}"
    return f"replicate {row.replicate}{draw}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _settings(config: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield the fields that have a value and change numbers.

    Rewinding and stability are named if something of them was asked for.
    """
    default = to_dict(Config())
    unchanged = dict(_flat(default)).keys() - numbers(Config()).keys()
    plain = [name for name in _ASKED_FOR if config.get(name) == default[name]]
    asked = {name: value for name, value in config.items() if name not in plain}
    for name, value in _flat(asked):
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
