"""`make doctor`: well where all is well, and the right line for each thing that is not; it changes nothing."""

import fcntl
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from dvc.repo import Repo

from tests.clones import ROOT, run, succeed
from tests.servers import driver
from tests.toy import commit, copied, toy
from tools import doctor

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def healthy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The toy, built, with a remote that has it all, and with the lock of this very environment."""
    folder = toy(tmp_path_factory.mktemp("doctor") / "toy")
    succeed(folder, "dvc", "remote", "add", "--default", "team", str(folder.parent / "store"))
    succeed(folder, "dvc", "remote", "modify", "team", "verify", "true")
    succeed(folder, "dvc", "repro", "--quiet")
    succeed(folder, "dvc", "push", "--quiet")
    shutil.copytree(ROOT / "tools", folder / "tools", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "requirements.lock", folder)
    commit(folder, "Build")
    return folder


def dead_pid() -> int:
    """The number of a process that was."""
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    return ended.pid


def rwlock(folder: Path, pid: int) -> None:
    entry = {"data/make": {"write": {"pid": pid, "cmd": "dvc repro"}}}
    (folder / ".dvc/tmp/rwlock").write_text(json.dumps(entry))


def damage(folder: Path) -> None:
    path = next(path for path in (folder / ".dvc/cache/files/md5").rglob("*") if path.is_file())
    path.chmod(0o644)
    path.write_bytes(b"other")


def nobody_listens(folder: Path) -> None:
    driver("dvc_ssh")
    succeed(folder, "dvc", "remote", "modify", "team", "url", "ssh://someone@127.0.0.1:9/store")


ILLS: dict[str, tuple[Callable[[Path], object], str]] = {
    "another version": (
        lambda at: (at / "requirements.lock").write_text("numpy==0.1\n"),
        "FAIL versions: numpy ",
    ),
    "a living dvc": (lambda at: rwlock(at, os.getpid()), "FAIL locks: at work: `dvc repro`"),
    "a dead dvc": (lambda at: rwlock(at, dead_pid()), "ok   locks: left by a killed process: `dvc repro`"),
    "a damaged object": (damage, "FAIL cache: damaged: "),
    "verify off": (
        lambda at: succeed(at, "dvc", "remote", "modify", "team", "verify", "false"),
        "FAIL verify: team: off",
    ),
    "no server": (
        nobody_listens,
        "FAIL remote: team: ",
    ),
    "no remote": (lambda at: succeed(at, "dvc", "remote", "remove", "team"), "FAIL remote: no default remote"),
}


def test_a_healthy_repository_is_told_so(healthy: Path, tmp_path: Path) -> None:
    folder = copied(healthy, tmp_path / "toy")
    done = run(folder, "python", "-m", "tools.doctor")
    assert done.returncode == 0 and "FAIL" not in done.stdout, done.stdout + done.stderr
    assert done.stdout.endswith("doctor: nothing to mend\n")
    assert "ok   cache: 7 objects, all whole" in done.stdout
    assert "ok   remote: team: answers" in done.stdout
    assert succeed(folder, "git", "status", "--porcelain") == ""


@pytest.mark.parametrize("ill", ILLS)
def test_each_ill_has_its_line_and_its_remedy(ill: str, healthy: Path, tmp_path: Path) -> None:
    folder = copied(healthy, tmp_path / "toy")
    make_ill, told = ILLS[ill]
    make_ill(folder)
    done = run(folder, "python", "-m", "tools.doctor")
    lines = [line for line in done.stdout.splitlines() if line.startswith(told)]
    assert len(lines) == 1 and "; " in lines[0], done.stdout + done.stderr
    assert done.returncode == told.startswith("FAIL")
    assert "Traceback" not in done.stderr


def test_a_stage_at_work_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, healthy: Path) -> None:
    monkeypatch.chdir(copied(healthy, tmp_path / "toy"))
    Path(".resume").mkdir()
    with Path(".resume/train.lock").open("w") as lock, Repo(".") as repo:
        lock.write("123")
        lock.flush()
        assert [found.well for found in doctor.locks(repo)] == [True]
        fcntl.flock(lock, fcntl.LOCK_EX)
        (found,) = doctor.locks(repo)
        assert not found.well and "stage train (process 123)" in found.what


def test_a_full_disk_is_seen(healthy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rule alone: 100 bytes free do not hold what dvc.lock lists."""
    monkeypatch.chdir(healthy)
    monkeypatch.setattr("shutil.disk_usage", lambda path: SimpleNamespace(free=100))
    with Repo(".") as repo:
        assert [found.well for found in doctor.disk(repo)] == [False, False]
