"""What the first screen says follows from value, floor, ceiling and intervals, and from nothing else."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.evaluation.metrics.result import Result
from stages.evaluation.page.verdict import at_ceiling, at_floor, reach, verdict

NAMES = ("image", "text", "audio")


def result(metric: str, value: float, *, floor: float = 0.1, ceiling: float = 0.9, wide: float = 0.01) -> Result:
    low, high = value - wide, value + wide
    return Result(metric, value, low, high, 100, floor, ceiling, ceiling - 0.01, ceiling + 0.01)


@given(floor=st.floats(-10, 10), ceiling=st.floats(-10, 10), share=st.floats(-1, 2))
def test_reach_is_the_way_from_floor_to_ceiling_whichever_is_higher(floor: float, ceiling: float, share: float) -> None:
    if abs(ceiling - floor) > 1e-3:
        assert reach(result("x.y", floor + share * (ceiling - floor), floor=floor, ceiling=ceiling)) == pytest.approx(
            share, abs=1e-6
        )


@given(value=st.floats(0, 1), floor=st.floats(0, 1), ceiling=st.floats(0, 1))
def test_nothing_is_at_both_ends(value: float, floor: float, ceiling: float) -> None:
    one = result("coherence.joint", value, floor=floor, ceiling=ceiling)
    assert not (at_ceiling(one) and at_floor(one))


def test_a_distance_is_good_when_it_is_small() -> None:
    assert at_ceiling(result("fidelity.image", 0.0, floor=2.0, ceiling=0.005))
    assert not at_ceiling(result("fidelity.image", 0.3, floor=2.0, ceiling=0.005))
    assert at_floor(result("fidelity.image", 2.0, floor=2.0, ceiling=0.005))


def test_it_names_what_is_good_what_is_not_and_the_weakest_directions() -> None:
    results = [
        result("coherence.joint", 0.9),
        result("coherence.image+text_to_audio", 0.5),
        result("coherence.image_to_text", 0.4),
        result("coherence.audio_to_text", 0.6),
        result("coherence.text_to_image", 0.8),
        result("recall.audio", 0.2),
        result("coverage.text", 0.1),
        result("ceiling.image", 0.1),
    ]
    said = verdict({one.metric: one for one in results}, NAMES, "digit")
    assert (said.total, said.at_ceiling, said.at_floor) == (7, 1, 1)
    assert [one.words for one in said.good] == [
        "Made from nothing, picture, caption and clip carry the same digit in 90.0\u00a0%"
    ]
    assert [one.result.metric for one in said.poor] == ["coverage.text", "recall.audio", "coherence.image_to_text"]
    assert said.poor[2].words == "Picture to caption: the digit comes out right in 40.0\u00a0%"
    assert [one.rpartition(" ")[0] for one in said.weakest] == [
        "picture to caption", "picture and caption to clip", "clip to caption"
    ]  # fmt: skip


def test_a_figure_without_floor_ceiling_or_interval_is_not_judged_by_them() -> None:
    bare = Result("fidelity.image.within", 0.1, math.nan, math.nan, 5, math.nan, 0.1)
    assert verdict({bare.metric: bare}, NAMES, "digit").total == 0
    exact = Result("coverage.image", 0.5, math.nan, math.nan, 5, 0.0, 1.0)
    assert not at_ceiling(exact) and not at_floor(exact)
