"""A pipeline of five modalities under invented names, two kinds twice, goes all the way; nothing in the code knows a
name, and none of the subsets that are not tried is lost silently."""

from pathlib import Path

import pandas as pd
import pytest
import yaml

from stages.common.files import read_json, read_table
from stages.common.modality_subsets import subset_name
from stages.common.params import read_yaml
from stages.common.shards import read_shard
from tests.clones import clone, run, staged, succeed
from tests.data.home import clip, picture

pytestmark = pytest.mark.slow

NAMES = {"front": "image", "back": "image", "english": "text", "german": "text", "voice": "audio"}
SUFFIX = {
    "front": "front.png",
    "back": "back.png",
    "english": "english.txt",
    "german": "german.txt",
    "voice": "voice.wav",
}
COUNT = 120
SAID = {
    "robin": ("a robin", "ein Rotkehlchen"),
    "tit": ("a blue tit", "eine Blaumeise"),
    "wren": ("a wren", "ein Zaunk\u00f6nig"),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pipeline, with birds of three kinds; a sixth of them lack their back, others their German name."""
    here = clone(tmp_path_factory.mktemp("names") / "clone")
    for n in range(COUNT):
        bird = list(SAID)[n % 3]
        level, (english, german) = 80 * (n % 3), SAID[bird]
        files = {
            "front": picture(level + n % 20),
            "back": picture(20000 + level + n % 20),
            "voice": clip(150 + level + n % 20),
        }
        files |= {"english": f"{english}, number {n}".encode(), "german": f"{german}, Nummer {n}".encode()}
        for place, (name, content) in enumerate(files.items()):
            if (n + place) % 12 or name not in ("back", "german"):
                path = here / f"data/own/{bird}/{n}.{SUFFIX[name]}"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
    params = read_yaml(here / "params.yaml")
    params["acquire"] |= {"source": "folder", "path": "data/own"}
    params["acquire"]["own"]["attributes"] = {"class": list(NAMES)}
    params["modalities"] = NAMES
    params["extract"] |= {name: {} for name in NAMES} | {"back": {"width": 5}}
    params["preprocess"]["back"] = {"size": 32}
    params["judge"]["german"] = {"steps": 5}
    params["generate"] |= {"subsets": ["german+front"], "observed": 20, "samples": 20}
    (here / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False), encoding="utf-8")
    succeed(here, "python", "-m", "tools.params")
    return staged(here)


def test_each_subset_that_is_asked_for_is_tried_and_the_page_says_how_many_are_not(folder: Path) -> None:
    asked = read_json(folder / "data/generate/subsets.json")
    tried = [subset_name(subset) for subset in asked["observed"]]
    assert len(tried) == 1 + 5 + 5 + 1 and asked["of"] == 31 and "front+german" in tried
    for name in tried:
        assert (folder / f"data/generate/{name}.tar").is_file()
    page = (folder / "data/report/index.html").read_text(encoding="utf-8")
    assert "Of the 31 sets of modalities that could be given" in page and "12 were tried" in page


def test_files_bear_the_names(folder: Path) -> None:
    made = {key: set(files) for key, files in read_shard(folder / "data/generate/nothing.tar")}
    assert set(map(frozenset, made.values())) == {frozenset(SUFFIX.values())}


def test_every_modality_is_measured_by_its_name(folder: Path) -> None:
    table = read_table(folder / "metrics/table.csv", text=("metric",))["metric"]
    for name in NAMES:
        assert {f"coverage.{name}", f"codec_error.{name}", f"ceiling.{name}"} <= set(table)
    assert {"coherence.front_to_german", "coherence.front+german_to_voice", "coherence.joint"} <= set(table)
    assert len(pd.read_csv(folder / "metrics/coherence.csv")) == 5 * 4 + 5 + 3


def test_settings_of_a_name_are_those_that_its_stages_had(folder: Path) -> None:
    card = read_json(folder / "data/extract/back/codec.json")
    assert card["origin"]["parameters"]["width"] == 5 and card["shape"] == [32, 32, 3]
    assert read_json(folder / "data/extract/front/codec.json")["origin"]["parameters"]["width"] == 8
    assert read_table(folder / "data/judge/german.curve.csv")["step"].max() == 5


def test_what_is_given_is_given_by_its_name(folder: Path) -> None:
    given = next((folder / "data/own").rglob("*.front.png"))
    told = ("--front", str(given), "--german", "ein Rotkehlchen", "--count", "2")
    succeed(folder, "python", "-m", "tools.generate", *told, "--out", "data/tried")
    made = {path.name for path in (folder / "data/tried").iterdir()}
    assert made == {"index.html"} | {f"{n}.{SUFFIX[name]}" for n in (0, 1) for name in ("back", "english", "voice")}
    refused = run(folder, "python", "-m", "tools.generate", "--image", str(given))
    assert refused.returncode == 2 and "--front" in refused.stderr


def test_dvc_has_a_stage_of_each(folder: Path) -> None:
    said = succeed(folder, "dvc", "stage", "list", "--name-only").split()
    assert {name for name in said if name.startswith("extract")} == {f"extract@{name}" for name in NAMES}
