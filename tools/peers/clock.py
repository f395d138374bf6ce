"""Budgets in seconds of CPU time, all of them: what a process used since it began, imports and reading included."""

import math
import resource
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy

import torch
from torch import Tensor, nn

OWN = math.inf  # the budget of a method that stops by itself
LEAST_S, MOST_S = 600.0, 1800.0  # of such a training
PATIENCE = 1 / 3  # share of a training without a better loss of the validation split, after which it has converged
LOOK_S = 30.0  # between two looks at that split


class Clock:
    """Of this process; what happens in `stopped` does not count."""

    def __init__(self) -> None:
        self.apart = 0.0

    def seconds(self) -> float:
        """CPU seconds so far."""
        return time.process_time() - self.apart

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """Work that is not the method's: its samples are judged."""
        begin = time.process_time()
        yield
        self.apart += time.process_time() - begin


class Patience:
    """Has a training converged? It has when its best loss is older than PATIENCE of it; that state is kept.

    From `begin` on it takes at least and at most a `share` of what LEAST_S and MOST_S say.
    """

    def __init__(self, loss: Callable[[], Tensor], model: nn.Module, *, begin: float = 0.0, share: float = 1.0) -> None:
        self.loss, self.model, self.begin = loss, model, begin
        self.least, self.most = share * LEAST_S, share * MOST_S
        self.best, self.at, self.next, self.kept = math.inf, 0.0, LOOK_S, model.state_dict()

    def over(self, now: float) -> bool:
        """Asked after each step; looks at the validation split from time to time."""
        passed = now - self.begin
        if passed < self.next:
            return False
        self.next = passed + LOOK_S
        with torch.no_grad():
            loss = float(self.loss())
        if loss < self.best:
            self.best, self.at, self.kept = loss, passed, deepcopy(self.model.state_dict())
        return passed >= self.most or (passed >= self.least and passed - self.at > PATIENCE * passed)

    def restore(self) -> None:
        """Leave the model as it was when it lost least."""
        self.model.load_state_dict(self.kept)


def descend(
    loss: Callable[[], Tensor], adam: torch.optim.Optimizer, clock: Clock, until: float, patience: Patience | None
) -> Iterator[int]:
    """Steps of the optimiser until the clock says `until`, or, where that is OWN, until patience is over.

    Gives their numbers. Raises ValueError when the loss is not finite.
    """
    step = 0
    while clock.seconds() < until:
        if patience is not None and patience.over(clock.seconds()) and until == OWN:
            patience.restore()
            return
        found = loss()
        if not found.isfinite():
            raise ValueError(f"expected a finite loss, got {found.item()} at step {step}; take another seed")
        adam.zero_grad()
        found.backward()
        adam.step()
        step += 1
        yield step


def peak_mib(who: int = resource.RUSAGE_SELF) -> int:
    """Most memory that this process, or the largest of its children, had."""
    return resource.getrusage(who).ru_maxrss // 1024
