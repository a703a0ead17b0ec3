"""The driver: data, network, levels, store; the only place that knows the order."""

import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from importlib import metadata
from itertools import zip_longest
from pathlib import Path
from typing import Any, NamedTuple

from . import config as configs
from . import imp, optim, outline, parallel, planning, store
from .config import Config, Variants
from .ensemble import run_lanes
from .errors import StoreError
from .imp import Study
from .parallel import Plan
from .planning import compile_lanes
from .prepare import Prepared, prepare, prepare_all

CHUNK_SECONDS = 1.0
"""Time between two looks at the progress bar, about."""
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

    @property
    def trainings(self) -> int:
        """Number of networks to train."""
        everything = outline.trainings(self.study.config)
        return sum(lane.level in self.missing for lane in everything)


class Progress:
    """A progress bar over training steps, and the pace of the chunks between."""

    def __init__(self, config: Config, trainings: int) -> None:
        """Start a bar over the steps of so many trainings."""
        from tqdm.auto import tqdm

        self._config = config
        self._bar = tqdm(
            total=trainings * config.train.steps,
            unit=" steps",
            unit_scale=True,
            disable=not config.progress,
        )
        self._done, self._then, self._chunk = 0, time.monotonic(), 1

    def level(self, number: int) -> None:
        """Say which level is being trained."""
        self._bar.set_description(f"level {number}/{self._config.levels}")

    def pace(self, done: int, lanes: int) -> int:
        """Advance the bar; choose the next chunk to last about `CHUNK_SECONDS`."""
        now = time.monotonic()
        if done > self._done:
            self._bar.update((done - self._done) * lanes)
            rate = (done - self._done) / max(now - self._then, 1e-6)
            self._chunk = max(1, int(CHUNK_SECONDS * rate))
        self._done, self._then = done, now
        return self._chunk

    def close(self) -> None:
        """Finish the bar."""
        self._bar.close()


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
    prepared = dict(zip(variants, prepare_all([*variants.values()]), strict=True))
    for name, one in prepared.items():
        store.check_run(path / name, one.study.config, _manifest(one, experiment))
    store.open_sweep(path, variants, experiment)
    groups: dict[Any, dict[str, Prepared]] = {}
    for name, one in prepared.items():
        groups.setdefault(_compiled(one.study.config), {})[name] = one
    opened = [
        _open({path / name: one for name, one in group.items()}, experiment)
        for group in groups.values()
    ]
    _run(opened)
    return path


def _compiled(config: Config) -> Any:
    """Return what a compiled training holds fixed, its data and plan among it."""
    train = optim.static(config.train)
    return config.data, config.seed, config.model, train, config.plan


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
    _run([_open({path: prepare(config)}, experiment)])
    return path


class Group(NamedTuple):
    """Studies whose trainings share a compilation.

    Attributes:
        first: one of them.
        widest: networks of the largest wave of all together.
        plans: candidates.
        opened: those with levels to train.
    """

    first: Prepared
    widest: int
    plans: Sequence[Plan]
    opened: Sequence[Opened]


def _open(studies: Mapping[Path, Prepared], experiment: str) -> Group:
    """Open run directories of studies that share a compilation; nothing is trained."""
    first = next(iter(studies.values()))
    widest = sum(outline.widest_wave(one.study.config) for one in studies.values())
    plans = parallel.candidates(first.study.config.plan, first.study.model, widest)
    opened = []
    for path, one in studies.items():
        config = one.study.config
        manifest = store.open_run(path, config, _manifest(one, experiment))
        missing = _missing_levels(path, one.study)
        if missing:
            opened.append(Opened(path, one.study, manifest, missing))
        else:
            print(f"{path} is complete: nothing to do.", file=sys.stderr)
    return Group(first, widest, plans, opened)


def _run(groups: Sequence[Group]) -> None:
    for first, widest, plans, opened in groups:
        if opened:
            chosen = first.study.config.plan
            plan = parallel.stored_plan(opened[0].manifest["plan"], chosen)
            _train(opened, first, plan or planning.choose(first, plans, widest))


def _train(runs: Sequence[Opened], prepared: Prepared, plan: Plan) -> None:
    """Train the missing levels of runs, wave by wave, side by side."""
    for one in runs:
        one.manifest["plan"] = plan._asdict()
        event = "resumed" if len(one.missing) <= one.study.config.levels else "started"
        words = {"command": _command(), "levels": one.missing}
        store.note(one.path, one.manifest, event, **words)
    program = compile_lanes(prepared, plan)
    data = program.put_data(prepared.splits)
    progress = Progress(runs[0].study.config, sum(one.trainings for one in runs))
    waves = [outline.waves(one.study.config) for one in runs]
    for numbers in zip_longest(*waves, fillvalue=[]):
        todo = [
            (one, [n for n in wave if n in one.missing])
            for one, wave in zip(runs, numbers, strict=True)
        ]
        todo = [(one, levels) for one, levels in todo if levels]
        if not todo:
            continue
        progress.level(todo[0][1][0])
        joined = [_wave(one, levels) for one, levels in todo]
        for i, level in imp.run_waves(
            joined, lambda lanes: run_lanes(program, lanes, data, progress.pace)
        ):
            _store(todo[i][0], level)
    for one in runs:
        if one.study.config.keep_final == "last":
            for number in range(one.study.config.levels):
                store.drop_final(one.path, number)
        store.note(one.path, one.manifest, "finished")
    progress.close()


def _wave(one: Opened, levels: Sequence[int]) -> imp.Wave:
    source = outline.parent_of(one.study.config, levels[0])
    parent = None if source is None else store.read_chain(one.path, one.study, source)
    return imp.Wave(one.study, levels, parent)


def _store(one: Opened, level: imp.Level) -> None:
    """Write a level; drop the final weights that nothing needs any more."""
    config = one.study.config
    store.write_level(one.path, one.study, level)
    store.note(one.path, one.manifest, "level", level=level.number)
    source = outline.parent_of(config, level.number)
    needed = any(
        outline.parent_of(config, n) == source for n in one.missing if n > level.number
    )
    if config.keep_final == "last" and source is not None and not needed:
        store.drop_final(one.path, source)


def _missing_levels(path: Path, study: Study) -> list[int]:
    """Return the levels to train; says which of them were damaged."""
    config, missing = study.config, set()
    for number in range(config.levels + 1):
        problem = store.damage(path, number)
        if problem is not None:
            missing.add(number)
        if problem:
            print(f"Level {number} will be done again: {problem}.", file=sys.stderr)
    for number in sorted(missing, reverse=True):
        source = outline.parent_of(config, number)
        while source is not None and source not in missing:
            if store.has_final(path, source) and _is_chain(path, study, source):
                break
            missing.add(source)
            source = outline.parent_of(config, source)
    return sorted(missing)


def _is_chain(path: Path, study: Study, number: int) -> bool:
    """Tell whether a level's arrays are what its pruning needs; says what is not."""
    try:
        store.read_chain(path, study, number)
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
        "versions": {"python": sys.version.split()[0]} | _versions(),
        "devices": parallel.describe(),
        "plan": {},
        "data": {"name": config.data.name} | prepared.origin._asdict(),
        "git": _git(),
        "events": [],
    }


def _versions() -> dict[str, str]:
    return {name: metadata.version(name) for name in PACKAGES}


def _git() -> dict[str, Any] | None:
    def ask(*words: str) -> str:
        command = ["git", "-C", str(Path(__file__).parent), *words]
        return subprocess.run(
            command, capture_output=True, text=True, check=True
        ).stdout.strip()

    try:
        changed = ask("status", "--porcelain", "--untracked-files=no")
        return {"commit": ask("rev-parse", "HEAD"), "changed": bool(changed)}
    except (OSError, subprocess.CalledProcessError):
        return None


def _command() -> str:
    return " ".join([Path(sys.argv[0]).name, *sys.argv[1:]])
