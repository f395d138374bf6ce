"""Your own data as files: those with the same path but for the suffix are one sample, ``a.png``, ``a.txt``, ``a.wav``.
A modality that is not called as its kind stands before the suffix: ``a.front.png``.

Folders are classes: ``cats/1.png`` has the label `class` ``cats``. When the first folder bears the name of a split, it
is the split; ``val`` and the like are understood. Other customs are described by `acquire.own.pattern`, a regular
expression searched in a file's path without its suffix: its groups named `id`, `split` and `group` are what they say,
all others are labels.
"""

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

from stages.common.modality import KINDS, kind_of
from stages.data.records.rejects import Reject
from stages.data.records.split import split_named
from stages.data.sources.packing import KNOWN, Own, Packed, Sample, checked, pack_all
from stages.data.sources.paths import composed
from stages.data.sources.suffixes import modality_of, parted

Found = tuple[PurePosixPath, str, dict[str, str]]  # a file, its suffix, and what its path says of its sample
BESIDE = ("", ".md", ".dvc", ".json")  # files that come with data and are none


def collect(root: Path, settings: Own, names: Sequence[str], out: Path) -> tuple[list[Packed], list[Reject]]:
    """Pack the samples below `root` into shards below `out`."""
    stated: dict[str, list[Found]] = {}
    rejects = []
    for path in files(root):
        stem, suffix = parted(path.as_posix(), names)
        try:
            tells = read(stem, settings.pattern)
        except ValueError as error:
            rejects.append(Reject(stem, str(path), str(error)))
        else:
            stated.setdefault(tells["id"], []).append((path, suffix, tells))
    found = []
    for key, parts in stated.items():
        try:
            found.append(sample_of(key, parts, names))
        except ValueError as error:
            rejects.append(Reject(key, str(parts[0][0]), str(error)))
    good, refused = checked(found, names)
    packed, unreadable = pack_all(good, root, settings, out, "folder")
    return packed, [*rejects, *refused, *unreadable]


def files(root: Path) -> Iterator[PurePosixPath]:
    """The files below a folder by their paths from it, sorted; hidden ones and those that come with data left out."""
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        links = [name for name in folders if os.path.islink(os.path.join(folder, name))]
        for name in sorted([*names, *links]):
            path = PurePosixPath(os.path.relpath(os.path.join(folder, name), root))
            if not name.startswith(".") and (name in links or path.suffix.lower() not in BESIDE):
                yield path


def sample_of(key: str, parts: Sequence[Found], names: Sequence[str]) -> Sample:
    """The sample of some files. Raises ValueError when they contradict each other or show nothing."""
    shown: dict[str, str] = {}
    known: dict[str, str] = {}
    for path, suffix, tells in parts:
        name = modality_of(suffix, names)
        if name is not None and shown.setdefault(name, str(path)) != str(path):
            raise ValueError(f"expected one file of kind {name} a sample, got {path} too; move one away")
        for word, value in tells.items():
            if value and known.setdefault(word, value) != value:
                raise ValueError(f"expected one '{word}' a sample, got {known[word]} and {value}; correct the names")
    if not shown:
        read_here = dict.fromkeys(suffix for name in names for suffix in KINDS[kind_of(name)].files)
        suffixes = ", ".join(read_here) or "a modality"
        raise ValueError(f"expected a file of {suffixes}, got '{parts[0][0].name}'; convert it")
    return Sample(
        key,
        {name: shown[name] for name in names if name in shown},
        {word: value for word, value in known.items() if word not in KNOWN},
        known.get("split", ""),
        known.get("group", ""),
        str(parts[0][0]),
        tuple(suffix.lower() for _, suffix, _ in parts if modality_of(suffix, names) is None),
    )


def read(path: str, pattern: str) -> dict[str, str]:
    """The id of a file's sample and what else its path tells."""
    if pattern:
        match = re.search(pattern, path)
        if match is None:
            raise ValueError("expected a path that acquire.own.pattern is found in, got another; correct either")
        stated = {group: composed(value or "") for group, value in match.groupdict().items()}
        return {"id": composed(path), **stated}
    first, *rest = PurePosixPath(path).parts[:-1] or ("",)
    split = split_named(first) or ""
    kind = "/".join(rest) if split else "/".join(filter(None, (first, *rest)))
    return {"id": composed(path), "split": split} | ({"class": composed(kind)} if kind else {})
