"""The contrastive loss: items that belong together, among those that do not.

InfoNCE, van den Oord et al. 2018, arXiv:1807.03748. Axes: B batch, U width.
"""

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

TEMPERATURE = 0.1


def contrast(left: Tensor, right: Tensor) -> Tensor:
    """InfoNCE both ways between (B, U) unit vectors whose rows belong together; 0 for no rows."""
    if len(left) == 0:
        return left.sum()
    likeness = left @ right.T / TEMPERATURE  # (B, B)
    same = torch.arange(len(left))
    return (cross_entropy(likeness, same) + cross_entropy(likeness.T, same)) / 2
