"""`make same`: notes code that does what it did, and nothing else."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.clones import ROOT, run, succeed
from tests.toy import commit, copied, edit, git_clone, ran, toy
from tools.fresh import stale
from tools.same import does_the_same, note

DOCUMENTED = '"""Draw bytes."""\n\n'


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pipeline that was built and committed."""
    folder = toy(tmp_path_factory.mktemp("same") / "toy")
    succeed(folder, "dvc", "repro", "--quiet")
    commit(folder, "Build")
    return folder


def told_otherwise(folder: Path) -> None:
    """A docstring, a comment, another layout; in two files."""
    text = (folder / "make.py").read_text()
    (folder / "make.py").write_text(DOCUMENTED + text.replace("(parents=True)", "(\n    parents=True,\n)  # new"))
    edit(folder / "train.py", "import hashlib\n", "import hashlib\n\n")


@pytest.mark.slow
def test_words_are_noted_where_the_data_is_and_where_it_is_not(
    built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, bare = copied(built, tmp_path / "here"), git_clone(built, tmp_path / "bare")
    for folder in (here, bare):
        told_otherwise(folder)
        monkeypatch.chdir(folder)
        assert len(stale(".")) == 2
        assert note() == ["make.py", "train.py"]
        assert note() == [] == stale(".")
        assert succeed(folder, "git", "worktree", "list").count("\n") == 1
    assert (here / "dvc.lock").read_bytes() == (bare / "dvc.lock").read_bytes()
    assert not ran(succeed(here, "dvc", "repro"))
    commit(here, "Words")
    edit(here / "params.yaml", "rate: 0.5", "rate: 0.6")
    succeed(here, "dvc", "repro", "--quiet")
    succeed(here, "git", "checkout", "--quiet", ".")
    assert not ran(succeed(here, "dvc", "repro")), "the run cache does not know them by their new words"


MISTAKES: dict[str, tuple[Callable[[Path], object], str]] = {
    "a constant": (lambda at: edit(at / "make.py", '"abc"', '"abd"'), "got other code in make.py"),
    "a string that is no docstring": (lambda at: edit(at / "make.py", '["seed"]', '["sEed"]'), "other code in make.py"),
    "a parameter": (lambda at: edit(at / "params.yaml", "steps: 3", "steps: 4"), "train.deep.steps is 4"),
    "a metric": (lambda at: (at / "metrics/summary.json").write_text("{}"), "metrics/summary.json is not what"),
    "a command": (lambda at: edit(at / "dvc.yaml", "python make.py", "python -B make.py"), "its command is not what"),
    "no Python": (
        lambda at: edit(at / "make.py", "import random", "import random ("),
        "got invalid syntax in line 1 of make.py",
    ),
    "a run that is not committed": (
        lambda at: edit(at / "dvc.lock", "schema: '2.0'", "schema: '2.0' # a run"),
        "dvc.lock as it is committed, got changes",
    ),
    "a file that is gone": (lambda at: (at / "make.py").unlink(), "make.py is missing"),
}


@pytest.mark.slow
@pytest.mark.parametrize("case", MISTAKES)
def test_what_does_something_else_is_refused_and_nothing_is_noted(case: str, built: Path, tmp_path: Path) -> None:
    folder = copied(built, tmp_path / "folder")
    shutil.copytree(ROOT / "tools", folder / "tools")
    shutil.copytree(ROOT / "stages", folder / "stages")
    edit(folder / "train.py", "import hashlib\n", "import hashlib  # digests\n")
    change, told = MISTAKES[case]
    change(folder)
    before = (folder / "dvc.lock").read_bytes()
    done = run(folder, "python", "-m", "tools.same")
    assert done.returncode == 2 and done.stderr.startswith("same: expected ") and done.stderr.count("\n") == 1
    assert told in done.stderr
    assert (folder / "dvc.lock").read_bytes() == before


@pytest.mark.slow
def test_a_lock_that_was_not_true_is_no_ground_to_stand_on(
    built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else an edit of yesterday, committed beside an old dvc.lock, would pass for what ran."""
    folder = copied(built, tmp_path / "folder")
    edit(folder / "make.py", '"abc"', '"abd"')
    edit(folder / "dvc.lock", "schema: '2.0'", "schema: '2.0'  # touched")
    commit(folder, "Untrue")
    monkeypatch.chdir(folder)
    with pytest.raises(ValueError, match=r"true when it was committed, got make: make\.py"):
        note()


@pytest.mark.parametrize(
    ("other", "same"),
    [
        ('"""Another."""\ndef f(x: int) -> int:\n    """Told."""\n    return x + 1  # one more\n', True),
        ("def f(x: int) -> int:\n    return (x +\n            1)\n", True),
        ("def f(x: int) -> int:\n    return x + 2\n", False),
        ("def f(x: float) -> int:\n    return x + 1\n", False),
        ('def f(x: int) -> int:\n    y = "Told."\n    return x + 1\n', False),
    ],
)
def test_a_tree_is_what_code_does(other: str, same: bool) -> None:
    assert does_the_same(b"def f(x: int) -> int:\n    return x + 1\n", other.encode(), "a.py") == same


def test_letters_in_another_encoding_count() -> None:
    old, new = (f'# coding: latin-1\nNAME = "{name}"\n'.encode("latin-1") for name in ("\xe9", "\xe8"))
    assert does_the_same(old, old + b"# more\n", "a.py") and not does_the_same(old, new, "a.py")


def test_code_that_reads_its_docstrings_is_refused() -> None:
    with pytest.raises(ValueError, match=r"got __doc__ in a\.py"):
        does_the_same(b"", b'"""Told."""\nprint(__doc__)\n', "a.py")
