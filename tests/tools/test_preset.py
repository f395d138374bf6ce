"""The presets: every key is one of params.yaml, every value is accepted, and the article's examples really run."""

import json
from pathlib import Path
from typing import Any

import pytest

from stages.common.params import read_yaml
from stages.data.acquire import BUILT_IN
from tests.clones import ROOT, run, succeed
from tests.toy import copied
from tools.experiments import follows, same
from tools.preset import PRESETS, settings

NAMES = sorted(path.stem for path in PRESETS.glob("*.yaml"))
ARTICLE = [name for name in NAMES if name.startswith("article")]
SMALL = {"train.decoders.steps": "30", "train.decoders.hidden": "8", "generate.samples": "30"}


def flat(path: Path) -> dict[str, str]:
    return dict(settings(read_yaml(path)))


def test_leaves_are_told_by_their_path_and_without_blanks() -> None:
    values: dict[str, Any] = {
        "modalities": ["image", "text"],
        "train": {"gan": {"latent": None, "gradient_penalty": 0.5}},
    }
    assert list(settings(values)) == [
        ("modalities", "[image,text]"),
        ("train.gan.latent", "null"),
        ("train.gan.gradient_penalty", "0.5"),
    ]


@pytest.mark.parametrize("name", NAMES)
def test_a_preset_names_settings_that_there_are(name: str) -> None:
    known, preset = flat(ROOT / "params.yaml"), read_yaml(PRESETS / f"{name}.yaml")
    named = [name for name, kind in preset.get("modalities", {}).items() if kind]
    own = {f"{section}.{name}" for section in ("modalities", "preprocess", "extract") for name in named}
    own |= {f"acquire.{section}" for section in BUILT_IN}
    told = {key for key in flat(PRESETS / f"{name}.yaml") if not any(f"{key}.".startswith(f"{new}.") for new in own)}
    assert told <= set(known)


def test_an_unknown_preset_is_one_line(built: Path) -> None:
    done = run(built, "python", "-m", "tools.preset", "frob")
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr == f"preset: expected one of {', '.join(NAMES)}, got 'frob'; python -m tools.preset NAME\n"


def test_a_value_is_the_same_however_it_is_written() -> None:
    assert same(2e-4, "0.0002") and same(3, "3.0") and same("gan", "gan")
    assert same("['image']", "[image]") and same("None", "null") and same("False", "false")
    assert not same("gan", "vae") and not same(None, "3") and not same(3, "gan") and not same("['image']", "[text]")


def test_an_experiment_follows_a_preset_if_nothing_else_differs() -> None:
    commit = dict(settings(read_yaml(ROOT / "params.yaml")))
    run = commit | flat(PRESETS / "article_vae.yaml")
    assert follows(run, commit, "article_vae") and not follows(run, commit, "article_gan")
    assert not follows(commit, commit, "article_vae")
    assert not follows(run | {"run.seed": "2"}, commit, "article_vae")
    assert follows(run | {"run.seed": "2"}, commit, "article_vae", free=["run.seed"])


@pytest.mark.proof
@pytest.mark.slow
@pytest.mark.parametrize("name", ARTICLE)
def test_a_preset_runs_from_pixels_to_figures(name: str, built: Path, tmp_path: Path) -> None:
    folder = copied(built, tmp_path / "clone")
    told = succeed(folder, "python", "-m", "tools.preset", name).split()
    small = [word for key, value in SMALL.items() for word in ("-S", f"{key}={value}")]
    succeed(folder, "dvc", "exp", "run", *told, *small)
    summary = json.loads((folder / "metrics/summary.json").read_text(encoding="utf-8"))
    assert set(summary["coverage"]) == {"image"} and 0 <= summary["coverage"]["image"] <= 1
    shape = read_yaml(folder / "data/train/generator.json")["models"]
    assert set(shape) == {"image"} and shape["image"]["grid"] == [28, 28, 1]
