"""Trainings that do not need each other, several at once on the cores of a CPU.

A network of ours is too small for two cores: a second thread makes a step a fifth faster, while two trainings with a
thread each take about as long a step as one does. So each gets a lane, a Python thread with its share of
`run.threads`; PyTorch lets go of the interpreter while it computes. On a GPU, which works through one queue, and
between several processes, which must all do the same in the same order, they come one after the other.
"""

import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import contextmanager
from typing import TypeVar

import torch

from stages.learning.data_parallel import world_size
from stages.learning.device import device

Made = TypeVar("Made")


class AbandonedError(Exception):
    """Another lane has failed, so the work of this one is in vain."""


class Lane(threading.local):
    """What a lane knows of the others."""

    over: threading.Event | None = None  # whether one of them has failed


LANE = Lane()


def in_threads(works: Mapping[str, Callable[[], Made]], threads: int) -> dict[str, Made]:
    """What each of the `works` makes, by name; `threads` CPU threads in all.

    The first error is raised when all lanes have come to a stop, which they do at `stop_if_abandoned`.
    """
    lanes = 1 if device().type == "cuda" or world_size() > 1 else min(len(works), threads)
    if lanes < 2:
        return {name: work() for name, work in works.items()}
    over = threading.Event()
    with threads_each(threads // lanes), ThreadPoolExecutor(lanes, initializer=enter, initargs=(over,)) as pool:
        try:
            at_work = {name: pool.submit(work) for name, work in works.items()}
            done, _ = wait(at_work.values(), return_when=FIRST_EXCEPTION)
            for work in at_work.values():
                if work in done:
                    work.result()
        except BaseException:  # Ctrl-C too
            over.set()
            pool.shutdown(cancel_futures=True)
            raise
    return {name: work.result() for name, work in at_work.items()}


def enter(over: threading.Event) -> None:
    """Make this thread a lane."""
    LANE.over = over


def stop_if_abandoned() -> None:
    """To be called at each step of a long work. Raises AbandonedError when another lane has failed."""
    if LANE.over is not None and LANE.over.is_set():
        raise AbandonedError


@contextmanager
def threads_each(number: int) -> Iterator[None]:
    """So many threads for every operation of PyTorch within, in whatever lane."""
    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)
