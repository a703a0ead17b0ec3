"""How rules were changed, and what the old ones said of the results of that day.

The numbers of those results were known then. Each reason says what was wrong with the
rule, beside the sentence of the paper.
"""

from collections.abc import Iterable, Iterator

from ....judging.rules import Change, Claim

DATE = "2026-11-21"
OLD = {
    "reproduced": "A3 A4 A6 A7 A8 A9 A10 A11 A13 A15 A16 A42 A45 A46 A47 A48 A51",
    "not reproduced": "A5 A12 A14 A26 A43 A44 A49 A50 A52",
}
"""Verdicts of the old rules on the results of that day; the others had none."""
INTERVALS = "judged by the interval, not by the mean or by every replicate"
SIZES = (
    "the size that the paper states is asked for on average, and the interval for any"
    " effect at all (a first form of this rule asked it for the size too: 5 replicates"
    " would mostly not have found the paper's own number)"
)
WHY = {
    "A3": "asked for the right sign only, at one level",
    "A4": "held of any network: that learning is faster down to 21 % was not asked;"
    " rank correlations of single networks are less by noise: slopes are judged",
    "A5": "took the mean of ratios, at one level; the paper compares averages;"
    f" {SIZES}",
    "A7": SIZES,
    "A6": "took one level's noise for a return",
    "A8": "took one level's noise for a return",
    "A9": f"the greatest of 20 means, which noise makes too; {SIZES}",
    "A10": "99.5 % passed as 100 %",
    "A11": "took one level's noise for a return; its second half is A8, counted once",
    "A12": f"one level and one draw of the reinits; {SIZES}",
    "A13": "rank correlations of single networks are less by noise: slopes are judged",
    "A14": "asked every replicate where the paper says the average; judged by 3 rates",
    "A15": "judged by 6 rates",
    "A25": "the sentence on LeNet is A11; steady is no gain",
    "A26": "the paper's numbers contradict each other, which no run can change",
    "A30": "did not ask that tickets fail to match the original",
    "A35": "did not ask that tickets fail to match the original",
    "A36": "allowed the whole difference to A37",
    "A37": "did not ask for the difference to A36",
    "A39": "did not ask that tickets fail to match the original",
    "A42": "a mean of two levels hid that one shows nothing",
    "A43": "fewer weights near 0 are no two peaks; two levels with unlike signs",
    "A44": "fewer weights near 0 are no two peaks; two levels with unlike signs",
    "A45": "no difference was not tested by an interval inside a margin",
    "A49": "half of the mean, where chance is a tenth; 41 % of the weights left out",
    "A50": "the paper compares SGD in the input layer only; the output layer has too"
    " few units; incoming connections were not compared",
    "A51": "no difference was not tested by an interval inside a margin",
    "A52": "early stop, which the figure shows, was not looked at",
    "A54": "read a last step as an early stop",
    "A55": "asked for more accuracy where the paper speaks of early stop",
    "A79": "did not ask that tickets fail to match the original",
    "A80": "any rise was rapid, and any smaller one little",
}


REPLICATES = {
    **dict.fromkeys(("A8", "A14", "A15", "A16", "A51"), 10),
    "A6": 20,
    "A3": 20,
    "A11": 40,
    "B3c": 10,
    **dict.fromkeys(("B3e", "B3n", "B3s"), 10),
}
"""Replicates that find a claim in 4 of 5 studies if the paper's number is true, where
its 5 do not, by `lth claims --null`."""


def with_changes(
    claims: Iterable[Claim],
    why: dict[str, str] | None = None,
    old: dict[str, str] | None = None,
) -> Iterator[Claim]:
    """Yield claims with how their rules were changed.

    Args:
        claims: of a paper.
        why: rules were changed, by id; default: of this paper.
        old: ids by the verdict of the old rule; default: of this paper.
    """
    why = WHY if why is None else why
    verdicts = {
        id_: verdict for verdict, ids in (old or OLD).items() for id_ in ids.split()
    }
    for claim in claims:
        known = verdicts.get(claim.id, "")
        reasons = [why[claim.id]] if claim.id in why else []
        reasons += [INTERVALS] if known and claim.conditions else []
        change = Change(DATE, "; ".join(reasons), known) if reasons else None
        yield claim._replace(changed=change, replicates=REPLICATES.get(claim.id, 5))
