"""The leaderboard: only runs of one budget, each counted from what it left, the best first."""

import io
import shutil
from pathlib import Path

import pandas as pd
import pytest
from PIL import Image

from tests.clones import run, succeed
from tools.leaderboard import FIGURES, same, takes_part

BUDGET = {"fuse.steps": "30", "train.whole.steps": "30"}
RUN = {"Experiment": "a", "State": "Success", "coherence.joint": 0.5, "fuse.steps": 30, "train.whole.steps": 30.0}
TINY = "fuse:\n  steps: 30\ntrain:\n  whole:\n    steps: 30\n"


@pytest.mark.parametrize(
    ("change", "wanted"),
    [
        ({}, True),
        ({"State": None}, True),
        ({"State": "Failed"}, False),
        ({"Experiment": None}, False),
        ({"coherence.joint": None}, False),
        ({"fuse.steps": 31}, False),
        ({"train.whole.steps": None}, False),
    ],
    ids=str,
)
def test_who_takes_part(change: dict[str, object], wanted: bool) -> None:
    assert takes_part(RUN | change, BUDGET) is wanted


def test_a_value_is_the_same_however_it_is_written() -> None:
    assert same(2e-4, "0.0002") and same(3, "3.0") and same("gan", "gan")
    assert not same("gan", "vae") and not same(None, "3") and not same(3, "gan")


@pytest.mark.slow
def test_runs_become_a_table_and_a_picture(built: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(built, tmp_path / "clone", symlinks=True)
    (folder / "tools/presets/grid.yaml").write_text(TINY, encoding="utf-8")
    who = ("-c", "user.name=test", "-c", "user.email=test@localhost")
    succeed(folder, "git", *who, "commit", "--quiet", "--all", "--message", "A tiny budget")
    refused = run(folder, "python", "-m", "tools.leaderboard")
    assert refused.returncode == 2 and "got none; run `make grid`" in refused.stderr
    budget = succeed(folder, "python", "-m", "tools.preset", "grid").split()
    succeed(folder, "dvc", "exp", "run", "--quiet", *budget, "-S", "fuse.method=matrix", "-S", "train.model=vae")
    succeed(folder, "dvc", "exp", "run", "--quiet", *budget, "-S", "fuse.method=concat", "-S", "train.model=vae")
    succeed(folder, "dvc", "exp", "run", "--quiet", *budget, "-S", "fuse.steps=20")
    succeed(folder, "python", "-m", "tools.leaderboard")
    table = pd.read_csv(folder / "metrics/leaderboard.csv").set_index("fuse.method")
    assert set(table.index) == {"matrix", "concat"} and set(table["train.model"]) == {"vae"}
    assert table["coherence.joint"].is_monotonic_decreasing and (table["seed"] == 7).all()
    assert all(any(str(column).startswith(figure) for column in table) for figure in FIGURES)
    steps = table["training steps"].to_dict()
    assert steps["concat"] == steps["matrix"] + 30, "a closed form takes no steps"
    assert (table["parameters"] > 1000).all()
    with Image.open(io.BytesIO((folder / "metrics/leaderboard.png").read_bytes())) as picture:
        assert picture.width > 600
