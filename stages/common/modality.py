"""The kinds of modalities, and a modality by its name, which knows of what kind it is: `english` and `german` may both
be text.

Wherever a modality is named, in tables, files and figures, its name stands; where it matters what its items are, its
kind is asked. A plain text is the name of the kind itself.
"""

from typing import NamedTuple

PICTURE, SPECTRUM, GRID = "picture", "spectrum", "grid"  # levels from 0 to 255: (H, W, C); (F, T); (S, S, S)
TOKENS = "tokens"  # (T,) uint16
VALUE = "value"  # (1,): a word's place or a number's rank


class Kind(NamedTuple):
    """A row of the table of kinds; what else there is to know stands in `stages/data/kinds/<kind>.py`."""

    called: str  # as people call an item
    tensor: str  # what an item is to codecs and judges
    files: tuple[str, ...] = ()  # suffixes of what shows it, ours first; none: it is a cell of a table

    @property
    def in_files(self) -> bool:
        return bool(self.files)


KINDS = {
    "image": Kind("picture", PICTURE, ("png", "jpg", "jpeg", "webp", "gif", "bmp", "tif", "tiff", "pgm", "ppm")),
    "text": Kind("caption", TOKENS, ("txt",)),
    "audio": Kind("clip", SPECTRUM, ("wav", "flac", "ogg", "oga", "mp3", "aif", "aiff")),
    "label": Kind("label", VALUE),
    "number": Kind("number", VALUE),
    "video": Kind("video", PICTURE, ("mp4", "webm", "gif", "mov", "mkv", "avi")),
    "volume": Kind("volume", GRID, ("npy", "npz", "obj", "stl", "ply")),
    "molecule": Kind("molecule", TOKENS, ("smi",)),
}


class Modality(str):
    """A name with its kind.

    >>> english = Modality("english", "text")
    >>> english == "english", kind_of(english), kind_of("text")
    (True, 'text', 'text')
    """

    kind: str

    def __new__(cls, name: str, kind: str) -> "Modality":
        made = super().__new__(cls, name)
        made.kind = kind
        return made

    def __getnewargs__(self) -> tuple[str, str]:  # type: ignore[override]
        """So that worker processes get the kind too."""
        return str(self), self.kind


def kind_of(name: str) -> str:
    """What a modality's items are."""
    return getattr(name, "kind", name)


def tensor_of(name: str) -> str:
    """What its items are to codecs and judges."""
    return KINDS[kind_of(name)].tensor


def in_files(name: str) -> bool:
    """Are its items files, and not cells of a table?"""
    return KINDS[kind_of(name)].in_files


def suffix_of(name: str) -> str:
    """What stands behind the first dot of the names of its files in our shards.

    >>> suffix_of("image"), suffix_of(Modality("front", "image")), suffix_of("label")
    ('png', 'front.png', 'label')
    """
    kind = kind_of(name)
    suffix = KINDS[kind].files[0] if KINDS[kind].in_files else kind
    return suffix if name == kind else f"{name}.{suffix}"
