"""Findings that no one gave: how often does what was made show one that the sample does not have, or leave one out?

Only where the data say by which value an attribute is absent: ``attributes.json``, `absent`. A direction's figure pools
all attributes that the observed side determines and the judge of what was made reads: an outcome is a sample and one of
these. `invented.*` asks where it is absent, `missed.*` where it is there. One on a wrong side is neither; the figures
of coherence see it. Floor: what was made for shuffled samples. Ceiling: real partners, so the judge's own false alarms
and oversights.
"""

from collections.abc import Mapping

import numpy as np

from stages.common.files import read_json
from stages.evaluation.metrics.coherence import given, shuffled
from stages.evaluation.metrics.evaluated_data import CLEAN, Dataset, Predicted
from stages.evaluation.metrics.judge_inference import MALFORMED, UNSTATED
from stages.evaluation.metrics.result import Result, share

FAMILIES = ("invented", "missed")
Wanted = Mapping[str, np.ndarray]  # of each attribute, (N,) of str: the label that is given, UNSTATED where none is


def invented(dataset: Dataset, rng: np.random.Generator) -> list[Result]:
    """Both figures for each direction; none where the data don't say what is absent."""
    absent = {name: value for name, value in absences().items() if name in dataset.shown_by}
    results = []
    for observed, outputs in dataset.conditional.items():
        wanted = {
            name: given(observed, name, outputs.truth, outputs.real, dataset.shown_by).astype(str) for name in absent
        }
        mixed = shuffled(outputs.items, rng)
        for target in outputs.items:
            for family in FAMILIES:
                value, floor, ceiling = (
                    outcomes(part, target, wanted, absent, there=family == "missed")
                    for part in (outputs.items, mixed, outputs.real)
                )
                if len(value):
                    metric = f"{family}.{'+'.join(observed)}_to_{target}"
                    results.append(share(metric, [value], [floor], [ceiling], rng))
    return results


def absences() -> dict[str, str]:
    """By which value each attribute is absent, where the data say it."""
    return {
        name: about["absent"][0] for name, about in read_json(CLEAN / "attributes.json").items() if "absent" in about
    }


def outcomes(items: Predicted, target: str, wanted: Wanted, absent: Mapping[str, str], *, there: bool) -> np.ndarray:
    """(n,) bool: invented or, of what is `there`, missed, over all samples and attributes for which both sides say
    something. What can't be read shows nothing."""
    wrong = [np.zeros(0, bool)]
    for attribute, value in absent.items():
        if (found := items[target].labels.get(attribute)) is not None:
            shows = ~np.isin(found, (value, MALFORMED))
            given_here = (found != UNSTATED) & (wanted[attribute] != UNSTATED)
            asked = given_here & ((wanted[attribute] != value) == there)
            wrong.append((shows != there)[asked])
    return np.concatenate(wrong)
