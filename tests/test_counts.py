"""Counts of survivors: integers against the golden numbers of the literature."""

import pytest

from lth_jax.config import PruneConfig
from lth_jax.errors import InputError
from lth_jax.tickets.counts import iterative_counts, layer_rates, level_counts, n_pruned
from lth_jax.types import LayerInfo

LENET = {
    "Dense_0/kernel": LayerInfo("dense", (784, 300)),
    "Dense_1/kernel": LayerInfo("dense", (300, 100)),
    "Dense_2/kernel": LayerInfo("output", (100, 10)),
}
# Levels 0 to 20 of LeNet-300-100 at 20 % (output 10 %): round half to even.
LENET_TOTALS = [266200, 213060, 170538, 136511, 109282, 87490, 70051, 56094, 44923]
LENET_TOTALS += [35981, 28823, 23093, 18506, 14834, 11893, 9537, 7650, 6139, 4928]
LENET_TOTALS += [3958, 3179]
# The same with one weight more per layer and pruning, as the original code does.
LENET_ORIGINAL = {1: 213057, 2: 170532, 3: 136503, 4: 109272, 5: 87480, 6: 70040}
LENET_ORIGINAL |= {7: 56081, 10: 28809, 12: 18490, 15: 9518, 20: 3160, 30: 350}

# A network with ResNet-18's 270,896 prunable weights, as far as counting goes.
RESNET = {
    "conv/kernel": LayerInfo("conv", (267_696, 1)),
    "shortcut_1/kernel": LayerInfo("shortcut", (1, 1, 16, 32)),
    "shortcut_2/kernel": LayerInfo("shortcut", (1, 1, 32, 64)),
    "Dense_0/kernel": LayerInfo("output", (64, 10)),
}
UNPRUNED_SHORTCUTS = PruneConfig(
    scope="global", output_rate=0.0, rates=(("shortcut", 0.0),), levels=4
)


def totals(config: PruneConfig) -> list[int]:
    return [sum(level.values()) for level in level_counts(LENET, config)]


def test_lenet_totals():
    assert totals(PruneConfig(levels=20)) == LENET_TOTALS


def test_lenet_totals_of_the_original_code():
    found = totals(PruneConfig(levels=30, count="original"))
    assert found[0] == 266_200
    assert {level: found[level] for level in LENET_ORIGINAL} == LENET_ORIGINAL


@pytest.mark.parametrize(
    ("count", "layers"),
    [("exact", [188_160, 24_000, 900]), ("original", [188_159, 23_999, 899])],
)
def test_lenet_layers_at_level_1(count, layers):
    found = level_counts(LENET, PruneConfig(levels=1, count=count))
    assert found[1] == dict(zip(LENET, layers, strict=True))


@pytest.mark.parametrize(
    ("survivors", "rate", "pruned"),
    [
        (235_200, 0.2, 47_040),  # 0.19999... * 100 truncated gives 47,039
        (5, 0.1, 0),
        (15, 0.1, 2),
        (25, 0.1, 2),
        (5, 0.5, 2),
        (7, 0.5, 4),
        (1, 0.6, 1),
        (100, 0.0, 0),
    ],
)
def test_half_to_even(survivors, rate, pruned):
    assert n_pruned(survivors, rate) == pruned
    assert n_pruned(survivors, rate, "original") == (pruned + 1 if rate else 0)


def test_iterative_counts_never_derive_from_a_float_density():
    counts = iterative_counts({"w": 10}, {"w": 0.25}, 3)
    assert counts == [{"w": 10}, {"w": 8}, {"w": 6}, {"w": 4}]


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (PruneConfig(rate=0.2), (0.2, 0.2, 0.1)),
        (PruneConfig(rate=0.2, output_rate=0.0), (0.2, 0.2, 0.0)),
        (PruneConfig(rate=0.2, output_rate=0.2), (0.2, 0.2, 0.2)),
        (PruneConfig(rate=0.2, rates=(("dense", 0.3),)), (0.3, 0.3, 0.1)),
        (PruneConfig(rate=0.2, rates=(("output", 0.3),)), (0.2, 0.2, 0.3)),
        (PruneConfig(rate=0.2, rates=(("Dense_1/kernel", 0),)), (0.2, 0.0, 0.1)),
        (
            PruneConfig(rates=(("Dense_1/kernel", 0.4), ("dense", 0.3))),
            (0.3, 0.4, 0.1),
        ),
    ],
)
def test_rates_by_path_and_kind(config, expected):
    assert layer_rates(LENET, config) == dict(zip(LENET, expected, strict=True))


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("Dense_1/kernal", "did you mean 'Dense_1/kernel'"),
        ("densse", "did you mean 'dense'"),
        ("conv", "Known: Dense_0/kernel"),
    ],
)
def test_an_unknown_rate_is_refused(name, hint):
    with pytest.raises(InputError, match=rf"prune\.rates names '{name}'.*{hint}"):
        level_counts(LENET, PruneConfig(rates=((name, 0.1),)))


def test_one_shot_counts_start_from_the_dense_network():
    rates = (0.2, 0.5, 0.9)
    found = level_counts(LENET, PruneConfig(one_shot=rates))
    sizes = [235_200, 30_000, 1_000]
    expected = [
        [n - round(n * r) for n, r in zip(sizes, (rate, rate, rate / 2), strict=True)]
        for rate in (0.0, *rates)
    ]
    assert [list(level.values()) for level in found] == expected
    assert expected[3] == [23_520, 3_000, 550]


def test_global_counts_of_a_residual_network():
    """Level 4 keeps 41.7 %: shortcuts and output are left alone but counted."""
    counts = level_counts(RESNET, UNPRUNED_SHORTCUTS)
    assert counts[0] == 270_896
    taking_part, protected = 267_696, 2_560 + 640
    for level in range(1, 5):
        taking_part -= round(0.2 * taking_part)
        assert counts[level] == taking_part + protected
    assert round(100 * counts[4] / counts[0], 1) == 41.7


def test_global_pruning_of_all_layers_has_one_rate():
    """No half rate for the output layer where all weights compete."""
    counts = level_counts(RESNET, PruneConfig(scope="global", levels=2))
    assert counts == [270_896, 216_717, 173_374]


def test_global_one_shot():
    config = PruneConfig(scope="global", one_shot=(0.5, 0.9))
    assert level_counts(RESNET, config) == [270_896, 135_448, 27_090]


def test_global_one_shot_may_begin_at_rate_0():
    config = PruneConfig(scope="global", one_shot=(0.0, 0.5))
    assert level_counts(RESNET, config) == [270_896, 270_896, 135_448]


@pytest.mark.parametrize(
    "change",
    [
        {"output_rate": 0.1},
        {"rates": (("conv", 0.3),)},
        {"rates": (("Dense_0/kernel", 0.1),)},
    ],
)
def test_global_pruning_refuses_several_rates(change):
    with pytest.raises(InputError, match=r"prune\.scope is global, with the one rate"):
        level_counts(RESNET, PruneConfig(scope="global", **change))


def test_global_pruning_refuses_an_unknown_layer():
    with pytest.raises(InputError, match="did you mean 'shortcut'"):
        level_counts(RESNET, PruneConfig(scope="global", rates=(("shortcuts", 0),)))


@pytest.mark.parametrize(
    ("config", "where"),
    [
        (
            PruneConfig(levels=60, count="original"),
            r"levels is 60, but at level 39 .* left of Dense_1/kernel",
        ),
        (
            PruneConfig(levels=3, rate=0.99),
            r"levels is 3, but at level 3 .* left of Dense_0/kernel",
        ),
        (
            PruneConfig(levels=9, rate=0.9, scope="global"),
            r"levels is 9, but at level 6 .* left of the network",
        ),
        (
            PruneConfig(one_shot=(0.5, 0.99999)),
            r"one_shot is \(0.5, 0.99999\), but at level 2 .* left of Dense_1/kernel",
        ),
    ],
)
def test_a_schedule_that_empties_a_layer_is_refused(config, where):
    with pytest.raises(InputError, match=rf"prune\.{where}"):
        level_counts(LENET, config)


@pytest.mark.parametrize(
    "config",
    [
        PruneConfig(rates=(("dense", 0.0),), output_rate=0.0),
        PruneConfig(rates=(("dense", 0.0),), output_rate=0.0, scope="global"),
        PruneConfig(rate=0.0, rates=(("dense", 0.3), *((p, 0.0) for p in LENET))),
    ],
)
def test_a_config_that_leaves_no_layer_to_prune_is_refused(config):
    with pytest.raises(InputError, match=r"^prune\.rate is 0.*no layer.* Dense_2/ker"):
        level_counts(LENET, config)


def test_no_layer_is_pruned_where_nothing_is_to_be():
    """Level 0 alone; or rate 0, for copies of the dense network."""
    zero = PruneConfig(rates=(("dense", 0.0),), output_rate=0.0, levels=0)
    assert len(level_counts(LENET, zero)) == 1
    one, two = level_counts(LENET, PruneConfig(rate=0.0, levels=1))
    assert one == two


def test_an_output_rate_needs_an_output_layer():
    layers = {"a": LayerInfo("dense", (2, 3))}
    with pytest.raises(InputError, match=r"^prune\.output_rate is 0\.1, but the model"):
        layer_rates(layers, PruneConfig(output_rate=0.1))
    assert layer_rates(layers, PruneConfig()) == {"a": 0.2}


@pytest.mark.parametrize("scope", ["layerwise", "global"])
def test_one_shot_pruning_can_leave_layers_alone(scope):
    config = PruneConfig(
        scope=scope, one_shot=(0.5,), output_rate=0.0, rates=(("shortcut", 0.0),)
    )
    _, kept = level_counts(RESNET, config)
    total = kept if scope == "global" else sum(kept.values())
    assert total == 267_696 // 2 + 512 + 2_048 + 640
