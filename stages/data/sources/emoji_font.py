"""How emoji are drawn: by the font Noto Color Emoji, which holds each of them as a picture, on white paper.

It is a font of colour bitmaps (tables CBDT and CBLC of OpenType) of one size. The layout engine Raqm joins the code
points of a sequence into one picture where the font has one.
"""

import io
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont, features

from stages.common.progress import progress
from stages.common.workers import in_processes

NAME = "NotoColorEmoji.ttf"
FOLDERS = ("/usr/share/fonts", "/usr/local/share/fonts", "~/.local/share/fonts", "~/.fonts")  # where systems keep fonts
INSTALL = "apt-get install fonts-noto-color-emoji (Arch: noto-fonts-emoji)"
HEIGHT = 109  # of its letters, pixels: the one size there is
CELL = 136  # width of a picture, pixels; they are 128 high
SMILE = "\U0001f600"  # which every font of emoji has
PORTION = 250  # pictures a job


def find_font(wanted: str) -> Path:
    """The font at the path `wanted`, or, if that is "", where systems keep it. Raises ValueError if there is none."""
    if wanted:
        if Path(wanted).is_file():
            return Path(wanted)
        raise ValueError(f"acquire.emoji.font: expected a font, got '{wanted}', which is no file; correct params.yaml")
    found = chain.from_iterable(sorted(Path(folder).expanduser().rglob(NAME)) for folder in FOLDERS)
    if (font := next(found, None)) is not None:
        return font
    raise ValueError(
        f"acquire.emoji.font: expected {NAME} in one of {', '.join(FOLDERS)}, got none; {INSTALL}, "
        "or name its path in acquire.emoji.font"
    )


def open_font(path: Path) -> ImageFont.FreeTypeFont:
    """Raises ValueError when Pillow lacks Raqm, or the font can't be read or has no coloured bitmaps."""
    if not features.check("raqm"):
        raise ValueError("expected Pillow with Raqm, got one without; pip install --force-reinstall Pillow")
    try:
        font = ImageFont.truetype(path, HEIGHT, layout_engine=ImageFont.Layout.RAQM)
        smile = drawn(font, SMILE)
    except OSError as error:  # no font, or bitmaps of other sizes
        raise ValueError(f"{unfit(path)} ({error}); {INSTALL}") from None
    if smile is None or np.ptp(np.asarray(smile), axis=-1).max() == 0:
        raise ValueError(f"{unfit(path)}; {INSTALL}")
    return font


def unfit(path: Path) -> str:
    return f"acquire.emoji.font: expected a font of colour bitmaps {HEIGHT} pixels high, got '{path}', which is none"


def drawn(font: ImageFont.FreeTypeFont, characters: str) -> Image.Image | None:
    """The emoji in the middle of (CELL, CELL) white paper; None where the font has no one picture of it: nothing is
    drawn, or several pictures in a row."""
    left, top, right, bottom = font.getbbox(characters)
    if not (0 < right - left <= CELL and 0 < bottom - top <= CELL):
        return None
    paper = Image.new("RGB", (CELL, CELL), "white")
    place = ((CELL - right - left) // 2, (CELL - bottom - top) // 2)
    ImageDraw.Draw(paper).text(place, characters, font=font, embedded_color=True)
    return paper


def pictures(path: Path, emoji: Sequence[str], size: int) -> Iterator[bytes | None]:
    """Each emoji as a PNG of (size, size) pixels; None where the font has no one picture of it."""
    open_font(path)  # say first what is wrong with it
    jobs = [(path, emoji[first : first + PORTION], size) for first in range(0, len(emoji), PORTION)]
    yield from chain.from_iterable(progress(in_processes(draw, jobs), title="acquire: draw", total=len(jobs)))


def draw(path: Path, emoji: Sequence[str], size: int) -> list[bytes | None]:
    """`pictures`, of one job."""
    font = open_font(path)
    return [None if (picture := drawn(font, one)) is None else as_png(picture, size) for one in emoji]


def as_png(picture: Image.Image, size: int) -> bytes:
    """The picture at (size, size) pixels."""
    buffer = io.BytesIO()
    picture.resize((size, size), Image.Resampling.LANCZOS).save(buffer, "PNG")
    return buffer.getvalue()
