"""Invented and missed findings: counted where the data say what is absent, and each only where it can occur."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from stages.common.files import write_json
from stages.evaluation.metrics import invented as module
from stages.evaluation.metrics.better_than_real import with_notes
from stages.evaluation.metrics.evaluated_data import Dataset, Outputs
from stages.evaluation.metrics.invented import invented
from stages.evaluation.metrics.judge_inference import MALFORMED, UNSTATED, Predictions
from tests.evaluation.datasets import dataset

VALUES = ["none", "left", "right"]
COUNT = 300


def predictions(labels: np.ndarray) -> Predictions:
    return Predictions({"mass": labels}, np.ones(len(labels)))


def scene(made: np.ndarray, true: np.ndarray, shown: bool = True) -> Dataset:
    """What a text led to, in audio's place; the true labels are what real items are read as."""
    base = dataset()
    truth = base.rows("test").iloc[: len(true)].assign(mass=true).reset_index(drop=True)
    real = {name: predictions(true) for name in base.names}
    outputs = Outputs({"audio": predictions(made)}, truth, real, list(truth["id"]))
    shown_by = {"digit": ["image", "audio"], "mass": ["image", "audio"]}
    if not shown:
        del shown_by["mass"]
    return replace(base, shown_by=shown_by, outputs={(): base.joint, ("image",): outputs})


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What `preprocess` left: mass says what is absent, digit does not."""
    write_json(tmp_path / "attributes.json", {"digit": {}, "mass": {"values": VALUES, "absent": ["none"]}})
    monkeypatch.setattr(module, "CLEAN", tmp_path)
    return tmp_path


def truth() -> np.ndarray:
    return np.random.default_rng(1).choice(VALUES, COUNT, p=[0.5, 0.25, 0.25])


def figures(made: np.ndarray, true: np.ndarray) -> dict[str, tuple[float, int]]:
    return {found.metric: (found.value, found.n) for found in invented(scene(made, true), np.random.default_rng(2))}


def test_what_is_right_is_neither(folder: Path) -> None:
    true = truth()
    found = invented(scene(true, true), np.random.default_rng(2))
    assert [result.metric for result in found] == ["invented.image_to_audio", "missed.image_to_audio"]
    assert [result.n for result in found] == [(true == "none").sum(), (true != "none").sum()]
    for result in found:
        assert result.value == result.ceiling == result.low == result.high == 0
        assert 0.4 < result.floor < 0.6  # half of the shuffled ones have some
    assert not any(result.note for result in with_notes(found))


@pytest.mark.parametrize("share", [0.1, 0.3])
def test_the_share_of_invented_and_of_missed_ones_is_found(folder: Path, share: float) -> None:
    true = truth()
    none = np.flatnonzero(true == "none")
    made = true.copy()
    made[none[: round(share * len(none))]] = "left"
    found = figures(made, true)
    assert found["invented.image_to_audio"][0] == pytest.approx(share, abs=0.01)
    assert found["missed.image_to_audio"][0] == 0
    swapped = figures(true, made)
    assert swapped["invented.image_to_audio"][0] == 0 and swapped["missed.image_to_audio"][0] > share / 2


def test_a_wrong_side_is_neither_and_what_cannot_be_read_shows_nothing(folder: Path) -> None:
    true = truth()
    turned = np.array([{"left": "right", "right": "left"}.get(value, value) for value in true])
    assert {value for value, _ in figures(turned, true).values()} == {0}
    broken = figures(np.full(COUNT, MALFORMED), true)
    assert broken["invented.image_to_audio"][0] == 0 and broken["missed.image_to_audio"][0] == 1


def test_what_a_side_does_not_state_is_not_asked(folder: Path) -> None:
    true = truth()
    made = np.where(np.arange(COUNT) % 2 == 0, true, UNSTATED)
    found = figures(made, true)
    assert sum(n for _, n in found.values()) == COUNT / 2 and {value for value, _ in found.values()} == {0}


def test_data_that_do_not_say_have_none(folder: Path) -> None:
    true = truth()
    assert invented(scene(true, true, shown=False), np.random.default_rng(2)) == []
    write_json(folder / "attributes.json", {"digit": {}, "mass": {"values": VALUES}})
    assert invented(scene(true, true), np.random.default_rng(2)) == []
