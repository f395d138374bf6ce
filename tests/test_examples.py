"""The examples in docstrings, which say more than words: each does what it says."""

import doctest
import importlib
from pathlib import Path

import pytest

from tests.clones import ROOT

WITH_EXAMPLES = sorted(
    path.relative_to(ROOT) for path in (ROOT / "stages").rglob("*.py") if ">>> " in path.read_text(encoding="utf-8")
)


@pytest.mark.parametrize("path", WITH_EXAMPLES, ids=str)
def test_examples_do_what_they_say(path: Path) -> None:
    found = doctest.testmod(importlib.import_module(".".join(path.with_suffix("").parts)))
    assert found.attempted and not found.failed


def test_there_are_some_in_every_layer() -> None:
    assert {"common", "learning", "data", "evaluation"} <= {path.parts[1] for path in WITH_EXAMPLES}
