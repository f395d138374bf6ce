"""Notes: on what is better than real data, on what is no better than chance, and on nothing else."""

import math

import pytest

from stages.evaluation.metrics.better_than_real import CHANCE, CLUMPED, REASONS, SILENT, WIDE, with_notes
from stages.evaluation.metrics.result import Result


@pytest.mark.parametrize(
    ("metric", "value", "floor", "told"),
    [
        ("coherence.joint", 0.8, 0.1, ""),
        ("coherence.joint", 0.99, 0.1, REASONS["coherence"]),
        ("coherence.joint", 0.05, 0.1, CHANCE),
        ("consistency.chained", 0.95, 0.99, ""),  # less is better
        ("consistency.chained", 0.6, 0.99, REASONS["consistency"]),
        ("recall.image", 0.8, 0.9, f"{SILENT} {WIDE}"),
        ("density.text", 0.8, 5.0, f"{SILENT} {CLUMPED}"),
        ("coverage.image", 0.99, 0.84, SILENT),  # better than real data, and no worse than chance
        ("recognition.codec", 0.99, 0.1, REASONS["recognition.codec"]),
        ("recognition.nothing_to_audio", 0.99, 0.1, REASONS["recognition"]),
    ],
)
def test_a_figure_gets_the_note_that_it_needs(metric: str, value: float, floor: float, told: str) -> None:
    result = Result(metric, value, value, value, 10, floor, 0.9, 0.85, 0.95)
    assert [one.note for one in with_notes([result])] == [told]


def test_what_is_not_known_is_said() -> None:
    result = Result("coherence.joint", 0.8, 0.7, 0.9, 10, math.nan, math.nan)
    assert with_notes([result])[0].note == "No floor and no ceiling: too few items say it."
