"""`make article`: what the article's own examples measured and the digits they make, from the experiments that ran.

The picture shows, under each digit, the first samples that the judge of that experiment reads as it; none is chosen.
"""

import io
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

import dvc.api
import pandas as pd
from PIL import Image, ImageDraw, ImageFont

from stages.common.files import replace, write_table
from stages.common.modality import suffix_of
from stages.common.shards import read_shard
from stages.data.kinds.generated_to_tensors import tensors
from stages.data.kinds.modalities import restore
from stages.evaluation.judges.loading import load_judges
from stages.evaluation.metrics.judge_inference import classified
from tools.experiments import experiments, fetch, follows
from tools.refusal import one_line

NAMES = {"article_gan": "GAN", "article_vae": "VAE"}  # presets
LABEL = "digit"
FIGURES = ("classes", "confidence", "coverage", "density", "fidelity")
OUT = Path("metrics")
ROWS, SIDE, MARGIN = 4, 56, 48  # pictures a digit and experiment; side and left margin, pixels
INK, PAPER = 60, 255


def main() -> None:
    """Write metrics/article.csv and metrics/article.png."""
    with one_line("article"):
        commit, runs = experiments("coverage.image")
        made = {name: run["rev"] for run in runs for name in NAMES if follows(run, commit, name)}  # the latest of each
        if missing := [name for name in NAMES if name not in made]:
            raise ValueError(f"expected an experiment with the preset {missing[0]}, got none; make article")
        table = pd.concat([figures(name, made[name]) for name in NAMES])
        sheets = {title: samples(made[name]) for name, title in NAMES.items()}
        write_table(OUT / "article.csv", table)
        replace(OUT / "article.png", picture(sheets))
    print(table.to_string(index=False))


def figures(name: str, rev: str) -> pd.DataFrame:
    """The rows of an experiment's table that are about its pictures as such."""
    table = pd.read_csv(io.StringIO(dvc.api.read("metrics/table.csv", rev=rev)))
    kept = table[table["metric"].isin([f"{figure}.image" for figure in FIGURES])]
    kept.insert(0, "preset", name)
    return kept


def samples(rev: str) -> dict[str, list[bytes]]:
    """The first pictures (PNG) that an experiment made of each digit."""
    with TemporaryDirectory() as folder:
        kept = Path(folder)
        fetch(rev, ["data/judge", "data/generate/nothing.tar", "data/preprocess/settings.json"], kept)
        pictures = [files[suffix_of("image")] for _, files in read_shard(kept / "nothing.tar")]
        shown = tensors("image", pictures, restore(["image"], kept)["image"])
        judges = load_judges(kept / "judge", ["image"])
    said = classified("image", shown, judges, LABEL).labels[LABEL]
    known = judges.classifiers["image"].values[LABEL]
    return {value: list(islice(named(pictures, said, value), ROWS)) for value in known}


def named(pictures: list[bytes], said: Iterable[str], value: str) -> Iterator[bytes]:
    """Those of the pictures that are said to be `value`."""
    return (picture for picture, label in zip(pictures, said, strict=True) if label == value)


def picture(sheets: dict[str, dict[str, list[bytes]]]) -> bytes:
    """A PNG: a column a digit, `ROWS` rows an experiment."""
    columns = max(len(sheet) for sheet in sheets.values())
    whole = Image.new("L", (MARGIN + columns * SIDE, len(sheets) * ROWS * SIDE), PAPER)
    draw, font = ImageDraw.Draw(whole), ImageFont.load_default(13)
    for block, (title, sheet) in enumerate(sheets.items()):
        draw.text((4, (block + 0.5) * ROWS * SIDE), title, fill=INK, font=font, anchor="lm")
        for column, pictures in enumerate(sheet.values()):
            for row, payload in enumerate(pictures):
                with Image.open(io.BytesIO(payload)) as sample:
                    enlarged = sample.convert("L").resize((SIDE - 2, SIDE - 2), Image.Resampling.NEAREST)
                whole.paste(enlarged, (MARGIN + column * SIDE, (block * ROWS + row) * SIDE))
    buffer = io.BytesIO()
    whole.save(buffer, "PNG")
    return buffer.getvalue()


if __name__ == "__main__":
    main()
