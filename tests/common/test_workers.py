"""Workers: results in order, the same whatever the number of processes and whatever the environment says of threads."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from joblib.externals.loky import get_reusable_executor
from threadpoolctl import threadpool_info, threadpool_limits

from stages.common.workers import WINDOW, code_in_use, in_fresh_processes, in_processes, on_one_thread
from tests.clones import ROOT

Spread = Callable[[Callable[..., object], Iterable[tuple[object, ...]]], Iterator[object]]

SET_UP = """
import sys, torch, sklearn.decomposition
from threadpoolctl import threadpool_info
from stages.learning.training import set_up
set_up(2)
print(torch.get_num_threads(), *{library["num_threads"] for library in threadpool_info()})
"""


def threads() -> set[int]:
    """Of the libraries of linear algebra in this process."""
    np.linalg.pinv(np.eye(2))
    return {library["num_threads"] for library in threadpool_info()}


def process() -> int:
    return os.getpid()


def double(number: int) -> int:
    return 2 * number


def refuse(number: int) -> int:
    if number == 2:
        raise ValueError("expected another number, got 2")
    return number


@pytest.fixture
def greedy(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Workers that start now would take three threads each, if they were let."""
    get_reusable_executor().shutdown()
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        monkeypatch.setenv(name, "3")
    yield
    get_reusable_executor().shutdown()


@pytest.mark.usefixtures("greedy")
@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("spread", [in_processes, in_fresh_processes])
def test_work_is_on_one_thread_in_any_environment(
    spread: Spread, workers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: workers)
    with threadpool_limits(2):
        assert list(spread(threads, [()] * 3)) == [{1}] * 3
        assert threads() == {2}, "the limit is the work's, not the caller's"


@pytest.mark.parametrize("spread", [in_processes, in_fresh_processes])
def test_results_come_in_the_order_of_the_jobs(spread: Spread) -> None:
    assert list(spread(double, ((number,) for number in range(20)))) == [2 * number for number in range(20)]
    assert list(spread(double, [])) == []


@pytest.mark.parametrize("spread", [in_processes, in_fresh_processes])
def test_a_mistake_in_a_worker_arrives_as_it_was_raised(spread: Spread) -> None:
    with pytest.raises(ValueError, match=r"^expected another number, got 2$"):
        list(spread(refuse, ((number,) for number in range(4))))


def test_a_single_job_is_done_here_unless_it_must_be_apart() -> None:
    assert list(in_processes(process, [()])) == [os.getpid()]
    assert list(in_processes(process, [()], apart=True)) != [os.getpid()]
    assert os.getpid() not in set(in_processes(process, [()] * 3))


def test_fresh_means_a_process_a_job() -> None:
    assert len(set(in_fresh_processes(process, [()] * 4))) == 4


@pytest.mark.parametrize("outside", ["1", "4"])
def test_a_stage_uses_as_many_threads_as_it_was_told(outside: str) -> None:
    """PyTorch, NumPy, SciPy and scikit-learn alike, whatever the environment says."""
    environment = os.environ | {"OMP_NUM_THREADS": outside, "OPENBLAS_NUM_THREADS": outside}
    told = subprocess.check_output([sys.executable, "-c", SET_UP], cwd=ROOT, env=environment, text=True)
    assert told.split() == ["2", "2"]


def die_once(mark: Path, number: int) -> int:
    """The worker that does the third job is killed, as by a machine that is out of memory; its successor is not."""
    if number == 3 and not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return 2 * number


def die(number: int) -> int:
    os.kill(os.getpid(), signal.SIGKILL)
    return number


@pytest.fixture
def two_workers(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    yield
    get_reusable_executor().shutdown()


@pytest.mark.usefixtures("two_workers")
@pytest.mark.parametrize("spread", [in_processes, in_fresh_processes])
def test_work_whose_worker_dies_is_done_again(spread: Spread, tmp_path: Path) -> None:
    jobs = [(tmp_path / "died", number) for number in range(12)]
    assert list(spread(die_once, jobs)) == [2 * number for number in range(12)]
    assert (tmp_path / "died").exists()


@pytest.mark.usefixtures("two_workers")
@pytest.mark.parametrize("jobs", [1, 4])
@pytest.mark.parametrize("spread", [partial(in_processes, apart=True), in_fresh_processes], ids=["apart", "fresh"])
def test_work_that_kills_every_worker_ends_in_words(spread: Spread, jobs: int) -> None:
    with pytest.raises(ValueError, match=r"^a worker died 3 times at the same work; give it more memory"):
        list(spread(die, [(number,) for number in range(jobs)]))


def test_few_results_wait_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """However slowly they are taken."""
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    asked = 0

    def jobs() -> Iterator[tuple[int]]:
        nonlocal asked
        for number in range(100):
            asked += 1
            yield (number,)

    made = in_processes(double, jobs())
    assert next(made) == 0
    time.sleep(1)
    assert asked <= 2 * WINDOW
    assert list(made) == [2 * number for number in range(1, 100)]
    get_reusable_executor().shutdown()


@pytest.mark.parametrize(
    ("environment", "told"),
    [
        ({"WORKERS": "slurm"}, "WORKERS: expected one of loky, dask, ray, got 'slurm'"),
        ({"WORKERS": "dask"}, "DASK_SCHEDULER_ADDRESS: expected the address of a scheduler, got none"),
    ],
)
def test_an_engine_that_is_none_is_refused(
    environment: dict[str, str], told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DASK_SCHEDULER_ADDRESS", raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ValueError, match=told):
        list(in_processes(double, [(1,)]))


def test_a_worker_with_other_code_is_refused() -> None:
    assert on_one_thread(double, (2,), code=code_in_use()) == 4
    with pytest.raises(ValueError, match=r"^WORKERS: expected workers with this code and these packages, got others"):
        on_one_thread(double, (2,), code="other")
