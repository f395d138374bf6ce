"""Items that are longer than their tensor has room for: how many, and what room would hold them."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

LIMIT = 0.05  # share of items that may be cut before the remark is a warning
MOST = 0.99  # the share of items for which a length is recommended


def truncated(
    lengths: Mapping[str, Sequence[int]], settings: Mapping[str, Any], cuts: Mapping[str, tuple[str, str, str]]
) -> list[str]:
    """A remark on each modality that has items longer than its `settings` leave them room; `cuts` as kinds have it."""
    remarks = []
    for name, found in lengths.items():
        setting, unit, items = cuts[name]
        room: int = getattr(settings[name], setting)
        longer = sum(length > room for length in found)
        if longer:
            most, longest = int(np.quantile(found, MOST, method="higher")), max(found)
            wanted = (
                f"{most} would hold {MOST:.0%} of them, {longest} all" if most > room else f"{longest} would hold all"
            )
            said = f"{longer} of {len(found)} {items} are cut at preprocess.{name}.{setting}, {room} {unit}; {wanted}"
            remarks.append(f"warning: {said}" if longer > LIMIT * len(found) else said)
    return remarks
