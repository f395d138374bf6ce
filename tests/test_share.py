"""Remotes of every kind, for real: what one pushes another has, and no fault leaves a wrong byte that is believed.

The pipeline is a toy, except in the last test; DVC, the servers and the faults are real.
"""

import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.clones import ROOT, environment, run, succeed
from tests.servers import KINDS, Server, connect
from tests.toy import commit, copied, data, edit, git_clone, ran, toy

pytestmark = [pytest.mark.slow, pytest.mark.proof]

LARGE = 24_000_000  # bytes of a file that is still on its way when the server is killed
WHOLE = 6  # objects of the toy: three files, a model, and a list of files for each folder
# In processes of their own: the drivers leave their sockets to the garbage collector.
STORE = "from dvc.repo import Repo; store = Repo('.').cloud.get_remote_odb('team'); fs = store.fs\n"
DAMAGE = STORE + "fs.pipe_file(next(path for path in fs.find(store.path) if fs.size(path) == 1000), b'x' * 1000)"
# The remedy: what is damaged, and the list of the folder that it is in, because DVC trusts the list.
REMOVE = STORE + "[fs.remove(path) for path in fs.find(store.path) if path.endswith('.dir') or fs.size(path) == 1000]"


@pytest.fixture(scope="module", params=KINDS)
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A running server of each kind, for all tests of this file."""
    made = KINDS[request.param](tmp_path_factory.mktemp(request.param))
    try:
        made.start()
        yield made
    finally:
        made.kill()


@pytest.fixture(scope="module")
def toys(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    """The toy, built and committed, with small and with large files."""
    made = {}
    for size in (1000, LARGE):
        made[size] = toy(tmp_path_factory.mktemp("toy") / "toy", size=size)
        succeed(made[size], "dvc", "repro", "--quiet")
        commit(made[size], "Build")
    return made


def alice(toys: dict[int, Path], server: Server, folder: Path, *, store: str, size: int = 1000) -> Path:
    """The clone that built, connected."""
    return connect(copied(toys[size], folder / "alice"), server, store=store)


def bob(source: Path, server: Server, folder: Path, account: str = "team", *, store: str) -> Path:
    """A fresh clone without data and cache, connected."""
    return connect(git_clone(source, folder / "bob"), server, account, store=store)


def examined(folder: Path) -> tuple[int, list[str]]:
    """How many objects the remote has, and those in it or in the cache whose bytes are not what their names promise."""
    rehash = ("env", f"PYTHONPATH={ROOT}", "python", "-m", "tools.objects")
    said = [run(folder, *rehash, *which).stdout for which in ([], ["--remote", "team"])]
    counts = [re.search(r"objects: (\d+) read, \d+ damaged\n$", text) for text in said]
    assert all(counts), said
    return int(str(counts[1] and counts[1][1])), [line for text in said for line in text.splitlines()[:-1]]


def refused(folder: Path, *command: str) -> str:
    """What a command says that must fail without a traceback."""
    done = run(folder, *command)
    assert done.returncode != 0, f"{command} must fail\n{done.stdout}"
    assert "Traceback" not in done.stderr
    return done.stdout + done.stderr


def test_what_one_pushes_another_pulls_and_the_run_cache_has_both_branches(
    server: Server, toys: dict[int, Path], tmp_path: Path
) -> None:
    one = alice(toys, server, tmp_path, store="round")
    succeed(one, "dvc", "push", "--quiet", "--run-cache")
    main = data(one)
    edit(one / "params.yaml", "rate: 0.5", "rate: 0.7")
    succeed(one, "dvc", "repro", "--quiet")
    succeed(one, "dvc", "push", "--quiet", "--run-cache")
    other = bob(toys[1000], server, tmp_path, store="round")
    succeed(other, "dvc", "pull", "--quiet")
    assert data(other) == main
    edit(other / "params.yaml", "rate: 0.5", "rate: 0.7")
    assert ran(succeed(other, "dvc", "repro", "--pull")) == ["report"], "`train` is in the run cache"
    assert data(other) == data(one) != main
    assert examined(other)[1] == []


def test_an_account_that_may_only_read_pulls_and_its_push_is_refused(
    server: Server, toys: dict[int, Path], tmp_path: Path
) -> None:
    one = alice(toys, server, tmp_path, store="read")
    succeed(one, "dvc", "push", "--quiet")
    other = bob(toys[1000], server, tmp_path, "reader", store="read")
    with read_only(server):
        succeed(other, "dvc", "pull", "--quiet")
        assert data(other) == data(one)
        edit(other / "params.yaml", "seed: 1", "seed: 2")
        succeed(other, "dvc", "repro", "--quiet")
        before = examined(other)
        said = refused(other, "dvc", "push")
    assert any(word in said for word in ("ermission denied", "AccessDenied", "403", "Read-only")), said
    assert examined(other) == before and not before[1]
    assert examined(other)[1] == []


@contextmanager
def read_only(server: Server) -> Iterator[None]:
    """A folder is mounted read-only meanwhile; a server knows its accounts."""
    if server.command:
        yield
        return
    if subprocess.run(["mount", "--bind", server.data, server.data], capture_output=True).returncode:
        pytest.skip("expected to be allowed to mount a folder read-only, was not; run as root")
    try:
        subprocess.run(["mount", "-o", "remount,bind,ro", server.data], check=True)
        yield
    finally:
        subprocess.run(["umount", server.data], check=True)


def test_wrong_credentials_are_told_as_such(server: Server, toys: dict[int, Path], tmp_path: Path) -> None:
    if not server.stranger:
        pytest.skip("a folder asks for no credentials")
    folder = connect(copied(toys[1000], tmp_path / "eve"), server, "stranger", store="round")
    assert server.told in refused(folder, "dvc", "push")
    shutil.rmtree(folder / ".dvc/cache")
    shutil.rmtree(folder / "data")
    assert server.told in refused(folder, "dvc", "pull")
    assert not (folder / "data").exists()


@pytest.mark.parametrize("victim", ["server", "client"])
def test_a_push_that_was_cut_off_leaves_nothing_wrong_and_the_next_completes_it(
    victim: str, server: Server, toys: dict[int, Path], tmp_path: Path
) -> None:
    if victim == "server" and not server.command:
        pytest.skip("a folder has no server")
    one = alice(toys, server, tmp_path, store=f"cut-{victim}", size=LARGE)
    before = volume(server.data)
    push = subprocess.Popen(
        ["dvc", "push", "--quiet"], cwd=one, env=environment(one), start_new_session=True, stderr=subprocess.DEVNULL
    )
    while volume(server.data) < before + LARGE // 4:
        assert push.poll() is None, "the push was over before it could be cut off"
        time.sleep(0.002)
    if victim == "server":
        server.kill()
        assert push.wait(timeout=300) != 0, "it believes that it has pushed"
        server.start()
    else:
        os.killpg(push.pid, signal.SIGKILL)
        push.wait()
    there, damaged = examined(one)
    assert there < WHOLE and not damaged, "it must be cut off, and what is there be right"
    succeed(one, "dvc", "push", "--quiet")
    assert examined(one) == (WHOLE, [])
    other = bob(toys[LARGE], server, tmp_path, store=f"cut-{victim}")
    succeed(other, "dvc", "pull", "--quiet")
    assert data(other) == data(one)


def volume(folder: Path) -> int:
    """Bytes that the server has taken so far, half-done files included."""
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            try:
                total += (Path(parent) / name).stat().st_blocks * 512
            except FileNotFoundError:  # renamed meanwhile
                continue
    return total


def test_verify_refuses_an_object_that_was_damaged_on_the_remote(
    server: Server, toys: dict[int, Path], tmp_path: Path
) -> None:
    one = alice(toys, server, tmp_path, store="damaged")
    succeed(one, "dvc", "push", "--quiet")
    succeed(one, "python", "-c", DAMAGE)
    assert len(examined(one)[1]) == 1
    other = bob(toys[1000], server, tmp_path, store="damaged")
    refused(other, "dvc", "pull")
    assert not {file for file, content in data(other).items() if content == b"x" * 1000}
    succeed(one, "python", "-c", REMOVE)
    succeed(one, "dvc", "push", "--quiet")
    succeed(other, "dvc", "pull", "--quiet")
    assert data(other) == data(one) and examined(other) == (WHOLE, [])


def test_the_pipeline_itself_is_rebuilt_from_the_remote_without_computing(
    server: Server, built: Path, tmp_path: Path
) -> None:
    one = connect(copied(built, tmp_path / "alice"), server, store="pipeline")
    commit(one, "Build")
    succeed(one, "dvc", "push", "--quiet")
    other = bob(one, server, tmp_path, store="pipeline")
    said = succeed(other, "dvc", "repro", "--pull")
    assert ran(said) == []
    assert data(other) == data(one)
    assert succeed(other, "git", "status", "--porcelain", "dvc.lock", "metrics") == ""
