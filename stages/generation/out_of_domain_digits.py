"""Pictures out of domain: the 8 x 8 digits that scikit-learn ships, of writers whom no split of ours knows.

They are scaled to the box of 20 pixels that our handwritten digits fill and drawn in the same inks, so that what
differs is the hand and the scanner. Source: Alpaydin and Kaynak 1998, UCI "Optical recognition of handwritten digits".
"""

from collections.abc import Iterator

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits

from stages.data.sources.digit_inks import INKS, paint

DEEPEST = 16  # highest level of the digits: pixels of ink, of the 4 x 4 that each level stands for
SIDE, BOX = 28, 20  # of our pictures and of the digits in them, pixels


def pictures(count: int, rng: np.random.Generator) -> Iterator[tuple[str, bytes, str]]:
    """At most `count` random ones as (key, PNG, digit); the key is the number that scikit-learn gives it."""
    levels, digits = load_digits(return_X_y=True)
    for number in rng.permutation(len(levels))[:count]:
        ink = INKS[str(rng.choice(list(INKS)))]
        yield f"{number:06d}", paint(enlarged(levels[number].reshape(8, 8)), ink), str(digits[number])


def enlarged(levels: np.ndarray) -> np.ndarray:
    """(8, 8) levels, 0 for paper, as a (28, 28) uint8 picture with the digit in its middle."""
    small = Image.fromarray((levels * (255 / DEEPEST)).round().astype(np.uint8))
    margin = (SIDE - BOX) // 2
    return np.pad(np.asarray(small.resize((BOX, BOX), Image.Resampling.LANCZOS)), margin)
