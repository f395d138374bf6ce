"""Conditional generative adversarial network: L = L_G + lambda L_D.

L_G = -E log D(G(z, c), c) and L_D = -E log D(x, c) - E log(1 - D(G(z, c), c)), as in the article, section 4.1. One
optimiser can minimise their sum because each part teaches its own network only: in L_G the discriminator's weights
are constants, in L_D the generator's samples are.
What makes it stable: both kinds of items bear the same noise, so that their densities overlap (instance noise, Arjovsky
and Bottou 2017, arXiv:1701.04862, section 3), and the discriminator may not be steep, neither at real items (R1,
Mescheder et al. 2018, arXiv:1801.04406, section 4.1) nor at generated ones (R2, ibid.). The slope takes a second
derivative, so it is measured at a part of the batch (cf. Karras et al. 2020, arXiv:1912.04958, appendix B); a cheaper
estimate, from differences along random directions, lets a GAN on pixels collapse.
Source of the method: Goodfellow et al. 2014, arXiv:1406.2661.
Axes: B batch, D width of the target, L of the noise, C of the condition.
"""

from functools import partial
from typing import Annotated

import torch
from pydantic import Field, PositiveInt
from torch import Generator, Tensor, nn
from torch.func import functional_call
from torch.nn.functional import softplus

from stages.common.params import Strict
from stages.generation.models.convolution import ConvDecoder, ConvEncoder, Grid
from stages.learning.data_parallel import data_parallel
from stages.learning.device import full_precision
from stages.learning.networks import Perceptron, PlainPerceptron
from stages.learning.training import add_noise

LAZY, FEW = 4, 8  # the slope is measured at a quarter of a batch, at no fewer than eight items


class Settings(Strict):
    """Section `train.gan`."""

    latent: PositiveInt | None  # width of the noise; None: that of the target
    momentum: Annotated[float, Field(ge=0, lt=1)]  # of the optimiser: it turns in circles (Mescheder et al. 2018, 3)
    discriminator_weight: Annotated[float, Field(gt=0)]  # lambda, weight of the discriminator's loss
    learning_rate: Annotated[float, Field(gt=0)] | None  # peak, of both; None: that of the budget
    gradient_penalty: Annotated[float, Field(ge=0)]  # weight of the discriminator's slope
    noise: Annotated[float, Field(ge=0)]  # standard deviation of the noise on what the discriminator sees


class Gan(nn.Module):
    """A density of D-wide vectors of unit variance, given C-wide conditions."""

    generator: nn.Module
    discriminator: nn.Module
    comparable = False  # what a discriminator says of two states depends on its own

    def __init__(
        self, *, width: int, condition: int, hidden: int, depth: int, settings: Settings, grid: Grid | None = None
    ) -> None:
        super().__init__()
        self.weight = None  # a discriminator sees a sample as a whole
        self.learning_rate = settings.learning_rate
        self.latent_width, self.settings, self.betas = settings.latent or width, settings, (settings.momentum, 0.99)
        if grid:
            self.generator = ConvDecoder(self.latent_width + condition, grid, hidden=hidden, depth=depth)
            self.discriminator = ConvEncoder(grid, condition, 1, hidden=hidden, depth=depth)
        else:
            self.generator = Perceptron(self.latent_width + condition, width, width=hidden, depth=depth)
            self.discriminator = PlainPerceptron(width + condition, 1, width=hidden, depth=depth)

    def losses(self, target: Tensor, condition: Tensor, stream: Generator) -> dict[str, Tensor]:
        noise = torch.randn(len(target), self.latent_width, generator=stream, device=stream.device)
        made = data_parallel(self.generator, torch.cat([noise, condition], -1)).float()  # (B, D)
        real, fake = (add_noise(items, self.settings.noise, stream) for items in (target, made))
        constant = {name: weight.detach() for name, weight in self.discriminator.named_parameters()}
        seen_by = partial(functional_call, self.discriminator, constant)
        fooled = data_parallel(seen_by, torch.cat([fake, condition], -1)).float()  # (B, 1) logits of D, as are the next
        fake = fake.detach()
        on_real, on_fake = (
            data_parallel(self.discriminator, torch.cat([items, condition], -1)).float() for items in (real, fake)
        )
        weight = self.settings.discriminator_weight
        losses = {
            "generation": softplus(-fooled).mean(),
            "discrimination": weight * (softplus(-on_real) + softplus(on_fake)).mean(),
        }
        if self.settings.gradient_penalty:
            part = max(len(target) // LAZY, FEW)
            slopes = [data_parallel(self.slope, items[:part], condition[:part]) for items in (real, fake)]
            losses["penalty"] = weight * self.settings.gradient_penalty / 2 * torch.cat(slopes).mean()
        return losses

    def slope(self, items: Tensor, condition: Tensor) -> Tensor:
        """|grad D|^2 of the logit at each of `items` (B, D): (B, 1), itself differentiable. In full precision."""
        with full_precision(), torch.enable_grad():
            items, condition = items.detach().float().requires_grad_(), condition.float()
            logit = self.discriminator(torch.cat([items, condition], -1)).sum()
            (slope,) = torch.autograd.grad(logit, items, create_graph=True)
        return slope.square().sum(-1, keepdim=True)

    @torch.no_grad()
    def sample(self, condition: Tensor, noise: Tensor, *, steps: int) -> Tensor:
        """(B, C) conditions and (B, L) noise -> (B, D) samples, in one step whatever `steps` says."""
        made: Tensor = self.generator(torch.cat([noise, condition], -1)).float()
        return made
