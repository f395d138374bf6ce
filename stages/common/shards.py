"""Samples as WebDataset tar shards whose bytes depend on the samples alone.

In a shard, a sample is the run of files that share a key: ``000017.png``, ``000017.txt``, ``000017.wav``.
Few large files, never thousands of small ones: DVC pays for every file on every no-op.
"""

import io
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from webdataset import TarWriter
from webdataset.tariterators import group_by_keys, tar_file_iterator

from stages.common.files import replace

SUFFIXES = {"image": "png", "text": "txt", "audio": "wav"}  # of the files that the pipeline itself writes


def write_shard(path: Path, samples: Iterable[tuple[str, Mapping[str, bytes]]]) -> None:
    """Write (key, {suffix: payload}) samples as one tar: names sorted, times zero, no owner."""
    buffer = io.BytesIO()
    with TarWriter(buffer, user="", group="", mtime=0, encoder=False) as tar:
        for key, files in samples:
            tar.write({"__key__": key, **{suffix: files[suffix] for suffix in sorted(files)}})
    replace(path, buffer.getvalue())


def read_shard(path: Path) -> Iterator[tuple[str, dict[str, bytes]]]:
    """The samples of a shard as (key, {suffix: payload}), one at a time."""
    with path.open("rb") as file:
        files = ({**entry, "__url__": str(path)} for entry in tar_file_iterator(file))
        for sample in group_by_keys(files):
            yield sample["__key__"], {k: v for k, v in sample.items() if not k.startswith("__")}
