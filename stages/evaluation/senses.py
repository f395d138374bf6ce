"""How judges see items of each modality, how these may move without becoming others, and what looks at them first.

Items are moved about anew at every step, so that a thousand of them, or a few dozen, teach more than themselves.
Axes: N or B items, C H W picture, F band, T frame or token, E judge features.
"""

import math
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Generator, Tensor, nn
from torch.nn.functional import affine_grid, grid_sample

from stages.data.text import PAD

CLEAN = Path("data/preprocess")
WIDTH = 64  # E
PIECE = 64  # items that a judge looks at together
STILL = 0.3  # share of the items that a step leaves unmoved: moving blurs, and real items are sharp
UNREAD = 0.15  # share of a caption's tokens that a move hides


def clean_items(name: str, rows: np.ndarray) -> Tensor:
    """The clean items of a modality at `rows` of the table of samples, (N,) bool: (N, ...) bytes or int64 tokens."""
    return as_tensor(np.load(CLEAN / f"{name}.clean.npy", mmap_mode="r")[rows])


def as_tensor(items: np.ndarray) -> Tensor:
    """(N, ...) uint8, or uint16 tokens, as a tensor. It takes no more room: `SEEN` turns a batch of it into floats."""
    return torch.from_numpy(items if items.dtype == np.uint8 else items.astype(np.int64))


def kinds(name: str, items: Tensor) -> int:
    """What a trunk must know of the items: the channels of pictures and spectra, the number of tokens of captions."""
    return int(items.max()) + 1 if name == "text" else SEEN[name](items[:1]).shape[1]


def stirred(name: str, items: Tensor, stream: Generator) -> Tensor:
    """Items, as seen, of which most are moved."""
    still = torch.rand(len(items), *[1] * (items.ndim - 1), generator=stream, device=stream.device) < STILL
    return torch.where(still, items, MOVES[name](items, stream))


def seen_image(pictures: Tensor) -> Tensor:
    """(B, S, S, C) uint8 -> (B, C, S, S) in [0, 1], paper 0: what moves in from outside is paper."""
    return 1 - pictures.permute(0, 3, 1, 2).float() / 255


def seen_text(tokens: Tensor) -> Tensor:
    """(B, T) int64, as they are."""
    return tokens


def seen_audio(levels: Tensor) -> Tensor:
    """(B, F, T) uint8 -> (B, 1, F, T) in [0, 1]."""
    return levels[:, None].float() / 255


def move_image(x: Tensor, stream: Generator) -> Tensor:
    """Turned, sheared, shifted; hardly zoomed, which would change the weight of the strokes."""
    return moved(x, stream, turn=15, zoom=0.05, shear=0.2, shift=(0.12, 0.12))


def move_text(tokens: Tensor, stream: Generator) -> Tensor:
    """Some tokens hidden."""
    return tokens.masked_fill(torch.rand(tokens.shape, generator=stream, device=stream.device) < UNREAD, PAD)


def move_audio(x: Tensor, stream: Generator) -> Tensor:
    """Shifted in time, louder or softer where there is sound, noisy."""
    x = moved(x, stream, turn=0, zoom=0, shear=0, shift=(0.15, 0.02))
    gain = 0.2 * (torch.rand(len(x), 1, 1, 1, generator=stream, device=stream.device) - 0.5)
    return (x + gain * (x > 0) + 0.05 * torch.randn(x.shape, generator=stream, device=stream.device)).clamp(0, 1)


def moved(
    x: Tensor, stream: Generator, *, turn: float, zoom: float, shear: float, shift: tuple[float, float]
) -> Tensor:
    """(B, C, H, W) `x`, each under its own random affine move; `shift` is the largest along x and y, in half sides."""
    batch = len(x)

    def uniform(*shape: int) -> Tensor:
        return 2 * torch.rand(*shape, generator=stream, device=stream.device) - 1

    angle, scale = uniform(batch) * math.radians(turn), torch.exp(uniform(batch, 2) * zoom)
    slant, offset = uniform(batch) * shear, uniform(batch, 2)
    rows = torch.stack([
        torch.stack([angle.cos() * scale[:, 0], slant - angle.sin(), offset[:, 0] * shift[0]], -1),
        torch.stack([slant + angle.sin(), angle.cos() * scale[:, 1], offset[:, 1] * shift[1]], -1),
    ], 1)  # (B, 2, 3)  # fmt: skip
    return grid_sample(x, affine_grid(rows, list(x.shape), align_corners=False), align_corners=False)


def eye(channels: int) -> nn.Module:
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


class Reader(nn.Module):
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


SEEN: Mapping[str, Callable[[Tensor], Tensor]] = {"image": seen_image, "text": seen_text, "audio": seen_audio}
MOVES: Mapping[str, Callable[[Tensor, Generator], Tensor]] = {
    "image": move_image,
    "text": move_text,
    "audio": move_audio,
}
TRUNKS: Mapping[str, Callable[[int], nn.Module]] = {"image": eye, "text": Reader, "audio": eye}
