"""A sweep: variants in one directory, one page, resumed as a whole."""

import pytest

from lth_jax import (
    Config,
    DataConfig,
    InputError,
    ModelConfig,
    PruneConfig,
    TrainConfig,
    load_run,
    pipeline,
)
from lth_jax import config as configs
from lth_jax.sweep import write_reports


def variants(out, **changes) -> configs.Variants:
    return {
        name: Config(
            data=DataConfig(),
            model=ModelConfig(widths=(6,)),
            train=TrainConfig(steps=10, eval_every=5, learning_rate=rate),
            prune=PruneConfig(levels=1),
            replicates=1,
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


def test_tables_name_the_variant(sweep):
    run = load_run(sweep)
    assert set(run.summary["variant"]) == set(run.curves["variant"]) == {"slow", "fast"}
    assert len(run.summary) == 4
    assert run.manifest["experiment"] == "rates"


def test_pages(sweep):
    pages = write_reports(sweep)
    assert pages == [sweep / name / "report.html" for name in ("slow", "fast", "")]
    text = pages[-1].read_text()
    assert all(f'href="{name}/report.html"' in text for name in ("slow", "fast"))


def test_again_does_nothing(sweep, capsys):
    before = {p: p.stat().st_mtime_ns for p in sweep.rglob("level_*/*")}
    pipeline.run_sweep(variants(sweep.parent), "rates")
    assert before == {p: p.stat().st_mtime_ns for p in sweep.rglob("level_*/*")}
    assert capsys.readouterr().err.count("nothing to do") == 2


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
