"""No value better than real data goes unexplained: what to think of a figure beyond its ceiling's interval."""

import math
from collections.abc import Sequence
from dataclasses import replace

from stages.evaluation.figure import Figure

LOWER = ("fidelity", "frechet", "balance", "extract", "memorisation", "consistency")  # families where less is better
MIDDLE = "Above real data: samples are drawn with less noise than was learned, nearer to the middle of the data."
EASIER = "Above real data: samples are drawn with less noise than was learned, which makes them easier to read."
REASONS = {
    "coherence": EASIER,
    "attribute": EASIER,
    "confidence": EASIER,
    "hearing": "Above real data: the codec and less noise than was learned leave clips plainer than real voices are.",
    "reconstruction": "Above real data: a codec smooths away what makes single items hard to read.",
    "precision": MIDDLE,
    "density": MIDDLE,
    "coverage": "Above real data: samples lie nearer to the middle of the data, where most real items are.",
    "recall": "Above real data: a few samples far off have wide neighbourhoods, a known flaw of this metric.",
    "memorisation": "Below real data: samples lie further from training items than real ones do.",
    "freedom": "Above real data: samples scatter more than the real partners do.",
    "consistency": "Nearer than two draws of real items: both were made from the same samples, or in equal shares.",
    "elsewhere": "Above the judge of pictures: it misreads some that the generator reads.",
    "balance": "Nearer to the data set than a random draw of as many items.",
}


def better(figure: Figure) -> bool:
    """Is the value beyond the interval of its ceiling, on the good side?"""
    if figure.metric.partition(".")[0] in LOWER:
        return figure.value < figure.ceiling_low
    return figure.value > figure.ceiling_high


def note(figure: Figure) -> str:
    """Why a figure is better than real data, where it is, and what is not known of it."""
    unknown = [name for name in ("floor", "ceiling") if math.isnan(getattr(figure, name))]
    notes = [f"No {' and no '.join(unknown)}: too few items say it."] if unknown else []
    if better(figure):
        notes.append(REASONS.get(figure.metric.partition(".")[0], "Better than real data: do not trust it."))
    return " ".join(notes)


def explained(figures: Sequence[Figure]) -> list[Figure]:
    """The figures, with a note on each that needs one."""
    return [replace(figure, note=note(figure)) for figure in figures]
