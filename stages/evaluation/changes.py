"""Which figures changed most since the table that metrics/ had, in the width of their intervals.

Whether a change is more than noise says `make compare`; this is only where to look first.
"""

import pandas as pd

MOST = 3  # that are told
NARROWEST = 1e-3  # width of an interval, as of a figure that has none


def changed_most(before: pd.DataFrame, after: pd.DataFrame) -> list[str]:
    """``coherence.joint 0.912 to 0.934`` and the like, what changed most first; none where nothing did."""
    both = before.merge(after, on="metric", suffixes=("_before", "_after")).set_index("metric")
    was, now = both["value_before"], both["value_after"]
    ends = both["high_before"] - both["low_before"] + both["high_after"] - both["low_after"]
    moved = (now - was).abs() / (ends / 2).fillna(0).clip(lower=NARROWEST)
    order = moved[moved > 0].sort_values(ascending=False, kind="stable").index[:MOST]
    return [f"{metric} {was[metric]:.3f} to {now[metric]:.3f}" for metric in order]
