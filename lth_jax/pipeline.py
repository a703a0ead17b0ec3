"""The driver: data, network, levels, store; the only place that knows the order."""

import subprocess
import sys
import time
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple

from . import config as configs
from . import imp, models, outline, parallel, sources, store
from .config import Config, Variants
from .dataset import Splits
from .ensemble import Program, make_program, run_lanes
from .imp import Study
from .parallel import Plan
from .sources import Origin
from .train import check_fits

CHUNK_SECONDS = 1.0
"""Time between two looks at the progress bar, about."""
PACKAGES = ("lth-jax", "jax", "jaxlib", "flax", "optax", "numpy")


class Prepared(NamedTuple):
    """All that is known before training starts.

    Attributes:
        study: the config made concrete.
        splits: the data, on the host.
        origin: which copy of the data it is.
    """

    study: Study
    splits: Splits
    origin: Origin


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
            evaluations = -(-(done - self._done) // self._config.train.eval_every)
            rate = evaluations / max(now - self._then, 1e-6)
            self._chunk = max(1, int(CHUNK_SECONDS * rate))
        self._done, self._then = done, now
        return self._chunk

    def close(self) -> None:
        """Finish the bar."""
        self._bar.close()


def prepare(config: Config) -> Prepared:
    """Load the data, build the network, check everything.

    Args:
        config: one study.

    Raises:
        InputError: something is wrong; no work has been done.
    """
    config.validate()
    splits, origin = sources.load(config.data, config.seed)
    model = models.build(config.model, splits.train.x.shape[1:], splits.n_classes)
    check_fits(model, config.train, splits.train, splits.n_classes)
    return Prepared(imp.make_study(model, config), splits, origin)


def run_sweep(variants: Variants, experiment: str) -> Path:
    """Run the variants of a study one after the other, or go on with them.

    Args:
        variants: config by name.
        experiment: name of the sweep.

    Returns:
        The directory of the sweep; each variant has a run directory in it.

    Raises:
        InputError: something is wrong with a variant; found before any training.
    """
    path = configs.run_dir(variants, experiment)
    for config in variants.values():
        prepare(config)
    store.open_sweep(path, variants, experiment)
    for name, config in variants.items():
        run(config, experiment, path / name)
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
    prepared = prepare(config)
    study, path = prepared.study, path or configs.run_dir(config, experiment)
    plan = parallel.make_plan(config.plan, study.model, outline.widest_wave(config))
    manifest = store.open_run(path, config, _manifest(prepared, experiment, plan))
    plan = parallel.reuse(manifest["plan"], plan, config.plan)
    missing = _missing_levels(path, config)
    if not missing:
        print(f"{path} is complete: nothing to do.", file=sys.stderr)
        return path
    manifest["plan"] = plan._asdict()
    event = "started" if len(missing) > config.levels else "resumed"
    store.note(path, manifest, event, command=_command(), levels=missing)
    program = compile_lanes(study, plan)
    data = program.put_data(prepared.splits)
    progress = Progress(
        config, sum(t.level in missing for t in outline.trainings(config))
    )
    for wave in outline.waves(config):
        todo = [number for number in wave if number in missing]
        if not todo:
            continue
        progress.level(todo[0])
        source = outline.parent_of(config, todo[0])
        parent = None if source is None else store.read_chain(path, study, source)
        for level in imp.run_wave(
            study, todo, parent, lambda x: run_lanes(program, x, data, progress.pace)
        ):
            store.write_level(path, study, level)
            store.note(path, manifest, "level", level=level.number)
        if config.keep_final == "last" and source is not None:
            store.drop_final(path, source)
    if config.keep_final == "last":
        for number in range(config.levels):
            store.drop_final(path, number)
    progress.close()
    store.note(path, manifest, "finished")
    return path


def compile_lanes(study: Study, plan: Plan) -> Program:
    """Return the training program of a study under a plan."""
    return make_program(
        study.model,
        study.config.train,
        devices=parallel.plan_devices(plan),
        lanes_per_device=plan.lanes,
    )


def _missing_levels(path: Path, config: Config) -> list[int]:
    """Return the levels to train; says which of them were damaged."""
    missing = set()
    for number in range(config.levels + 1):
        problem = store.damage(path, number)
        if problem is not None:
            missing.add(number)
        if problem:
            print(f"Level {number} will be done again: {problem}.", file=sys.stderr)
    for number in sorted(missing, reverse=True):
        source = outline.parent_of(config, number)
        while source is not None and source not in missing:
            if store.has_final(path, source):
                break
            missing.add(source)
            source = outline.parent_of(config, source)
    return sorted(missing)


def _manifest(prepared: Prepared, experiment: str, plan: Plan) -> dict[str, Any]:
    config = prepared.study.config
    return {
        "schema": configs.SCHEMA,
        "experiment": experiment,
        "fingerprint": configs.fingerprint(config),
        "versions": {"python": sys.version.split()[0]} | _versions(),
        "devices": parallel.describe(),
        "plan": plan._asdict(),
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
