"""A residual perceptron whose every block is told the condition: it moves and scales what the block has normalised.

A condition that stands beside the input alone must be carried through all blocks, which have the input to work on: with
it in each block a flow learned in half the steps what it learned before.
Source: adaptive layer normalisation, Peebles and Xie 2023, arXiv:2212.09748, section 3.2.
Axes: B batch, E width, C width of the condition as the blocks read it.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import layer_norm, silu

from stages.learning.networks import ZeroLinear


class AdaptiveResidual(nn.Module):
    """x + gate W2 silu(W1 (scale norm(x) + shift)), where scale and gate are 1 and shift 0 at first."""

    def __init__(self, width: int, condition: int) -> None:
        super().__init__()
        self.adapt = ZeroLinear(condition, 3 * width)
        self.rise = nn.Linear(width, width)
        self.fall = nn.Linear(width, width)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        scale, shift, gate = self.adapt(condition).chunk(3, -1)  # (B, E) each
        normed = (1 + scale) * layer_norm(x, x.shape[-1:]) + shift
        update: Tensor = self.fall(silu(self.rise(normed)))
        return x + (1 + gate) * update  # (B, E)


class AdaptivePerceptron(nn.Module):
    """(B, inputs) and conditions (B, told) -> (B, outputs) through `depth` residual blocks of `width`."""

    def __init__(self, inputs: int, told: int, outputs: int, *, width: int, depth: int, condition: int) -> None:
        super().__init__()
        self.read = nn.Sequential(nn.Linear(told, condition), nn.SiLU(), nn.Linear(condition, condition), nn.SiLU())
        self.enter = nn.Linear(inputs + condition, width)
        self.blocks = nn.ModuleList(AdaptiveResidual(width, condition) for _ in range(depth))
        self.norm, self.leave = nn.LayerNorm(width), nn.Linear(width, outputs)

    def forward(self, x: Tensor, told: Tensor) -> Tensor:
        condition = self.read(told)  # (B, C)
        x = self.enter(torch.cat([x, condition], -1))
        for block in self.blocks:
            x = block(x, condition)
        made: Tensor = self.leave(self.norm(x))
        return made
