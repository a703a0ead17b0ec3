"""The command line: ``lth run``, ``report``, ``show``, ``claims``, ``anatomy``, ..."""

import importlib
import importlib.util
import json
import os
import re
import signal
import sys
from collections.abc import Callable, Sequence
from importlib import metadata
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

from ..config import Config, DataConfig, Variants, run_dir
from ..driver.interrupts import Terminated, leaving_at_the_second, say
from ..errors import InputError, LthError
from ..files import read_json
from . import terminal
from .experiment import Experiment, load_experiment

ExperimentName = Annotated[
    str, tyro.conf.Positional, tyro.conf.arg(metavar="EXPERIMENT")
]
RunPath = Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="RUN")]


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command.

    Args:
        argv: words after ``lth``; default: the process's.

    Returns:
        Exit code: 0 done, 1 failed, 2 bad input, 130/143 interrupted.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    if words == ["--version"]:
        terminal.show(f"lth-jax {metadata.version('lth-jax')}")
        return 0
    signal.signal(signal.SIGTERM, _terminate)
    with terminal.log_on_stderr():
        return _main(words)


def _main(words: list[str]) -> int:
    try:
        _check_words(words)
        with leaving_at_the_second():
            tyro.extras.subcommand_cli_from_dict(
                _commands(words), prog="lth", description=_DESCRIPTION, args=words
            )
    except InputError as error:
        terminal.complain(error)
        return 2
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (LthError, OSError) as error:
        terminal.complain(error)
        return 1
    except KeyboardInterrupt:
        return _interrupted(130)
    except Terminated:
        return _interrupted(143)
    return 0


_DESCRIPTION = (
    "Find winning tickets (Frankle & Carbin 2019). Start with: lth run digits"
)


def _terminate(signum: int, frame: Any) -> None:
    del signum, frame
    raise Terminated


def _interrupted(code: int) -> int:
    say("\nlth: interrupted. The same command goes on from what is stored.\n")
    return code


def _check_words(words: Sequence[str]) -> None:
    for word in words:
        if re.search("[\\0\\ud800-\\udfff]", word):
            raise InputError(f"{word!r} is no UTF-8 text, or holds a null.")


def _commands(words: Sequence[str]) -> dict[str, Callable[..., Any]]:
    return {
        "run": _run_command(words),
        "report": report,
        "show": show,
        "claims": claims,
        "anatomy": anatomy,
        "models": models,
        "list": list_,
        "data": data,
        "bench": bench,
    }


def _run_command(words: Sequence[str]) -> Callable[..., None]:
    """Return the run command with the defaults of the experiment in ``words``."""
    wanted = words[1] if len(words) > 1 and words[0] == "run" else "-"
    if wanted.startswith("-"):
        loaded = Experiment({"": Config()}, {})
    else:
        loaded = load_experiment(wanted, quick="--quick" in words)
    variants = loaded.variants
    default = next(iter(variants.values()))

    def run(
        experiment: ExperimentName,
        config: Annotated[Config, tyro.conf.arg(name="")] = default,
        quick: tyro.conf.FlagCreatePairsOff[bool] = False,
        dry_run: tyro.conf.FlagCreatePairsOff[bool] = False,
        only: str = "",
    ) -> None:
        """Run an experiment, or go on with it where it was interrupted.

        The last line printed is the run directory; report.html in it shows the
        result. Every setting can be changed below; `lth run EXPERIMENT --help` shows
        them with the experiment's own values.

        Args:
            experiment: file of an experiment, e.g. experiments/digits.py, or the name
                of one that comes with the package.
            config: settings; given here, they hold for every variant of a sweep.
            quick: a small form of the same study.
            dry_run: only say how many networks it trains, and what that costs.
            only: of a sweep, the variants whose name begins so.
        """
        del config
        if experiment != wanted or wanted.startswith("-"):
            raise InputError(f"Name the experiment first: lth run {experiment} ...")
        flags = _flags(words[2:])
        chosen = {
            name: tyro.cli(Config, default=variant, args=flags)
            for name, variant in variants.items()
            if name.startswith(only)
        }
        if not chosen:
            there = ", ".join(variants) or "none: it is one study"
            raise InputError(f"--only {only}: no variant begins so. There are {there}.")
        if "optimizer" in loaded.given:
            for variant, one in chosen.items():
                _check_optimizer_flags(variants[variant], one)
        _run(Path(experiment).stem, chosen, dict(loaded.given), dry_run)

    return run


def _check_optimizer_flags(before: Config, after: Config) -> None:
    """Refuse flags that an experiment's own optimizer makes of no effect."""
    from ..training.optim import Hyper

    for field in (*Hyper._fields, "drops"):
        if getattr(before.train, field) != getattr(after.train, field):
            raise InputError(
                f"train.{field} is changed, but the experiment has an optimizer of its"
                " own, which does not read it: change it there."
            )


def _flags(words: Sequence[str]) -> list[str]:
    """Return the words that set fields of configs."""
    flags = [word for word in words if word not in ("--quick", "--dry-run")]
    if "--only" in flags:
        where = flags.index("--only")
        del flags[where : where + 2]
    return [word for word in flags if not word.startswith("--only=")]


def _run(name: str, variants: Variants, given: dict[str, Any], dry_run: bool) -> None:
    from ..driver import devices
    from ..running import run_variants
    from ..sources.cache import root
    from ..study.given import with_given

    for config in variants.values():
        config.validate()
    first = next(iter(variants.values()))
    # Before anything of the user's touches JAX's backend.
    try:
        devices.use_host_devices(first.plan.devices)
    except InputError as error:
        raise InputError(
            f"{name}: JAX has computed something while the experiment was loaded."
            " Arrays are made in config(), model() or data(), not beside them."
        ) from error
    devices.keep_compiled(root(first.data) / "compiled")
    devices.check_platforms()
    values = {field: make() for field, make in given.items()}
    named = {key: with_given(one, **values) for key, one in variants.items()}
    variants = {key: config for key, (config, _) in named.items()}
    _, own = next(iter(named.values()))
    if dry_run:
        _print_estimate(name, variants, own)
        return
    done = run_variants(variants, name, own)
    for page in done.pages:
        terminal.show(f"Report: {page}")
    terminal.show(done.path)
    if done.problems:
        raise LthError("; ".join(done.problems))


def _print_estimate(name: str, variants: Variants, given: Any) -> None:
    from ..driver.estimate import estimate

    cost = estimate([*variants.values()], given)
    minutes = cost.seconds / 60
    config = variants[""] if "" in variants else variants
    terminal.show(
        f"Networks to train: {cost.trainings:,} ({cost.steps:,} steps in all)"
    )
    terminal.show(f"Memory:            {cost.memory / 1e6:,.0f} MB of arrays at a time")
    terminal.show(f"Disk:              {cost.disk / 1e6:,.0f} MB")
    terminal.show(
        f"Time:              about {minutes:,.1f} minutes here (measured briefly)"
    )
    terminal.show(f"Run directory:     {run_dir(config, name, cost.identities)}")


def report(runs: Annotated[tuple[Path, ...], tyro.conf.Positional]) -> None:
    """Make report.html and the figures of finished or unfinished runs.

    Args:
        runs: run directories.
    """
    from ..report.sweep import write_reports

    if not runs:
        raise InputError("Say which run: lth report RUN, e.g. runs/digits-....")
    for run in runs:
        for page in write_reports(run):
            terminal.show(page)


def show(
    run: RunPath, json_: Annotated[bool, tyro.conf.arg(name="json")] = False
) -> None:
    """Print one row per trained network of a run.

    Args:
        run: run directory.
        json_: print JSON, missing values as null.
    """
    from ..store.read import load_run

    summary = load_run(run).summary
    if json_:
        terminal.show(
            json.dumps([_json_row(r) for r in summary.to_dict("records")], indent=1)
        )
    else:
        terminal.show(summary.to_string(index=False))


def _json_row(row: dict[str, Any]) -> dict[str, Any]:
    import pandas as pd

    return {key: None if pd.isna(value) else value for key, value in row.items()}


def claims(
    runs: Annotated[tuple[Path, ...], tyro.conf.Positional] = (),
    json_: Annotated[bool, tyro.conf.arg(name="json")] = False,
    markdown: tyro.conf.FlagCreatePairsOff[bool] = False,
    null: tyro.conf.FlagCreatePairsOff[bool] = False,
) -> None:
    """Judge the claims of the papers by runs, those of one setting together.

    Args:
        runs: run directories.
        json_: print JSON, missing values as null.
        markdown: print a document.
        null: judge made-up networks instead: how often rules hold where nothing has any
            effect, and where the papers' numbers are true.
    """
    from .. import papers
    from ..judging import judge
    from ..report import claims as faces
    from ..store.read import load_run, load_variants

    if null:
        _print_null(json_)
        return
    if not runs:
        raise InputError("Say which run: lth claims RUN..., e.g. runs/lenet_mnist-....")
    parts = [list(load_variants(run).values()) or [load_run(run)] for run in runs]
    rows = judge([run for part in parts for run in part], papers.claims())
    if json_:
        records = [row.record() for row in rows]
        terminal.show(json.dumps(records, indent=1, allow_nan=False))
    elif markdown:
        terminal.show(faces.markdown(rows, [run.name for run in runs]).rstrip())
    else:
        for line in faces.lines(rows):
            terminal.show(line)


def _print_null(json_: bool) -> None:
    from .. import papers
    from ..judging.null import rates
    from ..report import claims as faces

    sizes = (5, 10)
    rows = (
        rates(claim, worlds, sizes=sizes)
        for claim, worlds in papers.claims_with_worlds()
        if claim.conditions
    )
    if json_:
        terminal.show(json.dumps([row._asdict() for row in rows], indent=1))
        return
    for line in faces.null_lines(rows, sizes):
        terminal.show(line)


def anatomy(
    runs: Annotated[tuple[Path, ...], tyro.conf.Positional],
    levels: tuple[int, ...] = (),
) -> None:
    """Take the tickets of runs apart: tables of their weights and connections.

    Makes the pages of the runs again, which show them.

    Args:
        runs: run directories.
        levels: which levels; default: those of the run's setting of that name, else
            those nearest to 100, 41, 17 and 7 % of the weights.
    """
    from ..driver.anatomy import write_anatomy
    from ..driver.devices import check_platforms
    from ..report.sweep import write_reports

    if not runs:
        raise InputError(
            "Say which run: lth anatomy RUN..., e.g. runs/lenet_mnist-...."
        )
    check_platforms()
    for run in runs:
        tables = write_anatomy(run, levels or None)
        for page in write_reports(run):
            terminal.show(f"Report: {page}")
        terminal.show(tables)


def models(json_: Annotated[bool, tyro.conf.arg(name="json")] = False) -> None:
    """List the networks with their numbers of parameters and prunable weights.

    Args:
        json_: print JSON.
    """
    from ..driver.devices import check_platforms
    from ..models import listed

    check_platforms()
    rows = listed()
    if json_:
        terminal.show(json.dumps(rows, indent=1))
        return
    for row in rows:
        terminal.show(
            "{name:<12} {parameters:>12,} parameters {prunable:>12,} prunable".format(
                **row
            )
        )


def list_(
    what: Annotated[
        Literal["criteria", "controls", "models", "optimizers", "experiments", "runs"],
        tyro.conf.Positional,
    ],
    folder: Annotated[Path | None, tyro.conf.Positional] = None,
    json_: Annotated[bool, tyro.conf.arg(name="json")] = False,
) -> None:
    """List what there is to choose from, or the runs in a folder.

    Args:
        what: criteria, controls, models, optimizers, experiments or runs.
        folder: of the runs, with `lth list runs`; default: runs.
        json_: print JSON.
    """
    from .listing import LISTS

    if folder is not None and what != "runs":
        raise InputError(f"lth list {what} looks into no folder: leave out {folder}.")
    rows = LISTS[what](folder or Path("runs"))
    if json_:
        terminal.show(json.dumps(rows, indent=1))
        return
    widths = {key: max(len(str(row[key])) for row in rows) for key in (rows or [{}])[0]}
    for row in rows:
        cells = (f"{row[key]!s:<{width}}" for key, width in widths.items())
        terminal.show("  ".join(cells).rstrip())


def data(
    action: Annotated[Literal["prepare"], tyro.conf.Positional],
    name: Annotated[str, tyro.conf.Positional],
    dir: str | None = None,
    cache: str | None = None,
) -> None:
    """Fetch a data set once, so that runs need neither network nor TensorFlow.

    Args:
        action: prepare.
        name: data set, e.g. mnist.
        dir: folder that holds the downloaded files already.
        cache: where the decoded arrays go; default: $LTH_CACHE_DIR, else
            ~/.cache/lth_jax.
    """
    from .. import sources

    del action
    terminal.show(sources.prepare(name, DataConfig(dir=dir, cache=cache)))


def bench(
    torch_python: str | None = None,
    pairs: int | None = None,
    out: Path = Path("benchmarks/results"),
    check: Path | None = None,
    only: str = "",
) -> None:
    """Measure speed beside PyTorch, a plain JAX loop and the limits of the machine.

    Takes tens of minutes, and wants an idle machine.

    Args:
        torch_python: interpreter that has PyTorch; default: this one, if it has.
        pairs: measurements of every row; default: 3 to 7, on accelerators 1.
        out: folder of the results.
        only: part of the names of the rows to take, e.g. "lenet step".
        check: results to compare with; exit code 1 if a ratio has grown by a quarter.
    """
    suite = importlib.import_module("lth_jax.benchmarks.suite")

    if torch_python is None and importlib.util.find_spec("torch"):
        torch_python = sys.executable
    if torch_python is None:
        terminal.show("No PyTorch: rows beside it are left out (--torch-python).")
    before = None if check is None else read_json(check)
    path = suite.run(torch_python, out, pairs, only)
    terminal.show(path)
    if before and (slower := suite.regressions(before, read_json(path))):
        raise LthError("slower than in " + "; ".join([str(check), *slower]))
