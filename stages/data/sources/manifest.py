"""Your own data as a table: ``manifest.csv``, ``.jsonl`` or ``.parquet`` in the data's folder, a row a sample.

Columns: `id`; `image`, `text`, `audio`, or what your modalities are called, any of them: a path from the table's folder
or a URL, and for text the caption itself, unless most cells end in ``.txt``; `split` and `group` if you like; every
other one is a label.
An empty cell says that the sample lacks the modality. An empty caption is an empty ``.txt`` file, or "" in JSON Lines.
"""

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import pandas as pd

from stages.common.modality import TOKENS, in_files, kind_of, suffix_of, tensor_of
from stages.data.records.rejects import Reject
from stages.data.sources.packing import KNOWN, Own, Packed, Sample, checked, pack_all, word
from stages.data.sources.suffixes import USUAL

Row = tuple[str, Mapping[str, Any]]  # where it stands, and its cells
FILES = ("manifest.csv", "manifest.jsonl", "manifest.parquet")
MEANT = {
    **dict.fromkeys(("picture", "photo", "img", "file"), "image"),
    **dict.fromkeys(("caption", "sentence", "transcript", "transcription", "description"), "text"),
    **dict.fromkeys(("sound", "speech", "clip", "wav", "recording"), "audio"),
    **dict.fromkeys(("key", "name", "identifier"), "id"),
}
ENDINGS = ("_path", "_file", "_url", "path", "name")
LONGEST_CELL = 2**24  # characters: the length of a book


def collect(root: Path, settings: Own, names: Sequence[str], out: Path) -> tuple[list[Packed], list[Reject]]:
    """Pack the samples of the table below `root` into shards below `out`."""
    rows, rejects = read(find(root))
    columns = list(dict.fromkeys(column for _, cells in rows for column in cells))
    check_columns(columns, names, settings.attributes)
    good, refused = checked(samples(rows, names), names)
    packed, unreadable = pack_all(good, root, settings, out, "manifest")
    return packed, [*rejects, *refused, *unreadable]


def find(root: Path) -> Path:
    """The one table in the folder."""
    names = found(root)
    if len(names) != 1:
        raise ValueError(f"{root}: expected one of {', '.join(FILES)}, got {', '.join(names) or 'none'}")
    return root / names[0]


def found(root: Path) -> list[str]:
    """The tables in the folder."""
    return [name for name in FILES if (root / name).is_file()]


def read(path: Path) -> tuple[list[Row], list[Reject]]:
    """The rows of the table, and what is no row. Raises ValueError when it is no table at all."""
    read_rows = {".csv": read_csv, ".jsonl": read_jsonl, ".parquet": read_parquet}[path.suffix]
    rows: list[Row] = []
    rejects = []
    for where, cells in read_rows(path):
        if isinstance(cells, str):
            rejects.append(Reject("", where, cells))
        elif any(isinstance(cell, str) and not cell.isascii() and broken(cell) for cell in cells.values()):
            rejects.append(Reject("", where, "expected UTF-8, got another encoding; save it as UTF-8"))
        else:
            rows.append((where, cells))
    if not rows:
        raise ValueError(f"{path}: expected rows of samples, got none that can be read" + first_of(rejects))
    return rows, rejects


def broken(cell: str) -> bool:
    """Whether there are bytes in it that are no UTF-8, or half a character."""
    return any("\ud800" <= letter <= "\udfff" for letter in cell)


def first_of(rejects: Sequence[Reject]) -> str:
    return f" (the first, {rejects[0].file}: {rejects[0].reason})" if rejects else ""


def decoded(path: Path) -> str:
    """The text of the table; bytes that are no UTF-8 stay recognisable. Excel writes UTF-16 with a mark in front."""
    payload = path.read_bytes()
    encoding = "utf-16" if payload[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    return payload.decode(encoding, "surrogateescape" if encoding == "utf-8-sig" else "replace")


def read_csv(path: Path) -> Iterator[tuple[str, Mapping[str, Any] | str]]:
    """Rows of a CSV file; a spreadsheet may have written semicolons or tabs for commas."""
    text = decoded(path)
    header = text.lstrip().partition("\n")[0]
    csv.field_size_limit(LONGEST_CELL)
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=header.count))
    try:
        columns = [column.strip() for column in next(lines, [])]
        if len(set(columns)) < len(columns):
            twice = next(column for column in columns if columns.count(column) > 1)
            raise ValueError(f"{path}: expected each column once, got '{twice}' twice; rename one")
        for cells in filter(None, lines):
            where = f"{path.name} line {lines.line_num}"
            if len(cells) == len(columns):
                yield where, {c: cell if cell.strip() else None for c, cell in zip(columns, cells, strict=True)}
            else:
                yield where, f"expected {len(columns)} cells, got {len(cells)}; quote cells with commas"
    except csv.Error as error:
        raise ValueError(f"{path}: expected CSV, got line {lines.line_num}, which is none ({error})") from error


def read_jsonl(path: Path) -> Iterator[tuple[str, Mapping[str, Any] | str]]:
    """Rows of a JSON Lines file."""
    for number, line in enumerate(decoded(path).split("\n"), 1):
        if line.strip():
            try:
                cells = json.loads(line)
            except (ValueError, RecursionError):
                cells = None
            known = isinstance(cells, dict)
            yield f"{path.name} line {number}", cells if known else "expected a JSON object, got something else"


def read_parquet(path: Path) -> Iterator[tuple[str, Mapping[str, Any] | str]]:
    """Rows of a Parquet file; pictures and clips may be in it."""
    try:
        frame = pd.read_parquet(path, dtype_backend="numpy_nullable").astype(object)
    except ImportError:
        raise ValueError(f"{path}: expected the package pyarrow, got none; pip install '.[parquet]'") from None
    except Exception as error:  # its reader has errors of its own
        raise ValueError(f"{path}: expected a Parquet file, got one that can't be read; write it again") from error
    frame = frame.where(frame.notna(), None)
    for number, cells in enumerate(frame.to_dict("records"), 1):
        yield f"{path.name} row {number}", {str(column): cell for column, cell in cells.items()}


def check_columns(columns: Sequence[str], names: Sequence[str], attributes: Iterable[str]) -> None:
    """Raises ValueError when columns are missing, and for those whose name comes near one that is."""
    known = (*KNOWN, *names, *USUAL)
    renamed = {kind_of(name) for name in names if name != kind_of(name)}  # kinds that go by other names
    absent = [column for column in known if column not in columns and column not in renamed]
    for column in columns:
        if column not in (*known, *attributes) and (near := meant(column, absent)):
            raise ValueError(
                f"manifest: expected a column '{near}', got '{column}'; rename it (or, if it is a label, name it in "
                "acquire.own.attributes)"
            )
    if "id" in absent:
        raise ValueError(f"manifest: expected a column 'id', got {', '.join(columns)}; add it")
    if not set(names) & set(columns):
        raise ValueError(f"manifest: expected a column of {', '.join(names)}, got {', '.join(columns)}; add one")


def meant(column: str, absent: Sequence[str]) -> str | None:
    """Which of the absent columns a name comes near to.

    >>> meant("photo_path", ["id", "image"]), meant("colour", ["id", "image"])
    ('image', None)
    """
    word = column.lower()
    for ending in ENDINGS:
        word = word.removesuffix(ending).rstrip("_ ") or word
    guess = MEANT.get(word, word)
    return next(iter(get_close_matches(guess, absent, n=1, cutoff=0.78)), None)


def samples(rows: Sequence[Row], names: Sequence[str]) -> Iterator[Sample]:
    """The rows as samples."""
    media = [name for name in names if in_files(name)]
    written = [name for name in media if tensor_of(name) == TOKENS]  # a cell may hold it itself
    paths = {name: name not in written or are_paths(name, (cells.get(name) for _, cells in rows)) for name in media}
    known = (*KNOWN, *media, *USUAL)
    for where, cells in rows:
        files = {name: cell for name in media if (cell := content(cells.get(name), paths[name])) is not None}
        labels = {c: word(cell) for c, cell in cells.items() if c not in known and cell is not None}
        key, split, group = (word(cells.get(column)) for column in KNOWN)
        yield Sample(key, files, labels, split, group, where)


def are_paths(name: str, cells: Iterable[Any]) -> bool:
    """Whether most of what a column of captions, or the like, says are names of their files."""
    stated, suffix = [str(cell) for cell in cells if cell], suffix_of(kind_of(name))
    return sum(cell.strip().lower().endswith(f".{suffix}") for cell in stated) > len(stated) / 2


def content(cell: Any, paths: bool) -> str | bytes | None:
    """What a cell of a modality says: a place, the content itself, or nothing."""
    if isinstance(cell, Mapping):  # as the library `datasets` writes media to Parquet
        cell = cell.get("bytes") or cell.get("path")
    if cell is None or isinstance(cell, bytes):
        return cell
    if not paths:
        return str(cell).encode()
    return str(cell) or None
