"""Which modality a file shows, by its suffix. What is really in it is found out when it is read."""

from collections.abc import Sequence
from pathlib import PurePosixPath

from stages.common.modality import KINDS, kind_of

USUAL = ("image", "text", "audio")  # kinds that data often have beside what is asked for: that needs no remark


def modality_of(suffix: str, names: Sequence[str]) -> str | None:
    """Which of the modalities `names` is shown by files ``*.<suffix>``; None for those that none of them reads.

    >>> from stages.common.modality import Modality
    >>> front, back = Modality("front", "image"), Modality("back", "image")
    >>> modality_of("front.png", [front, back]), modality_of("png", [front, back]), modality_of("png", [front])
    ('front', None, 'front')
    """
    told, _, ending = suffix.rpartition(".")
    kinds = [kind for kind, about in KINDS.items() if ending.lower() in about.files]
    if told:
        return next((name for name in names if name == told and kind_of(name) in kinds), None)
    asked = [kind for kind in kinds if any(kind_of(name) == kind for name in names)]
    return next((meant_by(kind, names) for kind in [*asked, *(kind for kind in kinds if kind in USUAL)]), None)


def meant_by(kind: str, names: Sequence[str]) -> str | None:
    """The modality that is meant where only a kind is told: that of the kind's name, or the only one of the kind.

    The kind itself where no modality is of it: what is there is known, and not asked for. None where several are.
    """
    of_kind = [name for name in names if kind_of(name) == kind]
    if kind in of_kind or not of_kind:
        return kind
    return of_kind[0] if len(of_kind) == 1 else None


def parted(file: str, names: Sequence[str]) -> tuple[str, str]:
    """The path of a file without its suffix, and the suffix, with the name of a modality if it has one.

    >>> from stages.common.modality import Modality
    >>> parted("a/1.front.png", [Modality("front", "image")]), parted("a/1.front.png", ["image"])
    (('a/1', 'front.png'), ('a/1.front', 'png'))
    """
    place = PurePosixPath(file)
    stem, ending = place.with_suffix(""), place.suffix[1:]
    told = stem.suffix[1:]
    if told and modality_of(f"{told}.{ending}", [name for name in names if name != kind_of(name)]):
        return str(stem.with_suffix("")), f"{told}.{ending}"
    return str(stem), ending
