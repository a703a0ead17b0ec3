"""Rules on made-up networks: noise hardly passes, the papers' numbers mostly do."""

import numpy as np
import pytest

from lth_jax import papers
from lth_jax.cli import main
from lth_jax.judging import null
from lth_jax.judging.quantities import gain
from lth_jax.judging.reductions import at
from lth_jax.judging.rules import Claim, above, need
from lth_jax.papers.lottery.claims.changes import REPLICATES
from lth_jax.papers.lottery.settings import LENET

EVERY = [each for each in papers.claims_with_worlds() if each[0].conditions]
SHORT = [each for each in EVERY if each[0].id in "A3 A9 A15 A46 A51 A52 B3".split()]
KNOWN = [each for each in EVERY if each[1]]
FEW, MANY = 40, 400
NOISE, POWER = 0.05, 0.8


def above_chance(share: float, studies: int) -> float:
    """Return what a share may come to by the chance of so many studies."""
    return share + 3 * np.sqrt(share * (1 - share) / studies)


def check_noise(claim: Claim, studies: int) -> None:
    found = null.verdicts(claim, {}, studies, 5)["reproduced"] / studies
    assert found <= above_chance(NOISE, studies), (claim.id, found)


@pytest.mark.parametrize(
    "each", [e for e in SHORT if not e[0].alike], ids=lambda each: each[0].id
)
def test_noise_hardly_passes(each):
    check_noise(each[0], FEW)


@pytest.mark.long
@pytest.mark.parametrize(
    "each", [e for e in EVERY if not e[0].alike], ids=lambda each: each[0].id
)
def test_noise_passes_no_rule(each):
    check_noise(each[0], MANY)


@pytest.mark.parametrize("each", SHORT, ids=lambda each: each[0].id)
def test_what_the_paper_says_is_found(each):
    claim, worlds = each
    if claim.id not in REPLICATES:
        found = null.verdicts(claim, worlds, FEW, 5)["reproduced"] / FEW
        assert found >= POWER - 0.1


@pytest.mark.long
@pytest.mark.parametrize("each", KNOWN, ids=lambda each: each[0].id)
def test_as_many_replicates_find_it_as_its_entry_says(each):
    claim, worlds = each
    needed = REPLICATES.get(claim.id, 5)
    if needed <= 40:
        found = null.verdicts(claim, worlds, 100, needed)["reproduced"] / 100
        assert found >= POWER - 0.1, (claim.id, needed, found)


def test_a_point_estimate_would_pass_by_noise():
    """The sign of a mean is a coin; its interval is not."""
    claim = Claim("X1", "", "", "", [need(LENET, gain(), at(3), above(0))])
    counts = null.verdicts(claim, {}, FEW, 5)
    assert counts["reproduced"] <= 3
    assert counts["undecided"] >= 30


def test_studies_are_drawn_anew_and_alike_every_time():
    claim = next(claim for claim, _ in SHORT if claim.id == "A9")
    first, again = (null.verdicts(claim, {}, 10, 5) for _ in range(2))
    assert first == again and sum(first.values()) == 10


def test_the_command_prints_a_row_per_rule(monkeypatch, capsys):
    some = [each for each in EVERY if each[0].id in ("A10", "A46")]
    monkeypatch.setattr(papers, "claims_with_worlds", lambda: some)
    monkeypatch.setattr(null, "STUDIES", 10)
    assert main(["claims", "--null"]) == 0
    text = capsys.readouterr().out
    assert [line.split()[0] for line in text.splitlines()[4:]] == ["A10", "A46"]
    assert "it says what networks of all sizes share" in text
    assert main(["claims", "--null", "--json"]) == 0
    assert '"truth"' in capsys.readouterr().out
