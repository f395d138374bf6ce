"""Files: same values, same bytes; written under a temporary name, then renamed.

A reader never sees half a file, and an output that DVC has linked to its cache is never edited.
"""

import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np
from safetensors.numpy import load_file, save

if TYPE_CHECKING:
    import pandas as pd  # takes half a second: only who reads or writes a table waits for it


def replace(path: Path, content: str | bytes) -> None:
    """Write `content` to `path` in one step."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    data = content.encode() if isinstance(content, str) else content
    try:
        with part.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError:
        part.unlink(missing_ok=True)  # the disk may be full, and half a file is of no use
        raise


def write_json(path: Path, values: Mapping[str, Any]) -> None:
    """Sorted, indented JSON. Raises ValueError for NaN or infinity, which JSON has no word for."""
    replace(path, json.dumps(values, indent=2, sort_keys=True, allow_nan=False, ensure_ascii=False) + "\n")


def read_json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def write_table(path: Path, table: "pd.DataFrame") -> None:
    """CSV with Unix line ends; floats keep nine significant digits."""
    replace(path, table.to_csv(index=False, float_format="%.9g", lineterminator="\n"))


def read_table(path: Path, text: tuple[str, ...] = ()) -> "pd.DataFrame":
    """A CSV table; the columns named in `text` are read as they stand, cells that are empty or say "NA" included.

    In the others an empty cell is a missing value, as `write_table` writes it, and nothing else is.
    """
    import pandas as pd

    missing = {str(column): [""] for column in pd.read_csv(path, nrows=0, encoding="utf-8") if column not in text}
    types = dict.fromkeys(text, str)
    return pd.read_csv(path, dtype=types, keep_default_na=False, na_values=missing, encoding="utf-8")


def write_tensors(path: Path, tensors: Mapping[str, np.ndarray], about: Mapping[str, Any] | None = None) -> None:
    """Arrays by name as safetensors, with a small record `about` them.

    One metadata key only: safetensors writes several keys in random order.
    """
    arrays = {name: np.ascontiguousarray(tensors[name]) for name in sorted(tensors)}
    header = {"about": json.dumps(about, sort_keys=True, allow_nan=False)} if about else None
    replace(path, save(arrays, metadata=header))


def read_tensors(path: Path) -> dict[str, np.ndarray]:
    return dict(load_file(path))


@contextmanager
def growing(path: Path, row: np.ndarray) -> Iterator[Callable[[np.ndarray], None]]:
    """A .npy file of rows like `row` that takes more rows by the function it gives, in flat memory.

    NumPy pads the header so that the number of rows can be rewritten in place (NEP 1, growth axis).
    """
    rows = 0

    def header(file: IO[bytes]) -> None:
        shape = (rows, *row.shape)
        np.lib.format.write_array_header_1_0(
            file, {"descr": np.lib.format.dtype_to_descr(row.dtype), "fortran_order": False, "shape": shape}
        )

    with path.open("wb") as file:
        header(file)

        def append(more: np.ndarray) -> None:
            nonlocal rows
            if len(more):
                assert more.shape[1:] == row.shape and more.dtype == row.dtype, (path, more.shape, more.dtype)
                file.write(np.ascontiguousarray(more).data)
                rows += len(more)

        yield append
        file.seek(0)
        header(file)
