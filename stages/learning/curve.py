"""A loss curve: means of the named losses over equal stretches of a training.

They are added up where they are computed, and read once a stretch: to read a number is to wait for the device.
"""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

if TYPE_CHECKING:
    import pandas as pd  # takes half a second, for which who makes samples need not wait

POINTS = 100  # rows of a loss curve
VALIDATION = "validation"  # the loss of items that are not learned from, in some of the rows


class Curve:
    """Of a training of so many steps."""

    def __init__(self, steps: int, name: str) -> None:
        self.length = max(1, math.ceil(steps / POINTS))  # steps a stretch
        self.name = name  # of the training
        self.parts: list[str] = []
        self.rows: list[dict[str, float]] = []
        self.sums: Tensor | None = None  # (parts,) since the last row

    def add(self, step: int, parts: Sequence[str], losses: Tensor) -> None:
        """The (parts,) losses of a step. Raises ValueError naming the setting to change where they are not finite."""
        self.parts = list(parts)
        self.sums = losses.double() if self.sums is None else self.sums.to(losses.device) + losses
        if (step + 1) % self.length == 0:
            self.rows.append({"step": step + 1} | {key: sum_ / self.length for key, sum_ in self.read(step).items()})
            self.sums = None

    def validate(self, score: float) -> None:
        """Note the score of the state as it is now, beside the losses of the stretch that ended last."""
        self.rows[-1][VALIDATION] = score

    def read(self, step: int) -> dict[str, float]:
        """The sums since the last row."""
        sums = [] if self.sums is None else self.sums.tolist()
        if unsound := [value for value in sums if not math.isfinite(value)]:
            since = max(0, step + 1 - self.length)
            where = f"at step {step}" if since == step else f"between steps {since} and {step}"
            raise ValueError(f"{self.name}: expected a finite loss, got {unsound[0]} {where}; lower learning_rate")
        return dict(zip(self.parts, sums, strict=True)) if sums else {}

    def state(self, step: int) -> Mapping[str, Any]:
        """What to keep of it after `step`."""
        return {"rows": self.rows, "sums": self.read(step)}

    def take_up(self, state: Mapping[str, Any]) -> None:
        """Go on from what was kept."""
        self.rows, self.parts = state["rows"], list(state["sums"])
        self.sums = torch.tensor(list(state["sums"].values()), dtype=torch.float64) if self.parts else None

    def last(self) -> dict[str, float]:
        """The losses at the end."""
        row = self.rows[-1] if self.rows else {}
        return {name: float(f"{value:.9g}") for name, value in row.items() if name != "step"}

    def table(self) -> "pd.DataFrame":
        """A row a stretch."""
        import pandas as pd

        return pd.DataFrame(self.rows)
