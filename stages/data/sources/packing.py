"""Your own data: what its sources share.

A source says which samples there are (`Sample`); here they are checked, and their files packed into raw shards by
worker processes. Samples that can't be used are listed. `index_resolution.py` does what is left when all are packed.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from hashlib import blake2b
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, PositiveInt

from stages.common.modality import TOKENS, in_files, suffix_of, tensor_of
from stages.common.params import Strict
from stages.common.progress import progress
from stages.common.shards import write_shard
from stages.common.workers import in_processes
from stages.data.records.rejects import UNWRITABLE, Reject, plain
from stages.data.records.split import SPLITS, Shares, split_named
from stages.data.sources.paths import composed, read_place

LONGEST_ID = 200  # characters
KNOWN = ("id", "split", "group")  # of a sample, beside its files; other names are labels


def expression(pattern: str) -> str:
    """Refuse what is no regular expression."""
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"a regular expression ({error})") from None
    return pattern


class Own(Strict):
    """Section `acquire.own`."""

    pattern: Annotated[str, AfterValidator(expression)]  # folder: its named groups are labels, id, split or group
    attributes: dict[str, list[str]]  # label: the modalities that show it; empty: every label, shown by all
    shard_size: PositiveInt  # samples a tar shard
    shares: Shares  # of the samples per split, where the data says nothing of splits
    licence: str = ""  # of the data, for the cards of the models


@dataclass(frozen=True, slots=True)
class Sample:
    """One sample as a source found it."""

    id: str
    files: Mapping[str, str | bytes]  # modality -> where it is, or the content itself
    labels: Mapping[str, str] = field(default_factory=dict)
    split: str = ""
    group: str = ""  # samples of one group go to one split; "": those whose picture or clip is the same do
    row: str = ""  # where the source speaks of it
    unread: tuple[str, ...] = ()  # kinds of its files that no modality reads


@dataclass(frozen=True, slots=True)
class Packed:
    """What is known of a sample once its files stand in a shard."""

    sample: Sample  # without content
    shard: str
    contents: tuple[str, ...]  # hashes of its pictures and clips


Piece = tuple[list[Packed], list[Reject]]  # what a job made


def pack(path: Path, samples: Iterable[Sample], root: Path) -> Piece:
    """Write those samples whose files can be read as one shard; returns them, and those that can't be."""
    packed: list[Packed] = []
    rejects: list[Reject] = []

    def readable() -> Iterator[tuple[str, dict[str, bytes]]]:
        for sample in samples:
            payloads: dict[str, bytes] = {}
            for name, place in sample.files.items():
                try:
                    payloads[name] = place if isinstance(place, bytes) else read_place(place, root)
                except ValueError as error:
                    rejects.append(Reject(sample.id, str(place), f"{name}: {error}"))  # bytes are never refused
                    break
            else:
                where = {name: place if isinstance(place, str) else sample.row for name, place in sample.files.items()}
                packed.append(Packed(replace(sample, files=where), path.name, contents(payloads)))
                yield sample.id, {suffix_of(name): payload for name, payload in payloads.items()}

    write_shard(path, readable())
    if not packed:
        path.unlink()
    return packed, rejects


def contents(payloads: Mapping[str, bytes]) -> tuple[str, ...]:
    """Hashes by which samples that belong together are found: captions count only where there is nothing else."""
    media = [name for name in payloads if in_files(name) and tensor_of(name) != TOKENS] or list(payloads)
    return tuple(f"{name} {blake2b(payloads[name], digest_size=16).hexdigest()}" for name in media)


def pack_all(
    samples: Sequence[Sample], root: Path, settings: Own, out: Path, source: str
) -> tuple[list[Packed], list[Reject]]:
    """The samples in shards of `shard_size`, packed by worker processes."""
    size = settings.shard_size
    jobs = (
        (out / f"{source}-{first // size:05d}.tar", samples[first : first + size], root)
        for first in range(0, len(samples), size)
    )
    return gathered(progress(in_processes(pack, jobs), title="acquire", total=-(-len(samples) // size)))


def gathered(pieces: Iterable[Piece]) -> tuple[list[Packed], list[Reject]]:
    packed: list[Packed] = []
    rejects: list[Reject] = []
    for some, refused in pieces:
        packed += some
        rejects += refused
    return packed, rejects


def checked(samples: Iterable[Sample], names: Sequence[str]) -> tuple[list[Sample], list[Reject]]:
    """The samples that have an id of their own, a known split and something to show; the others as rejects."""
    good: dict[str, Sample] = {}
    rejects = []
    for sample in samples:
        try:
            good[sample.id] = check(sample, good.get(sample.id), names)
        except ValueError as error:
            rejects.append(Reject(sample.id, sample.row, str(error)))
    return list(good.values()), rejects


def check(sample: Sample, other: Sample | None, names: Sequence[str]) -> Sample:
    """The sample, its split by our name, its labels among its files where they are asked for as modalities.

    Raises ValueError with what is wrong; `other` is an earlier one of that id.
    """
    told = {name: sample.labels[name].encode() for name in names if not in_files(name) and sample.labels.get(name)}
    sample = replace(sample, files={**sample.files, **told})
    if not sample.id or len(sample.id) > LONGEST_ID:
        raise ValueError(f"expected an id of 1 to {LONGEST_ID} characters, got {len(sample.id)}")
    for text in (sample.id, sample.group, *sample.labels.values()):
        if UNWRITABLE.search(text):
            raise ValueError(f"expected an id and labels without control characters, got '{plain(text)}'")
    split = split_named(sample.split) if sample.split else ""
    if other is not None:
        same = (sample.files, sample.labels, split) == (other.files, other.labels, other.split)
        content = "the same content" if same else "other content; give each sample an id of its own"
        raise ValueError(f"expected each id once, got it in {other.row} already with {content}")
    if split is None:
        raise ValueError(
            f"expected a split of {', '.join(SPLITS)}, got '{sample.split}'{nearest(sample.split, SPLITS)}"
        )
    if not sample.files:
        raise ValueError(f"expected one of {', '.join(names)}, got {unread_of(sample.unread) or 'none of them'}")
    return replace(sample, split=split)


def unread_of(kinds: Sequence[str]) -> str:
    """What to say of files that no modality reads, by the kinds that their names give them."""
    said = "files of kind " + ", ".join(f"'{kind}'" for kind in kinds) if kinds else ""
    return f"{said} (a kind is what follows the first dot of a name)" if any("." in kind for kind in kinds) else said


def nearest(word: str, known: Iterable[str]) -> str:
    """``; did you mean 'x'?`` where one of the known words is near."""
    found = get_close_matches(word.lower(), list(known), n=1)
    return f"; did you mean '{found[0]}'?" if found else ""


def word(cell: Any) -> str:
    """A cell as a label."""
    if cell is None:
        return ""
    text = " ".join(cell.split()) if isinstance(cell, str) else json.dumps(cell, ensure_ascii=False, default=str)
    return composed(text)
