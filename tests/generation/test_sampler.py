"""Guidance of the prior: asked of a flow alone, and only where something is observed; and what is not drawn."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import torch
from torch import Tensor

from stages.generation.models.families import Density
from stages.generation.models.flow import Flow, Settings
from stages.generation.sampler import Sampler
from tests.generation.sampling import sampling

GIVEN, NOISE = torch.randn(4, 6), torch.randn(4, 3)
SEEN = torch.tensor([[True, False]] * 4)


class Counted(Flow):
    """A velocity that is the representation, and how often it was asked."""

    asked = 0

    def forward(self, x: Tensor, t: Tensor, condition: Tensor) -> Tensor:
        self.asked += 1
        return condition[:, :3]


def sampler(guidance: float) -> Sampler:
    def fused(features: Tensor, seen: Tensor) -> Tensor:
        return features[:, :3] * seen.any(1, keepdim=True)

    settings = sampling(steps=2, guidance=guidance)
    return Sampler(cast(Any, SimpleNamespace()), {}, {}, cast(Any, fused), None, [], settings, 1, Path())


def prior() -> Counted:
    return Counted(width=3, condition=5, hidden=4, depth=1, settings=Settings(frequencies=2, condition_width=2))


def test_what_is_observed_counts_as_often_as_it_is_asked_to() -> None:
    for guidance in (1.0, 2.5):
        drawn = sampler(guidance).unify(prior(), GIVEN, SEEN, NOISE)
        torch.testing.assert_close(drawn, NOISE + guidance * GIVEN[:, :3])


def test_from_nothing_guidance_changes_nothing_and_costs_nothing() -> None:
    plain, guided, nothing = prior(), prior(), torch.zeros_like(SEEN)
    drawn = [sampler(g).unify(model, GIVEN, nothing, NOISE) for g, model in ((1.0, plain), (2.5, guided))]
    assert torch.equal(*drawn) and plain.asked == guided.asked


@pytest.mark.parametrize("seen", [SEEN, torch.zeros_like(SEEN)])
def test_only_a_flow_can_be_guided(seen: Tensor) -> None:
    other = cast(Density, SimpleNamespace(sample=lambda condition, noise, *, steps: noise))
    assert torch.equal(sampler(1.0).unify(other, GIVEN, seen, NOISE), NOISE)
    with pytest.raises(ValueError, match=r"generate\.guidance: expected 1 where train\.model is not flow"):
        sampler(2.0).unify(other, GIVEN, seen, NOISE)


def test_what_is_not_wanted_is_zero_and_is_not_drawn() -> None:
    """The others come out as they do with it, because every decoder has noise of its own."""
    dataset = SimpleNamespace(names=("a", "b"), widths=[3, 3])
    decoders = [prior(), prior()]
    both = replace(sampler(1.0), dataset=cast(Any, dataset), decoders=cast(Any, decoders))
    unified, noises = torch.randn(4, 5), [torch.randn(4, 3), torch.randn(4, 3)]
    whole = both.features(unified, noises)
    before = [decoder.asked for decoder in decoders]
    part = both.features(unified, noises, ["b"])
    assert torch.equal(part[:, 3:], whole[:, 3:]) and not part[:, :3].any() and whole[:, :3].any()
    assert decoders[0].asked == before[0] and decoders[1].asked > before[1]
