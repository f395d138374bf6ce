"""Closed volumes are as many pieces as real ones, with nothing hollow in them."""

from pathlib import Path
from types import SimpleNamespace
from typing import cast

import numpy as np
import pandas as pd
import pytest

from stages.common.modality import Modality
from stages.common.shards import write_shard
from stages.data.kinds import volume
from stages.evaluation.metrics.closed import closed, hollow, pieces
from stages.evaluation.metrics.evaluated_data import Dataset

SIDE, COUNT = 16, 6
SETTINGS = volume.Settings(size=SIDE, shift=0)


def block(*more: tuple[int, int, int], without: tuple[int, int, int] | None = None) -> np.ndarray:
    """A cube of 5 voxels a side, some voxels more, and one less."""
    matter = np.zeros((SIDE,) * 3, bool)
    matter[2:7, 2:7, 2:7] = True
    for place in more:
        matter[place] = True
    if without:
        matter[without] = False
    return matter


def ring() -> np.ndarray:
    matter = np.zeros((SIDE,) * 3, bool)
    matter[3:10, 3:10, 5] = True
    matter[5:8, 5:8, 5] = False
    return matter


def test_a_hole_that_leads_through_is_none() -> None:
    assert pieces(ring()) == 1 and not hollow(ring())
    assert pieces(block()) == 1 and not hollow(block())
    assert not hollow(block(without=(2, 4, 4)))  # a dent
    assert hollow(block(without=(4, 4, 4)))


def test_voxels_that_touch_by_an_edge_are_two_pieces() -> None:
    assert pieces(block((7, 6, 6))) == 1
    assert pieces(block((7, 7, 6))) == pieces(block((12, 12, 12))) == 2


def folder_of(tars: dict[str, list[np.ndarray]]) -> None:
    for tar, grids in tars.items():
        files = ((f"{n:06d}", {"npy": volume.write(one * np.uint8(255), SETTINGS)}) for n, one in enumerate(grids))
        write_shard(Path(f"data/generate/{tar}.tar"), files)


def told(real: np.ndarray) -> Dataset:
    """Test samples that are all `real`, of which one lacks its volume."""
    names = [Modality("image", "image"), Modality("volume", "volume")]
    samples = pd.DataFrame({"split": ["train", *["test"] * COUNT], "has_volume": [True, False, *[True] * (COUNT - 1)]})
    blank = np.zeros_like(real)
    np.save("data/preprocess/volume.clean.npy", np.stack([blank, blank, *[real] * (COUNT - 1)]) * np.uint8(255))
    made = SimpleNamespace(items={"volume": None, "image": None})
    outputs = {
        (): made,
        ("image",): SimpleNamespace(items={"volume": None}),
        ("volume",): SimpleNamespace(items={"image": None}),
    }
    return cast(Dataset, SimpleNamespace(names=names, samples=samples, outputs=outputs))


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for folder in ("generate", "preprocess"):
        Path("data", folder).mkdir(parents=True)


def test_each_direction_has_its_figure() -> None:
    folder_of({
        "nothing": [block(), ring(), block((12, 12, 12)), block(without=(4, 4, 4))],
        "image": [block(), ring(), ring(), block((12, 12, 12))],
        "reconstructed": [block()] * 3 + [np.zeros((SIDE,) * 3, bool)],
        "decoded_noise": [block((12, 12, 12))] * 4,
    })  # fmt: skip
    results = {one.metric: one for one in closed(told(block()), np.random.default_rng(1))}
    assert list(results) == ["closed.volume", "closed.image_to_volume"]
    assert [one.value for one in results.values()] == [0.5, 0.75]
    assert all((one.floor, one.ceiling, one.n) == (0.0, 0.75, 4) for one in results.values())


def test_two_things_are_two_pieces() -> None:
    two = block((12, 12, 12))
    folder_of({tar: [two, two, block()] for tar in ("nothing", "image", "reconstructed", "decoded_noise")})
    assert closed(told(two), np.random.default_rng(1))[0].value == pytest.approx(2 / 3)


def test_without_volumes_there_is_none() -> None:
    dataset = cast(Dataset, SimpleNamespace(names=[Modality("image", "image")]))
    assert closed(dataset, np.random.default_rng(1)) == []
