"""The page: figures in words, samples to see and hear, curves and the full table, in one file that works offline.

`page.html` beside this module is the template; what it shows is prepared here. All text is escaped.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from stages.evaluation.curves import FRAME, charts
from stages.evaluation.examples import Example, View
from stages.evaluation.figure import Figure

WORDS = {"image": "picture", "text": "caption", "audio": "clip"}  # a modality as people call it
OWN_SCALE = (
    "fidelity",
    "memorisation",
    "balance",
    "extract",
    "classes",
    "frechet",
    "density",
    "freedom",
)  # all other figures are shares, from 0 to 1
GROUPS = {  # what the figures of a group say
    "coherence": "Share of samples in which judges find what was given, or the same in all outputs. Higher is better.",
    "attribute": "The same for the other attributes, wherever the observed side determines them. Higher is better.",
    "fidelity": "Kernel distance from samples made from nothing to real ones. Lower is better.",
    "frechet": "Frechet distance from samples made from nothing to real ones. Lower is better.",
    "precision": "Share of samples made from nothing that lie among real ones. Higher is better.",
    "recall": "Share of real items that lie among samples made from nothing. Higher is better.",
    "density": "How densely samples lie where real items are; real ones score one.",
    "hearing": "Share of clips in which a recogniser not trained here hears the digit. Higher is better.",
    "freedom": "Bits of chance left in what the observed side leaves open. Near the ceiling is best, zero is collapse.",
    "coverage": "Share of real items with a sample made from nothing close by. Higher is better.",
    "memorisation": "Share of samples very close to a training item, less that of real test items. Zero is best.",
    "ceiling": "Share of real test items that the judges read right. No score of a sample can be trusted beyond it.",
    "reconstruction": "Share of test items that the judges still read right after a codec and back. Higher is better.",
    "balance": "Largest relative deviation of a label's share among samples made from nothing. Lower is better.",
    "confidence": "How sure the judges are of samples made from nothing; of captions, the share that can be read.",
    "classes": "Different digits among samples made from nothing. Fewer than real data have: the generator collapsed.",
    "extract": "Reconstruction error of the codecs; the floor is a PCA of the same width. Lower is better.",
}
KEYS = {  # the first screen, in words
    "coherence.joint": "Made from nothing, {all} carry the same digit",
    "coherence.worst": "The digit comes out right in the worst direction, {worst}",
    "coherence.hidden": "Captions that name no digit: what is made of them agrees on one",
    "coherence.attributes": "The other attributes that were given come out right",
}
SIDE_KEYS = {"coverage": "Real {0}s that samples cover", "ceiling": "Real {0}s that the judge reads right"}


@dataclass(frozen=True)
class Key:
    """A figure of the first screen."""

    figure: Figure
    words: str


@dataclass(frozen=True)
class Direction:
    """Observed modalities, what was made of them, and how often that was right."""

    observed: Sequence[str]
    targets: Sequence[str]
    figures: Mapping[str, Figure]  # target -> coherence
    examples: Sequence[Example]


def render(
    names: Sequence[str], table: pd.DataFrame, curves: pd.DataFrame, nothing: list[View],
    examples: Mapping[tuple[str, ...], list[Example]],
) -> str:  # fmt: skip
    """The page as HTML."""
    figures = {str(row["metric"]): Figure(**{str(k): v for k, v in row.items()}) for row in table.to_dict("records")}
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    environment.filters |= {"percent": percent, "number": number, "at": at, "named": named}
    return environment.get_template("page.html").render(
        names=names,
        keys=key_figures(figures, names),
        side_keys=side_figures(figures, names),
        nothing=nothing,
        directions=[direction(observed, figures, names, shown) for observed, shown in examples.items()],
        charts=charts(curves),
        frame=FRAME,
        groups=grouped(figures),
    )


def key_figures(figures: Mapping[str, Figure], names: Sequence[str]) -> list[Key]:
    """Those of `KEYS` that were measured; the worst direction gets its name."""
    directions = [f for f in figures.values() if re.fullmatch(r"coherence\..+_to_.+", f.metric)]
    worst = ""
    if directions:
        lowest = min(directions, key=lambda f: f.value).metric.removeprefix("coherence.")
        observed, _, target = lowest.partition("_to_")
        worst = f"{named(observed.split('+'))} to {named([target])}"
    return [
        Key(figures[metric], words.format(all=named(names), worst=worst).rstrip(", "))
        for metric, words in KEYS.items()
        if metric in figures
    ]


def side_figures(figures: Mapping[str, Figure], names: Sequence[str]) -> list[Key]:
    """Coverage and the judges' ceilings, by modality."""
    return [
        Key(figures[f"{group}.{name}"], words.format(WORDS.get(name, name)))
        for group, words in SIDE_KEYS.items()
        for name in names
        if f"{group}.{name}" in figures
    ]


def direction(
    observed: tuple[str, ...], figures: Mapping[str, Figure], names: Sequence[str], examples: Sequence[Example]
) -> Direction:
    metrics = {name: f"coherence.{'+'.join(observed)}_to_{name}" for name in names if name not in observed}
    return Direction(observed, list(metrics), {n: figures[m] for n, m in metrics.items() if m in figures}, examples)


def grouped(figures: Mapping[str, Figure]) -> list[tuple[str, str, list[Figure]]]:
    """The full table: group, what its figures say, and the figures."""
    groups: dict[str, list[Figure]] = {}
    for metric, figure in figures.items():
        groups.setdefault(metric.partition(".")[0], []).append(figure)
    return [(group, GROUPS.get(group, ""), rows) for group, rows in groups.items()]


def named(modalities: Sequence[str]) -> str:
    """``picture, caption and clip``."""
    words = [WORDS.get(name, name) for name in modalities]
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1])))


def percent(share: float) -> str:
    return f"{100 * share:.1f}\u00a0%"


def number(value: float) -> str:
    """Three decimals, more where the figure is small; nothing where there is none."""
    if math.isnan(value):
        return ""
    return f"{value:.3f}" if abs(value) >= 0.01 or value == 0 else f"{value:.4f}"


def at(value: float, figure: Figure) -> float:
    """Where `value` lies on the bar of `figure`, per cent of its width."""
    left, right = 0.0, 1.0
    if figure.metric.partition(".")[0] in OWN_SCALE:
        ends = [v for v in (figure.low, figure.high, figure.value, figure.floor, figure.ceiling) if math.isfinite(v)]
        left, right = min(0.0, *ends), max(0.0, *ends)
    share = (value - left) / (right - left or 1.0)
    return round(100 * min(max(share, 0.0), 1.0), 2)
