"""`make recipe`: the figures of the latest run of a recipe's preset, and what it makes."""

from importlib.util import find_spec
from itertools import permutations
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
from tools.recipe import RECIPES, SHOWN

ABOVE = [  # what each recipe promises
    ("translation", "translation.combination.en_to_de"),
    ("translation", "translation.combination.de_to_en"),
    ("translation", "translation.combination.image+en_to_de"),
    ("translation", "coherence.joint"),
    ("molecules", "molecule.novelty.molecule"),
    ("molecules", "coherence.joint"),
    ("molecules", "coherence.text_to_molecule"),
    ("molecules", "coherence.molecule_to_image"),
    ("molecules", "held_out.scaffold.text_to_molecule"),
    ("speech", "recognition.text_to_voice"),
    ("speech", "transcription.voice_to_text"),
    ("speech", "transcription.combination.voice_to_text"),
    ("speech", "attribute.speaker.speaker_to_voice"),
    ("speech", "attribute.speaker.voice_to_speaker"),
    ("speech", "attribute.language.text_to_voice"),
    ("speech", "held_out.combination.text+speaker_to_voice"),
    ("speech", "coherence.joint"),
    ("sentiment", "label_baseline.text_to_mood"),
    ("sentiment", "coherence.text_to_mood"),
    ("sentiment", "coherence.mood_to_text"),
    ("sentiment", "label_baseline.mood.mood_to_text"),
    ("sentiment", "coherence.voice_to_mood"),
    ("medical", "coherence.joint"),
    ("medical", "coherence.text_to_image"),
    ("medical", "coherence.image_to_text"),
    ("medical", "attribute.effusion.text_to_image"),
    ("medical", "attribute.effusion.image_to_text"),
    ("medical", "attribute.heart.text_to_image"),
    ("medical", "attribute.heart.image_to_text"),
    ("video", "coherence.joint"),
    *(
        ("video", f"{family}.{one}_to_{other}")
        for family in ("coherence", "attribute.direction", "attribute.speed")
        for one, other in permutations(("text", "audio", "video"), 2)
    ),
    ("video", "motion.text_to_video"),
    ("video", "motion.audio_to_video"),
]
MOST = {  # the rate that no figure of a family of a recipe's exceeds, nor the upper end of its interval
    ("medical", "invented"): 0.1,
    ("medical", "missed"): 0.1,
}
CUT = ("modalities", "acquire")  # what is kept of a preset for a tiny run
COUNT, FEW = 160, ("translation",)  # samples of it, but where tests/tiny.yaml says how many
NEEDS: dict[str, tuple[tuple[bool, str], ...]] = {  # whether a recipe lacks what it needs, and what that is
    "translation": ((needs_font.args[0], needs_font.kwargs["reason"]),),
    "sentiment": ((find_spec(reviews.PACKAGE) is None, f"needs the package {reviews.PACKAGE}"),),
}


def test_every_recipe_has_a_preset_and_a_page() -> None:
    pages = {path.stem for path in (ROOT / "docs/recipes").glob("*.md")}
    assert set(RECIPES) == pages <= {path.stem for path in PRESETS.glob("*.yaml")}


def test_what_a_recipe_promises_is_above_chance() -> None:
    """Of what is committed: the intervals do not meet."""
    rows = pd.read_csv(ROOT / "metrics/recipes.csv").to_dict("records")
    table = {(row["recipe"], row["metric"]): row for row in rows}
    assert {recipe for recipe, _ in table} == set(RECIPES)
    for recipe, metric in ABOVE:
        row = table[recipe, metric]
        assert row["low"] > max(row["floor"], row["floor_high"]), f"{recipe}: {metric}"


@pytest.mark.parametrize(("recipe", "family"), MOST)
def test_what_a_recipe_promises_to_be_rare_is_rare(recipe: str, family: str) -> None:
    """Of what is committed, and the page says the rate."""
    rows = pd.read_csv(ROOT / "metrics/recipes.csv").to_dict("records")
    found = [row for row in rows if row["recipe"] == recipe and row["metric"].startswith(f"{family}.")]
    assert found
    for row in found:
        assert row["high"] <= MOST[recipe, family] < row["floor_low"], row["metric"]


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
    if name not in FEW:
        small["acquire"][preset["acquire"]["source"]] |= {"samples": COUNT, "shard_size": 50}
    small["generate"] = {"subsets": preset.get("generate", {}).get("subsets", [])}
    (folder / f"tools/presets/{name}.yaml").write_text(yaml.safe_dump(small), encoding="utf-8")
    (folder / "metrics/recipes.csv").unlink(missing_ok=True)
    commit(folder, "Small preset")
    told = succeed(folder, "python", "-m", "tools.preset", name).split()
    succeed(folder, "dvc", "exp", "run", "--quiet", "--temp", *told)
    succeed(folder, "python", "-m", "tools.recipe", name)
    table = pd.read_csv(folder / "metrics/recipes.csv")
    assert set(table["recipe"]) == {name} and {metric for recipe, metric in ABOVE if recipe == name} <= set(
        table["metric"]
    )
    if RECIPES[name].directions:
        with Image.open(folder / f"docs/recipes/{name}.png") as picture:
            assert picture.width > 200 and len(np.unique(np.asarray(picture))) > 50
    else:
        shown = pd.read_csv(folder / f"metrics/recipe-{name}.csv")
        assert 0 < len(shown) <= SHOWN and list(shown) == ["given", "made_de", "true_de", "made_zh", "true_zh"]
