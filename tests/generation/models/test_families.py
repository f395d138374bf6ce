"""The families of generators: each learns a density, modes and all, and its losses are those of its paper."""

import math
from typing import Any

import pytest
import torch
from torch import Generator, Tensor
from torch.distributions import Normal, kl_divergence

from stages.common.params import read_yaml
from stages.generation.models import gan, vae
from stages.generation.models.convolution import check_grid
from stages.generation.models.families import FAMILIES
from stages.generation.models.trained_generator import build
from stages.learning.networks import initialise
from stages.learning.training import Training, optimise, stream
from tests.clones import ROOT

SETTINGS: dict[str, Any] = read_yaml(ROOT / "params.yaml")["train"]
SETTINGS["vae"] |= {"beta": 0.1}  # twice the variance that the decoder is granted: the modes below are narrow


def untrained(family: str, *, width: int, hidden: int = 8) -> Any:
    """A model of the family with the settings of params.yaml and weights from a stream."""
    shape = {"width": width, "condition": 1, "hidden": hidden, "depth": 2}
    model = build(family, shape, SETTINGS[family])
    initialise(model, stream(1, "weights"))
    return model


def pair(count: int, chance: Generator) -> tuple[Tensor, Tensor]:
    """Conditions (N, 1), -1 or 1, and targets (N, 2): the condition, and one of two modes beside it."""
    condition = 2.0 * torch.randint(2, (count, 1), generator=chance) - 1
    mode = 2.0 * (torch.rand(count, 1, generator=chance) < 0.7) - 1
    return condition, torch.cat([condition, mode], -1) + 0.1 * torch.randn(count, 2, generator=chance)


@pytest.fixture(scope="module", params=sorted(FAMILIES))
def trained(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Each family, taught the density of `pair`."""
    model = untrained(request.param, width=2, hidden=64)

    def loss(chance: Generator) -> dict[str, Tensor]:
        condition, target = pair(256, chance)
        losses: dict[str, Tensor] = model.losses(target, condition, chance)
        return losses

    state = tmp_path_factory.mktemp("state")
    training = Training(steps=1500, batch=256, learning_rate=0.002)
    optimise(model, loss, training, betas=model.betas, ema_decay=0.99, seed=1, name="toy", state=state)
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


def test_the_divergence_is_that_of_two_normal_distributions() -> None:
    mean, log_variance = torch.randn(2, 50, 3, generator=stream(1, "normal")).unbind(0)
    spread = (0.5 * log_variance).exp()
    exact = kl_divergence(Normal(mean, spread), Normal(torch.zeros(50, 3), torch.ones(50, 3)))
    torch.testing.assert_close(vae.divergence(mean, log_variance), exact)
    assert vae.divergence(torch.zeros(3), torch.zeros(3)).eq(0).all()


def test_the_losses_of_an_autoencoder_that_says_nothing() -> None:
    """All weights zero: the posterior is the prior and the decoder's mean is 0, so L_R = E x^2 and L_KL = 0."""
    model = vae.Vae(width=3, condition=1, hidden=4, depth=1, settings=vae.Settings(latent=None, beta=0.5))
    for weight in model.parameters():
        torch.nn.init.zeros_(weight)
    losses = model.losses(torch.full((8, 3), 2.0), torch.zeros(8, 1), stream(1, "loss"))
    assert losses["reconstruction"] == 4 and losses["kl"] == 0


def test_the_divergence_is_weighed_by_beta_and_counted_a_value() -> None:
    """Every posterior N(1, 1): each of the L latents is 1/2 nat from the prior, so beta L_KL = beta L / 2 / D."""
    model = vae.Vae(width=3, condition=1, hidden=4, depth=1, settings=vae.Settings(latent=5, beta=0.5))
    for weight in model.parameters():
        torch.nn.init.zeros_(weight)
    [*model.encoder.parameters()][-1].data[:5] = 1.0  # the last layer's bias: mean 1, log-variance 0
    losses = model.losses(torch.full((8, 3), 2.0), torch.zeros(8, 1), stream(1, "loss"))
    assert losses["kl"].item() == pytest.approx(0.5 * 5 / 2 / 3)


def adversaries(**settings: float) -> gan.Gan:
    weights = {"discriminator_weight": 2.0, "gradient_penalty": 1.0, "noise": 0.2} | settings
    own = gan.Settings(latent=None, momentum=0.0, learning_rate=None, **weights)
    model = gan.Gan(width=3, condition=1, hidden=8, depth=1, settings=own)
    initialise(model, stream(1, "weights"))
    return model


def test_the_losses_of_a_discriminator_that_cannot_tell() -> None:
    """D = 1/2 everywhere: L_G = log 2, L_D = 2 log 2, no slope; lambda weighs what is the discriminator's."""
    model = adversaries()
    for weight in model.discriminator.parameters():
        torch.nn.init.zeros_(weight)
    losses = model.losses(torch.randn(8, 3, generator=stream(1, "x")), torch.zeros(8, 1), stream(1, "loss"))
    assert losses["generation"].item() == pytest.approx(math.log(2))
    assert losses["discrimination"].item() == pytest.approx(2 * 2 * math.log(2))
    assert losses["penalty"] == 0


def test_each_adversary_learns_from_its_own_loss_alone() -> None:
    model = adversaries()
    for name, taught, spared in (
        ("generation", model.generator, model.discriminator),
        ("discrimination", model.discriminator, model.generator),
        ("penalty", model.discriminator, model.generator),
    ):
        model.zero_grad()
        target = torch.randn(8, 3, generator=stream(1, "x"))
        model.losses(target, torch.zeros(8, 1), stream(1, "loss"))[name].backward()
        assert any(weight.grad is not None and weight.grad.any() for weight in taught.parameters()), name
        assert all(weight.grad is None or not weight.grad.any() for weight in spared.parameters()), name


def test_the_penalty_is_the_mean_squared_slope_at_real_and_at_generated_items() -> None:
    """D(x) = (3 x_0^2 + 4 x_1^2) / 2 has |grad D|^2 = 9 x_0^2 + 16 x_1^2: 25 where x is 1 and 100 where it is 2."""

    class Bowl(torch.nn.Module):
        def forward(self, items: Tensor) -> Tensor:
            return (3 * items[:, :1] ** 2 + 4 * items[:, 1:2] ** 2) / 2

    class Two(torch.nn.Module):
        def forward(self, items: Tensor) -> Tensor:
            return torch.full((len(items), 3), 2.0)

    model = adversaries(discriminator_weight=1.0, gradient_penalty=0.6, noise=0.0)
    model.discriminator, model.generator = Bowl(), Two()
    penalty = model.losses(torch.ones(8, 3), torch.zeros(8, 1), stream(1, "loss"))["penalty"]
    assert penalty.item() == pytest.approx(0.6 / 2 * (25 + 100) / 2)


@pytest.mark.parametrize("condition", [0, 3])
def test_convolutions_paint_what_they_view(condition: int) -> None:
    """Both families on a grid of pixels: shapes, range, gradients; with a condition and without."""
    target = torch.rand(5, 8 * 12 * 3, generator=stream(1, "x")) * 2 - 1
    given = torch.randn(5, condition, generator=stream(1, "c"))
    for family in ("gan", "vae"):
        shape = {"width": target.shape[1], "condition": condition, "hidden": 8, "depth": 2, "grid": (8, 12, 3)}
        model = build(family, shape, SETTINGS[family] | {"latent": 7})
        initialise(model, stream(1, "weights"))
        torch.stack(list(model.losses(target, given, stream(1, "loss")).values())).sum().backward()
        assert all(weight.grad is not None and weight.grad.isfinite().all() for weight in model.parameters())
        made = model.sample(given, torch.randn(5, model.latent_width, generator=stream(1, "z")), steps=1)
        assert made.shape == target.shape and made.abs().max() <= 1
        if condition:
            other = model.sample(given + 1, torch.randn(5, model.latent_width, generator=stream(1, "z")), steps=1)
            assert not torch.equal(made, other)


def test_a_convolution_that_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="expected sides that can be halved 3 times, got 28 x 28"):
        check_grid((28, 28, 3), 3, "image")
    with pytest.raises(ValueError, match=r"train\.decoders\.network: expected perceptron with model flow"):
        build("flow", {"width": 4, "condition": 1, "hidden": 8, "depth": 1, "grid": (2, 2, 1)}, SETTINGS["flow"])
