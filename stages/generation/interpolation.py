"""Interpolation: what the model makes of points between two draws of the unified representation.

Ends are drawn from nothing. Interpolated is the noise from which the prior draws, along the great circle between the
two (White 2016, arXiv:1609.04468): every point of it has a length that noise has, so that each sample on the way is one
that the model might draw. On a straight line between the representations themselves the middle belongs to neither side
and to no sample, and is decoded to a blend. The noise of the decoders is kept, so that what is private to a modality
does not flicker on the way.
Axes: B steps of all strips, M modality, U unified width, L width of the noise, W features.
"""

import torch
from torch import Generator, Tensor

from stages.generation.models.families import Density
from stages.generation.sampler import Sampler, normal

STRIPS, STEPS = 2, 8


def interpolated(sampler: Sampler, prior: Density, chance: Generator) -> tuple[list[str], Tensor]:
    """Keys ``strip-step`` and features (B, W)."""
    place = chance.device
    seen = torch.zeros(STRIPS * STEPS, len(sampler.decoders), dtype=torch.bool, device=place)
    nothing = torch.zeros(len(seen), sum(sampler.dataset.widths), device=place)
    ends = torch.randn(2, STRIPS, prior.latent_width, generator=chance, device=place)
    noise = great_circle(ends[0], ends[1], torch.linspace(0, 1, STEPS, device=place)).flatten(0, 1)  # (B, L)
    unified = sampler.unify(prior, nothing, seen, noise)  # (B, U)
    kept = [normal(STRIPS, one.latent_width, chance).repeat_interleave(STEPS, 0) for one in sampler.decoders]
    return [f"{strip}-{step}" for strip in range(STRIPS) for step in range(STEPS)], sampler.features(unified, kept)


def great_circle(start: Tensor, end: Tensor, places: Tensor) -> Tensor:
    """(N, L) to (N, L): points at `places` (P,) in [0, 1] of the arc between them, (N, P, L); lengths change evenly."""
    lengths = start.norm(dim=-1, keepdim=True), end.norm(dim=-1, keepdim=True)  # (N, 1) each
    cosine = ((start / lengths[0]) * (end / lengths[1])).sum(-1, keepdim=True).clamp(-1, 1)
    angle = torch.arccos(cosine)[:, None].clamp(min=1e-4)  # (N, 1, 1)
    place = places[None, :, None]  # (1, P, 1)
    left, right = torch.sin((1 - place) * angle) / torch.sin(angle), torch.sin(place * angle) / torch.sin(angle)
    direction = left * (start / lengths[0])[:, None] + right * (end / lengths[1])[:, None]
    return direction * ((1 - place) * lengths[0][:, None] + place * lengths[1][:, None])
