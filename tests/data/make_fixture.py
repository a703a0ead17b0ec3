"""Make small TFDS data sets from the first records of prepared ones.

    python tests/data/make_fixture.py SOURCE_DATA_DIR tests/data/tfds

Copies the encoded examples as they are, so neither TensorFlow nor the TFDS builder is
needed, and the result is read like the full data set. The bytes are reproducible.
"""

import json
import sys
from pathlib import Path

from array_record.python.array_record_module import (
    ArrayRecordReader,
    ArrayRecordWriter,
)

N_EXAMPLES = {
    "mnist/3.0.1": {"train": 160, "test": 100},
    "cifar10/3.0.2": {"train": 60, "test": 20},
}
OPTIONS = "group_size:1"
"""One record per chunk, as TFDS writes them: its reader complains of anything else."""


def copy_records(source: Path, target: Path, n: int) -> int:
    """Copy the first n records and return their size in bytes."""
    reader = ArrayRecordReader(str(source))
    records = reader.read(list(range(n)))
    reader.close()
    writer = ArrayRecordWriter(str(target), OPTIONS)
    for record in records:
        writer.write(record)
    writer.close()
    return sum(map(len, records))


def copy(source: Path, target: Path, counts: dict[str, int]) -> None:
    """Write a folder of TFDS with the first examples of another one's splits."""
    target.mkdir(parents=True, exist_ok=True)
    info = json.loads((source / "dataset_info.json").read_text())
    for split in info["splits"]:
        name, n = split["name"], counts[split["name"]]
        shard = f"{info['name']}-{name}.array_record-00000-of-00001"
        split["numBytes"] = str(copy_records(source / shard, target / shard, n))
        split["shardLengths"] = [str(n)]
    (target / "dataset_info.json").write_text(json.dumps(info, indent=2) + "\n")
    features = (source / "features.json").read_text()
    (target / "features.json").write_text(features.rstrip() + "\n")


if __name__ == "__main__":
    for dataset, counts in N_EXAMPLES.items():
        copy(Path(sys.argv[1], dataset), Path(sys.argv[2], dataset), counts)
