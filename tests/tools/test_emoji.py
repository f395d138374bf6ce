"""`make emoji`: a table and a sheet of the latest run of the preset, and only of that."""

import io
from pathlib import Path

import pandas as pd
import pytest
import yaml
from PIL import Image

from stages.common.params import read_yaml
from tests.clones import ROOT, run, succeed
from tests.data.sources.test_emoji_font import needs_font
from tests.toy import commit, copied
from tools.emoji import ACROSS, GAP, HEAD, PAPER, SIDE, sheet


def png(colour: tuple[int, int, int]) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (28, 28), colour).save(buffer, "PNG")
    return buffer.getvalue()


def test_a_sheet_has_a_block_beside_the_other_and_leaves_room_for_what_is_not_there() -> None:
    with Image.open(io.BytesIO(sheet(([png((255, 0, 0))], [png((0, 255, 0))] * ACROSS**2, [])))) as made:
        wide = ACROSS * SIDE + GAP
        assert made.size == (3 * wide - GAP, HEAD + ACROSS * SIDE)
        shown = [made.getpixel((number * wide + SIDE // 2, HEAD + SIDE // 2)) for number in range(3)]
        assert shown == [(255, 0, 0), (0, 255, 0), PAPER]
        assert made.getpixel((made.width - 1, made.height - 1)) == PAPER


def test_without_a_run_it_is_one_line(mine: Path) -> None:
    refused = run(mine, "python", "-m", "tools.emoji")
    assert refused.returncode == 2
    assert refused.stderr == "emoji: expected an experiment with the preset emoji, got none; make emoji\n"


@pytest.mark.proof
@pytest.mark.slow
@needs_font
def test_an_experiment_becomes_a_table_and_a_sheet(built: Path, tmp_path: Path) -> None:
    """With the tiny parameters: of the preset the source alone is kept."""
    folder = copied(built, tmp_path / "clone")
    preset = {"acquire": read_yaml(ROOT / "tools/presets/emoji.yaml")["acquire"]}
    (folder / "tools/presets/emoji.yaml").write_text(yaml.safe_dump(preset), encoding="utf-8")
    commit(folder, "Small preset")
    told = succeed(folder, "python", "-m", "tools.preset", "emoji").split()
    succeed(folder, "dvc", "exp", "run", "--quiet", "--temp", *told)
    succeed(folder, "python", "-m", "tools.emoji")
    measured = set(pd.read_csv(folder / "metrics/emoji.csv")["metric"])
    assert {"coherence.joint", "held_out.combination.text_to_image", "held_out.base.image_to_text"} <= measured
    with Image.open(folder / "metrics/emoji.png") as made:
        assert made.size == (3 * (ACROSS * SIDE + GAP) - GAP, HEAD + ACROSS * SIDE)
        assert len(made.convert("RGB").getcolors(2**20) or []) > 100
