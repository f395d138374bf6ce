"""A branch with another fusion: what of it is computed, how it compares, and what a teammate need not compute.

With the team's remote, a fresh clone computes what was changed and no more.
"""

import json
from pathlib import Path

import pytest

from tests.clones import ALONE, succeed
from tests.test_methods import AFTER, CHANGED, choose, joint
from tests.toy import commit, data, edit, git_clone, published, ran, stale

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def author(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The clone that built `main`, and the branch `other` with another fusion; all of it is on the remote.

    The change reruns what follows from it, and nothing else.
    """
    folder = published(built, tmp_path_factory.mktemp("team"))
    succeed(folder, "git", "checkout", "--quiet", "-b", "other")
    assert not stale(folder)
    choose(folder, CHANGED)
    assert stale(folder) == {"fuse"}
    assert set(ran(succeed(folder, *ALONE, "dvc", "repro"))) == AFTER["fuse.method"]
    commit(folder, "Fuse otherwise")
    succeed(folder, "dvc", "push", "--quiet", "--run-cache")
    return folder


def fresh(author: Path, folder: Path, branch: str = "main") -> Path:
    """A clone of a branch without data and cache."""
    succeed(author.parent, "git", "-C", str(author), "checkout", "--quiet", branch)
    return git_clone(author, folder / "clone")


def test_two_branches_are_compared(author: Path) -> None:
    succeed(author, "git", "checkout", "--quiet", "other")
    assert 0 <= joint(author) <= 1
    changed = json.loads(succeed(author, "dvc", "params", "diff", "main", "--json"))
    assert changed == {"params.yaml": {"fuse.method": {"old": "attention", "new": CHANGED}}}
    succeed(author, "dvc", "metrics", "diff", "main")
    assert "file://" in succeed(author, "dvc", "plots", "diff", "main")
    assert "| coherence.joint" in succeed(author, "python", "-m", "tools.compare", "main")


@pytest.mark.parametrize("branch", ["main", "other"])
def test_a_fresh_clone_computes_nothing(branch: str, author: Path, tmp_path: Path) -> None:
    folder = fresh(author, tmp_path, branch)
    assert ran(succeed(folder, "dvc", "repro", "--pull")) == []
    assert succeed(folder, "git", "status", "--porcelain", "dvc.lock", "metrics") == ""
    assert data(folder).keys() >= {"data/train/generator.json", "data/report/index.html"}


def test_another_branch_is_in_the_run_cache(author: Path, tmp_path: Path) -> None:
    """Its parameters alone suffice; `report`, whose outputs are in Git, is computed, and to the same bytes."""
    folder = fresh(author, tmp_path)
    choose(folder, CHANGED)
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
