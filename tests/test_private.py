"""The whole way under privacy: the bound on all models stands in the card and on the page, attacks in the table."""

import json
import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from safetensors.numpy import load_file

from stages.common.params import read_yaml
from stages.learning.privacy import KEY, Mechanism, epsilon_of
from tests.clones import ALONE, run, succeed

pytestmark = [pytest.mark.slow, pytest.mark.proof]

BOUND = {"epsilon": 5.0, "delta": 0.001, "clip": 1.0, "unit": "picture"}
NAMES = ("image", "text", "audio")


def change(folder: Path, **sections: Any) -> None:
    """Of params.yaml: privacy of these sections, or of all codecs."""
    params = read_yaml(folder / "params.yaml")
    for name, value in sections.items():
        for section in [params["extract"][kind] for kind in NAMES] if name == "extract" else [params[name]]:
            section |= value
    (folder / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False), encoding="utf-8")


def card(folder: Path, path: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "data" / path).read_text(encoding="utf-8"))
    return found


def weights(folder: Path) -> dict[str, bytes]:
    files = sorted((folder / "data").rglob("*.safetensors"))
    return {f"{file}{name}": value.tobytes() for file in files for name, value in load_file(file).items()}


def test_a_bound_is_kept_on_the_whole_way_and_told(mine: Path) -> None:
    attacks = {"shadows": 4, "audited": 8, "draws": 2, "unit": "picture"}
    private = {"privacy": BOUND}
    change(mine, extract=private, fuse=private, train=private, evaluate={"attacks": attacks})
    succeed(mine, *ALONE, "dvc", "repro")
    cards = [*(card(mine, f"extract/{name}/codec.json") for name in NAMES), card(mine, "fuse/fusion.json")]
    own = card(mine, "train/generator.json")["privacy"]
    told = [one["privacy"] for one in cards] + [own]
    assert all(4.8 < one["epsilon"] <= 5.0 for one in told)
    together = [Mechanism(**part) for one in told for part in one["mechanisms"]]
    assert len(together) == 3 + 2 + 1 + 4 and own["total"] == pytest.approx(epsilon_of(together, 0.001))
    assert 5.0 < own["total"] < 25.0
    assert "pca" not in card(mine, "extract/image/codec.json")["origin"]["figures"]["reconstruction"]
    page = (mine / "data/report/index.html").read_text(encoding="utf-8")
    assert f"<b>{own['total']:.3f}</b>" in page and "members told from others: generator" in page
    rows = {row["metric"]: row for row in pd.read_csv(mine / "metrics/table.csv").to_dict("records")}
    for metric in ("membership.generator", "membership.codec.image", "extraction.image", "extraction.audio"):
        assert rows[metric]["low"] <= rows[metric]["value"] <= rows[metric]["high"]
    curves = pd.read_csv(mine / "metrics/curves.csv")
    learned = curves[~curves["stage"].str.startswith("judge")]
    assert set(learned["loss"]) <= {"noised gradient", "validation"}

    before = weights(mine)
    assert re.search(rf"^/{re.escape(str(KEY))}$", (mine / ".gitignore").read_text(), re.MULTILINE)
    succeed(mine, *ALONE, "dvc", "repro", "--force", "--single-item", "fuse")
    assert weights(mine) == before
    (mine / KEY).unlink()
    succeed(mine, *ALONE, "dvc", "repro", "--force", "--single-item", "fuse")
    assert weights(mine) != before


@pytest.mark.parametrize(
    ("sections", "said"),
    [
        ({"fuse": {"method": "matrix", "privacy": BOUND}}, "fuse.privacy: expected concat, gated, attention or none"),
        ({"fuse": {"privacy": BOUND | {"unit": "person"}}}, "fuse.privacy.unit: expected one of "),
        ({"fuse": {"privacy": BOUND | {"delta": 2}}}, "fuse.privacy.delta: expected "),
        ({"train": {"model": "gan", "privacy": BOUND}}, "train.privacy: expected flow or vae, got gan"),
    ],
)
def test_what_keeps_no_bound_is_refused_in_one_line(mine: Path, sections: dict[str, Any], said: str) -> None:
    succeed(mine, "git", "checkout", "--quiet", "params.yaml")
    change(mine, **sections)
    stage = {"fuse": "fusion.fuse", "train": "generation.train"}[next(iter(sections))]
    done = run(mine, "python", "-m", f"stages.{stage}")
    assert done.returncode == 2 and said in done.stderr and done.stderr.count("\n") == 1
