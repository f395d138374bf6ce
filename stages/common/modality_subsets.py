"""Subsets of the modalities: which are observed."""

from collections.abc import Sequence
from itertools import combinations


def proper_subsets(names: Sequence[str]) -> list[tuple[str, ...]]:
    """Every subset but the whole, the empty one first, in the order of size.

    >>> proper_subsets(["image", "text"])
    [(), ('image',), ('text',)]
    """
    return [subset for size in range(len(names)) for subset in combinations(names, size)]


def subset_name(subset: Sequence[str]) -> str:
    """A subset in words.

    >>> subset_name(["image", "text"]), subset_name([])
    ('image+text', 'nothing')
    """
    return "+".join(subset) or "nothing"
