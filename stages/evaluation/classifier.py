"""A small convolutional judge: one trunk, one head an attribute.

It sees pictures or spectra that are moved about anew at every step, so that a thousand items are enough.
Axes: B batch, C H W picture, E judge features, K classes.
"""

import math

import torch
from torch import Generator, Tensor, nn
from torch.nn.functional import affine_grid, grid_sample

WIDTH = 64  # E


class Classifier(nn.Module):
    """(B, C, H, W) in [0, 1] -> E features -> scores of every attribute's classes."""

    def __init__(self, channels: int, classes: dict[str, int]) -> None:
        super().__init__()
        self.channels = channels
        self.trunk = nn.Sequential(
            block(channels, 32, size=5, stride=2),
            block(32, 64, size=3, stride=1),
            block(64, 64, size=3, stride=2),
            block(64, 128, size=3, stride=2),
            nn.AdaptiveAvgPool2d(4),
            nn.Flatten(),
            nn.Linear(128 * 16, WIDTH),
            nn.SiLU(),
        )
        self.heads = nn.ModuleDict({name: nn.Linear(WIDTH, count) for name, count in classes.items()})

    def forward(self, x: Tensor) -> Tensor:
        features: Tensor = self.trunk(x)
        return features  # (B, E)

    def scores(self, features: Tensor) -> dict[str, Tensor]:
        return {name: head(features) for name, head in self.heads.items()}  # (B, K) each


def block(inputs: int, outputs: int, *, size: int, stride: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(inputs, outputs, size, stride, size // 2), nn.GroupNorm(8, outputs), nn.SiLU())


def moved(
    x: Tensor, stream: Generator, *, turn: float, zoom: float, shear: float, shift: tuple[float, float]
) -> Tensor:
    """(B, C, H, W) `x`, each under its own random affine move; `shift` is the largest along x and y, in half sides."""
    batch = len(x)
    angle = (2 * torch.rand(batch, generator=stream) - 1) * math.radians(turn)
    scale = torch.exp((2 * torch.rand(batch, 2, generator=stream) - 1) * zoom)
    slant = (2 * torch.rand(batch, generator=stream) - 1) * shear
    offset = (2 * torch.rand(batch, 2, generator=stream) - 1) * torch.tensor(shift)
    rows = torch.stack([
        torch.stack([angle.cos() * scale[:, 0], slant - angle.sin(), offset[:, 0]], -1),
        torch.stack([slant + angle.sin(), angle.cos() * scale[:, 1], offset[:, 1]], -1),
    ], 1)  # (B, 2, 3)  # fmt: skip
    return grid_sample(x, affine_grid(rows, list(x.shape), align_corners=False), align_corners=False)
