"""The way from one sample to another: what the model makes of points between two draws of the unified representation.

Ends are drawn from nothing. What is walked is the noise from which the whole is drawn, along the great circle between
the two (White 2016, arXiv:1609.04468): every point of it has a length that noise has, so that each sample on the way
is one that the model might draw. On a straight line between the representations themselves the middle belongs to
neither side and to no sample, and is decoded to a blend. The noise of the parts is kept, so that what is private to
a modality does not flicker on the way.
Axes: B steps of all strips, M modality, U unified width, L width of the noise, W features.
"""

import torch
from torch import Generator, Tensor

from stages.fusion.fuse import Fused
from stages.generation.families import Density

STRIPS, STEPS = 2, 8


def strips(
    fused: Fused,
    whole: Density,
    parts: list[Density],
    features: int,
    *,
    steps: int,
    temperatures: tuple[float, float],
    chance: Generator,
) -> tuple[list[str], Tensor]:
    """Keys ``strip-step`` and features (B, W).

    `features` is W, `steps` those of the solver, `temperatures` those of the noise of the whole and of the parts.
    """
    seen = torch.zeros(STRIPS * STEPS, len(parts), dtype=torch.bool, device=chance.device)
    condition = torch.cat([fused(torch.zeros(len(seen), features, device=chance.device), seen), seen], -1)  # (B, U + M)
    ends = torch.randn(2, STRIPS, whole.noise, generator=chance, device=chance.device)
    walk = circle(ends[0], ends[1], torch.linspace(0, 1, STEPS, device=chance.device)).flatten(0, 1)  # (B, L)
    unified = whole.sample(condition, temperatures[0] * walk, steps=steps)  # (B, U)
    made = []
    for part in parts:
        noise = torch.randn(STRIPS, part.noise, generator=chance, device=chance.device).repeat_interleave(STEPS, 0)
        made.append(part.sample(unified, temperatures[1] * noise, steps=steps))
    return [f"{strip}-{step}" for strip in range(STRIPS) for step in range(STEPS)], torch.cat(made, -1)


def circle(start: Tensor, end: Tensor, places: Tensor) -> Tensor:
    """(N, L) to (N, L): points at `places` (P,) in [0, 1] of the arc between them, (N, P, L); lengths change evenly."""
    lengths = start.norm(dim=-1, keepdim=True), end.norm(dim=-1, keepdim=True)  # (N, 1) each
    cosine = ((start / lengths[0]) * (end / lengths[1])).sum(-1, keepdim=True).clamp(-1, 1)
    angle = torch.arccos(cosine)[:, None].clamp(min=1e-4)  # (N, 1, 1)
    place = places[None, :, None]  # (1, P, 1)
    left, right = torch.sin((1 - place) * angle) / torch.sin(angle), torch.sin(place * angle) / torch.sin(angle)
    direction = left * (start / lengths[0])[:, None] + right * (end / lengths[1])[:, None]
    return direction * ((1 - place) * lengths[0][:, None] + place * lengths[1][:, None])
