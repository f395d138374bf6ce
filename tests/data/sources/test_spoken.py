"""The spoken words: whole samples, combinations that nobody learns, bytes that depend on the seed alone."""

import io
import os
from collections.abc import Sequence
from itertools import combinations, product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile

from stages.common.modality import Modality, suffix_of
from stages.common.params import validate
from stages.common.shards import read_shard
from stages.data.records.split import SPLITS, Shares
from stages.data.sources import espeak, spoken
from stages.data.sources.built_in_shards import Attributes
from stages.evaluation.judges.loading import key_attribute

SETTINGS = spoken.Spoken(
    samples=120, combinations=0.1, shard_size=60, shares=Shares(train=0.5, validation=0.1, judge=0.2, test=0.2)
)
ALL = [Modality(*pair) for pair in spoken.GIVES.items()]
EVERYTHING = list(product(spoken.WORDS, spoken.VOICES, spoken.SPEAKERS))
Acquired = tuple[Path, pd.DataFrame, Attributes]


@pytest.fixture(scope="module")
def acquired(tmp_path_factory: pytest.TempPathFactory) -> Acquired:
    """A small data set: its folder, its index and its attributes."""
    folder = tmp_path_factory.mktemp("acquired")
    return folder, *spoken.acquire(SETTINGS, 1, ALL, folder)


def samples(folder: Path) -> dict[str, dict[str, bytes]]:
    return dict(sample for path in sorted(folder.glob("*.tar")) for sample in read_shard(path))


def test_every_sample_is_indexed_and_says_what_its_row_says(acquired: Acquired) -> None:
    folder, index, _ = acquired
    found = samples(folder)
    assert list(found) == index["id"].tolist() and len(found) == SETTINGS.samples
    assert index["shard"].value_counts().to_dict() == {"spoken-000.tar": 60, "spoken-001.tar": 60}
    for row in index.to_dict("records"):
        files = found[row["id"]]
        assert files.keys() == {"txt", "voice.wav", "speaker.label"}
        assert files["txt"].decode() == spoken.written(row["word"], row["language"])
        assert files["speaker.label"].decode() == row["speaker"]
        wave, rate_hz = soundfile.read(io.BytesIO(files["voice.wav"]))
        assert np.abs(wave).max() > 0.05 and 0.2 < len(wave) / rate_hz < 1.6


def test_the_word_is_the_key_and_labels_are_known(acquired: Acquired) -> None:
    _, index, attributes = acquired
    assert attributes == {
        "word": {"values": list(spoken.WORDS), "shown_by": ["text", "voice"]},
        "language": {"values": ["en", "de", "es"], "shown_by": ["text", "voice"]},
        "speaker": {"values": list(spoken.SPEAKERS), "shown_by": ["voice", "speaker"]},
    }
    assert all(set(index[name]) <= set(about["values"]) for name, about in attributes.items())
    assert key_attribute(attributes, {name: [a for a in attributes if name in attributes[a]["shown_by"]]
                                      for name in spoken.GIVES}) == "word"  # fmt: skip


def test_a_caption_tells_word_and_language() -> None:
    captions = [spoken.written(word, language) for word in spoken.WORDS for language in spoken.VOICES]
    assert len({caption.lower() for caption in captions}) == len(captions) == 60
    assert all(said.keys() | {"en"} == spoken.VOICES.keys() for said in spoken.WORDS.values())


def test_nobody_but_test_has_a_held_out_combination() -> None:
    index = spoken.plan(SETTINGS.model_copy(update={"samples": 1440}), 1)
    assert set(index["split"]) == set(SPLITS)
    assert (index["split"].eq("test") == index["held_out"].ne("")).all()
    new = index["held_out"] == spoken.NEW
    labels = index[["word", "language", "speaker"]].apply(tuple, axis=1)
    assert labels[new].nunique() == 36 and set(index.loc[~new, "held_out"]) == {"", spoken.KNOWN}
    assert not set(labels[new]) & set(labels[~new]) and (labels.value_counts() == 4).all()
    train = index[index["split"] == "train"]
    for first, second in combinations(spoken.ATTRIBUTES, 2):  # each two labels are learned together
        learned = set(zip(train[first], train[second], strict=True))
        assert set(zip(index.loc[new, first], index.loc[new, second], strict=True)) <= learned


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5])
def test_what_is_held_out_leaves_every_pair(share: float) -> None:
    held = spoken.held_out(EVERYTHING, share, np.random.default_rng(2))
    assert len(set(held)) == len(held) == round(share * 360)
    left = [one for number, one in enumerate(EVERYTHING) if number not in held]
    assert pairs(left) == pairs(EVERYTHING)


def test_what_would_take_the_last_of_a_pair_is_not_held_out() -> None:
    square = list(product("ab", "cd", "ef"))
    held = spoken.held_out(square, 1.0, np.random.default_rng(3))
    left = [one for number, one in enumerate(square) if number not in held]
    assert 0 < len(held) <= 4 and pairs(left) == pairs(square)


def pairs(rows: Sequence[tuple[str, ...]]) -> set[tuple[str, ...]]:
    return {pair for one in rows for pair in combinations(one, 2)}


def test_bytes_do_not_depend_on_the_number_of_workers(
    acquired: Acquired, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, index, attributes = acquired
    monkeypatch.setattr(os, "cpu_count", lambda: 1)
    alone, same = spoken.acquire(SETTINGS, 1, ALL, tmp_path)
    pd.testing.assert_frame_equal(alone, index)
    assert same == attributes
    for path in sorted(folder.glob("*.tar")):
        assert (tmp_path / path.name).read_bytes() == path.read_bytes()


def test_another_seed_is_another_set() -> None:
    first, again, other = (spoken.plan(SETTINGS, seed) for seed in (1, 1, 2))
    pd.testing.assert_frame_equal(first, again)
    assert not first.equals(other)


@pytest.mark.parametrize(
    ("names", "labels"), [(["text"], ["word", "language"]), (["text", "speaker"], list(spoken.ATTRIBUTES))]
)
def test_modalities_that_are_not_asked_for_are_not_made(names: list[str], labels: list[str], tmp_path: Path) -> None:
    asked = [Modality(name, spoken.GIVES[name]) for name in names]
    _, attributes = spoken.acquire(SETTINGS, 1, asked, tmp_path)
    assert all(files.keys() == {suffix_of(name) for name in asked} for files in samples(tmp_path).values())
    assert list(attributes) == labels
    assert all(set(about["shown_by"]) <= set(names) for about in attributes.values())


def test_every_speaker_has_a_voice_of_their_own_in_every_language() -> None:
    say = espeak.open_speaker()
    for language, voice in spoken.VOICES.items():
        waves = [say(spoken.written("water", language), f"{voice}+{one}", 50, 165).wave for one in spoken.SPEAKERS]
        assert all(len(wave) > 3000 for wave in waves)
        assert len({wave.tobytes() for wave in waves}) == len(spoken.SPEAKERS)


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"samples": 0}, "greater than 0, got 0"),
        ({"combinations": 0.6}, "less than or equal to 0.5, got 0.6"),
        ({"speakers": 3}, "speakers"),
    ],
)
def test_a_wrong_setting_is_one_line(changed: dict[str, object], told: str) -> None:
    with pytest.raises(ValueError, match=r"acquire\.spoken") as refused:
        validate(spoken.Spoken, SETTINGS.model_dump() | changed, "acquire.spoken")
    assert told in str(refused.value) and "\n" not in str(refused.value)


def test_too_few_samples_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="expected enough groups for 4 splits, got 3"):
        spoken.acquire(SETTINGS.model_copy(update={"samples": 3, "combinations": 0.0}), 1, ALL, tmp_path)
