"""Captions: any text comes back from its tokens; what is no text is refused."""

import pickle
import time
import unicodedata
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.common.special_tokens import END, PAD, START
from stages.data.kinds import text

CAPTIONS = ["a thin red seven, said at a slow pace", "the digit 4 in blue ink", "a low voice says two"] * 5


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> text.Text:
    return text.fit(text.Settings(vocabulary=300, length=400), CAPTIONS, tmp_path_factory.mktemp("tokeniser"))


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=60))
def test_any_text_comes_back(fitted: text.Text, caption: str) -> None:
    read = text.read(caption.encode(), fitted)
    assert read == " ".join(unicodedata.normalize("NFC", caption.removeprefix("\ufeff")).split())
    assert text.write(text.tensor(read, fitted), fitted).decode() == read


@pytest.mark.parametrize("caption", ["", "<end>", "a <pad> b", "<start>", "0", "\u00e9\U0001f600"])
def test_texts_that_look_like_marks_come_back(fitted: text.Text, caption: str) -> None:
    assert text.write(text.tensor(caption, fitted), fitted).decode() == caption
    there = pickle.loads(pickle.dumps(fitted))  # as workers get it
    np.testing.assert_array_equal(text.tensor(caption, there), text.tensor(caption, fitted))


@given(st.binary(max_size=40))
def test_bytes_are_read_or_refused_in_words(fitted: text.Text, payload: bytes) -> None:
    try:
        payload.decode("utf-8-sig")
    except UnicodeDecodeError:
        with pytest.raises(ValueError, match=r"^expected UTF-8 text, got byte 0x[0-9a-f]{2} at \d+$") as refused:
            text.read(payload, fitted)
        assert not isinstance(refused.value, UnicodeDecodeError)
    else:
        assert text.read(text.read(payload, fitted).encode(), fitted) == text.read(payload, fitted)


def test_a_tensor_is_marks_tokens_padding(fitted: text.Text) -> None:
    tokens = text.tensor(CAPTIONS[0], fitted)
    assert tokens.shape == text.blank(fitted).shape == (400,)
    assert tokens.dtype == text.blank(fitted).dtype == np.uint16
    end = int(np.flatnonzero(tokens == END)[0])
    assert tokens[0] == START
    assert (tokens[1:end] > END).all()
    assert (tokens[end + 1 :] == PAD).all()
    assert end < 1 + len(CAPTIONS[0]), "no byte pairs were learned"


def test_a_long_caption_is_cut_and_still_ends(tmp_path: Path) -> None:
    short = text.fit(text.Settings(vocabulary=260, length=6), CAPTIONS, tmp_path)
    tokens = text.tensor("abcdefgh", short)
    assert tokens[[0, -1]].tolist() == [START, END]
    assert text.write(tokens, short) == b"abcd"


def test_of_a_book_the_beginning_counts_and_the_rest_costs_nothing(fitted: text.Text) -> None:
    book = "a thin red seven, said. " * 200_000
    started = time.monotonic()
    tokens = text.tensor(text.read(book.encode(), fitted), fitted)
    assert time.monotonic() - started < 2
    assert (tokens > END).sum() == 398
    assert book.startswith(text.write(tokens, fitted).decode())


def test_any_tokens_can_be_written(fitted: text.Text) -> None:
    """A generator may make what no caption is: cut characters, marks, no end."""
    drawn = np.random.default_rng(1).integers(0, 300, (50, 400)).astype(np.uint16)
    for tokens in drawn:
        text.write(tokens, fitted).decode("utf-8", "replace")
    assert text.write(text.blank(fitted), fitted) == b""


def test_the_same_captions_give_the_same_tokeniser_and_it_is_restored(tmp_path: Path) -> None:
    settings = text.Settings(vocabulary=300, length=40)
    (tmp_path / "1").mkdir()
    (tmp_path / "2").mkdir()
    first = text.fit(settings, CAPTIONS, tmp_path / "1")
    text.fit(settings, CAPTIONS, tmp_path / "2")
    assert (tmp_path / "1/tokenizer.json").read_bytes() == (tmp_path / "2/tokenizer.json").read_bytes()
    restored = text.restore(settings, [], tmp_path / "1")
    for caption in CAPTIONS:
        np.testing.assert_array_equal(text.tensor(caption, restored), text.tensor(caption, first))


def test_without_captions_bytes_remain(tmp_path: Path) -> None:
    """All captions may be missing."""
    fitted = text.fit(text.Settings(vocabulary=300, length=20), [], tmp_path)
    assert text.write(text.tensor("h\u00e9", fitted), fitted).decode() == "h\u00e9"


def test_captions_are_not_augmented(fitted: text.Text) -> None:
    assert text.augment("a", fitted, np.random.default_rng(1)) == "a"
