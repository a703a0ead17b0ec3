"""Verdicts on the claims of papers, from runs."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple

from ..study.networks import COPY
from .matching import Look, Want, mismatches, rows_of, shortfalls, span_of
from .pool import Pool, pool_runs
from .quantities import ES_STEP
from .rules import Claim, Condition, Statistic, Value
from .settings import Setting
from .units import named_levels

if TYPE_CHECKING:
    import pandas as pd

    from ..store.read import Run

Verdict = Literal["reproduced", "not reproduced", "not run", "not testable"]
REPLICATES = 3
"""Fewer replicates judge no claim."""


class Judgement(NamedTuple):
    """A claim of a paper beside what runs show.

    Attributes:
        id: of the claim.
        where: in the paper.
        quantity: network and quantity.
        paper: what the paper says of it.
        ours: the values that the rule compares, in its order; None if not judged.
        spread: their least and greatest values over replicates; None if not judged.
        replicates: independent tickets behind it; 0 if no run was used.
        rule: how it is judged.
        verdict: reproduced, not reproduced, not run or not testable.
        note: what is missing, what was left out, what reduced runs show.
    """

    id: str
    where: str
    quantity: str
    paper: str
    ours: str | None
    spread: str | None
    replicates: int
    rule: str
    verdict: Verdict
    note: str


class Sample(NamedTuple):
    """The networks of a setting that count, of what a claim looks at.

    Attributes:
        pool: the best one for the setting, without those that do not count.
        replicates: how many count.
        lacks: how it falls short of the setting; empty if it does not.
        left_out: which networks do not count, and why.
    """

    pool: Pool
    replicates: int
    lacks: tuple[str, ...]
    left_out: str


def judge(runs: Sequence["Run"], claims: Iterable[Claim]) -> list[Judgement]:
    """Judge claims by their rules.

    A claim is judged from runs with the paper's data, network, optimizer, learning
    rate, batch size, steps, rates and rewinding, that reach the levels to which its
    rule looks and have the controls and copies that it compares, with at least 3
    replicates. Runs that differ only in seed are pooled. Of replicates whose networks
    diverged, collapsed or were not run, none enters; nor, where early stop is compared,
    of those that never learned (early stop at step 0). What a reduced run shows is only
    noted.

    Args:
        runs: run directories, loaded.
        claims: of one paper or several; `lth_jax.papers.claims` returns all.

    Returns:
        One judgement per claim, in order.

    Example:
        >>> claim = Claim("X1", "page 2", "tickets", "small", untestable="vague")
        >>> judge([], [claim])[0].verdict
        'not testable'
    """
    pools = pool_runs(runs)
    return [_judgement(claim, pools) for claim in claims]


def _judgement(claim: Claim, pools: Sequence[Pool]) -> Judgement:
    head = (claim.id, claim.where, claim.quantity, claim.paper)
    if claim.untestable:
        return Judgement(
            *head, None, None, 0, claim.rule, "not testable", claim.untestable
        )
    wanted = _wanted(claim)
    found = {setting: _sample(setting, want, pools) for setting, want in wanted.items()}
    usable = {setting: each for setting, each in found.items() if each is not None}
    results = _results(claim, usable)
    remarks = [*filter(None, [claim.remark]), *_remarks(usable)]
    whole = all(each is not None and not each.lacks for each in found.values())
    named = len(wanted) > 1
    replicates = min((each.replicates for each in usable.values()), default=0)
    if not whole or any(value is None for _, value in results):
        missing = _missing(wanted, found, pools)
        note = " ".join([*missing, *_shown(results, replicates, named), *remarks])
        return Judgement(*head, None, None, replicates, claim.rule, "not run", note)
    return Judgement(
        *head,
        ours="; ".join(_value_text(c, v, named) for c, v in results),
        spread="; ".join(_spread_text(c, v) for c, v in results)
        if replicates
        else None,
        replicates=replicates,
        rule=claim.rule,
        verdict=_verdict(results),
        note=" ".join(remarks),
    )


def _verdict(results: Iterable[tuple[Condition, Value | None]]) -> Verdict:
    holds = [value is not None and c.holds(value) for c, value in results]
    return "reproduced" if all(holds) else "not reproduced"


def _wanted(claim: Claim) -> dict[Setting, Want]:
    """Return what a claim looks at, for every setting."""
    parts: dict[Setting, list[Statistic]] = {}
    for statistic in claim.statistics:
        parts.setdefault(statistic.setting, []).append(statistic)
    return {
        setting: Want(
            tuple(dict.fromkeys(look for each in statistics for look in _looks(each))),
            tuple({n for each in statistics if (n := each.quantity.step) is not None}),
            any(each.quantity.column == ES_STEP for each in statistics),
        )
        for setting, statistics in parts.items()
    }


def _looks(statistic: Statistic) -> Iterator[Look]:
    quantity, reduction = statistic.quantity, statistic.reduction
    where = reduction.first, reduction.last, reduction.only
    yield from (Look(kind, "", *where) for kind in quantity.kinds)
    yield from (Look(kind, quantity.cause, *where) for kind in quantity.compared)
    if quantity.layer:
        yield Look("ticket", "", *where, quantity.layer)


def _sample(setting: Setting, want: Want, pools: Sequence[Pool]) -> Sample | None:
    """Return the best sample: complete, then with most replicates, then longest."""

    def rank(each: Sample) -> tuple[float, ...]:
        steps = each.pool.numbers["train.steps"]
        return (not each.lacks, each.replicates, steps, len(each.pool.positions))

    candidates = [
        _cut(setting, want, pool)
        for pool in pools
        if pool.positions and not mismatches(setting, pool)
    ]
    return max(candidates, key=rank, default=None)


def _cut(setting: Setting, want: Want, pool: Pool) -> Sample:
    """Leave out what failed, and every replicate that is then incomplete."""
    lacks, kinds = shortfalls(setting, pool, want), want.kinds
    table = _looked_at(pool, want)
    if want.timed:
        idle = (table["status"] == "ok") & (table[ES_STEP] == 0).fillna(False)
        table = table.assign(status=table["status"].mask(idle, "never learned"))
    ok = table[table["status"] == "ok"]
    failed = set(table.loc[table["status"] != "ok", "replicate"])
    cells = [
        (kind, position)
        for kind in kinds
        for position in sorted(table.loc[table["kind"] == kind, "position"].unique())
    ]
    whole = ok.groupby("replicate").apply(
        lambda rows: set(zip(rows["kind"], rows["position"], strict=True)) >= set(cells)
    )
    kept = set(whole.index[whole.astype(bool)]) if len(ok) else set()
    keep = sorted(_with_all_looks(pool, want, kept - failed))
    if len(keep) < REPLICATES:
        lacks = [*lacks, f"{len(keep)} of {REPLICATES} replicates"]
    pool = pool._replace(
        summary=ok[ok["replicate"].isin(keep)],
        curves=pool.curves[pool.curves["replicate"].isin(keep)],
        stability=pool.stability[pool.stability["replicate"].isin(keep)],
        layers=pool.layers[pool.layers["replicate"].isin(keep)],
    )
    return Sample(pool, len(keep), tuple(lacks), _left_out(table, keep))


def _looked_at(pool: Pool, want: Want) -> "pd.DataFrame":
    """Return the tickets as far as a claim looks, and others where it looks at them."""
    where = {(k.kind, p) for k in want.looks for p in span_of(k, pool.positions)}
    table = pool.summary
    reach = min(want.last, pool.positions[-1]) + 1e-9
    networks = zip(table["kind"], table["position"], strict=True)
    return table[
        [at <= reach and (k == "ticket" or (k, at) in where) for k, at in networks]
    ]


def _with_all_looks(pool: Pool, want: Want, replicates: set[int]) -> set[int]:
    """Return the replicates with every pair and layer that any of them has."""
    for look in want.inner:
        rows = rows_of(pool, look)
        for position in span_of(look, set(rows["position"])):
            there = set(rows.loc[rows["position"] == position, "replicate"])
            replicates = replicates & there
    return replicates


def _left_out(table: "pd.DataFrame", keep: Sequence[int]) -> str:
    failed = table[table["status"] != "ok"]
    if failed.empty:
        return ""
    counts = failed.groupby(["kind", "status"]).size()
    networks = ", ".join(
        f"{n} {kind} {str(status).replace('_', ' ')}"
        for (kind, status), n in counts.items()
    )
    lost = table["replicate"].nunique() - len(keep)
    return f"left out: {networks}; so {lost} of {lost + len(keep)} replicates."


def _results(
    claim: Claim, usable: Mapping[Setting, Sample]
) -> list[tuple[Condition, Value | None]]:
    """Return the value of every condition; None where there is none."""
    pools = {setting: each.pool for setting, each in usable.items() if each.replicates}
    return [(c, _value(c, pools)) for c in claim.conditions]


def _value(condition: Condition, pools: Mapping[Setting, Pool]) -> Value | None:
    for statistic in condition.term.parts():
        pool = pools.get(statistic.setting)
        if pool is None or any(rows_of(pool, n).empty for n in _looks(statistic)):
            return None
    value = condition.term.of(pools)
    return None if math.isnan(value.mean) else value


def _value_text(condition: Condition, value: Value | None, named: bool) -> str:
    if value is None:
        return "-"
    text = condition.term.unit(value.mean)
    names = [statistic.setting.name for statistic in condition.term.parts()]
    return f"{names[0]} {text}" if named and names else text


def _spread_text(condition: Condition, value: Value | None) -> str:
    if value is None or math.isnan(value.low):
        return "-"
    unit = condition.term.unit
    return f"{unit(value.low)} to {unit(value.high)}"


def _shown(
    results: Iterable[tuple[Condition, Value | None]], replicates: int, named: bool
) -> Iterator[str]:
    """Say what incomplete evidence shows: the values of the conditions, in order."""
    values = [
        f"{_value_text(c, v, named)} ({_spread_text(c, v)})"
        for c, v in results
        if v is not None
    ]
    if replicates and values:
        yield f"It shows {'; '.join(values)}."


def _missing(
    wanted: Mapping[Setting, Want],
    found: Mapping[Setting, Sample | None],
    pools: Sequence[Pool],
) -> Iterator[str]:
    """Say what every setting lacks."""
    for setting, each in found.items():
        if each is not None and each.lacks:
            yield f"Reduced run of {setting.name}: {'; '.join(each.lacks)}."
    absent = [setting for setting, each in found.items() if each is None]
    if len(absent) > 2:
        yield f"No run of {', '.join(setting.name for setting in absent)}."
    else:
        yield from (_needed(setting, wanted[setting]) for setting in absent)
    for setting in absent[:1]:
        yield from _nearest_run(setting, pools)


def _needed(setting: Setting, want: Want) -> str:
    rates = [f"{100 * rate:g} %" for rate in setting.config.prune.one_shot]
    reach = f"rates {', '.join(rates)}" if rates else f"levels 0 to {want.last:g}"
    also = " and their stability" if any(look.cause for look in want.looks) else ""
    if apart := {p for look in want.looks if look.layer for p in _only(look)}:
        also += f" and their anatomy at {named_levels(apart)}"
    return f"No run of {setting.text}: it needs {reach} of {_kinds_text(want)}{also}."


def _kinds_text(want: Want) -> str:
    """Name the kinds of networks; with levels those that are needed at some only."""
    kinds = [kind for kind in want.kinds if not kind.endswith(COPY)]
    looks = [look for look in want.looks if look.kind in kinds[1:]]
    if not looks or not all(map(_only, looks)):
        return ", ".join(kinds)
    some = named_levels({p for look in looks for p in _only(look)})
    return f"{kinds[0]}, {some} of {', '.join(kinds[1:])}"


def _only(look: Look) -> tuple[float, ...]:
    """Return the positions of a look at some only; none: from one to another."""
    return look.only or ((look.first,) if look.first == look.last else ())


def _nearest_run(setting: Setting, pools: Sequence[Pool]) -> Iterator[str]:
    """Say in what the nearest run on the same network and data differs."""
    same = ("model.name", "data.name")
    network = setting.config.model.name, setting.config.data.name
    differing = [
        mismatches(setting, pool)
        for pool in pools
        if tuple(pool.numbers[name] for name in same) == network
    ]
    if differing:
        yield f"The nearest run differs in {', '.join(min(differing, key=len))}."


def _remarks(usable: Mapping[Setting, Sample]) -> Iterator[str]:
    for setting, each in usable.items():
        if each.left_out:
            yield f"{setting.name}: {each.left_out}"
    notes = {e.pool.data_note: s.config.data.name for s, e in usable.items()}
    for note, data in notes.items():
        if note:
            yield f"Data {data}: {note}"
