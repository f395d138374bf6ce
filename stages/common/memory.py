"""What the C library does with blocks of memory that are free: give them back to the system, or keep them for the next.

A training frees and takes the same blocks at every step, so it is told to keep them. Given back, each comes anew as
pages that the system fills with zeros first: a step of the emoji's mixer took 180 ms instead of 100, one of a small
convolution 253 instead of 106, on two cores.
Readers give back. Where data are read in pieces, a result of a few KiB behind each block, which stays, keeps it from
being used again: 20 GiB were seen where 1 is needed.
No result depends on it. Other C libraries than glibc have no such setting, and no such habits.
"""

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager, suppress

TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3  # the settings of mallopt(3), as malloc.h numbers them
SMALL, LARGE, MOST = 2**20, 2**25, 2**30  # bytes; glibc takes no larger threshold of mapped blocks than LARGE
readers = 0  # readers at work, one within another


def keep() -> None:
    """From now on blocks of less than LARGE stay for the next, up to MOST in all."""
    tell(MMAP_THRESHOLD, LARGE)
    tell(TRIM_THRESHOLD, MOST)


@contextmanager
def giving_back() -> Iterator[None]:
    """Meanwhile blocks of SMALL and more go back to the system as soon as they are free, those kept so far at once."""
    global readers
    readers += 1
    tell(MMAP_THRESHOLD, SMALL)
    tell(TRIM_THRESHOLD, SMALL)
    with suppress(AttributeError, OSError):
        ctypes.CDLL(None).malloc_trim(0)
    try:
        yield
    finally:
        readers -= 1
        if readers == 0:
            keep()


def tell(setting: int, value: int) -> None:
    with suppress(AttributeError, OSError):
        ctypes.CDLL(None).mallopt(setting, value)
