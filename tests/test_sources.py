"""Data sources: digits, TFDS and its cache, the MNIST files, a user's arrays."""

import functools
import gzip
import hashlib
import http.server
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
import warnings
from pathlib import Path

import numpy as np
import pytest

from lth_jax import sources
from lth_jax.config import DataConfig
from lth_jax.errors import InputError
from lth_jax.sources import cache, mnist
from lth_jax.sources import tfds as catalogue

FIXTURE = Path(__file__).parent / "data" / "tfds"
FULL = Path(os.environ.get("TFDS_DATA_DIR") or "/nonexistent")
TINY_MNIST = DataConfig(name="mnist", dir=str(FIXTURE), validation=30)
DIGITS_DIGEST = "d878cca98f72165aa1e99959caeede50a7c5b752cc79328b9d0fd3caa8dfead5"
MNIST_DIGEST = "309450b4803d28b07f50d3eb5144ce94eb23048b3fff7e007d903a07094bfc0c"


@pytest.fixture(autouse=True)
def cache_dir(tmp_path, monkeypatch):
    """Keep every test away from the user's cache and data."""
    monkeypatch.setenv("LTH_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("TFDS_DATA_DIR", raising=False)
    return tmp_path / "cache"


@pytest.fixture
def no_tfds(monkeypatch):
    """Make importing tensorflow_datasets fail."""

    def block():
        monkeypatch.setitem(sys.modules, "tensorflow_datasets", None)

    return block


@pytest.fixture
def no_network(monkeypatch):
    """Make every use of a socket fail."""

    def refuse(*args, **kwargs):
        raise AssertionError("the network was used")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)


def histogram(*ys):
    return np.bincount(np.concatenate(ys), minlength=10).tolist()


def rows(x):
    """Return the examples as a sorted list, to compare sets of them."""
    return sorted(example.tobytes() for example in x)


# digits


def test_digits_have_the_known_shapes_counts_and_range():
    splits, _ = sources.load(DataConfig(name="digits"), seed=0)
    assert [d.x.shape for d in splits[:3]] == [
        (1197, 8, 8, 1),
        (240, 8, 8, 1),
        (360, 8, 8, 1),
    ]
    assert splits.n_classes == 10
    assert all(d.x.dtype == np.float32 and d.y.dtype == np.int32 for d in splits[:3])
    assert all(d.x.min() == 0 and d.x.max() == 1 for d in splits[:3])


def test_digits_are_those_of_scikit_learn():
    splits, _ = sources.load(DataConfig(name="digits"), seed=0)
    counts = histogram(*(d.y for d in splits[:3]))
    assert counts == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    total = sum(d.x.sum(dtype=np.float64) for d in splits[:3]) * 16
    assert total == 561_718  # sum of all pixels of sklearn.datasets.load_digits()
    assert min(histogram(splits.test.y)) >= 20


def test_digits_digest_is_pinned():
    _, origin = sources.load(DataConfig(name="digits"), seed=0)
    assert origin == (DIGITS_DIGEST, "")


def test_digits_need_no_preparation():
    folder = sources.prepare("digits", DataConfig())
    assert (folder / "digits.npz").is_file()


# Splits


def test_splits_are_disjoint_and_complete():
    splits, _ = sources.load(TINY_MNIST, seed=0)
    arrays = catalogue.read(TINY_MNIST).arrays
    train, validation = (np.round(d.x * 255) for d in splits[:2])
    both = np.concatenate([train, validation]).astype(np.uint8)
    assert len(train) == 130 and len(validation) == 30
    assert rows(both) == rows(arrays["x_train"])
    assert len(set(rows(both))) == 160
    assert histogram(splits.train.y, splits.validation.y) == histogram(
        arrays["y_train"]
    )


def test_splits_depend_on_the_seed_only():
    one, origin = sources.load(DataConfig(), seed=1)
    again, same = sources.load(DataConfig(), seed=1)
    other, also = sources.load(DataConfig(), seed=2)
    np.testing.assert_array_equal(one.validation.x, again.validation.x)
    np.testing.assert_array_equal(one.train.y, again.train.y)
    assert rows(one.validation.x) != rows(other.validation.x)
    np.testing.assert_array_equal(one.test.x, other.test.x)
    assert origin == same == also


def test_remaining_training_examples_keep_their_order():
    x, y = np.arange(50.0)[:, None], np.arange(50)
    splits = sources.from_arrays((x, y), (x, y), n_validation=20, seed=3)
    for part, n in ((splits.train, 30), (splits.validation, 20)):
        assert len(part.x) == n
        assert (np.diff(part.x[:, 0]) > 0).all()
        np.testing.assert_array_equal(part.x[:, 0], part.y)


def test_l2_gives_every_image_norm_one_as_the_authors_code_does():
    unit, _ = sources.load(DataConfig(), seed=0)
    scaled, _ = sources.load(DataConfig(scaling="l2"), seed=0)
    for before, after in zip(unit[:3], scaled[:3], strict=True):
        # keras.utils.normalize of flat images: x / ||x||, and zeros stay zeros.
        flat = before.x.reshape(len(before.x), -1).astype(np.float64)
        norms = np.linalg.norm(flat, 2, -1, keepdims=True)
        norms[norms == 0] = 1
        expected = (flat / norms).reshape(before.x.shape)
        assert after.x.dtype == np.float32
        np.testing.assert_allclose(after.x, expected, rtol=1e-6)
        np.testing.assert_array_equal(after.y, before.y)


def test_an_image_of_zeros_can_be_scaled(monkeypatch):
    x = np.zeros((6, 2, 2, 1), np.uint8)
    x[1:] = 3
    arrays = {"x_train": x, "x_test": x} | dict.fromkeys(
        ("y_train", "y_test"), np.arange(6, dtype=np.int32)
    )
    source = sources._SOURCES["digits"]._replace(read=lambda _: cache.Decoded(arrays))
    monkeypatch.setitem(sources._SOURCES, "digits", source)
    scaled, _ = sources.load(DataConfig(scaling="l2", validation=1), seed=0)
    assert scaled.test.x[0].max() == 0
    np.testing.assert_array_equal(scaled.test.x[1:], 0.5)


def test_standard_gives_every_channel_of_the_training_set_mean_0_and_deviation_1():
    scaled, _ = sources.load(DataConfig(scaling="standard"), seed=0)
    assert scaled.train.x.mean() == pytest.approx(0, abs=1e-5)
    assert scaled.train.x.std() == pytest.approx(1, abs=1e-5)
    assert abs(scaled.test.x.mean()) > 1e-4, "scaled by its own mean"


def test_number_of_validation_examples_can_be_chosen_and_is_checked():
    splits, _ = sources.load(DataConfig(validation=7), seed=0)
    assert len(splits.validation.x) == 7 and len(splits.train.x) == 1430
    with pytest.raises(InputError, match=r"--data\.validation"):
        sources.load(DataConfig(validation=1437), seed=0)


# TFDS and the cache


def test_tfds_images_equal_what_tfds_decodes():
    import tensorflow_datasets as tfds

    splits, _ = sources.load(TINY_MNIST, seed=0)
    assert splits.n_classes == 10
    source = tfds.data_source("mnist", split="test", data_dir=FIXTURE, download=False)
    expected = {r["image"].tobytes(): r["label"] for r in source}
    x = np.round(splits.test.x * 255).astype(np.uint8)
    assert x.shape == (100, 28, 28, 1) and len(expected) == 100
    assert {i.tobytes(): int(y) for i, y in zip(x, splits.test.y, strict=True)} == (
        expected
    )
    np.testing.assert_array_equal(splits.test.x, x / np.float32(255))
    assert splits.test.x.dtype == np.float32


def test_second_start_reads_the_cache_without_tfds(no_tfds, cache_dir):
    first, origin = sources.load(TINY_MNIST, seed=0)
    no_tfds()
    second, same = sources.load(TINY_MNIST, seed=0)
    assert origin == same
    for a, b in zip(first[:3], second[:3], strict=True):
        np.testing.assert_array_equal(a.x, b.x)
        np.testing.assert_array_equal(a.y, b.y)
    (entry,) = cache_dir.iterdir()
    assert entry.name.startswith("mnist-3.0.1-")


def test_environment_names_data_dir_and_config_names_cache(
    monkeypatch, tmp_path, cache_dir
):
    monkeypatch.setenv("TFDS_DATA_DIR", str(FIXTURE))
    config = DataConfig(name="mnist", validation=30, cache=str(tmp_path / "mine"))
    sources.load(config, seed=0)
    assert not cache_dir.exists()
    assert len(list((tmp_path / "mine").iterdir())) == 1


def test_another_data_dir_gets_its_own_entry(tmp_path, cache_dir):
    sources.load(TINY_MNIST, seed=0)
    other = tmp_path / "tfds"
    shutil.copytree(FIXTURE, other)
    info = other / "mnist/3.0.1/dataset_info.json"
    content = json.loads(info.read_text())
    content["splits"][0]["numBytes"] = "1"
    info.write_text(json.dumps(content))
    sources.load(DataConfig(name="mnist", dir=str(other), validation=30), seed=0)
    assert len(list(cache_dir.iterdir())) == 2


def test_newest_version_wins_and_what_is_unreadable_is_passed_over(tmp_path):
    formats = {
        "9.0.0": "array_record",
        "10.0.0": "array_record",
        "11.0.0": "tfrecord",
        "incomplete.ABC_12.0.0": "array_record",
    }
    for version, file_format in formats.items():
        info = tmp_path / "mnist" / version / "dataset_info.json"
        info.parent.mkdir(parents=True)
        info.write_text(json.dumps({"fileFormat": file_format}))
    folder = catalogue._folder(DataConfig(name="mnist", dir=str(tmp_path)))
    assert folder == tmp_path / "mnist" / "10.0.0"


@pytest.mark.parametrize("damage", ["flip", "truncate", "empty", "missing"])
@pytest.mark.parametrize("file", ["x_train.npy", "y_test.npy", "manifest.json"])
def test_corrupt_cache_is_named_and_made_again(file, damage, cache_dir):
    splits, origin = sources.load(TINY_MNIST, seed=0)
    (entry,) = cache_dir.iterdir()
    path = entry / file
    content = bytearray(path.read_bytes())
    if damage == "flip":
        content[-10] ^= 1
    elif damage == "truncate":
        content = content[:-100]
    elif damage == "empty":
        content = b""
    path.unlink()  # the old file stays mapped
    if damage != "missing":
        path.write_bytes(content)
    with pytest.warns(UserWarning, match="corrupt") as caught:
        again, same = sources.load(TINY_MNIST, seed=0)
    named = "y_test.npy" if (file, damage) == ("manifest.json", "flip") else file
    assert str(entry / named) in str(caught[0].message)
    assert same == origin
    np.testing.assert_array_equal(again.train.x, splits.train.x)
    with warnings.catch_warnings(action="error"):
        sources.load(TINY_MNIST, seed=0)
    assert list(cache_dir.iterdir()) == [entry]


def test_unwritable_cache_is_a_warning(tmp_path):
    (tmp_path / "file").write_text("")
    config = DataConfig(
        name="mnist", dir=str(FIXTURE), validation=30, cache=str(tmp_path / "file")
    )
    with pytest.warns(UserWarning, match="not cached"):
        splits, _ = sources.load(config, seed=0)
    assert len(splits.train.x) == 130


def test_images_stored_as_jpeg_are_noted_with_and_without_the_cache(no_tfds):
    config = DataConfig(name="cifar10", dir=str(FIXTURE), validation=10)
    splits, origin = sources.load(config, seed=0)
    assert splits.test.x.shape == (20, 32, 32, 3) and splits.n_classes == 10
    assert "JPEG" in origin.note
    assert sources.load(TINY_MNIST, seed=0)[1].note == ""
    no_tfds()
    assert sources.load(config, seed=0)[1] == origin


def test_concurrent_writers_leave_one_good_entry(cache_dir):
    decoded = catalogue._decode(FIXTURE / "mnist/3.0.1")
    entry, errors = cache_dir / "mnist-0.0.0-x", []
    start = threading.Barrier(8)

    def work():
        start.wait()
        try:
            cache.write(entry, decoded)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert list(cache_dir.iterdir()) == [entry]
    assert cache.digest(cache.read(entry).arrays) == cache.digest(decoded.arrays)


def test_entry_appears_only_when_complete(cache_dir, monkeypatch):
    decoded = catalogue._decode(FIXTURE / "mnist/3.0.1")
    entry = cache_dir / "entry"

    def fail(*args):
        raise OSError("disk full")

    monkeypatch.setattr(cache.np, "save", fail)
    with pytest.raises(OSError, match="disk full"):
        cache.write(entry, decoded)
    assert list(cache_dir.iterdir()) == []


def test_order_of_a_source_does_not_matter():
    decoded = catalogue._decode(FIXTURE / "mnist/3.0.1")
    backwards = decoded._replace(
        arrays={name: array[::-1] for name, array in decoded.arrays.items()}
    )
    digests = [cache.digest(each.arrays) for each in (decoded, backwards)]
    assert digests[0] != digests[1]
    digests = [
        cache.digest(cache.canonical(each).arrays) for each in (decoded, backwards)
    ]
    assert digests[0] == digests[1]


def test_damaged_data_dir_is_an_input_error(tmp_path):
    shutil.copytree(FIXTURE, tmp_path / "tfds")
    shard = tmp_path / "tfds/mnist/3.0.1/mnist-train.array_record-00000-of-00001"
    os.truncate(shard, 70_000)
    with pytest.raises(InputError, match="prepare it again"):
        sources.load(DataConfig(name="mnist", dir=str(tmp_path / "tfds")), seed=0)


def test_not_prepared_says_at_once_what_to_type(tmp_path, no_tfds, no_network):
    no_tfds()
    start = time.monotonic()
    with pytest.raises(InputError) as caught:
        sources.load(DataConfig(name="mnist", dir=str(tmp_path / "none")), seed=0)
    assert time.monotonic() - start < 0.5
    for words in ("`lth data prepare mnist`", "--data.dir", "TFDS_DATA_DIR", "none"):
        assert words in str(caught.value)


@pytest.mark.parametrize("call", ["load", "prepare"])
def test_unknown_name_is_explained(call):
    config = DataConfig(name="digit")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="did you mean 'digits'"):
        if call == "load":
            sources.load(config, seed=0)
        else:
            sources.prepare("digit", config)


def test_import_loads_nothing_heavy():
    heavy = "{'tensorflow_datasets', 'pooch', 'requests', 'PIL', 'array_record'}"
    code = f"import sys, lth_jax.sources; print({heavy} & set(sys.modules))"
    out = subprocess.check_output([sys.executable, "-c", code], text=True)
    assert out.strip() == "set()"


# The MNIST files


@pytest.fixture
def idx_folder(tmp_path, monkeypatch):
    """The fixture's examples as four IDX files, which count as the published ones."""
    folder = tmp_path / "idx"
    folder.mkdir()
    arrays = catalogue._decode(FIXTURE / "mnist/3.0.1").arrays
    for name, file in mnist.FILES.items():
        array = arrays[name].astype(np.uint8)
        shape = array.shape[:3]
        head = bytes([0, 0, 8, len(shape)]) + np.array(shape, ">u4").tobytes()
        content = gzip.compress(head + array.tobytes(), mtime=0)
        (folder / file).write_bytes(content)
        monkeypatch.setitem(mnist.SHA256, name, hashlib.sha256(content).hexdigest())
    return folder


def prepare_from(folder):
    return sources.prepare("mnist", DataConfig(dir=str(folder)))


def test_prepared_files_give_the_same_data_as_tfds(
    idx_folder, cache_dir, no_tfds, no_network
):
    expected, origin = sources.load(TINY_MNIST, seed=0)
    shutil.rmtree(cache_dir)
    no_tfds()
    entry = prepare_from(idx_folder)
    assert entry.parent == cache_dir and entry.name == "mnist-3.0.1-prepared"
    splits, same = sources.load(DataConfig(name="mnist", validation=30), seed=0)
    assert same == origin
    for a, b in zip(splits[:3], expected[:3], strict=True):
        np.testing.assert_array_equal(a.x, b.x)
        np.testing.assert_array_equal(a.y, b.y)


def test_prepare_leaves_a_valid_entry_alone_and_repairs_a_corrupt_one(idx_folder):
    entry = prepare_from(idx_folder)
    before = (entry / "x_test.npy").stat()
    assert sources.prepare("mnist", DataConfig(dir="/nonexistent")) == entry
    assert (entry / "x_test.npy").stat() == before
    (entry / "x_test.npy").write_bytes(b"")
    with pytest.warns(UserWarning, match=r"x_test\.npy"):
        prepare_from(idx_folder)
    assert cache.read(entry) is not None


def test_corrupt_prepared_entry_is_named_and_cannot_be_loaded(idx_folder):
    entry = prepare_from(idx_folder)
    (entry / "y_train.npy").write_bytes(b"")
    with (
        pytest.warns(UserWarning, match=r"y_train\.npy"),
        pytest.raises(InputError, match="lth data prepare mnist"),
    ):
        sources.load(DataConfig(name="mnist"), seed=0)


def test_prepared_data_in_place_of_a_missing_data_dir_are_a_warning(idx_folder):
    prepare_from(idx_folder)
    config = DataConfig(name="mnist", validation=30, dir="/nonexistent")
    with pytest.warns(UserWarning, match="no mnist in /nonexistent"):
        sources.load(config, seed=0)


def test_missing_and_wrong_files_are_named(idx_folder, cache_dir):
    path = idx_folder / "t10k-labels-idx1-ubyte.gz"
    content = path.read_bytes()
    path.write_bytes(content + b"x")
    with pytest.raises(InputError, match=r"t10k-labels.*not the published file"):
        prepare_from(idx_folder)
    path.unlink()
    with pytest.raises(InputError, match=r"cannot read .*t10k-labels"):
        prepare_from(idx_folder)
    assert not cache_dir.exists()


def test_prepare_says_that_the_cache_cannot_be_written(idx_folder, tmp_path):
    (tmp_path / "file").write_text("")
    config = DataConfig(dir=str(idx_folder), cache=str(tmp_path / "file"))
    with pytest.raises(InputError, match="another folder with --cache"):
        sources.prepare("mnist", config)


class Quiet(http.server.SimpleHTTPRequestHandler):
    """A file server that does not log."""

    def log_message(self, *args):
        pass


@pytest.fixture
def server(idx_folder, monkeypatch):
    """Serve the IDX files on this machine."""
    monkeypatch.setenv("NO_PROXY", "*")
    handler = functools.partial(Quiet, directory=str(idx_folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@pytest.fixture
def closed_port():
    """Return a port that refuses connections."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{sock.getsockname()[1]}/"


def test_download_falls_back_to_the_second_mirror(
    server, closed_port, monkeypatch, cache_dir
):
    monkeypatch.setattr(mnist, "MIRRORS", (closed_port, server + "gone/", server))
    entry = sources.prepare("mnist", DataConfig(name="mnist"))
    assert len(np.load(entry / "x_train.npy")) == 160
    assert list(cache_dir.iterdir()) == [entry]


def test_a_wrong_download_is_refused(server, monkeypatch, idx_folder, cache_dir):
    monkeypatch.setattr(mnist, "MIRRORS", (server,))
    (idx_folder / "train-images-idx3-ubyte.gz").write_bytes(b"something else")
    with pytest.raises(InputError, match="hash"):
        sources.prepare("mnist", DataConfig(name="mnist"))
    assert not cache_dir.exists()


def test_no_network_is_an_error_that_says_what_to_do(closed_port, monkeypatch):
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setattr(mnist, "MIRRORS", (closed_port, closed_port))
    start = time.monotonic()
    with pytest.raises(InputError, match=r"lth data prepare mnist --dir FOLDER"):
        sources.prepare("mnist", DataConfig(name="mnist"))
    assert time.monotonic() - start < 5


def test_silent_mirrors_cannot_hold_up_longer_than_the_limit(monkeypatch):
    def never(*args, **kwargs):  # as looking up a name without name server
        time.sleep(5)
        raise OSError("never")

    assert len(mnist.MIRRORS) * mnist.ANSWER_SECONDS < 10
    monkeypatch.setattr(mnist, "ANSWER_SECONDS", 0.2)
    monkeypatch.setattr("requests.head", never)
    start = time.monotonic()
    with pytest.raises(InputError, match=r"silent for 0\.2 s"):
        sources.prepare("mnist", DataConfig(name="mnist"))
    assert time.monotonic() - start < 2


# A user's arrays

X, Y = np.linspace(0, 1, 60).reshape(20, 3), np.arange(20) % 4


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_float_arrays_keep_dtype_and_values(dtype):
    x = X.astype(dtype)
    splits = sources.from_arrays((x, Y), (x, Y), n_validation=5)
    assert splits.train.x.dtype == dtype and splits.train.y.dtype == np.int32
    np.testing.assert_array_equal(splits.test.x, x)
    assert splits.n_classes == 4
    assert [len(d.x) for d in splits[:3]] == [15, 5, 20]


def test_uint8_images_become_float32_in_0_to_1():
    x = np.arange(20, dtype=np.uint8).reshape(20, 1, 1, 1) + np.uint8(236)
    splits = sources.from_arrays((x, Y), (x, Y), n_validation=5)
    assert splits.test.x.dtype == splits.train.x.dtype == np.float32
    np.testing.assert_array_equal(splits.test.x, x / np.float32(255))


def test_number_of_classes_can_be_given():
    splits = sources.from_arrays((X, Y), (X, Y), n_validation=5, n_classes=7)
    assert splits.n_classes == 7


def changed(array, index, value):
    array = array.copy()
    array[index] = value
    return array


BAD = {
    "lengths": ((X, Y[:-1]), (X, Y), {}, r"train y has shape \(19,\)"),
    "lengths of test": ((X, Y), (X[:-1], Y), {}, r"test y .* must have\s+shape \(19,"),
    "column": ((X, Y[:, None]), (X, Y), {}, r"train y has shape \(20, 1\)"),
    "nan": ((changed(X, 3, np.nan), Y), (X, Y), {}, "train x has NaN or inf"),
    "inf": ((X, Y), (changed(X, 3, np.inf), Y), {}, "test x has NaN or inf"),
    "float labels": ((X, Y.astype(float)), (X, Y), {}, "train y is float64"),
    "bool labels": ((X, Y > 1), (X, Y), {}, "train y is bool"),
    "negative": ((X, Y - 1), (X, Y), {}, "train y has labels from -1"),
    "huge": ((X, Y + 2**40), (X, Y), {}, "number classes from 0"),
    "unseen": ((X, Y), (X, Y + 1), {}, "test y has the label 4, but with 4 classes"),
    "above": ((X, Y), (X, Y), {"n_classes": 3}, "train y has the label 3"),
    "shapes": ((X, Y), (X[:, :2], Y), {}, r"train x has shape \(3,\), of test x \(2,"),
    "dtypes": ((X, Y), (X.astype("f4"), Y), {}, "train x is float64, test x float32"),
    "all": ((X, Y), (X, Y), {"n_validation": 20}, "20 validation .* n_validation"),
    "none": ((X, Y), (X, Y), {"n_validation": 0}, "0 validation examples"),
    "empty": ((X[:0], Y[:0]), (X, Y), {}, "train x has shape .0, 3"),
    "empty test": ((X, Y), (X[:0], Y[:0]), {}, "test x has shape .0, 3"),
    "no axes": ((Y / 4, Y), (X, Y), {}, r"train x has shape \(20,\)"),
    "no pair": (X, Y, {}, r"train must be a pair \(x, y\)"),
    "three": ((X, Y), (X, Y, Y), {}, r"test must be a pair \(x, y\)"),
    "part": ((X, Y), (X, Y), {"n_validation": 5.0}, "n_validation is 5.0"),
    "seed": ((X, Y), (X, Y), {"seed": -1}, "seed is -1"),
    "half a class": ((X, Y), (X, Y), {"n_classes": 4.5}, "n_classes is 4.5"),
    "int64": (((X * 255).astype(int), Y), (X, Y), {}, "train x is int64: scale it"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_arrays_are_named(case):
    train, test, options, message = BAD[case]
    with pytest.raises(InputError, match=message):
        sources.from_arrays(train, test, **({"n_validation": 5} | options))


# The full data set


@pytest.mark.long
@pytest.mark.skipif(
    not (FULL / "mnist").is_dir(), reason="TFDS_DATA_DIR with mnist is not there"
)
def test_full_mnist_is_mnist(no_tfds):
    config = DataConfig(name="mnist", dir=str(FULL))
    splits, origin = sources.load(config, seed=0)
    assert [len(d.x) for d in splits[:3]] == [55_000, 5_000, 10_000]
    assert histogram(splits.train.y, splits.validation.y) == (
        [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    )
    assert histogram(splits.test.y) == (
        [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    )
    total = sum(d.x.sum(dtype=np.float64) for d in splits[:2])
    assert total * 255 / (60_000 * 784) == pytest.approx(33.318421, abs=1e-5)
    assert origin == (MNIST_DIGEST, "")
    no_tfds()
    start = time.process_time()
    assert sources.load(config, seed=0)[1] == origin
    assert time.process_time() - start < 1
