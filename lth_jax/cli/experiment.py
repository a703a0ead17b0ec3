"""Experiment files: a config, and whatever of one's own a study is to use."""

import importlib.util
import logging
import os
import runpy
import traceback
from collections.abc import Callable, Mapping
from importlib import resources
from pathlib import Path
from typing import Any, NamedTuple

from ..config import Config, Variants
from ..driver.interrupts import Terminated
from ..errors import InputError, LthError, did_you_mean

_log = logging.getLogger("lth_jax")
MADE = {"model": "model", "data": "splits"}
"""Functions that an experiment file may define, and what `lth_jax.run` calls what they
return."""
VALUES = ("criterion", "controls", "optimizer", "after_step")
"""Values that an experiment file may define."""


class Experiment(NamedTuple):
    """What an experiment file says.

    Attributes:
        variants: configs by name; that of a single study is "".
        given: how to make the values of the user's own, by the name that
            `lth_jax.run` gives them. Nothing of JAX is computed before they are made.
    """

    variants: Variants
    given: Mapping[str, Callable[[], Any]]


def load_experiment(name: str, quick: bool = False) -> Experiment:
    """Load an experiment.

    Args:
        name: of one that comes with the package; or a Python file, named by a path
            with a separator or by ``.py``, with a function ``config()`` (and
            ``quick()``), which is then run. The file may also define ``model()``,
            which returns a `lth_jax.Model`, ``data()``, which returns splits, and
            ``criterion``, ``controls``, ``optimizer``, ``after_step``, as `lth_jax.run`
            takes them.
        quick: take ``quick()``.

    Raises:
        InputError: there is no such experiment, it fails, or has no such function;
            names the file and the line.
    """
    path = _find(name)
    try:
        module = runpy.run_path(str(path))
    except Terminated:  # It is a SystemExit too.
        raise
    except (Exception, SystemExit) as error:
        raise _failed(path, "cannot be imported", error) from error
    function = "quick" if quick else "config"
    if not callable(module.get(function)):
        raise InputError(f"{path} has no function {function}().")
    made = _call(path, module, function)
    variants: dict[Any, Any] = made if isinstance(made, dict) else {"": made}
    named = all(isinstance(name, str) for name in variants)
    configs = all(isinstance(config, Config) for config in variants.values())
    if not (variants and named and configs):
        raise InputError(
            f"{function}() of {path} must return a Config, or Configs by variant, one"
            " at least, whose names are strings."
        )
    given: dict[str, Callable[[], Any]] = {}
    for word, field in MADE.items():
        if word in module:
            given[field] = lambda word=word: _made(path, module, word)
    for word in VALUES:
        if word in module:
            given[word] = lambda word=word: module[word]
    if own := [word for word in (*MADE, *VALUES) if word in module]:
        _log.info("its own: %s", ", ".join(own))  # A misspelt one is not among them.
    return Experiment(variants, given)


def _find(name: str) -> Path:
    """Return the file of an experiment: one that comes along, unless a path is named.

    So a file that happens to lie in the working directory is not run.
    """
    known = {path.stem: path for path in shipped()}
    if not _is_path(name):
        if name in known:
            return known[name]
        files = filter(os.path.isfile, (name, f"{name}.py"))
        here = "".join(f" (The file of that name is ./{file}.)" for file in files)
        raise InputError(
            f"There is no experiment {name!r}{did_you_mean(name, known)}{here}"
        )
    if not os.path.isfile(name):
        raise InputError(
            f"There is no experiment {name!r}{did_you_mean(Path(name).stem, known)}."
            f" These are named without a folder and .py; {name} is no file."
        )
    _log.info("running %s", name if os.path.dirname(name) else f"./{name}")
    return Path(name)


def _is_path(name: str) -> bool:
    separators = filter(None, (os.sep, os.altsep))
    return name.endswith(".py") or any(word in name for word in separators)


def _call(path: Path, module: Mapping[str, Any], function: str) -> Any:
    if not callable(module[function]):
        raise InputError(f"{function} of {path} must be a function without arguments.")
    try:
        return module[function]()
    except Terminated:
        raise
    except (Exception, SystemExit) as error:
        raise _failed(path, f"fails in {function}()", error) from error


def _made(path: Path, module: Mapping[str, Any], function: str) -> Any:
    """Return what a function returns; nothing would stand for the package's own."""
    made = _call(path, module, function)
    if made is None:
        raise InputError(f"{function}() of {path} returns None: return what it makes.")
    return made


def _failed(path: Path, how: str, error: BaseException) -> InputError:
    """Return an error that names the file, and the line of it that failed last."""
    lines = [
        frame.lineno
        for frame in traceback.extract_tb(error.__traceback__)
        if frame.filename == str(path)
    ]
    if isinstance(error, SyntaxError) and error.filename == str(path):
        lines = [error.lineno]
    where = f", line {lines[-1]}," if lines else ""
    # Our own errors are sentences already.
    kind = "" if isinstance(error, LthError) else f"{type(error).__name__}: "
    return InputError(f"{path}{where} {how}: {kind}{error}")


def shipped() -> list[Path]:
    """Return the experiments that come with the package."""
    if importlib.util.find_spec("lth_jax.experiments") is None:
        return []
    folder = Path(str(resources.files("lth_jax.experiments")))
    return [p for p in sorted(folder.glob("*.py")) if p.stem != "__init__"]
