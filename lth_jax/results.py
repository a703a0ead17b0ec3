"""Numbers of stored tables that claims, figures and pages share.

Reads DataFrames and stored configs only; nothing here trains or draws.
"""

import functools
import math
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from .config import Config, numbers, to_dict

if TYPE_CHECKING:
    import pandas as pd


class HasSummary(Protocol):
    """A run that is read: see `lth_jax.store.read.Run`."""

    @property
    def summary(self) -> "pd.DataFrame":
        """One row per trained network."""
        ...


NETWORKS = {
    "lenet": "LeNet",
    "conv2": "Conv-2",
    "conv4": "Conv-4",
    "conv6": "Conv-6",
    "vgg19": "VGG-19",
    "resnet18": "ResNet-18",
}
"""How networks are spelled where people read; one that is not here as it is named."""


def network_name(name: str, widths: Sequence[int] = ()) -> str:
    """Return how a network is spelled where people read.

    Args:
        name: the config's ``model.name``.
        widths: of a fully connected one, its hidden layers.

    Example:
        >>> network_name("lenet", (300, 100)), network_name("resnet18")
        ('LeNet-300-100', 'ResNet-18')
    """
    word = NETWORKS.get(name, name)
    return "-".join([word, *map(str, widths)]) if name == "lenet" else word


def by_level(summary: "pd.DataFrame", kind: str, column: str) -> "pd.DataFrame":
    """Return mean, min, max and count of a column over a kind's networks, by level.

    Every network that has a number counts, whatever its status.

    Args:
        summary: one row per trained network, as in ``Run.summary``.
        kind: which networks, e.g. ``ticket``.
        column: which number, e.g. ``test_accuracy_es``.

    Returns:
        One row per level (the index): density, mean, min, max, count.

    Example:
        >>> import pandas as pd
        >>> summary = pd.DataFrame({
        ...     "level": 0, "kind": "ticket", "density": 1.0,
        ...     "early_stop_step": [200, 400]})
        >>> by_level(summary, "ticket", "early_stop_step").loc[0].tolist()
        [1.0, 300.0, 200.0, 400.0, 2.0]
    """
    import pandas as pd

    rows = summary[(summary["kind"] == kind) & summary[column].notna()]
    groups = rows.assign(value=rows[column].astype(float)).groupby("level")
    values = groups["value"]
    columns = {
        "density": groups["density"].mean(),
        "mean": values.mean(),
        "min": values.min(),
        "max": values.max(),
        "count": values.count(),
    }
    return pd.DataFrame(columns)


def density_text(density: float) -> str:
    """Return a density in percent, with the digits the paper prints.

    Example:
        >>> [density_text(x) for x in (1.0, 0.51276, 0.0696, 0.0026)]
        ['100 %', '51.3 %', '7.0 %', '0.26 %']
    """
    percent = 100 * density
    digits = 0 if percent == 100 else 1 if percent >= 1 else 2
    return f"{percent:.{digits}f} %"


def accuracy_text(accuracy: float) -> str:
    """Return an accuracy in percent, with two digits.

    Example:
        >>> accuracy_text(0.9812)
        '98.12 %'
    """
    return f"{100 * accuracy:.2f} %"


def density_of(run: HasSummary, level: int) -> float:
    """Return the fraction of the weights that remain at a level."""
    summary = run.summary
    return float(summary.loc[summary["level"] == level, "density"].mean())


def nearest_levels(
    densities: Mapping[int, float], wanted: Iterable[float]
) -> list[int]:
    """Return the levels whose densities are nearest to some, by their ratio.

    Args:
        densities: by level. Levels without weights are left out; of two that are as
            near, the lower one counts.
        wanted: densities above 0.

    Returns:
        The levels in order, each once.

    Example:
        >>> nearest_levels({0: 1.0, 1: 0.8, 2: 0.64}, [1.0, 0.7, 0.6])
        [0, 2]
    """
    there = sorted(level for level, density in densities.items() if density > 0)

    def nearest(density: float) -> int:
        return min(there, key=lambda n: abs(math.log(densities[n] / density)))

    return sorted({nearest(density) for density in wanted}) if there else []


def spreads(rows: "pd.DataFrame", by: str | Sequence[str], column: str) -> Any:
    """Return mean, min, max and count of the numbers in a column, by other columns.

    Example:
        >>> import pandas as pd
        >>> rows = pd.DataFrame({"kind": "ticket", "angle": [20.0, 30.0, None]})
        >>> spreads(rows, "kind", "angle").loc["ticket"].tolist()
        [25.0, 20.0, 30.0, 2.0]
    """
    values = rows[column].astype(float)
    rows = rows.assign(**{column: values})[np.isfinite(values)]
    keys = by if isinstance(by, str) else [*by]
    return rows.groupby(keys)[column].agg(["mean", "min", "max", "count"])


def at_common_steps(curves: "pd.DataFrame") -> "pd.DataFrame":
    """Return the evaluations at steps at which all networks of a kind were evaluated.

    With ``train.test_every`` some were on the test set where others were not, and a
    mean over those that were is of other networks from step to step.

    Args:
        curves: as in ``Run.curves``.

    Example:
        >>> import pandas as pd
        >>> curves = pd.DataFrame({"level": 0, "kind": "ticket", "split": "test",
        ...     "replicate": [0, 1, 0], "step": [0, 0, 100]})
        >>> at_common_steps(curves)["step"].tolist()
        [0, 0]
    """
    alike = ["level", "kind", "split"]
    counts = curves.groupby([*alike, "step"])["step"].transform("size")
    most = counts.groupby([curves[name] for name in alike]).transform("max")
    return curves[counts == most]


def flat_numbers(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a stored config that change numbers, flat.

    Fields that are younger than the config have their default.

    Example:
        >>> flat_numbers({"train": {"steps": 7}, "out": "x"})["train.steps"]
        7
    """
    given = {k: v for k, v in flat(config).items() if k not in _places()}
    return defaults() | given


@functools.cache
def defaults() -> MappingProxyType[str, Any]:
    """Return the fields that change numbers, flat, with their defaults; read only."""
    return MappingProxyType(numbers(Config()))


@functools.cache
def _places() -> set[str]:
    """Return the names of the fields that change no numbers."""
    return flat(to_dict(Config())).keys() - defaults().keys()


def flat(nested: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return a nested mapping as one of dotted names.

    Example:
        >>> flat({"train": {"steps": 7}, "out": "x"})
        {'train.steps': 7, 'out': 'x'}
    """
    found: dict[str, Any] = {}
    for name, value in nested.items():
        if isinstance(value, Mapping):
            found |= flat(value, f"{prefix}{name}.")
        else:
            found[prefix + name] = value
    return found
