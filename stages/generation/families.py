"""The families of generators: all take (width, condition, hidden, depth) and have `losses` and `sample`.

losses(target, condition, stream)         (B, D), (B, C) -> named parts of the loss
sample(condition, noise, *, steps)        (B, C), (B, D) -> (B, D) samples
"""

from typing import TypeAlias

from stages.generation.flow import Flow

Density: TypeAlias = Flow  # any of the families

FAMILIES: dict[str, type[Density]] = {"flow": Flow}
