"""`make privacy`: the bounds that it asks for are kept together, and its table becomes a picture."""

import io
import math

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from stages.common.params import load_modalities
from stages.learning.privacy import Privacy, Work, plan, told, total
from tests.clones import ROOT
from tools.privacy import CLIP, DELTA, EPSILONS, SHARE, SHOWN, UNIT, bound, most_area, picture
from tools.privacy import settings as bounds


@pytest.mark.parametrize("epsilon", EPSILONS[:-1])
def test_what_five_sections_are_granted_keeps_the_whole_bound(
    epsilon: float, tmp_path: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(str(tmp_path))
    granted = Privacy(epsilon=SHARE * epsilon, delta=DELTA, clip=CLIP, unit=UNIT)
    units, small = np.arange(2800), Work(np.arange(2800), 1000, 20, looks=1)
    sections = [[small], [small], [Work(units, 1000, 150)], [Work(units, 1000, 250)], 4 * [Work(units, 1000, 200)]]
    together = total([told(plan(granted, works, 1, "x")) for works in sections], DELTA)
    assert together is not None and 0.85 * epsilon < together <= epsilon


def test_every_section_that_learns_is_granted_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    told_ = bounds(3.0)
    assert told_[::2] == ["-S"] * (3 + len(load_modalities())) and bounds(math.inf) == told_[:2]
    assert all(part.endswith("privacy={epsilon:1.14,delta:1e-05,clip:1,unit:picture}") for part in told_[3::2])
    assert bound({"train.privacy.epsilon": 1.14}) == pytest.approx(3.0) and bound({}) == math.inf


def test_the_table_becomes_a_picture() -> None:
    rows = [{"epsilon": epsilon, "kept": epsilon, "delta": DELTA} | dict.fromkeys(SHOWN, 0.5) for epsilon in EPSILONS]
    table = pd.DataFrame(rows)
    table["membership.generator.low"], table["membership.generator.high"] = 0.45, 0.55
    with Image.open(io.BytesIO(picture(table))) as drawn:
        assert drawn.width > 800 and np.asarray(drawn.convert("L")).std() > 5
    assert [most_area(epsilon, 0.0) for epsilon in (0.0, math.inf)] == [pytest.approx(0.5), 1.0]
