"""What can be asked of the studio by a program, and what it answers."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field, model_validator

from stages.common.params import Strict

MOST = 256  # samples in an answer

Payloads = dict[str, str]  # by modality: captions, labels and numbers as they are, of files the bytes in base64
NOTHING: list[Payloads] = [{}]  # the input of which samples are made from nothing


class Wanted(Strict):
    """Samples of each input, which all give the same modalities. Settings left out are those of params.yaml."""

    model: str | None = None  # its name; none: the first
    inputs: Annotated[list[Payloads], Field(min_length=1)] = NOTHING
    make: list[str] | None = None  # modalities; none: all that are not given
    count: Annotated[int, Field(ge=1, le=MOST)] = 6  # samples of each input
    seed: int | None = None  # the same seed, the same samples
    prior_temperature: Annotated[float, Field(gt=0, le=1)] | None = None  # less: more usual samples
    decoder_temperature: Annotated[float, Field(gt=0, le=1)] | None = None
    guidance: Annotated[float, Field(ge=1)] | None = None  # more: nearer to what is given

    @model_validator(mode="after")
    def bounded(self) -> "Wanted":
        if len(self.inputs) * self.count > MOST:
            raise ValueError(f"expected at most {MOST} samples in a request, got {len(self.inputs)} x {self.count}")
        if len({frozenset(one) for one in self.inputs}) > 1:
            raise ValueError(
                "expected inputs that give the same modalities, got different ones; ask for each by itself"
            )
        return self


class Single(Wanted):
    """Of one input."""

    @model_validator(mode="after")
    def alone(self) -> "Single":
        if len(self.inputs) > 1:
            raise ValueError(f"expected one input, got {len(self.inputs)}; ask for each by itself")
        return self


class Walk(Single):
    """The way between two samples of one input, from the one to the other."""

    start: Annotated[int, Field(ge=0)] = 0
    end: Annotated[int, Field(ge=0)] = 1
    steps: Annotated[int, Field(ge=2, le=64)] = 8

    @model_validator(mode="after")
    def there(self) -> "Walk":
        if max(self.start, self.end) >= self.count:
            raise ValueError(f"expected samples 0 to {self.count - 1}, got {self.start} and {self.end}; raise count")
        return self


class Answer(Strict):
    """Samples, and what made them."""

    samples: list[list[Payloads]]  # of each input; of a walk one list, its steps
    card: dict[str, Any]


class Contribution(Strict):
    """What each given modality brought, of 1 in all."""

    shares: dict[str, float]


class About(Strict):
    """A model: its modalities with their kinds, and whose data it knows."""

    name: str
    modalities: dict[str, str]
    data_licence: str
    labels: dict[str, list[str]]  # the values that modalities of this kind can have


class Refusal(Strict):
    """What went wrong: expected, got, what to do."""

    error: str


def in_words(mistake: Mapping[str, Any]) -> str:
    """What is wrong with a request, as pydantic tells it, in one line."""
    said, where = str(mistake["msg"]), ".".join(str(part) for part in mistake["loc"] if part != "body")
    if said.startswith("Value error, "):
        return said.removeprefix("Value error, ")
    wanted = "a known key" if mistake["type"] == "extra_forbidden" else said.removeprefix("Input should be ")
    return f"{where or 'request'}: expected {wanted}, got {mistake['input']!r:.80}; correct it"
