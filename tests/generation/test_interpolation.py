"""The way between two draws: it starts and ends at them, keeps to lengths that noise has, and moves evenly."""

import torch

from stages.common.learning import stream
from stages.generation.interpolation import circle


def ends(seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    start, end = torch.randn(2, 5, 24, generator=stream(seed, "ends"))
    return start, end


def test_it_goes_from_one_end_to_the_other() -> None:
    start, end = ends(1)
    walk = circle(start, end, torch.linspace(0, 1, 8))
    assert walk.shape == (5, 8, 24)
    torch.testing.assert_close(walk[:, 0], start)
    torch.testing.assert_close(walk[:, -1], end)


def test_lengths_on_the_way_lie_between_those_of_the_ends() -> None:
    start, end = ends(2)
    lengths = circle(start, end, torch.linspace(0, 1, 9)).norm(dim=-1)
    expected = torch.lerp(start.norm(dim=-1)[:, None], end.norm(dim=-1)[:, None], torch.linspace(0, 1, 9)[None])
    torch.testing.assert_close(lengths, expected)


def test_every_step_turns_by_the_same_angle() -> None:
    start, end = ends(3)
    walk = torch.nn.functional.normalize(circle(start, end, torch.linspace(0, 1, 7)), dim=-1)
    cosines = (walk[:, 1:] * walk[:, :-1]).sum(-1)
    torch.testing.assert_close(cosines, cosines[:, :1].expand_as(cosines), atol=1e-5, rtol=0)


def test_from_a_point_to_itself_nothing_moves() -> None:
    start, _ = ends(4)
    torch.testing.assert_close(circle(start, start, torch.linspace(0, 1, 3))[:, 1], start, atol=1e-4, rtol=1e-4)
