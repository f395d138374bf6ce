"""Reconstruction errors item by item add up to what `extract` measures over all of them."""

import numpy as np
import pytest

from stages.evaluation.extraction import errors
from stages.features.reconstruction import errors as overall

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("kind", ["levels", "tokens"])
def test_the_mean_is_that_of_the_stage(kind: str) -> None:
    if kind == "levels":
        items, made = (RNG.integers(256, size=(40, 6, 5), dtype=np.uint8) for _ in range(2))
    else:
        items = RNG.integers(3, 9, size=(40, 7)).astype(np.uint16)
        items[RNG.random((40, 7)) < 0.3] = 0  # padding does not count
        made = np.where(RNG.random((40, 7)) < 0.5, items, 4).astype(np.uint16)
    wrong, size = errors(items, made)
    assert wrong.shape == size.shape == (40,)
    assert wrong.sum() / size.sum() == pytest.approx(overall(items, items, made, 2)["codec"], rel=1e-5)
    assert errors(items, items)[0].sum() == 0
