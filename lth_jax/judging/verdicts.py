"""Verdicts on the claims of papers, from runs."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from ..study.networks import COPY
from .intervals import Interval
from .matching import (
    Look,
    Want,
    choices,
    mismatches,
    rows_of,
    shortfalls,
    span_of,
)
from .pool import Pool, is_extent, pool_runs
from .quantities import ES_STEP
from .rules import Bound, Claim, Condition, Outcome, Statistic, Value
from .settings import Setting
from .units import Unit, named_levels

if TYPE_CHECKING:
    import pandas as pd

    from ..store.read import Run

Verdict = Literal[
    "reproduced", "not reproduced", "undecided", "not run", "not testable"
]
JUDGED: tuple[Verdict, ...] = ("reproduced", "not reproduced", "undecided")


class Finding(NamedTuple):
    """What runs show of a condition.

    Attributes:
        name: of the setting, where the rule has several; else empty.
        point: the number, of the means over replicates.
        interval: of it; None of one replicate, of a count, and of what is censored.
        bound: that the interval must lie within.
        unit: in which they are written.
        outcome: yes, no or undecided.
        n: replicates behind it.
        guard: it only guards the other conditions, see `Condition`.
        needed: about how many replicates would decide it; None if none would.
        power: how often as many replicates find it if the paper's number is true; None
            if the paper states none.
    """

    name: str
    point: float
    interval: Interval | None
    bound: Bound
    unit: Unit
    outcome: Outcome
    n: int
    guard: bool
    needed: int | None
    power: float | None

    @property
    def value(self) -> str:
        """The number: ``+0.35 points``, after the setting if there are several."""
        name = f"{self.name} " if self.name else ""
        return f"{name}{self.unit(self.point)}"

    @property
    def text(self) -> str:
        """The number and its interval: ``+0.35 points [+0.28, +0.44]``."""
        return f"{self.value}{self.ends}"

    @property
    def ends(self) -> str:
        """The interval in brackets, after a space; empty if there is none."""
        if self.guard:
            return " on average"
        if self.interval is None:
            return ""
        return f" [{', '.join(_bare(self.unit(end)) for end in self.interval)}]"


def _bare(text: str) -> str:
    """Return a number without the words of its unit.

    Example:
        >>> _bare("+0.35 points"), _bare("level 12"), _bare("2.51x")
        ('+0.35', '12', '2.51')
    """
    words = (word.removesuffix("x") for word in text.split())
    return next(word for word in words if word[-1].isdigit())


class Judgement(NamedTuple):
    """A claim of a paper beside what runs show.

    Attributes:
        claim: what is judged.
        verdict: reproduced, not reproduced, undecided, not run or not testable.
        findings: what its conditions show, in order; empty if not all have a number.
        replicates: behind it, of the setting that has fewest; 0 if no run was used.
        seeds: of the runs behind it.
        note: what is missing, what was left out, what reduced runs show.
    """

    claim: Claim
    verdict: Verdict
    findings: tuple[Finding, ...]
    replicates: int
    seeds: tuple[int, ...]
    note: str

    @property
    def id(self) -> str:
        """Of the claim."""
        return self.claim.id

    @property
    def ours(self) -> str | None:
        """The values, in the rule's order; None if not judged."""
        return "; ".join(each.value for each in self.findings) or None

    @property
    def shown(self) -> str:
        """The values and their intervals, in the rule's order; empty if not judged."""
        return "; ".join(each.text for each in self.findings)

    @property
    def rule(self) -> str:
        """The rule in words."""
        return self.claim.rule

    @property
    def needed(self) -> int | None:
        """About how many replicates would decide an undecided claim."""
        each = [f.needed for f in self.findings if f.outcome == "undecided"]
        known = [n for n in each if n is not None]
        return max(known) if known and len(known) == len(each) else None

    @property
    def verdict_text(self) -> str:
        """The verdict, and of an undecided one how many replicates would decide."""
        if self.verdict != "undecided":
            return self.verdict
        more = f"; about {self.needed} would decide" if self.needed else ""
        return f"undecided (n = {self.replicates}{more})"

    def record(self) -> dict[str, Any]:
        """Return it as what JSON can hold."""
        claim, change = self.claim, self.claim.changed
        return {
            "id": claim.id,
            "where": claim.where,
            "quantity": claim.quantity,
            "paper": claim.paper,
            "verdict": self.verdict,
            "n": self.replicates,
            "seeds": list(self.seeds),
            "ours": self.ours,
            "value": [_finite(each.point) for each in self.findings],
            "interval": [
                each.interval and [_finite(end) for end in each.interval]
                for each in self.findings
            ],
            "bound": [
                [_finite(each.bound.low), _finite(each.bound.high)]
                for each in self.findings
            ],
            "beyond": [each.bound.beyond for each in self.findings],
            "outcome": [each.outcome for each in self.findings],
            "power": [each.power for each in self.findings],
            "needed": self.needed,
            "replicates_for_power": claim.replicates,
            "rule": claim.rule,
            "note": self.note,
            "shares": claim.shares or None,
            "old_verdict": (change and change.old) or None,
            "changed": change and f"{change.date}: {change.why}",
            "changed_after_result": bool(change and change.old),
        }


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def totals(rows: Iterable[Judgement]) -> dict[Verdict, int]:
    """Count verdicts; claims that read the same numbers count once.

    Such claims count by the least favourable of their verdicts.

    Example:
        >>> claims = [Claim("X1", "", "", "", untestable="vague")]
        >>> claims += [claims[0]._replace(id="X2", shares="X1")]
        >>> totals(judge([], claims))
        {'not testable': 1}
    """
    order: tuple[Verdict, ...] = (
        "not reproduced",
        "undecided",
        "not run",
        "reproduced",
        "not testable",
    )
    groups: dict[str, list[Verdict]] = {}
    for row in rows:
        groups.setdefault(row.claim.shares or row.id, []).append(row.verdict)
    each = [min(group, key=order.index) for group in groups.values()]
    return {verdict: each.count(verdict) for verdict in order if verdict in each}


class Sample(NamedTuple):
    """The networks of a setting that count, of what a claim looks at.

    Attributes:
        pool: the best one for the setting, without those that do not count.
        kept: numbers of the replicates that count.
        lacks: how it falls short of the setting; empty if it does not.
        left_out: which networks do not count, and why.
    """

    pool: Pool
    kept: tuple[int, ...]
    lacks: tuple[str, ...]
    left_out: str

    @property
    def replicates(self) -> int:
        """How many replicates count."""
        return len(self.kept)

    @property
    def seeds(self) -> set[int]:
        """Seeds of the runs that they are of."""
        return {self.pool.networks[replicate][0] for replicate in self.kept}


def judge(runs: Sequence["Run"], claims: Iterable[Claim]) -> list[Judgement]:
    """Judge claims by their rules.

    A claim is judged from runs with the paper's data, network, optimizer, learning
    rate, batch size, steps, rates and rewinding, that reach the levels to which its
    rule looks and have the controls and copies that it compares. Runs of one setting
    are pooled; a network that several have is one. Of replicates whose networks
    diverged, collapsed, were not run or have no number, none enters; nor, where early
    stop is compared, of those that never learned (early stop at step 0).

    It is reproduced if the intervals of all conditions lie within their bounds, not
    reproduced if one lies outside, and else undecided; so it is with less than 3
    replicates, and where a network has no early stop within training. What a reduced
    run shows is only noted.

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
    if claim.untestable:
        return Judgement(claim, "not testable", (), 0, (), claim.untestable)
    wanted = _wanted(claim)
    found = {setting: _sample(setting, want, pools) for setting, want in wanted.items()}
    usable = {setting: each for setting, each in found.items() if each is not None}
    values = _values(claim, usable)
    several = len(wanted) > 1
    findings = tuple(
        _finding(c, v, several)
        for c, v in zip(claim.conditions, values, strict=True)
        if v is not None
    )
    n = min((each.replicates for each in usable.values()), default=0)
    seeds = sorted({s for each in usable.values() for s in each.seeds})
    remarks = [*filter(None, [claim.remark]), *_censored(claim, values)]
    remarks += _remarks(usable, pools)
    whole = all(each is not None and not each.lacks for each in found.values())
    if not whole or len(findings) < len(values):
        missing = _missing(wanted, found, pools)
        note = " ".join([*missing, *_shown(findings, n), *remarks])
        return Judgement(claim, "not run", (), n, tuple(seeds), note)
    note = " ".join(remarks)
    return Judgement(claim, _verdict(findings), findings, n, tuple(seeds), note)


def _verdict(findings: Iterable[Finding]) -> Verdict:
    outcomes = {found.outcome for found in findings}
    if "no" in outcomes:
        return "not reproduced"
    return "undecided" if "undecided" in outcomes else "reproduced"


def _finding(condition: Condition, value: Value, several: bool) -> Finding:
    names = [statistic.setting.name for statistic in condition.term.parts()]
    return Finding(
        names[0] if several and names else "",
        value.point,
        value.interval,
        condition.bound,
        condition.term.unit,
        condition.outcome(value),
        value.n,
        condition.guard,
        condition.needed(value),
        condition.power(value),
    )


def _wanted(claim: Claim) -> dict[Setting, Want]:
    """Return what a claim looks at, for every setting."""
    parts: dict[Setting, list[Statistic]] = {}
    for statistic in claim.statistics:
        parts.setdefault(statistic.setting, []).append(statistic)
    return {
        setting: Want(
            tuple(dict.fromkeys(look for each in statistics for look in _looks(each))),
            tuple({n for each in statistics if (n := each.quantity.step) is not None}),
            tuple({each.quantity.column for each in statistics}),
        )
        for setting, statistics in parts.items()
    }


def _looks(statistic: Statistic) -> Iterator[Look]:
    quantity, reduction = statistic.quantity, statistic.reduction
    base = Look(
        "ticket",
        "",
        reduction.first,
        reduction.last,
        reduction.only,
        fewest=reduction.fewest,
    )
    yield from (base._replace(kind=kind) for kind in quantity.kinds)
    cause = quantity.cause
    yield from (base._replace(kind=k, cause=cause) for k in quantity.compared)
    if quantity.layer:
        yield base._replace(layer=quantity.layer)


def _sample(setting: Setting, want: Want, pools: Sequence[Pool]) -> Sample | None:
    """Return the best sample: complete, then with most replicates, then longest.

    Of choices that the paper does not state, those of the setting come first.
    """

    def rank(each: Sample) -> tuple[float, ...]:
        steps = each.pool.numbers["train.steps"]
        usual = not choices(setting, each.pool)
        size = each.replicates, steps, len(each.pool.positions)
        return (usual, not each.lacks and bool(each.kept), *size)

    candidates = [
        _cut(setting, want, pool)
        for pool in pools
        if pool.positions and not mismatches(setting, pool)
    ]
    return max(candidates, key=rank, default=None)


def _cut(setting: Setting, want: Want, pool: Pool) -> Sample:
    """Leave out what failed, and every replicate that is then incomplete."""
    lacks, kinds = shortfalls(setting, pool, want), want.kinds
    read = pool.summary.columns.intersection([*want.columns])
    table = _looked_at(pool, want)
    ok = table["status"] == "ok"
    absent = ok & table[[*read]].isna().any(axis=1)
    table = table.assign(status=table["status"].mask(absent, "without a number"))
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
    if not keep:
        lacks = [*lacks, "no replicate with all of it"]
    pool = pool._replace(
        summary=ok[ok["replicate"].isin(keep)],
        curves=pool.curves[pool.curves["replicate"].isin(keep)],
        stability=pool.stability[pool.stability["replicate"].isin(keep)],
        layers=pool.layers[pool.layers["replicate"].isin(keep)],
    )
    return Sample(pool, tuple(keep), tuple(lacks), _left_out(table, keep))


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
    lost = table["replicate"].nunique() - len(keep)
    if not lost:
        return ""
    counts = failed.groupby(["kind", "status"]).size()
    networks = [
        f"{n} {kind} {str(status).replace('_', ' ')}"
        for (kind, status), n in counts.items()
    ]
    incomplete = lost - failed["replicate"].nunique()
    if incomplete > 0:
        networks += [f"{incomplete} replicates without all of the networks"]
    listed = ", ".join(networks)
    return f"left out: {listed}; so {lost} of {lost + len(keep)} replicates."


def _values(claim: Claim, usable: Mapping[Setting, Sample]) -> list[Value | None]:
    """Return the value of every condition; None where there is none."""
    pools = {setting: each.pool for setting, each in usable.items() if each.replicates}
    return [_value(condition, pools) for condition in claim.conditions]


def _value(condition: Condition, pools: Mapping[Setting, Pool]) -> Value | None:
    parts = [*condition.term.parts()]
    for statistic in parts:
        pool = pools.get(statistic.setting)
        if pool is None or any(rows_of(pool, n).empty for n in _looks(statistic)):
            return None
    value = condition.term.of(pools)
    censored = sum(len(_unstopped(each, pools[each.setting])) for each in parts)
    return value._replace(censored=censored) if value.defined else None


def _unstopped(statistic: Statistic, pool: Pool) -> "pd.DataFrame":
    """Return the networks that a statistic times, and that stop at the last step.

    Their least validation loss may lie beyond: the step is a bound, and no number.
    """
    table, quantity = pool.summary, statistic.quantity
    span = {p for k in _looks(statistic) for p in span_of(k, pool.positions)}
    read = table["kind"].isin(quantity.stops) & table["position"].isin(span)
    if "dense" in quantity.stops:
        read |= table["position"].eq(0)
    return table[read & (table[ES_STEP] >= pool.numbers["train.steps"])]


def _censored(claim: Claim, values: Iterable[Value | None]) -> Iterator[str]:
    if any(value is not None and value.censored for value in values):
        yield (
            "Not testable by these runs: networks have no early stop within training,"
            " and a last step is not compared."
        )


def _shown(findings: Sequence[Finding], replicates: int) -> Iterator[str]:
    """Say what incomplete evidence shows: the values of the conditions, in order."""
    if replicates and findings:
        yield f"It shows {'; '.join(found.text for found in findings)}."


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


def _remarks(usable: Mapping[Setting, Sample], pools: Sequence[Pool]) -> Iterator[str]:
    for setting, each in usable.items():
        if each.left_out:
            yield f"{setting.name}: {each.left_out}"
        if each.pool.repeated:
            again = ", ".join(each.pool.repeated)
            yield f"Networks that {again} has too, by their seed, count once."
        if other := choices(setting, each.pool):
            yield f"Not stated by the paper, and not our default: {', '.join(other)}."
        yield from _apart(setting, each.pool, pools)
    notes = {e.pool.data_note: s.config.data.name for s, e in usable.items()}
    for note, data in notes.items():
        if note:
            yield f"Data {data}: {note}"


def _apart(setting: Setting, used: Pool, pools: Sequence[Pool]) -> Iterator[str]:
    """Say which runs of the setting are not pooled with those used, and why."""
    for pool in pools:
        if (
            pool.numbers is used.numbers
            or not pool.positions
            or mismatches(setting, pool)
        ):
            continue
        names = (*used.numbers, *pool.numbers)
        differing = [
            name
            for name in dict.fromkeys(names)
            if pool.numbers.get(name) != used.numbers.get(name)
            and not is_extent(name, used.numbers.get(name))
        ]
        differing += ["the data"] if pool.data != used.data else []
        yield f"Not pooled: {', '.join(pool.names)} (other {', '.join(differing)})."
