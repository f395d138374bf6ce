"""Extraction: what comes out again is found, and what is merely alike is not."""

import numpy as np

from stages.evaluation.attacks.extraction import extracted, extraction

RNG = np.random.default_rng(1)


def test_copies_are_found_and_new_items_are_not() -> None:
    train = RNG.random((400, 30), dtype=np.float32)
    new, copies = RNG.random((50, 30), dtype=np.float32), train[:50] + 0.02 * RNG.standard_normal((50, 30), np.float32)
    assert extracted(copies, train).all() and not extracted(new, train).any()
    (found,) = extraction({"image": (np.concatenate([copies[:25], new[:25]]), new, train)}, RNG)
    assert (found.metric, found.value, found.floor) == ("extraction.image", 0.5, 0.0)


def test_what_all_have_alike_is_no_copy() -> None:
    """Blank items, of which there are many: none of them is one that came out."""
    train = np.concatenate([np.zeros((200, 9), np.float32), RNG.random((50, 9), dtype=np.float32)])
    assert not extracted(np.full((5, 9), 0.01, np.float32), train).any()
