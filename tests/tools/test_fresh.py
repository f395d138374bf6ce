"""`make fresh`: silent about a true dvc.lock, and naming stage and file of every way in which it can be untrue."""

import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.clones import ROOT, run, succeed
from tests.toy import commit, copied, edit, git_clone, toy
from tools.fresh import differences, stale

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone without data and cache of a pipeline that was built and committed."""
    folder = tmp_path_factory.mktemp("fresh")
    succeed(toy(folder / "toy"), "dvc", "repro", "--quiet")
    commit(folder / "toy", "Build")
    return git_clone(folder / "toy", folder / "bare")


def half_rebuilt(folder: Path, old: str, new: str, *stages: str) -> None:
    """Edit a parameter, run some of the stages that follow from it and no others, and leave what Git keeps."""
    edit(folder / "params.yaml", old, new)
    for name in stages:
        succeed(folder, "dvc", "repro", "--quiet", "--single-item", name)
    shutil.rmtree(folder / "data")
    shutil.rmtree(folder / ".dvc/cache")


EDITS: dict[str, tuple[Callable[[Path], object], list[str]]] = {
    "nothing": (lambda at: None, []),
    "comment": (lambda at: edit(at / "params.yaml", "rate: 0.5", "rate: 5.0e-1  # peak"), []),
    "code": (lambda at: edit(at / "train.py", "import yaml", "import yaml  # edited"), ["train: train.py"]),
    "root code": (lambda at: edit(at / "make.py", '"abc"', '"abcd"'), ["make: make.py is not what"]),
    "code gone": (lambda at: (at / "report.py").unlink(), ["report: report.py is missing"]),
    "param": (
        lambda at: edit(at / "params.yaml", "steps: 3", "steps: 4"),
        ["train: params.yaml: train.deep.steps is 4, in dvc.lock 3"],
    ),
    "new param": (
        lambda at: edit(at / "params.yaml", "  rate:", "  more: 1\n  rate:"),
        ["train: params.yaml: train.more is 1, in dvc.lock absent"],
    ),
    "section gone": (
        lambda at: edit(at / "params.yaml", "make:\n", "made:\n"),
        ["make: params.yaml: make is absent, in dvc.lock {"],
    ),
    "command": (lambda at: edit(at / "dvc.yaml", "python train.py", "python -B train.py"), ["train: its command"]),
    "new dep": (
        lambda at: edit(at / "dvc.yaml", "      - train.py\n", "      - train.py\n      - make.py\n"),
        ["train: make.py is not in dvc.lock"],
    ),
    "metrics edited": (
        lambda at: (at / "metrics/summary.json").write_text('{"joint": 1}'),
        ["report: metrics/summary.json is not what dvc.lock says"],
    ),
    "metrics gone": (
        lambda at: (at / "metrics/summary.json").unlink(),
        ["report: metrics/summary.json is missing"],
    ),
    "no lock": (
        lambda at: (at / "dvc.lock").unlink(),
        ["make: is not in dvc.lock", "train: is not in dvc.lock", "report: is not in dvc.lock"],
    ),
    "half rebuilt": (
        lambda at: half_rebuilt(at, "seed: 1", "seed: 2", "make"),
        ["train: it ran on another data/make than dvc.lock has now"],
    ),
    "half rebuilt, a folder of outputs": (
        lambda at: half_rebuilt(at, "bytes: 1000", "bytes: 900", "make", "train"),
        ["report: it ran on another data than dvc.lock has now"],
    ),
}


@pytest.mark.parametrize("case", EDITS)
def test_it_names_what_is_stale_and_nothing_else(case: str, bare: Path, tmp_path: Path) -> None:
    folder = copied(bare, tmp_path / "clone")
    change, told = EDITS[case]
    change(folder)
    found = [str(one) for one in stale(str(folder))]
    assert len(found) == len(told), found
    assert all(one.startswith(start) for one, start in zip(found, told, strict=True)), found


def test_data_that_is_there_does_not_matter(bare: Path, tmp_path: Path) -> None:
    folder = copied(bare, tmp_path / "clone")
    (folder / "data/make").mkdir(parents=True)
    (folder / "data/make/a").write_text("of another branch")
    assert not stale(str(folder))


def test_the_command_ends_with_1_and_names_the_remedy(bare: Path, tmp_path: Path) -> None:
    folder = copied(bare, tmp_path / "clone")
    shutil.copytree(ROOT / "tools", folder / "tools")
    done = run(folder, "python", "-m", "tools.fresh")
    assert (done.returncode, done.stdout, done.stderr) == (0, "fresh\n", "")
    edit(folder / "params.yaml", "rate: 0.5", "rate: 0.6")
    done = run(folder, "python", "-m", "tools.fresh")
    assert done.returncode == 1 and "train: params.yaml: train.rate is 0.6" in done.stdout
    assert "make repro" in done.stdout


def test_what_it_cannot_read_is_one_line_and_exit_code_2(bare: Path, tmp_path: Path) -> None:
    folder = copied(bare, tmp_path / "clone")
    shutil.copytree(ROOT / "tools", folder / "tools")
    (folder / "dvc.yaml").write_text("stages: [")
    done = run(folder, "python", "-m", "tools.fresh")
    assert done.returncode == 2 and done.stderr.startswith("fresh: ") and done.stderr.count("\n") == 1
    assert "dvc.yaml" in done.stderr


def test_the_project_without_its_data_is_judged_in_seconds(built: Path, tmp_path: Path) -> None:
    """The tiny pipeline, what Git would keep of it; then one edit in a layer's code names that layer's stages."""
    folder = tmp_path / "bare"
    shutil.copytree(built, folder, ignore=shutil.ignore_patterns("data", "cache", "tmp", ".site-cache", "__pycache__"))
    shutil.copytree(built / "stages", folder / "stages", dirs_exist_ok=True)  # its own data/, too
    shutil.copytree(built / "data/own", folder / "data/own")  # Git has it
    started = time.monotonic()
    done = run(folder, "python", "-m", "tools.fresh")
    assert done.returncode == 0, done.stdout + done.stderr
    assert time.monotonic() - started < 10
    with (folder / "stages/generation/models/flow.py").open("a") as code:
        code.write("# edited\n")
    assert {one.stage for one in stale(str(folder))} == {"train", "generate", "evaluate"}


def test_differences_reach_the_leaves() -> None:
    told = list(differences("a", {"b": {"c": 1, "d": 2}, "e": 3}, {"b": {"c": 1, "d": 4}, "f": 5}))
    assert told == [
        "a.b.d is 4, in dvc.lock 2",
        "a.e is absent, in dvc.lock 3",
        "a.f is 5, in dvc.lock absent",
    ]
