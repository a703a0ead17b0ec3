"""lth_jax: winning tickets in JAX.

The front door: a user's network and data in, tickets and controls out. Names are loaded
when they are first used, so that reading a stored run loads nothing that trains. The
rooms behind it are folders: `lth_jax.tickets`, `lth_jax.training`, `lth_jax.study`, ...
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from . import analysis as analysis
    from . import papers as papers
    from . import recipes as recipes
    from . import sources as sources
    from . import tree as tree
    from .config import Config as Config
    from .config import DataConfig as DataConfig
    from .config import ModelConfig as ModelConfig
    from .config import PlanConfig as PlanConfig
    from .config import PruneConfig as PruneConfig
    from .config import RewindConfig as RewindConfig
    from .config import StabilityConfig as StabilityConfig
    from .config import TrainConfig as TrainConfig
    from .driver.devices import use_host_devices as use_host_devices
    from .errors import InputError as InputError
    from .errors import LthError as LthError
    from .models import from_functions as from_functions
    from .models import from_linen as from_linen
    from .models import from_nnx as from_nnx
    from .models import lenet as lenet
    from .running import run as run
    from .sources import from_arrays as from_arrays
    from .store.read import load_run as load_run
    from .store.read import load_ticket as load_ticket
    from .study.find import find_ticket as find_ticket
    from .study.rows import summary_rows as summary_rows
    from .tickets import controls as controls
    from .tickets import criteria as criteria
    from .tickets import masks as masks
    from .tickets.masks import prune as prune
    from .tickets.rewinding import rewind as rewind
    from .training import optim as optim
    from .training.optim import freeze_pruned as freeze_pruned
    from .types import Criterion as Criterion
    from .types import Evidence as Evidence
    from .types import Model as Model
    from .types import Rewind as Rewind
    from .types import Snapshot as Snapshot
    from .types import Ticket as Ticket

_FROM = {
    "config": "Config DataConfig ModelConfig PlanConfig PruneConfig RewindConfig"
    " StabilityConfig TrainConfig",
    "driver.devices": "use_host_devices",
    "errors": "InputError LthError",
    "models": "from_functions from_linen from_nnx lenet",
    "running": "run",
    "sources": "from_arrays",
    "store.read": "load_run load_ticket",
    "study.find": "find_ticket",
    "study.rows": "summary_rows",
    "tickets.masks": "prune",
    "tickets.rewinding": "rewind",
    "training.optim": "freeze_pruned",
    "types": "Criterion Evidence Model Rewind Snapshot Ticket",
}
"""Where a name of the front door comes from."""
_HOME = {name: module for module, names in _FROM.items() for name in names.split()}
_MODULES = {
    **dict.fromkeys("analysis papers recipes sources tree".split(), ""),
    **dict.fromkeys("controls criteria masks".split(), "tickets."),
    "optim": "training.",
}
"""Modules that are used by their name, such as ``lth_jax.masks``, and their room."""

__all__ = [*_HOME, *_MODULES]  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("lth-jax")
    if name in _MODULES:
        return import_module(f".{_MODULES[name]}{name}", __name__)
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_HOME[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__, "__version__"])
