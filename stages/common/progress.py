"""Progress bars on long work; quiet where nobody watches."""

import os
import sys
from collections.abc import Iterable, Iterator
from typing import TypeVar

from tqdm import tqdm

Item = TypeVar("Item")


def progress(items: Iterable[Item], *, title: str, total: int | None = None, start: int = 0) -> Iterator[Item]:
    """`items`, one by one, with a bar on a terminal. CI and pipes see nothing."""
    quiet = bool(os.environ.get("CI")) or not sys.stderr.isatty()
    yield from tqdm(items, desc=title, total=total, initial=start, disable=quiet, leave=False)
