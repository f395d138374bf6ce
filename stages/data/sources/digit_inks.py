"""How the built-in pictures are drawn: ink of one colour on white paper."""

import io

import numpy as np
from PIL import Image

INKS = {
    "red": (214, 39, 40),
    "orange": (255, 140, 0),
    "green": (34, 139, 34),
    "blue": (31, 90, 220),
    "purple": (140, 60, 180),
    "black": (20, 20, 20),
}


def paint(grey: np.ndarray, ink: tuple[int, int, int]) -> bytes:
    """A (28, 28) picture of grey levels, paper 0, as a PNG of ink on white paper."""
    cover = grey[..., None] / 255
    picture = 255 - cover * (255 - np.array(ink))
    buffer = io.BytesIO()
    Image.fromarray(picture.round().astype(np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()
