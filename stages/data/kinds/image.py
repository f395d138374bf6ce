"""Pictures: bytes to a centred uint8 picture of one size, and back to a PNG.

Tensor: (S, S, C) uint8, height by width by levels, S = `size`; C is 3 for colour (RGB), 1 for grey.
"""

import io
import struct
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import numpy as np
from PIL import Image, ImageChops, ImageOps
from pydantic import Field

from stages.common.params import Strict

SIDE, QUALITY = 256, 80  # of lighter ones for the page: pixels at most, and WebP's of 100
TOLERANCE = 24  # levels of grey by which content differs from the paper
DEEPEST = 65535  # highest level of 16 bits
# What Pillow was seen to raise on a million broken files.
BROKEN = (OSError, ValueError, TypeError, SyntaxError, OverflowError, struct.error)


class Settings(Strict):
    """Section `preprocess.image`."""

    size: Annotated[int, Field(ge=28, le=128)]  # side of the working picture, pixels
    colour: bool = True  # or shades of grey
    turn: Annotated[float, Field(ge=0, le=45)]  # augmentation: largest rotation, degrees
    zoom: Annotated[float, Field(ge=0, le=0.5)]  # largest change of scale, share
    shear: Annotated[float, Field(ge=0, le=0.5)]  # largest shear
    shift: Annotated[float, Field(ge=0, le=0.25)]  # largest shift, share of the side


def fit(settings: Settings, captions: Iterable[str], folder: Path) -> Settings:
    """Pictures need nothing learned."""
    return settings


restore = fit  # what `fit` gave, read back in a later stage


def read(payload: bytes, settings: Settings) -> np.ndarray:
    """A picture file as a centred (S, S, C) uint8 picture. Raises ValueError when it can't be decoded.

    Of several pictures in a file the first counts. Pillow's own words are not repeated: some name an address in
    memory, and reasons are a tracked output.
    """
    kind: str | None = "unknown kind"
    try:
        with warnings.catch_warnings():  # of many pixels Pillow warns, of twice as many it raises
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(payload)) as file:
                kind = file.format
                file.draft(None, (2 * settings.size, 2 * settings.size))  # a JPEG is not decoded in full for nothing
                picture = ImageOps.exif_transpose(file)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ValueError("expected a picture, got more pixels than Pillow decodes; scale it down") from error
    except BROKEN as error:
        raise ValueError(f"expected a picture, got {len(payload)} bytes of {kind} that do not decode") from error
    picture = centre(on_paper(picture), settings.size)
    return levels_of(picture if settings.colour else picture.convert("L"))


def on_paper(picture: Image.Image) -> Image.Image:
    """Any kind of picture as RGB: white paper behind what is transparent, 16-bit levels as 8-bit ones."""
    if picture.mode[0] in "IF":  # I;16 and its kin; Pillow reads a 16-bit PGM as I, which has room for 32
        levels = np.asarray(picture)
        if picture.mode == "F" or levels.min() < 0 or levels.max() > DEEPEST:
            raise ValueError("expected a picture, got one of 32 bits a level; convert it to 8 or 16")
        picture = Image.fromarray((levels * (255 / DEEPEST)).round().astype(np.uint8))
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture)
    return picture.convert("RGB")


def centre(picture: Image.Image, size: int) -> Image.Image:
    """Scale the picture to the working size, then set what differs from its corner in the middle of a square.

    A picture that has the working size and fits is only moved, so cleaning twice changes nothing more.
    """
    scale = size / max(picture.size)
    if scale != 1:
        shape = [max(1, round(scale * length)) for length in picture.size]
        picture = picture.resize((shape[0], shape[1]), Image.Resampling.LANCZOS)
    paper = picture.getpixel((0, 0))
    assert isinstance(paper, tuple)
    change = ImageChops.difference(picture, Image.new("RGB", picture.size, paper)).convert("L")
    content = picture.crop(change.point(lambda level: 255 * (level > TOLERANCE)).getbbox() or (0, 0, *picture.size))
    square = Image.new("RGB", (size, size), paper)
    square.paste(content, ((size - content.width) // 2, (size - content.height) // 2))
    return square


def augment(picture: np.ndarray, settings: Settings, rng: np.random.Generator) -> np.ndarray:
    """A small affine move about the middle."""
    return moved(picture, affine(settings, rng))


def affine(settings: Settings, rng: np.random.Generator) -> tuple[float, ...]:
    """Where each pixel of a moved picture looks in the old one, as Pillow wants it: six numbers."""
    turn = np.deg2rad(rng.uniform(-settings.turn, settings.turn))
    zoom_x, zoom_y = np.exp(rng.uniform(-settings.zoom, settings.zoom, 2))
    shear = rng.uniform(-settings.shear, settings.shear)
    shift = rng.uniform(-settings.shift, settings.shift, 2) * settings.size
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    matrix = rotation @ np.array([[zoom_x, shear], [0, zoom_y]])
    middle = np.full(2, (settings.size - 1) / 2)
    offset = middle - matrix @ middle + shift
    return (*matrix[0], offset[0], *matrix[1], offset[1])


def moved(picture: np.ndarray, move: tuple[float, ...]) -> np.ndarray:
    """(S, S, C) uint8 under a move; what moves in takes the colour of the corner."""
    page = picture_of(picture)
    found = page.transform(
        page.size, Image.Transform.AFFINE, move, Image.Resampling.BICUBIC, fillcolor=page.getpixel((0, 0))
    )
    return levels_of(found)


def tensor(picture: np.ndarray, settings: Settings) -> np.ndarray:
    """The picture is its tensor: (S, S, C) uint8."""
    return picture


def blank(settings: Settings) -> np.ndarray:
    """What stands where a sample has no picture."""
    return np.zeros((settings.size, settings.size, 3 if settings.colour else 1), np.uint8)


def write(picture: np.ndarray, settings: Settings) -> bytes:
    """(S, S, C) uint8 as PNG bytes."""
    buffer = io.BytesIO()
    picture_of(picture).save(buffer, "PNG")
    return buffer.getvalue()


def picture_of(levels: np.ndarray) -> Image.Image:
    """(S, S, C) uint8 as Pillow has it: grey without an axis for it."""
    return Image.fromarray(levels[..., 0] if levels.shape[-1] == 1 else levels)


def levels_of(picture: Image.Image) -> np.ndarray:
    """The way back."""
    return np.asarray(picture).reshape(*picture.size[::-1], -1)


def shown(payload: bytes, light: bool) -> tuple[str, bytes]:
    """What a browser shows of a file, and its media type: as it is, or `light`, as WebP where that is smaller.

    What can't be read, such as a broken one among what was given, stays as it is.
    """
    if light:
        try:
            with Image.open(io.BytesIO(payload)) as file:
                picture = on_paper(ImageOps.exif_transpose(file))
        except BROKEN:
            return "image/png", payload
        picture.thumbnail((SIDE, SIDE))
        buffer = io.BytesIO()
        picture.save(buffer, "WEBP", quality=QUALITY)
        if buffer.tell() < len(payload):
            return "image/webp", buffer.getvalue()
    return "image/png", payload
