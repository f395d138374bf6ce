"""The whole pipeline, really run: the same bytes twice, nothing to do the third time, and no layer too many."""

import json
import math
import shutil
from pathlib import Path
from typing import Any

import pytest

from stages.common.params import read_yaml
from tests.clones import ROOT, clone, run, succeed
from tests.toy import ran, stale

pytestmark = pytest.mark.slow

DIRECTIONS = ("image_to_text", "image_to_audio", "text_to_image", "text_to_audio", "audio_to_image", "audio_to_text")
SUMMARY = {  # design section 8
    "coherence": ("joint", *DIRECTIONS, "worst", "hidden", "attributes"),
    "consistency": ("chained", "marginals"),
    "out_of_domain": ("image_to_text", "image_to_audio"),
    **dict.fromkeys(("ceiling", "fidelity", "coverage", "memorisation"), ("image", "text", "audio")),
}
ORDER = ("acquire", "preprocess", "extract", "fuse", "train", "generate", "judge", "evaluate", "report")
EDITS = {  # a file of each layer: the first stages that must run again
    "stages/data/sources/digits.py": {"acquire"},
    "stages/data/kinds/image.py": {"acquire", "preprocess", "generate", "evaluate"},
    "stages/features/autoencoder.py": {"extract@image", "extract@text", "extract@audio", "generate", "evaluate"},
    "stages/fusion/dataset.py": {"fuse", "train", "generate"},
    "stages/fusion/objective.py": {"fuse", "train", "generate"},
    "stages/generation/models/flow.py": {"train", "generate"},
    "stages/evaluation/judges/inputs.py": {"judge", "evaluate"},
    "stages/evaluation/report.py": {"report"},
}


def hashes(folder: Path) -> dict[str, Any]:
    """What dvc.lock says of every stage's outputs."""
    return {name: stage["outs"] for name, stage in read_yaml(folder / "dvc.lock")["stages"].items()}


def test_two_clones_build_the_same_bytes(twins: tuple[Path, Path]) -> None:
    first, second = map(hashes, twins)
    assert {name.partition("@")[0] for name in first} == set(ORDER)
    for name in sorted(first, key=lambda name: ORDER.index(name.partition("@")[0])):
        assert first[name] == second[name], f"the first stage to differ is '{name}'"


def test_nothing_is_left_to_do(mine: Path) -> None:
    assert succeed(mine, "dvc", "repro").splitlines()[-1] == "Data and pipelines are up to date."
    assert stale(mine) == set()


def test_nothing_half_done_is_left(built: Path) -> None:
    assert not [path for path in built.rglob("*.part") if "/.dvc/" not in str(path)]
    assert not [path for path in (built / ".resume").rglob("*") if path.is_file() and path.suffix != ".lock"]


def test_git_sees_no_output_but_metrics(mine: Path) -> None:
    succeed(mine, "git", "add", "--all")
    tracked = succeed(mine, "git", "ls-files").split("\n")
    listed = set(succeed(ROOT, "git", "ls-files", "-co", "--exclude-standard").split("\n"))
    new = {name for name in set(tracked) - listed if not name.startswith("metrics/")}
    assert new <= {"dvc.lock"}


def test_every_promised_figure_is_there(mine: Path) -> None:
    summary = json.loads((mine / "metrics/summary.json").read_text(encoding="utf-8"))
    for family, names in SUMMARY.items():
        for name in names:
            assert math.isfinite(summary[family][name]), f"{family}.{name}"
    text = succeed(mine, "dvc", "metrics", "show", "--json")
    shown = json.loads(text, parse_constant=lambda word: pytest.fail(f"{word} is no JSON"))
    assert str(shown[""]["data"]).count("coherence")


def test_the_report_works_offline(built: Path) -> None:
    page = (built / "data/report/index.html").read_text(encoding="utf-8")
    assert "data:image/png;base64," in page and "data:audio/" in page
    for outside in ('src="http', "src='http", 'href="http', "@import", "url(http"):
        assert outside not in page.replace('href="https://arxiv.org', ""), f"the page needs {outside}"


@pytest.mark.parametrize(("path", "expected"), EDITS.items(), ids=EDITS)
def test_an_edit_reruns_its_layer_and_no_earlier_one(path: str, expected: set[str], mine: Path) -> None:
    before = (mine / path).read_bytes()
    try:
        (mine / path).write_bytes(before + b"# edited\n")
        again = stale(mine)
        assert expected <= again
        first = min(ORDER.index(name.partition("@")[0]) for name in expected)
        assert all(ORDER.index(name.partition("@")[0]) >= first for name in again), f"{path} reruns {sorted(again)}"
    finally:
        (mine / path).write_bytes(before)
    assert stale(mine) == set()


def test_a_comment_in_params_reruns_nothing(mine: Path) -> None:
    before = (mine / "params.yaml").read_bytes()
    try:
        (mine / "params.yaml").write_bytes(before + b"# a comment\n")
        assert stale(mine) == set()
    finally:
        (mine / "params.yaml").write_bytes(before)


def test_a_failing_stage_stops_the_pipeline_with_its_sentence(tmp_path: Path) -> None:
    folder = clone(tmp_path / "clone")
    text = (folder / "params.yaml").read_text(encoding="utf-8")
    (folder / "params.yaml").write_text(text.replace("    pictures: 80", "    pictures: 6000"), encoding="utf-8")
    done = run(folder, "dvc", "repro")
    assert done.returncode != 0
    assert "acquire: acquire.digits.pictures: expected at most 5000, got 6000" in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert not (folder / "data/acquire").exists()


def test_parameters_that_moved_to_a_copy_take_their_results_along(built: Path, tmp_path: Path) -> None:
    """Another clone with the same cache restores everything from the run cache and computes nothing."""
    folder = clone(tmp_path / "clone")
    shutil.copytree(built / ".dvc/cache", folder / ".dvc/cache")
    said = succeed(folder, "dvc", "repro")
    assert hashes(folder) == hashes(built)
    assert len(ran(said)) <= 1, "only `report`, whose outputs are not all cached, may run"
