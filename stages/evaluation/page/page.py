"""The page: figures in words, samples to see and hear, curves and the full table, in one file that works offline.

The templates stand in the folder `template` beside this module; what they show is prepared here and in the modules
that are imported. There is no script, and all text is escaped.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd

from stages.evaluation.metrics import families
from stages.evaluation.metrics.discriminative_power import FEW, margin
from stages.evaluation.metrics.result import Result
from stages.evaluation.page import wording
from stages.evaluation.page.curves import FRAME, charts, learned_by_heart
from stages.evaluation.page.examples import Example, View
from stages.evaluation.page.guidance_chart import GuidanceChart
from stages.evaluation.page.interpretability import Attention, Game
from stages.evaluation.page.privacy import ATTACKS, Guarantee, attack
from stages.evaluation.page.templates import environment
from stages.evaluation.page.trust_checks import Check, NearCopy, Rejects, Visibility
from stages.evaluation.page.verdict import DIRECTED, verdict

TIES = ("coherence", "match")  # families of figures that say whether outputs fit; data without labels have the latter
KEYS = {  # beside the verdict, in words
    "coherence.joint": "Made from nothing, {all} carry the same {key}",
    "coherence.worst": "The {key} comes out right in the worst direction, {worst}",
    "coherence.hidden": "Captions that name no {key}: what is made of them agrees on one",
    "coherence.attributes": "The other attributes that were given come out right",
    "match.joint": "Made from nothing, {all} belong together",
    "match.worst": "What is made fits in the worst direction, {worst}",
}


@dataclass(frozen=True)
class Key:
    """A figure of the first screen."""

    result: Result
    words: str


@dataclass(frozen=True)
class Direction:
    """Observed modalities, what was made of them, and how often that was right."""

    observed: Sequence[str]
    targets: Sequence[str]
    results: Mapping[str, Result]  # target -> coherence
    examples: Sequence[Example]


@dataclass(frozen=True)
class Content:
    """All that the page shows."""

    names: Sequence[str]
    key: str  # the attribute that ties modalities together
    tested: int  # test samples
    results: Mapping[str, Result]
    curves: pd.DataFrame
    nothing: Sequence[View]
    examples: Mapping[tuple[str, ...], Sequence[Example]]
    strips: Sequence[Sequence[View]] = ()
    games: Sequence[Game] = ()
    attentions: Sequence[Attention] = ()
    guidance: GuidanceChart | None = None
    near_copies: Mapping[str, Sequence[NearCopy]] = field(default_factory=dict)
    checks: Sequence[Check] = ()
    rejects: Rejects | None = None
    remarks: Sequence[str] = ()  # on the data, a sentence each
    visibilities: Sequence[Visibility] = ()
    codecs: Sequence[str] = ()  # a sentence each
    light: bool = False  # pictures and clips are made smaller
    guarantee: Guarantee | None = None  # on what the models tell of the data
    subsets: int = 0  # of the modalities but the whole, which could be observed


def figures_of(table: pd.DataFrame) -> dict[str, Result]:
    """The full table by metric."""
    return {str(row["metric"]): Result(**{str(k): v for k, v in row.items()}) for row in table.to_dict("records")}


def render(content: Content) -> str:
    """The page as HTML."""
    names, results = content.names, content.results
    template = environment().get_template("page.html")
    return template.render(
        content=content,
        names=names,
        verdict=verdict(results, names, content.key),
        keys=key_figures(results, names, content.key),
        directions=[direction(observed, results, names, shown) for observed, shown in content.examples.items()],
        charts=charts(content.curves),
        overfitted=learned_by_heart(content.curves),
        frame=FRAME,
        few=FEW,
        margin=margin(content.tested),
        groups=grouped(results),
        attacks={attack(metric): found for metric, found in results.items() if families.family(metric) in ATTACKS},
    )


def key_figures(results: Mapping[str, Result], names: Sequence[str], key: str) -> list[Key]:
    """Those of `KEYS` that were measured; the worst direction gets its name."""
    directions = [result for result in results.values() if DIRECTED.fullmatch(result.metric)]
    lowest = min(directions, key=lambda result: result.value, default=None)
    worst = wording.route(lowest.metric.partition(".")[2]) if lowest else ""
    return [
        Key(results[metric], said.format(all=wording.named(names), worst=worst, key=key))
        for metric, said in KEYS.items()
        if metric in results
    ]


def direction(
    observed: tuple[str, ...], results: Mapping[str, Result], names: Sequence[str], examples: Sequence[Example]
) -> Direction:
    targets = [name for name in names if name not in observed]
    metrics = {(tie, name): f"{tie}.{'+'.join(observed)}_to_{name}" for tie in TIES for name in targets}
    found = {name: results[metric] for (_, name), metric in metrics.items() if metric in results}
    return Direction(observed, targets, found, examples)


def grouped(results: Mapping[str, Result]) -> list[tuple[str, str, list[Result]]]:
    """The full table: group, what its figures say, and the figures."""
    groups: dict[str, list[Result]] = {}
    for metric, result in results.items():
        groups.setdefault(families.family(metric), []).append(result)
    return [(group, families.FAMILIES.get(group, ""), rows) for group, rows in groups.items()]
