"""How a command of this folder refuses: one line (expected, got, what to do), exit code 2, no traceback.

A command that is stopped, by Ctrl-C or by a signal to terminate, cleans up and ends with 128 and the signal's number.
"""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from dvc.exceptions import DvcException


@contextmanager
def one_line(name: str) -> Iterator[None]:
    """Surround the work of the command `name`: what it can't do becomes a line and exit code 2."""
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))  # or no `finally` would be reached
    try:
        yield
    except (ValueError, OSError, DvcException) as error:
        cause = f" ({error.__cause__})" if isinstance(error, DvcException) and error.__cause__ else ""
        print(f"{name}: {' '.join(f'{error}{cause}'.split())}", file=sys.stderr)
        raise SystemExit(2) from None
    except KeyboardInterrupt:
        print(f"{name}: interrupted", file=sys.stderr)
        raise SystemExit(128 + signal.SIGINT) from None
