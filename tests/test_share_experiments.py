"""Experiments, as docs/comparing.md has them: run, queued, looked at, applied and handed over."""

import csv
import io
import time
from pathlib import Path

import pytest

from tests.clones import ALONE, ROOT, succeed
from tests.toy import git_clone, published

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def here(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built pipeline, committed, with a bare repository as `origin` and a folder as the remote."""
    team = tmp_path_factory.mktemp("team")
    folder = published(built, team)
    succeed(team, "git", "init", "--quiet", "--bare", "--initial-branch", "main", "origin.git")
    succeed(folder, "git", "remote", "add", "origin", str(team / "origin.git"))
    succeed(folder, "git", "push", "--quiet", "origin", "main")
    return folder


def shown(folder: Path) -> dict[str, dict[str, str]]:
    """The rows of `dvc exp show`, by the name of the experiment."""
    text = succeed(folder, "dvc", "exp", "show", "--csv")
    return {row["Experiment"]: row for row in csv.DictReader(io.StringIO(text)) if row["Experiment"]}


def clean(folder: Path) -> None:
    succeed(folder, "git", "checkout", "--quiet", ".")
    succeed(folder, "dvc", "checkout", "--quiet", "--force")


def test_an_experiment_is_run_pushed_pulled_and_applied(here: Path, tmp_path: Path) -> None:
    succeed(here, *ALONE, "dvc", "exp", "run", "--quiet", "-S", "evaluate.replicates=26", "-n", "more")
    made = (here / "metrics/table.csv").read_bytes()
    clean(here)
    assert shown(here)["more"]["evaluate.replicates"] == "26"
    succeed(here, "dvc", "exp", "push", "--quiet", "origin", "more")
    mate = git_clone(here.parent / "origin.git", tmp_path / "mate")
    succeed(mate, "git", "reset", "--quiet", "--hard", "origin/main")  # experiments hang from the commit they began at
    succeed(mate, "dvc", "exp", "pull", "--quiet", "origin", "more")
    said = succeed(mate, "env", f"PYTHONPATH={ROOT}", "python", "-m", "tools.compare", "main", "more")
    assert said.count("yes |") == 0 and "| coherence.joint" in said, "more replicates are no real change"
    succeed(mate, "dvc", "exp", "apply", "more")
    assert (mate / "metrics/table.csv").read_bytes() == made
    succeed(mate, "dvc", "pull", "--quiet")
    assert succeed(mate, "dvc", "repro").splitlines()[-1] == "Data and pipelines are up to date."


@pytest.mark.proof
def test_a_queue_is_worked_off_by_two_workers(here: Path) -> None:
    succeed(here, "dvc", "exp", "run", "--queue", "-S", "evaluate.replicates=21,22")
    succeed(here, *ALONE, "dvc", "queue", "start", "--jobs", "2")
    until = time.monotonic() + 240
    while (said := succeed(here, "dvc", "queue", "status")).count("Success") < 2:
        assert "Failed" not in said, succeed(here, "dvc", "queue", "logs", said.split("\n")[1].split()[1])
        assert time.monotonic() < until, said
        time.sleep(1)
    assert {row.get("evaluate.replicates") for row in shown(here).values()} >= {"21", "22"}
