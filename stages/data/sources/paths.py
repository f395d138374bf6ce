"""Where a file is: below the data root, or at a URL. Nothing else is read, whatever a manifest says.

URLs are opened by fsspec. A link may lead anywhere below the root, and into the DVC cache, where files of data that
DVC keeps may be links.
"""

import os
import stat
import subprocess
import sys
import unicodedata
from functools import cache, lru_cache
from pathlib import Path

import fsspec

LARGEST = 256 * 2**20  # bytes of a file; a film among the clips would fill the memory
REMOTE = ("http", "https", "s3", "gs", "az", "abfs", "sftp", "ssh", "ftp", "hdfs")


def is_url(place: str) -> bool:
    return "://" in place


def read_place(place: str, root: Path) -> bytes:
    """The bytes of a file. Raises ValueError with the reason, which names no path outside the data."""
    payload = read_url(place.strip()) if is_url(place) else read_local(place, root)
    if len(payload) > LARGEST:
        raise ValueError(f"expected a file of at most {LARGEST // 2**20} MiB, got a larger one")
    return payload


def read_local(place: str, root: Path) -> bytes:
    path = spelled(place, root)
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # opening a pipe would wait for ever
            raise ValueError("expected a file, got a folder or a device")
        with path.open("rb") as file:
            return file.read(LARGEST + 1)
    except FileNotFoundError:
        raise ValueError(f"expected a file, got none of that name{in_other_case(path)}") from None
    except OSError as error:
        raise ValueError(f"expected a readable file, got: {os.strerror(error.errno or 0)}") from None


def spelled(place: str, root: Path) -> Path:
    """The path of a file as it is on disk: as it stands, without spaces around it, or with accents composed otherwise.

    Linux and macOS write an accent as a part of its letter or behind it (NFC, NFD). Raises ValueError when two names
    differ in nothing else.
    """
    exact, base = inside(place, root), root.resolve()
    if not os.path.exists(exact) and os.path.exists(stripped := inside(place.strip(), root)):
        return stripped
    if not exact.is_relative_to(base):  # in the DVC cache, where names are ASCII
        return exact
    path = base
    *folders, last = exact.relative_to(base).parts or ("",)
    for name in folders:
        path = path / next((n for n in alike(path, name) if not os.path.exists(path / name)), name)
    same = alike(path, last)
    if len(same) > 1:
        raise ValueError(f"expected one file '{composed(last)}', got {len(same)} whose accents differ in bytes")
    path = path / (same[0] if same else last)
    return inside(str(path), root)


def alike(folder: Path, name: str) -> list[str]:
    """The names in a folder that look like this one, if it has anything that can be composed."""
    return [] if name.isascii() else [other for other in names_in(folder) if composed(other) == composed(name)]


def composed(text: str) -> str:
    """Letters and their accents as one character each (NFC)."""
    return unicodedata.normalize("NFC", text)


def in_other_case(path: Path) -> str:
    """``; 'x' differs only in the case of letters`` where there is such a file."""
    same = [name for name in names_in(path.parent) if name.casefold() == path.name.casefold()]
    return f"; '{same[0]}' differs only in the case of letters" if same else ""


@lru_cache(maxsize=64)
def names_in(folder: Path) -> tuple[str, ...]:
    """The names in a folder; none where it can't be read."""
    try:
        return tuple(sorted(os.listdir(folder)))
    except OSError:
        return ()


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
    done = subprocess.run([sys.executable, "-m", "dvc", "cache", "dir"], capture_output=True, text=True, check=False)
    return Path(done.stdout.strip() or ".dvc/cache").resolve()


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
