"""What guidance brings in coherence, and what it costs in coverage: both at each of some values of it.

From each modality alone the others were made. Coherence is the mean over all labels that the observed side determines.
Coverage is that of the real partners of what was observed: the share in whose neighbourhood a sample lies.
"""

import numpy as np
import pandas as pd

from stages.evaluation.intervals import normal_interval
from stages.evaluation.metrics.coherence import determined
from stages.evaluation.metrics.distribution_measures import neighbourhoods
from stages.evaluation.metrics.evaluated_data import Dataset
from stages.evaluation.metrics.unconditional_quality import measured

COLUMNS = ["guidance", "made", "coherence", "low", "high", "coverage", "covered_low", "covered_high", "n"]


def guidance_curve(dataset: Dataset, rng: np.random.Generator) -> pd.DataFrame:
    """A row a value and made modality, values ascending; none where none were compared. Intervals of 95 %."""
    rows = []
    for value, by_observed in sorted(dataset.guided.items()):
        for made in dataset.names:
            right, covered, count = [], [], 0
            for observed, outputs in by_observed.items():
                if made in outputs.items:
                    found = determined([observed], outputs, dataset.shown_by, rng)
                    right += [outcome for target, _, (outcome, _, _) in found if target == made]
                    sides = (measured(dataset, made)(part[made]) for part in (outputs.items, outputs.real))
                    covered.append(neighbourhoods(*sides).coverage)
                    count += len(outputs.keys)
            if right:
                rows.append((value, made, *normal_interval(right), *normal_interval(covered), count))
    return pd.DataFrame(rows, columns=COLUMNS)
