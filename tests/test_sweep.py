"""A sweep: variants in one directory, one page, resumed as a whole."""

import dataclasses
import shutil

import pytest
from runs import without_pictures

from lth_jax import (
    Config,
    DataConfig,
    InputError,
    ModelConfig,
    PlanConfig,
    PruneConfig,
    TrainConfig,
    load_run,
)
from lth_jax import config as configs
from lth_jax.driver import pipeline, trainer
from lth_jax.report.sweep import write_reports
from lth_jax.store import write as store


def variants(out, **changes) -> configs.Variants:
    return {
        name: Config(
            data=DataConfig(),
            model=ModelConfig(widths=(8,)),
            train=TrainConfig(steps=10, eval_every=8, learning_rate=rate),
            prune=PruneConfig(levels=1),
            replicates=1,
            plan=PlanConfig(devices=2),
            out=str(out),
            progress=False,
            **changes,
        )
        for name, rate in {"slow": 1e-4, "fast": 1e-2}.items()
    }


@pytest.fixture(scope="module")
def sweep(tmp_path_factory):
    return pipeline.run_sweep(variants(tmp_path_factory.mktemp("out")), "rates")


def test_every_variant_is_a_run_of_its_own(sweep, tmp_path):
    alone = pipeline.run(variants(tmp_path)["fast"], "alone")
    for name in ("summary.parquet", "tickets.npz", "final.npz"):
        stored = (sweep / "fast" / "level_01" / name).read_bytes()
        assert stored == (alone / "level_01" / name).read_bytes()


def counting(monkeypatch) -> list:
    made, make = [], trainer.compile_lanes

    def compile_lanes(prepared, plan):
        made.append(prepared.study.config)
        return make(prepared, plan)

    monkeypatch.setattr(trainer, "compile_lanes", compile_lanes)
    return made


def levels_of(path):
    return {
        str(file.relative_to(path)): file.read_bytes()
        for file in sorted(path.glob("level_*/*"))
        if file.name != "manifest.json"
    }


@pytest.fixture(scope="module")
def odd(tmp_path_factory):
    """Return a sweep of odd variants, and how many programs trained it."""
    with pytest.MonkeyPatch.context() as patch:
        programs = counting(patch)
        path = pipeline.run_sweep(odd_variants(tmp_path_factory.mktemp("odd")), "odd")
    return path, len(programs)


def odd_variants(out) -> configs.Variants:
    """Return variants that train as lanes of one program and differ in all else."""
    one = variants(out)["slow"]
    change = dataclasses.replace
    return {
        "plain": one,
        "deep": change(one, prune=PruneConfig(levels=2), reinits=1),
        "one_shot": change(one, prune=PruneConfig(one_shot=(0.3, 0.6)), replicates=2),
        "continued": change(one, prune=PruneConfig(levels=1, continued=True)),
        "warm": change(one, train=change(one.train, warmup=5), shuffles=1),
        "scaled": change(
            one, model=change(one.model, init_std=0.5), reinits=1, noises=(0.5, 2.0)
        ),
    }


def test_variants_train_side_by_side_with_the_numbers_they_have_alone(odd, tmp_path):
    together, programs = odd
    assert programs == 1
    for name, config in odd_variants(tmp_path).items():
        alone = pipeline.run(config, name)
        assert levels_of(together / name) == levels_of(alone)


@pytest.mark.long
def test_variants_of_other_programs_do_not_mix(tmp_path, monkeypatch):
    made = variants(tmp_path)
    change = dataclasses.replace
    # What they prune is no matter.
    made = {
        name: change(one, prune=PruneConfig(levels=0)) for name, one in made.items()
    }
    slow = made["slow"]
    made |= {
        "wide": change(slow, model=ModelConfig(widths=(7,))),
        "sgd": change(slow, train=change(slow.train, optimizer="sgd")),
        "decay": change(slow, train=change(slow.train, weight_decay=0.1)),
        "seed": change(slow, seed=1),
    }
    programs = counting(monkeypatch)
    pipeline.run_sweep(made, "others")
    assert len(programs) == 5


def test_interrupted_sweep_is_resumed(odd, tmp_path, monkeypatch):
    whole, _ = odd
    write, written = store.write_level, []

    def stop(path, study, level, *rest):
        if len(written) == 7:
            raise KeyboardInterrupt
        written.append(level.number)
        write(path, study, level, *rest)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(store, "write_level", stop)
        pipeline.run_sweep(odd_variants(tmp_path), "odd")
    resumed = pipeline.run_sweep(odd_variants(tmp_path), "odd")
    for name in odd_variants(tmp_path):
        assert levels_of(resumed / name) == levels_of(whole / name)


def test_tables_name_the_variant(sweep):
    run = load_run(sweep)
    assert set(run.summary["variant"]) == set(run.curves["variant"]) == {"slow", "fast"}
    assert len(run.summary) == 4
    assert run.manifest["experiment"] == "rates"


def test_pages(sweep, monkeypatch):
    without_pictures(monkeypatch)
    pages = write_reports(sweep)
    assert pages == [sweep / name / "report.html" for name in ("slow", "fast", "")]
    text = pages[-1].read_text()
    assert all(f'href="{name}/report.html"' in text for name in ("slow", "fast"))


def test_again_does_nothing(sweep, logged):
    before = {p: p.stat().st_mtime_ns for p in sweep.rglob("level_*/*")}
    pipeline.run_sweep(variants(sweep.parent), "rates")
    assert before == {p: p.stat().st_mtime_ns for p in sweep.rglob("level_*/*")}
    assert logged().count("nothing to do") == 2


def test_directory_is_named_by_all_variants(tmp_path):
    both = variants(tmp_path)
    one = {"slow": both["slow"]}
    assert configs.run_dir(both, "x") != configs.run_dir(one, "x")
    assert configs.fingerprint(one) != configs.fingerprint(both["slow"])


def test_bad_variant_is_found_before_any_training(tmp_path):
    made = variants(tmp_path / "out")
    made["broken"] = variants(tmp_path / "out", seed=-1)["slow"]
    with pytest.raises(InputError, match="seed"):
        pipeline.run_sweep(made, "rates")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("fault", ["edited config", "too many devices"])
def test_what_is_wrong_with_a_later_variant_is_found_before_any_training(
    fault, tmp_path
):
    made = variants(tmp_path)
    change = dataclasses.replace
    made["other"] = change(made["slow"], model=ModelConfig(widths=(7,)))
    path = configs.run_dir(made, "rates")
    if fault == "edited config":
        (path / "other").mkdir(parents=True)
        store.write_json(path / "other" / "config.json", {"seed": 5})
        store.write_json(path / "other" / "manifest.json", {})
    else:
        made["other"] = change(made["other"], plan=PlanConfig(devices=99))
    with pytest.raises(InputError, match=r"seed is 5|plan\.devices is 99"):
        pipeline.run_sweep(made, "rates")
    assert not list(path.rglob("level_*"))


@pytest.mark.parametrize("name", ["..", "a/b", "", ".hidden"])
def test_variant_names_a_folder(tmp_path, name):
    made = {name: variants(tmp_path / "out")["slow"]}
    with pytest.raises(InputError, match="is no name of a variant"):
        pipeline.run_sweep(made, "rates")
    assert not (tmp_path / "out").exists()


def test_edited_sweep_is_refused(tmp_path):
    made = variants(tmp_path)
    path = configs.run_dir(made, "rates")
    store.open_sweep(path, made, "rates")
    text = (path / "config.json").read_text()
    (path / "config.json").write_text(text.replace('"steps": 10', '"steps": 20', 1))
    with pytest.raises(InputError, match=r"train\.steps is 20 there and 10 here"):
        store.open_sweep(path, made, "rates")


def test_unwritable_sweep(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        pipeline.run_sweep(variants(tmp_path / "file"), "rates")


def test_level_of_another_level_or_run_is_damaged(sweep, tmp_path):
    run = shutil.copytree(sweep / "fast", tmp_path / "run")
    assert store.damage(run, 1) is None
    shutil.rmtree(run / "level_01")
    shutil.copytree(run / "level_00", run / "level_01")
    assert "copied from another level or run" in store.damage(run, 1)
    shutil.rmtree(run / "level_01")
    shutil.copytree(sweep / "slow" / "level_01", run / "level_01")
    assert "copied from another level or run" in store.damage(run, 1)
