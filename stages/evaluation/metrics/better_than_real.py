"""No value better than real data goes unexplained: what to think of a figure beyond its ceiling's interval."""

import math
from collections.abc import Sequence
from dataclasses import replace

from stages.evaluation.metrics.discriminative_power import discriminates
from stages.evaluation.metrics.families import LOWER
from stages.evaluation.metrics.result import Result

MIDDLE = "Above real data: samples are drawn with less noise than was learned, nearer to the middle of the data."
EASIER = "Above real data: samples are drawn with less noise than was learned, which makes them easier to read."
CLEARER = "Below real data: samples are drawn with less noise than was learned, so their judge errs less."
PLAINER = "Above real data: what was made shows what ties it to its origin more plainly than real items do."
REASONS = {
    "coherence": EASIER,
    "attribute": EASIER,
    "confidence": EASIER,
    "label_baseline": EASIER,
    "invented": CLEARER,
    "missed": CLEARER,
    "match": PLAINER,
    "retrieval": PLAINER,
    # Measured: of 800 real clips 0.65 are heard right, 0.71 after the codec; of 200 made from nothing 0.80, and 0.77
    # with all the noise that was learned.
    "recognition": "Above real data: the codec alone makes voices clearer (recognition.codec), less noise adds little.",
    "recognition.codec": "Above real data: the codec smooths away what makes single voices hard to hear.",
    "codec_accuracy": "Above real data: a codec smooths away what makes single items hard to read.",
    "precision": MIDDLE,
    "density": MIDDLE,
    "coverage": "Above real data: samples lie nearer to the middle of the data, where most real items are.",
    "recall": "Above real data: a few samples far off have wide neighbourhoods, a known flaw of this metric.",
    "memorisation": "Below real data: samples lie further from training items than real ones do.",
    "entropy": "Above real data: samples scatter more than the real partners do.",
    "consistency": "Nearer than two draws of real items: both were made from the same samples, or in equal shares.",
    "out_of_domain": "Above the judge of pictures: it misreads some that the generator reads.",
    "balance": "Nearer to the data set than a random draw of as many items.",
}


WIDE = "The floor is higher: what lies far apart has wide neighbourhoods, a known flaw of this metric (sanity.csv)."
CLUMPED = "The floor is higher: equal samples in one dense place count in all its neighbourhoods, a known flaw."
SILENT = "Says nothing: its floor and its ceiling can't be told apart."
CHANCE = "No better than the floor: chance does as well."
BELOW_FLOOR = {"recall": WIDE, "density": CLUMPED}


def better(result: Result) -> bool:
    """Is the value beyond the interval of its ceiling, on the good side?"""
    if result.metric.partition(".")[0] in LOWER:
        return result.value < result.ceiling_low
    return result.value > result.ceiling_high


def note(result: Result) -> str:
    """Why a figure is better than real data, where it is, and what is not known of it."""
    unknown = [name for name in ("floor", "ceiling") if math.isnan(getattr(result, name))]
    notes = [f"No {' and no '.join(unknown)}: too few items say it."] if unknown else []
    family = result.metric.partition(".")[0]
    if not unknown and not discriminates(result):
        notes.append(SILENT)
    elif better(result):
        notes.append(REASONS.get(result.metric, REASONS.get(family, "Better than real data: do not trust it.")))
    if result.value > result.floor if family in LOWER else result.value < result.floor:
        notes.append(BELOW_FLOOR.get(family, CHANCE))
    return " ".join(notes)


def with_notes(results: Sequence[Result]) -> list[Result]:
    """The figures, with a note on each that needs one."""
    return [replace(result, note=note(result)) for result in results]
