"""What a stage says as it begins: its place, and how long the rest took."""

import json
from pathlib import Path

import pytest

from stages.common import outlook
from stages.common.costs import LOGS
from tests.clones import ROOT

NAMES = ["acquire", "extract@image", "extract@voice", "report"]


@pytest.fixture(autouse=True)
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("params.yaml").write_text("modalities: {image: image, text: null, voice: audio}\n", encoding="utf-8")
    Path("dvc.yaml").write_text("stages: {acquire: {}, extract: {foreach: x, do: {}}, report: {}}\n", encoding="utf-8")


def took(seconds: dict[str, float]) -> None:
    LOGS.mkdir()
    for name, value in seconds.items():
        (LOGS / f"{name}.json").write_text(json.dumps({"seconds": value}), encoding="utf-8")


def test_the_place_of_a_stage_is_told_without_costs() -> None:
    assert list(outlook.stages()) == NAMES
    assert [outlook.outlook(name) for name in NAMES] == [
        f"{name}: stage {place} of 4" for place, name in enumerate(NAMES, 1)
    ]


def test_what_is_left_is_the_sum_of_what_the_rest_took() -> None:
    took({"acquire": 600, "extract@image": 100, "extract@voice": 90, "report": 50})
    assert [outlook.outlook(name).partition(", ")[2] for name in NAMES] == [
        "at most 14 min left by the last run", "at most 4 min left by the last run",
        "at most 2 min left by the last run", "less than a minute",
    ]  # fmt: skip


def test_no_time_is_told_where_a_cost_lacks() -> None:
    took({"acquire": 600, "extract@image": 100, "report": 50})
    assert outlook.outlook("extract@image") == "extract@image: stage 2 of 4"
    assert outlook.outlook("report") == "report: stage 4 of 4, less than a minute"


def test_what_is_no_stage_has_no_place() -> None:
    assert outlook.outlook("toy") == "toy"


def test_it_is_quiet_where_nobody_looks(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    outlook.tell("acquire")
    assert capsys.readouterr().out == ""
    monkeypatch.setattr(outlook, "watched", lambda: True)
    outlook.tell("acquire")
    assert capsys.readouterr().out == "acquire: stage 1 of 4\n"


def test_the_stages_of_this_pipeline_are_all_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    names = list(outlook.stages())
    assert names[0] == "acquire" and names[-1] == "report" and len(set(names)) == len(names)
    assert {"extract@image", "extract@text", "extract@audio"} < set(names)
