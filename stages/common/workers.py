"""Work on several cores: in processes, each with its linear algebra on one thread.

Sums in another order give other bytes, so no result may depend on how many processes there are, nor on what the
environment says of threads (OMP_NUM_THREADS and the like), which each library reads when it is loaded.

Where the processes are is said by the environment, never by a parameter, because it must not change the result:
``WORKERS=dask`` uses the cluster at ``DASK_SCHEDULER_ADDRESS``, ``WORKERS=ray`` that at ``RAY_ADDRESS``, and without
it they are on this machine. A cluster's workers are started in the project's folder, which they share.
"""

import hashlib
import multiprocessing
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cache, partial
from importlib.metadata import version
from itertools import islice
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext
from multiprocessing.pool import ThreadPool
from pathlib import Path
from typing import Any, TypeVar

from joblib import Parallel, delayed, parallel_config
from joblib.externals.loky.process_executor import TerminatedWorkerError
from threadpoolctl import threadpool_limits

Job = tuple[Any, ...]  # the arguments of one piece of work
Made = TypeVar("Made")
WINDOW = 4  # jobs a worker that are under way together; their results wait in memory
TRIES = 3  # of a job whose worker dies
DEATH = f"a worker died {TRIES} times at the same work; give it more memory, or see the system's log for what killed it"
BYTES_DEPEND_ON = ("numpy", "scipy", "librosa", "soundfile", "soxr", "pillow", "tokenizers")


def in_processes(work: Callable[..., Made], jobs: Iterable[Job], *, apart: bool = False) -> Iterator[Made]:
    """``work(*job)`` of each job, in their order; only a few are held in memory at a time.

    A single job is done by this process, because a worker takes seconds to start; but never one that must be `apart`,
    because it may kill whoever does it. Work whose worker dies is done again. Raises ValueError if that is no help.
    """
    engine = os.environ.get("WORKERS", "loky")
    if engine not in ENGINES:
        raise ValueError(f"WORKERS: expected one of {', '.join(ENGINES)}, got '{engine}'; correct the environment")
    code = None if engine == "loky" else code_in_use()  # processes of our own start with the code as it is
    with ENGINES[engine]() as workers:
        queue = iter(jobs)
        while window := list(islice(queue, WINDOW * (workers or 1))):
            here = engine == "loky" and len(window) == 1 and not apart
            yield from run_window(partial(on_one_thread, work, code=code), window, 1 if here else workers)


def run_window(work: Callable[[Job], Made], window: list[Job], workers: int | None) -> list[Made]:
    """``work(job)`` of a few jobs."""
    for _ in range(TRIES):
        try:
            return list(Parallel(n_jobs=workers)(delayed(work)(job) for job in window))
        except TerminatedWorkerError:  # a cluster sees to its own dead
            continue
    raise ValueError(DEATH)


def on_one_thread(work: Callable[..., Made], job: Job, *, code: str | None = None) -> Made:
    """``work(*job)`` with every library of linear algebra on one thread, by the `code` that the caller has."""
    if code is not None and code != code_at_start():
        raise ValueError("WORKERS: expected workers with this code and these packages, got others; start them again")
    with threadpool_limits(1):
        return work(*job)


def code_in_use() -> str:
    """A hash of the project's code and of the packages that bytes depend on."""
    digest = hashlib.blake2b(" ".join(f"{name} {version(name)}" for name in BYTES_DEPEND_ON).encode(), digest_size=12)
    for file in sorted(Path(__file__).parents[1].rglob("*.py")):
        digest.update(file.read_bytes())
    return digest.hexdigest()


code_at_start = cache(code_in_use)  # by a worker's first work, whose code it has just loaded


@contextmanager
def on_dask() -> Iterator[int]:
    """The workers of an existing Dask cluster; gives their number."""
    address = os.environ.get("DASK_SCHEDULER_ADDRESS")
    if not address:
        raise ValueError("DASK_SCHEDULER_ADDRESS: expected the address of a scheduler, got none; set it")
    try:
        from distributed import Client
    except ImportError:
        raise ValueError("WORKERS=dask: expected the package distributed, got none; pip install '.[dask]'") from None
    with Client(address) as client, parallel_config(backend="dask", wait_for_workers_timeout=60):
        client.wait_for_workers(1, timeout=60)
        threads = client.ncores().values()
        if max(threads) > 1:  # the limit on linear algebra is a process's, not a thread's
            got = max(threads)
            raise ValueError(f"WORKERS=dask: expected workers of one thread, got {got}; start them with --nthreads 1")
        yield len(threads)


@contextmanager
def on_ray() -> Iterator[int]:
    """The workers of an existing Ray cluster; gives their number."""
    try:
        import ray
        from ray.util.joblib import register_ray
    except ImportError:
        raise ValueError("WORKERS=ray: expected the package ray, got none; pip install '.[ray]'") from None
    ray.init(address=os.environ.get("RAY_ADDRESS", "auto"), log_to_driver=False, logging_level="ERROR")
    register_ray()
    with parallel_config(backend="ray"):
        yield int(ray.cluster_resources()["CPU"])
    ray.shutdown()


def on_this_machine() -> AbstractContextManager[int | None]:
    """As many processes of this machine as it has cores."""
    return nullcontext(os.cpu_count())


ENGINES: dict[str, Callable[[], AbstractContextManager[int | None]]] = {
    "loky": on_this_machine,
    "dask": on_dask,
    "ray": on_ray,
}


def in_fresh_processes(
    work: Callable[..., Made], jobs: Iterable[Job], *, preload: Sequence[str] = ()
) -> Iterator[Made]:
    """``work(*job)``, always on this machine, with a new process for every job: for libraries that keep state from
    one call to the next. Modules that the work imports late are named in `preload`.

    As in `in_processes` the order is that of the jobs, and work whose process dies is done again.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([work.__module__, *preload])  # import once, not once a job
    with ThreadPool(os.cpu_count()) as pool:  # the threads wait, each for a process
        yield from pool.imap(partial(in_fresh_process, context, work), jobs, chunksize=1)


def in_fresh_process(context: ForkServerContext, work: Callable[..., Made], job: Job) -> Made:
    """``work(*job)`` in a process of its own."""
    for _ in range(TRIES):
        ours, theirs = context.Pipe(duplex=False)
        process = context.Process(target=send, args=(theirs, work, job), daemon=True)
        process.start()
        theirs.close()
        try:
            made, error = ours.recv()
        except EOFError:  # it died before it sent anything
            continue
        finally:
            ours.close()
            process.join()
        if error is not None:
            raise error
        return made
    raise ValueError(DEATH)


def send(to: "Connection[Any, Any]", work: Callable[..., Any], job: Job) -> None:
    """Send what `work` made, or the error it raised."""
    try:
        to.send((on_one_thread(work, job), None))
    except Exception as error:
        to.send((None, error))
