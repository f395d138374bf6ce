"""The codec of labels and numbers: principal components of which word it is, and of a number its rank itself.

They hold all that there is, and nothing must be learned: the codec is the linear one, of as many features as the values
vary in.
"""

from pathlib import Path

import numpy as np
from pydantic import PositiveInt

from stages.common.params import Strict
from stages.common.seeds import draws
from stages.features import linear
from stages.features.chunked_items import Items


class Settings(Strict):
    """Sections `extract.label.values` and `extract.number.values`."""

    width: PositiveInt  # D, features, at most


def fit(
    bottleneck: Strict, settings: Settings, items: Items, held: Items | None = None, *,
    seed: int, name: str, state: Path,
) -> tuple[linear.Linear, None]:  # fmt: skip
    """The codec of (N, 1) `items`, and no loss curve."""
    ways = len(np.unique(items[:])) - 1 if items[:1].dtype == np.uint16 else 1
    width = max(1, min(settings.width, ways))
    return linear.fit(items, width, draws(seed, f"{name}/values")), None
