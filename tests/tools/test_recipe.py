"""`make recipe`: the figures of the latest run of a recipe's preset, and what it makes."""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from PIL import Image

from stages.common.params import read_yaml
from stages.data.sources import reviews
from tests.clones import ROOT, run, succeed
from tests.data.sources.test_emoji_font import needs_font
from tests.toy import commit, copied
from tools.preset import PRESETS
from tools.recipe import RECIPES, SHOWN, Recipe, unkept

CUT = ("modalities", "acquire")  # what is kept of a preset for a tiny run
FEW = {"samples": 160, "shard_size": 50}  # settings of its source, but of these:
FEWEST = {"translation": {"pictures": 300, "shard_size": 50}}  # for a base in each split
NEEDS: dict[str, tuple[tuple[bool, str], ...]] = {  # whether a recipe lacks what it needs, and what that is
    "translation": ((needs_font.args[0], needs_font.kwargs["reason"]),),
    "sentiment": ((find_spec(reviews.PACKAGE) is None, f"needs the package {reviews.PACKAGE}"),),
}


def test_every_recipe_has_a_preset_and_a_page() -> None:
    pages = {path.stem for path in (ROOT / "docs/recipes").glob("*.md")}
    assert set(RECIPES) == pages <= {path.stem for path in PRESETS.glob("*.yaml")}


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_keeps_what_it_promises(name: str) -> None:
    """Of what is committed."""
    rows = pd.read_csv(ROOT / "metrics/recipes.csv")
    assert set(rows["recipe"]) == set(RECIPES)
    assert list(unkept(RECIPES[name], rows[rows["recipe"] == name])) == []


def test_a_promise_that_is_not_kept_is_told() -> None:
    above, rare = ["coherence.joint", "coherence.worst", "closed"], {"missed": 0.1, "invented": 0.2}
    recipe = Recipe(r".*", above, directions=[], rare=rare)
    columns = ["metric", "low", "high", "floor", "floor_low", "floor_high"]
    rows = [
        ("coherence.joint", 0.3, 0.4, 0.1, 0.05, 0.2), ("coherence.worst", 0.2, 0.4, 0.1, 0.05, 0.2),
        ("missed.image", 0.01, 0.1, 0.3, 0.2, 0.4), ("missed.text", 0.01, 0.11, 0.3, 0.2, 0.4),
    ]  # fmt: skip
    assert list(unkept(recipe, pd.DataFrame(rows, columns=columns))) == [
        "coherence.worst: promised above 0.200, got an interval from 0.200",
        "closed: promised, and not measured",
        "missed.text: promised at most 0.1, got an interval to 0.110",
        "invented: promised, and not measured",
    ]


@pytest.mark.parametrize("words", [[], ["frob"]])
def test_an_unknown_recipe_is_one_line(words: list[str], mine: Path) -> None:
    refused = run(mine, "python", "-m", "tools.recipe", *words)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert (
        refused.stderr.startswith(f"recipe: expected one of {', '.join(RECIPES)}, got ")
        and refused.stderr.count("\n") == 1
    )


def test_without_a_run_it_is_one_line(mine: Path) -> None:
    refused = run(mine, "python", "-m", "tools.recipe", "translation")
    assert refused.returncode == 2
    assert refused.stderr == (
        "recipe: expected an experiment with the preset translation, got none; make recipe NAME=translation\n"
    )


@pytest.mark.proof
@pytest.mark.slow
@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_runs_and_becomes_figures_and_a_sheet(name: str, built: Path, tmp_path: Path) -> None:
    """With the tiny parameters: of the preset the modalities and the source alone are kept."""
    if missing := [reason for condition, reason in NEEDS.get(name, ()) if condition]:
        pytest.skip(missing[0])
    folder = copied(built, tmp_path / "clone")
    preset = read_yaml(PRESETS / f"{name}.yaml")
    named = [one for one, kind in preset["modalities"].items() if kind]
    small = {section: preset[section] for section in CUT} | {"extract": {one: {} for one in named}}
    small["acquire"][preset["acquire"]["source"]] |= FEWEST.get(name, FEW)
    small["generate"] = {"subsets": preset.get("generate", {}).get("subsets", [])}
    (folder / f"tools/presets/{name}.yaml").write_text(yaml.safe_dump(small), encoding="utf-8")
    (folder / "metrics/recipes.csv").unlink(missing_ok=True)
    commit(folder, "Small preset")
    told = succeed(folder, "python", "-m", "tools.preset", name).split()
    succeed(folder, "dvc", "exp", "run", "--quiet", "--temp", *told)
    succeed(folder, "python", "-m", "tools.recipe", name)
    table = pd.read_csv(folder / "metrics/recipes.csv")
    assert set(table["recipe"]) == {name}
    assert not [line for line in unkept(RECIPES[name], table) if "not measured" in line]
    with Image.open(folder / f"docs/recipes/{name}.png") as picture:
        assert picture.width > 200 and len(np.unique(np.asarray(picture))) > 50
    if name == "translation":
        shown = pd.read_csv(folder / f"metrics/recipe-{name}.csv")
        assert 0 < len(shown) <= SHOWN and list(shown) == ["given", "made_de", "true_de", "made_zh", "true_zh"]
