"""Where runs rewind pruned networks to: as steps, and in words."""

import json
from collections.abc import Iterable, Mapping
from itertools import takewhile
from typing import Any, NamedTuple

from ..config import RewindConfig, TrainConfig
from ..errors import InputError
from ..store.read import Run
from ..types import END, FINAL


def rewinding_of(run: Run) -> tuple[Any, Any, int]:
    """Return step of the weights (or final), clock (or end) and number of steps."""
    steps = run.config.get("train", {}).get("steps", TrainConfig().steps)
    return RewindConfig(**run.config.get("rewind", {})).resolved(steps)


def last_step(run: Run, level: int) -> float:
    """Return the step at which training at a level ends, counted as in tables.

    See `lth_jax.study.networks.LevelPlan`, of which a run that is read may lack some.
    """
    steps = run.config.get("train", {}).get("steps", TrainConfig().steps)
    if level == 0:
        return steps
    _, clock, more = rewinding_of(run)
    if clock != END:
        return clock + more
    # Fine-tuning goes on where the level before has ended; one-shot, the dense network.
    one_shot = run.config.get("prune", {}).get("one_shot")
    return steps + (1 if one_shot else level) * more


def rewind_step(run: Run) -> int | None:
    """Return the step to which a run sets back both weights and schedule.

    It is 0 by the lottery ticket hypothesis as first stated, and None if weights and
    schedule go to different places.
    """
    weights, clock, _ = rewinding_of(run)
    return weights if weights == clock else None


def by_step(runs: Mapping[str, Run]) -> dict[int, Run]:
    """Return the runs of a sweep over rewind steps, by step, in order.

    Runs that do something else with the weights are left out.

    Args:
        runs: by variant.

    Returns:
        At least two runs that differ in the step alone; empty if they are not.
    """
    asked = [(rewind_step(run), run) for run in runs.values()]
    found = [run for step, run in asked if step is not None]
    steps = {step: run for step, run in asked if step is not None}
    is_sweep = len(found) == len(steps) >= 2 and are_alike(found)
    return dict(sorted(steps.items())) if is_sweep else {}


def sweep_of(runs: Mapping[str, Run]) -> dict[int, Run]:
    """Return what `by_step` does, for figures that show no other runs.

    Raises:
        InputError: the runs are no sweep over rewind steps.
    """
    steps = by_step(runs)
    if not steps:
        raise InputError(
            "This figure shows runs by name that differ in the step of rewind.weights"
            f" alone, at least two; these are not: {', '.join(map(repr, runs))}."
        )
    return steps


def are_alike(runs: Iterable[Run]) -> bool:
    """Tell whether runs differ in nothing that trains or prunes the dense network."""
    return len({_dense_setting(run) for run in runs}) <= 1


def parts(runs: Mapping[str, Run]) -> dict[str, dict[str, Run]]:
    """Return the runs of a sweep that are alike, named by the words that they share.

    Args:
        runs: by variant, such as ``lenet_k0``, ``lenet_k100``, ``vgg19_k0``, ...

    Returns:
        Parts of at least two runs; empty if all runs are alike.
    """
    groups: dict[str, dict[str, Run]] = {}
    for name, run in runs.items():
        groups.setdefault(_dense_setting(run), {})[name] = run
    named: dict[str, dict[str, Run]] = {}
    for group in groups.values():
        if 1 < len(group) < len(runs):
            shared = _words_shared(group)
            free = shared and shared not in named
            named[shared if free else next(iter(group))] = group
    return named


def _dense_setting(run: Run) -> str:
    names = ("data", "model", "train", "prune", "seed")
    return json.dumps([run.config.get(name) for name in names], sort_keys=True)


def _words_shared(names: Iterable[str]) -> str:
    """Return the first words that names have in common.

    Example:
        >>> _words_shared(["lenet_dense_k0", "lenet_dense_k100"])
        'lenet_dense'
    """
    words = zip(*(name.split("_") for name in names), strict=False)
    same = takewhile(lambda each: len(set(each)) == 1, words)
    return "_".join(each[0] for each in same)


class Retraining(NamedTuple):
    """How pruned networks are trained again, in words.

    Attributes:
        method: without the step, e.g. ``weight rewinding``.
        words: with the step, e.g. ``weight rewinding to step 500``.
        sentence: what happens to the weights that remain; it follows "they".
    """

    method: str
    words: str
    sentence: str


def retraining(run: Run) -> Retraining:
    """Return in words how the pruned networks of a run are trained again."""
    weights, clock, steps = rewinding_of(run)
    if weights == FINAL and clock == END:
        return Retraining(
            method="fine-tuning",
            words=f"fine-tuning for {steps:,} steps",
            sentence=f"keep their trained weights and are trained on for {steps:,}"
            " steps at the last learning rate (fine-tuning)",
        )
    if weights == FINAL:
        return Retraining(
            method="learning-rate rewinding",
            words=f"learning-rate rewinding to step {clock:,}",
            sentence="keep their trained weights; the learning rate goes back to step"
            f" {clock:,}, from where they are trained again (learning-rate rewinding)",
        )
    values = f"values at step {weights:,}" if weights else "first values"
    back = f"are set back to their {values} and trained again"
    if weights == clock:
        return Retraining(
            method="weight rewinding",
            words=f"weight rewinding to step {weights:,}",
            sentence=f"{back} from there" if weights else back,
        )
    schedule = "last learning rate" if clock == END else f"schedule of step {clock:,}"
    rate = "stays the last one" if clock == END else f"goes back to step {clock:,}"
    return Retraining(
        method="mixed rewinding",
        words=f"weights of step {weights:,}, {schedule}",
        sentence=f"{back}; the learning rate {rate}",
    )


def method(run: Run) -> str:
    """Return in words how pruned networks are trained again, without the step."""
    return retraining(run).method


def in_words(run: Run) -> str:
    """Return in words how pruned networks are trained again, with the step."""
    return retraining(run).words
