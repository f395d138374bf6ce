"""What all tests share: the pipeline at the tiny parameters, run twice a session, when a test asks for it.

`make test` runs the files of tests in a few processes; they share the two runs.
"""

import fcntl
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import settings

from stages.learning.training import set_up
from tests.clones import rebuilt, rebuilt_otherwise
from tests.toy import copied

settings.register_profile("busy", deadline=None, max_examples=50)  # a machine at work is slow now and then
settings.load_profile("busy")


@pytest.fixture(autouse=True, scope="session")
def _deterministic() -> None:
    """As in a stage; one thread, because the networks of the tests are tiny."""
    set_up(threads=1)


@pytest.fixture(scope="session")
def twins(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> tuple[Path, Path]:
    """Two clones of the working tree in which the pipeline ran. Leave them as they are: others read them now.

    In the second the stages ran in one process, without workers, which its environment told of more threads: none of
    these may count.
    """
    base = tmp_path_factory.getbasetemp() if worker_id == "master" else tmp_path_factory.getbasetemp().parent
    made = base / "twins"  # where they are
    with (base / "twins.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():  # or another process of the tests made them
            first, second = (tmp_path_factory.mktemp(name) for name in ("first", "second"))
            with ThreadPoolExecutor(2) as pool:
                runs = pool.submit(rebuilt, first), pool.submit(rebuilt_otherwise, second)
                made.write_text("\n".join(str(run.result()) for run in runs), encoding="utf-8")
    first, second = map(Path, made.read_text(encoding="utf-8").splitlines())
    return first, second


@pytest.fixture(scope="session")
def built(twins: tuple[Path, Path]) -> Path:
    """One of the twins."""
    return twins[0]


@pytest.fixture(scope="module")
def mine(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of it for DVC to work in, and to edit. Restore what you edit."""
    return copied(built, tmp_path_factory.mktemp("mine") / "copy")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own, in memory."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=200m", "tmpfs", folder], capture_output=True).returncode:
        pytest.skip("expected to be allowed to mount a small file system, was not; run as root on Linux")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)
