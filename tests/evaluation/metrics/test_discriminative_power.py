"""What a figure can tell: nothing, where its floor could as well be its ceiling."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.evaluation.metrics.discriminative_power import FEW, LEAST, discriminates, margin
from stages.evaluation.metrics.result import Result


def result(metric: str, floor: tuple[float, float, float], ceiling: tuple[float, float, float]) -> Result:
    """Its value stands at the ceiling; ends are (value, low, high)."""
    value = (metric, ceiling[0], ceiling[1], ceiling[2], 50)
    return Result(*value, floor[0], *ceiling, floor_low=floor[1], floor_high=floor[2])


@pytest.mark.parametrize(
    ("metric", "floor", "ceiling", "wanted"),
    [
        ("coverage.image", (0.885, 0.81, 0.95), (0.987, 0.96, 1.0), False),  # as found: a tenth of the scale
        ("coverage.image", (0.14, 0.1, 0.2), (0.987, 0.96, 1.0), True),
        ("coherence.joint", (0.3, 0.1, 0.5), (0.6, 0.4, 0.8), False),  # the intervals meet
        ("coherence.joint", (0.3, 0.2, 0.39), (0.6, 0.4, 0.8), True),
        ("recall.audio", (0.98, 0.97, 0.99), (0.7, 0.65, 0.75), False),  # chance above real data
        ("fidelity.image", (2.2, 2.0, 2.4), (0.0, -0.01, 0.01), True),
        ("fidelity.image", (0.02, 0.0, 0.04), (0.0, -0.02, 0.02), False),
        ("fidelity.image", (0.03, 0.025, 0.035), (0.0, -0.01, 0.01), True),  # a scale of its own
        ("fidelity.image", (-0.5, -0.6, -0.4), (0.0, -0.01, 0.01), False),
        ("coherence.joint", (0.1, math.nan, math.nan), (1.0, math.nan, math.nan), True),  # exact
        ("coherence.joint", (math.nan,) * 3, (1.0, math.nan, math.nan), False),
    ],
)
def test_floor_and_ceiling_lie_apart_or_the_figure_is_silent(
    metric: str, floor: tuple[float, float, float], ceiling: tuple[float, float, float], wanted: bool
) -> None:
    assert discriminates(result(metric, floor, ceiling)) == wanted


@given(floor=st.floats(0, 1), ceiling=st.floats(0, 1), wide=st.floats(0, 0.5))
def test_more_samples_never_silence_a_figure(floor: float, ceiling: float, wide: float) -> None:
    def of(half: float) -> bool:
        return discriminates(
            result("match.joint", (floor, floor - half, floor + half), (ceiling, ceiling - half, ceiling + half))
        )

    assert of(wide / 2) >= of(wide)
    assert not of(wide) or ceiling - floor >= LEAST


def test_so_many_samples_tell_five_points() -> None:
    assert margin(FEW) < 0.05 < margin(FEW - 20)
    assert margin(78) == pytest.approx(0.111, abs=1e-3)
