"""Labels and numbers as modalities: what is told comes back, and what can't be one is refused in one line."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.data.kinds import label, number

WORDS = label.Label(("glad", "sad", "très triste"))
FEW = label.Settings(values=3)
NUMBERS = st.floats(-1e6, 1e6, allow_nan=False)


@pytest.mark.parametrize("word", WORDS.words)
def test_a_label_comes_back(word: str) -> None:
    place = label.tensor(label.read(f"  {word}\n".encode(), WORDS), WORDS)
    assert place.shape == (1,) and place.dtype == np.uint16 and place[0] > 0
    assert label.write(place, WORDS) == word.encode()


def test_labels_are_those_of_the_train_split_in_an_order_that_is_always_the_same(tmp_path: Path) -> None:
    told = ["sad", " glad", "sad ", "", "très  triste"]
    for folder, words in ((tmp_path / "a", told), (tmp_path / "b", told[::-1])):
        assert label.fit(FEW, words, folder) == WORDS == label.restore(FEW, [], folder)


def test_more_labels_than_are_allowed_are_refused(tmp_path: Path) -> None:
    with pytest.raises(
        ValueError, match=r"preprocess\.mood: expected at most 3 different values, got 5, such as '0' and '4'"
    ):
        label.fit(FEW, map(str, range(5)), tmp_path / "mood")


@given(st.binary(max_size=20))
def test_bytes_that_are_no_known_label_are_refused_in_one_line(payload: bytes) -> None:
    try:
        assert label.read(payload, WORDS) in WORDS.words
    except ValueError as error:
        assert str(error).startswith("expected a value that the train split has, got '")


@pytest.mark.parametrize("place", [0, 4, 65535])
def test_a_place_that_no_label_has_is_nothing(place: int) -> None:
    assert label.write(np.array([place], np.uint16), WORDS) == b""
    assert label.blank(WORDS)[0] == 0


@given(st.lists(NUMBERS, min_size=1, max_size=60))
def test_the_rank_of_a_number_rises_with_it_and_comes_back_as_itself(numbers: list[float]) -> None:
    known = number.Number(np.quantile(numbers, np.linspace(0, 1, 256)))
    ranks = [int(number.tensor(one, known)[0]) for one in sorted(numbers)]
    assert ranks == sorted(ranks)
    for rank in ranks:
        again = float(number.write(np.array([rank], np.uint8), known))
        assert known.quantiles[0] - 1 <= again <= known.quantiles[-1] + 1
    for one in numbers:  # within the step between two ranks, and six digits
        again = float(number.write(number.tensor(one, known), known))
        place = int(np.searchsorted(known.quantiles, one))
        step = known.quantiles[min(place, 255)] - known.quantiles[max(place - 1, 0)]
        assert abs(again - one) <= step + 1e-5 * max(1.0, abs(one))


def test_few_numbers_come_back_as_they_are(tmp_path: Path) -> None:
    """Also those that are far more frequent than others."""
    known = number.fit(number.Settings(), ["7"] * 500 + ["1"] * 300 + ["2.5"] * 200, tmp_path)
    for told in (b"7", b"1", b"2.5"):
        assert number.write(number.tensor(number.read(told, known), known), known) == told
    again = number.restore(number.Settings(), [], tmp_path)
    np.testing.assert_array_equal(again.quantiles, known.quantiles)
    assert [int(number.tensor(one, known)[0]) for one in (-1e9, 1e9)] == [0, 255], "the nearest that there is"


@given(st.binary(max_size=20))
def test_bytes_that_are_no_number_are_refused_in_one_line(payload: bytes) -> None:
    known = number.Number(np.linspace(0, 1, 256))
    try:
        assert np.isfinite(number.read(payload, known))
    except ValueError as error:
        assert str(error).startswith("expected a number, got '")


@pytest.mark.parametrize("told", ["nan", "inf", "-inf", "", "1,5", "twelve", "1e999"])
def test_what_is_not_finite_is_no_number(told: str) -> None:
    with pytest.raises(ValueError, match="expected a number"):
        number.read(told.encode(), number.Number(np.linspace(0, 1, 256)))
