"""A pipeline of ten modalities under invented names, of all kinds, two of them twice, goes all the way; nothing in
the code knows a name, and none of the subsets that are not tried is lost silently."""

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from stages.common.files import read_json, read_table
from stages.common.modality_subsets import subset_name
from stages.common.params import read_yaml
from stages.common.shards import read_shard
from stages.data.kinds import video
from tests import browser
from tests.clones import clone, run, staged, succeed
from tests.data.home import clip, picture
from tests.studio import LOADED, Studio, press

pytestmark = pytest.mark.slow

NAMES = {
    "front": "image", "back": "image", "english": "text", "german": "text", "voice": "audio", "species": "label",
    "grams": "number", "flight": "video", "egg": "volume", "pigment": "molecule",
}  # fmt: skip
FILES = {
    "front": "front.png", "back": "back.png", "english": "english.txt", "german": "german.txt", "voice": "wav",
    "flight": "mp4", "egg": "egg.npy", "pigment": "smi",
}  # fmt: skip
SUFFIXES = FILES | {
    "voice": "voice.wav", "species": "species.label", "grams": "grams.number", "flight": "flight.mp4",
    "pigment": "pigment.smi",
}  # fmt: skip
COUNT = 120
SAID = {  # English, German, grams
    "robin": ("a robin", "ein Rotkehlchen", 18),
    "tit": ("a blue tit", "eine Blaumeise", 11),
    "wren": ("a wren", "ein Zaunk\u00f6nig", 9),
}
PIGMENTS = ("OC(=O)CC", "c1ccccc1", "CC(C)N")  # one of each bird's
PATTERN = r"^(?P<species>[a-z]+)/(?P<id>\d+)_(?P<grams>[\d.]+)$"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pipeline, with birds of three kinds; a twelfth of them lack their back, others their German name."""
    here = clone(tmp_path_factory.mktemp("names") / "clone")
    for n in range(COUNT):
        bird = list(SAID)[n % 3]
        level, (english, german, grams) = 80 * (n % 3), SAID[bird]
        files = {"front": picture(level + n % 20), "back": picture(20000 + level + n % 20)}
        files |= {"voice": clip(150 + level + n % 20), "english": f"{english}, number {n}".encode()}
        files |= {"german": f"{german}, Nummer {n}".encode(), "flight": film(n), "egg": solid(n)}
        files |= {"pigment": (PIGMENTS[n % 3] + "C" * (n % 5)).encode()}
        for place, (name, content) in enumerate(files.items()):
            if (n + place) % 12 or name not in ("back", "german"):
                path = here / f"data/own/{bird}/{n}_{grams + n % 7 / 10}.{FILES[name]}"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
    params = read_yaml(here / "params.yaml")
    params["acquire"] |= {"source": "folder", "path": "data/own"}
    params["acquire"]["own"] |= {"pattern": PATTERN, "attributes": {"species": list(NAMES)}}
    params["modalities"] = NAMES
    params["extract"] |= {name: {} for name in NAMES} | {"back": {"width": 5}}
    params["preprocess"]["back"] = {"size": 32}
    params["judge"]["german"] = {"steps": 5}
    params["generate"] |= {"subsets": ["german+front"], "observed": 20, "samples": 20}
    (here / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False), encoding="utf-8")
    succeed(here, "python", "-m", "tools.params")
    return staged(here)


def film(n: int) -> bytes:
    """A block that crosses the page; its colour, and how far it comes, tell the bird."""
    settings = video.Settings(size=16, frames=6, rate=8, turn=0, zoom=0, shear=0, shift=0)
    frames = np.full((6, 16, 16, 3), 255, np.uint8)
    for number, frame in enumerate(frames):
        frame[4 + n % 5 : 10, 1 + number * (n % 3) : 6 + number * (n % 3)] = (80 * (n % 3), n % 20, 40)
    return video.write(np.concatenate(list(frames), -1), settings)


def solid(n: int) -> bytes:
    """A block on the floor, higher for each bird."""
    buffer, voxels = io.BytesIO(), np.zeros((16, 16, 16), np.uint8)
    voxels[4 + n % 4 : 12, 4:12, : 4 + 4 * (n % 3)] = 1
    np.save(buffer, voxels)
    return buffer.getvalue()


def test_each_subset_that_is_asked_for_is_tried_and_the_page_says_how_many_are_not(folder: Path) -> None:
    asked = read_json(folder / "data/generate/subsets.json")
    tried = [subset_name(subset) for subset in asked["observed"]]
    assert len(tried) == 1 + 10 + 10 + 1 and asked["of"] == 1023 and "front+german" in tried
    for name in tried:
        assert (folder / f"data/generate/{name}.tar").is_file()
    page = (folder / "data/report/index.html").read_text(encoding="utf-8")
    assert "Of the 1023 sets of modalities that could be given" in page and "22 were tried" in page


def test_files_bear_the_names(folder: Path) -> None:
    made = {key: set(files) for key, files in read_shard(folder / "data/generate/nothing.tar")}
    assert set(map(frozenset, made.values())) == {frozenset(SUFFIXES.values())}


def test_every_modality_is_measured_by_its_name(folder: Path) -> None:
    table = read_table(folder / "metrics/table.csv", text=("metric",))["metric"]
    for name in NAMES:
        assert {f"coverage.{name}", f"codec_error.{name}"} <= set(table)
        assert (f"ceiling.{name}" in set(table)) == (name != "grams"), "of a number there is no right or wrong"
    assert {"coherence.front_to_german", "coherence.front+german_to_voice", "coherence.joint"} <= set(table)
    assert len(pd.read_csv(folder / "metrics/coherence.csv")) == 10 * 8 + 1 + 9 + 7, "to all but the number"


def test_labels_and_numbers_are_made_and_measured(folder: Path) -> None:
    made = [files for _, files in read_shard(folder / "data/generate/front.tar")]
    assert {files["species.label"].decode() for files in made} <= {*SAID, ""}
    assert all(np.isfinite(float(files["grams.number"])) for files in made)
    rows = read_table(folder / "metrics/table.csv", text=("metric", "note")).to_dict("records")
    table = {row["metric"]: row for row in rows}
    wrong = table["number_error.species_to_grams"]
    assert 0 <= wrong["ceiling"] < wrong["value"] and 0.5 < wrong["floor"] < 1.5
    assert table["ceiling.species"]["value"] == 1, "a label says what it is"
    assert 0 <= table["coherence.front_to_species"]["value"] <= 1
    refused = run(folder, "python", "-m", "tools.generate", "--species", "dodo", "--out", "data/dodo")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "--species dodo: expected a value that the train split has, got 'dodo'" in refused.stderr


def test_captions_in_one_modality_are_translated_to_another(folder: Path) -> None:
    rows = read_table(folder / "metrics/table.csv", text=("metric", "note")).to_dict("records")
    found = {row["metric"]: row for row in rows if str(row["metric"]).startswith("translation.")}
    assert {"translation.english_to_german", "translation.german_to_english"} <= set(found)
    assert not [metric for metric in found if "voice_to" in str(metric) and "+" not in str(metric)]
    assert all(0 <= row[one] <= 1 for row in found.values() for one in ("value", "floor", "ceiling"))


def test_settings_of_a_name_are_those_that_its_stages_had(folder: Path) -> None:
    card = read_json(folder / "data/extract/back/codec.json")
    assert card["origin"]["parameters"]["width"] == 5 and card["shape"] == [32, 32, 3]
    assert read_json(folder / "data/extract/front/codec.json")["origin"]["parameters"]["width"] == 8
    assert read_table(folder / "data/judge/german.curve.csv")["step"].max() == 5


def test_what_is_given_is_given_by_its_name(folder: Path) -> None:
    given = next((folder / "data/own").rglob("*.front.png"))
    told = ("--front", str(given), "--german", "ein Rotkehlchen", "--grams", "18.2", "--count", "2")
    succeed(folder, "python", "-m", "tools.generate", *told, "--out", "data/tried")
    made = {path.name for path in (folder / "data/tried").iterdir()}
    assert made == {"index.html"} | {
        f"{n}.{suffix}" for n in (0, 1) for name, suffix in (SUFFIXES | {"mesh": "egg.stl"}).items()
        if name not in ("front", "german", "grams")
    }  # fmt: skip
    page = (folder / "data/tried/index.html").read_text(encoding="utf-8")
    assert page.count("<img") == 1 + 2 * 3 and page.count("<audio") == page.count("<video") == 2, (
        "given, and made of it"
    )
    assert page.count("<q>") == 2 + 2 * 2 and "<figcaption>german</figcaption>" in page
    refused = run(folder, "python", "-m", "tools.generate", "--image", str(given))
    assert refused.returncode == 2 and "--front" in refused.stderr


@pytest.fixture(scope="module")
def studio(folder: Path) -> Iterator[Studio]:
    with Studio(folder) as one:
        yield one


def test_the_studio_takes_and_makes_each_of_them(studio: Studio) -> None:
    ((made,),) = studio.samples(count=1)
    assert set(made) == set(NAMES)
    made["pigment"] = PIGMENTS[0]  # models that learned little write what is too long to be read
    for name, content in made.items():
        ((rest,),) = studio.samples(inputs=[{name: content}], count=1)
        assert set(rest) == set(NAMES) - {name}, name
    (about,) = studio.models()
    assert about["modalities"] == NAMES and about["labels"] == {"species": sorted(SAID)}


@pytest.mark.skipif(browser.PROGRAM is None, reason=browser.ABSENT)
def test_the_studio_has_a_field_for_each_of_them(studio: Studio, tmp_path: Path) -> None:
    """An example fills it, and the others are made of that."""
    with browser.browser(tmp_path / "profile") as page:
        page.show(f"{studio.address}/", width=1200, height=1400)
        page.until(LOADED)
        names = list(studio.models()[0]["modalities"])
        for number, name in enumerate(names):
            page.value(f"document.querySelectorAll('button.example')[{number}].click()")
            page.until("!document.querySelector('.progress-text, .pending, .generating')")
            press(page, "Make")
            told = f"document.querySelector('.made section')?.dataset.given == '{name}'"
            page.until(told if name != "pigment" else f"{told} || !!document.querySelector('.made [role=alert]')")
        assert page.complaints(["error"]) == []


def test_dvc_has_a_stage_of_each(folder: Path) -> None:
    said = succeed(folder, "dvc", "stage", "list", "--name-only").split()
    assert {name for name in said if name.startswith("extract")} == {f"extract@{name}" for name in NAMES}
