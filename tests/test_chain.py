"""Continued training: the chain carries its weights on, tickets start again."""

import jax
import numpy as np
import pytest
from helpers import built, splits

from lth_jax import (
    Config,
    InputError,
    PlanConfig,
    PruneConfig,
    TrainConfig,
    find_ticket,
    tree,
)
from lth_jax.study.networks import LaneId


def weights(level, kind: str, replicate: int):
    i = level.ids.index(LaneId(level.number, kind, replicate))
    return tree.take((level.tickets, level.outcome.finals.params), i)


@pytest.fixture(scope="module")
def levels():
    config = Config(
        train=TrainConfig(steps=6, batch_size=6, eval_every=6, learning_rate=0.02),
        prune=PruneConfig(levels=2, rate=0.3, continued=True),
        replicates=2,
        plan=PlanConfig(devices=1),
    )
    return list(find_ticket(built("mlp"), splits(), config))


@pytest.mark.parametrize("replicate", [0, 1])
def test_chain_goes_on_and_tickets_go_back(levels, replicate):
    start, carried = weights(levels[0], "ticket", replicate)
    for level in levels[1:]:
        ticket, _ = weights(level, "ticket", replicate)
        chain, final = weights(level, "chain", replicate)
        jax.tree.map(np.testing.assert_array_equal, ticket.params, start.params)
        jax.tree.map(np.testing.assert_array_equal, chain.params, carried)
        jax.tree.map(np.testing.assert_array_equal, chain.mask, ticket.mask)
        carried = final


def test_masks_follow_the_chain(levels):
    before, after = weights(levels[1], "chain", 0), weights(levels[2], "chain", 0)
    for path, final in tree.flatten(before[1]).items():
        mask = tree.flatten(before[0].mask)[path]
        kept = tree.flatten(after[0].mask)[path]
        if (gone := mask & ~kept).any():
            assert np.abs(final[gone]).max() <= np.abs(final[kept]).min()


def test_no_chain_at_level_0_nor_in_one_shot(levels):
    assert {lane.kind for lane in levels[0].ids} == {"ticket"}
    config = Config(prune=PruneConfig(one_shot=(0.5,), continued=True))
    with pytest.raises(InputError, match=r"prune\.continued"):
        config.validate()
