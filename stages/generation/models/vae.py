"""Conditional variational autoencoder: L = L_R + beta L_KL.

An encoder q(z | x, c) and a decoder p(x | z, c) share a latent z whose prior is standard normal. L_R is the squared
error of the decoded mean, L_KL the divergence of q from the prior; both are means over the values of x, so beta is
twice the variance that the decoder is granted.
Sources: Kingma and Welling 2014, arXiv:1312.6114; beta: Higgins et al. 2017; the article, section 4.2.
Axes: B batch, D width of the target, L of the latent, C of the condition.
"""

from typing import Annotated

import torch
from pydantic import Field, PositiveInt
from torch import Generator, Tensor, nn

from stages.common.params import Strict
from stages.generation.models.convolution import ConvDecoder, ConvEncoder, Grid
from stages.learning.data_parallel import data_parallel
from stages.learning.networks import Perceptron


class Settings(Strict):
    """Section `train.vae`."""

    latent: PositiveInt | None  # width of the latent; None: that of the target
    beta: Annotated[float, Field(gt=0)]  # weight of the divergence


class Vae(nn.Module):
    """A density of D-wide vectors of unit variance, given C-wide conditions."""

    weight: Tensor  # (D,), how much each value counts in the reconstruction
    betas = (0.9, 0.99)  # of the optimiser's moving averages
    comparable = True  # the lower the loss the better the model
    learning_rate = None  # that of the budget

    encoder: nn.Module
    decoder: nn.Module

    def __init__(
        self, *, width: int, condition: int, hidden: int, depth: int, settings: Settings, grid: Grid | None = None
    ) -> None:
        super().__init__()
        self.register_buffer("weight", torch.ones(width))
        self.width, self.latent_width, self.beta = width, settings.latent or width, settings.beta
        if grid:
            self.encoder = ConvEncoder(grid, condition, 2 * self.latent_width, hidden=hidden, depth=depth)
            self.decoder = ConvDecoder(self.latent_width + condition, grid, hidden=hidden, depth=depth)
        else:
            self.encoder = Perceptron(width + condition, 2 * self.latent_width, width=hidden, depth=depth)
            self.decoder = Perceptron(self.latent_width + condition, width, width=hidden, depth=depth)

    def losses(self, target: Tensor, condition: Tensor, stream: Generator) -> dict[str, Tensor]:
        code = data_parallel(self.encoder, torch.cat([target, condition], -1))  # (B, 2 L)
        mean, log_variance = code.float().chunk(2, -1)  # (B, L) each
        noise = torch.randn(mean.shape, generator=stream, device=stream.device)
        latent = mean + (0.5 * log_variance).exp() * noise
        made = data_parallel(self.decoder, torch.cat([latent, condition], -1)).float()  # (B, D)
        return {
            "reconstruction": (self.weight * (made - target) ** 2).mean(),
            "kl": self.beta * divergence(mean, log_variance).sum(-1).mean() / self.width,
        }

    @torch.no_grad()
    def sample(self, condition: Tensor, noise: Tensor, *, steps: int) -> Tensor:
        """(B, C) conditions and (B, L) noise -> (B, D) samples, in one step whatever `steps` says."""
        made: Tensor = self.decoder(torch.cat([noise, condition], -1)).float()
        return made


def divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL(N(mean, variance) || N(0, 1)) of each value, in nats."""
    return 0.5 * (mean**2 + log_variance.exp() - 1 - log_variance)
