"""Runs that differ only in their seed, as one table."""

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NamedTuple

from ..results import flat_numbers

if TYPE_CHECKING:
    import pandas as pd

    from ..store.read import Run
    from .quantities import Quantity
    from .reductions import Reduction

EXTENT = ("prune.levels", "stability.", "train.test_every")
"""Fields that say how much is run or looked at, beside those outside of any group."""
NETWORK = ["level", "kind", "replicate", "draw"]
PAIR = ["level", "kind", "replicate", "cause", "first", "second"]
LAYER = ["level", "replicate", "layer"]
MIDDLE, GROUPS = 2, 16
"""Bins beside 0, of so many, in which initial weights are counted for their peaks."""


class Pool(NamedTuple):
    """Runs of one setting on the same data; they differ in seed, and in their extent.

    Attributes:
        numbers: the fields that change numbers, flat, of the first run.
        summary: one row per trained network, as in ``Run.summary``; replicates are
            numbered through all runs, and ``position`` is the level, or the rate of a
            one-shot pruning.
        curves: one row per network, evaluation and split, likewise.
        stability: one row per pair of networks compared, likewise.
        layers: one row per layer of a ticket that was taken apart, likewise, of kind
            ``ticket``; ``hollow`` is made of the histogram of its initial weights.
        positions: from the dense network on, as far as no level is missing.
        data_note: what the manifests note about their data, if anything.
        networks: seed of the run, and number there, of every replicate.
        names: of the runs.
        data: name and digest of the data.
        repeated: names of runs all of whose networks earlier ones have by seed.
    """

    numbers: Mapping[str, Any]
    summary: "pd.DataFrame"
    curves: "pd.DataFrame"
    stability: "pd.DataFrame"
    layers: "pd.DataFrame"
    positions: Sequence[float]
    data_note: str
    networks: Sequence[tuple[int, int]]
    names: Sequence[str]
    data: tuple[Any, ...]
    repeated: Sequence[str]

    def reduced(
        self, quantity: "Quantity", reduction: "Reduction"
    ) -> tuple[float, dict[tuple[int, int], float]]:
        """Return a quantity, reduced over levels: of the means, and of replicates."""
        tables = quantity.tables(self)
        each = quantity.join(*tables).sort_index()
        mean = quantity.join(*map(_mean, tables)).sort_index()
        return reduction.of(mean, self), {
            self.networks[replicate]: reduction.of(each[replicate], self)
            for replicate in each.columns
        }


def _mean(table: Any) -> Any:
    """Return the mean over replicates: of every position, or of the dense network."""
    return table.mean(axis=1) if table.ndim > 1 else table.mean()


def is_extent(name: str, value: Any) -> bool:
    """Tell whether a field says how much of a setting is run, not how.

    Fields outside of any group do: how many replicates, which controls, at which
    levels. What a claim needs of these is counted in the run's tables. A word there
    names something, and counts.
    """
    outside = "." not in name and not isinstance(value, str)
    return outside or name.startswith(EXTENT)


def pool_runs(runs: Iterable["Run"]) -> list[Pool]:
    """Pool runs of one setting on the same data, with any seeds.

    They may differ in how many replicates, levels and controls they have. A network
    that two runs have in common (same seed, replicate and draw) counts once.

    Args:
        runs: run directories, loaded.

    Returns:
        The pools in the order of their first runs.
    """
    groups: dict[str, list[Run]] = {}
    for run in runs:
        fields = flat_numbers(run.config)
        shared = {k: v for k, v in fields.items() if not is_extent(k, v)}
        if not shared["prune.one_shot"] and shared["prune.output_rate"] is None:
            shared["prune.output_rate"] = shared["prune.rate"] / 2  # what it stands for
        key = json.dumps([shared, _data_of(run)], sort_keys=True)
        groups.setdefault(key, []).append(run)
    return [_pool(group) for group in groups.values()]


def _name_of(run: "Run") -> str:
    return "/".join(run.path.parts[-2:])


def _data_of(run: "Run") -> tuple[Any, ...]:
    data = run.manifest.get("data") or {}
    return data.get("name"), data.get("sha256")


def _from_zero(levels: Iterable[int]) -> list[int]:
    """Return the levels up to the first that is missing."""
    return [level for n, level in enumerate(levels) if level == n]


def _pool(runs: Sequence["Run"]) -> Pool:
    fields = flat_numbers(runs[0].config)
    positions = [0.0, *fields["prune.one_shot"]]
    one_shot = len(positions) > 1

    numbers = _numbered(runs)
    networks = {n: (seed, r) for seed, rs in numbers.items() for r, n in rs.items()}

    def joined(name: str, columns: list[str]) -> "pd.DataFrame":
        table = _concatenated(runs, name, columns, numbers)
        level = table["level"].astype(int)
        position = level.map(positions.__getitem__) if one_shot else level
        return table.assign(position=position.astype(float))

    layers = joined("anatomy.layers", LAYER).assign(kind="ticket")
    histograms = joined("anatomy.histograms", [*LAYER, "quantity", "part", "low"])
    data = [run.manifest.get("data") for run in runs]
    notes = [each.get("note") for each in data if isinstance(each, Mapping)]
    summary = joined("summary", NETWORK)
    present = sorted(summary["level"].unique())
    return Pool(
        fields,
        summary,
        joined("curves", [*NETWORK, "step", "split"]),
        joined("stability", PAIR),
        layers.merge(_hollow(histograms), how="left", on=LAYER),
        [positions[n] if one_shot else float(n) for n in _from_zero(present)],
        next((str(note) for note in notes if note), ""),
        tuple(networks[n] for n in sorted(networks)),
        tuple(map(_name_of, runs)),
        _data_of(runs[0]),
        tuple(_repeated(runs)),
    )


def _repeated(runs: Sequence["Run"]) -> Iterator[str]:
    """Yield the names of runs whose seeds and replicates other runs have."""
    seen: set[tuple[int, int]] = set()
    for run in runs:
        seed = _seed_of(run)
        own = {(seed, int(r)) for r in run.summary["replicate"].unique()}
        if own & seen:
            yield _name_of(run)
        seen |= own


def _hollow(histograms: "pd.DataFrame") -> "pd.DataFrame":
    """Return how many initial weights are kept at 0, against the lower peak beside it.

    The bins of a histogram are equally wide, and as many lie on either side of 0.
    """
    import pandas as pd

    kept = histograms["quantity"].eq("initial") & histograms["part"].eq("kept")
    rows = [
        dict(zip(LAYER, who, strict=True)) | {"hollow": _at_zero(part["count"])}
        for who, part in histograms[kept].sort_values("low").groupby(LAYER)
    ]
    table = pd.DataFrame(rows, columns=[*LAYER, "hollow"])
    types = {"level": "int64", "replicate": "int64", "hollow": "float64"}
    return table.astype(types)


def _at_zero(counts: "pd.Series") -> float:
    """Return the mean of the middle bins / the greatest of the lower side.

    Example:
        >>> import pandas as pd
        >>> _at_zero(pd.Series([1, 8, 4, 4, 2, 2, 2, 2, 2, 2, 2, 2, 4, 4, 6, 1]))
        0.333...
    """
    grouped = counts.to_numpy().reshape(GROUPS, -1).sum(axis=1)
    half, beside = GROUPS // 2, MIDDLE // 2
    middle = grouped[half - beside : half + beside].mean()
    peak = min(grouped[: half - beside].max(), grouped[half + beside :].max())
    return float(middle / peak) if peak else math.nan


def _numbered(runs: Iterable["Run"]) -> dict[int, dict[int, int]]:
    """Return the numbers of replicates through all runs, by seed and replicate."""
    pairs = {
        (_seed_of(run), int(replicate))
        for run in runs
        for replicate in run.summary["replicate"].unique()
    }
    numbers: dict[int, dict[int, int]] = {}
    for n, (seed, replicate) in enumerate(sorted(pairs)):
        numbers.setdefault(seed, {})[replicate] = n
    return numbers


def _seed_of(run: "Run") -> int:
    return flat_numbers(run.config)["seed"]


def _concatenated(
    runs: Sequence["Run"],
    name: str,
    columns: list[str],
    numbers: Mapping[int, Mapping[int, int]],
) -> "pd.DataFrame":
    """Return a table of all runs; what two of them have in common is there once.

    Args:
        runs: of one pool.
        name: of the table.
        columns: that tell rows apart.
        numbers: of replicates, which replace their own; others are left out.
    """
    import pandas as pd

    tables = [
        _renumbered(table, numbers.get(_seed_of(run), {}))
        for run, table in zip(runs, map(attrgetter(name), runs), strict=True)
    ]
    # pandas joins the types of empty tables in another way from version to version
    tables = [table for table in tables if len(table)] or tables[:1]
    joined = pd.concat(tables, ignore_index=True)
    if "status" in joined:  # a network that one run has not trained, another may have
        later = joined["status"].ne("ok").sort_values(kind="stable").index
        joined = joined.loc[later]
    return joined.drop_duplicates(columns).sort_index().reset_index(drop=True)


def _renumbered(table: "pd.DataFrame", numbers: Mapping[int, int]) -> "pd.DataFrame":
    known = table[table["replicate"].isin([*numbers])]
    replicate = known["replicate"].map(numbers).astype("int64")
    return known.assign(replicate=replicate)
