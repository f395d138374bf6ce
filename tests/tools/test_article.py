"""`make article`: both examples of the article, from the experiments that ran them, and only from those."""

import io
from pathlib import Path

import pandas as pd
import pytest
import yaml
from PIL import Image

from stages.common.params import read_yaml
from tests.clones import ROOT, run, succeed
from tests.toy import commit, copied
from tools.article import FIGURES, MARGIN, NAMES, ROWS, SIDE, picture

SMALL = {"steps": 30, "hidden": 8, "batch": 16}


def test_the_picture_has_a_column_a_digit_and_leaves_room_for_what_was_not_made() -> None:
    buffer = io.BytesIO()
    Image.new("L", (28, 28), 0).save(buffer, "PNG")
    sheet = {"0": [buffer.getvalue()] * ROWS, "1": [], "2": [buffer.getvalue()]}
    with Image.open(io.BytesIO(picture({"GAN": sheet, "VAE": sheet}))) as made:
        assert made.size == (MARGIN + 3 * SIDE, 2 * ROWS * SIDE)
        dark = [made.getpixel((MARGIN + column * SIDE + SIDE // 2, SIDE // 2)) == 0 for column in range(3)]
    assert dark == [True, False, True]


@pytest.mark.proof
@pytest.mark.slow
def test_experiments_become_a_table_and_a_picture(built: Path, tmp_path: Path) -> None:
    folder = copied(built, tmp_path / "clone")
    for name in NAMES:
        preset = read_yaml(ROOT / f"tools/presets/{name}.yaml")
        preset["train"]["decoders"] |= SMALL
        preset["generate"] |= {"samples": 30}
        (folder / f"tools/presets/{name}.yaml").write_text(yaml.safe_dump(preset), encoding="utf-8")
    commit(folder, "Small presets")
    refused = run(folder, "python", "-m", "tools.article")
    assert refused.returncode == 2 and "with the preset article_gan, got none; make article" in refused.stderr
    for name in NAMES:
        told = succeed(folder, "python", "-m", "tools.preset", name).split()
        succeed(folder, "dvc", "exp", "run", "--quiet", "--temp", *told)
    succeed(folder, "python", "-m", "tools.article")
    table = pd.read_csv(folder / "metrics/article.csv")
    wanted = {(name, f"{figure}.image") for name in NAMES for figure in FIGURES}
    assert set(zip(table["preset"], table["metric"], strict=True)) == wanted
    assert table[["value", "floor", "ceiling"]].notna().all().all()
    with Image.open(folder / "metrics/article.png") as made:
        assert made.size == (MARGIN + 10 * SIDE, 2 * ROWS * SIDE)
