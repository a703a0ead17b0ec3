"""What both sides of a comparison do; needs neither JAX nor PyTorch."""

BATCHES = {"lenet": 60, "conv2": 60, "resnet18": 128, "vgg19": 64}
"""Examples per step, as in the paper."""
STEPS = {"lenet": 1_000, "conv2": 10, "resnet18": 5, "vgg19": 3}
"""Steps per repetition."""
SHAPES = {"lenet": (28, 28, 1)} | dict.fromkeys(
    ("conv2", "resnet18", "vgg19"), (32, 32, 3)
)
"""Height, width and channels of an example."""
N_TEST = 15_000
"""Examples of an evaluation at the paper's cadence: validation and test set."""
