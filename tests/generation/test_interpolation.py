"""The way between two draws: it starts and ends at them, keeps to lengths that noise has, and moves evenly."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import torch

from stages.generation.interpolation import great_circle, interpolated
from stages.generation.sampler import Sampler
from stages.learning.training import stream
from tests.generation.sampling import sampling


def ends(seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    start, end = torch.randn(2, 5, 24, generator=stream(seed, "ends"))
    return start, end


def test_it_goes_from_one_end_to_the_other() -> None:
    start, end = ends(1)
    way = great_circle(start, end, torch.linspace(0, 1, 8))
    assert way.shape == (5, 8, 24)
    torch.testing.assert_close(way[:, 0], start)
    torch.testing.assert_close(way[:, -1], end)


def test_lengths_on_the_way_lie_between_those_of_the_ends() -> None:
    start, end = ends(2)
    lengths = great_circle(start, end, torch.linspace(0, 1, 9)).norm(dim=-1)
    expected = torch.lerp(start.norm(dim=-1)[:, None], end.norm(dim=-1)[:, None], torch.linspace(0, 1, 9)[None])
    torch.testing.assert_close(lengths, expected)


def test_every_step_turns_by_the_same_angle() -> None:
    start, end = ends(3)
    way = torch.nn.functional.normalize(great_circle(start, end, torch.linspace(0, 1, 7)), dim=-1)
    cosines = (way[:, 1:] * way[:, :-1]).sum(-1)
    torch.testing.assert_close(cosines, cosines[:, :1].expand_as(cosines), atol=1e-5, rtol=0)


def test_from_a_point_to_itself_nothing_moves() -> None:
    start, _ = ends(4)
    torch.testing.assert_close(great_circle(start, start, torch.linspace(0, 1, 3))[:, 1], start, atol=1e-4, rtol=1e-4)


def test_strips_hold_what_is_private_still_and_move_what_is_shared() -> None:
    """A prior that hands its noise on, and decoders that add theirs: only the former may change within a strip."""

    class Echo:
        latent_width = 3

        def sample(self, condition: torch.Tensor, noise: torch.Tensor, *, steps: int) -> torch.Tensor:
            return 100 * condition[:, :3].round() + noise if condition.shape[1] == 3 else noise

    def fused(features: torch.Tensor, seen: torch.Tensor) -> torch.Tensor:
        assert not seen.any(), "ends are drawn from nothing"
        return torch.zeros(len(features), 4)

    echo = cast(Any, Echo())
    settings = sampling(decoder_temperature=0.5)
    dataset = SimpleNamespace(names=("a", "b"), widths=[3, 3])
    sampler = Sampler(cast(Any, dataset), {}, {}, cast(Any, fused), echo, [echo, echo], settings, 1, Path())
    keys, made = interpolated(sampler, echo, stream(1, "strips"))
    assert keys[0] == "0-0" and keys[-1] == "1-7" and made.shape == (len(keys), 6)
    private = made - 100 * (made / 100).round()  # the noise of the decoders is small beside the steps
    for strip in private.unflatten(0, (2, 8)):
        torch.testing.assert_close(strip, strip[:1].expand_as(strip), atol=1e-4, rtol=0)
    assert (made[0] - made[7]).abs().max() > 50
