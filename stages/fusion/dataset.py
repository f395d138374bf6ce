"""The features of all modalities side by side, and random batches of them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Generator, Tensor

from stages.common.files import read_table, read_tensors
from stages.learning.device import device, take_rows, to_device
from stages.learning.masks import columns

Shape = tuple[int, ...]


@dataclass(frozen=True)
class FeatureDataset:
    """Features of every sample; a sample's modalities stand next to each other.

    N samples, R of them in the train split with V augmented copies each, M modalities, W the sum of their widths.
    """

    names: tuple[str, ...]  # modalities, in the order of the columns
    shapes: list[Shape]  # of each: (D,) features, or (T, D) of tokens
    clean: Tensor  # (N, W)
    available: Tensor  # (N, M) bool: which modalities a sample has
    split: np.ndarray  # (N,) of str
    augmented: Tensor  # (R, V, W)
    scale: Tensor  # (W,), the size that each feature has in the item; each is 1 in the columns above

    @property
    def widths(self) -> list[int]:
        """Columns of each modality."""
        return widths_of(self.shapes)

    def rows(self, split: str) -> Tensor:
        """Numbers of the samples of a split."""
        return torch.from_numpy(np.flatnonzero(self.split == split)).to(self.clean.device)

    @property
    def train_available(self) -> Tensor:
        """(R, M) bool: which modalities a train sample has."""
        return self.available[self.rows("train")]

    @property
    def targets(self) -> Tensor:
        """(R, W): the train samples as they are. What is generated should be like these, not like changed copies."""
        return self.clean[self.rows("train")]

    def draw(self, batch: int, stream: Generator, sample: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Random train samples, or given ones: their numbers (B,) and features (B, W), of each modality a copy."""
        if sample is None:
            sample = torch.randint(len(self.augmented), (batch,), generator=stream, device=stream.device)
        parts, variants = [], self.augmented.shape[1]
        for part in self.augmented.flatten(0, 1).split(self.widths, -1):
            copy = torch.randint(variants, sample.shape, generator=stream, device=stream.device)
            parts.append(take_rows(part, variants * sample + copy))
        return sample, torch.cat(parts, -1)

    def held_out(self) -> "FeatureDataset":
        """The samples of the validation split as if they were to learn from."""
        return self.only(self.rows("validation"))

    def only(self, rows: Tensor) -> "FeatureDataset":
        """Some samples by their numbers, as if they were to learn from; each is its only copy."""
        clean, split = self.clean[rows], np.full(len(rows), "train")
        return replace(self, clean=clean, available=self.available[rows], split=split, augmented=clean[:, None])

    def columns(self, there: Tensor) -> Tensor:
        """(B, M) bool -> (B, W) bool: the columns that belong to the modalities."""
        return columns(there, self.widths)


def widths_of(shapes: Sequence[Shape]) -> list[int]:
    """How many features there are of each shape."""
    return [math.prod(shape) for shape in shapes]


def side_by_side(parts: Sequence[np.ndarray]) -> np.ndarray:
    """(N, D) or (N, T, D) each -> (N, W)."""
    return np.concatenate([part.reshape(len(part), -1) for part in parts], -1)


def feature_files(names: Sequence[str], features: Path) -> list[Path]:
    return [features / name / "features.safetensors" for name in names]


def read_features(names: Sequence[str], features: Path, samples: Path) -> FeatureDataset:
    """What the `extract` stages wrote below `features`, for the samples of the table `samples`, on the device."""
    table = read_table(samples, text=("id",))
    parts = [read_tensors(path) for path in feature_files(names, features)]
    augmented = side_by_side([part["augmented"] for part in parts])
    return FeatureDataset(
        names=tuple(names),
        shapes=[part["clean"].shape[1:] for part in parts],
        clean=torch.from_numpy(side_by_side([part["clean"] for part in parts])).to(device()),
        available=torch.tensor(table[[f"has_{name}" for name in names]].to_numpy(), device=device()),
        split=table["split"].to_numpy(),
        scale=torch.from_numpy(np.concatenate([part["scale"] for part in parts])).to(device()),
        augmented=to_device(torch.from_numpy(augmented).unflatten(0, (int((table["split"] == "train").sum()), -1))),
    )
