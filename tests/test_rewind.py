"""Rewinding: which weights, which clock, from a trajectory made by hand."""

import jax
import jax.numpy as jnp
import pytest
from helpers import tree_close

from lth_jax.config import Config, RewindConfig, TrainConfig
from lth_jax.errors import InputError
from lth_jax.tickets.rewinding import rewind, rule_of
from lth_jax.types import END, FINAL, Rewind, Snapshot

K, LAST = 3, 10
MASK = {"w": jnp.array([[True, False], [True, True]]), "b": jnp.ones(2, bool)}


def snapshot(step: int) -> Snapshot:
    params = {"w": jnp.full((2, 2), 1.0 + step), "b": jnp.full(2, 0.5 + step)}
    state = {"mean": jnp.full(2, 100.0 + step)}
    moments = {"trace": jnp.full(2, 7.0)}
    return Snapshot(params, state, moments, jnp.int32(step))


TRAJECTORY = {0: snapshot(0), K: snapshot(K), FINAL: snapshot(LAST)}
RULES = {
    "reset (LTH)": (Rewind(0, 0), 0, 0),
    "late rewinding": (Rewind(K, K), K, K),
    "learning-rate rewinding": (Rewind(FINAL, K), LAST, K),
    "fine-tuning": (Rewind(FINAL, END, steps=5), LAST, LAST),
    "other clock": (Rewind(K, 0), K, 0),
}


@pytest.mark.parametrize(("rule", "weights", "clock"), RULES.values(), ids=RULES)
def test_the_table_of_rules(rule, weights, clock):
    ticket = rewind(TRAJECTORY, MASK, rule)
    tree_close(ticket.params, snapshot(weights).params)  # full: no mask applied
    tree_close(ticket.state, snapshot(weights).state)
    tree_close(ticket.mask, MASK)
    assert ticket.clock == clock
    assert ticket.moments is None, "the optimizer starts afresh"


def test_moments_are_restored_where_the_rule_says_so():
    ticket = rewind(TRAJECTORY, MASK, Rewind(K, K, moments=True))
    tree_close(ticket.moments, snapshot(K).moments)


def test_moments_that_were_not_kept_cannot_be_restored():
    bare = {K: snapshot(K)._replace(moments=None)}
    with pytest.raises(InputError, match="at 3 holds no optimizer state"):
        rewind(bare, MASK, Rewind(K, K, moments=True))


def test_a_clock_before_the_start_is_refused():
    with pytest.raises(InputError, match="The clock is -1: training begins at step 0"):
        rewind(TRAJECTORY, MASK, Rewind(K, -1))


@pytest.mark.parametrize(
    ("given", "rule"),
    [
        ({}, Rewind(0, 0, 30_000)),
        ({"weights": 500}, Rewind(500, 500, 29_500)),
        ({"weights": 0.02, "moments": "restored"}, Rewind(600, 600, 29_400, True)),
        ({"weights": 500, "clock": 0}, Rewind(500, 0, 30_000)),
        ({"weights": "final", "clock": 0.5}, Rewind(FINAL, 15_000, 15_000)),
        ({"weights": "final", "steps": 9}, Rewind(FINAL, END, 9)),
        ({"weights": 500, "clock": "end", "steps": 9}, Rewind(500, END, 9)),
    ],
)
def test_the_rule_of_a_config(given, rule):
    train = TrainConfig(steps=30_000)
    config = Config(train=train, rewind=RewindConfig(**given)).validate()
    assert rule_of(config) == rule


def test_the_default_is_the_initialisation():
    tree_close(rewind(TRAJECTORY, MASK), rewind(TRAJECTORY, MASK, Rewind(0, 0)))


@pytest.mark.parametrize(
    ("rule", "missing"),
    [
        (Rewind(5, 0), "5"),
        (Rewind(FINAL, 0), "'final'"),
        (Rewind(0, END), "'final'"),
    ],
)
def test_a_missing_snapshot_is_named(rule, missing):
    with pytest.raises(InputError, match=rf"no snapshot at {missing}; it has \[0\]"):
        rewind({0: snapshot(0)}, MASK, rule)


@pytest.mark.parametrize("rule", [rule for rule, *_ in RULES.values()], ids=RULES)
def test_vmap_and_jit_equal_one_by_one(rule):
    """Over the snapshots: JAX takes no dict that mixes step numbers and FINAL."""

    def ticket(snapshots, mask):
        return rewind(dict(zip(TRAJECTORY, snapshots, strict=True)), mask, rule)

    def shifted(by):
        return jax.tree.map(lambda leaf: leaf + by, tuple(TRAJECTORY.values()))

    def stack(*trees):
        return jax.tree.map(lambda *leaves: jnp.stack(leaves), *trees)

    trajectories = [shifted(by) for by in range(3)]
    masks = [MASK, jax.tree.map(jnp.logical_not, MASK), MASK]
    together = jax.jit(jax.vmap(ticket))(stack(*trajectories), stack(*masks))
    tree_close(together, stack(*map(ticket, trajectories, masks)))
