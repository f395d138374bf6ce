"""Items in pieces are all items in order, wherever they lie."""

from pathlib import Path

import numpy as np
import pytest

from stages.features import chunked_items
from stages.features.chunked_items import chunks, sampled, stored


@pytest.mark.parametrize("count", [0, 1, 9, 10, 11, 25])
def test_pieces_are_all_items_in_order(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunked_items, "CHUNK", 20)
    numbers = np.arange(2 * count).reshape(count, 2)
    parts = list(chunks(numbers))
    np.testing.assert_array_equal(np.concatenate(parts), numbers)
    assert all(len(part) <= 10 for part in parts)
    assert all(len(part) <= 4 for part in chunks(numbers, 5))
    assert len(next(chunks(numbers, 1000))) == min(count, 1)  # an item larger than a piece


def test_rows_on_disk_are_those_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunked_items, "CHUNK", 50)
    numbers = np.random.default_rng(1).integers(0, 256, (40, 3, 2), dtype=np.uint8)
    kept = np.random.default_rng(2).random(40) < 0.5
    np.save(tmp_path / "numbers.npy", numbers)
    some = stored(tmp_path / "numbers.npy", kept)
    assert some.shape == numbers[kept].shape and len(some) == kept.sum()
    np.testing.assert_array_equal(some[:], numbers[kept])
    np.testing.assert_array_equal(some[np.array([3, 1])], numbers[kept][[3, 1]])
    np.testing.assert_array_equal(np.concatenate(list(chunks(some))), numbers[kept])
    np.testing.assert_array_equal(stored(tmp_path / "numbers.npy")[:], numbers)


def test_a_sample_keeps_the_order_and_takes_no_item_twice() -> None:
    numbers = np.arange(1000)[:, None]
    few = sampled(numbers, 100, np.random.default_rng(1))
    assert len(few) == 100 and (np.diff(few[:, 0]) > 0).all()
    np.testing.assert_array_equal(sampled(numbers, 1000, np.random.default_rng(1)), numbers)
