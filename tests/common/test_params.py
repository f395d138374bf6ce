"""Parameters: what is right comes through as it stands, what is wrong is one line that names it."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import pytest
from pydantic import Field, PositiveInt, ValidationError

from stages.common.params import Run, Strict, load, load_modalities, load_named, read_yaml


class Budget(Strict):
    steps: PositiveInt
    rate: Annotated[float, Field(gt=0, le=1)]


class Train(Strict):
    family: str
    prior: Budget


GOOD = "train:\n  family: flow\n  prior:\n    steps: 20\n    rate: 2e-4\nrun:\n  seed: 1\n  threads: 2\n"


@pytest.fixture
def params(tmp_path: Path) -> Path:
    path = tmp_path / "params.yaml"
    path.write_text(GOOD, encoding="utf-8")
    return path


def test_a_section_becomes_a_record(params: Path) -> None:
    assert load(Train, "train", params) == Train(family="flow", prior=Budget(steps=20, rate=2e-4))
    assert load(Budget, "train.prior", params).rate == 2e-4  # PyYAML reads text, DVC a number
    assert load(Run, "run", params) == Run(seed=1, threads=2)


def test_a_record_does_not_change(params: Path) -> None:
    with pytest.raises(ValidationError, match="frozen"):
        load(Run, "run", params).seed = 2


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("steps: 20", "steps: 0", ["train.prior.steps", "greater than 0", "got 0"]),
        ("steps: 20", "steps: 2.5", ["train.prior.steps", "integer", "2.5"]),
        ("steps: 20", "steps: many", ["train.prior.steps", "integer", "'many'"]),
        ("steps: 20", "step: 20", ["train.prior.step"]),
        ("rate: 2e-4", "rate: 1.5", ["train.prior.rate", "less than or equal to 1", "1.5"]),
        ("rate: 2e-4", "rate: .nan", ["train.prior.rate", "finite"]),
        ("rate: 2e-4", "rate: .inf", ["train.prior.rate"]),
        ("rate: 2e-4", "rate:", ["train.prior.rate", "None"]),
        ("    steps: 20\n", "", ["train.prior.steps", "expected this key, got none; add it"]),
        ("family: flow", "family: [flow]", ["train.family", "string"]),
        ("  prior:\n", "  prior: 3\n  other:\n", ["train"]),
        ("train:", "trains:", ["section 'train'", "add it"]),
        ("steps: 20", "steps: 20\n    steps: 30", ["twice", "line 5"]),
        ("steps: 20", "\tsteps: 20", ["valid YAML", "line 4"]),
    ],
)
def test_a_mistake_is_one_line_that_names_it(old: str, new: str, told: list[str], params: Path) -> None:
    assert GOOD.count(old) == 1
    params.write_text(GOOD.replace(old, new), encoding="utf-8")
    with pytest.raises(ValueError, match=r"params\.yaml") as caught:
        load(Train, "train", params)
    assert not isinstance(caught.value, ValidationError)
    assert "\n" not in str(caught.value)
    assert all(word in str(caught.value) for word in told), caught.value


@pytest.mark.parametrize("text", ["", "- 1\n- 2\n", "word"])
def test_a_file_without_sections_is_refused(text: str, params: Path) -> None:
    params.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match="expected a mapping of sections"):
        read_yaml(params)


def with_modalities(path: Path, chosen: str, sections: Sequence[str] = ("image", "text", "audio")) -> Path:
    extract = "".join(f"  {name}: {{}}\n" for name in sections)
    path.write_text(f"modalities: {chosen}\nextract:\n{extract}", encoding="utf-8")
    return path


def test_modalities_are_read_with_their_kinds_in_an_order_that_is_always_the_same(params: Path) -> None:
    for chosen in (["image", "text", "audio"], ["audio", "text", "image"]):
        said = json.dumps({name: name for name in chosen})
        assert load_modalities(with_modalities(params, said)) == ["image", "text", "audio"]
    two = {"german": "text", "english": "text", "front": "image"}
    found = load_modalities(with_modalities(params, json.dumps(two), list(two)))
    assert [(str(name), name.kind) for name in found] == [("front", "image"), ("english", "text"), ("german", "text")]


@pytest.mark.parametrize("chosen", ["{}", "", "image", "[image, text]", "1"])
def test_what_names_no_modalities_is_refused_in_one_line(chosen: str, params: Path) -> None:
    with pytest.raises(
        ValueError, match=r"params\.yaml: modalities: expected names, each with its kind \(image"
    ) as told:
        load_modalities(with_modalities(params, chosen))
    assert "\n" not in str(told.value)


@pytest.mark.parametrize("kind", ["hologram", "", "1", "[text]", "Text"])
def test_a_kind_that_there_is_not_is_refused(kind: str, params: Path) -> None:
    with pytest.raises(
        ValueError, match=r"modalities\.image: expected a kind \(image, text, .*\), got .+; correct par"
    ):
        load_modalities(with_modalities(params, f"{{image: {kind}}}"))


@pytest.mark.parametrize(
    "name",
    ["a.b", "a_b", "a+b", "a/b", "..", "A", "1", "7up", "été", "image", "prior", "split", "x" * 32, "'two words'"],
)
def test_a_name_that_would_be_in_the_way_is_refused(name: str, params: Path) -> None:
    """It stands in the names of files and figures; and who calls captions `image` misleads."""
    with pytest.raises(ValueError, match=r"modalities: expected a name of small letters and digits that is not in use"):
        load_modalities(with_modalities(params, f"{{{name}: text}}"))


def test_a_name_without_a_section_is_told_which(params: Path) -> None:
    """DVC would say that a parameter is missing, and not why."""
    with pytest.raises(ValueError, match=r"a section 'extract\.german', got none; add german: \{\} below extract"):
        load_modalities(with_modalities(params, "{german: text}"))


def test_modalities_must_be_there(params: Path) -> None:
    with pytest.raises(ValueError, match=r"modalities: expected names, each with its kind .*, got None"):
        load_modalities(params)


class Deep(Strict):
    """A record within one."""

    width: int


class Kind(Strict):
    """What a kind of modality is told."""

    length: int
    codec: Deep


NAMED = """\
modalities: {text: text, german: text}
extract: {text: {}, german: {}}
preprocess:
  many: 3
  text: {length: 24, codec: {width: 8}}
  german: {codec: {width: 9}}
"""


class Both(Strict):
    """A section, but for what it says of each kind."""

    many: int


def test_a_modality_differs_from_its_kind_by_what_stands_below_its_name(params: Path) -> None:
    params.write_text(NAMED, encoding="utf-8")
    found = load_named({"text": Kind}, "preprocess", load_modalities(params), params)
    assert found["text"] == Kind(length=24, codec=Deep(width=8))
    assert found["german"] == Kind(length=24, codec=Deep(width=9))
    assert set(Both.model_fields) == {"many"} and load(Both, "preprocess", params), "kinds and names are not its own"


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("{frob: 1}", r"preprocess\.german\.frob: expected a known key"),
        ("{codec: {width: x}}", r"preprocess\.german\.codec\.width: expected a valid integer"),
        ("{codec: 1}", r"preprocess\.german\.codec: expected settings, each by its name, got 1"),
        ("7", r"preprocess\.german: expected settings, each by its name, got 7"),
    ],
)
def test_a_mistake_below_a_name_is_told_by_it(said: str, told: str, params: Path) -> None:
    params.write_text(NAMED.replace("{codec: {width: 9}}", said), encoding="utf-8")
    with pytest.raises(ValueError, match=told) as caught:
        load_named({"text": Kind}, "preprocess", load_modalities(params), params)
    assert "\n" not in str(caught.value)


def test_a_name_that_is_no_modality_is_a_mistake(params: Path) -> None:
    params.write_text(NAMED.replace("german: text}", "english: text}").replace("german: {}}", "english: {}}"), "utf-8")
    with pytest.raises(ValueError, match=r"preprocess\.german: expected a known key, got 'german'"):
        load(Both, "preprocess", params)
