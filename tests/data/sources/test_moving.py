"""The moving digits: what is said of a sample is to be seen in its video, to be heard in its clip, and written."""

import io
import os
import re
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile

from stages.common.params import validate
from stages.common.shards import read_shard
from stages.data.kinds import audio, video
from stages.data.records.split import SPLITS, Shares
from stages.data.sources import caption_grammar, espeak, moving
from stages.data.sources.built_in_shards import Attributes
from stages.data.sources.digits import handwriting
from stages.evaluation.judges.loading import key_attribute

SETTINGS = moving.Moving(samples=48, shard_size=20, shares=Shares(train=0.4, validation=0.1, judge=0.2, test=0.3))
HEARD = audio.Settings(
    rate_hz=16000, bands=64, frames=64, hop=512, floor_db=-70.0, shift=0, gain_db=0, noise_db=-55, griffin_lim=1
)  # as the preset reads clips
Acquired = tuple[Path, pd.DataFrame, Attributes]


@pytest.fixture(scope="module")
def acquired(tmp_path_factory: pytest.TempPathFactory) -> Acquired:
    """A small data set: its folder, its index and its attributes."""
    folder = tmp_path_factory.mktemp("acquired")
    return folder, *moving.acquire(SETTINGS, 1, moving.ALL, folder)


def samples(folder: Path) -> dict[str, dict[str, bytes]]:
    return dict(sample for path in sorted(folder.glob("*.tar")) for sample in read_shard(path))


def path_of(frames: np.ndarray) -> np.ndarray:
    """The middle of the ink in each of (T, S, S) frames: (T, 2), row and column."""
    ink = 255.0 - frames
    side = np.arange(frames.shape[1])
    weight = ink.sum((1, 2))
    return np.stack([(ink.sum(2) * side).sum(1) / weight, (ink.sum(1) * side).sum(1) / weight], -1)


def test_every_sample_is_indexed_and_complete(acquired: Acquired) -> None:
    folder, index, attributes = acquired
    found = samples(folder)
    assert list(found) == index["id"].tolist() == [f"{number:06d}" for number in range(48)]
    assert index["shard"].value_counts().to_dict() == {"moving-000.tar": 20, "moving-001.tar": 20, "moving-002.tar": 8}
    assert all(files.keys() == {"mp4", "wav", "txt"} for files in found.values())
    assert attributes == moving.ATTRIBUTES
    assert all(set(index[name]) <= set(about["values"]) for name, about in attributes.items())
    assert key_attribute(attributes, {name: [*attributes] for name in moving.ALL}) == "digit"


def test_a_picture_moves_once_and_shows_the_digit(acquired: Acquired) -> None:
    _, index, _ = acquired
    assert index["picture"].is_unique and set(index["split"]) == set(SPLITS)
    assert (handwriting()[1][index["picture"]].astype(str) == index["digit"]).all()


def test_directions_and_speeds_are_equally_frequent_in_every_digit() -> None:
    settings = SETTINGS.model_copy(update={"samples": 2000})
    plan = moving.plan(settings, 1, handwriting()[1])
    assert set(plan.groupby(["direction", "speed"]).size()) <= set(range(235, 266))
    within = plan.groupby(["digit", "direction", "speed"]).size()
    assert len(within) == 80 and (within.groupby("digit").max() - within.groupby("digit").min() <= 1).all()
    train = plan[plan["split"] == "train"].groupby(["digit", "direction", "speed"]).size()
    assert len(train) == 80 and train.min() >= 6


def test_the_video_shows_direction_and_speed(acquired: Acquired) -> None:
    folder, index, _ = acquired
    found = samples(folder)
    for row in index.to_dict("records"):
        shown = video.read(found[row["id"]]["mp4"], moving.FILM)
        assert shown.whole == moving.FILM.frames
        path = path_of(np.stack(shown.frames)[..., 0].astype(float))
        went = (path[-1] - path[0]) / (moving.FILM.frames - 1)
        low, high = moving.STEPS[row["speed"]]
        assert low - 0.05 < went @ moving.WAYS[row["direction"]] < high + 0.05
        assert abs(went @ np.roll(moving.WAYS[row["direction"]], 1)) < 0.05, "straight"


def test_the_digit_stays_in_the_frame() -> None:
    rng = np.random.default_rng(1)
    movements = 3 * [*product(moving.WAYS, moving.STEPS)]
    for picture, (direction, speed) in zip(handwriting()[0][::250], movements, strict=False):
        frames = moving.moved(picture, direction, speed, rng)
        assert frames.shape == (32, 32, 12) and frames.dtype == np.uint8
        ink = 255.0 - frames
        assert ink[1:-1, 1:-1].sum() > 0.99 * ink.sum()
        assert np.ptp(ink.sum((0, 1))) < 0.02 * ink.sum((0, 1)).mean(), "no ink is lost"


def test_where_a_slow_digit_begins_does_not_tell_where_it_goes() -> None:
    """Of one way and the opposite, the first frames lie in ranges that overlap."""
    picture = handwriting()[0][9]
    for one, other in (("left", "right"), ("up", "down")):
        begins = {}
        for way in (one, other):
            rng = np.random.default_rng(1)
            firsts = [moving.moved(picture, way, "slow", rng)[..., :1] for _ in range(60)]
            begins[way] = [path_of(np.moveaxis(first, -1, 0))[0] @ np.abs(moving.WAYS[way]) for first in firsts]
        assert min(begins[one]) < max(begins[other]) - 1


def curve(payload: bytes, parts: int = 6) -> tuple[np.ndarray, float]:
    """The level of the loudest frame in each part of a clip, as `preprocess` sees it, dB; and its duration, s."""
    wave = audio.read(payload, HEARD)
    levels = audio.tensor(wave, HEARD).max(0) / 255 * 70
    frames = audio.length(wave, HEARD)
    cuts = np.linspace(0, frames, parts + 1).astype(int)
    return np.array([levels[a:b].max() for a, b in zip(cuts, cuts[1:], strict=False)]), len(wave) / HEARD.rate_hz


def test_the_clip_lets_direction_and_speed_be_heard(acquired: Acquired) -> None:
    folder, index, _ = acquired
    found = samples(folder)
    for row in index.to_dict("records"):
        loud, seconds = curve(found[row["id"]]["wav"])
        begin, middle, end = loud[:2].max(), loud[2:4].max(), loud[4:].max()
        heard = {
            "left": begin > middle > end, "right": begin < middle < end,
            "up": begin < middle > end, "down": begin > middle < end,
        }  # fmt: skip
        assert [way for way, is_so in heard.items() if is_so] == [row["direction"]]
        assert (seconds < 1.1) == (row["speed"] == "fast") and seconds < HEARD.frames * HEARD.hop / HEARD.rate_hz
        assert loud.min() > 70 - moving.AUDIBLE_DB, "nothing of it is too soft to be heard"
        wave, _ = soundfile.read(io.BytesIO(found[row["id"]]["wav"]))
        assert 0.05 < np.abs(wave).max() < 1


def test_a_word_is_repeated_under_the_curve_of_loudness() -> None:
    tone = espeak.Clip(np.full(1000, 10000, np.int16), 8000)
    wave = moving.passing(tone, (-18.0, 0.0, -18.0)).wave
    assert len(wave) == 3 * 1000 + 2 * 120
    assert (wave[1000:1120] == 0).all() and (wave[2120:2240] == 0).all()
    assert wave.max() in range(9980, 10001) and wave[0] == wave[-1] == round(10000 * 10 ** (-18 / 20))
    assert (np.diff(wave[:1000].astype(int)) >= 0).all() and abs(int(wave.argmax()) - len(wave) // 2) < 5


def test_captions_say_what_is_true_in_many_words(acquired: Acquired) -> None:
    folder, index, _ = acquired
    found = samples(folder)
    for row in index.to_dict("records"):
        told = found[row["id"]]["txt"].decode()
        words = set(re.findall(r"\w+", told))
        digit = [one for one, word in enumerate(caption_grammar.WORDS) if words & {str(one), word}]
        assert [str(one) for one in digit] == [row["digit"]]
        assert [way for way, words in moving.WHERE.items() if any(one in told for one in words)] == [row["direction"]]
        assert [pace for pace, words in moving.HOW.items() if any(one in told for one in words)] == [row["speed"]]
    rng = np.random.default_rng(1)
    many = {moving.caption("7", "left", "slow", rng) for _ in range(2000)}
    assert len(many) == len(moving.WORDINGS) * len(moving.WHAT) * 2 * 2


def test_no_caption_is_one_of_the_built_in_digits() -> None:
    """Their grammar would be taken for a judge of these."""
    known = {name: tuple(about["values"]) for name, about in moving.ATTRIBUTES.items()}
    rng = np.random.default_rng(1)
    for way, pace in product(moving.WAYS, moving.STEPS):
        assert caption_grammar.read(moving.caption("7", way, pace, rng), known) is None


def test_bytes_do_not_depend_on_the_number_of_workers(
    acquired: Acquired, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, index, attributes = acquired
    monkeypatch.setattr(os, "cpu_count", lambda: 1)
    alone, told = moving.acquire(SETTINGS, 1, moving.ALL, tmp_path)
    pd.testing.assert_frame_equal(alone, index)
    assert told == attributes
    for path in sorted(folder.glob("*.tar")):
        assert (tmp_path / path.name).read_bytes() == path.read_bytes()


def test_another_seed_is_another_set() -> None:
    labels = handwriting()[1]
    first, again, other = (moving.plan(SETTINGS, seed, labels) for seed in (1, 1, 2))
    pd.testing.assert_frame_equal(first, again)
    assert first["picture"].tolist() != other["picture"].tolist()


def test_modalities_that_are_not_asked_for_are_not_made(tmp_path: Path) -> None:
    index, attributes = moving.acquire(SETTINGS, 1, ["text"], tmp_path)
    assert all(files.keys() == {"txt"} for files in samples(tmp_path).values())
    assert "voice" not in index and all(about["shown_by"] == ["text"] for about in attributes.values())


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"samples": 0}, "acquire.moving.samples: expected greater than 0, got 0"),
        ({"shard_size": "many"}, "shard_size: expected a valid integer"),
        ({"pictures": 3}, "pictures: expected a known key"),
    ],
)
def test_a_bad_setting_is_one_line(change: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match="expected") as refused:
        validate(moving.Moving, SETTINGS.model_dump() | change, "acquire.moving")
    assert said in str(refused.value) and "\n" not in str(refused.value)


def test_more_samples_than_there_are_pictures_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"acquire\.moving\.samples: expected at most 5000, got 5001"):
        moving.acquire(SETTINGS.model_copy(update={"samples": 5001}), 1, moving.ALL, tmp_path)
