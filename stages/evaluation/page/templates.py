"""What fills the page's templates, and those of pages that look like it; figures are wanted by the page alone."""

import math
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from stages.common.modality import kind_of
from stages.evaluation.metrics import families
from stages.evaluation.metrics.discriminative_power import discriminates
from stages.evaluation.metrics.result import Result
from stages.evaluation.page import wording
from stages.evaluation.page.examples import View
from stages.evaluation.page.media import medium

FILTERS = ("amount", "label", "modality", "named", "number", "percent", "points", "several")  # of `wording`


def environment(*folders: Path) -> Environment:
    """What fills templates: those beside this file, and those in other folders."""
    made = Environment(
        loader=FileSystemLoader([*folders, Path(__file__).with_name("template")]), autoescape=True,
        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    made.filters |= {"at": at, "discriminates": discriminates, "medium": medium, "caption": caption}
    made.filters |= {"own_names": own_names} | {name: getattr(wording, name) for name in FILTERS}
    return made


def own_names(items: View) -> bool:
    """Are there modalities that are not called as their kind? What shows them tells their names."""
    return any(name != kind_of(name) for name in items)


def caption(items: View) -> str | None:
    """The first text of a sample, in words for who can't see or hear the rest."""
    return next((item for name, item in items.items() if kind_of(name) == "text"), None)


def at(value: float, result: Result) -> float:
    """Where `value` lies on the bar of `figure`, per cent of its width: shares from 0 to 1, others over their range."""
    left, right = 0.0, 1.0
    ends = [v for v in (result.low, result.high, result.value, result.floor, result.ceiling) if math.isfinite(v)]
    if families.family(result.metric) not in families.SHARES or min(ends) < 0:
        left, right = min(0.0, *ends), max(0.0, *ends)
    share = (value - left) / (right - left or 1.0)
    return round(100 * min(max(share, 0.0), 1.0), 2)
