"""Work on several cores: in processes, each with its linear algebra on one thread.

Sums in another order give other bytes, so no result may depend on how many processes there are, nor on what the
environment says of threads (OMP_NUM_THREADS and the like), which each library reads when it is loaded.
"""

import multiprocessing
import os
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any, TypeVar

from joblib import Parallel, delayed
from threadpoolctl import threadpool_limits

Job = tuple[Any, ...]  # the arguments of one piece of work
Made = TypeVar("Made")


def in_processes(work: Callable[..., Made], jobs: Iterable[Job]) -> Iterator[Made]:
    """``work(*job)`` of each job, in their order; only a few are held in memory at a time."""
    yield from Parallel(n_jobs=os.cpu_count(), return_as="generator")(delayed(alone)(work, job) for job in jobs)


def in_fresh_processes(work: Callable[..., Made], jobs: Iterable[Job]) -> Iterator[Made]:
    """The same, with a new process for every job: for libraries that keep state from one call to the next."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([work.__module__])  # import once, not once a job
    with context.Pool(os.cpu_count(), maxtasksperchild=1) as pool:
        yield from pool.imap(partial(alone, work), jobs, chunksize=1)


def alone(work: Callable[..., Made], job: Job) -> Made:
    """``work(*job)`` with every library of linear algebra on one thread."""
    with threadpool_limits(1):
        return work(*job)
