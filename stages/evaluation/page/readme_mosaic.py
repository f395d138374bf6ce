"""The picture at the top of the README: samples made from nothing, each with the caption made with it."""

import io
import textwrap
from collections.abc import Sequence
from itertools import islice

from PIL import Image, ImageDraw, ImageFont

from stages.common.modality import kind_of, suffix_of
from stages.common.shards import read_shard
from stages.evaluation.page.examples import SAMPLES

COLUMNS, ROWS = 6, 3
SIDE, WIDTH, HEIGHT = 112, 176, 196  # of a picture, of a cell; pixels
LINE, LETTERS = 15, 25  # height of a line and letters in it
INK, PAPER = (60, 60, 60), (255, 255, 255)


def mosaic(names: Sequence[str]) -> bytes:
    """A PNG of the first samples made from nothing, the first picture of each and the first caption; their order is
    chance already."""
    shown = {kind: next((suffix_of(name) for name in names if kind_of(name) == kind), "") for kind in ("image", "text")}
    samples = [files for _, files in islice(read_shard(SAMPLES / "nothing.tar"), COLUMNS * ROWS)]
    sheet = Image.new("RGB", (COLUMNS * WIDTH, -(-len(samples) // COLUMNS) * HEIGHT), PAPER)
    for place, files in enumerate(samples):
        row, column = divmod(place, COLUMNS)
        paint(sheet, files.get(shown["image"]), files.get(shown["text"], b""), column * WIDTH, row * HEIGHT)
    buffer = io.BytesIO()
    sheet.save(buffer, "PNG")
    return buffer.getvalue()


def paint(sheet: Image.Image, payload: bytes | None, caption: bytes, left: int, top: int) -> None:
    """One sample: its picture, if it has one, above its caption."""
    middle = left + WIDTH // 2
    if payload is not None:
        with Image.open(io.BytesIO(payload)) as picture:
            enlarged = picture.resize((SIDE, SIDE), Image.Resampling.NEAREST)
        sheet.paste(enlarged, (middle - SIDE // 2, top + 8))
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(12)
    for number, line in enumerate(lines(caption)):
        draw.text((middle, top + SIDE + 16 + number * LINE), line, fill=INK, font=font, anchor="ma")


def lines(caption: bytes) -> Sequence[str]:
    """At most four lines of a caption."""
    return textwrap.wrap(caption.decode("utf-8", "replace"), LETTERS, max_lines=4, placeholder=" ...")
