"""Progress bars on long work; quiet where nobody watches."""

import os
import sys
from collections.abc import Iterable, Iterator
from typing import TypeVar

from tqdm import tqdm

Item = TypeVar("Item")


def watched() -> bool:
    """Does somebody look at a terminal?"""
    return not os.environ.get("CI") and sys.stderr.isatty()


def progress(items: Iterable[Item], *, title: str, total: int | None = None, start: int = 0) -> Iterator[Item]:
    """`items`, one by one, with a bar on a terminal. CI and pipes see nothing."""
    yield from tqdm(items, desc=title, total=total, initial=start, disable=not watched(), leave=False)
