"""What looks at the items of a modality first: networks from a judge's input to its features.

Axes: B items, C H W picture, F band, T frame or token, E judge features.
"""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn

from stages.common.special_tokens import PAD

WIDTH = 64  # E


def convolutional(channels: int) -> nn.Module:
    """(B, C, H, W) in [0, 1] -> (B, E), by convolutions; spectra are pictures too."""
    return nn.Sequential(
        block(channels, 32, size=5, stride=2),
        block(32, 64, size=3, stride=1),
        block(64, 64, size=3, stride=2),
        block(64, 128, size=3, stride=2),
        nn.AdaptiveAvgPool2d(4),
        nn.Flatten(),
        nn.Linear(128 * 16, WIDTH),
        nn.SiLU(),
    )


def block(inputs: int, outputs: int, *, size: int, stride: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(inputs, outputs, size, stride, size // 2), nn.GroupNorm(8, outputs), nn.SiLU())


class TokenBackbone(nn.Module):
    """(B, T) tokens -> (B, E): which runs of tokens occur, wherever they stand."""

    def __init__(self, tokens: int) -> None:
        super().__init__()
        self.embed = nn.Embedding(tokens, 64)
        self.runs = nn.Sequential(nn.Conv1d(64, 128, 3, padding=1), nn.SiLU(), nn.Conv1d(128, 128, 3, padding=1))
        self.out = nn.Sequential(nn.Linear(256, WIDTH), nn.SiLU())

    def forward(self, tokens: Tensor) -> Tensor:
        known = tokens.masked_fill(tokens >= self.embed.num_embeddings, PAD)  # training may not have seen every token
        runs = self.runs(self.embed(known).mT)  # (B, C, T)
        features: Tensor = self.out(torch.cat([runs.mean(-1), runs.amax(-1)], -1))
        return features


BACKBONES: Mapping[str, Callable[[int], nn.Module]] = {
    "image": convolutional,
    "text": TokenBackbone,
    "audio": convolutional,
}
