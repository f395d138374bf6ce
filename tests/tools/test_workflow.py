"""The workflow for GitHub: what it calls exists, and its summary step, run as it stands, writes the tables."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.clones import ROOT, environment
from tests.tools.test_compare import repository

STEPS: list[dict[str, Any]] = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text())["jobs"]["check"]["steps"]


def test_every_target_it_makes_exists_and_none_that_matters_is_forgotten() -> None:
    made = {
        word for step in STEPS for line in re.findall(r"\bmake ([a-z ]+)", step.get("run", "")) for word in line.split()
    }
    assert {"lint", "types", "test", "fresh"} <= made
    assert made <= set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def test_it_runs_what_ci_runs() -> None:
    """Both install the same servers, so no test of a remote is skipped in either."""
    scripts = "\n".join(step.get("run", "") for step in STEPS), (ROOT / ".ci/run").read_text()
    for word in (
        "openssh-server",
        "nginx-light",
        "libnginx-mod-http-dav-ext",
        "chromium",
        "make remotes",
        "make test",
        "make fresh",
    ):
        assert all(word in script for script in scripts), word


def test_hooks_and_container_call_what_exists() -> None:
    """What pre-commit and the container run are targets of the Makefile."""
    known = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"][0]["hooks"]
    assert {"lint", "types", "fresh", "test"} == {hook["entry"].removeprefix("make ") for hook in hooks} <= known
    container = json.loads((ROOT / ".devcontainer/devcontainer.json").read_text())
    assert container["postCreateCommand"] == "make setup" and "setup" in known


@pytest.mark.slow
def test_the_summary_step_writes_its_tables(tmp_path: Path) -> None:
    folder, summary = tmp_path / "repository", tmp_path / "summary.md"
    folder.mkdir()
    repository(folder)
    script = next(step["run"] for step in STEPS if step.get("name") == "Metrics")
    own = environment(folder) | {"GITHUB_STEP_SUMMARY": str(summary), "BASE": "main"}
    subprocess.run(["bash", "-e", "-o", "pipefail", "-c", script], cwd=folder, env=own, check=True)
    text = summary.read_text()
    assert re.search(r"\| coherence\.joint +\| 0\.9000 .*\| yes", text)
    assert re.search(r"\| metrics/summary.json \| coherence\.joint", text), text
