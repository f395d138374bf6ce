"""What a judge gets of the items of each modality, and how these are augmented while it learns.

Items are moved about anew at every step, so that a thousand of them, or a few dozen, teach more than themselves.
Axes: N or B items, C H W picture, F band, T frame or token.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Generator, Tensor
from torch.nn.functional import affine_grid, grid_sample

from stages.common.modality import GRID, PICTURE, SPECTRUM, TOKENS, tensor_of
from stages.common.special_tokens import PAD
from stages.learning.device import device

CLEAN = Path("data/preprocess")
BATCH = 64  # items that a judge looks at together
UNCHANGED = 0.3  # share of the items that a step leaves as they are: to move them blurs, and real items are sharp
HIDDEN = 0.15  # share of a caption's tokens that are hidden in training


def clean_items(name: str, rows: np.ndarray) -> Tensor:
    """The clean items of a modality at `rows` of the table of samples, (N,) bool: (N, ...) bytes or int64 tokens."""
    return as_tensor(np.load(CLEAN / f"{name}.clean.npy", mmap_mode="r")[rows])


def as_tensor(items: np.ndarray) -> Tensor:
    """(N, ...) uint8, or uint16 tokens, as a tensor that takes no more room: `INPUTS` makes floats of a batch."""
    return torch.from_numpy(items if items.dtype == np.uint8 else items.astype(np.int64))


def input_batches(name: str, items: Tensor) -> Iterator[Tensor]:
    """(N, ...) clean items as a judge gets them, batch by batch, on the device."""
    return (INPUTS[tensor_of(name)](batch.to(device())) for batch in items.split(BATCH))


def input_size(name: str, items: Tensor) -> int:
    """What a trunk must know of the items: the channels of pictures and spectra, the number of tokens of captions."""
    return int(items.max()) + 1 if tensor_of(name) == TOKENS else INPUTS[tensor_of(name)](items[:1]).shape[1]


def augmented(name: str, items: Tensor, stream: Generator) -> Tensor:
    """A batch of inputs, most of them augmented."""
    unchanged = torch.rand(len(items), *[1] * (items.ndim - 1), generator=stream, device=stream.device) < UNCHANGED
    return torch.where(unchanged, items, AUGMENTATIONS[tensor_of(name)](items, stream))


def picture_input(pictures: Tensor) -> Tensor:
    """(B, S, S, C) uint8 -> (B, C, S, S) in [0, 1], paper 0: what moves in from outside is paper."""
    return 1 - pictures.permute(0, 3, 1, 2).float() / 255


def token_input(tokens: Tensor) -> Tensor:
    """(B, T) int64, as they are."""
    return tokens


def spectrum_input(levels: Tensor) -> Tensor:
    """(B, F, T) uint8 -> (B, 1, F, T) in [0, 1]."""
    return levels[:, None].float() / 255


def grid_input(grids: Tensor) -> Tensor:
    """(B, S, S, S) uint8 -> (B, S, S, S) in [0, 1]: the third axis are the channels."""
    return grids.permute(0, 3, 1, 2).float() / 255


def augment_picture(x: Tensor, stream: Generator) -> Tensor:
    """Turned, sheared, shifted; hardly zoomed, which would change the weight of the strokes."""
    return random_affine(x, stream, turn=15, zoom=0.05, shear=0.2, shift=(0.12, 0.12))


def augment_tokens(tokens: Tensor, stream: Generator) -> Tensor:
    """Some tokens hidden."""
    return tokens.masked_fill(torch.rand(tokens.shape, generator=stream, device=stream.device) < HIDDEN, PAD)


def augment_spectrum(x: Tensor, stream: Generator) -> Tensor:
    """Shifted in time, louder or softer where there is sound, with noise."""
    x = random_affine(x, stream, turn=0, zoom=0, shear=0, shift=(0.15, 0.02))
    gain = 0.2 * (torch.rand(len(x), 1, 1, 1, generator=stream, device=stream.device) - 0.5)
    return (x + gain * (x > 0) + 0.05 * torch.randn(x.shape, generator=stream, device=stream.device)).clamp(0, 1)


def augment_grid(x: Tensor, stream: Generator) -> Tensor:
    """Shifted along two axes; not turned, which would change the pose."""
    return random_affine(x, stream, turn=0, zoom=0.05, shear=0, shift=(0.1, 0.1))


def random_affine(
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


INPUTS: Mapping[str, Callable[[Tensor], Tensor]] = {
    PICTURE: picture_input, SPECTRUM: spectrum_input, GRID: grid_input, TOKENS: token_input,
}  # fmt: skip
AUGMENTATIONS: Mapping[str, Callable[[Tensor, Generator], Tensor]] = {
    PICTURE: augment_picture, SPECTRUM: augment_spectrum, GRID: augment_grid, TOKENS: augment_tokens,
}  # fmt: skip
