"""Reports on chest pictures: a phrase for each finding, in any order.

What is there is always stated; what is absent is often not mentioned, so that a report which says nothing of an
effusion means that there is none, as readers of reports take it.
"""

from collections.abc import Mapping

import numpy as np

PHRASES: Mapping[str, Mapping[str, tuple[str, ...]]] = {  # finding: what is said of a value; a side stands in braces
    "mass": {
        "none": ("no mass", "no focal opacity", "lungs free of masses"),
        "side": ("mass in the {side} lung", "{side} lung mass", "round opacity on the {side}"),
    },
    "effusion": {
        "none": ("no effusion", "no pleural fluid", "both angles sharp"),
        "side": ("{side} pleural effusion", "effusion on the {side}", "fluid at the {side} base"),
    },
    "heart": {
        "normal": ("heart of normal size", "no cardiomegaly", "heart not enlarged"),
        "enlarged": ("enlarged heart", "cardiomegaly", "heart shadow too wide"),
    },
}
NOTHING = ("no findings", "normal chest")  # where no phrase is left
BETWEEN = (", ", "; ")


def write(findings: Mapping[str, str], absent: Mapping[str, str], unmentioned: float, rng: np.random.Generator) -> str:
    """A report on the `findings`; one that has the value which means that it is `absent` goes unmentioned with a
    chance."""
    said = []
    for finding in rng.permutation(list(findings)):
        value = findings[finding]
        if value != absent[finding] or rng.random() >= unmentioned:
            known = PHRASES[finding]
            said.append(str(rng.choice(known.get(value, known.get("side", ())))).format(side=value))
    return str(rng.choice(BETWEEN)).join(said) or str(rng.choice(NOTHING))
