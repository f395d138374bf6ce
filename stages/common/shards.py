"""Samples as WebDataset tar shards whose bytes depend on the samples alone.

In a shard, a sample is the run of files that share a key: ``000017.png``, ``000017.txt``, ``000017.wav``; of modalities
that are not called as their kind, ``000017.front.png``. Readers look at the bytes: a photo that came as JPEG is a
``.png`` too.
Few large files, never thousands of small ones: DVC pays for every file on every no-op.
A key ends at the first dot of a name, so the dots of a key are written ``%2E``: any text can be one.
"""

import io
import os
import tarfile
from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import groupby
from operator import itemgetter
from pathlib import Path


def write_shard(path: Path, samples: Iterable[tuple[str, Mapping[str, bytes]]]) -> None:
    """Write (key, {suffix: payload}) samples as one tar: names sorted, times zero, no owner; one sample in memory."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    with part.open("wb") as file:
        # PAX, because USTAR has no room for long keys; short ASCII names give the same bytes in both.
        with tarfile.open(fileobj=file, mode="w|", format=tarfile.PAX_FORMAT) as tar:
            for key, files in samples:
                name = key.replace("%", "%25").replace(".", "%2E")
                for suffix in sorted(files):
                    member = tarfile.TarInfo(f"{name}.{suffix}")  # time and owner are 0
                    member.size, member.mode = len(files[suffix]), 0o444
                    tar.addfile(member, io.BytesIO(files[suffix]))
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def read_shard(path: Path, *, only: Collection[str] = ()) -> Iterator[tuple[str, dict[str, bytes]]]:
    """The samples of a shard as (key, {suffix: payload}), one at a time; of files `only` those with these suffixes."""
    with tarfile.open(path, "r:") as tar:
        for key, files in samples_of(tar, only):
            yield key, dict(files)


def samples_of(tar: tarfile.TarFile, only: Collection[str] = ()) -> Iterator[tuple[str, list[tuple[str, bytes]]]]:
    """The samples of an open tar, which may be a stream, as (key, [(suffix, payload)]); of regular files alone."""
    regular = ((*parts(member.name), member) for member in tar if member.isreg())
    for key, run in groupby(regular, key=itemgetter(0)):
        files = [(suffix, content(tar, member)) for _, suffix, member in run if not only or suffix in only]
        yield key.replace("%2E", ".").replace("%25", "%"), files


def content(tar: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = tar.extractfile(member)
    assert file is not None, f"{member.name} is no regular file"
    return file.read()


def parts(name: str) -> tuple[str, str]:
    """The key and the suffix in the name of a file: what stands before and after the first dot of its last part."""
    folder, slash, file = name.rpartition("/")
    stem, _, suffix = file.partition(".")
    return folder + slash + stem, suffix.lower()
