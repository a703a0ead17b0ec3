"""Layers of rate 0 are never pruned, whatever the scope and the form."""

import numpy as np
import pytest
from helpers import built, splits

from lth_jax import tree
from lth_jax.config import Config, PlanConfig, PruneConfig, TrainConfig
from lth_jax.study.find import find_ticket

MLP = built("mlp")
OUTPUT = list(MLP.layers)[-1]


@pytest.mark.parametrize(
    "form", [{"levels": 1, "rate": 0.5}, {"one_shot": (0.5, 0.8)}], ids=str
)
@pytest.mark.parametrize(
    "spared", [{"output_rate": 0.0}, {"rates": ((OUTPUT, 0.0),)}], ids=str
)
@pytest.mark.parametrize(
    "scope", ["global", pytest.param("layerwise", marks=pytest.mark.long)]
)
def test_layers_of_rate_0_take_no_part(scope, form, spared):
    config = Config(
        train=TrainConfig(steps=2, batch_size=6, eval_every=2),
        prune=PruneConfig(scope=scope, **form, **spared),
        replicates=1,
        reinits=0,
        shuffles=0,
        plan=PlanConfig(devices=1),
    )
    sizes = {path: np.prod(info.shape) for path, info in MLP.layers.items()}
    kept = [
        {p: int(m.sum()) for p, m in tree.flatten(level.masks).items() if p in sizes}
        for level in find_ticket(MLP, splits(), config)
    ]
    assert {level[OUTPUT] for level in kept} == {sizes[OUTPUT]}
    others = [sum(level.values()) - level[OUTPUT] for level in kept]
    hidden = sum(sizes.values()) - sizes[OUTPUT]
    assert others == [hidden, hidden // 2, hidden // 5][: len(kept)]
