"""No value better than real data goes unexplained: what to think of a figure beyond its ceiling's interval."""

import math
from collections.abc import Sequence
from dataclasses import replace

from stages.evaluation.metrics.families import LOWER
from stages.evaluation.metrics.figure import Figure
from stages.evaluation.metrics.power import discriminates

MIDDLE = "Above real data: samples are drawn with less noise than was learned, nearer to the middle of the data."
EASIER = "Above real data: samples are drawn with less noise than was learned, which makes them easier to read."
PLAINER = "Above real data: what was made shows what ties it to its origin more plainly than real items do."
REASONS = {
    "coherence": EASIER,
    "attribute": EASIER,
    "confidence": EASIER,
    "match": PLAINER,
    "retrieval": PLAINER,
    # Measured: of 800 real clips 0.65 are heard right, 0.71 after the codec; of 200 made from nothing 0.80, and 0.77
    # with all the noise that was learned.
    "recognition": "Above real data: the codec alone makes voices clearer (recognition.codec), less noise adds little.",
    "recognition.codec": "Above real data: the codec smooths away what makes single voices hard to hear.",
    "reconstruction": "Above real data: a codec smooths away what makes single items hard to read.",
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


def better(figure: Figure) -> bool:
    """Is the value beyond the interval of its ceiling, on the good side?"""
    if figure.metric.partition(".")[0] in LOWER:
        return figure.value < figure.ceiling_low
    return figure.value > figure.ceiling_high


def note(figure: Figure) -> str:
    """Why a figure is better than real data, where it is, and what is not known of it."""
    unknown = [name for name in ("floor", "ceiling") if math.isnan(getattr(figure, name))]
    notes = [f"No {' and no '.join(unknown)}: too few items say it."] if unknown else []
    family = figure.metric.partition(".")[0]
    if not unknown and not discriminates(figure):
        notes.append(SILENT)
    elif better(figure):
        notes.append(REASONS.get(figure.metric, REASONS.get(family, "Better than real data: do not trust it.")))
    if figure.value > figure.floor if family in LOWER else figure.value < figure.floor:
        notes.append(BELOW_FLOOR.get(family, CHANCE))
    return " ".join(notes)


def with_notes(figures: Sequence[Figure]) -> list[Figure]:
    """The figures, with a note on each that needs one."""
    return [replace(figure, note=note(figure)) for figure in figures]
