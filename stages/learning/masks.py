"""Masks of the modalities, as tensors: which of a batch are there, and random subsets of those.

Axes: B batch, M modality, W features of all modalities.
"""

from collections.abc import Sequence

import torch
from torch import Generator, Tensor

from stages.learning.device import device


def mask(subset: Sequence[str], names: Sequence[str], batch: int) -> Tensor:
    """(B, M) bool: the subset, for each of a batch."""
    return torch.tensor([name in subset for name in names], device=device()).expand(batch, -1)


def random_subsets(there: Tensor, *, nothing: float, stream: Generator) -> Tensor:
    """For each row of (B, M) bool, a random subset of what is there: nothing with chance `nothing`, else a half."""
    something = torch.rand(len(there), 1, generator=stream, device=there.device) >= nothing
    return random_halves(there, stream) & something


def random_halves(there: Tensor, stream: Generator) -> Tensor:
    """For each row of (B, M) bool, a random subset of what is there that is neither empty nor, if possible, all."""
    order = (
        torch.rand(there.shape, generator=stream, device=there.device).masked_fill(~there, 2.0).argsort(-1).argsort(-1)
    )
    count = there.sum(-1, keepdim=True)  # (B, 1)
    taken = 1 + torch.rand(count.shape, generator=stream, device=there.device) * (count - 1).clamp(
        min=1
    )  # in [1, count)
    return there & (order < taken.floor())


def subset_number(seen: Tensor) -> Tensor:
    """(B, M) bool -> (B,) a number for each subset, from 0 to 2^M - 1: the modalities as binary digits.

    >>> subset_number(torch.tensor([[True, False, True], [False, False, False]])).tolist()
    [5, 0]
    """
    digits = 2 ** torch.arange(seen.shape[1] - 1, -1, -1, device=seen.device)
    return (seen * digits).sum(-1)


def with_constant(seen: Tensor) -> Tensor:
    """(..., M) bool -> (..., 1 + M) bool: a constant modality in front, which is always seen."""
    return torch.cat([seen.new_ones(*seen.shape[:-1], 1), seen], -1)


def columns(there: Tensor, widths: Sequence[int]) -> Tensor:
    """(..., M) bool -> (..., W) bool: the columns of features that belong to the modalities.

    >>> columns(torch.tensor([True, False]), [2, 1]).tolist()
    [True, True, False]
    """
    shape = there.shape[:-1]
    return torch.cat([one.expand(*shape, width) for one, width in zip(there.split(1, -1), widths, strict=True)], -1)
