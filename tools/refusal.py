"""How a command of this folder refuses: one line (expected, got, what to do), exit code 2, no traceback."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from dvc.exceptions import DvcException


@contextmanager
def one_line(name: str) -> Iterator[None]:
    """Surround the work of the command `name`: what it can't do becomes a line and exit code 2."""
    try:
        yield
    except (ValueError, OSError, DvcException) as error:
        cause = f" ({error.__cause__})" if isinstance(error, DvcException) and error.__cause__ else ""
        print(f"{name}: {' '.join(f'{error}{cause}'.split())}", file=sys.stderr)
        raise SystemExit(2) from None
