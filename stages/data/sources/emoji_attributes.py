"""What an English name says of its emoji: the base, of which there are variants, and the attributes.

A name such as "woman astronaut dark skin tone" is a base, "astronaut", with a skin tone, a word for a person and hair.
What the name does not say is an empty label.
"""

import re
from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

import pandas as pd

SKINS = ("default", "light", "medium-light", "medium", "medium-dark", "dark")
PERSONS = {"man": "man", "men": "man", "woman": "woman", "women": "woman", "person": "person", "people": "person"}
HAIRS = {"red hair": "red", "curly hair": "curly", "white hair": "white", "bald": "bald", "blond hair": "blond"}
IRREGULAR = {  # words that say the person and the base in one
    "Santa Claus": "man Claus", "Mrs. Claus": "woman Claus", "Mx Claus": "person Claus",
    "prince": "man with crown", "princess": "woman with crown",
    "merman": "man mer", "mermaid": "woman mer", "merperson": "person mer",
    "older person": "old person",
}  # fmt: skip
KINDS = {  # kind: the words that say it; the first that the name has. Each has at least 15 bases
    "person": "|".join(PERSONS),
    "flag": "flags?",
    "button": "button",
    "face": "face",
    "hand": "hands?|fingers?|fist|thumbs|handshake|index pointing",
    "heart": "hearts?",
    "clock": r"clock|o\u2019clock|\S+-thirty",
    "arrow": "arrows?",
    "shape": "square|circle|diamond|triangle",
}
OTHER = "other"  # kind of all else: food, beasts, things
MISLEADING = ("bow and arrow", "folding hand fan")  # names that have the word of another kind
FAMILY = "family"  # drawn as silhouettes that hardly differ: all are of one base


def whole(words: str) -> re.Pattern[str]:
    """These words where blanks surround them: "man", but not that in "policeman" or before an apostrophe."""
    return re.compile(rf"(?<!\S)(?:{words})(?!\S)")


TONE = whole(rf"({'|'.join(SKINS[1:])}) skin tone")
PERSON = whole("|".join(PERSONS))
HAIR = whole("|".join(HAIRS))
ODD = whole("|".join(map(re.escape, IRREGULAR)))
BESIDE = whole("and|facing right")  # "woman and man"; a picture turned round is of the same base
KIND = {kind: whole(words) for kind, words in KINDS.items()}


class Parts(NamedTuple):
    """What a name is made of."""

    base: str
    skins: tuple[str, ...]  # the tones that it says, each once
    persons: tuple[str, ...]  # likewise
    hair: str


def parts(name: str) -> Parts:
    """Take an English name apart.

    >>> parts("woman astronaut dark skin tone")
    Parts(base='astronaut', skins=('dark',), persons=('woman',), hair='')
    """
    skins = tuple(dict.fromkeys(TONE.findall(name)))
    plain = ODD.sub(lambda found: IRREGULAR[found[0]], TONE.sub("", name))
    persons = tuple(dict.fromkeys(PERSONS[word] for word in PERSON.findall(plain)))
    if plain.split()[0] == FAMILY:
        return Parts(FAMILY, skins, (), "")
    if not persons:
        return Parts(" ".join(plain.split()), skins, (), "")
    hair = HAIR.search(plain)
    base = " ".join(BESIDE.sub("", HAIR.sub("", PERSON.sub("", plain))).split())
    return Parts(base or "person", skins, persons, HAIRS[hair[0]] if hair else "")


def kind(name: str) -> str:
    """What the name calls its emoji, before it says with what.

    >>> kind("grinning face with big eyes"), kind("heart with arrow"), kind("mobile phone with arrow")
    ('face', 'heart', '')
    """
    head = name.partition(" with ")[0]
    return "" if head in MISLEADING else next((kind for kind, words in KIND.items() if words.search(head)), "")


def labelled(names: Sequence[str]) -> pd.DataFrame:
    """The bases and labels of English names, a row each: base, kind, skin, person, hair; "" where nothing is said.

    Kind is OTHER where no word says one and the base has no skin tone: an "astronaut" is a person all the same.

    Skin and person are labels where the base comes in several: "person fencing" has none, because nobody else fences.
    There a name that says none is that of the default skin, and of a person.
    """
    found = [parts(name) for name in names]
    skins, persons = defaultdict[str, set[str]](set), defaultdict[str, set[str]](set)
    for one in found:
        skins[one.base].update(one.skins)
        persons[one.base].update(one.persons or ("person",))
    return pd.DataFrame({
        "base": [one.base for one in found],
        "kind": [kind(name) or ("" if skins[one.base] else OTHER) for name, one in zip(names, found, strict=True)],
        "skin": [the_only(one.skins, "default") if skins[one.base] else "" for one in found],
        "person": [the_only(one.persons, "person") if len(persons[one.base]) > 1 else "" for one in found],
        "hair": [one.hair for one in found],
    })  # fmt: skip


def the_only(said: Sequence[str], unsaid: str) -> str:
    """The one that is said, `unsaid` where none is, "" where two people differ."""
    return unsaid if not said else said[0] if len(said) == 1 else ""
