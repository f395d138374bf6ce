"""A method as it is at the end of a budget."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

Given = Mapping[str, np.ndarray]  # (N, ...) items of each observed modality, as `preprocess` keeps them
Sample = Callable[[Given, int, Sequence[str]], Mapping[str, np.ndarray]]  # given, N, wanted -> (N, ...) items of these


@dataclass(frozen=True)
class Trained:
    """What it took, and what makes samples."""

    budget_s: float  # CPU seconds granted
    cpu_s: float  # taken
    steps: int  # of the optimiser, all networks together
    parameters: int
    peak_mib: int
    sample: Sample
