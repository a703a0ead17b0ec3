"""Tickets of a stored run taken apart: against loops over its raw files; damage."""

import dataclasses
import itertools
import json
import math
import shutil
import signal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from runs import config_at, run, without_figures

from lth_jax import cli, load_run, models
from lth_jax.analysis import anatomy
from lth_jax.analysis.anatomy import Opened
from lth_jax.config import Config, ModelConfig, PruneConfig, RewindConfig
from lth_jax.driver import devices
from lth_jax.driver.anatomy import write_anatomy, write_asked
from lth_jax.errors import InputError, StoreError
from lth_jax.files import write_blocks
from lth_jax.schema import ANATOMY_TABLES, HISTOGRAMS, LAYERS, UNITS
from lth_jax.store import write

PATHS = ["Dense_0/kernel", "Dense_1/kernel", "Dense_2/kernel"]
FIELDS = {
    "model": ModelConfig(widths=(6, 5)),
    "rewind": RewindConfig(weights=5),
    "reinits": 0,
    "shuffles": 0,
    "prune": PruneConfig(levels=2, rate=0.7),
    "anatomy": (0, 2),
}


@pytest.fixture(scope="module")
def opened(tmp_path_factory) -> Path:
    """Return a run rewound to step 5, three dense layers, levels 0 and 2 opened."""
    path = run(config_at(tmp_path_factory.mktemp("opened"), **FIELDS))
    assert write_anatomy(path) == path / "anatomy"
    return path


@pytest.fixture(scope="module")
def taken(opened):
    """Return the tables of the run, read once."""
    return load_run(opened).anatomy


@pytest.fixture
def copied(opened, tmp_path) -> Path:
    return Path(shutil.copytree(opened, tmp_path / opened.name))


def raw(path: Path, level: int, replicate: int):
    """Return layer, mask, first and last weights of the dense network, from files."""
    starts, ends, tickets = (
        np.load(path / f"level_{n:02d}" / name)
        for n, name in ((0, "tickets.npz"), (0, "final.npz"), (level, "tickets.npz"))
    )
    for layer in PATHS:
        start = starts[f"start/{layer}"][replicate].astype(float)
        bits = np.unpackbits(tickets[f"mask/{layer}"][replicate])[: start.size]
        end = ends[f"final/{layer}"][replicate].astype(float)
        yield layer, bits.reshape(start.shape) == 1, start, end


TICKETS = list(itertools.product((0, 2), (0, 1)))
each_ticket = pytest.mark.parametrize(("level", "replicate"), TICKETS)


def only(table, **values):
    for name, value in values.items():
        table = table[table[name] == value]
    return table


# The tables.


def test_tables_have_their_columns_and_every_ticket(taken):
    for table, columns in zip(taken, (LAYERS, HISTOGRAMS, UNITS), strict=True):
        assert list(table) == list(columns)
        there = table[["level", "replicate"]].drop_duplicates()
        assert sorted(there.itertuples(index=False, name=None)) == TICKETS
        assert table["layer"].drop_duplicates().tolist() == PATHS
    assert len(taken.layers) == 4 * 3


def share(values) -> float:
    values = list(values)
    return sum(values) / len(values)


@each_ticket
def test_layers_are_those_of_loops(opened, taken, level, replicate):
    rows = only(taken.layers, level=level, replicate=replicate)
    for layer, mask, start, end in raw(opened, level, replicate):
        (row,) = only(rows, layer=layer).to_dict("records")
        triples = list(
            zip(mask.ravel(), start.ravel().tolist(), end.ravel().tolist(), strict=True)
        )
        kept = [(a, b) for m, a, b in triples if m]
        other = [(a, b) for m, a, b in triples if not m]
        sigma = math.sqrt(share((a - share(start.ravel())) ** 2 for _, a, _ in triples))
        assert (row["n_weights"], row["n_remaining"]) == (len(triples), len(kept))
        expected = {
            "kept_positive": share(a > 0 for a, _ in kept),
            "near_zero": share(abs(a) < sigma / 2 for a, _ in kept),
            "distance_kept": share(abs(b - a) for a, b in kept),
            "grown_kept": share(abs(b) > abs(a) for a, b in kept),
        }
        if other:
            expected |= {
                "distance_other": share(abs(b - a) for a, b in other),
                "grown_other": share(abs(b) > abs(a) for a, b in other),
            }
        else:
            assert level == 0
            assert math.isnan(row["distance_other"]) and math.isnan(row["grown_other"])
        for name, value in expected.items():
            assert row[name] == pytest.approx(value, rel=1e-9), name


@each_ticket
def test_spreads_are_those_of_loops(opened, taken, level, replicate):
    """The random ones by adding up the hypergeometric distribution."""
    rows = only(taken.layers, level=level, replicate=replicate)
    for layer, mask, *_ in raw(opened, level, replicate):
        (row,) = only(rows, layer=layer).to_dict("records")
        kept = int(mask.sum())
        for side, units in (("incoming", mask.T), ("outgoing", mask)):
            counts = [sum(unit.tolist()) for unit in units]
            mean, possible = share(counts), units.shape[1]
            variance = share((n - mean) ** 2 for n in counts)
            spread = math.sqrt(variance) / mean
            assert row[f"{side}_spread"] == pytest.approx(spread, abs=1e-12)
            assert row[f"units_without_{side}"] == counts.count(0)
            ways = [
                math.comb(possible, n) * math.comb(mask.size - possible, kept - n)
                for n in range(min(possible, kept) + 1)
            ]
            chance = sum(w * (n - mean) ** 2 for n, w in enumerate(ways)) / sum(ways)
            expected = math.sqrt(chance) / mean
            assert row[f"{side}_random"] == pytest.approx(expected, abs=1e-9)


@each_ticket
def test_paths_are_those_enumerated(opened, taken, level, replicate):
    rows = only(taken.layers, level=level, replicate=replicate)
    a, b, c = (mask for _, mask, *_ in raw(opened, level, replicate))
    paths = [
        ((i, j), (j, k), (k, n))
        for i, j in np.argwhere(a).tolist()
        for k in np.flatnonzero(b[j]).tolist()
        for n in np.flatnonzero(c[k]).tolist()
    ]
    live = [len({path[layer] for path in paths}) for layer in range(3)]
    assert level == 0 or live != rows["n_remaining"].tolist()
    assert rows["live"].tolist() == live
    expected = [math.log10(len(paths))] * 3
    assert rows["log10_paths"].tolist() == pytest.approx(expected, abs=1e-12)


@each_ticket
def test_units_are_those_of_loops(opened, taken, level, replicate):
    rows = only(taken.units, level=level, replicate=replicate)
    seen = 0
    for layer, mask, *_ in raw(opened, level, replicate):
        for side, units in (("incoming", mask.T), ("outgoing", mask)):
            mine = only(rows, layer=layer, side=side).sort_values("unit")
            assert mine["unit"].tolist() == list(range(len(units)))
            assert mine["connections"].tolist() == [sum(u.tolist()) for u in units]
            assert mine["possible"].unique().tolist() == [units.shape[1]]
            seen += len(mine)
    assert seen == len(rows) == (64 + 6) + (6 + 5) + (5 + 10)


def test_histograms_are_those_of_the_raw_values(opened, taken):
    table = taken.histograms
    keys = ["level", "replicate", "layer", "quantity", "part"]
    found = {key: rows.sort_values("low") for key, rows in table.groupby(keys)}
    assert len(found) == 2 * 3 * 3 * (1 + 2)  # no part is outside at level 0
    bins = {}
    for level, replicate in TICKETS:
        for layer, mask, start, end in raw(opened, level, replicate):
            quantities = {
                "initial": start,
                "distance": abs(end - start),
                "growth": abs(end) - abs(start),
            }
            for quantity, values in quantities.items():
                for part, where in (("kept", mask), ("other", ~mask)):
                    if not where.any():
                        continue
                    rows = found.pop((level, replicate, layer, quantity, part))
                    edges = [*rows["low"], rows["high"].iloc[-1]]
                    assert rows["high"].tolist() == edges[1:]
                    assert 60 <= len(rows) <= 80
                    assert bins.setdefault((layer, quantity), edges) == edges
                    mine = values[where]
                    beyond = (mine < edges[0]) | (mine > edges[-1])
                    assert beyond.mean() <= 0.001
                    counts = [
                        sum(low <= v < high for v in mine.tolist())
                        for low, high in itertools.pairwise(edges)
                    ]
                    counts[0] += int((mine < edges[0]).sum())
                    counts[-1] += int((mine >= edges[-1]).sum())
                    assert rows["count"].tolist() == counts
    assert not found
    for (_, quantity), edges in bins.items():
        assert 0.0 in edges
        if quantity == "distance":
            assert edges[0] == 0
        else:
            assert edges == [-edge for edge in reversed(edges)]


def test_outer_bins_count_what_lies_beyond():
    values = np.append(np.linspace(-1, 1, 20_000), [-50.0, 40.0]).reshape(2, -1)
    mask = np.ones(values.shape, bool)
    ticket = Opened(0, 0, {"w": values}, {"w": values}, {"w": mask})
    tops = anatomy.reach([ticket])
    assert 0.99 < tops["w", "initial"] < 1
    (initial, distance, growth) = anatomy.histogram_blocks(ticket, tops)
    beyond = int((values < initial["low"][0]).sum())
    assert beyond > 1 and initial["count"].sum() == values.size
    inner = int(((values >= initial["low"][0]) & (values < initial["high"][0])).sum())
    assert initial["count"][0] == beyond + inner
    for still in (distance, growth):  # nothing moved
        assert still["count"].sum() == values.size and (still["low"] == 0).any()
        assert (still["low"] < still["high"]).all()


def test_networks_with_shortcuts_have_no_paths():
    model = models.resnet18()
    rng = np.random.default_rng(0)
    shapes = {path: info.shape for path, info in model.layers.items()}
    weights = {path: rng.normal(size=shape) for path, shape in shapes.items()}
    masks = {path: rng.random(shape) < 0.5 for path, shape in shapes.items()}
    rows = anatomy.layer_rows(Opened(1, 0, weights, weights, masks))
    assert [row["layer"] for row in rows] == list(shapes)
    assert all(row["live"] is None and row["log10_paths"] is None for row in rows)
    assert all(row["units_without_incoming"] == 0 for row in rows)


def test_a_ticket_without_a_path_has_no_live_connections():
    masks = {"a": np.eye(2, dtype=bool), "b": np.array([[True], [False]])}
    masks["a"][0, 0] = False
    weights = {path: np.ones(mask.shape) for path, mask in masks.items()}
    rows = anatomy.layer_rows(Opened(3, 0, weights, weights, masks))
    assert [row["live"] for row in rows] == [0, 0]
    assert [row["log10_paths"] for row in rows] == [None, None]


def test_layers_sorted_by_their_names_are_the_chain_of_vgg():
    layers = models.vgg19().layers
    assert list(layers)[2] == "Conv_10/kernel"
    ordered = anatomy.in_order(layers)
    assert ordered == [*(f"Conv_{i}/kernel" for i in range(16)), "Dense_0/kernel"]
    shapes = [layers[path].shape for path in ordered]
    assert all(a[-1] == b[-2] for a, b in itertools.pairwise(shapes))


def test_layers_sorted_by_their_names_end_with_the_output_of_resnet():
    layers = models.resnet18().layers
    first, *blocks, last = anatomy.in_order(layers)
    assert (first, last) == ("Conv_0/kernel", "Dense_0/kernel")
    assert layers[last].kind == "output"
    assert blocks[0] == "Residual_0/Conv_0/kernel"
    assert blocks[-1] == "Residual_8/Conv_1/kernel"
    kinds = [layers[path].kind for path in blocks]
    assert set(kinds) == {"conv", "shortcut"} and len(kinds) == 20


# Levels.


def test_levels_nearest_to_the_papers_are_the_default(copied):
    config = copied / "config.json"
    stored = json.loads(config.read_text())
    config.write_text(json.dumps(stored | {"anatomy": []}))
    write_anatomy(copied)
    found = load_run(copied)
    densities = found.summary["density"].unique()
    assert densities.round(2).tolist() == [1, 0.34, 0.13]
    assert found.anatomy.layers["level"].unique().tolist() == [0, 1, 2]
    densities = {0: 1.0, 1: 0.6, 2: 0.3, 3: 0.2, 4: 0.17, 5: 0.16}
    assert anatomy.nearest_levels(densities) == (0, 2, 4, 5)


def test_chosen_levels_take_the_place_of_the_configs(copied):
    write_anatomy(copied, (1,))
    found = load_run(copied).anatomy
    assert {level for table in found for level in table["level"]} == {1}


def without_hashes(path: Path) -> None:
    for manifest in path.glob("level_*/manifest.json"):
        manifest.unlink()


def with_status(path: Path, level: int, replicate: int, status: str) -> None:
    file = path / f"level_{level:02d}" / "summary.parquet"
    table = pq.read_table(file, partitioning=None)
    rows = table.to_pylist()
    for row in rows:
        if row["kind"] == "ticket" and row["replicate"] == replicate:
            row["status"] = status
    pq.write_table(pa.Table.from_pylist(rows, schema=table.schema), file)


@pytest.mark.parametrize(
    ("level", "status", "left"),
    [
        (2, "collapsed", [(0, 0), (0, 1), (2, 0)]),
        (2, "not_run", [(0, 0), (0, 1), (2, 0)]),
        (2, "diverged", TICKETS),
        (0, "diverged", [(0, 0), (2, 0)]),
    ],
)
def test_tickets_that_are_none_are_left_out(copied, level, status, left):
    without_hashes(copied)
    with_status(copied, level, 1, status)
    write_anatomy(copied)
    for table in load_run(copied).anatomy:
        there = table[["level", "replicate"]].drop_duplicates()
        assert sorted(there.itertuples(index=False, name=None)) == left


def test_a_run_of_which_nothing_is_left_has_empty_tables(copied, caplog):
    without_hashes(copied)
    for replicate in (0, 1):
        with_status(copied, 0, replicate, "diverged")
    write_anatomy(copied)
    assert "has no ticket to take apart at levels (0, 2)" in caplog.text
    known = ANATOMY_TABLES.values()
    for found, table in zip(load_run(copied).anatomy, known, strict=True):
        assert found.empty and list(found) == list(table.columns)


# Sweeps.


@pytest.fixture
def sweep(opened, tmp_path) -> Path:
    config = json.loads((opened / "config.json").read_text())
    variants = dict.fromkeys(("one", "two"), config)
    (tmp_path / "config.json").write_text(json.dumps({"variants": variants}))
    (tmp_path / "manifest.json").write_text('{"events": []}')
    for name in variants:
        shutil.copytree(opened, tmp_path / name)
        shutil.rmtree(tmp_path / name / "anatomy")
    return tmp_path


def test_every_variant_is_taken_apart(sweep):
    assert load_run(sweep).anatomy.layers.empty
    assert "variant" in load_run(sweep).anatomy.layers
    assert write_anatomy(sweep) == sweep
    for table in load_run(sweep).anatomy:
        assert table["variant"].unique().tolist() == ["one", "two"]
        halves = [half.drop(columns="variant") for _, half in table.groupby("variant")]
        assert halves[0].reset_index(drop=True).equals(halves[1].reset_index(drop=True))


def test_a_sweep_is_refused_before_anything_is_written(sweep):
    write.drop_final(sweep / "two", 0)
    with pytest.raises(InputError, match=r"two.level_00.final\.npz was not kept"):
        write_anatomy(sweep)
    assert not list(sweep.rglob("*anatomy*"))


# Refusals.


def contents(path: Path) -> dict[str, bytes]:
    return {str(p): p.read_bytes() for p in sorted(path.rglob("*")) if p.is_file()}


def refused(path: Path, match: str, kind=InputError, **words) -> None:
    before = contents(path)
    with pytest.raises(kind, match=match):
        write_anatomy(path, **words)
    assert contents(path) == before


@pytest.mark.parametrize("levels", [(3,), (0, -1), (0.5,), ("0",)])
def test_a_level_that_is_not_there_is_named(copied, levels):
    level = str(levels[-1])
    refused(copied, f"^levels is .*has no level {level}; it has", levels=levels)


def test_a_level_of_the_config_that_is_not_there_yet_is_named(copied):
    shutil.rmtree(copied / "level_02")
    refused(copied, r"^anatomy is \(0, 2\), but .*has no level 2; it has \[0, 1\]")


def test_final_weights_that_were_not_kept_are_named(copied):
    write.drop_final(copied, 0)
    refused(copied, r"^keep_final: .*final\.npz was not kept.*--keep-final all")


def test_a_run_of_tables_alone_is_read_but_not_written(copied):
    without_hashes(copied)
    (copied / "anatomy" / "manifest.json").unlink()
    for file in copied.rglob("*.npz"):
        file.unlink()
    assert len(load_run(copied).anatomy.layers) == 4 * 3
    refused(copied, r"^keep_final: .*level_00.final\.npz was not kept")
    (copied / "anatomy" / "units.parquet").unlink()
    assert load_run(copied).anatomy.units.empty
    shutil.rmtree(copied / "anatomy")
    known = ANATOMY_TABLES.values()
    for found, table in zip(load_run(copied).anatomy, known, strict=True):
        assert found.empty and list(found) == list(table.columns)
        assert found["level"].dtype == "int64"


def test_what_is_no_run_is_refused(tmp_path):
    refused(tmp_path, "is not a run directory", StoreError)


@pytest.mark.parametrize("name", ["level_00/tickets.npz", "level_02/tickets.npz"])
def test_weights_that_were_changed_are_refused(copied, name):
    content = bytearray((copied / name).read_bytes())
    content[-40] ^= 1
    (copied / name).write_bytes(content)
    refused(copied, "its sha256 is not the one", StoreError)


@pytest.mark.parametrize(
    ("name", "array", "change", "match"),
    [
        ("final.npz", "final/Dense_1/kernel", None, r"final\.npz has no final/Dense_1"),
        ("final.npz", "final/Dense_1/kernel", "T", r"final\.npz has no final/Dense_1"),
        ("final.npz", "final/Dense_1/kernel", "nan", "final weights of Dense_1/kernel"),
        ("tickets.npz", "start/Dense_0/kernel", "nan", "initial weights of Dense_0"),
        ("tickets.npz", "mask/Dense_1/kernel", None, "has no mask/Dense_1/kernel"),
        (
            "tickets.npz",
            "mask/Dense_1/kernel",
            "zero",
            "mask/Dense_1/kernel .*is empty",
        ),
    ],
)
def test_arrays_that_do_not_fit_are_named(copied, name, array, change, match):
    without_hashes(copied)
    file = copied / "level_00" / name
    with np.load(file) as stored:
        arrays = dict(stored)
    if change is None:
        del arrays[array]
    else:
        changes = {"T": lambda a: a.swapaxes(1, 2), "zero": np.zeros_like}
        changes["nan"] = lambda a: a * np.nan
        arrays[array] = changes[change](arrays[array])
    np.savez(file, **arrays)
    refused(copied, match, StoreError)


# Damaged tables.


def rewrite(path: Path, column: str, value, row: int = 1) -> None:
    """Change one value of a table, and forget the hashes."""
    path.with_name("manifest.json").unlink()
    table = pq.read_table(path, partitioning=None)
    rows = table.to_pylist()
    rows[row][column] = value
    pq.write_table(pa.Table.from_pylist(rows, schema=table.schema), path)


@pytest.mark.parametrize(
    ("name", "column", "value", "problem"),
    [
        ("layers", "level", 3, "its column level holds 3"),
        ("layers", "level", -1, "its column level holds -1"),
        ("layers", "replicate", 2, "its column replicate holds 2"),
        ("layers", "layer", "", "its column layer holds"),
        ("layers", "layer", "Dense_0/kernel", "or two of the same"),
        ("layers", "n_remaining", None, "a row without"),
        ("layers", "n_remaining", 10**6, "more n_remaining than n_weights"),
        ("layers", "near_zero", 1.5, "its column near_zero holds 1.5"),
        ("layers", "grown_kept", math.nan, "a row without"),
        ("layers", "distance_kept", -1.0, "its column distance_kept holds -1"),
        ("layers", "incoming_spread", math.inf, "its column incoming_spread holds inf"),
        ("layers", "live", -1, "its column live holds -1"),
        ("layers", "live", 10**6, "more live than n_remaining"),
        ("layers", "log10_paths", -math.inf, "its column log10_paths holds -inf"),
        ("histograms", "quantity", "luck", "its column quantity holds luck"),
        ("histograms", "part", "all", "its column part holds all"),
        ("histograms", "count", -1, "its column count holds -1"),
        ("histograms", "low", 1e9, "more low than high"),
        ("histograms", "high", math.inf, "its column high holds inf"),
        ("units", "side", "left", "its column side holds left"),
        ("units", "unit", 0, "or two of the same"),
        ("units", "unit", -1, "its column unit holds -1"),
        ("units", "connections", 10**6, "more connections than possible"),
    ],
)
def test_impossible_rows_are_refused(copied, name, column, value, problem):
    rewrite(copied / "anatomy" / f"{name}.parquet", column, value)
    with pytest.raises(StoreError, match=f"{name}.parquet cannot be read: .*{problem}"):
        load_run(copied)


@pytest.mark.parametrize("name", ANATOMY_TABLES)
def test_files_that_were_changed_are_named_and_written_again(copied, opened, name):
    file = copied / "anatomy" / name
    whole = file.read_bytes()
    for harm in (whole[:-1] + b"x", whole[:-9], b"", None):
        file.unlink(missing_ok=True)
        if harm is not None:
            file.write_bytes(harm)
        match = rf"{name}.*Remove .*anatomy, .*: lth anatomy"
        with pytest.raises(StoreError, match=match):
            load_run(copied)
    other = next(other for other in ANATOMY_TABLES if other != name)
    (file.parent / "manifest.json").unlink()
    shutil.copy(file.with_name(other), file)
    with pytest.raises(StoreError, match=f"{name} cannot be read: its columns are"):
        load_run(copied)
    write_anatomy(copied)
    for name in ANATOMY_TABLES:
        there = (copied / "anatomy" / name).read_bytes()
        assert there == (opened / "anatomy" / name).read_bytes()


@pytest.mark.parametrize("name", ANATOMY_TABLES)
def test_a_table_that_could_be_one_of_the_run_is_compared(copied, name):
    file = copied / "anatomy" / name
    pq.write_table(pq.read_table(file, partitioning=None)[1:], file)
    with pytest.raises(StoreError, match=f"{name} has .* bytes, not|was changed"):
        load_run(copied)


def test_tables_of_another_run_are_refused(copied):
    manifest = copied / "anatomy" / "manifest.json"
    about = json.loads(manifest.read_text())
    manifest.write_text(json.dumps(about | {"fingerprint": "0" * 8}))
    with pytest.raises(StoreError, match="anatomy was copied from another"):
        load_run(copied)


def test_blocks_are_rows(tmp_path):
    columns = {"a": "int64", "b": "string", "c": "float64"}
    blocks = [
        {"a": np.arange(2), "b": "x", "c": np.array([0.5, 1.0])},
        {"a": 7, "b": "y", "c": np.array([2.0])},
    ]
    write_blocks(tmp_path / "t", blocks, columns)
    assert pq.read_table(tmp_path / "t").to_pylist() == [
        {"a": 0, "b": "x", "c": 0.5},
        {"a": 1, "b": "x", "c": 1.0},
        {"a": 7, "b": "y", "c": 2.0},
    ]


# The command line.


@pytest.fixture
def command(monkeypatch, capsys):
    """Return a function that runs a command here: exit code, stdout, stderr."""
    monkeypatch.setattr(devices, "use_host_devices", lambda n: None)
    without_figures(monkeypatch)
    handler = signal.getsignal(signal.SIGTERM)

    def lth_(*words) -> tuple[int, str, str]:
        capsys.readouterr()
        return cli.main([str(word) for word in words]), *capsys.readouterr()

    yield lth_
    signal.signal(signal.SIGTERM, handler)


def test_the_command_writes_tables_then_pages(copied, command):
    code, out, _ = command("anatomy", copied, "--levels", 0, 1)
    page, folder = out.splitlines()
    assert (code, folder) == (0, str(copied / "anatomy"))
    assert page == f"Report: {copied / 'report.html'}"
    assert load_run(copied).anatomy.layers["level"].unique().tolist() == [0, 1]
    made = (copied / "anatomy" / "manifest.json").stat().st_mtime_ns
    assert made <= (copied / "report.html").stat().st_mtime_ns


def test_the_command_says_what_is_missing(copied, command):
    assert command("anatomy")[0] == 2
    code, out, err = command("anatomy", copied, "--levels", 5)
    assert (code, out) == (2, "") and "has no level 5" in err


@pytest.fixture
def experiment(copied, tmp_path) -> Path:
    """Return an experiment of which the copied run is, complete."""
    config = dataclasses.replace(config_at(tmp_path, **FIELDS), out=str(copied.parent))
    file = tmp_path / "digits.py"
    file.write_text(
        f"from lth_jax.config import *\n\n\ndef config():\n    return {config!r}\n"
    )
    assert isinstance(cli.load_experiment(str(file)).variants[""], Config)
    return file


def test_a_run_ends_with_its_anatomy(copied, experiment, command):
    shutil.rmtree(copied / "anatomy")
    code, out, _ = command("run", experiment)
    assert code == 0 and out.splitlines()[-1] == str(copied)
    assert load_run(copied).anatomy.layers["level"].unique().tolist() == [0, 2]
    tables = (copied / "anatomy" / "manifest.json").stat().st_mtime_ns
    assert tables <= (copied / "report.html").stat().st_mtime_ns


def test_a_run_without_anatomy_writes_none(copied, experiment, command):
    shutil.rmtree(copied / "anatomy")
    experiment.write_text(
        experiment.read_text().replace("anatomy=(0, 2)", "anatomy=()")
    )
    assert command("run", experiment)[0] == 0
    assert not (copied / "anatomy").exists()


def test_a_complete_run_whose_tables_are_damaged_fails_as_such(
    copied, experiment, command
):
    """It was not refused before anything was done, so the code is 1, not 2."""
    (copied / "anatomy" / "units.parquet").write_bytes(b"no")
    experiment.write_text(
        experiment.read_text().replace("anatomy=(0, 2)", "anatomy=()")
    )
    code, _, err = command("run", experiment)
    assert code == 1 and "lth anatomy" in err
    assert command("anatomy", copied)[0] == 0
    assert command("run", experiment)[0] == 0


def test_weights_that_are_gone_are_missed_before_the_run(copied, experiment, command):
    write.drop_final(copied, 0)
    (copied / "report.html").unlink(missing_ok=True)
    before = contents(copied)
    code, out, err = command("run", experiment)
    assert (code, out) == (2, "") and "keep_final: " in err and "final.npz" in err
    assert contents(copied) == before


def test_a_variant_that_cannot_be_taken_apart_costs_no_other(sweep):
    config = dataclasses.replace(config_at(sweep, **FIELDS), anatomy=(0, 1))
    first, second = variants = dict.fromkeys(("one", "two"), config)
    damage = sweep / first / "level_01" / "tickets.npz"
    damage.write_bytes(damage.read_bytes()[:-1])
    (problem,) = write_asked(sweep, variants)
    assert "tickets.npz" in problem
    levels = load_run(sweep / second).anatomy.layers["level"]
    assert levels.unique().tolist() == [0, 1]
