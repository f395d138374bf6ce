"""Which split an emoji goes to: all variants of a base to the same, but for the combinations that are held out.

A model that has seen a dark skinned man as an astronaut, and light skinned women, should be able to draw an astronaut
who is a light skinned woman. That is what a held-out combination asks: each of its parts was seen, with that base, and
never both together. Whether it can draw a base that it has never seen is what the other samples of `test` ask.
"""

from collections import defaultdict
from collections.abc import Collection
from itertools import permutations

import numpy as np
import pandas as pd

from stages.data.records.split import Shares, assign

VARIED = ("skin", "person", "hair")  # attributes that tell the variants of a base apart
Combination = tuple[str, ...]  # a label of each of these, "" where there is none


def splits(emoji: pd.DataFrame, shares: Shares, rng: np.random.Generator) -> pd.Series:
    """The split of each emoji by its base, in the given shares of the bases; kinds are spread evenly, and so are bases
    with and without variants.

    Hair is in the names of one base alone, a person as such. It goes to `train`: elsewhere nobody could learn hair.
    Raises ValueError when there are too few bases.
    """
    first = emoji.drop_duplicates("base")
    like = first["kind"] + "/" + (first["skin"] != "").astype(str) + "/" + (first["person"] != "").astype(str)
    drawn = assign(np.unique(like, return_inverse=True)[1], shares, rng)
    of_base = dict(zip(first["base"], map(str, drawn), strict=True))
    return emoji["base"].map(of_base | dict.fromkeys(emoji.loc[emoji["hair"] != "", "base"], "train"))


def held_out(emoji: pd.DataFrame, share: float, rng: np.random.Generator) -> pd.Series:
    """(N,) bool: is it of a combination that is held out? In the given share of those that can be, at random.

    What stays keeps every combination in parts, as `seen_in_parts` has it.
    """
    of_base: dict[str, set[Combination]] = defaultdict(set)
    rows = list(emoji[["base", *VARIED]].itertuples(index=False, name=None))
    for base, *labels in rows:
        of_base[base].add(tuple(labels))
    able = [
        (base, one)
        for base, there in sorted(of_base.items())
        for one in sorted(there)
        if seen_in_parts(one, there - {one})
    ]
    held: dict[str, set[Combination]] = defaultdict(set)
    wanted = round(share * len(able))
    for number in rng.permutation(len(able)):
        if sum(map(len, held.values())) == wanted:
            break
        base, one = able[number]
        more = held[base] | {one}
        if all(seen_in_parts(each, of_base[base] - more) for each in more):
            held[base] = more
    return pd.Series([tuple(labels) in held[base] for base, *labels in rows], index=emoji.index)


def seen_in_parts(combination: Combination, others: Collection[Combination]) -> bool:
    """Has it two labels or more, and is each among the `others` beside a different one of each other attribute?

    >>> seen_in_parts(("dark", "man"), [("dark", "woman"), ("light", "man")]), seen_in_parts(("dark", ""), [])
    (True, False)
    """
    said = [place for place, label in enumerate(combination) if label]
    return len(said) > 1 and all(
        any(other[kept] == combination[kept] and other[changed] not in ("", combination[changed]) for other in others)
        for kept, changed in permutations(said, 2)
    )
