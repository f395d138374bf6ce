"""Conditional variational autoencoder: L = L_R + beta L_KL.

An encoder q(z | x, c) and a decoder p(x | z, c) share a latent z whose prior is standard normal. L_R is the squared
error of the decoded mean, L_KL the divergence of q from the prior; both are means over the values of x, so beta is
twice the variance that the decoder is granted.
Sources: Kingma and Welling 2014, arXiv:1312.6114; beta: Higgins et al. 2017; the article, section 4.2.
Axes: B batch, D width of the target and of the latent, C width of the condition.
"""

from typing import Annotated

import torch
from pydantic import Field
from torch import Generator, Tensor, nn

from stages.common.networks import Perceptron
from stages.common.params import Strict


class Settings(Strict):
    """Section `train.vae`."""

    beta: Annotated[float, Field(gt=0)]  # weight of the divergence


class Vae(nn.Module):
    """A density of D-wide vectors of unit variance, given C-wide conditions."""

    betas = (0.9, 0.99)  # of the optimiser's moving averages

    def __init__(self, *, width: int, condition: int, hidden: int, depth: int, settings: Settings) -> None:
        super().__init__()
        self.width, self.beta = width, settings.beta
        self.encoder = Perceptron(width + condition, 2 * width, width=hidden, depth=depth)
        self.decoder = Perceptron(width + condition, width, width=hidden, depth=depth)

    def losses(self, target: Tensor, condition: Tensor, stream: Generator) -> dict[str, Tensor]:
        mean, log_variance = self.encoder(torch.cat([target, condition], -1)).float().chunk(2, -1)  # (B, D) each
        noise = torch.randn(mean.shape, generator=stream)
        made = self.decoder(torch.cat([mean + (0.5 * log_variance).exp() * noise, condition], -1)).float()  # (B, D)
        return {
            "reconstruction": ((made - target) ** 2).mean(),
            "kl": self.beta * divergence(mean, log_variance).mean(),
        }

    @torch.no_grad()
    def sample(self, condition: Tensor, noise: Tensor, *, steps: int) -> Tensor:
        """(B, C) conditions and (B, D) noise -> (B, D) samples, in one step whatever `steps` says."""
        made: Tensor = self.decoder(torch.cat([noise, condition], -1)).float()
        return made


def divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL(N(mean, variance) || N(0, 1)) of each value, in nats."""
    return 0.5 * (mean**2 + log_variance.exp() - 1 - log_variance)
