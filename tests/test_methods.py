"""Every fusion and every generator runs in the pipeline, and what follows from the choice of one."""

import json
from pathlib import Path

import pytest

from stages.common.params import read_yaml
from stages.fusion.trained_fusion import FUSIONS
from stages.generation.models.families import FAMILIES
from tests.clones import ROOT, staged
from tests.test_pipeline import STAGES, covers
from tests.toy import copied

pytestmark = pytest.mark.slow

AFTER = {  # what reruns when another fusion or generator is chosen
    "fuse.method": {"fuse", "train", "generate", "evaluate", "report"},
    "train.model": {"train", "generate", "evaluate", "report"},
}
CHANGED = "gated"  # the fusion that DVC is asked for, in tests/test_rebuild.py; the others run without it
PAIRS = (("concat", "gan"), ("matrix", "vae"), ("none", "flow"))


def choose(folder: Path, fusion: str, generator: str = "flow") -> None:
    """Another fusion and generator in params.yaml."""
    params = folder / "params.yaml"
    text = params.read_text(encoding="utf-8")
    for old, new in (
        ("  method: attention\n", f"  method: {fusion}\n"),
        ("  model: flow\n", f"  model: {generator}\n"),
    ):
        assert text.count(f"\n{old}") == 1
        text = text.replace(f"\n{old}", f"\n{new}")
    params.write_text(text, encoding="utf-8")


def joint(folder: Path) -> float:
    """The figure that every method has."""
    return float(json.loads((folder / "metrics/summary.json").read_text(encoding="utf-8"))["coherence"]["joint"])


def following(first: str) -> set[str]:
    """A stage and all that depend on what it makes, as dvc.yaml has them."""
    found, outs = {first}, {stage.name: stage.outs for stage in STAGES}
    for stage in STAGES:  # in their order
        made = [out for name in found for out in outs[name]]
        if any(covers(dep, out) or covers(out, dep) for dep in stage.data for out in made):
            found.add(stage.name)
    return found


def test_together_these_are_all_methods_there_are() -> None:
    default = read_yaml(ROOT / "params.yaml")
    fusions, generators = map(set, zip(*PAIRS, strict=True))
    assert {*fusions, CHANGED, default["fuse"]["method"]} == set(FUSIONS)
    assert {*generators, default["train"]["model"]} == set(FAMILIES)


@pytest.mark.parametrize("setting", AFTER)
def test_what_follows_from_a_choice_is_what_dvc_yaml_says(setting: str) -> None:
    (reader,) = [stage.name for stage in STAGES if setting.partition(".")[0] in stage.params]
    assert following(reader) == AFTER[setting]


@pytest.mark.parametrize(("fusion", "generator"), PAIRS)
def test_methods_run_and_their_figures_come_out(fusion: str, generator: str, built: Path, tmp_path: Path) -> None:
    folder = copied(built, tmp_path / "clone")
    choose(folder, fusion, generator)
    staged(folder, AFTER["fuse.method"])
    assert 0 <= joint(folder) <= 1
