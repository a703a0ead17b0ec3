"""The driver: data, network, levels, store; the only place that knows the order."""

import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from importlib import metadata
from itertools import zip_longest
from pathlib import Path
from typing import Any, NamedTuple

from .. import config as configs
from ..config import Config, Variants
from ..errors import StoreError
from ..store import write
from ..store.checkpoint import Checkpoints
from ..study import copies, networks
from ..study import waves as imp
from ..study.level import Level
from ..study.rows import Row
from ..study.waves import Study
from ..types import FINAL
from . import devices, interrupts
from . import plan as planning
from .devices import Plan
from .interrupts import Request
from .prepare import Prepared, most_on_host, prepare, prepare_all
from .trainer import Progress, Training

CHECKPOINT = "checkpoint"
"""Name of the folder of checkpoints in a run directory."""
PACKAGES = ("lth-jax", "jax", "jaxlib", "flax", "optax", "numpy")


class Opened(NamedTuple):
    """A run directory in which levels are to be trained.

    Attributes:
        path: the run directory.
        study: what it is of.
        manifest: its notes.
        missing: levels to train.
    """

    path: Path
    study: Study
    manifest: dict[str, Any]
    missing: list[int]


def run_sweep(variants: Variants, experiment: str) -> Path:
    """Run the variants of a study, or go on with them.

    Variants that differ in nothing that a compiled training holds fixed, such as those
    of learning rates, train side by side as lanes of one program; the others one after
    the other.

    Args:
        variants: config by name.
        experiment: name of the sweep.

    Returns:
        The directory of the sweep; each variant has a run directory in it.

    Raises:
        InputError: something is wrong with a variant; found before any training.
    """
    path = configs.run_dir(variants, experiment)
    write.check_names(variants)
    prepared = dict(zip(variants, prepare_all([*variants.values()]), strict=True))
    alike: dict[Any, dict[Path, Prepared]] = {}
    for name, one in prepared.items():
        alike.setdefault(networks.compiled(one.study.config), {})[path / name] = one
    groups = [_group(studies) for studies in alike.values()]
    with write.alone(path):
        for name, one in prepared.items():
            write.check_run(path / name, one.study.config, _manifest(one, experiment))
        write.open_sweep(path, variants, experiment)
        _run(groups, experiment)
    return path


def run(config: Config, experiment: str, path: Path | None = None) -> Path:
    """Run a study, or go on with it after its last complete level.

    Args:
        config: one study.
        experiment: its name, the first part of the run directory's.
        path: run directory; default: named by experiment and config.

    Returns:
        The run directory.

    Raises:
        InputError: something is wrong with config, data or run directory; found before
            any training, and nothing stored is touched.
    """
    path = path or configs.run_dir(config, experiment)
    groups = [_group({path: prepare(config)})]
    with write.alone(path):
        _run(groups, experiment)
    return path


class Group(NamedTuple):
    """Studies whose trainings share a compilation.

    Attributes:
        studies: by run directory.
        widest: networks of the largest wave of all together.
        plans: candidates.
    """

    studies: Mapping[Path, Prepared]
    widest: int
    plans: Sequence[Plan]

    @property
    def first(self) -> Prepared:
        """One of the studies, for what they share."""
        return next(iter(self.studies.values()))


def _group(studies: Mapping[Path, Prepared]) -> Group:
    first = next(iter(studies.values())).study
    widest = networks.widest_of([one.study.config for one in studies.values()])
    plans = devices.candidates(first.config.plan, first.model, widest)
    return Group(studies, widest, plans)


def _run(groups: Sequence[Group], experiment: str) -> None:
    """Open all run directories, then train what is missing in them."""
    opened = [
        [_open(path, one, experiment) for path, one in group.studies.items()]
        for group in groups
    ]
    with interrupts.deferred() as request:
        for group, runs in zip(groups, opened, strict=True):
            with closing(Checkpoints(next(iter(group.studies)) / CHECKPOINT)) as saved:
                if todo := [one for one in runs if one.missing]:
                    _train(todo, group.first, _plan(group, todo[0]), saved, request)
                for one in runs:
                    _finish(one)
                saved.clear()


def _plan(group: Group, one: Opened) -> Plan:
    """Return the plan of a run that goes on, or choose one."""
    events = one.manifest["events"]
    halved = any(event.get("event") == "out_of_memory" for event in events)
    chosen = group.first.study.config.plan
    stored = devices.stored_plan(one.manifest["plan"], chosen, halved)
    return stored or planning.choose(group.first, group.plans, group.widest)


def _open(path: Path, prepared: Prepared, experiment: str) -> Opened:
    config = prepared.study.config
    manifest = write.open_run(path, config, _manifest(prepared, experiment))
    missing = _missing_levels(path, prepared.study)
    if not missing:
        print(f"{path} is complete: nothing to do.", file=sys.stderr)
    return Opened(path, prepared.study, manifest, missing)


def _train(
    runs: Sequence[Opened],
    prepared: Prepared,
    plan: Plan,
    checkpoints: Checkpoints,
    request: Request,
) -> None:
    """Train the missing levels of runs, wave by wave, side by side."""
    for one in runs:
        _note_start(one, plan)

    def halved(plan: Plan) -> None:
        for one in runs:
            one.manifest["plan"] = plan._asdict()
            write.note(one.path, one.manifest, "out_of_memory", lanes=plan.lanes)

    steps = networks.lengths((one.study.config, one.missing) for one in runs)
    progress = Progress(runs[0].study.config, sum(steps.values()))
    training = Training(
        prepared, plan, checkpoints, progress, request, halved, steps.keys()
    )
    waves = [networks.waves(one.study.config) for one in runs]
    for numbers in zip_longest(*waves, fillvalue=[]):
        todo = [
            (one, [n for n in wave if n in one.missing])
            for one, wave in zip(runs, numbers, strict=True)
        ]
        todo = [(one, levels) for one, levels in todo if levels]
        if not todo:
            continue
        progress.level(todo[0][1][0])
        left = Counter(
            name
            for one, levels in todo
            for level in levels
            for name in networks.level_names(one.study.config, level)
        )
        for some in _fitting(todo, most_on_host(prepared.study.model)):
            _train_wave(some, training, left)
    progress.close()


Todo = Sequence[tuple[Opened, list[int]]]
"""Levels of runs that train side by side."""


def _fitting(todo: Todo, most: int) -> Iterator[Todo]:
    """Yield studies, in order, of whose networks the host's memory holds all at once.

    A study whose networks are too many already stays whole.
    """
    some: list[tuple[Opened, list[int]]] = []
    for one in todo:
        wanted = networks.lengths((run.study.config, n) for run, n in [*some, one])
        if some and len(wanted) > most:
            yield some
            some = []
        some = [*some, one]
    yield some


def _train_wave(todo: Todo, training: Training, left: Counter[str]) -> None:
    """Train levels, compare their copies and store them, each when it is complete.

    Args:
        todo: levels of runs.
        training: of their networks.
        left: how often the level of each network is still to be stored.
    """
    joined = [_wave(one, levels) for one, levels in todo]
    for i, level in imp.run_waves(joined, training.train):
        (one, _), dense = todo[i], joined[i].dense
        copied = copies.copied_kinds(one.study.config, level.number)
        comparison = training.compare(one.study, level, dense[FINAL]) if copied else ()
        _store(one, level, comparison)
        left.subtract(networks.level_names(one.study.config, level.number))
        training.forget([name for name, users in left.items() if not users])


def _finish(one: Opened) -> None:
    """Drop what a complete run needs no more and note its end, unless that is done."""
    events = one.manifest["events"]
    if events and events[-1].get("event") == "finished":
        return
    if one.study.config.keep_final == "last":
        for number in range(one.study.config.levels):
            write.drop_final(one.path, number)
    write.note(one.path, one.manifest, "finished")


def _note_start(one: Opened, plan: Plan) -> None:
    """Note with what a run starts or goes on, and say what is not as it was."""
    words = {"command": _command(), "levels": one.missing}
    known = one.manifest["events"]
    if known:
        now = {"versions": _versions(), "devices": devices.describe(), "git": _git()}
        changed = {k: v for k, v in now.items() if one.manifest[k] != v}
        words |= {"changed": changed} if changed else {}
        for name, value in changed.items():
            print(
                f"{one.path} was begun with other {name}: {one.manifest[name]} there,"
                f" {value} here.",
                file=sys.stderr,
            )
    one.manifest["plan"] = plan._asdict()
    write.note(one.path, one.manifest, "resumed" if known else "started", **words)


def _wave(one: Opened, levels: Sequence[int]) -> imp.Wave:
    source = networks.parent_of(one.study.config, levels[0])
    if source is None:
        return imp.Wave(one.study, levels)
    parent = write.read_chain(one.path, one.study, source)
    dense = write.read_trajectory(one.path, one.study)
    return imp.Wave(one.study, levels, parent, dense)


def _store(one: Opened, level: Level, comparison: Sequence[Sequence[Row]]) -> None:
    """Write a level; drop the final weights that nothing needs any more."""
    config = one.study.config
    write.write_level(one.path, one.study, level, comparison)
    for lane, step in level.failures.items():
        words = lane._asdict() | {"step": step}
        write.note(one.path, one.manifest, "diverged", **words)
        print(
            f"{one.path}: level {lane.level}, {lane.kind} {lane.draw} of replicate"
            f" {lane.replicate} diverged at step {step}.",
            file=sys.stderr,
        )
    write.note(one.path, one.manifest, "level", level=level.number)
    source = networks.parent_of(config, level.number)
    later = [n for n in one.missing if n > level.number]
    needed = any(networks.parent_of(config, n) == source for n in later)
    needed |= source == 0 and config.stability.orders > 1 and bool(later)
    if config.keep_final == "last" and source is not None and not needed:
        write.drop_final(one.path, source)


def _missing_levels(path: Path, study: Study) -> list[int]:
    """Return the levels to train; says which of them were damaged."""
    config, missing = study.config, set()
    for number in range(config.levels + 1):
        problem = write.damage(path, number)
        if problem is not None:
            missing.add(number)
        if problem:
            print(f"Level {number} will be done again: {problem}.", file=sys.stderr)
    for number in sorted(missing, reverse=True):
        source = networks.parent_of(config, number)
        while source is not None and source not in missing:
            if write.has_final(path, source) and _can(
                source, write.read_chain, path, study, source
            ):
                break
            missing.add(source)
            source = networks.parent_of(config, source)
    if missing and 0 not in missing and not _can(0, write.read_trajectory, path, study):
        missing.add(0)
    return sorted(missing)


def _can(number: int, read: Callable[..., Any], *args: Any) -> bool:
    """Tell whether what later levels need of a level can be read; says what cannot."""
    try:
        read(*args)
    except StoreError as error:
        print(f"Level {number} will be done again: {error}.", file=sys.stderr)
        return False
    return True


def _manifest(prepared: Prepared, experiment: str) -> dict[str, Any]:
    config = prepared.study.config
    return {
        "schema": configs.SCHEMA,
        "experiment": experiment,
        "fingerprint": configs.fingerprint(config),
        "versions": _versions(),
        "devices": devices.describe(),
        "plan": {},
        "data": {"name": config.data.name} | prepared.origin._asdict(),
        "git": _git(),
        "events": [],
    }


def _versions() -> dict[str, str]:
    packages = {name: metadata.version(name) for name in PACKAGES}
    return {"python": sys.version.split()[0]} | packages


def _git() -> dict[str, Any] | None:
    def ask(*words: str) -> str:
        command = ["git", "-C", str(Path(__file__).parent), *words]
        return subprocess.run(
            command, capture_output=True, text=True, check=True
        ).stdout.strip()

    try:
        ask("ls-files", "--error-unmatch", Path(__file__).name)
        changed = ask("status", "--porcelain", "--untracked-files=no")
        return {"commit": ask("rev-parse", "HEAD"), "changed": bool(changed)}
    except (OSError, subprocess.CalledProcessError):
        return None


def _command() -> str:
    return " ".join([Path(sys.argv[0]).name, *sys.argv[1:]])
