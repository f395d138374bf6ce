"""A latent diffusion after Bounoua et al. 2024 (MLD; Entropy 26:320, arXiv:2306.04445), on the networks of the peers.

First a deterministic autoencoder a modality, then one score network on their latents side by side. Multi-time: at each
step some of the latents are noisy and the others, of which the network is told that they are given, clean; so it
learns every direction. Half of the budget goes to each. Axes: B batch, M modalities, L latent of one, W of all.
"""

import math
from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from stages.common.modality import TOKENS, tensor_of
from tools.peers.clock import OWN, Clock, Patience, descend, peak_mib
from tools.peers.items import Batch, Items, item
from tools.peers.networks import decoder, encoder, tell
from tools.peers.trained import Given, Trained

LATENT = 64  # of one modality
HIDDEN, BLOCKS, TIMES = 512, 4, 64  # of the score network; TIMES: features of the time
BATCH, RATE, EMA = 256, 1e-3, 0.999
WHOLE = 0.5  # share of the steps at which all latents are noisy
BETA = (0.1, 20.0)  # of the variance-preserving process, at its start and end (Song et al. 2021, arXiv:2011.13456)
SOLVER = 250  # steps of Euler and Maruyama
HELD = 16  # times that the noise of the validation split is drawn, where its loss is asked for
ENCODING = 0.1  # share of the budget for the latents of the copies, at most


class Block(nn.Module):
    """A residual block that is told time and givens."""

    def __init__(self) -> None:
        super().__init__()
        self.told, self.norm = nn.Linear(TIMES, HIDDEN), nn.LayerNorm(HIDDEN)
        self.body = nn.Sequential(nn.Linear(HIDDEN, HIDDEN), nn.SiLU(), nn.Linear(HIDDEN, HIDDEN))

    def forward(self, rows: Tensor, told: Tensor) -> Tensor:
        added: Tensor = self.body(self.norm(rows) + self.told(told))
        return rows + added


class Score(nn.Module):
    """Noisy latents (B, W), time (B,) and which modalities are noisy (B, M) -> their noise (B, W)."""

    scale: Tensor

    def __init__(self, count: int) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(count * LATENT, HIDDEN), nn.Linear(HIDDEN, count * LATENT)
        self.told = nn.Sequential(nn.Linear(TIMES + count, TIMES), nn.SiLU())
        self.blocks = nn.ModuleList(Block() for _ in range(BLOCKS))
        self.register_buffer("scale", torch.logspace(0, 3, TIMES // 2))

    def forward(self, latents: Tensor, time: Tensor, noisy: Tensor) -> Tensor:
        angles = time[:, None] * self.scale
        told = self.told(torch.cat([angles.sin(), angles.cos(), noisy], -1))
        rows = self.first(latents)
        for block in self.blocks:
            rows = block(rows, told)
        made: Tensor = self.last(rows)
        return made


class LatentDiffusion(nn.Module):
    """Both parts."""

    mean: Tensor
    spread: Tensor

    def __init__(self, items: Items) -> None:
        super().__init__()
        self.names = items.names
        self.encoders = nn.ModuleDict({name: encoder(name, items, LATENT) for name in items.names})
        self.decoders = nn.ModuleDict({name: decoder(name, items, LATENT) for name in items.names})
        self.score: nn.Module = Score(len(items.names))
        self.register_buffer("mean", torch.zeros(len(items.names) * LATENT))
        self.register_buffer("spread", torch.ones(len(items.names) * LATENT))

    def lost(self, batch: Batch) -> Tensor:
        """What the autoencoders lose, a mean over values or tokens each: their weights have nothing in common."""
        tell(self.decoders, batch)
        losses = []
        for name in self.names:
            made = self.decoders[name](self.encoders[name](batch[name]).embedding).reconstruction
            if tensor_of(name) == TOKENS:
                losses.append(nn.functional.cross_entropy(made.flatten(0, 1), batch[name]["tokens"].flatten()))
            else:
                losses.append(nn.functional.mse_loss(made, batch[name]))
        return torch.stack(losses).sum()

    def encode(self, batch: Batch) -> Tensor:
        """Latents (B, W)."""
        return torch.cat([self.encoders[name](batch[name]).embedding for name in self.names], -1)

    def noise_lost(self, latents: Tensor, score: nn.Module) -> Tensor:
        """What a score network does not tell of the noise, of (B, W) normal latents."""
        size, count = len(latents), len(self.names)
        noisy = (torch.rand(size, count) < torch.rand(size, 1)).float()
        noisy[torch.rand(size) < WHOLE] = 1
        noisy[noisy.sum(-1) == 0] = 1
        columns, time, noise = noisy.repeat_interleave(LATENT, -1), torch.rand(size), torch.randn_like(latents)
        kept = kept_share(time)[:, None]
        mixed = torch.where(columns > 0, kept * latents + (1 - kept**2).sqrt() * noise, latents)
        wrong = (score(mixed, time, noisy) - noise) ** 2 * columns
        return wrong.sum() / columns.sum()

    def draw(self, given: Tensor, noisy: Tensor) -> Tensor:
        """Latents (B, W), of which those of some modalities are given and the others, `noisy` (M,), are drawn."""
        columns = noisy.repeat_interleave(LATENT)
        latents = torch.where(columns > 0, torch.randn_like(given), given)
        told, step = noisy.expand(len(given), -1), 1 / SOLVER
        for time in torch.linspace(1, step, SOLVER):
            beta = BETA[0] + time * (BETA[1] - BETA[0])
            found = self.score(latents, time.expand(len(given)), told)
            slope = -found / (1 - kept_share(time) ** 2).sqrt()
            moved = latents + beta * step * (latents / 2 + slope) + (beta * step).sqrt() * torch.randn_like(latents)
            latents = torch.where(columns > 0, moved, given)
        return latents


def kept_share(time: Tensor) -> Tensor:
    """What is left of a latent at `time`, from 0 to 1."""
    return torch.exp(-(time**2) * (BETA[1] - BETA[0]) / 4 - time * BETA[0] / 2)


def train(items: Items, seed: int, budgets: Sequence[float], clock: Clock) -> Iterator[Trained]:
    """The model at the end of the only one of `budgets`, which its two parts share out."""
    (budget,) = budgets
    torch.manual_seed(seed)
    rng, model = np.random.default_rng(seed), LatentDiffusion(items)
    adam = torch.optim.Adam([*model.encoders.parameters(), *model.decoders.parameters()], lr=RATE, fused=True)
    patience = Patience(lambda: model.eval().lost(items.held), model, share=0.5) if budget == OWN else None
    steps = 0
    for _ in descend(lambda: model.train().lost(items.draw(BATCH, rng)), adam, clock, budget / 2, patience):
        steps += 1
    model.eval().requires_grad_(False)
    latents, held = settled(model, items, rng, clock, budget)
    score: nn.Module = model.score.requires_grad_(True)
    mean = AveragedModel(score, multi_avg_fn=get_ema_multi_avg_fn(EMA))
    adam = torch.optim.Adam(score.parameters(), lr=RATE, fused=True)

    def held_lost() -> Tensor:
        """Of the average that is used, always under the same noise."""
        with torch.random.fork_rng():
            torch.manual_seed(0)
            return torch.stack([model.noise_lost(held, mean.module) for _ in range(HELD)]).mean()

    if budget == OWN:
        patience = Patience(held_lost, mean.module, begin=clock.seconds(), share=0.5)
    rows = partial(torch.randint, len(latents), (BATCH,))
    for _ in descend(lambda: model.noise_lost(latents[rows()], score), adam, clock, budget, patience):
        mean.update_parameters(score)
        steps += 1
    model.score = mean.module.requires_grad_(False)
    weights = sum(weight.numel() for weight in model.parameters())
    yield Trained(budget, clock.seconds(), steps, weights, peak_mib(), partial(sample, model, items))


def settled(
    model: LatentDiffusion, items: Items, rng: np.random.Generator, clock: Clock, budget: float
) -> tuple[Tensor, Tensor]:
    """Latents (N, W) of the copies, as many as there is time for, and of the validation split, normal from now on."""
    begin, parts, order = clock.seconds(), [], rng.permutation(len(items))
    for rows in np.array_split(order, math.ceil(len(order) / BATCH)):
        parts.append(model.encode(items.rows(rows)))
        if clock.seconds() - begin > ENCODING * budget:
            break
    latents, held = torch.cat(parts), model.encode(items.held)
    model.mean.copy_(latents.mean(0))
    model.spread.copy_(latents.std(0))
    return (latents - model.mean) / model.spread, (held - model.mean) / model.spread


def sample(
    model: LatentDiffusion, items: Items, given: Given, count: int, wanted: Sequence[str]
) -> dict[str, np.ndarray]:
    """Items of the `wanted` modalities."""
    tell(model.decoders, None)
    with torch.no_grad():
        noisy = torch.tensor([0.0 if name in given else 1.0 for name in model.names])
        whole = model.encode(items.blank(count, items.batch(given)))
        latents = model.draw((whole - model.mean) / model.spread, noisy) * model.spread + model.mean
        parts = dict(zip(model.names, latents.split(LATENT, -1), strict=True))
        return {name: item(name, model.decoders[name](parts[name]).reconstruction) for name in wanted}
