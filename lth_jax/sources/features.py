"""What a TFDS folder says of itself, read before TFDS reads it.

TFDS imports the Python module of every feature that ``features.json`` names, and makes
room for as many examples as ``dataset_info.json`` counts. A folder that somebody else
has prepared is data: it names no module here, and counts no more than there can be.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from ..config.fields import shown
from ..errors import InputError, StoreError
from ..files import read_json, reading

_PLACE = "tensorflow_datasets.core.features."
_DICT = f"{_PLACE}features_dict.FeaturesDict"
_FEATURES = {
    "image": {f"{_PLACE}image_feature.Image": "image"},
    "label": {f"{_PLACE}class_label_feature.ClassLabel": "classLabel"},
    "id": {
        f"{_PLACE}text_feature.Text": "text",
        f"{_PLACE}tensor_feature.Tensor": "tensor",
    },
}
"""Features by name; where their content stands, by class."""
_WORDS = {"pythonClassName", "description"}
_TEMPLATE = "{DATASET}-{SPLIT}.{FILEFORMAT}-{SHARD_X_OF_Y}"
"""How TFDS names the files of a split; another name could lead out of the folder."""


class Known(NamedTuple):
    """What is known of a data set of the catalogue.

    Attributes:
        shape: of an image.
        n_classes: labels are smaller.
        most: examples, training and test set together.
    """

    shape: tuple[int, int, int]
    n_classes: int
    most: int


KNOWN = {
    "mnist": Known((28, 28, 1), 10, 70_000),
    "cifar10": Known((32, 32, 3), 10, 60_000),
}


def check(folder: Path) -> Known:
    """Return what is known of the data set that a TFDS folder is said to hold.

    Args:
        folder: of a version, in that of its data set.

    Raises:
        InputError: its files say that it is something else, or are no plain files.
    """
    known = KNOWN[folder.parent.name]
    try:
        for path in sorted(folder.iterdir()):
            with reading(path):
                pass
        for file, faults in (
            ("features.json", _in_features),
            ("dataset_info.json", _in_info),
        ):
            for fault in faults(read_json(folder / file), known):
                raise StoreError(f"{folder / file} cannot be used: {fault}.")
    except StoreError as error:
        raise InputError(
            f"{error} Prepare {folder.parent.name} again: its folder is data, and runs"
            " nothing."
        ) from error
    return known


def _in_features(stored: Mapping[str, Any], known: Known) -> Iterator[str]:
    """Yield what is wrong with features.json."""
    if stored.get("pythonClassName") != _DICT:
        yield f"it is a {shown(stored.get('pythonClassName'))}, no {_DICT}"
    if odd := _odd(stored, {*_WORDS, "featuresDict"}):
        yield f"it holds {odd}"
    inner = _get(stored, "featuresDict", "features")
    if odd := _odd(_get(stored, "featuresDict"), {"features"}):
        yield f"it holds {odd}"
    if not isinstance(inner, dict) or not {"image", "label"} <= inner.keys():
        yield "it has no image and label"
        return
    for name, feature in inner.items():
        kind = _get(feature, "pythonClassName")
        if name not in _FEATURES:
            yield f"it has a feature {shown(name)}; there are {', '.join(_FEATURES)}"
        elif not isinstance(kind, str) or kind not in _FEATURES[name]:
            yield f"{name} is a {shown(kind)}, which is no feature of images"
        elif odd := _odd(feature, {*_WORDS, _FEATURES[name][kind]}):
            yield f"{name} holds {odd}"
    image, label = inner["image"].get("image"), inner["label"].get("classLabel")
    shape = _get(image, "shape", "dimensions")
    if shape != [str(n) for n in known.shape] or _get(image, "dtype") != "uint8":
        yield f"an image is {shown(image)}, not uint8 {known.shape}"
    if _get(label, "numClasses") != str(known.n_classes):
        yield f"a label is {shown(label)}, none of {known.n_classes} classes"


def _in_info(stored: Mapping[str, Any], known: Known) -> Iterator[str]:
    """Yield what is wrong with dataset_info.json."""
    splits = stored.get("splits")
    if not isinstance(splits, list) or not all(isinstance(s, dict) for s in splits):
        yield "it has no splits"
        return
    # TFDS takes file_format for fileFormat too; written are the latter.
    if odd := [name for part in (stored, *splits) for name in part if "_" in name]:
        yield f"it holds {shown(odd[0])}"
    if sorted(str(split.get("name")) for split in splits) != ["test", "train"]:
        yield "its splits are not train and test"
    total = 0
    for split in splits:
        lengths, name = split.get("shardLengths"), shown(split.get("name"))
        if split.get("filepathTemplate", _TEMPLATE) != _TEMPLATE:
            yield f"the files of {name} are {shown(split['filepathTemplate'])}"
        if not isinstance(lengths, list) or not all(map(_is_count, lengths)):
            yield f"the shards of {name} are {shown(lengths)}"
        else:
            total += sum(map(int, lengths))
    if total > known.most:
        yield f"it counts {total:,} examples; there are {known.most:,}"


def _is_count(value: Any) -> bool:
    return isinstance(value, str) and value.isdecimal() and len(value) < 12


def _odd(stored: Any, known: set[str]) -> str:
    """Return the first name that is none of those known."""
    names = stored if isinstance(stored, dict) else {}
    return next((shown(name) for name in names if name not in known), "")


def _get(value: Any, *names: str) -> Any:
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value
