"""Flow matching: an exact solver on straight paths, and a loss that a known velocity brings to its least."""

import pytest
import torch
from torch import Tensor

from stages.generation.models.flow import Flow, Guidance, Settings
from stages.learning.training import stream

SETTINGS = Settings(frequencies=4, condition_width=8)


class Straight(Flow):
    """A known velocity in place of the network: `slope` times 1, or times 2 t."""

    def __init__(self, slope: Tensor, *, rising: bool) -> None:
        super().__init__(width=slope.shape[-1], condition=1, hidden=4, depth=1, settings=SETTINGS)
        self.slope, self.rising = slope, rising

    def forward(self, x: Tensor, t: Tensor, condition: Tensor) -> Tensor:
        return self.slope * (2 * t if self.rising else torch.ones_like(t))


@pytest.mark.parametrize("steps", [1, 2, 25])
@pytest.mark.parametrize("rising", [False, True])
def test_heun_is_exact_on_fields_that_are_linear_in_time(steps: int, rising: bool) -> None:
    noise, slope = torch.randn(6, 3, generator=stream(1, "noise")), torch.tensor([[1.0, -2.0, 0.0]])
    made = Straight(slope, rising=rising).sample(torch.zeros(6, 1), noise, steps=steps)
    torch.testing.assert_close(made, noise + slope, atol=1e-5, rtol=1e-5)


def test_an_untrained_flow_without_output_leaves_unit_variance() -> None:
    """The known part of the velocity alone carries unit noise to unit noise."""
    model = Flow(width=4, condition=2, hidden=8, depth=1, settings=SETTINGS)
    for parameter in model.parameters():
        torch.nn.init.zeros_(parameter)
    noise = torch.randn(5, 4, generator=stream(1, "noise"))
    torch.testing.assert_close(model.sample(torch.zeros(5, 2), noise, steps=100), noise, atol=1e-3, rtol=1e-3)


def test_the_loss_is_nothing_where_the_velocity_is_known_and_its_square_where_it_is_silent() -> None:
    """One point is the target: from any x_t the way to it is (target - x_t) / (1 - t)."""
    target = torch.full((512, 3), 2.0)

    class Known(Flow):
        def forward(self, x: Tensor, t: Tensor, condition: Tensor) -> Tensor:
            return (target - x) / (1 - t)

    class Silent(Flow):
        def forward(self, x: Tensor, t: Tensor, condition: Tensor) -> Tensor:
            return torch.zeros_like(x)

    known, silent = (
        kind(width=3, condition=1, hidden=4, depth=1, settings=SETTINGS).losses(
            target, torch.zeros(512, 1), stream(1, "loss")
        )["velocity"]
        for kind in (Known, Silent)
    )
    assert known < 1e-8
    assert silent == pytest.approx(2.0**2 + 1, rel=0.1)  # E (target - noise)^2


def test_values_count_in_the_loss_as_much_as_they_are_weighed() -> None:
    model, noise = Straight(torch.zeros(1, 2), rising=False), torch.zeros(64, 1)
    target = torch.tensor([[0.0, 9.0]]).expand(64, -1)
    plain = model.losses(target, noise, stream(1, "loss"))["velocity"]
    model.weight.copy_(torch.tensor([1.0, 0.0]))
    first = model.losses(target, noise, stream(1, "loss"))["velocity"]
    model.weight.copy_(torch.tensor([0.0, 1.0]))
    second = model.losses(target, noise, stream(1, "loss"))["velocity"]
    assert first < 1.5 < 30 < second
    torch.testing.assert_close(first + second, plain)


class Told(Flow):
    """A velocity that is the condition."""

    def forward(self, x: Tensor, t: Tensor, condition: Tensor) -> Tensor:
        return condition


def test_guidance_goes_on_from_nothing_through_the_condition() -> None:
    """Of weight 0 it is as if nothing were known, of 1 as learned, of 3 thrice as far from nothing."""
    model = Told(width=2, condition=2, hidden=4, depth=1, settings=SETTINGS)
    noise, condition, nothing = torch.randn(5, 2), torch.randn(5, 2), torch.randn(5, 2)
    for weight in (0.0, 1.0, 3.0):
        made = model.sample(condition, noise, steps=4, guidance=Guidance(weight, nothing))
        expected = noise + nothing + weight * (condition - nothing)
        torch.testing.assert_close(made, expected, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(model.sample(condition, noise, steps=4), noise + condition, atol=1e-5, rtol=1e-5)
