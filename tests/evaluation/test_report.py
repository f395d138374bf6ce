"""What `report` reads and writes: the matrix of coherence, tables that not every run has, and plots that DVC draws."""

import json
import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from stages.common.files import read_table
from stages.evaluation import report
from stages.evaluation.page.curves import read_curves
from stages.evaluation.page.guidance_chart import guidance_chart
from stages.evaluation.page.interpretability import attentions, codec, games
from stages.evaluation.page.trust_checks import checks, near_copies, rejects
from stages.evaluation.report import matrix
from tests.clones import succeed
from tests.toy import copied


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
    assert (games(absent), attentions(absent), checks(absent), near_copies(absent, [])) == ([], [], [], {})
    assert guidance_chart(absent) is None


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
def test_a_page_is_lighter_rather_than_refused(built: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the limit first media get smaller, then samples fewer; what is left is a page, however small the limit."""
    monkeypatch.chdir(built)
    names, settings = ["image", "text", "audio"], report.Report(grid=6, rows=2)
    table, curves = read_table(report.MEASURED / "table.csv", text=("metric", "note")), read_curves(names)
    whole = report.page_within_limit(names, table, curves, settings)
    assert "audio/wav" in whole and "shown untouched" in whole and whole.count("<audio") > 20
    found = {}
    for limit in (0.9, 0.25, 0.0):
        monkeypatch.setattr(report, "LARGEST", limit * len(whole))
        found[limit] = report.page_within_limit(names, table, curves, settings)
        assert "audio/ogg" in found[limit] and "audio/wav" not in found[limit] and "made smaller here" in found[limit]
    assert len(found[0.9]) < 0.9 * len(whole) and found[0.9].count("<audio") == whole.count("<audio")
    assert found[0.0].count("<audio") < whole.count("<audio")
    assert len(found[0.0]) < len(found[0.9])


@pytest.mark.slow
def test_the_figures_are_there_whatever_becomes_of_the_page(
    built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As happened: 15 minutes of work, a page that was too large, and no table, no metrics and no page were left."""
    folder = copied(built, tmp_path / "copy")
    shutil.rmtree(folder / "metrics")
    (folder / "data/extract/image/reconstruction.json").unlink()  # the page speaks of it
    monkeypatch.chdir(folder)
    with pytest.raises(SystemExit):
        report.main()
    assert capsys.readouterr().err.startswith("report: ")
    for name in ("summary.json", "table.csv", "coherence.csv", "confusion.csv", "curves.csv"):
        assert (folder / "metrics" / name).read_bytes() == (built / "metrics" / name).read_bytes()


@pytest.mark.slow
def test_dvc_draws_every_plot(mine: Path) -> None:
    """Of one revision and of two beside each other."""
    for command in (["show"], ["diff", "HEAD"]):
        drawn = json.loads(succeed(mine, "dvc", "plots", *command, "--json"))
        assert {"losses", "coherence", "confusion", "metrics/samples.png"} == set(drawn["data"])
        assert not [error for error in drawn.get("errors", []) if error["rev"] == "workspace"]
        for name, field in (("losses", "step"), ("coherence", "made"), ("confusion", "count")):
            rows = drawn["data"][name][0]["content"]["data"]["values"]
            assert rows and all(field in row for row in rows), name
