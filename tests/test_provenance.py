"""Of which code a run is, and what it took where papers say nothing."""

import hashlib
import json
import subprocess
from pathlib import Path

import pytest
from runs import without_figures

import lth_jax as lth
from lth_jax.config import (
    Config,
    DataConfig,
    ModelConfig,
    PlanConfig,
    PruneConfig,
    TrainConfig,
)
from lth_jax.driver import provenance
from lth_jax.driver.choices import CHOICES, choices
from lth_jax.driver.provenance import git, uncommitted
from lth_jax.sources import Origin
from lth_jax.store.write import MOST_DIFF, keep_uncommitted
from lth_jax.tickets.criteria import CRITERIA

SMALL = Config(
    data=DataConfig(scaling="l2"),
    model=lth.ModelConfig(widths=(4,)),
    train=TrainConfig(steps=4, eval_every=2),
    prune=PruneConfig(levels=1),
    anatomy=(0, 1),
    replicates=1,
    progress=False,
    plan=PlanConfig(devices=1),
)


@pytest.fixture
def checkout(tmp_path):
    """Return a folder of code in a repository with one commit."""
    code = tmp_path / "repository" / "code"
    code.mkdir(parents=True)
    (code / "a.py").write_text("a = 1\n")
    name = ("-c", "user.name=x", "-c", "user.email=x@example.org")
    for words in (["init", "-q"], ["add", "."], [*name, "commit", "-qm", "first"]):
        subprocess.run(["git", "-C", str(code), *words], check=True)
    return code


def test_a_commit_is_noted_with_what_was_changed_since(checkout):
    code = git.__wrapped__, uncommitted.__wrapped__
    words = ["git", "-C", str(checkout), "rev-parse", "HEAD"]
    head = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    assert code[0](checkout) == {"commit": head.strip(), "changed": False}
    assert code[1](checkout) == b""
    uncommitted.cache_clear()
    (checkout / "a.py").write_text("a = 2\n")
    diff = code[1](checkout)
    assert b"-a = 1\n+a = 2\n" in diff
    assert code[0](checkout) == {
        "commit": head.strip(),
        "changed": True,
        "diff_sha256": hashlib.sha256(diff).hexdigest(),
    }


def test_what_is_no_checkout_has_no_commit(tmp_path):
    assert git(tmp_path) is None
    assert uncommitted(tmp_path) == b""


def test_a_run_keeps_what_was_changed(tmp_path, monkeypatch, logged):
    changed = {"commit": "c0ffee", "changed": True, "diff_sha256": "f00"}
    for module in ("manifest", "pipeline", "anatomy"):
        monkeypatch.setattr(f"lth_jax.driver.{module}.git", lambda: changed)
    monkeypatch.setattr("lth_jax.driver.pipeline.uncommitted", lambda: b"-1\n+2\n")
    without_figures(monkeypatch)
    run = lth.run(SMALL, out=tmp_path / "run")
    (diff,) = run.glob("*.diff")
    sha256 = hashlib.sha256(b"-1\n+2\n").hexdigest()
    assert (diff.name, diff.read_bytes()) == (
        f"uncommitted-{sha256[:8]}.diff",
        b"-1\n+2\n",
    )
    manifest = json.loads((run / "manifest.json").read_text())
    assert manifest["git"] == changed
    assert manifest["choices"]["input scaling"] == "every image of Euclidean norm 1"
    assert manifest["criterion"] == CRITERIA["magnitude"].words
    anatomy = json.loads((run / "anatomy" / "manifest.json").read_text())
    assert anatomy["git"] == changed
    assert anatomy["versions"] == provenance.versions()
    page = (run / "report.html").read_text()
    assert "git.changed" in page and "choices.input scaling" in page
    lth.load_run(run)


def test_large_changes_are_not_kept_and_that_is_said(tmp_path, logged):
    keep_uncommitted(tmp_path, b"x" * (MOST_DIFF + 1))
    assert not list(tmp_path.iterdir())
    assert f"{MOST_DIFF + 1} bytes" in logged()


def test_the_documents_list_what_is_taken_by_default():
    text = Path(__file__).parents[1].joinpath("docs", "experiments.md").read_text()
    for what, took in choices(Config(), Origin("", "")).items():
        field = CHOICES[what].field if what in CHOICES else "data.dir"
        named = f"`{field}`" if field else ""
        assert f"| {what} | {took} | {named} |" in text, what


def test_nothing_is_said_of_what_the_user_brings():
    """The decay of an optimizer of the user's covers what it likes."""
    whole, origin = choices(Config(), Origin("", "")), Origin("", "")
    own = {
        "train": Config(train=TrainConfig(optimizer="own")),
        "model": Config(model=ModelConfig(name="own")),
        "data": Config(data=DataConfig(name="own")),
    }
    gone = {part: whole.keys() - choices(c, origin).keys() for part, c in own.items()}
    assert gone == {
        "train": {"constants of the optimizer", "weight decay"},
        "model": {"initial weights", "biases", "batch norm"},
        "data": {"input scaling", "validation set"},
    }
