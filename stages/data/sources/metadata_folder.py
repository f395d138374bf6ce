"""Your own data as Hugging Face lays out pictures and clips: files in folders, and a table that tells of them.

``metadata.csv``, ``.jsonl`` or ``.parquet`` stands beside the files, also once in each split's folder. Its column
`file_name` is a path from there, or there is one for each modality, such as `image_file_name`. `text`, `caption` or
`transcription` is the caption, or a column has the name of a modality of text; `split` and `group` are what they say,
all others are labels; the folders tell the rest, as `folder.py` reads them. A sample is called as its file is; a second
caption of a file has ``#2`` behind that.
Source: the documentation of the library `datasets`, "ImageFolder" and "AudioFolder".
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import Any

from stages.common.modality import TOKENS, tensor_of
from stages.data.records.rejects import Reject
from stages.data.sources import folder, manifest
from stages.data.sources.packing import KNOWN, Own, Packed, Sample, checked, pack_all, word
from stages.data.sources.suffixes import meant_by, modality_of

TABLES = ("metadata.csv", "metadata.jsonl", "metadata.parquet")
FILE = "file_name"
NO_ROW = "expected a row of metadata that names it, got none"
Tables = dict[PurePosixPath, tuple[list[manifest.Row], list[Reject]]]  # what stands in each table
CAPTIONS = ("text", "caption", "transcription")


def collect(
    read: Tables, root: Path, settings: Own, names: Sequence[str], out: Path
) -> tuple[list[Packed], list[Reject]]:
    """Pack the samples of the tables that were found below `root` into shards below `out`."""
    found: list[Sample] = []
    rejects: list[Reject] = []
    seen: Counter[str] = Counter()
    for table, (rows, refused) in read.items():
        rejects += refused
        for where, cells in rows:
            try:
                found.append(sample_of(cells, table, where, settings.pattern, names, seen))
            except ValueError as error:
                rejects.append(Reject(word(cells.get("id")), where, str(error)))
    named = {place for sample in found for place in sample.files.values() if isinstance(place, str)}
    for path in folder.files(root):
        if str(path) not in named and path.name not in TABLES:
            rejects.append(Reject(path.with_suffix("").as_posix(), str(path), NO_ROW))
    good, unusable = checked(found, names)
    packed, unreadable = pack_all(good, root, settings, out, "folder")
    return packed, [*rejects, *unusable, *unreadable]


def tables(root: Path) -> Tables:
    """The tables below a folder that name files, by their paths from it: none of another kind."""
    found: Tables = {}
    for path in folder.files(root):
        if path.name in TABLES:
            with suppress(ValueError):
                rows, refused = manifest.read(root / path)
                if any(map(is_file, rows[0][1])):
                    found[path] = (rows, refused)
    return found


def is_file(column: str) -> bool:
    return column == FILE or column.endswith(f"_{FILE}")


def sample_of(
    cells: Mapping[str, Any], table: PurePosixPath, where: str, pattern: str, names: Sequence[str], seen: Counter[str]
) -> Sample:
    """A row as a sample; `seen` counts the rows of each name. Raises ValueError when its files contradict each other.

    A folder tells the split where the row does not.
    """
    places = {  # by what the column says, which may be the name of a modality
        column.removesuffix(f"_{FILE}"): table.parent / str(cell)
        for column, cell in cells.items() if is_file(column) and cell is not None
    }  # fmt: skip
    if not places:
        raise ValueError(f"expected a file in the column {FILE}, got an empty cell; fill it")
    files: dict[str, str | bytes] = {}
    unread = []
    for said, place in places.items():
        name = said if said in names else modality_of(place.suffix[1:], names)
        if name is None:
            unread.append(place.suffix[1:].lower())
        elif files.setdefault(name, str(place)) != str(place):
            raise ValueError(f"expected one file of kind {name} a sample, got {files[name]!r} and '{place}'")
    tells = folder.read(next(iter(places.values())).with_suffix("").as_posix(), pattern)
    caption = next((cells[column] for column in CAPTIONS if cells.get(column) is not None), None)
    told = meant_by("text", names)
    if caption is not None and told is not None:
        files[told] = str(caption).encode("utf-8", "surrogatepass")  # preprocess refuses half a character
    texts = [name for name in names if tensor_of(name) == TOKENS and cells.get(name) is not None]
    files |= {name: str(cells[name]).encode("utf-8", "surrogatepass") for name in texts}
    known = (*KNOWN, *CAPTIONS, *texts)
    labels = {c: word(cell) for c, cell in cells.items() if c not in known and not is_file(c)}
    stated = {key: value for key, value in tells.items() if key not in KNOWN} | {k: v for k, v in labels.items() if v}
    seen[tells["id"]] += 1
    again = f"#{seen[tells['id']]}" if seen[tells["id"]] > 1 else ""
    return Sample(
        word(cells.get("id")) or tells["id"] + again,
        {name: files[name] for name in names if name in files},
        stated,
        word(cells.get("split")) or tells.get("split", ""),
        word(cells.get("group")) or tells.get("group", ""),
        str(table.with_name(where)),
        tuple(unread),
    )
