"""Conditional flow matching on straight paths.

Noise x0 and data x1 are joined by x_t = (1 - t) x0 + t x1; the model learns dx/dt. Sampling follows the learned
velocity from noise to data with Heun's second-order steps.
With guidance the velocity is that without the condition, and its difference to that with it more than once.
Sources: Lipman et al. 2023, arXiv:2210.02747, section 4.1 (loss); Karras et al. 2022, arXiv:2206.00364, sections 3
and 5 (solver; preconditioning, here derived for straight paths); Ho and Salimans 2022, arXiv:2207.12598, section 3.2
(guidance without a classifier, whose w is `weight` - 1).
Axes: B batch, D width of the target, C width of the condition, F frequency. Time runs from 0 (noise) to 1 (data).
"""

import math
from typing import NamedTuple

import torch
from pydantic import PositiveInt
from torch import Generator, Tensor, nn

from stages.common.params import Strict
from stages.generation.models.adaptive_perceptron import AdaptivePerceptron
from stages.generation.models.convolution import Grid
from stages.learning.data_parallel import data_parallel


class Settings(Strict):
    """Section `train.flow`."""

    frequencies: PositiveInt  # F, of the time embedding
    condition_width: PositiveInt  # of condition and time as every block of the network is told them


class Guidance(NamedTuple):
    """How far samples are pushed from what nothing is known of towards the condition."""

    weight: float  # 1: as learned
    nothing: Tensor  # (B, C), the condition that says nothing


class Flow(nn.Module):
    """A density of D-wide vectors of unit variance, given C-wide conditions."""

    weight: Tensor  # (D,), how much each value counts in the loss
    betas = (0.9, 0.99)  # of the optimiser's moving averages
    comparable = True  # the lower the loss the better the model
    learning_rate = None  # that of the budget

    def __init__(
        self, *, width: int, condition: int, hidden: int, depth: int, settings: Settings, grid: Grid | None = None
    ) -> None:
        if grid:
            raise ValueError(
                "train.decoders.network: expected perceptron with model flow, got convolution; change either"
            )
        super().__init__()
        self.latent_width, self.frequencies = width, settings.frequencies
        self.register_buffer("weight", torch.ones(width))
        told = condition + 2 * self.frequencies
        across = {"width": hidden, "depth": depth, "condition": settings.condition_width}
        self.network = AdaptivePerceptron(width, told, width, **across)

    def forward(self, x: Tensor, t: Tensor, condition: Tensor) -> Tensor:
        """Velocity (B, D) at (B, D) points and (B, 1) times.

        The part of the velocity that is linear in x is known (data and noise have unit variance), so the network
        learns the rest alone, scaled to unit variance.
        """
        variance = t**2 + (1 - t) ** 2  # (B, 1) of x
        octaves = torch.exp(torch.linspace(0, math.log(100), self.frequencies, device=t.device))  # (F,)
        times = torch.cat([(t * octaves).sin(), (t * octaves).cos()], -1)  # (B, 2 F)
        rest = self.network(x / variance.sqrt(), torch.cat([condition, times], -1)).float()  # (B, D)
        velocity: Tensor = (2 * t - 1) / variance * x + rest / variance.sqrt()
        return velocity

    def losses(self, target: Tensor, condition: Tensor, stream: Generator) -> dict[str, Tensor]:
        """The mean squared error of the velocity, at times that lie rather in the middle of the path."""
        noise = torch.randn(target.shape, generator=stream, device=stream.device)  # (B, D)
        t = torch.sigmoid(torch.randn(len(target), 1, generator=stream, device=stream.device))  # (B, 1)
        x_t = (1 - t) * noise + t * target
        error = (data_parallel(self, x_t, t, condition) - (target - noise)) ** 2  # (B, D)
        return {"velocity": (self.weight * error).mean()}

    @torch.no_grad()
    def sample(self, condition: Tensor, noise: Tensor, *, steps: int, guidance: Guidance | None = None) -> Tensor:
        """(B, C) conditions and (B, D) noise -> (B, D) samples."""

        def velocity(x: Tensor, t: Tensor) -> Tensor:
            told: Tensor = self(x, t.expand(len(x), 1), condition)
            if guidance is None:
                return told
            untold: Tensor = self(x, t.expand(len(x), 1), guidance.nothing)
            return untold + guidance.weight * (told - untold)

        x, times = noise, torch.linspace(0, 1, steps + 1, device=noise.device)
        for now, then in zip(times[:-1], times[1:], strict=True):
            first = velocity(x, now)
            second = velocity(x + (then - now) * first, then)
            x = x + (then - now) * (first + second) / 2
        return x
