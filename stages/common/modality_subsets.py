"""Subsets of the modalities: which are observed."""

from collections.abc import Sequence
from itertools import combinations, pairwise, permutations
from pathlib import Path

from stages.common.files import read_json

OBSERVED = Path("data/generate/subsets.json")
ALL = "all"  # in place of names: every subset


def proper_subsets(names: Sequence[str]) -> list[tuple[str, ...]]:
    """Every subset but the whole, the empty one first, in the order of size.

    >>> proper_subsets(["image", "text"])
    [(), ('image',), ('text',)]
    """
    return [subset for size in range(len(names)) for subset in combinations(names, size)]


def usual_subsets(names: Sequence[str]) -> list[tuple[str, ...]]:
    """Nothing, each modality alone, and all but one: of three modalities every subset but the whole, and of more their
    number grows with that of the modalities, where that of all subsets doubles with each."""
    return [subset for subset in proper_subsets(names) if len(subset) in (0, 1, len(names) - 1)]


def asked_subsets(names: Sequence[str], more: Sequence[str]) -> list[tuple[str, ...]]:
    """The usual subsets and those that are asked for by `subset_name`, or ALL. Raises ValueError for another word.

    >>> asked_subsets(["a", "b", "c", "d"], ["b+a"])[1:6]
    [('a',), ('b',), ('c',), ('d',), ('a', 'b')]
    """
    known = proper_subsets(names)
    wanted = [set(told.split("+")) for told in more if told != ALL]
    for told in wanted:
        if not any(told == set(subset) for subset in known):
            raise ValueError(
                f"generate.subsets: expected some of {', '.join(names)}, joined by +, or {ALL}, got "
                f"'{'+'.join(sorted(told))}'; correct params.yaml"
            )
    usual = usual_subsets(names)
    return known if ALL in more else [subset for subset in known if subset in usual or set(subset) in wanted]


def observed_subsets(names: Sequence[str]) -> list[tuple[str, ...]]:
    """Those that `generate` made something of, nothing first."""
    return [tuple(name for name in names if name in told) for told in read_json(OBSERVED)["observed"]]


def chains(names: Sequence[str]) -> list[tuple[str, str, str]]:
    """First, middle and last modality of the ways between neighbours by a third one, the first that is neither.

    Neighbours in the order of the names, of which the last lies beside the first: of three modalities all six ways, of
    M modalities 2 M, so that what they cost grows with M.

    >>> [len(chains("abcdef"[:count])) for count in range(2, 7)]
    [0, 6, 8, 10, 12]
    """
    way_round = [*names, *names[:1]]
    beside = {*pairwise(way_round), *pairwise(way_round[::-1])}
    ways = [way for way in permutations(names, 3) if (way[0], way[2]) in beside]
    return [way for way in ways if way[1] == next(name for name in names if name not in (way[0], way[2]))]


def subset_name(subset: Sequence[str]) -> str:
    """A subset in words.

    >>> subset_name(["image", "text"]), subset_name([])
    ('image+text', 'nothing')
    """
    return "+".join(subset) or "nothing"
