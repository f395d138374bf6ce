"""The families of generators: all take (width, condition, hidden, depth) and have `losses` and `sample`."""

from torch import nn

from stages.generation.flow import Flow

FAMILIES: dict[str, type[nn.Module]] = {"flow": Flow}
