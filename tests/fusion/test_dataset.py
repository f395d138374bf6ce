"""The dataset that training draws from: features side by side, and batches that never mix two samples."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from stages.common.files import write_table, write_tensors
from stages.fusion.dataset import FeatureDataset, Shape, read_features
from stages.learning.training import stream

SHAPES: dict[str, Shape] = {"image": (2,), "text": (3, 1)}  # captions are tokens
SPLITS = ["test", "train", "train", "judge", "train"]
THERE = {"image": [True, True, False, True, True], "text": [True, True, True, False, True]}
VARIANTS = 4


@pytest.fixture
def dataset(tmp_path: Path) -> FeatureDataset:
    """Five samples; a feature tells sample, modality and copy: 100 sample + 10 modality + copy, copy 9 is clean."""
    train = [number for number, split in enumerate(SPLITS) if split == "train"]
    for place, (name, shape) in enumerate(SHAPES.items()):
        clean = [np.full(shape, 100 * sample + 10 * place + 9) for sample in range(5)]
        augmented = [np.full(shape, 100 * sample + 10 * place + copy) for sample in train for copy in range(VARIANTS)]
        tensors = {"clean": np.stack(clean).astype(np.float32), "augmented": np.stack(augmented).astype(np.float32)}
        tensors["scale"] = np.full(shape, place + 0.5, np.float32).flatten()
        write_tensors(tmp_path / name / "features.safetensors", tensors)
    table = pd.DataFrame(
        {"id": list("abcde"), "split": SPLITS, **{f"has_{name}": seen for name, seen in THERE.items()}}
    )
    write_table(tmp_path / "samples.csv", table)
    return read_features(list(SHAPES), tmp_path, tmp_path / "samples.csv")


def test_rows_and_columns_are_where_they_belong(dataset: FeatureDataset) -> None:
    assert dataset.names == ("image", "text") and dataset.shapes == list(SHAPES.values()) and dataset.widths == [2, 3]
    assert dataset.scale.tolist() == [0.5, 0.5, 1.5, 1.5, 1.5]
    assert dataset.clean.tolist() == [[100 * n + 9] * 2 + [100 * n + 19] * 3 for n in range(5)]
    assert dataset.available.tolist() == [list(row) for row in zip(*THERE.values(), strict=True)]
    assert dataset.rows("train").tolist() == [1, 2, 4]
    assert dataset.rows("nowhere").tolist() == []
    assert dataset.augmented.shape == (3, VARIANTS, 5)
    assert dataset.augmented[2, 3].tolist() == [403, 403, 413, 413, 413]
    assert dataset.columns(torch.tensor([[True, False], [False, True]])).tolist() == [[1, 1, 0, 0, 0], [0, 0, 1, 1, 1]]


def test_a_batch_mixes_copies_but_never_samples(dataset: FeatureDataset) -> None:
    rows, features = dataset.draw(600, stream(1, "test"))
    sample, copy = features // 100, features % 10
    assert torch.equal(sample, torch.tensor([1, 2, 4])[rows, None].expand(-1, 5))
    assert set(rows.tolist()) == {0, 1, 2}
    assert torch.equal(dataset.targets[rows] // 100, sample)
    assert (dataset.targets % 10 == 9).all()
    assert torch.equal(dataset.train_available[rows], dataset.available[sample[:, 0].long()])
    pairs = set(zip(copy[:, 0].tolist(), copy[:, 4].tolist(), strict=True))
    assert pairs == {(one, other) for one in range(VARIANTS) for other in range(VARIANTS)}
    assert torch.equal(dataset.draw(7, stream(1, "test"))[1], dataset.draw(7, stream(1, "test"))[1])
