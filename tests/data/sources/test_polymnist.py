"""The views: one digit, other writers, inverted backgrounds; bytes depend on the seed alone."""

import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from stages.common.modality import Modality, suffix_of
from stages.common.shards import read_shard
from stages.data.records.split import SPLITS, Shares
from stages.data.sources import polymnist
from stages.data.sources.built_in_shards import Attributes
from stages.data.sources.digits import handwriting

SETTINGS = polymnist.Polymnist(
    samples=120, shard_size=50, shares=Shares(train=0.5, validation=0.1, judge=0.2, test=0.2)
)
NAMES = [Modality(name, kind) for name, kind in polymnist.GIVES.items()]
Acquired = tuple[Path, pd.DataFrame, Attributes]


@pytest.fixture(scope="module")
def acquired(tmp_path_factory: pytest.TempPathFactory) -> Acquired:
    folder = tmp_path_factory.mktemp("views")
    return folder, *polymnist.acquire(SETTINGS, 1, NAMES, folder)


def levels(payload: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(payload))).astype(float)


def test_every_sample_is_indexed_and_complete(acquired: Acquired) -> None:
    folder, index, attributes = acquired
    found = {key: files for path in sorted(folder.glob("*.tar")) for key, files in read_shard(path)}
    assert list(found) == index["id"].tolist() == [f"{number:06d}" for number in range(120)]
    assert all(files.keys() == {suffix_of(name) for name in NAMES} for files in found.values())
    assert set(index["split"]) == set(SPLITS)
    assert attributes == {"digit": {"values": [*"0123456789"], "shown_by": [*polymnist.GIVES]}}


def test_all_views_show_the_digit_and_no_picture_is_in_two_splits(acquired: Acquired) -> None:
    _, index, _ = acquired
    _, labels = handwriting()
    columns = [f"picture_{name}" for name in polymnist.GIVES]
    for column in columns:
        assert (labels[index[column]].astype(str) == index["digit"]).all()
    home = index.set_index("picture_m0")["split"]
    for column in columns:
        assert (home[index[column]].to_numpy() == index["split"]).all()
    assert (index["picture_m0"] != index["picture_m1"]).mean() > 0.5, "other writers"


def test_ink_inverts_what_is_behind_it_and_paper_shows_it() -> None:
    for number, background in enumerate(polymnist.backgrounds()):
        assert background.dtype == np.uint8 and background.shape[2] == 3 and min(background.shape[:2]) > 28
        behind = levels(polymnist.view(np.zeros((28, 28), np.uint8), number, np.random.default_rng(3)))
        inverted = levels(polymnist.view(np.full((28, 28), 255, np.uint8), number, np.random.default_rng(3)))
        assert (behind + inverted == 255).all()
        windows = np.lib.stride_tricks.sliding_window_view(background, (28, 28), axis=(0, 1))
        assert (windows[..., 0, 0] == behind[0, 0]).all(-1).any()
        other = levels(polymnist.view(np.zeros((28, 28), np.uint8), number, np.random.default_rng(4)))
        assert (behind != other).any()


def test_bytes_depend_on_the_seed_alone(acquired: Acquired, tmp_path: Path) -> None:
    folder, index, _ = acquired
    for name, seed in (("again", 1), ("other", 2)):
        (tmp_path / name).mkdir()
        made, _ = polymnist.acquire(SETTINGS, seed, NAMES, tmp_path / name)
        same = [(tmp_path / name / path.name).read_bytes() == path.read_bytes() for path in folder.glob("*.tar")]
        assert all(same) == made.equals(index) == (seed == 1)


def test_more_than_there_are_is_refused(tmp_path: Path) -> None:
    many = SETTINGS.model_copy(update={"samples": 5001})
    with pytest.raises(ValueError, match=r"acquire.polymnist.samples: expected at most 5000, got 5001"):
        polymnist.acquire(many, 1, NAMES, tmp_path)
