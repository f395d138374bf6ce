"""Every fusion and every generator runs in the pipeline, and changing one reruns what follows from it alone."""

import json
import shutil
from pathlib import Path

import pytest

from stages.common.params import read_yaml
from stages.fusion.fuse import FUSIONS
from stages.generation.models.families import FAMILIES
from tests.clones import ROOT, staged, succeed

pytestmark = pytest.mark.slow

AFTER = {  # a setting: another value than the default's, and what reruns when it changes
    "method": ("gated", {"fuse", "train", "generate", "evaluate", "report"}),
    "model": ("vae", {"train", "generate", "evaluate", "report"}),
}
OTHERS = [("method", name) for name in ("none", "concat", "matrix")] + [("model", "gan")]
SECTIONS = {"method": "fuse", "model": "train"}


def test_together_these_are_all_methods_there_are() -> None:
    default = read_yaml(ROOT / "params.yaml")
    tried = {*OTHERS, *((setting, name) for setting, (name, _) in AFTER.items())}
    tried |= {(setting, default[section][setting]) for setting, section in SECTIONS.items()}
    assert tried == {*(("method", name) for name in FUSIONS), *(("model", name) for name in FAMILIES)}


def choose(folder: Path, setting: str, name: str) -> None:
    """Another fusion or generator in params.yaml."""
    params = folder / "params.yaml"
    before, text = read_yaml(params)[SECTIONS[setting]][setting], params.read_text(encoding="utf-8")
    assert before != name and text.count(f"\n  {setting}: {before}\n") == 1
    params.write_text(text.replace(f"\n  {setting}: {before}\n", f"\n  {setting}: {name}\n"), encoding="utf-8")


def joint(folder: Path) -> float:
    """The figure that every method has."""
    return float(json.loads((folder / "metrics/summary.json").read_text(encoding="utf-8"))["coherence"]["joint"])


@pytest.mark.parametrize("setting", AFTER)
def test_a_change_reruns_what_follows_from_it_and_nothing_else(setting: str, built: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(built, tmp_path / "clone", symlinks=True)
    assert json.loads(succeed(folder, "dvc", "status", "--json")) == {}
    name, after = AFTER[setting]
    choose(folder, setting, name)
    stale = set(json.loads(succeed(folder, "dvc", "status", "--json")))
    assert stale == {SECTIONS[setting]}, "DVC lists the first stage only, the others follow"
    said = succeed(folder, "dvc", "repro")
    assert {line.split("'")[1] for line in said.splitlines() if line.startswith("Running stage")} == after
    assert 0 <= joint(folder) <= 1


@pytest.mark.parametrize(("setting", "name"), OTHERS, ids=[name for _, name in OTHERS])
def test_a_method_runs_and_its_figures_come_out(setting: str, name: str, built: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(built, tmp_path / "clone", symlinks=True)
    choose(folder, setting, name)
    staged(folder, AFTER[setting][1])
    assert 0 <= joint(folder) <= 1
