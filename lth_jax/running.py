"""Run a study from its config to its page: what ``lth run`` does."""

import dataclasses
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import optax

from .config import Config, Variants
from .driver import pipeline
from .driver.anatomy import write_asked
from .errors import InputError, StoreError
from .study.given import NOTHING, Given, with_given
from .training.dataset import Splits
from .training.loop import AfterStep
from .types import Control, Criterion, Model, Score


def run(
    config: Config | Variants,
    name: str = "study",
    *,
    model: Model | None = None,
    splits: Splits | None = None,
    criterion: Score | Criterion | None = None,
    controls: Mapping[str, Control] | None = None,
    optimizer: optax.GradientTransformation | None = None,
    after_step: AfterStep | None = None,
    out: str | Path | None = None,
    report: bool = True,
) -> Path:
    """Run a study, or go on with it where it was interrupted, into a run directory.

    The run directory is ``<out>/<name>-<fingerprint>``: the fingerprint is of all
    settings that change numbers and of the values given here (see
    `lth_jax.study.given.identities`), so the same call goes on with the same run, and
    another network, criterion or optimizer is another run. What the package reads back,
    shows and judges works with it: `lth_jax.load_run`, ``lth show``, ``lth report``,
    ``lth anatomy``.

    Args:
        config: one study, or the variants of a sweep by name.
        name: the first part of the run directory's name.
        model: your network, in place of ``config.model``.
        splits: your data, e.g. from `lth_jax.from_arrays`, in place of ``config.data``.
        criterion: evidence -> scores, in place of ``config.prune.criterion``.
        controls: ``{name: (key, ticket) -> ticket}``, in addition to the config's.
        optimizer: any optax optimizer, with its own learning rate.
        after_step: ``(state, gradients, step, key) -> state``, called after every
            update: it may change the mask.
        out: folder that holds the run directories; default: ``config.out``.
        report: write report.html and the figures too.

    Returns:
        The run directory.

    Raises:
        InputError: something is wrong with config, values, data or run directory; found
            before any training.

    Example:
        >>> import tempfile
        >>> import lth_jax as lth
        >>> model = lth.lenet((8, 8, 1), widths=(5,))
        >>> train, prune = lth.TrainConfig(steps=1), lth.PruneConfig(levels=1)
        >>> config = Config(train=train, prune=prune, replicates=1, progress=False)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = run(config, model=model, out=folder, report=False)
        ...     len(lth.load_run(path).summary)
        2
    """
    if not isinstance(config, Config | dict):
        raise InputError(
            f"config is a {type(config).__name__}: it must be a Config, or Configs by"
            " variant."
        )
    if not isinstance(name, str) or not name or Path(name).name != name:
        raise InputError(f"name is {name!r}: it begins a folder's name, without '/'.")
    if config == {}:
        raise InputError("config has no variant: name one at least.")
    if isinstance(config, dict) and not all(isinstance(key, str) for key in config):
        raise InputError(f"config names its variants {[*config]}: names are strings.")
    variants = {"": config} if isinstance(config, Config) else dict(config)
    given = NOTHING
    for key, one in variants.items():
        named, given = with_given(
            one,
            model=model,
            splits=splits,
            criterion=criterion,
            controls=controls,
            optimizer=optimizer,
            after_step=after_step,
        )
        place = one.out if out is None else str(out)
        variants[key] = dataclasses.replace(named, out=place)
    done = run_variants(variants, name, given, report)
    for problem in done.problems:
        warnings.warn(problem, stacklevel=2)
    return done.path


class Done(NamedTuple):
    """What running studies has left.

    Attributes:
        path: the run directory.
        pages: that were written.
        problems: what went wrong after training, in words.
    """

    path: Path
    pages: Sequence[Path]
    problems: Sequence[str]


def run_variants(
    variants: Variants, name: str, given: Given = NOTHING, report: bool = True
) -> Done:
    """Run studies that name what is given; write what they ask for.

    Args:
        variants: by name; that of a single study is "".
        name: of the experiment.
        given: what the user gives as values.
        report: write the pages too, unless they are of the same tables already.
    """
    from .report.sweep import write_reports

    for one in variants.values():
        one.validate()
    if list(variants) == [""]:
        path = pipeline.run(variants[""], name, given=given)
    else:
        path = pipeline.run_sweep(variants, name, given)
    problems, pages = write_asked(path, variants), []
    try:
        pages = list(write_reports(path, anew=False)) if report else []
    except StoreError as error:  # Training is done: nothing of it is lost.
        problems.append(str(error))
    return Done(path, pages, problems)
