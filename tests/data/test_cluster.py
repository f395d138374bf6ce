"""The same bytes whatever the engine: a real Dask scheduler, and two workers in processes of their own."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from tests.data.home import Home, clip, picture

COUNT = 120
QUIET = {"DASK_DISTRIBUTED__LOGGING__DISTRIBUTED": "error"}


@contextmanager
def started(home: Home, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A program of Dask in the folder of a pipeline, as `dask scheduler` or `dask worker` starts it."""
    command = [sys.executable, "-m", *arguments]
    with subprocess.Popen(
        command, cwd=home.folder, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        try:
            yield process
        finally:
            os.killpg(process.pid, signal.SIGKILL)


def address(scheduler: subprocess.Popen[str]) -> str:
    assert scheduler.stderr is not None
    for line in scheduler.stderr:
        if found := re.search(r"Scheduler at: *(tcp://\S+)", line):
            return found[1]
    raise AssertionError("the scheduler did not start")


def stage(home: Home, name: str, **environment: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", f"stages.data.{name}"]
    return subprocess.Popen(command, cwd=home.folder, env=os.environ | environment, stderr=subprocess.PIPE, text=True)


def finish(process: subprocess.Popen[str]) -> None:
    _, said = process.communicate(timeout=300)
    assert process.returncode == 0, said


def children(pid: int) -> list[int]:
    told = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=False)
    return [int(word) for word in told.stdout.split()]


@pytest.mark.proof
@pytest.mark.slow
def test_a_cluster_and_a_worker_that_dies_change_no_byte(home: Home) -> None:
    home.put(
        {f"{n}.png": picture(n, size=400) for n in range(COUNT)} | {f"{n}.wav": clip(90 + n) for n in range(COUNT)}
    )
    home.put({f"{n}.txt": f"tone {n}" for n in range(COUNT)})
    home.set("folder", shard_size=3)
    for name in ("acquire", "preprocess"):
        finish(stage(home, name))
    alone = {name: home.bytes(name) for name in ("acquire", "preprocess")}
    with ExitStack() as cluster:
        where = ("--host", "127.0.0.1")
        scheduler = cluster.enter_context(
            started(home, "distributed.cli.dask_scheduler", *where, "--port", "0", "--no-dashboard")
        )
        at = address(scheduler)
        options = ("--nthreads", "1", "--no-dashboard", "--local-directory", str(home.folder / ".dask"))
        workers = [
            cluster.enter_context(started(home, "distributed.cli.dask_worker", at, *where, *options)) for _ in range(2)
        ]
        environment = {"WORKERS": "dask", "DASK_SCHEDULER_ADDRESS": at}
        for name in ("acquire", "preprocess"):
            running = stage(home, name, **environment)
            if name == "preprocess":
                while not (home.folder / "data/.preprocess.part/text/tokenizer.json").exists():
                    time.sleep(0.05)
                time.sleep(1)  # the workers have their first jobs now, and load libraries for them
                assert running.poll() is None, "the stage was over before a worker could die"
                victims = children(workers[0].pid)  # of the nanny, who starts another
                assert victims
                for process in victims:
                    os.kill(process, signal.SIGKILL)
            finish(running)
        assert {name: home.bytes(name) for name in alone} == alone
