"""The grammar of the built-in captions: it writes them, and it reads them back exactly.

A wording is a row of fragments. A fragment that names an attribute stands in the caption when the attribute is
stated and gives way to its fallback when it is left out. Because writer and reader share the table, a caption
either says exactly what the reader finds in it or it is no sentence of the grammar at all.
"""

import re
from collections.abc import Mapping
from functools import cache

import numpy as np

WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")

Wording = tuple[tuple[str, str], ...]  # (fragment, fallback); a fragment names at most one attribute in braces

WORDINGS: tuple[Wording, ...] = (
    (
        ("a", "a"),
        (" {weight}", ""),
        (" {colour}", ""),
        (" {digit}", " digit"),
        (", said", ", said"),
        (" at a {pace} pace", ""),
        (" in a {pitch} voice", " aloud"),
    ),
    (
        ("the digit {digit}", "some digit"),
        (" in {colour} ink", " in ink"),
        (" with a {weight} stroke", ""),
        ("; the voice is {pitch}", "; there is a voice"),
        (" and {pace}", ""),
    ),
    (
        ("a {pitch} voice", "a voice"),
        (" says {digit}", " says it"),
        (" at {pace} speed", ""),
        (" and draws it {weight}", " and draws it"),
        (" in {colour}", ""),
    ),
    (
        ("{digit}!", "look!"),
        (" {colour} ink,", " ink,"),
        (" {weight} lines,", ""),
        (" {pace} speech,", " speech,"),
        (" {pitch} pitch", " any pitch"),
    ),
)


def write(attributes: Mapping[str, str], *, leave_out: float, rng: np.random.Generator) -> str:
    """A caption of a sample; each attribute is left out with chance `leave_out`."""
    wording = WORDINGS[rng.integers(len(WORDINGS))]
    stated = {name: value for name, value in attributes.items() if rng.random() >= leave_out}
    if "digit" in stated and rng.random() < 0.5:  # half of the captions spell the digit
        stated["digit"] = WORDS[int(stated["digit"])]
    return "".join(fill(fragment, fallback, stated) for fragment, fallback in wording)


def fill(fragment: str, fallback: str, stated: Mapping[str, str]) -> str:
    named = re.search(r"{(\w+)}", fragment)
    return fragment.format(**stated) if named is None or named[1] in stated else fallback


def read(caption: str, values: Mapping[str, tuple[str, ...]]) -> dict[str, str] | None:
    """What a caption says: {attribute: value} for those it states, None when it is not in the grammar.

    >>> known = {"digit": ("3", "7"), "colour": ("red", "blue")}
    >>> read("the digit seven in red ink; there is a voice", known)
    {'digit': '7', 'colour': 'red'}
    >>> read("the digit seven in a red ink", known) is None
    True
    """
    for pattern in patterns(tuple(values.items())):
        if found := pattern.fullmatch(caption):
            stated = {name: value for name, value in found.groupdict().items() if value is not None}
            if stated.get("digit") in WORDS:
                stated["digit"] = str(WORDS.index(stated["digit"]))
            return stated
    return None


@cache
def patterns(values: tuple[tuple[str, tuple[str, ...]], ...]) -> tuple[re.Pattern[str], ...]:
    """One expression a wording: each fragment is an alternative of its filled form and its fallback.

    Of an attribute that is not asked for - no modality of the pipeline shows it - any value is passed over.
    """
    choices = {name: (*options, *WORDS) if name == "digit" else options for name, options in values}
    return tuple(
        re.compile("".join(alternative(fragment, fallback, choices) for fragment, fallback in wording))
        for wording in WORDINGS
    )


def alternative(fragment: str, fallback: str, choices: Mapping[str, tuple[str, ...]]) -> str:
    before, _, rest = fragment.partition("{")
    if not rest:
        return re.escape(fragment)
    name, _, after = rest.partition("}")
    options = "|".join(re.escape(option) for option in choices.get(name, ()))
    value = f"(?P<{name}>{options})" if options else r"\w+"
    return f"(?:{re.escape(before)}{value}{re.escape(after)}|{re.escape(fallback)})"
