"""Runs that differ only in their seed, as one table."""

import json
from collections.abc import Iterable, Mapping, Sequence
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NamedTuple

from ..results import flat_numbers

if TYPE_CHECKING:
    import pandas as pd

    from ..store.read import Run

SEEDS = ("seed", "replicates")
"""The fields in which pooled runs may differ."""
NETWORK = ["level", "kind", "replicate", "draw"]
PAIR = ["level", "kind", "replicate", "cause", "first", "second"]
LAYER = ["level", "replicate", "layer"]


class Pool(NamedTuple):
    """Runs that differ only in their seed.

    Attributes:
        numbers: the fields that change numbers, flat, without those of `SEEDS`.
        summary: one row per trained network, as in ``Run.summary``; replicates are
            numbered through all runs, and ``position`` is the level, or the rate of a
            one-shot pruning.
        curves: one row per network, evaluation and split, likewise.
        stability: one row per pair of networks compared, likewise.
        layers: one row per layer of a ticket that was taken apart, likewise, of kind
            ``ticket``.
        positions: from the dense network on, as far as no level is missing.
        data_note: what the manifests note about their data, if anything.
    """

    numbers: Mapping[str, Any]
    summary: "pd.DataFrame"
    curves: "pd.DataFrame"
    stability: "pd.DataFrame"
    layers: "pd.DataFrame"
    positions: Sequence[float]
    data_note: str


def pool_runs(runs: Iterable["Run"]) -> list[Pool]:
    """Pool runs that differ only in their seed and the number of its replicates.

    A network that two runs have in common (same seed, replicate and draw) counts once.

    Args:
        runs: run directories, loaded.

    Returns:
        The pools in the order of their first runs.
    """
    groups: dict[str, list[Run]] = {}
    for run in runs:
        shared = {k: v for k, v in flat_numbers(run.config).items() if k not in SEEDS}
        data = run.manifest.get("data") or {}
        which = [data.get("name"), data.get("sha256")]
        key = json.dumps([shared, which], sort_keys=True)
        groups.setdefault(key, []).append(run)
    return [_pool(group) for group in groups.values()]


def _from_zero(levels: Iterable[int]) -> list[int]:
    """Return the levels up to the first that is missing."""
    return [level for n, level in enumerate(levels) if level == n]


def _pool(runs: Sequence["Run"]) -> Pool:
    fields = flat_numbers(runs[0].config)
    positions = [0.0, *fields["prune.one_shot"]]
    one_shot = len(positions) > 1

    numbers = _numbered(runs)

    def joined(name: str, columns: list[str]) -> "pd.DataFrame":
        table = _concatenated(runs, name, columns, numbers)
        level = table["level"].astype(int)
        position = level.map(positions.__getitem__) if one_shot else level
        return table.assign(position=position.astype(float))

    data = [run.manifest.get("data") for run in runs]
    notes = [each.get("note") for each in data if isinstance(each, Mapping)]
    summary = joined("summary", NETWORK)
    present = sorted(summary["level"].unique())
    return Pool(
        {name: value for name, value in fields.items() if name not in SEEDS},
        summary,
        joined("curves", [*NETWORK, "step", "split"]),
        joined("stability", PAIR),
        joined("anatomy.layers", LAYER).assign(kind="ticket"),
        [positions[n] if one_shot else float(n) for n in _from_zero(present)],
        next((str(note) for note in notes if note), ""),
    )


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
    return joined.drop_duplicates(columns, ignore_index=True)


def _renumbered(table: "pd.DataFrame", numbers: Mapping[int, int]) -> "pd.DataFrame":
    known = table[table["replicate"].isin([*numbers])]
    replicate = known["replicate"].map(numbers).astype("int64")
    return known.assign(replicate=replicate)
