"""Your own data as WebDataset tar shards: the ``*.tar`` files of a folder, or what its ``shards.txt`` lists.

A line of the list is a file in the folder or a URL; ``{000..012}`` stands for all numbers between. In a shard, files
that share a name up to the first dot are one sample. Beside the media, ``.cls`` holds the label `class`, and ``.json``
further labels; its ``text`` or ``caption`` is the caption where there is no ``.txt``. A modality that is not called as
its kind stands before the suffix, ``1.front.png``; one of text may stand in the ``.json`` by its name.
"""

import json
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, count, islice
from pathlib import Path
from typing import IO, Any, Self, cast

import fsspec
from braceexpand import braceexpand

from stages.common.modality import TOKENS, tensor_of
from stages.common.progress import progress
from stages.common.shards import samples_of
from stages.common.workers import in_processes
from stages.data.records.rejects import Reject
from stages.data.sources.packing import KNOWN, Own, Packed, Piece, Sample, check, gathered, pack, word
from stages.data.sources.paths import allowed, inside, is_url, unreachable
from stages.data.sources.suffixes import meant_by, modality_of

LIST = "shards.txt"


class Whole(tarfile.TarInfo):
    """The head of a file in a tar. Without it, a tar that was cut between two files would be taken for whole."""

    @classmethod
    def fromtarfile(cls, tarfile_: tarfile.TarFile) -> Self:
        try:
            return super().fromtarfile(tarfile_)
        except (tarfile.TruncatedHeaderError, tarfile.EmptyHeaderError) as error:  # type: ignore[attr-defined]
            raise tarfile.ReadError(str(error)) from error


def collect(root: Path, settings: Own, names: Sequence[str], out: Path) -> tuple[list[Packed], list[Reject]]:
    """Pack the samples of the shards below `root` into shards of our own below `out`."""
    places = find(root)
    jobs = ((out, number, place, root, tuple(names), settings.shard_size) for number, place in enumerate(places))
    packed, rejects = gathered(progress(in_processes(repack, jobs), title="acquire", total=len(places)))
    once: dict[str, Packed] = {}
    for one in packed:
        first = once.setdefault(one.sample.id, one)
        if first is not one:
            rejects.append(Reject(one.sample.id, one.sample.row, twice(first.sample.row)))
    return list(once.values()), rejects


def find(root: Path) -> list[str]:
    """The shards by name or URL, in order. Raises ValueError when there is none."""
    if (root / LIST).is_file():
        lines = (root / LIST).read_text(encoding="utf-8-sig").splitlines()
        found = [place for line in lines if line.strip() for place in braceexpand(line.strip())]
    else:
        found = sorted(path.name for suffix in ("tar", "tar.gz", "tgz") for path in root.glob(f"*.{suffix}"))
    if not found:
        raise ValueError(
            f"{root}: expected *.tar or {LIST} with names or URLs of shards, got neither; correct the data"
        )
    return found


def repack(out: Path, number: int, place: str, root: Path, names: Sequence[str], size: int) -> Piece:
    """The samples of one shard in shards of `size` samples; returns them, and those that can't be used."""
    refused: list[Reject] = []
    stream = usable(place, root, names, refused)
    pieces = []
    for part in count():
        first = next(stream, None)
        if first is None:
            break
        path = out / f"shards-{number:05d}-{part:03d}.tar"
        pieces.append(pack(path, chain([first], islice(stream, size - 1)), root))
    packed, rejects = gathered(pieces)
    return packed, [*refused, *rejects]


def usable(place: str, root: Path, names: Sequence[str], refused: list[Reject]) -> Iterator[Sample]:
    """The samples of a shard that can be used; the others go to `refused`. Raises ValueError when the shard breaks."""
    seen: set[str] = set()
    try:
        with opened(place, root) as file, tarfile.open(fileobj=file, mode="r|*", tarinfo=Whole) as tar:
            for key, files in samples_of(tar):
                try:
                    sample = sample_of(key, files, names, place)
                    if key in seen:
                        raise ValueError(twice(place))
                    sample = check(sample, None, names)
                except ValueError as error:
                    refused.append(Reject(key, place, str(error)))
                else:
                    seen.add(key)
                    yield sample
    except ValueError:
        raise
    except Exception as error:  # of tar, of the compression, or of the protocol
        got = f"one that breaks off after {len(seen) + len(refused)} samples ({type(error).__name__})"
        raise ValueError(f"{place}: expected a readable tar shard, got {got}; fetch it again") from error


def twice(first: str) -> str:
    return f"expected each id once, got it in {first} already; give each sample an id of its own"


def opened(place: str, root: Path) -> IO[bytes]:
    """The shard as a stream of bytes."""
    if not is_url(place):
        return inside(place, root).open("rb")
    try:
        return cast(IO[bytes], fsspec.open(allowed(place), "rb").open())
    except ValueError:
        raise
    except Exception as error:  # every protocol has errors of its own
        raise ValueError(f"{place}: {unreachable(place, error)}") from error


def sample_of(key: str, files: Sequence[tuple[str, bytes]], names: Sequence[str], place: str) -> Sample:
    """The sample that some files of a shard are. Raises ValueError when there are two of a kind."""
    shown: dict[str, bytes] = {}
    stated: dict[str, Any] = {}
    unread = []
    for suffix, payload in files:
        name = modality_of(suffix, names)
        if name in shown:
            raise ValueError(f"expected one file of kind {name} a sample, got two; give each sample an id of its own")
        if name is not None:
            shown[name] = payload
        elif suffix == "cls":
            stated["class"] = payload.decode("utf-8", "replace")
        elif suffix == "json":
            stated |= record(payload)
        else:
            unread.append(suffix)
    captions = {name: stated.pop(name, None) for name in names if tensor_of(name) == TOKENS and name != "text"}
    caption, told = stated.pop("text", None) or stated.pop("caption", None), meant_by("text", names)
    if told is not None:
        captions[told] = captions.get(told) or caption
    for name, caption in captions.items():
        if isinstance(caption, str):
            shown.setdefault(name, caption.encode("utf-8", "surrogatepass"))  # preprocess refuses half a character
    labels = {label: word(value) for label, value in stated.items() if label not in KNOWN and value is not None}
    known = {name: word(stated.get(name)) for name in ("split", "group")}
    return Sample(key, {n: shown[n] for n in names if n in shown}, labels, **known, row=place, unread=tuple(unread))


def record(payload: bytes) -> Mapping[str, Any]:
    try:
        values = json.loads(payload)
    except (ValueError, RecursionError):
        raise ValueError("expected a JSON object, got something else") from None
    return values if isinstance(values, dict) else {}
