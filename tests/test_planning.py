"""Plans: which are worth measuring, which wins, and that it is used."""

import json
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import pytest

from lth_jax import Config, ModelConfig, PruneConfig, TrainConfig, models
from lth_jax.config import PlanConfig
from lth_jax.driver import devices, pipeline
from lth_jax.driver import plan as planning
from lth_jax.driver.plan import Plan, candidates
from lth_jax.driver.prepare import prepare
from lth_jax.errors import InputError


@pytest.fixture
def gpus(monkeypatch):
    """Pretend that there are two accelerators of 4 GiB."""
    one = SimpleNamespace(platform="gpu", memory_stats=lambda: {"bytes_limit": 4 << 30})
    monkeypatch.setattr(devices.jax, "local_devices", lambda: [one, one])


LENET, CONV2 = models.lenet((28, 28, 1)), models.conv_net(2)


def test_a_cpu_has_one_candidate():
    assert candidates(PlanConfig(), CONV2, 3) == [Plan("cpu", 3, 1, "columns")]
    assert candidates(PlanConfig(devices=1), LENET, 3) == [Plan("cpu", 1, 1, "columns")]


def test_what_the_user_fixes_is_fixed():
    plan = PlanConfig(devices=2, lanes=5, convolution="lax")
    assert candidates(plan, CONV2, 3) == [Plan("cpu", 2, 5, "lax")]


def test_an_accelerator_measures_lanes_and_forms_of_convolution(gpus):
    plans = candidates(PlanConfig(), CONV2, 40)
    assert {(p.devices, p.lanes, p.convolution) for p in plans} == {
        (2, lanes, form) for lanes in (5, 10, 20) for form in ("lax", "columns")
    }
    assert [p.lanes for p in candidates(PlanConfig(), LENET, 40)] == [5, 10, 20]
    assert [p.lanes for p in candidates(PlanConfig(), LENET, 2)] == [1]


def test_memory_bounds_the_lanes(gpus):
    (vgg,) = [row for row in models.listed() if row["name"] == "vgg19"]
    size = 4 * vgg["parameters"]
    most = max(p.lanes for p in candidates(PlanConfig(), models.vgg19(), 1_000))
    assert most == int(0.6 * (4 << 30) / (6 * size))


def small(tmp_path, **fields) -> Config:
    return Config(
        model=ModelConfig(widths=(6,)),
        train=TrainConfig(steps=8, eval_every=4),
        prune=PruneConfig(levels=1),
        replicates=2,
        out=str(tmp_path),
        progress=False,
        **fields,
    )


PLANS = [Plan("cpu", 1, lanes) for lanes in (1, 2, 4)]


def choose(tmp_path, n_lanes: int) -> Plan:
    return planning.choose(prepare(small(tmp_path)), PLANS, n_lanes)


def test_the_fastest_per_network_wins(tmp_path, monkeypatch, caplog):
    caplog.set_level("INFO", "lth_jax")
    seconds = {1: 1.0, 2: 1.1, 4: 4.5}
    pace = lambda _, p: planning.Pace(seconds[p.width], 0.0)  # noqa: E731
    monkeypatch.setattr(planning, "measure", pace)
    assert choose(tmp_path, 4) == PLANS[1]
    assert "2 lanes on each device" in caplog.text


def test_evaluation_counts_as_often_as_it_happens(tmp_path, monkeypatch):
    paces = {
        1: planning.Pace(1.0, 4.0),
        2: planning.Pace(1.5, 40.0),
        4: planning.Pace(9.0, 9.0),
    }
    monkeypatch.setattr(planning, "measure", lambda _, p: paces[p.width])
    assert choose(tmp_path, 2).lanes == 1


def test_a_plan_that_does_not_fit_loses(tmp_path, monkeypatch, caplog):
    caplog.set_level("INFO", "lth_jax")

    def pace(_, program):
        if program.width > 1:
            raise jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: out of memory")
        return planning.Pace(9.0, 9.0)

    monkeypatch.setattr(planning, "measure", pace)
    assert choose(tmp_path, 4).lanes == 1
    assert caplog.text.count("does not fit") == 2


def test_no_plan_that_fits_is_an_error(tmp_path, monkeypatch):
    def pace(*_):
        raise jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: out of memory")

    monkeypatch.setattr(planning, "measure", pace)
    with pytest.raises(InputError, match=r"not even 1 lanes .* plan\.lanes"):
        choose(tmp_path, 4)


def test_other_errors_are_not_hidden(tmp_path, monkeypatch):
    def pace(*_):
        raise jax.errors.JaxRuntimeError("INTERNAL: broken")

    monkeypatch.setattr(planning, "measure", pace)
    with pytest.raises(jax.errors.JaxRuntimeError, match="broken"):
        choose(tmp_path, 4)


def test_a_measured_plan_is_stored_and_reused(tmp_path, monkeypatch):
    monkeypatch.setattr(planning, "candidates", lambda *_: PLANS[:2])
    monkeypatch.setattr(planning, "MEASURED_SECONDS", 0.0)
    path = pipeline.run(small(tmp_path), "measured")
    plan = json.loads((path / "manifest.json").read_text())["plan"]
    assert Plan(**plan) in PLANS[:2]
    (path / "level_01" / "summary.parquet").unlink()
    monkeypatch.setattr(planning, "choose", None)
    pipeline.run(small(tmp_path), "measured")


@pytest.mark.filterwarnings("ignore::lth_jax.models.SlowConvolutionWarning")
@pytest.mark.parametrize("form", ["lax", "columns"])
def test_the_plan_decides_the_form_of_convolution(form, tmp_path, monkeypatch):
    config = small(tmp_path)
    prepared = prepare(Config(model=ModelConfig(name="conv2"), train=config.train))
    built = []
    keep = lambda model, *_, **__: built.append(model)  # noqa: E731
    monkeypatch.setattr(planning, "make_program", keep)
    planning.compile_lanes(prepared, Plan("cpu", 1, 1, form))
    x, key = jnp.zeros((2, 8, 8, 1)), jax.random.key(0)
    params, state = jax.eval_shape(built[0].init, key)
    apply = lambda p: built[0].apply(p, state, x, False, key)[0]  # noqa: E731
    assert ("conv_general_dilated" in str(jax.make_jaxpr(apply)(params))) == (
        form == "lax"
    )
