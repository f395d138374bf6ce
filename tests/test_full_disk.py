"""A disk that is full while a stage writes: one line, nothing half-written, and the same bytes when there is room.

With DVC around it, which is then the first that can't write: tests/test_chaos.py.
"""

import shutil
from pathlib import Path

import pytest

from tests.clones import run, succeed
from tests.toy import data, fill

pytestmark = [pytest.mark.slow, pytest.mark.proof]

MODULES = {
    "preprocess": "stages.data.preprocess",
    "extract@text": "stages.features.extract text",
    "fuse": "stages.fusion.fuse",
    "train": "stages.generation.train",
    "generate": "stages.generation.generate",
    "judge": "stages.evaluation.judge",
}


def bench(built: Path, folder: Path) -> Path:
    """The built pipeline, without Git and DVC."""
    return Path(shutil.copytree(built, folder, ignore=shutil.ignore_patterns(".dvc", ".git", ".site-cache")))


def refused(folder: Path, name: str, *limits: str, told: str) -> None:
    """Run a stage that can't write: it says so in one line, and of its output nothing is left but what was there."""
    before = data(folder)
    done = run(folder, "bash", "-c", "; ".join([*limits, f"python -m {MODULES[name]}"]))
    assert done.returncode == 2, done.stderr
    assert done.stderr.startswith(f"{name}: ")
    assert told in done.stderr
    assert done.stderr.count("\n") == 1
    assert data(folder) == before


@pytest.mark.parametrize("name", MODULES)
def test_a_file_that_may_not_grow(name: str, built: Path, tmp_path: Path) -> None:
    """The system's limit on the size of a file, in KiB, stands for a full disk where none may be mounted."""
    folder = bench(built, tmp_path / "bench")
    refused(folder, name, "ulimit -f 4", told="File too large")
    succeed(folder, "python", "-m", *MODULES[name].split())
    assert data(folder) == data(built)
    assert not list((folder / ".resume").rglob("*.part"))


@pytest.mark.parametrize("room", [0, 24], ids=lambda kib: f"{kib} KiB")
def test_a_small_disk(room: int, built: Path, small_disk: Path) -> None:
    """With no room at all not even the traceback can be kept."""
    folder = bench(built, small_disk / "bench")
    filler = fill(small_disk, room)
    refused(folder, "fuse", told="No space left on device")
    filler.unlink()
    succeed(folder, "python", "-m", MODULES["fuse"])
    assert data(folder) == data(built)
