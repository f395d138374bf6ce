"""What the tests of the data layer share."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from joblib.externals.loky import get_reusable_executor

from tests.data.home import Home, build


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    """A pipeline as the working folder, with `mine` for your own data."""
    made = build(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(os, "cpu_count", lambda: 1)  # no workers to start, where they are not what is tested
    yield made
    get_reusable_executor().shutdown()  # idle workers stay in the folder in which they were started
