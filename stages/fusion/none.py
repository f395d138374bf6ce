"""No fusion: a representation of width 0. Each modality is generated on its own, whatever is observed.

For the article's example, which has pictures alone, and as the floor that every fusion must beat.
Axes: B batch, M modality, W features of all modalities.
"""

from pathlib import Path

from torch import Tensor, nn

from stages.common.params import Strict
from stages.fusion.dataset import FeatureDataset, Shape
from stages.fusion.objective import Learning


class Settings(Strict):
    """Nothing can be set."""


class Fusion(nn.Module):
    """Features of any subset of modalities -> nothing."""

    def forward(self, features: Tensor, seen: Tensor) -> Tensor:
        """(B, W) features and (B, M) bool -> (B, 0)."""
        return features[:, :0]


def build(shapes: list[Shape], unified: int, settings: Settings) -> Fusion:
    """The fusion that keeps nothing."""
    return Fusion()


def fit(
    dataset: FeatureDataset, settings: Settings, learning: Learning, *, seed: int, state: Path
) -> tuple[Fusion, None]:
    """There is nothing to learn and no loss curve."""
    return Fusion(), None
