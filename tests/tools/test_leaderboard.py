"""The leaderboard: only runs of one budget, each counted from what it left, the best first."""

import io
import re
import shutil
from functools import partial
from pathlib import Path

import pandas as pd
import pytest
from PIL import Image

from stages.common.params import read_yaml
from tests.clones import ROOT, succeed
from tools.experiments import finished
from tools.leaderboard import budget
from tools.older import FIGURES, otherwise, seed_spread
from tools.preset import PRESETS, settings

COMMIT = {
    key: float(value) if re.fullmatch(r"[0-9.]+", value) else value
    for key, value in settings(read_yaml(ROOT / "params.yaml"))
}
GRID = {key: float(value) for key, value in settings(read_yaml(PRESETS / "grid.yaml"))}
TINY = "fuse:\n  steps: 30\ntrain:\n  prior:\n    steps: 30\n"


@pytest.mark.parametrize(
    ("change", "wanted"),
    [
        ({}, "default"),
        ({"fuse.method": "gated", "run.seed": 2.0}, "default"),
        (GRID, "grid"),
        (GRID | {"fuse.method": "gated", "run.seed": 2.0}, "grid"),
        ({"fuse.steps": GRID["fuse.steps"]}, None),
        ({"fuse.noise": 0.1}, None),
        (GRID | {"fuse.noise": 0.1}, None),
        ({"train.prior.steps": None}, None),
    ],
    ids=str,
)
def test_a_run_has_a_budget_or_takes_no_part(change: dict[str, object], wanted: str | None) -> None:
    assert budget(COMMIT | change, COMMIT) == wanted


def test_only_what_has_ended_counts() -> None:
    ended = partial(finished, figure="coherence.joint")
    assert ended({"State": "Success", "coherence.joint": 0.5}) and ended({"State": None, "coherence.joint": 0.5})
    assert not ended({"State": "Failed", "coherence.joint": 0.5})
    assert not ended({"State": "Running", "coherence.joint": None})
    assert not ended({"State": None, "coherence.joint": "!"})


def methods(**moved: float) -> list[dict[str, object]]:
    """Rows of one method with three seeds, whose figures chance moves by .01; then the first again, `moved`."""
    names: dict[str, object] = {"fuse.method": "gated", "train.model": "vae", "budget": "grid", "commit": "abcdef0"}
    figures = ("coherence.joint", "coverage.image")
    values = {seed: dict.fromkeys(figures, 0.5 + 0.01 * seed) for seed in (1, 2, 3)}
    rows = [names | {"seed": seed} | told for seed, told in values.items()]
    return [*rows, rows[0] | {name: values[1][name] + by for name, by in moved.items()}]


@pytest.mark.parametrize(("by", "said"), [(0.029, ""), (-0.031, "coherence.joint was 0.510 and is 0.479")])
def test_a_row_that_ran_again_may_be_off_by_what_seeds_are(by: float, said: str) -> None:
    *rows, now = methods(**{"coherence.joint": by})
    assert otherwise(rows[0], [now], seed_spread(rows)) == said
    with pytest.raises(ValueError, match=r"^--check: expected a method with 3 seeds, .* got none; make grid$"):
        seed_spread(rows[:2])


@pytest.mark.proof
@pytest.mark.slow
def test_runs_become_a_table_and_a_picture(built: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(built, tmp_path / "clone", symlinks=True)
    (folder / "tools/presets/grid.yaml").write_text(TINY, encoding="utf-8")
    who = ("-c", "user.name=test", "-c", "user.email=test@localhost")
    (folder / "metrics/leaderboard.csv").unlink()  # its rows would stay
    succeed(folder, "git", "add", "dvc.lock")  # the commit takes part too, so it must know its outputs
    succeed(folder, "git", *who, "commit", "--quiet", "--all", "--message", "A tiny budget")
    preset = succeed(folder, "python", "-m", "tools.preset", "grid").split()
    succeed(folder, "dvc", "exp", "run", "--quiet", *preset, "-S", "fuse.method=matrix", "-S", "train.model=vae")
    succeed(folder, "dvc", "exp", "run", "--quiet", *preset, "-S", "fuse.method=concat", "-S", "train.model=vae")
    succeed(folder, "dvc", "exp", "run", "--quiet", *preset, "-S", "fuse.steps=20")
    succeed(folder, "python", "-m", "tools.leaderboard")
    table = pd.read_csv(folder / "metrics/leaderboard.csv").set_index("fuse.method")
    assert table["budget"].to_dict() == {"matrix": "grid", "concat": "grid", "attention": "default"}
    assert table["coherence.joint"].is_monotonic_decreasing and (table["seed"] == 7).all()
    assert all(any(str(column).startswith(figure) for column in table) for figure in FIGURES)
    steps = table["training steps"].to_dict()
    assert steps["concat"] == steps["matrix"] + 30, "a closed form takes no steps"
    assert (table["parameters"] > 1000).all()
    with Image.open(io.BytesIO((folder / "metrics/leaderboard.png").read_bytes())) as picture:
        assert picture.width > 600
    succeed(folder, "git", "add", "metrics/leaderboard.csv", "metrics/leaderboard.png")
    succeed(folder, "git", *who, "commit", "--quiet", "--message", "A leaderboard")
    again = succeed(folder, "python", "-m", "tools.leaderboard")  # the experiments belong to another commit now
    same = pd.read_csv(folder / "metrics/leaderboard.csv").set_index("fuse.method").drop(columns="commit")
    assert again.count("grid") == 2 and same.equals(table.drop(columns="commit"))
    assert table["commit"].str.fullmatch("[0-9a-f]{7}").all()
    other = (
        ("stages/fusion/fuse.py", "# one\n", False),
        ("stages/generation/models/convolution.py", "ONE = 1\n", False),
    )
    for path, code, older in (*other, ("stages/fusion/fuse.py", "ONE = 1\n", True)):
        with (folder / path).open("a", encoding="utf-8") as file:
            file.write(code)
        succeed(folder, "git", *who, "commit", "--quiet", "--message", "Another network", path)
        said, first = succeed(folder, "python", "-m", "tools.leaderboard"), table["commit"]["matrix"]
        assert (f"rows of {first} are of older code: {path} has changed since" in said) == older
        kept = pd.read_csv(folder / "metrics/leaderboard.csv").set_index("fuse.method")
        assert (kept["commit"][["matrix", "concat"]] == first).all(), "measured then, and said to be"
        assert kept["coherence.joint"].to_dict() == table["coherence.joint"].to_dict()
    wrong = kept.loc[["matrix"] * 3].assign(seed=[7, 8, 9])
    wrong["coherence.joint"] += [0.2, 0.199, 0.201]  # as if that code had measured otherwise
    pd.concat([kept.loc[["attention"]], wrong]).to_csv(folder / "metrics/leaderboard.csv")
    succeed(folder, "git", *who, "commit", "--quiet", "--all", "--message", "Three seeds")
    said = succeed(folder, "python", "-m", "tools.leaderboard", "--check")
    assert "grid matrix vae 7 runs again" in said and f"rows of {first} are gone: coherence.joint was" in said
    kept = pd.read_csv(folder / "metrics/leaderboard.csv").set_index("fuse.method")
    assert kept["coherence.joint"]["matrix"] == table["coherence.joint"]["matrix"] and (kept["seed"] == 7).all()
