"""The run directory: what is in it, byte for byte, and what is refused."""

import functools
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import jax
import numpy as np
import pyarrow.parquet as pq
import pytest
from helpers import Known, conv_net, mlp, ready, splits, tree_close

import lth_jax
from lth_jax import load_run, load_ticket, tree
from lth_jax.config import Config, PruneConfig, TrainConfig, fingerprint, to_dict
from lth_jax.errors import InputError, LthError, StoreError
from lth_jax.files import entry, write_bytes
from lth_jax.folders import replacing
from lth_jax.store import write
from lth_jax.study.find import find_ticket
from lth_jax.study.level import parent_of
from lth_jax.study.networks import LaneId
from lth_jax.study.study import make_study
from lth_jax.study.waves import train_levels
from lth_jax.types import LayerInfo

CONFIG = Config(
    train=TrainConfig(steps=7, batch_size=6, eval_every=3, learning_rate=0.02),
    prune=PruneConfig(levels=2, rate=0.3),
    replicates=2,
    reinits=1,
)
MANIFEST = {
    "fingerprint": fingerprint(CONFIG),
    "data": {"name": "digits", "sha256": "00"},
    "plan": {},
    "events": [],
}
FILES = {"summary.parquet", "curves.parquet", "tickets.npz", "final.npz"}

# The contract, written out.
COLUMNS = {
    "summary": "level:int64 kind:string replicate:int64 draw:int64 density:double"
    " n_weights:int64 n_remaining:int64 early_stop_step:int64 min_val_loss:double"
    " val_accuracy_es:double test_accuracy_es:double val_accuracy_final:double"
    " test_accuracy_final:double train_accuracy_final:double status:string",
    "curves": "level:int64 kind:string replicate:int64 draw:int64 step:int64"
    " split:string loss:double accuracy:double",
}


@functools.cache
def computed():
    """Return a study and its levels, in memory."""
    study = make_study(mlp(), CONFIG)
    return study, list(find_ticket(study.model, splits(), CONFIG))


@pytest.fixture(scope="module")
def written(tmp_path_factory) -> Path:
    """Return a run directory of three levels, which no test changes."""
    path = tmp_path_factory.mktemp("written") / "blobs-12345678"
    write.open_run(path, CONFIG, MANIFEST)
    study, levels = computed()
    for level in levels:
        write.write_level(path, study, level)
    return path


@pytest.fixture
def run(written, tmp_path) -> Path:
    """Return a run directory of the test's own."""
    return Path(shutil.copytree(written, tmp_path / "out" / written.name))


def arrays(path: Path) -> dict[str, np.ndarray]:
    with np.load(path, allow_pickle=False) as file:
        return dict(file)


# What is written.


def test_layout(run):
    levels = {f"level_0{number}" for number in range(3)}
    assert {p.name for p in run.iterdir()} == levels | {"config.json", "manifest.json"}
    for number in range(3):
        folder = run / f"level_{number:02d}"
        assert {p.name for p in folder.iterdir()} == FILES | {"manifest.json"}
        manifest = json.loads((folder / "manifest.json").read_text())
        assert manifest["level"] == number
        assert set(manifest["files"]) == FILES
        for name, known in manifest["files"].items():
            assert known["bytes"] == (folder / name).stat().st_size
    assert json.loads((run / "config.json").read_text()) == to_dict(CONFIG)
    assert json.loads((run / "manifest.json").read_text()) == MANIFEST


@pytest.mark.parametrize("table", COLUMNS)
def test_columns_are_the_contract(run, table):
    for number in range(3):
        schema = pq.read_schema(run / f"level_{number:02d}" / f"{table}.parquet")
        assert " ".join(f"{f.name}:{f.type}" for f in schema) == COLUMNS[table]


def test_summary_has_a_row_per_network(run):
    summary = load_run(run).summary
    names = summary[["level", "kind", "replicate", "draw"]].itertuples(index=False)
    _, levels = computed()
    assert [LaneId(*name) for name in names] == [i for lv in levels for i in lv.ids]
    assert len(summary) == 2 + 4 + 4
    for level in levels:
        for i, lane in enumerate(level.ids):
            curve = tree.take(level.outcome.curve, i)
            best = int(np.argmin(curve.validation.loss))
            (row,) = summary[
                (summary["level"] == lane.level)
                & (summary["kind"] == lane.kind)
                & (summary["replicate"] == lane.replicate)
            ].to_dict("records")
            remaining = (62, 45, 33)[level.number]
            assert row == {
                **lane._asdict(),
                "density": remaining / 62,
                "n_weights": 62,
                "n_remaining": remaining,
                "early_stop_step": (0, 3, 6, 7)[best],
                "min_val_loss": curve.validation.loss.min(),
                "val_accuracy_es": curve.validation.accuracy[best],
                "test_accuracy_es": curve.test.accuracy[best],
                "val_accuracy_final": curve.validation.accuracy[-1],
                "test_accuracy_final": curve.test.accuracy[-1],
                "train_accuracy_final": level.outcome.train.accuracy[i],
                "status": "ok",
            }


def test_curves_have_every_evaluation(run):
    curves = load_run(run).curves
    by_network = curves.groupby(["level", "kind", "replicate", "draw"])
    assert len(by_network) == 10
    for _, rows in by_network:
        steps = rows.groupby("split")["step"].apply(list).to_dict()
        every = [0, 3, 6, 7]
        assert steps == {"train": [7], "validation": every, "test": every}
    level = computed()[1][1]
    one = curves[(curves["level"] == 1) & (curves["kind"] == "random_reinit")]
    test = one[(one["replicate"] == 1) & (one["split"] == "test")]
    assert test["loss"].tolist() == level.outcome.curve.test.loss[3].tolist()
    assert test["accuracy"].tolist() == level.outcome.curve.test.accuracy[3].tolist()


@pytest.mark.parametrize("number", range(3))
def test_tickets_are_packed_masks_and_start_weights(run, number):
    found = arrays(run / f"level_{number:02d}" / "tickets.npz")
    level = computed()[1][number]
    kernels = {"Dense_0": (6, 5), "Dense_1": (5, 4), "Dense_2": (4, 3)}
    expected = {f"mask/{name}/kernel" for name in kernels}
    expected |= {f"start/{n}/{w}" for n in kernels for w in ("kernel", "bias")}
    assert set(found) == expected
    params, masks = level.tickets.params, level.tickets.mask
    for name, shape in kernels.items():
        packed, start = (found[f"{what}/{name}/kernel"] for what in ("mask", "start"))
        assert packed.dtype == np.uint8
        assert packed.shape == (2, -(-np.prod(shape) // 8))
        assert start.dtype == np.float32
        assert start.shape == (2, *shape)
        assert start.flags.c_contiguous
        for r in range(2):
            flat = masks[name]["kernel"][r].ravel()
            unpacked = [
                bool(packed[r][i // 8] >> (7 - i % 8) & 1) for i in range(flat.size)
            ]
            assert unpacked == flat.tolist()
        weights = np.where(masks[name]["kernel"], params[name]["kernel"], 0)[:2]
        assert start.tobytes() == weights.tobytes()
        assert found[f"start/{name}/bias"].shape == (2, shape[1])


def test_finals_are_the_tickets_weights(run):
    for level in computed()[1]:
        found = arrays(run / f"level_{level.number:02d}" / "final.npz")
        for path, leaf in tree.flatten(level.outcome.finals.params).items():
            assert found.pop(f"final/{path}").tobytes() == leaf[:2].tobytes()
        assert not found


def test_model_state_is_stored(tmp_path):
    config = Config(train=CONFIG.train, prune=PruneConfig(levels=0), replicates=2)
    study = make_study(conv_net(), config)
    (level,) = find_ticket(study.model, splits((6, 6, 1)), config)
    write.open_run(tmp_path, config, MANIFEST | {"fingerprint": fingerprint(config)})
    write.write_level(tmp_path, study, level)
    tickets, finals = (
        arrays(tmp_path / "level_00" / name) for name in ("tickets.npz", "final.npz")
    )
    mean = "state/batch_stats/BatchNorm_0/mean"
    assert tickets[mean].shape == finals[mean].shape == (2, 4)
    assert not tickets[mean].any()
    assert finals[mean].all()
    assert load_ticket(tmp_path, 0, 1).state["batch_stats"]["BatchNorm_0"]["var"].all()


def test_same_level_has_the_same_bytes(run, tmp_path):
    study, levels = computed()
    write.open_run(tmp_path, CONFIG, MANIFEST)
    write.write_level(tmp_path, study, levels[1])
    for name in FILES | {"manifest.json"}:
        again = (tmp_path / "level_01" / name).read_bytes()
        assert again == (run / "level_01" / name).read_bytes()


# What is read.


@pytest.mark.parametrize("number", range(3))
@pytest.mark.parametrize("replicate", [0, 1])
def test_loaded_ticket_is_the_ticket(run, number, replicate):
    level = computed()[1][number]
    i = level.ids.index(LaneId(number, "ticket", replicate))
    tree_close(load_ticket(run, number, replicate), tree.take(level.tickets, i))


def rewrite(path: Path, change) -> None:
    """Change the arrays of a file of a level, and make its manifest fit."""
    found = arrays(path)
    change(found)
    np.savez(path, **found)
    manifest = path.with_name("manifest.json")
    about = json.loads(manifest.read_text())
    about["files"][path.name] = entry(path)
    manifest.write_text(json.dumps(about))


def note_layers(run: Path, layers: Iterable[str]) -> None:
    """Note the layers of a run's network in its manifest."""
    note = {path: {"kind": "dense", "shape": [1, 1], "stacked": 0} for path in layers}
    write.write_json(run / "manifest.json", MANIFEST | {"layers": note})


LAYERS = ["Dense_0/kernel", "Dense_1/kernel", "Dense_2/kernel"]


@pytest.mark.parametrize("is_noted", [False, True])
@pytest.mark.parametrize("number", range(3))
def test_a_missing_mask_is_never_all_true(run, number, is_noted):
    if is_noted:
        note_layers(run, LAYERS)
    expected = load_ticket(run, number, 0)
    path = run / f"level_{number:02d}" / "tickets.npz"
    rewrite(path, lambda found: found.pop("mask/Dense_1/kernel"))
    with pytest.raises(StoreError, match=r"tickets\.npz has no mask/Dense_1/kernel"):
        load_ticket(run, number, 0)
    study, levels = computed()
    with pytest.raises(StoreError, match=r"tickets\.npz has no mask/Dense_1/kernel"):
        write.read_chain(run, study, number)
    write.write_level(run, study, levels[number])
    tree_close(load_ticket(run, number, 0), expected)


def test_masks_are_those_of_the_layers_that_are_noted(run):
    """Of more layers or of fewer than the manifest says: nothing is guessed."""
    note_layers(run, LAYERS[:2])
    with pytest.raises(StoreError, match=r"masks of \['Dense_2/kernel'\], no layers"):
        load_ticket(run, 1, 0)
    note_layers(run, [*LAYERS, "Dense_2/bias"])
    with pytest.raises(StoreError, match=r"has no mask/Dense_2/bias of uint8 \(2, 1\)"):
        load_ticket(run, 1, 0)
    note_layers(run, [*LAYERS, "Dense_3/kernel"])
    with pytest.raises(StoreError, match=r"masks of \['Dense_3/kernel'\], but no wei"):
        load_ticket(run, 1, 0)


def test_an_older_run_whose_layers_are_not_noted_goes_on(run):
    noted = MANIFEST | {"layers": {path: {} for path in LAYERS}}
    assert write.open_run(run, CONFIG, noted) == MANIFEST
    assert json.loads((run / "manifest.json").read_text()) == MANIFEST


def test_names_not_axes_tell_what_has_a_mask(tmp_path):
    """A bias is pruned, a kernel is not, if the model's layers say so."""
    study, levels = computed()
    layers = {path: study.model.layers[path] for path in LAYERS[:2]}
    layers["Dense_2/bias"] = LayerInfo("dense", (3,))
    other = study._replace(model=study.model._replace(layers=layers))
    write.open_run(tmp_path, CONFIG, MANIFEST)
    for level in levels:
        write.write_level(tmp_path, other, level)
        found = arrays(tmp_path / f"level_{level.number:02d}" / "tickets.npz")
        masks = {name.removeprefix("mask/") for name in found if "mask/" in name}
        assert masks == set(layers)
        assert found["mask/Dense_2/bias"].tolist() == [[0b11100000]] * 2
    mask = load_ticket(tmp_path, 1, 0).mask
    kernel = levels[1].masks["Dense_1"]["kernel"][0]
    np.testing.assert_array_equal(mask["Dense_1"]["kernel"], kernel)
    assert mask["Dense_2"]["kernel"].all() and mask["Dense_2"]["bias"].all()
    chain = write.read_chain(tmp_path, other, 1)
    assert chain.masks["Dense_2"]["kernel"].all()
    tree_close(chain.masks["Dense_1"], levels[1].masks["Dense_1"])


@pytest.mark.parametrize("filled", [(True, True), (False, True)])
def test_filled_tickets_keep_what_is_pruned(run, filled):
    study, levels = computed()
    level = levels[2]
    of_lane = np.array([filled[lane.replicate] for lane in level.ids])
    # Pruned weights need not be those of the rewind point.
    params = jax.tree.map(
        lambda p, m: np.where(m, p, np.float32(7)),
        level.tickets.params,
        level.tickets.mask,
    )
    tickets = level.tickets._replace(params=params, filled=of_lane)
    write.write_level(run, study, level._replace(tickets=tickets))
    found = arrays(run / "level_02" / "tickets.npz")
    assert found["filled"].dtype == bool and found["filled"].tolist() == [*filled]
    kernel = found["start/Dense_0/kernel"]
    mask = level.masks["Dense_0"]["kernel"]
    for r in range(2):
        assert (kernel[r][~mask[r]] == (7 if filled[r] else 0)).all()
        ticket = load_ticket(run, 2, r)
        assert ticket.filled == filled[r]
        expected = tickets if filled[r] else level.tickets
        i = level.ids.index(LaneId(2, "ticket", r))
        tree_close(ticket.params, tree.take(expected.params, i))
    assert not load_ticket(run, 1, 0).filled
    assert "filled" not in arrays(run / "level_01" / "tickets.npz")


@pytest.mark.parametrize("odd", [np.ones(2, np.uint8), np.ones((2, 1), bool)])
def test_what_is_no_word_on_filling_is_refused(run, odd):
    path = run / "level_01" / "tickets.npz"
    rewrite(path, lambda found: found.update(filled=odd))
    with pytest.raises(StoreError, match=r"has no filled of bool \(2,\)"):
        load_ticket(run, 1, 0)


READ = """
import sys, types
lth = types.ModuleType("lth_jax")
lth.__path__ = [sys.argv[1]]
sys.modules["lth_jax"] = lth

from lth_jax.store.read import load_run, load_ticket

assert len(load_run(sys.argv[2]).summary)
assert load_run(sys.argv[3]).anatomy.layers.empty
assert load_ticket(sys.argv[3], 1, 0).mask["Dense_0"]["kernel"].any()
unwanted = ("flax", "optax", "orbax", "lth_jax.training", "lth_jax.driver",
            "lth_jax.models", "lth_jax.analysis")
print([n for n in sys.modules if n.startswith(tuple(f"{u}." for u in unwanted))
       or n in unwanted])
"""


def test_a_run_is_read_without_what_trains_it(run):
    package = Path(lth_jax.__file__).parent
    published = package.parent / "results" / "lenet_mnist"
    done = subprocess.run(
        [sys.executable, "-c", READ, package, published, run],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    assert done.stdout == "[]\n"


def test_a_run_says_what_it_holds_in_a_line(run):
    loaded = load_run(run)
    assert repr(loaded) == (
        f"Run('{run}', 3 levels: summary of 10 rows, curves of 90 rows)"
    )
    assert repr(loaded.anatomy) == "Anatomy(no rows)"
    assert "0 levels: no rows)" in repr(
        loaded._replace(summary=loaded.summary[:0], curves=loaded.curves[:0])
    )


def test_read_chain_is_the_chain(run):
    study, levels = computed()
    for level in levels:
        tree_close(
            write.read_chain(run, study, level.number),
            parent_of(level),
        )


def test_level_without_any_training_is_stored_and_read(run):
    """Every replicate has collapsed or diverged: the next level still needs a chain."""
    study, (dense, *_) = computed()
    dead = parent_of(dense)._replace(alive=np.zeros(2, bool))
    planned = ready(study, 1, Known(_0=dead))
    (level,) = train_levels([(study, planned)], lambda *_: pytest.fail("trained"))
    write.write_level(run, study, level)
    tree_close(write.read_chain(run, study, 1), parent_of(level))
    rows = load_run(run).summary.query("level == 1")
    assert rows["status"].tolist() == ["not_run"] * 4
    assert rows[["density", "early_stop_step"]].isna().all(axis=None)
    with pytest.raises(StoreError, match=r"replicate 0 .*not_run"):
        load_ticket(run, 1, 0)


@pytest.mark.parametrize(
    ("level", "replicate", "message"),
    [
        (3, 0, r"no level 3; it has \[0, 1, 2\]"),
        (1, 2, r"no ticket of replicate 2; it has those of replicates \[0, 1\]"),
        (1, -1, r"no ticket of replicate -1; it has those of replicates \[0, 1\]"),
        ("1", 0, r"^level must be an integer, not '1'"),
        (1, 0.0, r"^replicate must be an integer, not 0\.0"),
    ],
)
def test_no_such_ticket(run, level, replicate, message):
    with pytest.raises(InputError, match=message):
        load_ticket(run, level, replicate)


def test_not_a_run(tmp_path):
    with pytest.raises(StoreError, match=r"not a run directory.*config\.json"):
        load_run(tmp_path)
    write.open_run(tmp_path, CONFIG, MANIFEST)
    with pytest.raises(StoreError, match="no complete level"):
        load_run(tmp_path)


def test_runs_near_what_is_no_run_are_named(run):
    with pytest.raises(StoreError, match=r"Name one of those in it: blobs-12345678\.$"):
        load_run(run.parent)
    for i in range(12):
        write.open_run(run.parent / f"a-{i:02d}", CONFIG, MANIFEST)
    with pytest.raises(StoreError, match=r"in it: a-00, .*, a-09 and 3 more\.$"):
        load_ticket(run.parent, 0, 0)
    with pytest.raises(StoreError, match=rf"config\.json\. It lies in one: {run}\.$"):
        load_run(run / "level_01")
    with pytest.raises(StoreError, match=r"it has no config\.json\.$"):
        load_run(run / "nothing")


def test_a_sweep_has_no_tickets_of_its_own(run, tmp_path):
    write.open_sweep(tmp_path / "sweep", {"a": CONFIG, "b": CONFIG}, "blobs")
    shutil.copytree(run, tmp_path / "sweep" / "b")
    with pytest.raises(StoreError, match=r"is a sweep\. Name a run of it: b\.$"):
        load_ticket(tmp_path / "sweep", 0, 0)


# Damage.


def flip_byte(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


DAMAGES = {
    "flipped byte": (flip_byte, "was changed"),
    "truncated": (lambda p: os.truncate(p, 20), "has 20 bytes"),
    "longer": (lambda p: p.write_bytes(p.read_bytes() + b"0"), "bytes, not"),
    "missing": (Path.unlink, "is missing"),
}


@pytest.mark.parametrize("name", sorted(FILES))
@pytest.mark.parametrize(("harm", "message"), DAMAGES.values(), ids=DAMAGES)
def test_damage_is_found(run, name, harm, message):
    assert [write.damage(run, n) for n in range(4)] == [None, None, None, ""]
    harm(run / "level_01" / name)
    problem = write.damage(run, 1)
    assert name in problem and message in problem
    assert [write.damage(run, n) for n in (0, 2)] == [None, None]


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "{}", '{"files": {}}', '{"files": {"tickets.npz": 1}}']
)
def test_broken_manifest_is_damage(run, text):
    (run / "level_01" / "manifest.json").write_text(text)
    assert "manifest.json cannot be read" in write.damage(run, 1)
    (run / "level_01" / "manifest.json").unlink()
    assert "manifest.json cannot be read" in write.damage(run, 1)


def test_dropped_finals_are_no_damage(run):
    assert write.has_final(run, 1)
    write.drop_final(run, 1)
    write.drop_final(run, 1)
    assert not (run / "level_01" / "final.npz").exists()
    assert not write.has_final(run, 1)
    assert write.damage(run, 1) is None


# Another config, other data, another place.


def contents(path: Path) -> dict[Path, bytes]:
    return {p: p.read_bytes() for p in path.rglob("*") if p.is_file()}


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("train.steps", 8, r"train\.steps is 8 there and 7 here"),
        ("prune.rates", [["conv", 0.1]], r"prune\.rates is \[\['conv', 0\.1\]\] there"),
        ("replicates", None, "replicates is None there and 2 here"),
        ("train", {}, r"train\.steps is 50000 there and 7 here"),
    ],
)
def test_edited_config_is_refused(run, field, value, message):
    stored = json.loads((run / "config.json").read_text())
    *folders, last = field.split(".")
    place = functools.reduce(dict.__getitem__, folders, stored)
    place[last] = value
    (run / "config.json").write_text(json.dumps(stored))
    before = contents(run)
    with pytest.raises(StoreError, match=message):
        write.open_run(run, CONFIG, MANIFEST)
    assert contents(run) == before


def test_config_of_an_older_version_is_accepted(run):
    """A field that came later has its default in a run that does not know it."""
    stored = json.loads((run / "config.json").read_text())
    del stored["train"]["precision"], stored["shuffles"]
    (run / "config.json").write_text(json.dumps(stored))
    assert write.open_run(run, CONFIG, MANIFEST) == MANIFEST


def test_config_that_knew_the_scaling_as_a_flag_is_accepted(run):
    stored = json.loads((run / "config.json").read_text())
    stored["data"] = {"name": stored["data"]["name"], "normalize": False}
    (run / "config.json").write_text(json.dumps(stored))
    assert write.open_run(run, CONFIG, MANIFEST) == MANIFEST
    stored["data"]["normalize"] = True
    (run / "config.json").write_text(json.dumps(stored))
    with pytest.raises(StoreError, match=r"data\.scaling is 'standard' there"):
        write.open_run(run, CONFIG, MANIFEST)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("config.json", "{"),
        ("config.json", "[]"),
        ("config.json", None),
        ("manifest.json", "{"),
        ("manifest.json", "{}"),
        ("manifest.json", None),
        ("manifest.json", json.dumps(MANIFEST | {"events": [1]})),
    ],
)
def test_broken_run_is_refused(run, name, text):
    if text is None:
        (run / name).unlink()
    else:
        (run / name).write_text(text)
    before = contents(run)
    with pytest.raises(StoreError, match=name):
        write.open_run(run, CONFIG, MANIFEST)
    assert contents(run) == before


def test_other_data_are_refused(run):
    other = MANIFEST | {"data": {"name": "digits", "sha256": "ff"}}
    with pytest.raises(StoreError, match=r"computed on other data.*ff"):
        write.open_run(run, CONFIG, other)


def test_stored_manifest_goes_on(run):
    write.note(run, dict(MANIFEST, events=[]), "started", levels=[0])
    (event,) = write.open_run(run, CONFIG, MANIFEST)["events"]
    assert event["event"] == "started" and event["levels"] == [0] and event["time"]


@pytest.mark.parametrize("place", ["file", "file/below", "/proc/nowhere"])
def test_unwritable_folder_is_refused(tmp_path, place):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(StoreError, match=r"cannot be written .*--out"):
        write.open_run(tmp_path / place, CONFIG, MANIFEST)
    assert (tmp_path / "file").read_text() == "mine"


# Whole or not at all.


def test_failed_write_leaves_what_was(run, monkeypatch):
    def fail(*_):
        raise OSError(28, "No space left on device")

    study, levels = computed()
    before = contents(run)
    monkeypatch.setattr(write, "write_npz", fail)
    with pytest.raises(LthError, match=r"level_01 could not be written.*No space"):
        write.write_level(run, study, levels[1])
    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(LthError, match=r"manifest\.json could not.*No space"):
        write.note(run, dict(MANIFEST, events=[]), "level")
    with pytest.raises(OSError, match="No space"):
        write_bytes(run / "config.json", b"{}")
    assert contents(run) == before
    assert not list(run.glob(".*"))


def test_leavings_of_a_killed_process_are_removed(tmp_path):
    left = tmp_path / ".level_00.tmp-999999999"
    left.mkdir()
    (left / "tickets.npz").write_bytes(b"half")
    (tmp_path / "level_00").mkdir()
    (tmp_path / "level_00" / "old").touch()
    with replacing(tmp_path / "level_00") as folder:
        (folder / "new").touch()
    assert [p.name for p in tmp_path.iterdir()] == ["level_00"]
    assert [p.name for p in (tmp_path / "level_00").iterdir()] == ["new"]
