"""`make emoji`: what the preset `emoji` measured, and a sheet to look at, from the latest experiment that ran it.

The sheet has three blocks: emoji of the test split, what the models draw from their names, in the same order, and what
they draw from nothing. They are the first ones of each; none is chosen.
"""

import io
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

import dvc.api
import pandas as pd
from PIL import Image, ImageDraw, ImageFont

from stages.common.files import replace, write_table
from stages.common.modality import suffix_of
from stages.common.shards import read_shard
from tools.experiments import fetch, latest
from tools.refusal import one_line

PRESET, MEASURED = "emoji", "coverage.image"  # the latter: a figure that every run of it has
OUT = Path("metrics")
ACROSS, SIDE, GAP, HEAD = 8, 64, 24, 28  # pictures in a row and in a column of a block; pixels
TITLES = ("drawn by the font", "made from their names", "made from nothing")
INK, PAPER = (60, 60, 60), (255, 255, 255)


def main() -> None:
    """Write metrics/emoji.csv and metrics/emoji.png."""
    with one_line("emoji"):
        rev = latest(PRESET, MEASURED, "make emoji")
        table = pd.read_csv(io.StringIO(dvc.api.read("metrics/table.csv", rev=rev)))
        blocks = pictures(rev)
        write_table(OUT / "emoji.csv", table)
        replace(OUT / "emoji.png", sheet(blocks))
    print(table.to_string(index=False))


def pictures(rev: str) -> tuple[list[bytes], ...]:
    """The PNGs of the three blocks, of an experiment; each emoji once, though several samples show it."""
    image, most = suffix_of("image"), ACROSS**2
    with TemporaryDirectory() as name:
        folder = Path(name)
        fetch(rev, ["data/acquire/index.csv", "data/generate/text.tar", "data/generate/nothing.tar"], folder)
        index = pd.read_csv(folder / "index.csv", dtype=str).drop_duplicates("emoji").set_index("id")
        made = {key: files[image] for key, files in read_shard(folder / "text.tar", only=[image]) if key in index.index}
        keys = list(made)[:most]
        shards = sorted(index.loc[keys, "shard"].unique())
        fetch(rev, [f"data/acquire/{shard}" for shard in shards], folder)
        drawn = {key: files[image] for shard in shards for key, files in read_shard(folder / shard, only=[image])}
        nothing = [files[image] for _, files in islice(read_shard(folder / "nothing.tar", only=[image]), most)]
    return [drawn[key] for key in keys], [made[key] for key in keys], nothing


def sheet(blocks: tuple[list[bytes], ...]) -> bytes:
    """A PNG: the blocks beside each other, each below its title."""
    wide = ACROSS * SIDE + GAP
    whole = Image.new("RGB", (len(blocks) * wide - GAP, HEAD + ACROSS * SIDE), PAPER)
    draw, font = ImageDraw.Draw(whole), ImageFont.load_default(15)
    for number, (title, payloads) in enumerate(zip(TITLES, blocks, strict=True)):
        draw.text((number * wide + 4, HEAD // 2), title, fill=INK, font=font, anchor="lm")
        for place, payload in enumerate(payloads):
            row, column = divmod(place, ACROSS)
            with Image.open(io.BytesIO(payload)) as picture:
                shown = picture.convert("RGB").resize((SIDE, SIDE), Image.Resampling.LANCZOS)
            whole.paste(shown, (number * wide + column * SIDE, HEAD + row * SIDE))
    buffer = io.BytesIO()
    whole.save(buffer, "PNG")
    return buffer.getvalue()


if __name__ == "__main__":
    main()
