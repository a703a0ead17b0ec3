"""Model, data and training settings that do not fit are found before any training."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import splits

from lth_jax import Config, InputError, TrainConfig, find_ticket, from_functions
from lth_jax.config import PruneConfig
from lth_jax.models import SlowConvolutionWarning
from lth_jax.training.loop import check_fits


def model(inputs: int, outputs: int, apply=None):
    def init(key):
        return {"w": jax.random.normal(key, (inputs, outputs))}, {}

    def linear(params, state, x, train, key):
        return x.reshape(x.shape[0], -1) @ params["w"], state

    return from_functions(init, apply or linear, output="w")


def size() -> int:
    return int(np.prod(splits().train.x.shape[1:]))


def check(made) -> None:
    data = splits()
    check_fits(made, TrainConfig(batch_size=4), data.train, data.n_classes)


def test_fitting_model():
    check(model(size(), splits().n_classes))
    check(model(size(), splits().n_classes + 1))


def test_too_few_outputs():
    with pytest.raises(InputError, match="labels name"):
        check(model(size(), splits().n_classes - 1))


def test_other_input_shape():
    with pytest.raises(InputError, match="does not take the examples"):
        check(model(size() + 1, splits().n_classes))


def test_apply_without_state():
    def apply(params, state, x, train, key):
        return x.reshape(x.shape[0], -1) @ params["w"]

    with pytest.raises(InputError, match=r"does not return \(logits, state\)"):
        check(model(size(), splits().n_classes, apply))


def test_find_ticket_checks_first():
    config = Config(
        train=TrainConfig(steps=1, batch_size=4), prune=PruneConfig(levels=1)
    )
    with pytest.raises(InputError, match="labels name"):
        next(find_ticket(model(size(), 1), splits(), config))


def test_convolution_in_plain_functions_is_noticed():
    def apply(params, state, x, train, key):
        flat = x.reshape(x.shape[0], 1, -1)
        jax.lax.conv(flat, jnp.ones((1, 1, 1)), (1,), "SAME")
        return flat[:, 0] @ params["w"], state

    with pytest.warns(SlowConvolutionWarning, match="conv_general_dilated"):
        check(model(size(), splits().n_classes, apply))
