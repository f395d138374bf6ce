"""A modality by its name, which knows of what kind it is: `english` and `german` may both be text.

Wherever a modality is named, in tables, files and figures, its name stands; where it matters what its items are, its
kind is asked. A plain text is the name of the kind itself.
"""

MEDIA = {"image": "png", "text": "txt", "audio": "wav"}  # kinds whose items are files
VALUES = {"label": "label", "number": "number"}  # kinds whose items are cells of a table
SUFFIXES = MEDIA | VALUES  # of each kind's files in our shards, whatever is in them


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


def suffix_of(name: str) -> str:
    """What stands behind the first dot of the names of its files in our shards.

    >>> suffix_of("image"), suffix_of(Modality("front", "image"))
    ('png', 'front.png')
    """
    kind = kind_of(name)
    return SUFFIXES[kind] if name == kind else f"{name}.{SUFFIXES[kind]}"
