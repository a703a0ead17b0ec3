"""What can be pruned: by path and shape, or as the user says."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import started

from lth_jax import models, tree
from lth_jax.tickets import masks
from lth_jax.tickets.prunable import is_prunable, says_bias, stacked
from lth_jax.types import LayerInfo

TABLE = np.ones((3, 4))
KERNELS = [
    "kernel",
    "w",
    "",
    "Dense_0/kernel",
    "Dense_0/kernel/value",
    "Dense_0/kernel/raw_value",
    "layers/0/weight",
    "0/0",
    "query/kernel",
    "patch_embedding/kernel",
    "embed/kernel",
    "PreNorm_0/Dense_0/kernel",
    "prenorm/proj/weight",
    "normal_dense/kernel",
    "norms/attention/kernel",
    "recurrent_kernel",
    "lora_b",
    "value",
    "mlp/value",
    "value/kernel",
]
OTHERS = [
    "bias",
    "b",
    "Dense_0/bias",
    "Dense_0/bias/value",
    "query/bias",
    "ScanBlock_0/LayerNorm_0/scale",
    "linear/b",
    "in_proj_bias",
    "norm/weight",
    "norm1/weight",
    "norms/0/weight",
    "BatchNorm_0/kernel",
    "layernorm/w",
    "ln_1/weight",
    "bn1/w",
    "RMSNorm_0/scale",
    "gamma",
    "layer/beta",
    "offset",
    "Embed_0/embedding",
    "embed/embeddings",
    "token_embedding/weight",
    "pos_embedding",
    "posemb",
    "position_table",
    "positions/table",
    "cls",
    "cls_token",
    "logit_scale",
]


@pytest.mark.parametrize("path", KERNELS)
def test_kernels_can_be_pruned(path):
    assert is_prunable(path, TABLE)
    assert not is_prunable(path, TABLE[0]), "a vector is no kernel"


@pytest.mark.parametrize("path", OTHERS)
def test_biases_norms_embeddings_and_positions_cannot(path):
    assert not is_prunable(path, TABLE)


def test_biases_are_known_by_name():
    for path in ("bias", "b", "Dense_0/bias/value", "LayerNorm_0/scale", "q_bias"):
        assert says_bias(path), path
    for path in ("kernel", "w", "biased_kernel/w"):
        assert not says_bias(path), path


def test_stacks_are_what_a_table_says():
    table = {"w": LayerInfo("dense", (3, 4, 5), 1)}
    assert [stacked(given, "w") for given in (table, ["w"], None)] == [1, 0, 0]


class Attention(nn.Module):
    """A transformer of one block, on ints made floats."""

    @nn.compact
    def __call__(self, x):
        x = nn.Embed(11, 8)(x.astype(int))
        x = x + self.param("pos_embedding", nn.initializers.normal(), (4, 8))
        x = x + nn.MultiHeadDotProductAttention(2)(nn.LayerNorm()(x))
        return nn.Dense(3)(x.mean(axis=1))


def test_of_attention_the_kernels_are_pruned():
    model = models.from_linen(Attention(), (4,), output="Dense_0/kernel")
    inside = "MultiHeadDotProductAttention_0"
    assert model.layers == {
        "Dense_0/kernel": LayerInfo("output", (8, 3)),
        f"{inside}/key/kernel": LayerInfo("dense", (8, 2, 4)),
        f"{inside}/out/kernel": LayerInfo("dense", (2, 4, 8)),
        f"{inside}/query/kernel": LayerInfo("dense", (8, 2, 4)),
        f"{inside}/value/kernel": LayerInfo("dense", (8, 2, 4)),
    }
    params, _ = started(model, jax.random.key(0))
    kept = masks.prune(jax.tree.map(abs, params), masks.ones(params), rate=0.9)
    for path, leaf in tree.flatten(kept).items():
        assert leaf.all() != (path in model.layers), path
    kept = masks.prune(jax.tree.map(abs, params), masks.ones(params), 40)
    biases = [leaf for path, leaf in tree.flatten(kept).items() if "bias" in path]
    assert all(jnp.all(leaf) for leaf in biases), "zeros, but not pruned first"
