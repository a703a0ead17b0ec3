"""Settings of the papers, and their small forms."""

from dataclasses import replace

import pytest

from lth_jax import recipes
from lth_jax.config import Config, PruneConfig, TrainConfig

SETTINGS = {
    "lenet": recipes.lenet(),
    "conv2": recipes.conv("conv2"),
    "conv6": recipes.conv("conv6"),
    **recipes.deep(),
}
CONVS = {
    "conv2": (20_000, 2e-4, 0.1),
    "conv4": (25_000, 3e-4, 0.1),
    "conv6": (30_000, 3e-4, 0.15),
}
"""Steps, learning rate and rate of convolutions (LTH, Figure 2)."""


@pytest.mark.parametrize("name", CONVS)
def test_convolutional_networks_are_those_of_figure_2(name):
    config = recipes.conv(name).validate()
    steps, learning_rate, rate = CONVS[name]
    assert (config.data.name, config.model.name) == ("cifar10", name)
    assert (config.train.steps, config.train.learning_rate) == (steps, learning_rate)
    assert (config.train.optimizer, config.train.batch_size) == ("adam", 60)
    assert (config.prune.rate, config.prune.output_rate) == (0.2, 0.1)
    assert config.prune.rates == (("conv", rate),)


def test_deep_networks_have_the_rates_and_warmups_of_figures_7_and_8():
    found = {
        name: (c.model.name, c.train.learning_rate, c.train.warmup)
        for name, c in recipes.deep().items()
    }
    assert found == {
        "resnet18_standard": ("resnet18", 0.1, 0),
        "resnet18_low": ("resnet18", 0.01, 0),
        "resnet18_warmup": ("resnet18", 0.03, 20_000),
        "vgg19_standard": ("vgg19", 0.1, 0),
        "vgg19_low": ("vgg19", 0.01, 0),
        "vgg19_warmup": ("vgg19", 0.1, 10_000),
    }


@pytest.mark.parametrize("name", SETTINGS)
def test_a_small_study_is_less_of_everything(name):
    whole = replace(SETTINGS[name], reinits=2, resamples=3, noises=(0.5, 1.0))
    small = recipes.small(whole).validate()
    assert small.train.steps < whole.train.steps
    assert small.levels < whole.levels and small.replicates < whole.replicates
    assert small.draws == {**whole.draws, "random_reinit": 1, "resample_init": 1}
    share = small.train.steps / whole.train.steps
    assert small.train.warmup == round(whole.train.warmup * share)
    assert (small.data, small.model) == (whole.data, whole.model)
    kept = (1 - whole.prune.rate) ** 4
    assert 1 - small.prune.rate == pytest.approx(kept), "a level is four prunings"


def test_a_small_study_is_never_larger():
    train = TrainConfig(steps=50, eval_every=10)
    config = Config(train=train, prune=PruneConfig(levels=1), replicates=1)
    small = recipes.small(config).validate()
    assert (small.train.steps, small.levels, small.replicates) == (50, 1, 1)


def test_a_small_study_prunes_globally_at_one_rate():
    """No half rate for the output where all weights compete."""
    prune = recipes.small(Config(prune=PruneConfig(scope="global"))).prune
    assert prune.output_rate is None


def test_a_small_one_shot_study_keeps_its_largest_rates():
    config = Config(prune=PruneConfig(one_shot=(0.1, 0.2, 0.5, 0.8, 0.9)))
    assert recipes.small(config).validate().prune.one_shot == (0.5, 0.8, 0.9)
