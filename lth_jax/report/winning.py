"""The levels of a run at which winning tickets were found. Reads its summary only."""

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from ..results import accuracy_text, density_text

if TYPE_CHECKING:
    import pandas as pd

ROUND_OFF = 1e-6
"""Accuracies are counts over examples: smaller differences are float32 round-off."""
ACCURACY, STEP = "test_accuracy_es", "early_stop_step"


class WinningTickets(NamedTuple):
    """The levels at which winning tickets were found, and why.

    Attributes:
        levels: the longest run of consecutive winning levels; empty if there is none.
        densities: the fraction of the weights kept at each of them.
        table: one row per pruned level: the conditions ``accurate``, ``early`` and
            ``beats_reinits`` (NA without reinits), the numbers they compare, ``wins``.
        sentence: the finding and the rule in plain English.
    """

    levels: tuple[int, ...]
    densities: tuple[float, ...]
    table: "pd.DataFrame"
    sentence: str


def winning_tickets(
    summary: "pd.DataFrame", tolerance: float = 0.002, steps: int | None = None
) -> WinningTickets:
    """Find the longest run of consecutive levels whose tickets win.

    The tickets of a level from 1 on win if every replicate has one that is ok and

    a. their mean test accuracy at early stop is at least the dense network's (the
       mean of the tickets of level 0 that are ok) minus the tolerance,
    b. their mean early-stop step is no later than the dense network's, and
    c. the ticket of every replicate beats its own reinits: its test accuracy at early
       stop is strictly greater than the mean over its ``random_reinit`` draws at that
       level that have one. A replicate without such a draw fails; a run without any
       cannot test (c), and (a) and (b) decide.

    Of equally long runs, the one that reaches the lower density counts. Where a dense
    network has its least validation loss at the last step, it has no early stop within
    training, and (b) is not testable: no ticket is later than the end.

    Args:
        summary: one row per trained network, as in ``Run.summary``.
        tolerance: how much test accuracy a winning ticket may lose, as a fraction.
        steps: of training, to know its end by; default: it has none.

    Returns:
        The levels, their densities, the table behind them and a sentence.

    Example:
        >>> import pandas as pd
        >>> summary = pd.DataFrame({
        ...     "level": [0, 1, 1], "kind": ["ticket", "ticket", "random_reinit"],
        ...     "replicate": 0, "draw": 0, "status": "ok", "density": [1, 0.8, 0.8],
        ...     "early_stop_step": [800, 600, 900],
        ...     "test_accuracy_es": [0.981, 0.983, 0.979]})
        >>> found = winning_tickets(summary)
        >>> found.levels, found.densities
        ((1,), (0.8,))
        >>> found.sentence.split(":")[0]
        'Winning tickets were found at level 1, at 80.0 % of the weights'

    Reference:
        Frankle & Carbin, "The Lottery Ticket Hypothesis" (2019), sections 1 and 2.

    Deviation:
        The paper asks for commensurate accuracy in at most as many iterations and names
        no tolerance; the reinits' share in its definition is ours. The run of levels
        may start after level 1: one pruning alone hardly tells tickets from reinits.
    """
    import pandas as pd

    table = _conditions(summary)
    table["accurate"] = (
        table[ACCURACY] >= table[f"dense_{ACCURACY}"] - tolerance - ROUND_OFF
    )
    stopped = steps is None or not _dense(summary)[STEP].ge(steps).any()
    table["early"] = (table[STEP] <= table[f"dense_{STEP}"]).astype("boolean")
    if not stopped:
        table["early"] = pd.NA
    conditions = table[["accurate", "early", "beats_reinits"]].astype("boolean")
    complete = table["n_ok"] == table["n_replicates"]
    table["wins"] = conditions.fillna(True).all(axis=1).astype(bool) & complete
    best = table[table["level"].isin(_longest_run(table))]
    return WinningTickets(
        levels=tuple(best["level"].tolist()),
        densities=tuple(best["density"].tolist()),
        table=table,
        sentence=_sentence(table, best, tolerance),
    )


def _dense(summary: "pd.DataFrame") -> "pd.DataFrame":
    dense = summary["kind"].eq("ticket") & summary["level"].eq(0)
    return summary[dense & summary["status"].eq("ok")]


def _conditions(summary: "pd.DataFrame") -> "pd.DataFrame":
    """Return one row per pruned level: what the three conditions compare."""
    import pandas as pd

    tickets = summary[summary["kind"] == "ticket"]
    numbers = tickets[[ACCURACY, STEP]].notna().all(axis=1)
    finished = tickets[(tickets["status"] == "ok") & numbers]
    reinits = summary[(summary["kind"] == "random_reinit") & summary[ACCURACY].notna()]
    replicates = sorted(tickets["replicate"].unique())
    dense = finished[finished["level"] == 0]
    rows = []
    for level, group in tickets[tickets["level"] > 0].groupby("level"):
        ok = finished[finished["level"] == level].set_index("replicate")
        own = reinits[reinits["level"] == level].groupby("replicate")[ACCURACY].mean()
        margin = (ok[ACCURACY] - own).reindex(replicates).min(skipna=False)
        row = {"level": level, "density": group["density"].mean()}
        row |= {"n_replicates": len(replicates), "n_ok": len(ok)}
        for name in (ACCURACY, STEP):
            row |= {name: _mean(ok[name]), f"dense_{name}": _mean(dense[name])}
        beats = pd.NA if reinits.empty else bool(margin > ROUND_OFF)
        row |= {"reinit_margin": margin, "beats_reinits": beats}
        rows.append(row)
    table = pd.DataFrame(rows, columns=_COLUMNS)
    return table.astype({"beats_reinits": "boolean"})


_COLUMNS = (
    "level",
    "density",
    "n_replicates",
    "n_ok",
    ACCURACY,
    f"dense_{ACCURACY}",
    STEP,
    f"dense_{STEP}",
    "reinit_margin",
    "beats_reinits",
)


def _mean(values: "pd.Series") -> float:
    return float(values.astype(float).mean())


def _longest_run(table: "pd.DataFrame") -> list[int]:
    runs: list[list[Any]] = []
    for row in table[table["wins"]].itertuples():
        if runs and runs[-1][-1].level == row.level - 1:
            runs[-1].append(row)
        else:
            runs.append([row])
    best = max(runs, key=lambda run: (len(run), -run[-1].density), default=[])
    return [row.level for row in best]


def _sentence(table: "pd.DataFrame", best: "pd.DataFrame", tolerance: float) -> str:
    if table.empty:
        return "The run has no pruned level: there is nothing to compare."
    if table[f"dense_{ACCURACY}"].isna().all():
        return "No dense network of the run is ok, so its tickets have no yardstick."
    return f"{_finding(table, best, tolerance)} {_rule(table, tolerance)}"


def _finding(table: "pd.DataFrame", best: "pd.DataFrame", tolerance: float) -> str:
    if best.empty:
        return f"No winning tickets were found: {_failure(table.iloc[0], tolerance)}."
    first, last = best.iloc[0], best.iloc[-1]
    where = f"level {last.level}, at"
    if len(best) > 1:
        levels = f"{len(best)} consecutive levels"
        where = f"{levels}, {first.level} to {last.level}, down to"
    dense_accuracy = accuracy_text(first[f"dense_{ACCURACY}"])
    dense_step = _step_text(first[f"dense_{STEP}"])
    text = (
        f"Winning tickets were found at {where} {density_text(last.density)} of the"
        " weights: their mean test accuracy at early stop is"
        f" {_range(best[ACCURACY], accuracy_text)} (dense: {dense_accuracy}), "
    )
    if best["early"].isna().any():
        text += "the dense network has no early stop within training to compare with"
    else:
        steps = _range(best[STEP], _step_text)
        text += f"their mean early-stop step {steps} (dense: {dense_step})"
    if not best["beats_reinits"].isna().any():
        text += ", and the ticket of every replicate beats its own reinits"
    before = table[table["level"] == first.level - 1]
    after = table[table["level"] == last.level + 1]
    reasons = [
        f" {what}: {_failure(row, tolerance)}."
        for what, rows in (
            ("The level before fails", before),
            ("The run of levels ends there", after),
        )
        for _, row in rows.iterrows()
    ]
    return f"{text}." + "".join(reasons)


def _rule(table: "pd.DataFrame", tolerance: float) -> str:
    rule = (
        "Rule: the longest run of consecutive levels at which every replicate's ticket"
        " is ok (none diverged, collapsed or was not run), (a) the mean test accuracy"
        f" at early stop is at least the dense network's minus {_points(tolerance)},"
        " (b) the mean early-stop step is no later than the dense network's"
    )
    if len(table) and table["early"].isna().all():
        rule += " (not testable: no early stop within training)"
    if table["beats_reinits"].isna().all():
        return (
            f"{rule}; (c), that the ticket of every replicate beats its own reinits, is"
            " not testable, as the run has no reinits."
        )
    return (
        f"{rule}, and (c) the ticket of every replicate has a greater test accuracy at"
        " early stop than the mean of its own reinits."
    )


def _failure(row: "pd.Series", tolerance: float) -> str:
    """Say at which level and why the tickets do not win."""
    level = f"at level {row.level} ({density_text(row.density)} of the weights)"
    return f"{level} {' and '.join(_reasons(row, tolerance))}"


def _reasons(row: "pd.Series", tolerance: float) -> list[str]:
    import pandas as pd

    if row.n_ok < row.n_replicates:
        return [f"only {row.n_ok} of {row.n_replicates} tickets are ok"]
    reasons = []
    if not row.accurate:
        reasons.append(
            f"the mean test accuracy at early stop, {accuracy_text(row[ACCURACY])}, is"
            f" more than {_points(tolerance)} below the dense network's"
            f" {accuracy_text(row[f'dense_{ACCURACY}'])}"
        )
    if pd.notna(row.early) and not row.early:
        reasons.append(
            f"the mean early-stop step, {_step_text(row[STEP])}, is later than the"
            f" dense network's {_step_text(row[f'dense_{STEP}'])}"
        )
    if pd.notna(row.beats_reinits) and not row.beats_reinits:
        reasons.append(_lost_to_reinits(row.reinit_margin))
    return reasons


def _lost_to_reinits(margin: float) -> str:
    if math.isnan(margin):
        return "a replicate has no reinits to beat"
    return (
        "the ticket of a replicate does not beat its own reinits (difference:"
        f" {_points(margin)})"
    )


def _range(values: "pd.Series", text: Callable[[float], str]) -> str:
    low, high = text(values.min()), text(values.max())
    return low if low == high else f"{low} to {high}"


def _points(fraction: float) -> str:
    return f"{100 * fraction:z.2f} percentage points"


def _step_text(step: float) -> str:
    return f"{step:,.0f}"
