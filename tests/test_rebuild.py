"""What a teammate need not compute: with the team's remote, a fresh clone computes what was changed and no more."""

from pathlib import Path

import pytest

from tests.clones import succeed
from tests.toy import commit, copied, data, edit, git_clone, ran

pytestmark = pytest.mark.slow

OLD, NEW = "replicates: 20", "replicates: 25"  # read by `evaluate` alone


@pytest.fixture(scope="module")
def author(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The clone that built `main`, and the branch `other` with another parameter; all of it is on the remote."""
    folder = copied(built, tmp_path_factory.mktemp("team") / "author")
    succeed(folder, "dvc", "remote", "modify", "store", "url", str(folder.parent / "store"))
    commit(folder, "Build")
    succeed(folder, "dvc", "push", "--quiet", "--run-cache")
    succeed(folder, "git", "checkout", "--quiet", "-b", "other")
    edit(folder / "params.yaml", OLD, NEW)
    assert ran(succeed(folder, "dvc", "repro")) == ["evaluate", "report"]
    commit(folder, "Evaluate more")
    succeed(folder, "dvc", "push", "--quiet", "--run-cache")
    return folder


def fresh(author: Path, folder: Path, branch: str = "main") -> Path:
    """A clone of a branch without data and cache."""
    succeed(author.parent, "git", "-C", str(author), "checkout", "--quiet", branch)
    return git_clone(author, folder / "clone")


@pytest.mark.parametrize("branch", ["main", "other"])
def test_a_fresh_clone_computes_nothing(branch: str, author: Path, tmp_path: Path) -> None:
    folder = fresh(author, tmp_path, branch)
    assert ran(succeed(folder, "dvc", "repro", "--pull")) == []
    assert succeed(folder, "git", "status", "--porcelain", "dvc.lock", "metrics") == ""
    assert data(folder).keys() >= {"data/train/generator.json", "data/report/index.html"}


def test_another_branch_is_in_the_run_cache(author: Path, tmp_path: Path) -> None:
    """Its parameters alone suffice; `report`, whose outputs are in Git, is computed, and to the same bytes."""
    folder = fresh(author, tmp_path)
    edit(folder / "params.yaml", OLD, NEW)
    assert ran(succeed(folder, "dvc", "repro", "--pull")) == ["report"]
    assert succeed(folder, "git", "diff", "--stat", "origin/other", "--", "dvc.lock", "metrics") == ""


def test_a_changed_parameter_computes_and_pulls_only_what_it_needs(author: Path, tmp_path: Path) -> None:
    """`data/extract` is the folder of three outputs, which DVC can't pull by that name; the stage's name can."""
    folder = fresh(author, tmp_path)
    edit(folder / "params.yaml", "rows: 2", "rows: 1")
    succeed(folder, "dvc", "pull", "--quiet", "extract")
    assert ran(succeed(folder, "dvc", "repro", "--pull", "--allow-missing")) == ["report"]
    assert (folder / "data/generate").exists()
    assert sorted(path.name for path in (folder / "data/preprocess").iterdir()) == ["rejects.csv", "remarks.csv"]
