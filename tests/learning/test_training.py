"""Training: interrupted anywhere and resumed, it ends with the same bytes; and it does learn."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import save
from torch import Generator, Tensor, nn

from stages.common.files import write_table
from stages.learning.curve import Curve
from stages.learning.networks import Perceptron, initialise
from stages.learning.training import WARM_UP, Training, optimise, schedule, stream

STEPS = 12
Loss = Callable[[Generator], dict[str, Tensor]]


class InterruptionError(Exception):
    """Stands for a kill between two steps."""


def training(steps: int) -> Training:
    return Training(steps=steps, batch=16, learning_rate=0.01)


def task() -> tuple[nn.Module, Loss]:
    """A small regression with two named losses and noise from the stream."""
    model = Perceptron(4, 2, width=8, depth=1)
    initialise(model, stream(1, "test/weights"))

    def loss(stream: Generator) -> dict[str, Tensor]:
        x = torch.randn(16, 4, generator=stream)
        made = model(x).float()
        return {"fit": ((made - x[:, :2]) ** 2).mean(), "size": 0.1 * (made**2).mean()}

    return model, loss


def train(
    state: Path, *, stop_before: int = STEPS + 1, ema_decay: float = 0.9, every: float = 0.0
) -> tuple[bytes, bytes]:
    """The bytes of the trained weights and of the curve; InterruptionError when it stops early."""
    model, loss = task()
    calls = 0

    def interrupted(stream: Generator) -> dict[str, Tensor]:
        nonlocal calls
        calls += 1
        if calls > stop_before:
            raise InterruptionError
        return loss(stream)

    curve = optimise(
        model, interrupted, training(STEPS), seed=1, name="test/toy", state=state,
        ema_decay=ema_decay, keep_every_s=every,
    )  # fmt: skip
    write_table(state / "curve.csv", curve.table())
    return save(model.state_dict()), (state / "curve.csv").read_bytes()


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(stops=st.lists(st.integers(1, 5), min_size=1, max_size=2), ema_decay=st.sampled_from([0.0, 0.99]))
def test_resumed_training_equals_unbroken_training(
    stops: list[int], ema_decay: float, tmp_path_factory: pytest.TempPathFactory
) -> None:
    unbroken = train(tmp_path_factory.mktemp("unbroken"), ema_decay=ema_decay)
    state = tmp_path_factory.mktemp("broken")
    for stop in stops:
        with pytest.raises(InterruptionError):
            train(state, stop_before=stop, ema_decay=ema_decay)
    rest = STEPS - sum(stops) + 1  # the last counts what a step costs; it may not start anew
    assert train(state, stop_before=rest, ema_decay=ema_decay) == unbroken


def test_how_often_states_are_kept_changes_nothing(tmp_path: Path) -> None:
    assert train(tmp_path / "a", every=0.0) == train(tmp_path / "b", every=1e9)
    assert list((tmp_path / "a").glob("*.safetensors"))
    assert not list((tmp_path / "b").glob("*.safetensors"))


def test_it_learns(tmp_path: Path) -> None:
    model, loss = task()
    curve = optimise(model, loss, training(300), seed=1, name="test/toy", state=tmp_path, ema_decay=0.9).table()
    assert curve["step"].tolist() == list(range(3, 301, 3))
    assert curve["fit"].iloc[-10:].mean() < 0.2 * curve["fit"].iloc[:5].mean()


def test_the_average_is_what_the_model_is_left_with(tmp_path: Path) -> None:
    assert train(tmp_path / "a", ema_decay=0.0)[0] != train(tmp_path / "b", ema_decay=0.9)[0]


def test_a_loss_that_is_not_finite_names_the_setting(tmp_path: Path) -> None:
    model = nn.Linear(1, 1)

    def loss(stream: Generator) -> dict[str, Tensor]:
        return {"bad": model.weight.sum() * float("nan")}

    with pytest.raises(ValueError, match=r"^test: expected a finite loss, got nan at step 0; lower learning_rate$"):
        optimise(model, loss, training(3), seed=1, name="test", state=tmp_path)
    told = r"^test: expected a finite loss, got nan between steps 0 and 2; lower learning_rate$"
    with pytest.raises(ValueError, match=told):
        optimise(model, loss, training(300), seed=1, name="test", state=tmp_path)


def test_frozen_weights_stay(tmp_path: Path) -> None:
    frozen, free = nn.Linear(2, 2).requires_grad_(False), nn.Linear(2, 1)
    model = nn.Sequential(frozen, free)
    before = [part.weight.detach().clone() for part in (frozen, free)]

    def loss(stream: Generator) -> dict[str, Tensor]:
        return {"fit": (model(torch.randn(8, 2, generator=stream)).float() ** 2).mean()}

    optimise(model, loss, training(3), seed=1, name="test", state=tmp_path)
    assert torch.equal(frozen.weight, before[0])
    assert not torch.equal(free.weight, before[1])


@given(done=st.floats(0, 1), hold=st.sampled_from([0.0, 0.3, 0.7]))
def test_the_learning_rate_rises_stays_and_falls(done: float, hold: float) -> None:
    assert 0 <= schedule(done, hold) <= 1
    later = min(1.0, done + 0.01)
    if later <= WARM_UP:
        assert schedule(later, hold) >= schedule(done, hold)
    elif done >= WARM_UP and later <= hold:
        assert schedule(later, hold) == schedule(done, hold) == 1
    elif done >= WARM_UP:
        assert schedule(later, hold) <= schedule(done, hold)
    assert schedule(1.0, hold) == pytest.approx(0)


@given(steps=st.integers(1, 350))
def test_a_curve_is_the_mean_over_equal_stretches(steps: int) -> None:
    curve = Curve(steps, "test")
    for step in range(steps):
        curve.add(step, ["a", "b"], torch.tensor([float(step), 1.0]))
    table = curve.table()
    assert 1 <= len(table) <= 100
    width = int(table["step"].iloc[0])
    assert table["step"].tolist() == list(range(width, steps + 1, width))
    assert table["b"].tolist() == pytest.approx([1.0] * len(table))
    assert table["a"].tolist() == pytest.approx([last - (width + 1) / 2 for last in table["step"]])
    assert isinstance(table, pd.DataFrame)
