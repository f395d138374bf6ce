"""What is written of solids: of one alone, of two in a room, of these at length, and in short by a rule.

Each way but the short one has several wordings. A word stands close to those that it belongs to, with its side, so that
a reader of short runs of words knows of which solid it speaks.
"""

from collections.abc import Mapping

import numpy as np

Facts = Mapping[str, str]  # attribute: value; of one solid in a room also its `side`
ALONE = (  # with a pose; a ball has none
    "a {size} {colour} {shape}, {pose}",
    "a {pose} {shape}, {size} and {colour}",
    "{colour} {shape}: {pose}, {size}",
    "this {pose} {shape} is {size} and {colour}",
)
WITHOUT_POSE = (
    "a {size} {colour} {shape}",
    "a {shape}, {size} and {colour}",
    "{colour} {shape}: {size}",
    "this {shape} is {size} and {colour}",
)
IN_A_ROOM = (
    "{place} {side} a {size} {colour} {shape}",
    "a {size} {colour} {shape} {place} {side}",
    "{place} {side}: {shape}, {colour}, {size}",
)
OPENINGS = ("", "Two things stand in a room.", "This is a room with two things.", "Here are two things.")
WHAT = (
    "On the {side} is a {size} {colour} {shape}.",
    "A {size} {colour} {shape} is {side}.",
    "The {side} one is a {size} {colour} {shape}.",
)
WHERE = (
    "The {size} {shape} is {place}.",
    "The {size} one stands {place}.",
    "{Place} is where the {size} {shape} stands.",
)
SHORT = "a {colour} {shape} on the {side}"  # what the summary keeps of the larger solid


def alone(facts: Facts, rng: np.random.Generator) -> str:
    """A caption of one solid; all its facts."""
    wordings = ALONE if facts["pose"] else WITHOUT_POSE
    return str(rng.choice(wordings)).format(**facts)


def in_a_room(left: Facts, right: Facts, rng: np.random.Generator) -> str:
    """A caption of two solids; all facts of both."""
    wording = str(rng.choice(IN_A_ROOM))
    told = [wording.format(**one) for one in in_some_order(left, right, rng)]
    return "; ".join(told)


def at_length(left: Facts, right: Facts, rng: np.random.Generator) -> str:
    """Some sentences on two solids; all facts of both."""
    told = [str(rng.choice(OPENINGS))]
    told += [str(rng.choice(WHAT)).format(**one) for one in in_some_order(left, right, rng)]
    places = (one | {"Place": one["place"].capitalize()} for one in map(dict, in_some_order(left, right, rng)))
    told += [str(rng.choice(WHERE)).format(**one) for one in places]
    return " ".join(filter(None, told))


def in_some_order(left: Facts, right: Facts, rng: np.random.Generator) -> list[Facts]:
    return [left, right] if rng.random() < 0.5 else [right, left]


def in_short(left: Facts, right: Facts) -> str:
    """The summary, by a rule: of the larger solid its colour, its shape and its side, and nothing else."""
    return SHORT.format(**(left if left["size"] == "large" else right))
