"""Gradient descent that can be killed: one loop for every model of the project, on the device that is there.

AdamW (Loshchilov and Hutter 2019, arXiv:1711.05101), linear warm-up, cosine decay, gradients clipped, bfloat16
where it is safe and fast, and an exponential moving average of the weights. The random stream of a step is derived
from the step's number, so the state to keep (`checkpoint.py`) is the step, the weights, their average and the
optimiser's moments. Nothing in the loop waits for the device but the curve, once a stretch, and the score.
"""

import math
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated

import torch
from pydantic import Field, PositiveInt
from threadpoolctl import threadpool_limits
from torch import Generator, Tensor, nn

from stages.common import memory
from stages.common.costs import COSTS
from stages.common.params import Strict
from stages.common.progress import progress
from stages.common.seeds import seed_of
from stages.learning.checkpoint import Best, Checkpoint, assign
from stages.learning.concurrent import stop_if_abandoned
from stages.learning.cuda_graphs import Step, side_stream
from stages.learning.curve import Curve
from stages.learning.data_parallel import average_gradients, is_first
from stages.learning.device import device, mixed_precision
from stages.learning.flops import FlopCounter
from stages.learning.privacy import Private
from stages.learning.private_gradient import PrivateGradient

WARM_UP = 0.05  # share of the steps in which the learning rate rises
CLIP_NORM = 1.0  # largest norm of the gradient
KEEP_EVERY_S = 10.0  # seconds between two states on disk; no result depends on it

Losses = Mapping[str, Tensor]  # named parts of a loss; they are summed
GRADIENT = "noised gradient"  # what the curve of a private training shows: its losses would tell of the data


class Training(Strict):
    """How long a model learns; part of many a section of params.yaml."""

    steps: PositiveInt  # optimiser steps
    batch: PositiveInt  # items a step
    learning_rate: Annotated[float, Field(gt=0)]  # peak, after warm-up
    max_epochs: PositiveInt | None = None  # over the items, at most (budget.py); none: no limit


def set_up(threads: int) -> None:
    """Make PyTorch deterministic, and all linear algebra use `threads` CPU threads, whatever the environment says."""
    memory.keep()
    threadpool_limits(threads)  # NumPy's and SciPy's too: sums in another order give other bytes
    torch.set_num_threads(threads)  # last, because the line above sets PyTorch's OpenMP but not its MKL
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # without it a GPU's products are not deterministic
    # `use_deterministic_algorithms` does the same, and imports a compiler, which takes a second, to tell it too.
    torch.set_deterministic_debug_mode("warn" if device().type == "cuda" else "error")  # a GPU lacks some operations
    # Filling every new tensor takes time and only shows the reading of what was never written; we write all we read.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]  # a property of the module


def stream(seed: int, name: str) -> Generator:
    """The PyTorch stream `name`, on the device that computes; its NumPy twin is `stages.common.seeds.draws`."""
    return Generator(device()).manual_seed(seed_of(seed, name))


def add_noise(values: Tensor, size: float, stream: Generator) -> Tensor:
    """`values` with normal noise of standard deviation `size` on them."""
    return values + size * torch.randn(values.shape, generator=stream, device=stream.device)


def optimise(
    model: nn.Module,
    loss: Callable[..., Losses],
    training: Training,
    *,
    seed: int,
    name: str,
    state: Path,
    score: Callable[[], float] | None = None,
    choose: bool = True,
    ema_decay: float = 0.0,
    hold: float = 0.0,
    betas: tuple[float, float] = (0.9, 0.99),
    keep_every_s: float = KEEP_EVERY_S,
    private: Private | None = None,
) -> Curve:
    """Minimise ``sum(loss(stream).values())`` over the parameters of `model`; returns the loss curve.

    `ema_decay` is that of the moving average that the model is left with (0: the last weights), `hold` the share of the
    steps before the learning rate falls, `betas` the decays of the gradient's moments. `state` is a folder for the
    resumable state. With a `score` of the model as it is now, the lower the better, it is left with its best state of
    twenty, or without `choose` with the last, and the curve has the score beside the losses. It is left on the device.
    A `private` training draws the rows of each step: it calls ``loss(stream, rows)`` with one (1,) at a time.
    Raises ValueError naming the setting to change when the loss is not finite.
    """
    model.to(device())
    weights = [p for p in model.parameters() if p.requires_grad]
    mean = [p.detach().clone() for p in weights]
    adam, chance = optimiser(weights, training.learning_rate, betas), Generator(device())
    curve, best = Curve(training.steps, name), Best(mean, score, choose, training.steps)
    kept = Checkpoint(state / f"{name.replace('/', '-')}.safetensors", weights, mean, adam, curve, best)
    names: list[str] = []  # of the parts of the loss
    noised = None if private is None else PrivateGradient(model, loss, adam, private)
    seed = seed if private is None else private.seed

    def gradient() -> Tensor:
        adam.zero_grad()
        with mixed_precision():
            parts = loss(chance)
        names[:] = parts
        losses = torch.stack([part.float() for part in parts.values()])  # (parts,)
        losses.sum().backward()
        return losses.detach()

    def work() -> Tensor:
        if noised is not None:
            names[:] = [GRADIENT]
            norm = noised(chance)
            adam.step()
            return norm
        losses = gradient()
        average_gradients(weights)
        nn.utils.clip_grad_norm_(weights, CLIP_NORM)
        adam.step()
        return losses

    start = kept.resume()
    with side_stream(), COSTS.of("training", training.batch * (training.steps - start)) as cost:
        take, since = Step(work, chance, name, graph=private is None), time.monotonic()
        for step in progress(range(start, training.steps), title=name, total=training.steps, start=start):
            stop_if_abandoned()
            chance.manual_seed(seed_of(seed, f"{name}/{step}"))
            set_rate(adam, training.learning_rate * schedule(step / training.steps, hold))
            losses = take()
            decay = min(ema_decay, (1 + step) / (10 + step))
            torch._foreach_lerp_(mean, [p.detach() for p in weights], 1 - decay)
            curve.add(step, names, losses)
            if (score_now := best.look(step, weights, mean)) is not None:
                curve.validate(score_now)
            if is_first() and time.monotonic() - since > keep_every_s:
                kept.keep(step + 1)
                since = time.monotonic()
    with FlopCounter() as one_more:  # a step that is not taken: to be counted may change how it rounds
        gradient()
    cost["gflop"] = one_more.flop * (training.steps - start) / 1e9
    assign(best.weights if best.choose else mean, weights)
    return curve


def optimiser(weights: list[nn.Parameter], learning_rate: float, betas: tuple[float, float]) -> torch.optim.Optimizer:
    """AdamW; on a GPU its learning rate and its steps are on the device, where a graph finds them."""
    gpu = device().type == "cuda"
    rate = torch.tensor(learning_rate, device=device()) if gpu else learning_rate
    return torch.optim.AdamW(weights, lr=rate, betas=betas, weight_decay=0.01, fused=True, capturable=gpu)


def set_rate(adam: torch.optim.Optimizer, rate: float) -> None:
    """Let the next step have this learning rate."""
    for group in adam.param_groups:
        if isinstance(group["lr"], Tensor):
            group["lr"].fill_(rate)
        else:
            group["lr"] = rate


def schedule(done: float, hold: float) -> float:
    """The learning rate's share at `done` of the training: linear warm-up, the peak until `hold`, half a cosine.

    >>> [round(schedule(done, hold=0.5), 3) for done in (0.0, 0.1, 0.5, 0.75, 1.0)]
    [0.02, 1.0, 1.0, 0.5, 0.0]
    """
    falling = max(0.0, done - hold) / (1 - hold)
    return min(1.0, (done + 1e-3) / WARM_UP) * 0.5 * (1 + math.cos(math.pi * falling))
