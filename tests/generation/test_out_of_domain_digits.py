"""Pictures of other writers: drawn as ours are, labelled as their source says, the same for the same seed."""

import io

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits

from stages.common.seeds import draws
from stages.data.kinds.image import Settings, read
from stages.data.sources.digit_inks import INKS
from stages.generation.out_of_domain_digits import enlarged, pictures


def test_the_same_seed_gives_the_same_pictures_and_another_others() -> None:
    first, again, other = (list(pictures(30, draws(seed, "out_of_domain"))) for seed in (1, 1, 2))
    assert first == again != other
    assert len({key for key, _, _ in first}) == 30


def test_labels_are_those_of_the_source() -> None:
    digits = load_digits().target
    assert all(digit == str(digits[int(key)]) for key, _, digit in pictures(200, draws(1, "out_of_domain")))


def test_there_are_no_more_than_the_source_has() -> None:
    assert len(list(pictures(10**6, draws(1, "out_of_domain")))) == len(load_digits().target)


def test_a_picture_is_ink_of_one_colour_on_white_paper_in_the_box_of_ours() -> None:
    for _, payload, _ in pictures(40, draws(3, "out_of_domain")):
        levels = np.asarray(Image.open(io.BytesIO(payload))).astype(int)
        assert levels.shape == (28, 28, 3)
        assert (levels[:4] == 255).all() and (levels[:, -4:] == 255).all()
        darkest = levels.reshape(-1, 3)[levels.sum(-1).argmin()]
        assert min(np.abs(darkest - ink).max() for ink in INKS.values()) <= 40
        assert read(payload, Settings(size=28, turn=0, zoom=0, shear=0, shift=0)).shape == (28, 28, 3)


@pytest.mark.parametrize(("level", "grey"), [(0, 0), (16, 255), (8, 128)])
def test_enlarging_keeps_an_even_level(level: int, grey: int) -> None:
    box = enlarged(np.full((8, 8), float(level)))[4:-4, 4:-4]
    assert box.shape == (20, 20) and (box == grey).all()
