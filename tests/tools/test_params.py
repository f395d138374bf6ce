"""A mistake anywhere in params.yaml is found before the first stage starts."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from stages.common.params import read_yaml
from tests.clones import ROOT, run, succeed
from tools.params import check
from tools.preset import PRESETS

TINY = ROOT / "tests/tiny.yaml"


def changed(folder: Path, source: Path, *changes: tuple[str, Any]) -> Path:
    """A folder with the parameters in `source`, except for ``section.key`` and its value."""
    values = read_yaml(source)
    for key, value in changes:
        *sections, last = key.split(".")
        place = values
        for section in sections:
            place = place[section]
        place[last] = value
    (folder / "params.yaml").write_text(yaml.safe_dump(values), encoding="utf-8")
    return folder


def merged(values: dict[str, Any], others: dict[str, Any]) -> dict[str, Any]:
    both = {
        key: merged(values.get(key, {}), other) if isinstance(other, dict) else other for key, other in others.items()
    }
    return values | both


@pytest.mark.parametrize("source", [ROOT / "params.yaml", TINY], ids=["default", "tiny"])
def test_what_runs_is_well(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(changed(tmp_path, source))
    check()


@pytest.mark.parametrize("preset", sorted(PRESETS.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_preset_is_well(preset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    values = merged(read_yaml(ROOT / "params.yaml"), read_yaml(preset))
    values["modalities"] = {name: kind for name, kind in values["modalities"].items() if kind}  # null takes one out
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(values), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    check()


def test_the_names_in_the_docs_are_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    block = (ROOT / "docs/own-data.md").read_text(encoding="utf-8").partition("```yaml\n")[2].partition("```")[0]
    told, values = yaml.safe_load(block), read_yaml(ROOT / "params.yaml")
    assert set(told) == {"modalities", "extract"} and len(told["modalities"]) == 5
    values = values | {"modalities": told["modalities"], "extract": values["extract"] | told["extract"]}
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(values), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    check()


@pytest.mark.parametrize("fusion", ["none", "concat", "matrix", "gated", "attention"])
@pytest.mark.parametrize("generator", ["gan", "vae", "flow"])
def test_every_method_is_well(fusion: str, generator: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    changes = ("fuse.method", fusion), ("train.model", generator)
    monkeypatch.chdir(changed(tmp_path, ROOT / "params.yaml", *changes))
    check()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ([("report.grid", 0)], r"params.yaml: report.grid: expected greater than 0, got 0; correct"),
        (
            [("evaluate.replicates", 9)],
            r"params.yaml: evaluate.replicates: expected greater than or equal to 10, got 9",
        ),
        ([("generate.prior_temperature", "warm")], r"params.yaml: generate.prior_temperature: expected a valid number"),
        (
            [("generate.guidance", 2), ("train.model", "vae")],
            r"generate.guidance: expected 1 where train.model is not flow",
        ),
        ([("judge.image.max_epochs", -1)], r"params.yaml: judge.image.max_epochs: expected greater than 0, got -1"),
        ([("modalities", ["image", "text"])], r"params.yaml: modalities: expected names, each with its kind"),
        (
            [("modalities.smell", "nose")],
            r"params.yaml: modalities.smell: expected a kind \(image, text, .*\), got 'nose'",
        ),
        (
            [("generate.subsets", ["smell"])],
            r"generate.subsets: expected some of image, text, audio, joined by \+, or all",
        ),
        ([("judge.audio.steps", 0)], r"params.yaml: judge.audio.steps: expected greater than 0"),
        ([("fuse.attention.heads", 3)], r"fuse.attention: expected sizes that fit together, got: unflatten"),
        (
            [("extract.image.codec", "pixels"), ("train.decoders.network", "convolution"), ("train.decoders.depth", 3)],
            r"'image': expected sides that can be halved 3 times, got 28 x 28; change the working size",
        ),
        (
            [("extract.image.codec", "pixels"), ("train.decoders.network", "convolution")],
            r"train.decoders.network: expected perceptron with model flow, got convolution; change either",
        ),
    ],
)
def test_a_mistake_of_a_later_stage_is_found_at_once(
    changes: list[tuple[str, Any]], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(changed(tmp_path, TINY, *changes))
    with pytest.raises(ValueError, match=said):
        check()


@pytest.mark.slow
def test_make_repro_asks_before_anything_runs(mine: Path) -> None:
    """By the very lines of the Makefile, without its set-up."""
    recipe = (ROOT / "Makefile").read_text(encoding="utf-8").partition("\nrepro:")[2].partition("\n\n")[0]
    commands = [line.strip("\t@").removeprefix("$(BIN)/") for line in recipe.splitlines()[1:]]
    assert commands == ["python -m tools.params", "dvc repro"]
    kept, before = (mine / "params.yaml").read_bytes(), status(mine)
    changed(mine, mine / "params.yaml", ("report.grid", 0))
    try:
        done = run(mine, *commands[0].split())
    finally:
        (mine / "params.yaml").write_bytes(kept)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "params: params.yaml: report.grid: expected greater than 0, got 0; correct params.yaml\n"
    assert status(mine) == before


def status(folder: Path) -> str:
    return succeed(folder, "git", "status", "--porcelain")
