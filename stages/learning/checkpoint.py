"""The state of a training: what a later run needs to go on as if nothing had happened, and the best state so far.

A state is one safetensors file: the weights, their average, the optimiser's moments, the step and the loss curve. On
several processes, `stages.learning.data_parallel`, the first reads and writes it.
"""

import json
import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save
from torch import Tensor, nn

from stages.common.files import replace
from stages.learning.curve import Curve
from stages.learning.data_parallel import broadcast, is_first
from stages.learning.device import device

MOMENTS = ("exp_avg", "exp_avg_sq")  # of the optimiser, as it names them
SCORES = 20  # times that a training is scored


@torch.no_grad()
def assign(values: Iterable[Tensor], weights: Iterable[Tensor]) -> None:
    """Overwrite the weights."""
    for weight, value in zip(weights, values, strict=True):
        weight.copy_(value)


class Best:
    """The averaged weights when they scored lowest; none where the score only watches."""

    def __init__(self, mean: list[Tensor], score: Callable[[], float] | None, choose: bool, steps: int) -> None:
        self.score, self.choose, self.steps = score, choose and score is not None, steps
        self.weights = [value.clone() for value in mean] if self.choose else []
        self.lowest = torch.full((), math.inf, dtype=torch.float64, device=device())

    def look(self, step: int, weights: list[nn.Parameter], mean: list[Tensor]) -> float | None:
        """The score of the state after `step`, SCORES times in all and after the last one; else None."""
        if self.score is None or (step + 1) * SCORES // self.steps == step * SCORES // self.steps:
            return None
        now = [weight.detach().clone() for weight in weights]
        assign(mean, weights)
        value = self.score()
        assign(now, weights)
        if self.choose and value <= self.lowest:  # of equals the one that has learned longer
            self.lowest.fill_(value)
            assign(mean, self.weights)
        return value

    def tensors(self) -> Iterator[tuple[str, Tensor]]:
        """What to keep, by name."""
        if self.choose:
            yield "lowest", self.lowest
            yield from ((f"best.{number}", value) for number, value in enumerate(self.weights))


@dataclass(frozen=True)
class Checkpoint:
    """All that a step changes, and the file that keeps it."""

    file: Path
    weights: list[nn.Parameter]
    mean: list[Tensor]
    adam: torch.optim.Optimizer
    curve: Curve
    best: Best

    def keep(self, step: int) -> None:
        """Write what a later run needs to go on after `step` steps."""
        about = {"step": step, "curve": self.curve.state(step - 1)}
        replace(self.file, save(dict(self.tensors()), metadata={"about": json.dumps(about)}))

    def tensors(self) -> Iterator[tuple[str, Tensor]]:
        """The state by name."""
        for number, (weight, averaged) in enumerate(zip(self.weights, self.mean, strict=True)):
            yield f"weight.{number}", weight.detach()
            yield f"mean.{number}", averaged
            for key in MOMENTS:
                yield f"{key}.{number}", self.adam.state[weight][key]
        yield from self.best.tensors()

    def resume(self) -> int:
        """Take up the state that the first process has kept, if it has; returns the number of steps already done."""
        done = torch.zeros((), device=device())
        for weight in self.weights:
            self.adam.state[weight] = {"step": done.clone()} | {key: torch.zeros_like(weight) for key in MOMENTS}
        if is_first() and self.file.exists():
            with safe_open(self.file, framework="pt") as kept, torch.no_grad():
                about = json.loads(kept.metadata()["about"])
                for name, tensor in self.tensors():
                    tensor.copy_(kept.get_tensor(name))
            self.curve.take_up(about["curve"])
            done.fill_(about["step"])
        broadcast([done, *(tensor for _, tensor in self.tensors())])
        for weight in self.weights:
            self.adam.state[weight]["step"].copy_(done)
        return int(done)
