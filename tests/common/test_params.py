"""Parameters: what is right comes through as it stands, what is wrong is one line that names it."""

from pathlib import Path
from typing import Annotated

import pytest
from pydantic import Field, PositiveInt, ValidationError

from stages.common.params import Run, Strict, load, load_modalities, read_yaml


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


def with_modalities(path: Path, chosen: str) -> Path:
    path.write_text(f"modalities: {chosen}\nextract:\n  image: {{}}\n  text: {{}}\n  audio: {{}}\n", encoding="utf-8")
    return path


def test_any_modalities_in_any_order_are_read(params: Path) -> None:
    for chosen in (["image", "text", "audio"], ["audio", "image"], ["text"]):
        assert load_modalities(with_modalities(params, str(chosen))) == chosen


@pytest.mark.parametrize(
    "chosen", ["[]", "", "image", "[image, video]", "[text, image, text]", "[[image]]", "[1]", "{image: 1}"]
)
def test_other_modalities_are_refused_in_one_line(chosen: str, params: Path) -> None:
    told = (
        r"params\.yaml: modalities: expected one or more of image, text, audio, each once, got .+; correct params.yaml$"
    )
    with pytest.raises(ValueError, match=told) as caught:
        load_modalities(with_modalities(params, chosen))
    assert "\n" not in str(caught.value)


def test_modalities_must_be_there(params: Path) -> None:
    with pytest.raises(ValueError, match=r"modalities: expected one or more of .*, got None"):
        load_modalities(params)
