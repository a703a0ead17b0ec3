"""Runs in plain words. What is not known here, such as a user's own, has its name."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from .. import plotting
from ..plotting.kinds import LOOKS
from ..results import flat_numbers, network_name
from ..study.networks import COPY
from ..tickets.criteria import CRITERIA

if TYPE_CHECKING:
    import pandas as pd

    from ..store.read import Run


def explanation(run: "Run") -> str:
    """Say in plain words what a run did."""
    data = run.config.get("data", {}).get("name", "its data")
    tickets = run.summary[run.summary["kind"] == "ticket"]
    controls = _controls(plotting.kinds(run.summary))
    text = (
        f"This run trained {network(run) or 'a network'} on {data} in"
        f" {_count(tickets['replicate'].nunique(), 'replicate')}, each from its own"
        f" initialisation{_scale(run)}. The dense network is level 0. At each further"
        f" level {_pruned(run)}, and those that remain"
        f" {plotting.retraining(run).sentence}: a ticket. It wins if it trains as fast"
        " and gets as accurate as the dense network."
    )
    if not controls:
        return text
    return (
        f"{text} Controls, trained the same way at the same density, show what the"
        f" ticket's own weights or mask are worth: {_enumerated(controls)}."
    )


def network(run: "Run") -> str:
    """Return how the network of a run is spelled; "" if its config does not say."""
    model = run.config.get("model", {})
    return network_name(model.get("name", ""), model.get("widths", ()))


def noun(kind: str, number: int) -> str:
    """Return what one or several networks of a kind are called.

    Example:
        >>> noun("random_reinit", 2), noun("ticket_reorder", 1), noun("freeze", 2)
        ('random reinits', 'ticket reorder', 'freeze networks')
    """
    if kind.removesuffix(COPY) in LOOKS or plotting.noise_of(kind):
        return plotting.noun(kind, number)
    return f"{kind} network{'' if number == 1 else 's'}"


def failures(summary: "pd.DataFrame") -> list[str]:
    """Return sentences about the networks that diverged, collapsed or were not run."""
    failed = summary[summary["status"] != "ok"]
    sentences = []
    for (level, kind, status), rows in failed.groupby(["level", "kind", "status"]):
        verb = {"not_run": "was not run" if len(rows) == 1 else "were not run"}
        number = f"{len(rows)} {noun(kind, len(rows))}"
        which = ", ".join(_who(row) for row in rows.itertuples())
        sentences.append(
            f"Level {level}: {number} {verb.get(status, status)} ({which})."
        )
    return sentences


def _who(row: Any) -> str:
    if row.kind.endswith(COPY):
        return f"replicate {row.replicate} data order {row.draw}"
    draw = "" if row.kind == "ticket" else f" draw {row.draw}"
    return f"replicate {row.replicate}{draw}"


def _controls(kinds: Iterable[str]) -> list[str]:
    """Return the controls among some kinds in words, all strengths of noise as one."""
    kinds = [kind for kind in kinds if kind not in ("ticket", "chain")]
    noises = [f"{noise:g}" for noise in map(plotting.noise_of, kinds) if noise]
    words = [noun(kind, 2) for kind in kinds if not plotting.noise_of(kind)]
    if not noises:
        return words
    deviations = f"standard deviation{'' if noises == ['1'] else 's'}"
    return [*words, f"tickets with noise of {_enumerated(noises)} {deviations}"]


def _scale(run: "Run") -> str:
    """Say how initial weights are drawn, if not as usual."""
    std = run.config.get("model", {}).get("init_std")
    if std is None:
        return ""
    return f" (Gaussian, with a standard deviation of {std:g} in all layers)"


def _pruned(run: "Run") -> str:
    """Say which weights are pruned; a criterion of the user's may have words for it."""
    prune = run.config.get("prune", {})
    criterion = prune.get("criterion", "magnitude")
    known = CRITERIA.get(criterion)
    words = known.words if known else run.manifest.get("criterion", "")
    weights = f"the {words or f'weights of least {criterion} score'}"
    if prune.get("one_shot"):
        trained = " in the trained dense network" if criterion == "magnitude" else ""
        return f"more of {weights}{trained} are pruned"
    if prune.get("continued"):
        return (
            f"{weights} are pruned in a chain of networks that goes on from its trained"
            " weights"
        )
    return f"{weights} are pruned"


def _enumerated(words: Sequence[str]) -> str:
    """Return words as a list in a sentence."""
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def steps_of(run: "Run") -> int:
    """Return how many steps the dense networks of a run train."""
    return int(flat_numbers(run.config)["train.steps"])
