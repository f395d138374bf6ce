"""What tests of judges share."""

import pytest

from stages.evaluation.senses import SEEN


@pytest.fixture
def shown_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """A judge of pictures gets its items as they are: the tests' own judges read them off."""
    monkeypatch.setitem(SEEN, "image", lambda items: items)
