"""Motion: the true movement scores 1, standing still and another's movement about 0; blur is no sharp frame."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import numpy as np
import pandas as pd
import pytest
from scipy.ndimage import gaussian_filter

from stages.common.modality import Modality
from stages.common.shards import write_shard
from stages.data.kinds import video
from stages.evaluation.metrics.evaluated_data import Dataset
from stages.evaluation.metrics.motion import changes, correlations, grey, motion, sharpness
from stages.evaluation.metrics.result import Result

FILM = video.Settings(size=32, colour=False, turn=0, zoom=0, shear=0, shift=0, frames=6, rate=8)
CLIP = Modality("clip", "video")
COUNT = {"train": 48, "test": 32}
WAYS = ((0, 2), (0, -2), (2, 0), (-2, 0))
Made = Callable[[np.ndarray], np.ndarray]  # (N, S, S, T x C) true test videos -> what stands for made ones


def films(count: int, rng: np.random.Generator, settings: video.Settings = FILM) -> np.ndarray:
    """Dark blocks that move one of four ways over paper, in the first of the colours: (N, S, S, T x C) uint8."""
    levels = np.full((count, settings.frames, settings.size, settings.size, 3 if settings.colour else 1), 255, np.uint8)
    for number, frames in enumerate(levels):
        way, begin = np.array(WAYS[number % 4]), rng.integers(10, 14, 2)
        side, ink = rng.integers(6, 9), rng.integers(99)
        for moment, frame in enumerate(frames):
            top, left = begin + way * (moment - 2)
            frame[top : top + side, left : left + side, 0] = ink
    return np.moveaxis(levels, 1, 3).reshape(count, settings.size, settings.size, -1)


def kept(films: np.ndarray, settings: video.Settings) -> np.ndarray:
    """As they are read back from files."""
    return np.stack([video.tensor(video.read(video.write(film, settings), settings), settings) for film in films])


def measure(made: Made, place: Path, settings: video.Settings = FILM) -> dict[str, Result]:
    """The figures of a data set whose videos are made of captions by `made`, and from nothing too."""
    rng = np.random.default_rng(1)
    (place / "data/preprocess").mkdir(parents=True)
    real = kept(films(sum(COUNT.values()), rng, settings), settings)
    np.save(place / "data/preprocess/clip.clean.npy", real)
    samples = pd.DataFrame({"id": [f"{number:03d}" for number in range(len(real))], "has_clip": True})
    samples["split"] = np.repeat(list(COUNT), list(COUNT.values()))
    test, keys = real[-COUNT["test"] :], list(samples["id"][-COUNT["test"] :])
    tars = {"text": made(test), "nothing": made(test), "reconstructed": test}
    for label, items in tars.items():
        files = ({"clip.mp4": video.write(item, settings)} for item in items)
        write_shard(place / f"data/generate/{label}.tar", zip(keys, files, strict=True))
    dataset = SimpleNamespace(
        names=[CLIP, Modality("text", "text")], samples=samples, fitted={"clip": settings},
        conditional={("text",): None, ("clip",): None},
    )  # fmt: skip
    return {result.metric: result for result in motion(cast(Dataset, dataset), np.random.default_rng(1))}


@pytest.fixture
def at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def still(films: np.ndarray) -> np.ndarray:
    """The first frame all the time."""
    return np.repeat(films[..., :1], films.shape[-1], -1)


def blurred(films: np.ndarray) -> np.ndarray:
    return gaussian_filter(films, (0, 2.5, 2.5, 0))


def test_the_true_videos_score_1_and_their_frames_are_sharp(at: Path) -> None:
    found = measure(lambda films: films, at)
    assert list(found) == ["motion.text_to_clip", "motion.frames.clip"]
    followed = found["motion.text_to_clip"]
    assert followed.value == pytest.approx(1, abs=0.01) and followed.n == COUNT["test"]
    assert followed.ceiling == followed.value and abs(followed.floor) < 0.2
    sharp = found["motion.frames.clip"]
    assert min(sharp.value, sharp.ceiling) > 0.8 and sharp.floor == 0


def test_videos_that_stand_still_score_near_the_floor(at: Path) -> None:
    found = measure(still, at)
    followed = found["motion.text_to_clip"]
    assert abs(followed.value) < 0.15 and abs(followed.value - followed.floor) < 0.15
    assert followed.high < followed.ceiling - 0.5
    assert found["motion.frames.clip"].value > 0.8, "frame by frame they are as good as real ones"


def test_movements_of_others_score_near_the_floor(at: Path) -> None:
    found = measure(lambda films: np.roll(films, 1, axis=0), at)
    assert found["motion.text_to_clip"].value < 0.1


def test_a_video_that_runs_backwards_is_not_the_true_one(at: Path) -> None:
    found = measure(lambda films: films[..., ::-1], at)
    assert found["motion.text_to_clip"].value < 0.6


def test_blurred_frames_are_not_sharp(at: Path) -> None:
    found = measure(blurred, at)
    assert found["motion.frames.clip"].value < 0.05 and found["motion.frames.clip"].ceiling > 0.8
    assert found["motion.text_to_clip"].value > 0.5, "they move as the true ones do"


def test_colour_counts_as_its_mean(at: Path) -> None:
    found = measure(lambda films: films, at, FILM.model_copy(update={"colour": True}))
    assert found["motion.text_to_clip"].value > 0.95


def test_data_without_videos_have_none() -> None:
    dataset = SimpleNamespace(names=[Modality("text", "text")])
    assert motion(cast(Dataset, dataset), np.random.default_rng(1)) == []


def test_changes_are_counted_where_and_when_they_are() -> None:
    levels = np.zeros((1, 3, 32, 32), np.float32)
    levels[0, 1, 4:8, 28:32] = 100  # the field in row 1, column 7, of the second frame
    levels[0, 1:, 4:6, :4] = 50  # half of that in row 1, column 0, from then on
    found = changes(levels)
    assert found.shape == (1, 2, 8, 8)
    assert found[0, :, 1, 7].tolist() == [100, 100], "to darker or to lighter"
    assert found[0, :, 1, 0].tolist() == [25, 0] and found.sum() == 225


@pytest.mark.parametrize("side", [16, 18, 30, 128])
def test_fields_of_any_side_have_the_mean_of_what_is_in_them(side: int) -> None:
    levels = np.zeros((2, 2, side, side), np.float32)
    levels[:, 1] = 7
    assert (changes(levels) == 7).all()


def test_a_correlation_is_pearsons_and_0_of_what_is_the_same_everywhere() -> None:
    rng = np.random.default_rng(1)
    left, right = rng.normal(size=(2, 5, 3, 4))
    wanted = [np.corrcoef(one.ravel(), other.ravel())[0, 1] for one, other in zip(left, right, strict=True)]
    np.testing.assert_allclose(correlations(left, right), wanted)
    np.testing.assert_allclose(correlations(left, 3 * left + 1), 1)
    np.testing.assert_array_equal(correlations(left, np.ones_like(left)), 0)


def test_sharpness_is_the_squared_frequency_of_a_wave() -> None:
    """Of cos(w x) steps and deviations have the ratio 2 (1 - cos w), which is w squared where w is small."""
    x = np.arange(64)
    wave = np.broadcast_to(np.cos(2 * np.pi * 4 * x / 64), (1, 1, 64, 64)).astype(np.float32)
    found = sharpness(100 + 50 * wave)
    assert found[0, 0] == pytest.approx((2 * np.pi * 4 / 64) ** 2, rel=0.05)
    assert sharpness(np.full((1, 1, 8, 8), 3, np.float32))[0, 0] == 0
    np.testing.assert_allclose(sharpness(10 * wave), found, rtol=1e-4)


def test_grey_has_frames_in_front() -> None:
    levels = films(3, np.random.default_rng(1))
    found = grey(levels, FILM)
    assert found.shape == (3, 6, 32, 32) and found.dtype == np.float32
    np.testing.assert_array_equal(found[1, 4], levels[1, ..., 4])
