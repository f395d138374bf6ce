"""A training with a score is left with its best state, also when it was killed and went on."""

import itertools
from pathlib import Path

import pytest
import torch
from torch import Generator, Tensor, nn

from stages.learning.checkpoint import SCORES
from stages.learning.training import Training, optimise

STEPS = 40


class InterruptionError(Exception):
    """Stands for a kill between two steps."""


def train(state: Path, wanted: float, *, steps: int = STEPS, stop_before: int = 10**6) -> tuple[float, list[float]]:
    """A weight that runs away from zero; the score is how far it is from `wanted`. Where it ends, where it was seen."""
    model, seen, calls = nn.Linear(1, 1, bias=False), [], itertools.count(1)
    nn.init.zeros_(model.weight)

    def loss(stream: Generator) -> dict[str, Tensor]:
        if next(calls) > stop_before:
            raise InterruptionError
        return {"run": -model.weight.sum()}

    def score() -> float:
        seen.append(model.weight.item())
        return abs(model.weight.item() - wanted)

    training = Training(steps=steps, batch=1, learning_rate=0.1)
    optimise(model, loss, training, seed=1, name="test", state=state, score=score, ema_decay=0.5, keep_every_s=0.0)
    return model.weight.item(), seen


@pytest.mark.parametrize("wanted", [-1.0, 1.0, 100.0])
def test_the_best_state_is_what_the_model_is_left_with(wanted: float, tmp_path: Path) -> None:
    left, seen = train(tmp_path, wanted)
    assert len(seen) == SCORES and seen == sorted(seen)
    assert left == min(seen, key=lambda weight: abs(weight - wanted))


@pytest.mark.parametrize("steps", [1, 7, 20, 33])
def test_the_last_state_is_among_those_scored(steps: int, tmp_path: Path) -> None:
    left, seen = train(tmp_path, 100.0, steps=steps)
    assert len(seen) == min(steps, SCORES) and left == seen[-1]


@pytest.mark.parametrize("stop", [3, 25])
def test_a_resumed_training_remembers_its_best_state(stop: int, tmp_path: Path) -> None:
    unbroken, _ = train(tmp_path / "unbroken", 0.5)
    with pytest.raises(InterruptionError):
        train(tmp_path / "broken", 0.5, stop_before=stop)
    left, seen = train(tmp_path / "broken", 0.5)
    assert left == unbroken and len(seen) < SCORES


def test_a_score_that_is_bad_everywhere_leaves_the_last_state(tmp_path: Path) -> None:
    model = nn.Linear(1, 1)

    def loss(stream: Generator) -> dict[str, Tensor]:
        return {"run": -model.weight.sum()}

    before = model.weight.item()
    training = Training(steps=5, batch=1, learning_rate=0.1)
    optimise(model, loss, training, seed=1, name="test", state=tmp_path, score=lambda: 1.0)
    assert model.weight.item() > before and torch.isfinite(model.weight).all()
