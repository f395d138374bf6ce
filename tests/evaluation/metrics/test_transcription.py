"""Captions made of clips are held against the true ones, where it is known that clips say them."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from stages.evaluation.metrics import transcription, translation
from stages.evaluation.metrics.evaluated_data import Dataset, Outputs
from stages.evaluation.metrics.speech_recognition import vocabulary
from tests.evaluation.datasets import dataset

WORDS = {"water": "Wasser", "dog": "Hund"}
LABELS = pd.DataFrame(
    [(word, language) for word in WORDS for language in ("en", "de")] * 10, columns=["word", "language"]
)
TRUE = [word if language == "en" else WORDS[word] for word, language in LABELS.itertuples(index=False)]


def told(monkeypatch: pytest.MonkeyPatch, true: list[str], made: list[str]) -> Dataset:
    """Test samples with these captions, of which clips became others; the last half is new."""
    samples = LABELS.assign(split="test", held_out="utterance", has_text=True, has_audio=True)
    samples["id"] = [str(row) for row in samples.index]
    samples.loc[20:, "held_out"] = "combination"
    keys = samples["id"].tolist()
    files = {"audio": dict(zip(keys, made, strict=True)), "reconstructed": dict(zip(keys, true, strict=True))}

    def captions(_dataset: Dataset, _name: str) -> Mapping[str, str]:
        return dict(zip(keys, true, strict=True))

    monkeypatch.setattr(transcription, "captions", captions)
    monkeypatch.setattr(translation, "captions", captions)
    monkeypatch.setattr(translation, "made", lambda tar, _name: files[tar])
    outputs = Outputs({}, samples, {}, keys)
    return replace(
        dataset(), names=["text", "audio"], samples=samples, key="word", values={"word": list(WORDS)},
        shown_by={"word": ["text", "audio"]}, outputs={(): outputs, ("text",): outputs, ("audio",): outputs},
    )  # fmt: skip


def test_true_words_count_in_all_languages_and_for_each_novelty(monkeypatch: pytest.MonkeyPatch) -> None:
    made = [*TRUE[:20], *(word.upper() for word in TRUE[20:])]
    results = transcription.transcription(told(monkeypatch, TRUE, made), np.random.default_rng(1))
    found = {result.metric: (result.value, result.ceiling, result.n) for result in results}
    assert found == {
        "transcription.audio_to_text": (0.5, 1.0, 40),
        "transcription.utterance.audio_to_text": (1.0, 1.0, 20),
        "transcription.combination.audio_to_text": (0.0, 1.0, 20),
    }
    assert 0 < results[0].floor < 0.4


@pytest.mark.parametrize("caption", ["a water", "", "Hund"])
def test_captions_that_are_no_labels_have_no_figure(caption: str, monkeypatch: pytest.MonkeyPatch) -> None:
    other = told(monkeypatch, [caption, *TRUE[1:]], TRUE)
    assert transcription.transcription(other, np.random.default_rng(1)) == [] and vocabulary(other) == {}


def test_data_without_a_key_or_captions_have_none() -> None:
    for other in (replace(dataset(), key=None), dataset()):
        assert transcription.transcription(other, np.random.default_rng(1)) == []


def test_the_ear_listens_to_labels_that_it_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    real = told(monkeypatch, [word.capitalize() for word in TRUE], TRUE)
    assert vocabulary(real) == {"water": "water", "dog": "dog"}
    monkeypatch.setitem(WORDS, "frobnik", "Frobnik")
    assert vocabulary(replace(real, values={"word": list(WORDS)})) == {}
    assert vocabulary(dataset()) == dict(zip(
        ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"), "0123456789", strict=True,
    ))  # fmt: skip
