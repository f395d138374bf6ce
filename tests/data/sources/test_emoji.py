"""The emoji: whole samples, splits by base, combinations never seen, bytes that depend on the seed alone."""

import io
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
from PIL import Image

from stages.common.modality import Modality, suffix_of
from stages.common.params import validate
from stages.common.shards import read_shard
from stages.data.records.split import SPLITS, Shares
from stages.data.sources import emoji, emoji_font, espeak
from stages.data.sources.built_in_shards import Attributes
from stages.data.sources.emoji_names import captions, code_points
from stages.evaluation.judges.loading import key_attribute
from tests.data.sources.test_emoji_font import needs_font

pytestmark = needs_font
SETTINGS = emoji.Emoji(
    font="", pictures=90, variants=1, size=28, languages=["en"], utterances=2, combinations=0.2, shard_size=60,
    shares=Shares(train=0.5, validation=0.1, judge=0.2, test=0.2),
)  # fmt: skip
SEED = 5  # which happens to hold out combinations
ALL = ("image", "text", "audio")
Acquired = tuple[Path, pd.DataFrame, Attributes]


@pytest.fixture(scope="module")
def acquired(tmp_path_factory: pytest.TempPathFactory) -> Acquired:
    """A small data set: its folder, its index and its attributes."""
    folder = tmp_path_factory.mktemp("acquired")
    return folder, *emoji.acquire(SETTINGS, SEED, ALL, folder)


def samples(folder: Path) -> dict[str, dict[str, bytes]]:
    return dict(sample for path in sorted(folder.glob("*.tar")) for sample in read_shard(path))


def test_every_sample_is_indexed_and_complete(acquired: Acquired) -> None:
    folder, index, attributes = acquired
    found = samples(folder)
    assert list(found) == index["id"].tolist() and len(found) > 100
    assert list(index)[: 3 + len(attributes)] == ["id", "split", "shard", *attributes]
    assert set(index) == {
        "id", "split", "shard", "kind", "skin", "person", "hair", "emoji", "base", "held_out", "language", "voice"
    }  # fmt: skip
    assert (index.groupby("emoji").size() == SETTINGS.utterances).all()
    assert index["emoji"].nunique() <= SETTINGS.pictures and (index["shard"].value_counts() <= 60).all()
    for row in index.to_dict("records"):
        files = found[row["id"]]
        assert files.keys() == {"png", "txt", "wav"}
        picture = np.asarray(Image.open(io.BytesIO(files["png"])))
        assert picture.shape == (28, 28, 3) and np.ptp(picture) > 50
        wave, _ = soundfile.read(io.BytesIO(files["wav"]))
        assert np.abs(wave).max() > 0.05


def test_captions_are_the_names(acquired: Acquired) -> None:
    folder, index, _ = acquired
    named = {code_points(one): name for one, name in captions("en").items()}
    found = samples(folder)
    assert all(found[row["id"]]["txt"].decode() == named[row["emoji"]] for row in index.to_dict("records"))


def test_kind_is_the_key_and_labels_are_known(acquired: Acquired) -> None:
    _, index, attributes = acquired
    assert key_attribute(attributes, dict.fromkeys(ALL, attributes)) == "kind"
    for name, about in attributes.items():
        assert set(index[name]) <= {"", *about["values"]} and index[name].nunique() > 1
        assert about["shown_by"] == list(ALL)
    assert "language" not in attributes


def test_a_base_is_in_one_split_but_for_combinations(acquired: Acquired) -> None:
    _, index, _ = acquired
    assert set(index["split"]) == set(SPLITS)
    known = index[index["held_out"] != "combination"]
    assert (known.groupby("base")["split"].nunique() == 1).all()
    assert (index["split"].eq("test") == index["held_out"].ne("")).all()
    assert set(known.loc[known["split"] == "test", "held_out"]) == {"base"}
    assert not set(known.loc[known["held_out"] == "base", "base"]) & set(index.loc[index["split"] == "train", "base"])


def test_each_part_of_a_held_out_combination_is_in_train(acquired: Acquired) -> None:
    _, index, _ = acquired
    train, new = index[index["split"] == "train"], index[index["held_out"] == "combination"]
    assert len(new)
    for row in new.to_dict("records"):
        here = train[train["base"] == row["base"]]
        skin, person = here["skin"] == row["skin"], here["person"] == row["person"]
        assert row["skin"] and row["person"]
        assert (skin & ~person & here["person"].ne("")).any() and (person & ~skin & here["skin"].ne("")).any()
        assert not (skin & person & here["hair"].eq(row["hair"])).any()


def test_no_picture_has_two_names(acquired: Acquired) -> None:
    folder, index, _ = acquired
    pictures = {index.at[place, "emoji"]: files["png"] for place, files in enumerate(samples(folder).values())}
    assert len(set(pictures.values())) == len(pictures)


def test_bytes_do_not_depend_on_the_number_of_workers(
    acquired: Acquired, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, index, attributes = acquired
    monkeypatch.setattr(os, "cpu_count", lambda: 1)
    alone, same = emoji.acquire(SETTINGS, SEED, ALL, tmp_path)
    pd.testing.assert_frame_equal(alone, index)
    assert same == attributes
    for path in sorted(folder.glob("*.tar")):
        assert (tmp_path / path.name).read_bytes() == path.read_bytes()


def test_another_seed_is_another_set() -> None:
    few = SETTINGS.model_copy(update={"pictures": 20})
    first, again, other = (emoji.drawable(few, np.random.default_rng(seed))[0]["emoji"].tolist() for seed in (1, 1, 2))
    assert first == again != other


def test_bases_are_taken_whole() -> None:
    bases = np.array([*["few"] * 3, *["many"] * 9, "one"])
    for seed in range(9):
        assert emoji.some(bases, 1, 5, np.random.default_rng(seed)).keys() == {"few", "one"}
        assert emoji.some(bases, 1, 13, np.random.default_rng(seed)).keys() == set(bases)
        assert emoji.some(bases, 3, 7, np.random.default_rng(seed)).keys() == {"few"}


def test_what_looks_the_same_is_kept_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The flag of France is that of Clipperton Island; snowboarders show no skin."""
    some = {one: name for one, name in captions("en").items()
            if name in ("flag France", "flag Clipperton Island") or "snowboarder" in name}  # fmt: skip
    monkeypatch.setattr(emoji, "captions", lambda _language: some)
    table, pictures = emoji.drawable(SETTINGS, np.random.default_rng(1))
    assert {some[one] for one in pictures} == {"flag France", "snowboarder"}
    assert set(table["emoji"]) == set(pictures) and set(table["skin"]) == {""}


@pytest.mark.parametrize("names", [["image"], ["text"], ["audio"], ["image", "text"]])
def test_modalities_that_are_not_asked_for_are_not_made(names: list[str], tmp_path: Path, acquired: Acquired) -> None:
    index, attributes = emoji.acquire(SETTINGS, SEED, names, tmp_path)
    suffixes = {suffix_of(name) for name in names}
    assert all(files.keys() == suffixes for files in samples(tmp_path).values())
    assert all(about["shown_by"] == names for about in attributes.values())
    assert ("voice" in index) == ("audio" in names)
    same = ["id", "split", "emoji", "held_out"]
    pd.testing.assert_frame_equal(index[same], acquired[1][same])  # whatever is asked for, the samples are these


def test_several_languages_are_an_attribute(tmp_path: Path) -> None:
    settings = SETTINGS.model_copy(update={"pictures": 40, "languages": ["en", "zh", "fr"]})
    index, attributes = emoji.acquire(settings, 1, ALL, tmp_path)
    assert attributes["language"] == {"values": ["en", "fr", "zh"], "shown_by": ["text", "audio"]}
    found = samples(tmp_path)
    for row in index.to_dict("records"):
        one = "".join(chr(int(point[2:], 16)) for point in row["emoji"].split())
        assert found[row["id"]]["txt"].decode() == captions(row["language"])[one]
        assert row["voice"].partition("+")[0] in emoji.VOICES[row["language"]]
    _, silent = emoji.acquire(settings, 1, ["image"], tmp_path / "silent")
    assert "language" not in silent


def test_a_modality_that_is_called_as_a_language_is_the_name_in_it(tmp_path: Path) -> None:
    settings = SETTINGS.model_copy(update={"pictures": 40, "languages": ["en", "fr"]})
    named = [Modality("image", "image"), *(Modality(name, "text") for name in ("de", "zh", "text"))]
    _, attributes = emoji.acquire(settings, 1, named, tmp_path)
    found = samples(tmp_path)
    assert {frozenset(files) for files in found.values()} == {frozenset({"png", "txt", "de.txt", "zh.txt"})}
    index = {files["de.txt"].decode(): files["zh.txt"].decode() for files in found.values()}
    german, chinese = captions("de"), captions("zh")
    assert index.items() <= {(german[one], chinese[one]) for one in german}
    assert attributes["kind"]["shown_by"] == named and attributes["language"]["shown_by"] == ["text"]


def test_every_voice_speaks() -> None:
    say = espeak.open_speaker()
    for language, voices in emoji.VOICES.items():
        for voice in voices:
            assert len(say(captions(language)["🍌"], f"{voice}+{espeak.SPEAKERS[0]}", 50, 170).wave) > 1000


def test_a_language_that_cannot_be_spoken_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    japanese = SETTINGS.model_copy(update={"pictures": 20, "languages": ["en", "ja"]})
    with pytest.raises(ValueError, match=r"expected languages that eSpeak NG can read, en, .*, got ja; take it out"):
        emoji.acquire(japanese, 1, ALL, tmp_path)
    emoji.acquire(japanese, 1, ["image", "text"], tmp_path)  # it can be written
    with pytest.raises(ValueError, match="eSpeak NG has no voice 'xx-none"):
        espeak.open_speaker()("banana", "xx-none+f1", 50, 170)


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"languages": ["en", "xx"]}, "'ar', got 'xx'"),
        ({"languages": []}, "languages: expected"),
        ({"languages": ["en", "en"]}, "each language once"),
        ({"size": 20}, "greater than or equal to 28, got 20"),
        ({"size": 129}, "less than or equal to 128"),
        ({"combinations": 1.5}, "less than or equal to 1"),
    ],
)
def test_a_wrong_setting_is_one_line(changed: dict[str, object], told: str) -> None:
    with pytest.raises(ValueError, match=r"acquire\.emoji") as refused:
        validate(emoji.Emoji, SETTINGS.model_dump() | changed, "acquire.emoji")
    assert told in str(refused.value) and "\n" not in str(refused.value)


def test_too_few_pictures_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="expected enough groups for 4 splits, got 2"):
        emoji.acquire(SETTINGS.model_copy(update={"pictures": 2}), 1, ["image"], tmp_path)


def test_a_missing_font_is_said_before_any_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(emoji_font, "FOLDERS", (str(tmp_path),))
    with pytest.raises(ValueError, match=r"expected NotoColorEmoji\.ttf"):
        emoji.acquire(SETTINGS, SEED, ALL, tmp_path / "out")
    assert not (tmp_path / "out").exists()
