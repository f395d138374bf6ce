"""What `report` reads and writes: the matrix of coherence, tables that not every run has, and plots that DVC draws."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from stages.evaluation.audit import checks, rejects, suspects
from stages.evaluation.insight import codec, foci, games
from stages.evaluation.report import matrix
from tests.clones import succeed


def test_the_matrix_holds_every_direction_and_nothing_else() -> None:
    metrics = [
        "coherence.joint",
        "coherence.image+text_to_audio",
        "coherence.audio_to_text",
        "attribute.a.audio_to_text",
    ]
    table = pd.DataFrame({"metric": metrics, "value": [0.1, 0.2, 0.3, 0.4]})
    rows = [list(row) for row in matrix(table).itertuples(index=False)]
    assert rows == [["image+text", "audio", 0.2], ["audio", "text", 0.3]]


@pytest.mark.parametrize("metrics", [[], ["fidelity.image"]])
def test_without_directions_the_matrix_is_empty(metrics: list[str]) -> None:
    empty = matrix(pd.DataFrame({"metric": pd.Series(metrics, dtype=str), "value": [0.0] * len(metrics)}))
    assert list(empty.columns) == ["observed", "made", "value"] and not len(empty)


def test_what_was_not_measured_is_no_mistake(tmp_path: Path) -> None:
    absent = tmp_path / "absent.csv"
    assert (games(absent), foci(absent), checks(absent), suspects(absent)) == ([], [], [], {})


@pytest.mark.parametrize(
    ("record", "said"),
    [
        ({"kept": "pixels"}, "pixels, error 0.020 against 0.050 of a PCA."),
        (
            {"kept": "linear", "validation": {"items": 40, "learned": 0.3, "pca": 0.2}},
            "linear, error 0.020 against 0.050 of a PCA. Chosen by 40 validation items: learned 0.300, PCA 0.200.",
        ),
        (
            {"kept": "learned", "validation": {"items": 3}},
            "learned, error 0.020 against 0.050 of a PCA. With 3 validation items, too few to choose by, the last "
            "state counts.",
        ),
    ],
)
def test_a_codec_is_told_with_what_it_was_chosen_by(record: dict[str, Any], said: str) -> None:
    assert codec("image", {"codec": 0.02, "pca": 0.05} | record) == f"The codec of pictures: {said}"


def test_rejects_are_counted_by_reason(tmp_path: Path) -> None:
    file = tmp_path / "rejects.csv"
    file.write_text("id,file,reason\n", encoding="utf-8")
    assert rejects(file) is None
    file.write_text("id,file,reason\nNA,x.png,torn\n2,,silent\n3,y.wav,silent\n", encoding="utf-8")
    found = rejects(file)
    assert found and found.count == 3 and found.reasons == {"silent": 2, "torn": 1}
    assert found.first[0] == {"id": "NA", "file": "x.png", "reason": "torn"}


@pytest.mark.parametrize("said", ["True", "False"])
def test_a_check_passes_or_does_not(said: str, tmp_path: Path) -> None:
    file = tmp_path / "sanity.csv"
    file.write_text(f"metric,check,before,after,passes\nrecall,noise,0.5,0.25,{said}\n", encoding="utf-8")
    assert [(one.after, one.passes) for one in checks(file)] == [(0.25, said == "True")]


@pytest.mark.slow
def test_dvc_draws_every_plot(built: Path) -> None:
    """Of one revision and of two beside each other."""
    for command in (["show"], ["diff", "HEAD"]):
        drawn = json.loads(succeed(built, "dvc", "plots", *command, "--json"))
        assert {"losses", "coherence", "confusion", "metrics/samples.png"} == set(drawn["data"])
        assert not [error for error in drawn.get("errors", []) if error["rev"] == "workspace"]
        for name, field in (("losses", "step"), ("coherence", "made"), ("confusion", "count")):
            rows = drawn["data"][name][0]["content"]["data"]["values"]
            assert rows and all(field in row for row in rows), name
