"""Evaluations of the test set that are left out (train.test_every)."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from helpers import built, splits

from lth_jax.config import Config, PlanConfig, PruneConfig, TrainConfig
from lth_jax.errors import InputError
from lth_jax.study.find import Remembered, find_ticket, find_tickets
from lth_jax.study.rows import curve_rows, summary_rows
from lth_jax.study.study import make_study
from lth_jax.training.lanes import make_program, run_lanes

FULL = Config(
    train=TrainConfig(steps=31, batch_size=6, eval_every=2, learning_rate=0.3),
    prune=PruneConfig(levels=1, rate=0.3),
    replicates=3,
    plan=PlanConfig(devices=1, lanes=3),
)
KEYS = ["level", "kind", "replicate", "draw", "split", "step"]


def thinned(every: int) -> Config:
    return dataclasses.replace(
        FULL, train=dataclasses.replace(FULL.train, test_every=every)
    )


def tables_of(config: Config) -> tuple[pd.DataFrame, pd.DataFrame]:
    levels = list(find_ticket(built("mlp"), splits(), config))
    rows = (
        [row for level in levels for row in f(level)]
        for f in (summary_rows, curve_rows)
    )
    summary, curves = map(pd.DataFrame, rows)
    return summary, curves


@pytest.fixture(scope="module")
def full():
    return tables_of(FULL)


def expected_steps(curves: pd.DataFrame, every: int) -> pd.Series:
    """Tell of every test row whether it stays: by NumPy, after the training."""
    validation = curves[curves["split"] == "validation"]
    kept = set()
    for network, rows in validation.groupby(KEYS[:4]):
        loss, step = rows["loss"].to_numpy(), rows["step"].to_numpy()
        before = np.concatenate([[np.inf], np.minimum.accumulate(loss)[:-1]])
        chosen = (loss < before) | (step % every == 0) | (step == step[-1])
        kept |= {(*network, one) for one in step[chosen]}
    names = zip(*(curves[k] for k in [*KEYS[:4], "step"]), strict=True)
    return pd.Series([n in kept for n in names], curves.index)


@pytest.mark.parametrize("every", [10, pytest.param(1_000, marks=pytest.mark.long)])
def test_what_is_evaluated_is_what_was_and_nothing_else_changes(full, every):
    summary, curves = full
    few, thin = tables_of(thinned(every))
    stays = expected_steps(curves, every) | (curves["split"] != "test")
    assert 0.2 < stays[curves["split"] == "test"].mean() < 0.9
    pd.testing.assert_frame_equal(thin, curves[stays].reset_index(drop=True))
    pd.testing.assert_frame_equal(few, summary)


def test_a_training_that_is_cut_into_many_pieces_is_thinned_alike():
    """A chunk may end in the middle of an evaluation: every tick is one here."""
    config, model, data = thinned(10), built("mlp"), splits()
    study = make_study(model, config, train=data.train)
    program = make_program(model, config.train, lanes_per_device=3)
    there = program.put_data(data)

    def train(lanes, _, keep):
        return run_lanes(program, lanes, there, lambda *_: 1, keep=keep)

    levels = find_tickets([study], [Remembered(study)], train)
    rows = [row for _, level in levels for row in curve_rows(level)]
    pd.testing.assert_frame_equal(pd.DataFrame(rows), tables_of(config)[1])


def test_a_network_that_diverges_is_still_seen():
    config = dataclasses.replace(
        thinned(1_000),
        train=dataclasses.replace(thinned(1_000).train, learning_rate=1e30),
    )
    summary, _ = tables_of(config)
    assert set(summary["status"]) == {"diverged", "not_run"}


def test_a_number_of_steps_that_does_not_fit_is_refused():
    with pytest.raises(InputError, match=r"train.test_every is 15: .* multiple .* 10"):
        Config(train=TrainConfig(eval_every=10, test_every=15)).validate()
