"""What `dvc exp show` tells, in the order in which it came about."""

from pathlib import Path

import pytest

from tests.clones import environment, succeed
from tests.toy import edit, toy
from tools.experiments import experiments


@pytest.mark.slow
def test_the_latest_run_comes_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three runs of one setting, with other code each: DVC gives all of them the same minute, and the latest first."""
    folder = toy(tmp_path / "toy")
    succeed(folder, "dvc", "repro", "--quiet")
    for divisor in (256, 257, 258):
        edit(folder / "report.py", f"/ {divisor - 1}", f"/ {divisor}")
        succeed(folder, "dvc", "exp", "run", "--quiet", "-S", "train.rate=0.7")
    for name, value in environment(folder).items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(folder)
    commit, runs = experiments("joint")
    assert commit["Experiment"] is None and len(runs) == 3
    figures = [float(run["joint"]) for run in runs]
    assert figures == sorted(figures, reverse=True) and len(set(figures)) == 3
