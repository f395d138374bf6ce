"""Every fusion and every generator runs in the pipeline, and changing one reruns what follows from it alone."""

import json
import shutil
from pathlib import Path

import pytest

from stages.common.params import read_yaml
from stages.fusion.fuse import FUSIONS
from stages.generation.families import FAMILIES
from tests.clones import succeed

pytestmark = pytest.mark.slow

AFTER = {  # a setting: what reruns when it changes
    "method": {"fuse", "train", "generate", "evaluate", "report"},
    "model": {"train", "generate", "evaluate", "report"},
}
CASES = [("method", name) for name in FUSIONS] + [("model", name) for name in FAMILIES]


@pytest.mark.parametrize(("setting", "name"), CASES, ids=[name for _, name in CASES])
def test_a_method_runs_and_its_figures_come_out(setting: str, name: str, built: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(built, tmp_path / "clone", symlinks=True)
    params = folder / "params.yaml"
    section = {"method": "fuse", "model": "train"}[setting]
    before = read_yaml(params)[section][setting]
    text = params.read_text(encoding="utf-8")
    assert text.count(f"\n  {setting}: {before}\n") == 1
    params.write_text(text.replace(f"\n  {setting}: {before}\n", f"\n  {setting}: {name}\n"), encoding="utf-8")
    stale = set(json.loads(succeed(folder, "dvc", "status", "--json")))
    assert stale == (set() if name == before else {section}), "DVC lists the first stage only, the others follow"
    said = succeed(folder, "dvc", "repro")
    ran = {line.split("'")[1] for line in said.splitlines() if line.startswith("Running stage")}
    assert ran == (set() if name == before else AFTER[setting])
    summary = json.loads((folder / "metrics/summary.json").read_text(encoding="utf-8"))
    assert 0 <= summary["coherence"]["joint"] <= 1
