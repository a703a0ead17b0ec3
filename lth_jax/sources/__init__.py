"""Where data come from: the embedded digits, TFDS, the MNIST files, a user's arrays.

What has to be decoded is decoded once and kept as checksummed arrays, so that later
starts take less than a second and do not import tensorflow_datasets:

    <cache>/mnist-3.0.1-1f0c5ab29e77/     from the TFDS data_dir with this content
    <cache>/mnist-3.0.1-prepared/         from ``lth data prepare mnist``

TFDS and the MNIST files hold the same examples in different orders. Both are brought
into one, so the validation set, the digest and all results are the same with either.
"""

from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ..config import DataConfig
from ..errors import InputError, did_you_mean
from ..training.dataset import Dataset, Splits
from . import cache, mnist, tfds

SPLIT_STREAM = 0x5EED
"""Second word of the seed that draws the validation examples."""


class Origin(NamedTuple):
    """Which copy of a data set was read.

    Attributes:
        sha256: hex digest of the decoded data before splitting.
        note: what a reader of results must know of this copy; mostly empty.
    """

    sha256: str
    note: str


def load(config: DataConfig, seed: int, replicates: int = 1) -> tuple[Splits, Origin]:
    """Load a data set and draw its validation examples, without any network.

    Args:
        config: which data set, and where it and its cache are.
        seed: draws the validation examples.
        replicates: how many draws, where ``config.split`` is per_replicate: the sets
            then are rows of one pool, see `lth_jax.training.dataset.Dataset`.

    Returns:
        The splits and their origin. Images are float32 [n, height, width, channels] in
        [0, 1]: pixels / 255, but digits / 16, their maximum. With ``config.scaling``
        standard, every channel is shifted and scaled by mean and standard deviation of
        the training set (with per_replicate, of the pool); with l2, every image is
        divided by its Euclidean norm, as the code that the authors of the first paper
        released does for MNIST (the paper does not say it). Labels are int32. Remaining
        training examples keep their order.

    Raises:
        InputError: unknown name, data not prepared, or too many validation examples.

    Example:
        >>> splits, origin = load(DataConfig(name="digits"), seed=0)
        >>> splits.train.x.shape, splits.validation.x.shape, splits.test.x.shape
        ((1197, 8, 8, 1), (240, 8, 8, 1), (360, 8, 8, 1))

    Reference:
        digits: E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits,
        UCI Machine Learning Repository, 1998, https://doi.org/10.24432/C50P49
        (CC BY 4.0), in scikit-learn's copy; see ``assets/make_digits.py``.
    """
    source = _source(config.name)
    arrays, note = source.read(config)
    splits = _split(
        Dataset(_scaled(arrays["x_train"], source.white), arrays["y_train"]),
        Dataset(_scaled(arrays["x_test"], source.white), arrays["y_test"]),
        source.n_validation if config.validation is None else config.validation,
        seed,
        source.n_classes,
        replicates if config.split == "per_replicate" else None,
    )
    origin = Origin(cache.digest(arrays), note)
    return _SCALINGS[config.scaling](splits), origin


def _standard(splits: Splits) -> Splits:
    """Give every channel of the training images mean 0 and standard deviation 1."""
    x = splits.train.x
    axes = tuple(range(x.ndim - 1))
    mean = x.mean(axes, dtype=np.float64).astype(x.dtype)
    scale = np.maximum(x.std(axes, dtype=np.float64), 1e-8).astype(x.dtype)
    return _mapped(lambda x: (x - mean) / scale, splits)


def _l2(splits: Splits) -> Splits:
    """Give every image Euclidean norm 1; an image of zeros stays one."""

    def scaled(x: np.ndarray) -> np.ndarray:
        squares = np.square(x, dtype=np.float64)
        norm = np.sqrt(squares.sum(tuple(range(1, x.ndim)), keepdims=True))
        return (x / np.where(norm == 0, 1, norm)).astype(x.dtype)

    return _mapped(scaled, splits)


def _mapped(f: Callable[[np.ndarray], np.ndarray], splits: Splits) -> Splits:
    """Map the examples of all sets; sets of one pool still are."""
    mapped: dict[int, np.ndarray] = {}
    for part in splits[:3]:
        if id(part.x) not in mapped:
            mapped[id(part.x)] = f(part.x)
    train, validation, test = (p._replace(x=mapped[id(p.x)]) for p in splits[:3])
    return Splits(train, validation, test, splits.n_classes)


_SCALINGS: dict[str, Callable[[Splits], Splits]] = {
    "unit": lambda splits: splits,
    "standard": _standard,
    "l2": _l2,
}
"""What is done with pixels in [0, 1]."""


def prepare(name: str, config: DataConfig) -> Path:
    """Make a data set ready for ``load`` on a machine without TensorFlow.

    Args:
        name: mnist is taken from the four published files, in the folder
            ``config.dir`` if given, else from public mirrors; digits needs nothing.
        config: ``dir`` and ``cache`` are used.

    Returns:
        The folder that holds the decoded arrays.

    Raises:
        InputError: unknown name, missing or wrong files, no network.
    """
    return _source(name).prepare(config)


def from_arrays(
    train: tuple[np.ndarray, np.ndarray],
    test: tuple[np.ndarray, np.ndarray],
    *,
    n_validation: int,
    seed: int = 0,
    n_classes: int | None = None,
) -> Splits:
    """Make splits from NumPy arrays.

    Args:
        train: ``(x, y)``: x [n, ...], y [n] integers from 0. Float x keep their dtype
            and values; uint8 x are taken for images and become float32 x / 255. Other
            dtypes are refused, because their scale cannot be known.
        test: the same for the test set.
        n_validation: how many training examples become the validation set.
        seed: draws the validation examples.
        n_classes: number of classes; default: largest training label + 1.

    Returns:
        The splits; remaining training examples keep their order.

    Raises:
        InputError: names the array at fault and what to do.

    Example:
        >>> x, y = np.zeros((10, 4)), np.arange(10) % 2
        >>> splits = from_arrays((x, y), (x, y), n_validation=3)
        >>> len(splits.train.x), len(splits.validation.x), splits.n_classes
        (7, 3, 2)
    """
    given = {"train": train, "test": test}
    whole = {"n_validation": n_validation, "seed": seed}
    whole |= {} if n_classes is None else {"n_classes": n_classes}
    for name, number in whole.items():
        if not isinstance(number, int | np.integer) or number < 0:
            raise InputError(f"{name} is {number!r}: it must be an integer from 0 on.")
    sets = {name: _checked(name, pair) for name, pair in given.items()}
    shapes = [part.x.shape[1:] for part in sets.values()]
    if shapes[0] != shapes[1]:
        raise InputError(
            f"one example of train x has shape {shapes[0]}, of test x {shapes[1]}: give"
            " both the same shape."
        )
    dtypes = [part.x.dtype for part in sets.values()]
    if dtypes[0] != dtypes[1]:
        raise InputError(
            f"train x is {dtypes[0]}, test x {dtypes[1]}: scale both alike and give"
            " both the same dtype."
        )
    if n_classes is None:
        n_classes = int(sets["train"].y.max()) + 1
    for name, part in sets.items():
        if (largest := part.y.max()) >= n_classes:
            raise InputError(
                f"{name} y has the label {largest}, but with {n_classes} classes labels"
                f" go to {n_classes - 1}: correct it, or pass n_classes."
            )
    train_set, test_set = (s._replace(x=_scaled(s.x, 255)) for s in sets.values())
    return _split(train_set, test_set, n_validation, seed, n_classes)


def _checked(name: str, pair: Any) -> Dataset:
    """Return one pair of a user's arrays, labels as int32, or say what is wrong."""
    if not isinstance(pair, tuple | list) or len(pair) != 2:
        raise InputError(
            f"{name} must be a pair (x, y): from_arrays((x, y), (x_test, y_test), ...)."
        )
    x, y = map(np.asarray, pair)
    if x.ndim < 2 or x.size == 0:
        raise InputError(
            f"{name} x has shape {x.shape}: it must hold examples, [n, ...]."
        )
    if y.shape != x.shape[:1]:
        raise InputError(
            f"{name} y has shape {y.shape}: for the {len(x)} examples of {name} x it"
            f" must have shape ({len(x)},)."
        )
    if np.issubdtype(x.dtype, np.floating):
        if not np.isfinite(x).all():
            raise InputError(f"{name} x has NaN or inf: remove or replace them.")
    elif x.dtype != np.uint8:
        raise InputError(
            f"{name} x is {x.dtype}: scale it and make it float, for example by"
            " x.astype('float32'). Only uint8 images are scaled for you."
        )
    if not np.issubdtype(y.dtype, np.integer):
        raise InputError(
            f"{name} y is {y.dtype}: labels must be integers; try y.astype('int32')."
        )
    if not 0 <= y.min() <= y.max() < np.iinfo(np.int32).max:
        raise InputError(
            f"{name} y has labels from {y.min()} to {y.max()}: number classes from 0."
        )
    return Dataset(x, y.astype(np.int32))


def _split(
    train: Dataset,
    test: Dataset,
    n_validation: int,
    seed: int,
    n_classes: int,
    replicates: int | None = None,
) -> Splits:
    """Move ``n_validation`` examples drawn by ``seed`` out of the training set.

    Args:
        train: with them.
        test: stays as it is.
        n_validation: how many.
        seed: draws them.
        n_classes: number of classes.
        replicates: how often they are drawn; None: once for all.
    """
    n = train.y.size
    if not 1 <= n_validation < n:
        raise InputError(
            f"{n_validation} validation examples cannot be taken from {n} training"
            f" examples: set n_validation (--data.validation) to 1 ... {n - 1}."
        )

    def drawn(*words: int) -> np.ndarray:
        rng = np.random.Generator(np.random.PCG64([seed, SPLIT_STREAM, *words]))
        chosen = np.zeros(n, bool)
        chosen[rng.permutation(n)[:n_validation]] = True
        return chosen

    if replicates is None:
        chosen = drawn()
        rest, validation = (Dataset(train.x[r], train.y[r]) for r in (~chosen, chosen))
        return Splits(rest, validation, test, n_classes)
    # From 1 on: a last word of 0 draws what no word does.
    many = np.stack([drawn(1 + replicate) for replicate in range(replicates)])
    rest, validation = (
        train._replace(
            rows=np.stack([np.flatnonzero(one) for one in some]).astype("i4")
        )
        for some in (~many, many)
    )
    return Splits(rest, validation, test, n_classes)


def _scaled(x: np.ndarray, white: int) -> np.ndarray:
    """Return uint8 pixels / white as float32, and any other array as it is."""
    if x.dtype != np.uint8:
        return x
    return np.divide(x, np.float32(white), dtype=np.float32)


def _assets() -> Any:
    """Return the folder of the data that come with the package."""
    return resources.files("lth_jax.sources") / "assets"


def _digits(_: DataConfig) -> cache.Decoded:
    """Read the embedded digits."""
    with (_assets() / "digits.npz").open("rb") as file, np.load(file) as archive:
        arrays = {name: archive[name] for name in cache.NAMES}
    labels = {y: arrays[y].astype(np.int32) for y in ("y_train", "y_test")}
    return cache.Decoded(arrays | labels)


def _not_here(_: DataConfig) -> Path:
    """Say where a data set that is not prepared here comes from."""
    raise InputError(
        "cifar10 cannot be prepared here: prepare it with tensorflow-datasets"
        " (file_format='array_record') and point --data.dir or TFDS_DATA_DIR at it."
    )


class _Source(NamedTuple):
    """A data set: how to read and prepare it, and what is known of it."""

    read: Callable[[DataConfig], cache.Decoded]
    prepare: Callable[[DataConfig], Path]
    n_validation: int
    n_classes: int
    white: int
    """Largest pixel value."""


_SOURCES = {
    "digits": _Source(_digits, lambda _: Path(str(_assets())), 240, 10, white=16),
    "mnist": _Source(tfds.read, mnist.prepare, 5_000, 10, white=255),
    "cifar10": _Source(tfds.read, _not_here, 5_000, 10, white=255),
}


def _source(name: str) -> _Source:
    """Look up a data set."""
    if name not in _SOURCES:
        raise InputError(
            f"data.name is {name!r}, which is no data set{did_you_mean(name, _SOURCES)}"
        )
    return _SOURCES[name]
