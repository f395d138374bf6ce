"""Where a file is: below the data root, or at a URL. Nothing else is read, whatever a manifest says.

URLs are opened by fsspec. A link may lead anywhere below the root, and into the DVC cache, where files of data that
DVC keeps may be links.
"""

import os
import stat
import subprocess
import sys
from functools import cache
from pathlib import Path

import fsspec

LARGEST = 256 * 2**20  # bytes of a file; a film among the clips would fill the memory
REMOTE = ("http", "https", "s3", "gs", "az", "abfs", "sftp", "ssh", "ftp", "hdfs")


def is_url(place: str) -> bool:
    return "://" in place


def read_place(place: str, root: Path) -> bytes:
    """The bytes of a file. Raises ValueError with the reason, which names no path outside the data."""
    payload = read_url(place) if is_url(place) else read_local(place, root)
    if len(payload) > LARGEST:
        raise ValueError(f"expected a file of at most {LARGEST // 2**20} MiB, got a larger one")
    return payload


def read_local(place: str, root: Path) -> bytes:
    path = inside(place, root)
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # opening a pipe would wait for ever
            raise ValueError("expected a file, got a folder or a device")
        with path.open("rb") as file:
            return file.read(LARGEST + 1)
    except FileNotFoundError:
        raise ValueError("expected a file, got none of that name") from None
    except OSError as error:
        raise ValueError(f"expected a readable file, got: {os.strerror(error.errno or 0)}") from None


def inside(place: str, root: Path) -> Path:
    """The path of a file below the data root. Raises ValueError when it leads elsewhere."""
    if "\0" in place:
        raise ValueError("expected a path, got one with a zero byte")
    try:
        base = root.resolve()
        path = (base / place).resolve()
    except (OSError, RuntimeError):  # a link to itself; a name that is too long
        raise ValueError("expected a path that leads to a file, got one that can't be followed") from None
    if path.is_relative_to(base):
        return path
    plain = Path(os.path.normpath(base / place))
    if plain.is_relative_to(base) and path.is_relative_to(dvc_cache()):
        return path
    raise ValueError("expected a path inside the data's folder, got one that leaves it")


@cache
def dvc_cache() -> Path:
    """The folder of the DVC cache."""
    told = subprocess.run([sys.executable, "-m", "dvc", "cache", "dir"], capture_output=True, text=True, check=False)
    return Path(told.stdout.strip() or ".dvc/cache").resolve()


def read_url(url: str) -> bytes:
    try:
        with fsspec.open(allowed(url), "rb") as file:
            payload: bytes = file.read(LARGEST + 1)
            return payload
    except ValueError:
        raise
    except Exception as error:  # every protocol has errors of its own
        raise unreachable(url, error) from error


def unreachable(url: str, error: Exception) -> ValueError:
    """What to say of a URL that can't be read."""
    protocol = url.partition("://")[0]
    if isinstance(error, ImportError):
        return ValueError(f"expected the package that reads {protocol}, got none; pip install '.[{protocol}]'")
    if isinstance(error, FileNotFoundError):
        return ValueError("expected a file at the URL, got none that can be reached")
    return ValueError(f"expected a URL that can be read, got {type(error).__name__}")


def allowed(url: str) -> str:
    """The URL, when it leads to another machine. Raises ValueError when it may lead to files of this one."""
    protocol = url.partition("://")[0].lower()
    if protocol not in REMOTE or "::" in url:
        raise ValueError(f"expected a URL of {', '.join(REMOTE)}, got '{protocol}'")
    return url
