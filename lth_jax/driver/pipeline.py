"""The driver: data, network, levels, store; the only place that knows the order."""

import logging
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

from .. import config as configs
from ..config import Config, Variants
from ..errors import StoreError
from ..schema import CHECKPOINT
from ..store import write as store
from ..store.checkpoint import Checkpoints
from ..study import copies, networks
from ..study.find import Wave, find_tickets
from ..study.given import NOTHING, Given
from ..study.level import Level, Parent
from ..study.networks import LevelPlan
from ..study.study import Study, compiled
from ..types import FINAL, Trajectory
from . import devices, interrupts
from . import plan as plans
from .anatomy import check_begun
from .interrupts import Request
from .manifest import new_manifest
from .plan import Plan
from .prepare import Prepared, most_on_host, prepare, prepare_all
from .progress import Progress
from .provenance import command, git, uncommitted, versions
from .trainer import Training

log = logging.getLogger(__name__)


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


def run(
    config: Config, experiment: str, path: Path | None = None, given: Given = NOTHING
) -> Path:
    """Run a study, or go on with it after its last complete level.

    Args:
        config: one study.
        experiment: its name, the first part of the run directory's.
        path: run directory; default: named by experiment, config and given values.
        given: what the user gives as values, which the config names.

    Returns:
        The run directory.

    Raises:
        InputError: something is wrong with config, data or run directory; found before
            any training, and nothing stored is touched.
    """
    prepared = prepare(config, given)
    path = path or configs.run_dir(config, experiment, prepared.identities)
    check_begun(path, {"": config})
    groups = [_group({path: prepared})]
    with store.alone(path):
        _run(groups, experiment)
    return path


def run_sweep(variants: Variants, experiment: str, given: Given = NOTHING) -> Path:
    """Run the variants of a study, or go on with them.

    Variants that differ in nothing that a compiled training holds fixed, such as those
    of learning rates, train side by side as lanes of one program; the others one after
    the other.

    Args:
        variants: config by name.
        experiment: name of the sweep.
        given: what the user gives as values, of all variants.

    Returns:
        The directory of the sweep; each variant has a run directory in it.

    Raises:
        InputError: something is wrong with a variant; found before any training.
    """
    store.check_names(variants)
    prepared = dict(
        zip(variants, prepare_all([*variants.values()], given), strict=True)
    )
    identities = next(iter(prepared.values())).identities
    path = configs.run_dir(variants, experiment, identities)
    check_begun(path, variants)
    alike: dict[Any, dict[Path, Prepared]] = {}
    for name, one in prepared.items():
        alike.setdefault(compiled(one.study.config), {})[path / name] = one
    groups = [_group(studies) for studies in alike.values()]
    with store.alone(path, variants):
        for name, one in prepared.items():
            manifest = new_manifest(one, experiment)
            store.check_run(path / name, one.study.config, manifest)
        store.open_sweep(path, variants, experiment, identities)
        _run(groups, experiment)
    return path


def _group(studies: Mapping[Path, Prepared]) -> Group:
    study = next(iter(studies.values())).study
    known = [(one.study.config, one.study.plan) for one in studies.values()]
    widest = networks.widest_of(known)
    own = study.given.model is not None
    found = plans.candidates(study.config.plan, study.model, widest, own)
    return Group(studies, widest, found)


def _run(groups: Sequence[Group], experiment: str) -> None:
    """Open all run directories, then train what is missing in them."""
    opened = [
        [_open(path, one, experiment) for path, one in group.studies.items()]
        for group in groups
    ]
    places = [next(iter(group.studies)) / CHECKPOINT for group in groups]
    checkpoints = [Checkpoints(place) for place in places]
    with interrupts.deferred() as request:
        for group, runs, saved in zip(groups, opened, checkpoints, strict=True):
            with closing(saved):
                if todo := [one for one in runs if one.missing]:
                    _train(todo, group, saved, request)
                for one in runs:
                    _finish(one)
                saved.clear()


def _plan(group: Group, one: Opened) -> Plan:
    """Return the plan of a run that goes on, or choose one."""
    events = one.manifest["events"]
    halved = any(event.get("event") == "out_of_memory" for event in events)
    chosen = group.first.study.config.plan
    noted = one.manifest["plan"]
    stored = plans.stored_plan(noted, chosen, group.widest, halved)
    return stored or plans.choose(group.first, group.plans, group.widest)


def _open(path: Path, prepared: Prepared, experiment: str) -> Opened:
    config = prepared.study.config
    manifest = store.open_run(path, config, new_manifest(prepared, experiment))
    missing = _missing_levels(path, prepared.study)
    if not missing:
        log.info("%s is complete: nothing to do.", path)
    return Opened(path, prepared.study, manifest, missing)


def _train(
    runs: Sequence[Opened], group: Group, checkpoints: Checkpoints, request: Request
) -> None:
    """Train the missing levels of runs of a group, wave by wave, side by side."""
    prepared, plan = group.first, _plan(group, runs[0])
    for one in runs:
        _note_start(one, plan)

    def halved(plan: Plan) -> None:
        for one in runs:
            one.manifest["plan"] = plan._asdict()
            store.note(one.path, one.manifest, "out_of_memory", lanes=plan.lanes)

    studies = [one.study for one in runs]
    steps = networks.lengths((o.study.config, o.study.plan, o.missing) for o in runs)
    progress = Progress(runs[0].study.config, sum(steps.values()))
    known = [one.study for one in group.studies.values()]
    whole = networks.lengths((s.config, s.plan, range(len(s.plan))) for s in known)
    training = Training(
        prepared, plan, checkpoints, progress, request, halved, steps.keys(), whole
    )

    def parts(wave: Wave) -> Iterator[Wave]:
        if wave:
            progress.level(min(number for _, number in wave))
            yield from _fitting(wave, studies, most_on_host(prepared.study.model))

    # How often the level of each network is still to be stored.
    left = Counter(name for one in runs for n in one.missing for name in _names(one, n))
    for i, level in find_tickets(
        studies,
        [Stored(one, training) for one in runs],
        training.train,
        parts,
        lambda i, number: number in runs[i].missing,
    ):
        left.subtract(_names(runs[i], level.number))
        training.forget([name for name, users in left.items() if users <= 0])
    progress.close()


def _names(one: Opened, number: int) -> list[str]:
    return networks.names(one.study.config, one.study.plan[number].networks)


def _fitting(wave: Wave, studies: Sequence[Study], most: int) -> Iterator[Wave]:
    """Yield studies, in order, of whose networks the host's memory holds all at once.

    A study whose networks are too many already stays whole.
    """
    some: list[tuple[int, int]] = []
    for study in dict.fromkeys(i for i, _ in wave):
        mine = [one for one in wave if one[0] == study]
        wanted = networks.lengths(
            (studies[i].config, studies[i].plan, [n]) for i, n in [*some, *mine]
        )
        if some and len(wanted) > most:
            yield some
            some = []
        some = [*some, *mine]
    yield some


class Stored:
    """What a study remembers of its levels: its run directory."""

    def __init__(self, one: Opened, training: Training) -> None:
        """Remember what the run directory holds."""
        self._one, self._training = one, training
        self._read: dict[int, Parent] = {}

    def parent(self, number: int) -> Parent:
        """Read back what the pruning after a level needs."""
        if number not in self._read:  # The last one only: weights are large.
            read = store.read_chain(self._one.path, self._one.study, number)
            self._read = {number: read}
        return self._read[number]

    def trajectory(self) -> Trajectory:
        """Read back the dense networks' snapshots."""
        return store.read_trajectory(self._one.path, self._one.study)

    def keep(self, level: Level) -> None:
        """Compare the copies of a level and write it, with a note.

        Final weights that nothing needs any more are dropped.
        """
        one, config = self._one, self._one.study.config
        comparison = ()
        if copies.copied_kinds(level.plan):
            dense = self.trajectory()[FINAL]
            comparison = self._training.compare(one.study, level, dense)
        store.write_level(one.path, one.study, level, comparison)
        for lane, step in level.failures.items():
            words = lane._asdict() | {"step": step}
            store.note(one.path, one.manifest, "diverged", **words)
            log.warning(
                "%s: level %d, %s %d of replicate %d diverged at step %d.",
                one.path,
                lane.level,
                lane.kind,
                lane.draw,
                lane.replicate,
                step,
            )
        store.note(one.path, one.manifest, "level", level=level.number)
        if config.keep_final == "last":
            self._drop_unneeded(level.plan)

    def _drop_unneeded(self, level: LevelPlan) -> None:
        one, source = self._one, level.parent
        later = [n for n in one.missing if n > level.number]
        needed = any(one.study.plan[n].parent == source for n in later)
        needed |= source == 0 and one.study.config.stability.orders > 1 and bool(later)
        if source is not None and not needed and store.has_final(one.path, source):
            store.drop_final(one.path, source)


def _finish(one: Opened) -> None:
    """Drop what a complete run needs no more and note its end, unless that is done."""
    events = one.manifest["events"]
    if events and events[-1].get("event") == "finished":
        return
    if one.study.config.keep_final == "last":
        for number in range(one.study.config.levels):
            store.drop_final(one.path, number)
    store.note(one.path, one.manifest, "finished")


def _note_start(one: Opened, plan: Plan) -> None:
    """Note with what a run starts or goes on, and say what is not as it was."""
    words: dict[str, Any] = {"command": command(), "levels": one.missing}
    known = one.manifest["events"]
    if known:
        now = {"versions": versions(), "devices": devices.describe(), "git": git()}
        changed = {k: v for k, v in now.items() if one.manifest[k] != v}
        words |= {"changed": changed} if changed else {}
        for name, value in changed.items():
            before = one.manifest[name]
            log.warning(
                "%s was begun with other %s: %s there, %s here.",
                one.path,
                name,
                before,
                value,
            )
    one.manifest["plan"] = plan._asdict()
    store.keep_uncommitted(one.path, uncommitted())
    store.note(one.path, one.manifest, "resumed" if known else "started", **words)


def _missing_levels(path: Path, study: Study) -> list[int]:
    """Return the levels to train, and say which of them were damaged."""
    missing = set()
    for level in study.plan:
        problem = store.damage(path, level.number)
        if problem is not None:
            missing.add(level.number)
        if problem:
            log.warning("Level %d will be done again: %s.", level.number, problem)
    # A level whose parent was dropped or is damaged needs the parent done again, and
    # so on downwards, until one is there or there is nothing to wait for.
    for number in sorted(missing, reverse=True):
        source = study.plan[number].waits
        while source is not None and source not in missing:
            if store.has_final(path, source) and _can(
                source, store.read_chain, path, study, source
            ):
                break
            missing.add(source)
            source = study.plan[source].waits
    if (
        missing
        and 0 not in missing
        and any(study.plan[number].waits is not None for number in missing)
        and not _can(0, store.read_trajectory, path, study)
    ):
        missing.add(0)
    return sorted(missing)


def _can(number: int, read: Callable[..., Any], *args: Any) -> bool:
    """Tell whether what later levels need of a level can be read; warn if not."""
    try:
        read(*args)
    except StoreError as error:
        log.warning("Level %d will be done again: %s.", number, error)
        return False
    return True
