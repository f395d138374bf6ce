"""Flow matching: an exact solver on straight paths, and densities that are really learned, modes and all."""

from typing import Any

import pytest
import torch
from torch import Generator, Tensor

from stages.common.learning import Training, optimise, stream
from stages.common.networks import initialise
from stages.generation.families import FAMILIES
from stages.generation.flow import Flow


class Straight(Flow):
    """A known velocity in place of the network: `slope` times 1, or times 2 t."""

    def __init__(self, slope: Tensor, *, rising: bool) -> None:
        super().__init__(width=slope.shape[-1], condition=1, hidden=4, depth=1)
        self.slope, self.rising = slope, rising

    def forward(self, x: Tensor, t: Tensor, condition: Tensor, *more: Any) -> Tensor:
        return self.slope * (2 * t if self.rising else torch.ones_like(t))


@pytest.mark.parametrize("steps", [1, 2, 25])
@pytest.mark.parametrize("rising", [False, True])
def test_heun_is_exact_on_fields_that_are_linear_in_time(steps: int, rising: bool) -> None:
    noise, slope = torch.randn(6, 3, generator=stream(1, "noise")), torch.tensor([[1.0, -2.0, 0.0]])
    made = Straight(slope, rising=rising).sample(torch.zeros(6, 1), noise, steps=steps)
    torch.testing.assert_close(made, noise + slope, atol=1e-5, rtol=1e-5)


def test_an_untrained_flow_without_output_leaves_unit_variance() -> None:
    """The known part of the velocity alone carries unit noise to unit noise."""
    model = Flow(width=4, condition=2, hidden=8, depth=1)
    for parameter in model.parameters():
        torch.nn.init.zeros_(parameter)
    noise = torch.randn(5, 4, generator=stream(1, "noise"))
    torch.testing.assert_close(model.sample(torch.zeros(5, 2), noise, steps=100), noise, atol=1e-3, rtol=1e-3)


def pair(count: int, chance: Generator) -> tuple[Tensor, Tensor]:
    """Conditions (N, 1), -1 or 1, and targets (N, 2): the condition, and one of two modes beside it."""
    condition = 2.0 * torch.randint(2, (count, 1), generator=chance) - 1
    mode = 2.0 * (torch.rand(count, 1, generator=chance) < 0.7) - 1
    return condition, torch.cat([condition, mode], -1) + 0.1 * torch.randn(count, 2, generator=chance)


@pytest.fixture(scope="module", params=sorted(FAMILIES))
def trained(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Each family, taught the density of `pair`."""
    model: Any = FAMILIES[request.param](width=2, condition=1, hidden=64, depth=2)
    initialise(model, stream(1, "weights"))

    def loss(chance: Generator) -> dict[str, Tensor]:
        condition, target = pair(256, chance)
        losses: dict[str, Tensor] = model.losses(target, condition, chance)
        return losses

    state = tmp_path_factory.mktemp("state")
    optimise(
        model, loss, Training(steps=700, batch=256, learning_rate=0.005), seed=1, name="toy", state=state, average=0.99
    )
    return model


def drawn(model: Any, count: int = 1000, seed: int = 1) -> tuple[Tensor, Tensor]:
    chance = stream(seed, "drawn")
    condition, _ = pair(count, chance)
    made: Tensor = model.sample(condition, torch.randn(count, 2, generator=chance), steps=25)
    return condition, made


def test_samples_follow_the_condition_and_keep_both_modes(trained: Any) -> None:
    condition, made = drawn(trained)
    assert ((made[:, :1] - condition).abs() < 0.4).float().mean() > 0.95
    assert ((made[:, 1].abs() - 1).abs() < 0.4).float().mean() > 0.85
    for sign in (-1, 1):
        upper = (made[condition[:, 0] == sign, 1] > 0).float().mean().item()
        assert upper == pytest.approx(0.7, abs=0.1)


def test_the_same_noise_gives_the_same_sample_and_other_noise_another(trained: Any) -> None:
    assert torch.equal(drawn(trained)[1], drawn(trained)[1])
    assert not torch.equal(drawn(trained)[1], drawn(trained, seed=2)[1])


def test_samples_do_not_see_each_other(trained: Any) -> None:
    condition, noise = torch.ones(6, 1), torch.randn(6, 2, generator=stream(3, "noise"))
    together = trained.sample(condition, noise, steps=5)
    torch.testing.assert_close(together[:2], trained.sample(condition[:2], noise[:2], steps=5), atol=1e-4, rtol=1e-4)
    assert trained.sample(condition[:0], noise[:0], steps=5).shape == (0, 2)
