"""Gradient descent that can be killed: one loop for every model of the project.

AdamW (Loshchilov and Hutter 2019, arXiv:1711.05101), linear warm-up, cosine decay, gradients clipped, bfloat16
where it is safe and fast, and an exponential moving average of the weights. The random stream of a step is derived
from the step's number, so the state to keep is the step, the weights, their average and the optimiser's moments.
On several processes, `stages.common.together`, the first reads and writes that state.
"""

import json
import math
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated

import pandas as pd
import torch
from pydantic import Field, PositiveInt
from safetensors import safe_open
from safetensors.torch import save
from threadpoolctl import threadpool_limits
from torch import Generator, Tensor, nn

from stages.common.files import replace
from stages.common.params import Strict
from stages.common.progress import progress
from stages.common.seeds import seed_of
from stages.common.together import combine, device, first, mixed_precision, share

WARM_UP = 0.05  # share of the steps in which the learning rate rises
CLIP_NORM = 1.0  # largest norm of the gradient
CURVE_POINTS = 100  # rows of a loss curve
MOMENTS = ("exp_avg", "exp_avg_sq")  # of the optimiser, as it names them
SCORES = 20  # times that a training is scored
KEEP_EVERY_S = 10.0  # seconds between two states on disk; no result depends on it

Losses = Mapping[str, Tensor]  # named parts of a loss; they are summed


class Training(Strict):
    """How long a model learns; part of many a section of params.yaml."""

    steps: PositiveInt  # optimiser steps
    batch: PositiveInt  # items a step
    learning_rate: Annotated[float, Field(gt=0)]  # peak, after warm-up
    passes: PositiveInt | None = None  # over the items, at most (sizing.py); none: no limit


def set_up(threads: int) -> None:
    """Make PyTorch deterministic, and all linear algebra use `threads` CPU threads, whatever the environment says."""
    threadpool_limits(threads)  # NumPy's and SciPy's too: sums in another order give other bytes
    torch.set_num_threads(threads)  # last, because the line above sets PyTorch's OpenMP but not its MKL
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # without it a GPU's products are not deterministic
    torch.use_deterministic_algorithms(True, warn_only=device().type == "cuda")  # where not all operations can be
    # Filling every new tensor takes time and only shows the reading of what was never written; we write all we read.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]  # a property of the module


def stream(seed: int, name: str) -> Generator:
    """The PyTorch stream `name`; its NumPy twin is `stages.common.seeds.draws`."""
    return Generator().manual_seed(seed_of(seed, name))


def noisy(values: Tensor, size: float, stream: Generator) -> Tensor:
    """`values` with normal noise of standard deviation `size` on them."""
    return values + size * torch.randn(values.shape, generator=stream)


def optimise(
    model: nn.Module,
    loss: Callable[[Generator], Losses],
    training: Training,
    *,
    seed: int,
    name: str,
    state: Path,
    score: Callable[[], float] | None = None,
    average: float = 0.0,
    hold: float = 0.0,
    betas: tuple[float, float] = (0.9, 0.99),
    keep_every_s: float = KEEP_EVERY_S,
) -> pd.DataFrame:
    """Minimise ``sum(loss(stream).values())`` over the parameters of `model`; returns the loss curve.

    `average` is the decay of the moving average that the model is left with (0: the last weights), `hold` the share of
    the steps before the learning rate falls, `betas` the decays of the gradient's moments. `state` is a folder for the
    resumable state. With a `score` of the model as it is now, the lower the better, it is left with its best state of
    SCORES. Raises ValueError naming the setting to change when the loss is not finite.
    """
    steps, learning_rate = training.steps, training.learning_rate
    model.to(device())
    weights = [p for p in model.parameters() if p.requires_grad]
    mean = [p.detach().clone() for p in weights]
    adam = torch.optim.AdamW(weights, lr=learning_rate, betas=betas, weight_decay=0.01, fused=True)
    file, curve = state / f"{name.replace('/', '-')}.safetensors", Curve(steps)
    best = Best(mean, score, steps)
    start, kept = resume(file, weights, mean, adam, curve, best), time.monotonic()
    for step in progress(range(start, steps), title=name, total=steps, start=start):
        for group in adam.param_groups:
            group["lr"] = learning_rate * pace(step / steps, hold)
        with mixed_precision():
            parts = loss(stream(seed, f"{name}/{step}"))
        total = torch.stack([part.float() for part in parts.values()]).sum()
        if not torch.isfinite(total):
            raise ValueError(f"{name}: expected a finite loss, got {total.item()} at step {step}; lower learning_rate")
        adam.zero_grad()
        total.backward()
        combine(weights)
        nn.utils.clip_grad_norm_(weights, CLIP_NORM)
        adam.step()
        decay = min(average, (1 + step) / (10 + step))
        torch._foreach_lerp_(mean, [p.detach() for p in weights], 1 - decay)
        curve.add(step, parts)
        best.look(step, weights, mean)
        if first() and time.monotonic() - kept > keep_every_s:
            keep(file, step + 1, weights, mean, adam, curve, best)
            kept = time.monotonic()
    put(mean if best.score is None else best.weights, weights)
    model.cpu()
    return curve.table()


def pace(done: float, hold: float) -> float:
    """The learning rate's share at `done` of the training: linear warm-up, the peak until `hold`, half a cosine."""
    falling = max(0.0, done - hold) / (1 - hold)
    return min(1.0, (done + 1e-3) / WARM_UP) * 0.5 * (1 + math.cos(math.pi * falling))


@torch.no_grad()
def put(values: Iterable[Tensor], weights: Iterable[Tensor]) -> None:
    """Overwrite the weights."""
    for weight, value in zip(weights, values, strict=True):
        weight.copy_(value)


class Best:
    """The averaged weights when they scored lowest."""

    def __init__(self, mean: list[Tensor], score: Callable[[], float] | None, steps: int) -> None:
        self.score, self.steps = score, steps
        self.weights = [] if score is None else [value.clone() for value in mean]
        self.lowest = torch.full((), math.inf, dtype=torch.float64, device=device())

    def look(self, step: int, weights: list[nn.Parameter], mean: list[Tensor]) -> None:
        """Score the state after `step`, SCORES times in all and after the last one."""
        if self.score is None or (step + 1) * SCORES // self.steps == step * SCORES // self.steps:
            return
        now = [weight.detach().clone() for weight in weights]
        put(mean, weights)
        value = self.score()
        put(now, weights)
        if value <= self.lowest:  # of equals the one that has learned longer
            self.lowest.fill_(value)
            put(mean, self.weights)

    def tensors(self) -> Iterator[tuple[str, Tensor]]:
        """What to keep, by name."""
        if self.score is not None:
            yield "lowest", self.lowest
            yield from ((f"best.{number}", value) for number, value in enumerate(self.weights))


class Curve:
    """Means of the named losses over equal stretches of the training."""

    def __init__(self, steps: int) -> None:
        self.length = max(1, math.ceil(steps / CURVE_POINTS))  # steps a stretch
        self.rows: list[dict[str, float]] = []
        self.sums: dict[str, float] = {}

    def add(self, step: int, parts: Losses) -> None:
        for name, part in parts.items():
            self.sums[name] = self.sums.get(name, 0.0) + part.item()
        if (step + 1) % self.length == 0:
            self.rows.append({"step": step + 1} | {k: v / self.length for k, v in self.sums.items()})
            self.sums = {}

    def table(self) -> pd.DataFrame:
        return pd.DataFrame(self.rows)


def keep(
    file: Path, step: int, weights: list[nn.Parameter], mean: list[Tensor], adam: torch.optim.Optimizer, curve: Curve,
    best: Best,
) -> None:  # fmt: skip
    """Write what a later run needs to go on after `step` steps."""
    about = {"step": step, "rows": curve.rows, "sums": curve.sums}
    replace(file, save(dict(state_of(weights, mean, adam, best)), metadata={"about": json.dumps(about)}))


def state_of(
    weights: list[nn.Parameter], mean: list[Tensor], adam: torch.optim.Optimizer, best: Best
) -> Iterator[tuple[str, Tensor]]:
    """All that a step changes, by name."""
    for number, (weight, averaged) in enumerate(zip(weights, mean, strict=True)):
        yield f"weight.{number}", weight.detach()
        yield f"mean.{number}", averaged
        for key in MOMENTS:
            yield f"{key}.{number}", adam.state[weight][key]
    yield from best.tensors()


def resume(
    file: Path, weights: list[nn.Parameter], mean: list[Tensor], adam: torch.optim.Optimizer, curve: Curve, best: Best
) -> int:
    """Take up the state that the first process has kept, if it has; returns the number of steps already done."""
    done = torch.zeros((), device=device())
    for weight in weights:
        adam.state[weight] = {"step": done.clone()} | {key: torch.zeros_like(weight) for key in MOMENTS}
    if first() and file.exists():
        with safe_open(file, framework="pt") as kept, torch.no_grad():
            about = json.loads(kept.metadata()["about"])
            for name, tensor in state_of(weights, mean, adam, best):
                tensor.copy_(kept.get_tensor(name))
        curve.rows, curve.sums = about["rows"], about["sums"]
        done.fill_(about["step"])
    share([done, *(tensor for _, tensor in state_of(weights, mean, adam, best))])
    for weight in weights:
        adam.state[weight]["step"].copy_(done)
    return int(done)
