"""Blocks of memory that are free: kept for the next, but where data are read in pieces."""

import platform
import sys

import pytest

from tests.clones import ROOT, succeed

FAULTS = """\
import resource
import numpy as np
from stages.common import memory

def faults():
    np.ones(2**19)  # the first block may find nothing that was kept
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(20):
        np.ones(2**19)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

memory.keep()
print(faults())
with memory.giving_back():
    print(faults())
    with memory.giving_back():
        pass
    print(faults())
print(faults())
"""
PAGES = 20 * 2**22 / 4096  # of twenty blocks of 4 MiB


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc has the setting")
def test_the_system_brings_pages_again_while_a_reader_is_at_work_and_only_then() -> None:
    """Also behind a reader within it that has ended. In a process of its own, whose memory has no other holes."""
    said = succeed(ROOT, sys.executable, "-c", FAULTS)
    kept, reading, after_another, kept_again = (int(line) / PAGES for line in said.splitlines())
    assert max(kept, kept_again) < 0.1
    assert min(reading, after_another) > 0.5
