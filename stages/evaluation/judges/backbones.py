"""What looks at the items of a modality first: networks from a judge's input to its features.

Axes: B items, C H W picture, F band, T frame or token, E judge features.
"""

from collections.abc import Callable, Mapping
from functools import partial

import torch
from torch import Tensor, nn

from stages.common.modality import GRID, PICTURE, SPECTRUM, TOKENS
from stages.common.special_tokens import PAD

WIDTH = 64  # E
BANDS = 8  # groups of bands that stay apart where time is pooled


def grid(channels: int) -> nn.Module:
    """(B, C, H, W) in [0, 1] -> (B, E): what there is in each field of a grid; spectra are pictures too."""
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


class Pooled(nn.Module):
    """(B, C, H, W) in [0, 1] -> (B, E): what there is, wherever it is; of a spectrum, whenever.

    Nothing is normalised on the way: how dark a colour is, or how loud a sound, tells items apart.
    """

    def __init__(self, channels: int, *, spectrum: bool) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for inputs, outputs, size, stride in ((channels, 32, 5, 2), (32, 64, 3, 2), (64, 64, 3, 2), (64, 128, 3, 1)):
            layers += [nn.Conv2d(inputs, outputs, size, stride, size // 2), nn.SiLU()]
        layers += [nn.AdaptiveAvgPool2d((BANDS, None)), nn.Flatten(1, 2)] if spectrum else [nn.Flatten(2)]
        self.look = nn.Sequential(*layers)
        self.out = nn.Sequential(nn.Linear(2 * 128 * (BANDS if spectrum else 1), WIDTH), nn.SiLU())

    def forward(self, x: Tensor) -> Tensor:
        seen = self.look(x)  # (B, values, places or moments)
        features: Tensor = self.out(torch.cat([seen.mean(-1), seen.amax(-1)], -1))
        return features


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


BACKBONES: Mapping[str, Mapping[str, Callable[[int], nn.Module]]] = {  # network: by what an item's tensor is
    "grid": {PICTURE: grid, SPECTRUM: grid, GRID: grid, TOKENS: TokenBackbone},
    "pooled": {
        PICTURE: partial(Pooled, spectrum=False),
        SPECTRUM: partial(Pooled, spectrum=True),
        GRID: partial(Pooled, spectrum=False),
        TOKENS: TokenBackbone,
    },
}
