"""The contrastive loss: items that belong together, among those that do not.

InfoNCE, van den Oord et al. 2018, arXiv:1807.03748. Axes: B batch, U width.
"""

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

TEMPERATURE = 0.1
APART = -1e4  # score of what is not there: no chance, and a number still
IGNORED = -100  # in place of a row's partner


def info_nce(left: Tensor, right: Tensor, there: Tensor | None = None) -> Tensor:
    """InfoNCE both ways between (B, U) unit vectors whose rows belong together; 0 where none is there.

    Rows of which (B,) `there` is false are no one's partner and no one's rival. Shapes do not depend on how many
    these are, so a GPU need not be waited for.
    """
    if there is None:
        there = torch.ones(len(left), dtype=torch.bool, device=left.device)
    score = left @ right.T / TEMPERATURE  # (B, B)
    score = score.masked_fill(~(there[:, None] & there), APART)
    partner = torch.arange(len(left), device=left.device).masked_fill(~there, IGNORED)  # (B,)
    both = [cross_entropy(outputs, partner, ignore_index=IGNORED, reduction="sum") for outputs in (score, score.T)]
    return (both[0] + both[1]) / 2 / there.sum().clamp(min=1)
