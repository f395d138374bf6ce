"""A sheet of what a recipe makes, to look at: for some directions the first test samples, given, made and true.

None is chosen. A clip is drawn as its spectrum, a video as some of its frames, a volume from one side, a molecule as
its formula; words stand as they are.
"""

import io
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from textwrap import wrap
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import get_data_path
from PIL import Image, ImageDraw, ImageFont

from stages.common.files import read_json
from stages.common.modality import Modality, suffix_of
from stages.common.modality_subsets import subset_name
from stages.common.shards import read_shard
from stages.data.kinds import image, video, volume
from stages.data.kinds.extra import library
from stages.data.kinds.modalities import MODALITIES, restore
from stages.data.kinds.molecule import chem, molecule
from tools.experiments import fetch, held

SAMPLES, FRAMES = 6, 4  # of a direction, and shown of a video
SIDE, GAP, LINE, WIDTH = 72, 10, 13, 900  # pixels
LETTERS = 22  # a line of words
INK, QUIET, PAPER = (40, 40, 40), (130, 130, 130), (255, 255, 255)


def sheet(rev: str, directions: Sequence[Sequence[str]], hidden: Sequence[str] = ()) -> bytes:
    """A PNG of an experiment; a direction is what is observed, () for what is made from nothing."""
    with TemporaryDirectory() as place:
        folder = Path(place)
        fetch(rev, ["data/fuse/fusion.json", "data/acquire/index.csv"], folder)
        card = read_json(folder / "fusion.json")
        pairs = zip(card["modalities"], card["kinds"], strict=True)
        names = [Modality(*pair) for pair in pairs if pair[0] not in hidden]
        learned = held(rev, [f"data/preprocess/{name}" for name in names])  # not every kind learns anything of its data
        fetch(rev, ["data/preprocess/settings.json", *learned], folder)
        fitted = restore(names, folder)
        blocks = [block(rev, observed, names, fitted, folder) for observed in directions]
    buffer = io.BytesIO()
    arranged(blocks).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def arranged(blocks: Sequence[Image.Image]) -> Image.Image:
    """Directions from left to right as long as the page is wide enough, then below."""
    rows: list[list[Image.Image]] = []
    for one in blocks:
        if rows and sum(other.width for other in [*rows[-1], one]) <= WIDTH:
            rows[-1].append(one)
        else:
            rows.append([one])
    return stacked([beside(row, [one.width for one in row], high=True) for row in rows], GAP * 2)


def block(rev: str, observed: Sequence[str], names: Sequence[Modality], fitted: Any, folder: Path) -> Image.Image:
    """The first samples of one direction, a row each: what was given, what was made of it, and what is true."""
    tar = subset_name([name for name in names if name in observed])
    fetch(rev, [f"data/generate/{tar}.tar"], folder)
    made = dict(list(read_shard(folder / f"{tar}.tar"))[:SAMPLES])
    rest = [name for name in names if name not in observed]
    real = raw(rev, list(made), folder) if observed else {}
    columns = [("given", name) for name in names if name in observed] + [("made", name) for name in rest]
    columns += [("true", name) for name in rest] if observed else []
    rows = [[words(f"{side} {name}", QUIET) for side, name in columns]]
    for key, files in made.items():
        sides = {"given": real.get(key, {}), "made": files, "true": real.get(key, {})}
        rows.append([drawn(name, sides[side].get(suffix_of(name)), fitted[name]) for side, name in columns])
    widths = [max(row[column].width for row in rows) for column in range(len(columns))]
    return stacked([beside(row, widths) for row in rows], GAP // 2)


def raw(rev: str, keys: Sequence[str], folder: Path) -> dict[str, dict[str, bytes]]:
    """The real files of some samples."""
    index = pd.read_csv(folder / "index.csv", dtype=str).set_index("id")
    shards = sorted(set(index.loc[list(keys), "shard"]))
    fetch(rev, [f"data/acquire/{shard}" for shard in shards], folder)
    return {key: files for shard in shards for key, files in read_shard(folder / shard) if key in keys}


def drawn(name: Modality, payload: bytes | None, fitted: Any) -> Image.Image:
    """One item."""
    module = MODALITIES[name.kind]
    if payload is None:
        return words("(none)", QUIET)
    if name.kind == "molecule":
        return formula(payload)
    if not hasattr(module, "shown"):
        return words(payload.decode("utf-8", "replace").strip() or "(empty)", INK)
    try:
        return look(name, module.tensor(module.read(payload, fitted), fitted), fitted)
    except ValueError:
        return words("(unreadable)", QUIET)


def formula(smiles: bytes) -> Image.Image:
    """A drawing of a molecule; of what is none, an empty one."""
    found = molecule(smiles.decode("utf-8", "replace").strip().partition(" ")[0])
    return library("rdkit.Chem.Draw", "molecule").MolToImage(found or chem().Mol(), size=(2 * SIDE, 2 * SIDE))


def look(name: Modality, tensor: np.ndarray, fitted: Any) -> Image.Image:
    """A picture of an item by its kind."""
    if name.kind == "video":
        frames = video.frames_of(tensor, fitted)
        picked = frames[np.linspace(0, len(frames) - 1, FRAMES).astype(int)]
        return beside([square(image.picture_of(frame)) for frame in picked], [SIDE] * FRAMES, gap=2)
    if name.kind == "volume":
        return square(Image.fromarray(next(volume.views(tensor > 0))))
    if name.kind == "audio":
        return square(Image.fromarray(255 - tensor[::-1]))
    return square(image.picture_of(tensor))


def square(picture: Image.Image) -> Image.Image:
    return picture.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BICUBIC)


def words(text: str, colour: tuple[int, int, int]) -> Image.Image:
    """Words on several lines."""
    lines = wrap(text, LETTERS)[: SIDE // LINE + 1] or [""]
    font = ImageFont.truetype(get_data_path() + "/fonts/ttf/DejaVuSans.ttf", 11)
    page = Image.new("RGB", (max(24, *(int(font.getlength(line)) + 2 for line in lines)), LINE * len(lines) + 2), PAPER)
    ImageDraw.Draw(page).multiline_text((0, 0), "\n".join(lines), fill=colour, font=font, spacing=1)
    return page


def beside(
    pictures: Sequence[Image.Image], widths: Sequence[int], gap: int = GAP, *, high: bool = False
) -> Image.Image:
    """In one row, each in a column of its width, in the middle of its height or `high` in it."""
    page = Image.new("RGB", (sum(widths) + gap * (len(widths) - 1), max(one.height for one in pictures)), PAPER)
    for number, one in enumerate(pictures):
        page.paste(one, (sum(widths[:number]) + gap * number, 0 if high else (page.height - one.height) // 2))
    return page


def stacked(pictures: Sequence[Image.Image], gap: int) -> Image.Image:
    """One below the other."""
    height = sum(one.height for one in pictures) + gap * (len(pictures) + 1)
    page, top = Image.new("RGB", (max(one.width for one in pictures) + 2 * GAP, height), PAPER), gap
    for one in pictures:
        page.paste(one, (GAP, top))
        top += one.height + gap
    return page
