"""The plain reader of words: what it finds in real and in made texts, and where it says nothing."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from stages.common.modality import Modality
from stages.common.shards import write_shard
from stages.data.kinds import text
from stages.evaluation.judges.loading import EXACT, Judges
from stages.evaluation.metrics import label_baseline as measured
from stages.evaluation.metrics.evaluated_data import Dataset, Outputs
from stages.evaluation.metrics.judge_inference import Predictions
from stages.evaluation.metrics.result import Result

TEXT, MOOD = Modality("text", "text"), Modality("mood", "label")
SAYS = {"good": "so good, really", "bad": "so bad, really"}
TRAIN, TEST = ["good", "bad", "bad"] * 10, ["good", "bad", "bad", "bad"] * 10  # moods


def results(folder: Path, monkeypatch: pytest.MonkeyPatch, made: dict[str, str], told: dict[str, str]) -> list[Result]:
    """Of texts that say what `told` has of a mood; what was made for a mood says what `made` has of it."""
    monkeypatch.setattr(measured, "CLEAN", folder)
    monkeypatch.setattr(measured, "MADE", folder)
    moods, split = [*TRAIN, *TEST], ["train"] * len(TRAIN) + ["test"] * len(TEST)
    keys = [f"{number:03d}" for number in range(len(moods))]
    samples = pd.DataFrame({"id": keys, "split": split, "has_text": True, "has_mood": True})
    fitted = text.fit(text.Settings(vocabulary=300, length=30), told.values(), folder)
    np.save(folder / "text.clean.npy", np.stack([text.tensor(told[mood], fitted) for mood in moods]))

    def said(labels: list[str]) -> dict[str, Predictions]:
        return {MOOD: Predictions({"mood": np.array(labels)}, np.ones(len(labels)), captions=labels)}

    test = dict(zip(keys[len(TRAIN) :], TEST, strict=True))
    write_shard(folder / "mood.tar", ((key, {"txt": made[mood].encode()}) for key, mood in test.items()))
    truth = samples[samples["split"] == "test"].reset_index(drop=True)
    outputs: dict[tuple[str, ...], Outputs] = {
        (TEXT,): Outputs(said(TEST), truth, said(TEST), list(test)),
        (MOOD,): Outputs({TEXT: Predictions({}, np.ones(len(test)))}, truth, said(TEST), list(test)),
    }
    dataset = Dataset(
        names=[TEXT, MOOD], samples=samples, values={}, shown_by={}, key=None, fitted={TEXT: fitted},
        judges=Judges({TEXT: EXACT, MOOD: EXACT}, {}, {}, None), real={"train": said(TRAIN), "test": said(TEST)},
        outputs=outputs, reconstructed=outputs[TEXT,], decoded_noise={}, chains={}, out_of_domain=None,
    )  # fmt: skip
    return measured.label_baseline(dataset, np.random.default_rng(1))


def test_words_that_tell_the_label_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real, made = results(tmp_path, monkeypatch, SAYS, SAYS)
    assert [real.metric, made.metric] == ["label_baseline.text_to_mood", "label_baseline.mood.mood_to_text"]
    assert (real.value, real.floor, real.ceiling, real.n) == (1, 0.75, 1, len(TEST)), "the floor: always bad"
    assert (made.value, made.ceiling, made.n) == (1, 1, len(TEST)) and 0.3 < made.floor < 0.95


def test_texts_made_for_the_other_label_are_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    swapped = {"good": SAYS["bad"], "bad": SAYS["good"]}
    _, made = results(tmp_path, monkeypatch, swapped, SAYS)
    assert (made.value, made.ceiling) == (0, 1)


def test_words_that_tell_nothing_are_no_better_than_the_usual_label(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, made = results(tmp_path, monkeypatch, SAYS, dict.fromkeys(SAYS, "the same"))
    assert real.value == real.floor == 0.75 and made.ceiling == 0.75


def test_texts_without_a_word_teach_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert results(tmp_path, monkeypatch, SAYS, dict.fromkeys(SAYS, "...")) == []


def test_one_label_alone_is_nothing_to_tell_apart() -> None:
    assert measured.taught({"1": ("so good", "good"), "2": ("so bad", "good")}) is None
    assert measured.taught({}) is None
