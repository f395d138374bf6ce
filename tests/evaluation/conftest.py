"""What tests of judges share."""

import pytest

from stages.common.modality import PICTURE
from stages.evaluation.judges.inputs import INPUTS


@pytest.fixture
def shown_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """A judge of pictures gets its items as they are: the tests' own judges read them off."""
    monkeypatch.setitem(INPUTS, PICTURE, lambda items: items)
