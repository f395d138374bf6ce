"""What the page calls things: modalities, families of figures, and numbers as people write them."""

import math
from collections.abc import Sequence

from stages.common.modality import KINDS
from stages.evaluation.metrics.families import SHARES, family


def label(metric: str) -> str:
    """``image_to_text`` and the like, without the family, as a row of the table is called."""
    rest = metric.partition(".")[2]
    for code, word in (("_to_", " \u2192 "), ("+", " + "), (".", " \u00b7 "), ("_", " ")):
        rest = rest.replace(code, word)
    return rest


def modality(name: str) -> str:
    return KINDS[name].called if name in KINDS else name


def several(name: str) -> str:
    """Items of a modality, as a sentence says them.

    >>> several("image"), several("front")
    ('pictures', 'items of front')
    """
    return f"{KINDS[name].called}s" if name in KINDS else f"items of {name}"


def named(modalities: Sequence[str]) -> str:
    """``picture, caption and clip``."""
    words = [modality(name) for name in modalities]
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1])))


def route(direction: str) -> str:
    """A direction in words.

    >>> route("image+text_to_audio")
    'picture and caption to clip'
    """
    observed, _, target = direction.partition("_to_")
    return f"{named(observed.split('+'))} to {modality(target)}"


def percent(share: float) -> str:
    return f"{100 * share:.1f}\u00a0%"


def points(share: float) -> str:
    """A difference of shares, with its sign, in points of 100."""
    return f"{100 * share:+.1f}"


def number(value: float) -> str:
    """Three decimals, more where the figure is small; nothing where there is none."""
    if math.isnan(value):
        return ""
    return f"{value:.3f}" if abs(value) >= 0.01 or value == 0 else f"{value:.4f}"


def amount(metric: str, value: float) -> str:
    """A value of the metric as a sentence says it.

    >>> amount("coherence.joint", 0.9782), amount("fidelity.image", 0.0154)
    ('97.8\\xa0%', '0.015')
    """
    return percent(value) if family(metric) in SHARES else number(value)
