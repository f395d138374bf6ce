"""The first screen: what is good and what is not, in words that follow from the figures alone.

Results count whose floor and ceiling differ beyond chance (`discriminative_power.py`). One is as good as real data when
its interval meets that of its ceiling or lies beyond it, at chance when it meets its floor, and short of real data in
between. How short says its reach: 0 at the floor, 1 at the ceiling.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from stages.evaluation.metrics.discriminative_power import discriminates, ends
from stages.evaluation.metrics.families import family
from stages.evaluation.metrics.result import Result
from stages.evaluation.page.wording import amount, label, modality, named, percent, route, several

MOST = 5  # sentences a list
DIRECTIONS = 3  # of the weakest that are named
DIRECTED = re.compile(r"(?:coherence|match)\.(\w+(?:\+\w+)*_to_\w+)")
SENTENCES = {  # pattern of a metric: what it says; those further up go first among what is good
    r"coherence\.joint": "Made from nothing, {all} carry the same {key} in {value}",
    r"match\.joint": "Made from nothing, {all} belong together in {value}",
    r"coherence\.hidden": "What is made of captions that leave the {key} out agrees on one in {value}",
    r"coherence\.(\w+(?:\+\w+)*_to_\w+)": "{route}: the {key} comes out right in {value}",
    r"match\.(\w+(?:\+\w+)*_to_\w+)": "{route}: what is made fits in {value}",
    r"coverage\.(\w+)": "{value} of real {items} have a made one close by (coverage)",
    r"fidelity\.(\w+)": "Made {items} lie {value} from real ones (kernel distance)",
    r"memorisation\.(\w+)": "Share of made {items} very close to a training item, less that of real test ones: {value}",
    r"recall\.(\w+)": "{value} of real {items} lie among the made ones (recall)",
    r"precision\.(\w+)": "{value} of made {items} lie among real ones (precision)",
    r"attribute\.(\w+)\.(\w+(?:\+\w+)*_to_\w+)": "{route}: the {what} comes out right in {value}",
    r"translation\.(\w+(?:\+\w+)*_to_\w+)": "{route}: {value} of captions are the true ones, word by word",
    r"transcription\.(\w+(?:\+\w+)*_to_\w+)": "{route}: {value} of captions are what the clip says, word by word",
    r"invented\.(\w+(?:\+\w+)*_to_\w+)": "{route}: what is absent is shown anyway in {value}",
    r"missed\.(\w+(?:\+\w+)*_to_\w+)": "{route}: what is there is not shown in {value}",
    r"molecule\.(\w+)\.\w+": "{what} of molecules made from nothing: {value}",
    r"property_error\.(\w+)\.(\w+(?:\+\w+)*_to_\w+)": "{route}: {what} is off by {value}; always the mean is by 1",
    r"motion\.(\w+(?:\+\w+)*_to_\w+)": "{route}: movements follow the true ones, as a correlation, by {value}",
    r"closed\.(\w+(?:\+\w+)*_to_\w+)": "{route}: {value} of what is made is closed, with nothing hollow in it",
    r"number_error\.(\w+(?:\+\w+)*_to_\w+)": "{route}: made numbers are off by {value}, where always the mean is by 1",
    r"out_of_domain\.(\w+_to_\w+)": "Pictures out of domain, {route}: the {key} comes out right in {value}",
    r"consistency\.(.+)": "Ways that should agree differ by {value} ({label})",
}


@dataclass(frozen=True)
class Remark:
    """One sentence about one figure."""

    result: Result
    words: str
    reach: float


@dataclass(frozen=True)
class Verdict:
    """What the first screen says."""

    total: int  # figures whose floor and ceiling lie apart
    silent: int  # figures that have both, but not apart: they say nothing
    at_ceiling: int
    at_floor: int
    good: Sequence[Remark]
    poor: Sequence[Remark]
    weakest: Sequence[str]  # directions, the weakest first


def reach(result: Result) -> float:
    """How far the value is on the way from floor to ceiling; NaN where there is no way."""
    outputs = result.ceiling - result.floor
    return (result.value - result.floor) / outputs if math.isfinite(outputs) and outputs else math.nan


def touches(result: Result, low: float, high: float) -> bool:
    """Does the interval of the value meet another?"""
    least, most = ends(result.value, result.low, result.high)
    return least <= high and most >= low


def at_ceiling(result: Result) -> bool:
    return reach(result) >= 1 or touches(result, *ends(result.ceiling, result.ceiling_low, result.ceiling_high))


def at_floor(result: Result) -> bool:
    return not at_ceiling(result) and (reach(result) <= 0 or touches(result, result.floor, result.floor))


def verdict(results: Mapping[str, Result], names: Sequence[str], key: str) -> Verdict:
    """From every figure; those of the judges and the codecs themselves are no merit of the generator."""
    own = ("ceiling", "codec_accuracy", "codec_error")
    known = [f for f in results.values() if math.isfinite(f.ceiling - f.floor) and family(f.metric) not in own]
    rated = [f for f in known if discriminates(f)]
    remarks = [remark(f, words, names, key) for pattern, words in SENTENCES.items() for f in matching(rated, pattern)]
    poor = sorted((one for one in remarks if not at_ceiling(one.result)), key=lambda one: one.reach)
    directions = sorted((f for f in rated if DIRECTED.fullmatch(f.metric)), key=lambda f: f.value)
    return Verdict(
        total=len(rated),
        silent=len(known) - len(rated),
        at_ceiling=sum(map(at_ceiling, rated)),
        at_floor=sum(map(at_floor, rated)),
        good=one_a_family([one for one in remarks if at_ceiling(one.result)]),
        poor=one_a_family(poor),
        weakest=[f"{route(label_of(f))} {percent(f.value)}" for f in directions[:DIRECTIONS]],
    )


def matching(results: Sequence[Result], pattern: str) -> list[Result]:
    return [result for result in results if re.fullmatch(pattern, result.metric)]


def label_of(result: Result) -> str:
    return result.metric.partition(".")[2]


def remark(result: Result, words: str, names: Sequence[str], key: str) -> Remark:
    """The sentence with everything filled in that it may ask for."""
    parts = result.metric.split(".")
    said = words.format(
        all=named(names), key=key, value=amount(result.metric, result.value), what=modality(parts[1]),
        items=several(parts[1]),
        route=route(parts[-1]), label=label(result.metric),
    )  # fmt: skip
    return Remark(result, said[0].upper() + said[1:], reach(result))


def one_a_family(remarks: Sequence[Remark]) -> list[Remark]:
    """The first of each family, so that one weakness does not fill the list."""
    first: dict[str, Remark] = {}
    for one in remarks:
        first.setdefault(family(one.result.metric), one)
    return list(first.values())[:MOST]
