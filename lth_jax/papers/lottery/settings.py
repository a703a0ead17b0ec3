"""How the paper trains and prunes its networks: what its claims are judged by.

They are written here once more, beside `lth_jax.recipes`, so that a recipe that is
wrong is found out: a run is judged by what the paper says, not by what was run.
"""

from typing import Any

from ...config import Config, DataConfig, ModelConfig, PruneConfig, TrainConfig
from ...judging.quantities import Layer
from ...judging.settings import Setting
from ...results import network_name

MNIST = DataConfig(name="mnist", validation=5_000)
CIFAR10 = DataConfig(name="cifar10", validation=5_000, scaling="standard")
REINIT, SHUFFLE, RESAMPLE = "random_reinit", "shuffle_mask", "resample_init"
"""Kinds of controls."""
WIDTHS = ("model.widths",)
"""Hidden widths, which LeNet alone reads."""

# LeNet on MNIST.

LENET = Setting(
    network_name("lenet"),
    Config(
        data=MNIST,
        train=TrainConfig(
            steps=50_000, batch_size=60, optimizer="adam", learning_rate=1.2e-3
        ),
        prune=PruneConfig(rate=0.2, output_rate=0.1),
    ),
    kinds=("dense", "output"),
)
"""Figure 2 (LeNet) and appendix G.1."""
LENET_LAYERS = (
    Layer("Dense_0/kernel", "first layer"),
    Layer("Dense_1/kernel", "second layer"),
    Layer("Dense_2/kernel", "output layer"),
)
LENET_ONE_SHOT = LENET.but(
    "one-shot",
    prune={"output_rate": None, "one_shot": (0.05, 0.325, 0.825, 0.9, 0.95)},
)
"""Figure 4c; a run may have more rates than those that the text names."""

# Conv-2, Conv-4 and Conv-6 on CIFAR-10.


def _conv(model: ModelConfig, steps: int, learning_rate: float, rate: float) -> Setting:
    return Setting(
        network_name(model.name),
        Config(
            data=CIFAR10,
            model=model,
            train=TrainConfig(
                steps=steps,
                batch_size=60,
                optimizer="adam",
                learning_rate=learning_rate,
            ),
            prune=PruneConfig(rate=0.2, output_rate=0.1, rates=(("conv", rate),)),
        ),
        kinds=("conv", "dense", "output"),
        unread=WIDTHS,
    )


CONV2 = _conv(ModelConfig(name="conv2"), 20_000, 2e-4, 0.10)
CONV4 = _conv(ModelConfig(name="conv4"), 25_000, 3e-4, 0.10)
CONV6 = _conv(ModelConfig(name="conv6"), 30_000, 3e-4, 0.15)
"""Figure 2 and appendix H.1."""


def dropout(setting: Setting, learning_rate: float) -> Setting:
    """Return a convolutional setting with dropout 0.5: three times the steps (H.5)."""
    steps = 3 * setting.config.train.steps
    return setting.but(
        f"dropout lr {learning_rate:g}",
        model={"dropout": 0.5},
        train={"learning_rate": learning_rate, "steps": steps},
    )


DROPOUT2 = dropout(CONV2, 3e-4)
DROPOUT4 = dropout(CONV4, 2e-4)
DROPOUT6 = dropout(CONV6, 2e-4)
"""Figure 6."""

# VGG-19 and ResNet-18 on CIFAR-10.

_MOMENTUM: dict[str, Any] = {
    "optimizer": "momentum",
    "momentum": 0.9,
    "weight_decay": 1e-4,
    "augment": True,
    "learning_rate": 0.1,
}
VGG19 = Setting(
    network_name("vgg19"),
    Config(
        data=CIFAR10,
        model=ModelConfig(name="vgg19"),
        train=TrainConfig(
            steps=112_480, batch_size=64, drops=(56_240, 84_360), **_MOMENTUM
        ),
        prune=PruneConfig(rate=0.2, output_rate=0.0, scope="global"),
    ),
    kinds=("conv", "output"),
    unread=WIDTHS,
    cadence=False,
)
"""Appendix I.2, to which figure 7 adds the learning rate and warmup."""
RESNET18 = Setting(
    network_name("resnet18"),
    Config(
        data=CIFAR10,
        model=ModelConfig(name="resnet18"),
        train=TrainConfig(
            steps=30_000, batch_size=128, drops=(20_000, 25_000), **_MOMENTUM
        ),
        prune=PruneConfig(
            rate=0.2, output_rate=0.0, rates=(("shortcut", 0.0),), scope="global"
        ),
    ),
    kinds=("conv", "shortcut", "output"),
    unread=WIDTHS,
    cadence=False,
)
"""Appendix I.3, to which figure 8 adds the learning rate and warmup."""


def warmed(setting: Setting, learning_rate: float, warmup: int = 0) -> Setting:
    """Return a deep setting with a learning rate and that many steps of warmup."""
    name = f"lr {learning_rate:g}" + (f" warmup {warmup:,}" if warmup else "")
    train = {"learning_rate": learning_rate, "warmup": warmup}
    return setting.but(name, train=train)


def layerwise(setting: Setting) -> Setting:
    """Return a deep setting with layer-wise pruning (appendix I.1)."""
    return setting.but("layer-wise", prune={"scope": "layerwise"})


VGG_HIGH, VGG_LOW = warmed(VGG19, 0.1), warmed(VGG19, 0.01)
VGG_WARM = warmed(VGG19, 0.1, 10_000)
RESNET_HIGH, RESNET_LOW = warmed(RESNET18, 0.1), warmed(RESNET18, 0.01)
RESNET_WARM = warmed(RESNET18, 0.03, 20_000)
"""Figures 7 and 8."""
