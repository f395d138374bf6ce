"""What surrounds the work of a stage, whatever the work is.

- One at a time: a file lock, because a killed `dvc repro` leaves its child alive.
- True to its inputs: DVC hashes code and params after a command ends, so the stage notes its own when it
  starts and fails when they changed meanwhile.
- All or nothing: outputs are written to a folder beside their place, which is renamed at the end.
- Resumable: `state` is a folder outside every output, keyed by code, params and inputs.
- Polite: a mistake in the input is one line and exit code 2; the traceback goes to logs/.
"""

import fcntl
import hashlib
import json
import os
import re
import shutil
import sys
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

from stages.common.costs import COSTS, LOGS
from stages.common.files import replace
from stages.common.outlook import tell
from stages.common.params import PARAMS, read_yaml

RESUME = Path(".resume")
LIBRARIES = ("numpy", "torch", "librosa", "scikit-learn")  # whose version may change the bytes of a half-done result


@dataclass(frozen=True)
class Context:
    """What a stage needs to know of its surroundings."""

    name: str
    out: Path  # a fresh folder that becomes data/<stage> when the stage succeeds
    first: bool = True  # of the processes of a training: the others write nothing

    @cached_property
    def state(self) -> Path:
        """Where long work keeps what it needs to go on after a kill. Who does not ask is spared reading all inputs."""
        state = RESUME / self.name / fingerprint(self.name, data=True)
        if self.first:
            forget_other_states(state)
        return state


@contextmanager
def stage(name: str) -> Iterator[Context]:
    """Surround the work of the stage `name` (``extract@image`` for one of many of a kind)."""
    COSTS.start()
    try:
        with logged(name), only_one(name):
            tell(name)
            code = fingerprint(name, data=False)
            final = Path("data", *name.split("@"))
            out = fresh_folder(final.with_name(f".{final.name}.part"))
            try:
                yield Context(name, out)
                if fingerprint(name, data=False) != code:
                    raise ValueError(f"{name}: its code or parameters were edited while it ran; run `dvc repro` again")
                shutil.rmtree(final, ignore_errors=True)
                out.rename(final)
            finally:
                shutil.rmtree(out, ignore_errors=True)  # when all went well it has its new name
            shutil.rmtree(RESUME / name, ignore_errors=True)
    except ValueError as error:
        print(f"{name}: {error}", file=sys.stderr)
        raise SystemExit(2) from None
    COSTS.keep(name)


@contextmanager
def logged(name: str) -> Iterator[None]:
    """Whatever goes wrong within becomes a ValueError of one line; the traceback is in logs/."""
    try:
        yield
    except (ValueError, OSError, RuntimeError, MemoryError) as error:  # RuntimeError: whatever PyTorch refuses
        line, log = in_one_line(error).removeprefix(f"{name}: "), LOGS / f"{name}.log"
        with suppress(OSError):  # on a full disk
            replace(log, traceback.format_exc())
            line += f" (traceback in {log})"
        raise ValueError(line) from None


def in_one_line(error: Exception) -> str:
    """An error in one line, with what to do where it does not say so itself: those of PyTorch never do."""
    line = " ".join(str(error).split())
    if isinstance(error, MemoryError) or re.search(r"out of memory|can't allocate|not enough memory", line):
        return f"expected memory enough, got none: {line}; free some, or lower batch or hidden in params.yaml"
    if isinstance(error, RuntimeError):
        return f"expected PyTorch to compute this, got: {line}; DEVICE=cpu keeps the work off a GPU"
    return line


@contextmanager
def only_one(name: str) -> Iterator[None]:
    """Hold the lock of the stage; the system frees it when the process ends, however it ends."""
    RESUME.mkdir(exist_ok=True)
    with (RESUME / f"{name}.lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise ValueError(
                f"another run of this stage is still alive (process {lock.read().strip() or 'unknown'}), perhaps left "
                "by a killed `dvc repro`; wait for it or stop it, then run `dvc repro` again"
            ) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


def fingerprint(name: str, *, data: bool) -> str:
    """A hash of what dvc.yaml says the stage depends on: code and params, and its input data if asked."""
    stage, _, key = name.partition("@")
    entry = read_yaml(Path("dvc.yaml"))["stages"][stage]
    values = read_yaml(PARAMS)
    known, entry = values | {"key": key, "item": at(f"modalities.{key}", values)}, entry.get("do", entry)
    digest = hashlib.blake2b(digest_size=12)
    for dep in sorted(filled(str(dep), known) for dep in entry["deps"]):
        if data or dep.startswith("stages/"):
            hash_tree(digest, Path(dep))
    for key in sorted(filled(str(key), known) for key in entry.get("params", [])):
        digest.update(json.dumps([key, at(key, values)], sort_keys=True, default=str).encode())
    digest.update(" ".join(version(library) for library in LIBRARIES).encode())
    return digest.hexdigest()


def filled(text: str, values: Mapping[str, Any]) -> str:
    """A name in dvc.yaml with its ``${section.key}`` replaced by what params.yaml, or one of many of a kind, says.

    >>> filled("data/extract/${key}", {"key": "image"})
    'data/extract/image'
    """
    return re.sub(r"\$\{([\w.]+)\}", lambda found: str(at(found[1], values)), text)


def at(key: str, values: Any) -> Any:
    """What stands at ``section.key``; an empty record where nothing does."""
    for part in key.split("."):
        values = values.get(part, {}) if isinstance(values, dict) else {}
    return values


def hash_tree(digest: hashlib.blake2b, path: Path) -> None:
    """Feed names and contents of a file or folder to `digest`."""
    files = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
    for file in files:
        if "__pycache__" not in file.parts:
            digest.update(file.as_posix().encode())
            with file.open("rb") as content:
                digest.update(hashlib.file_digest(content, "blake2b").digest())


def fresh_folder(path: Path) -> Path:
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(parents=True)
    return path


def forget_other_states(state: Path) -> None:
    """A state that was kept for other inputs can never be used again."""
    if state.parent.is_dir():
        for other in state.parent.iterdir():
            if other != state:
                shutil.rmtree(other)
