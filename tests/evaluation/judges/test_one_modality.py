"""A data set of one modality goes through the whole pipeline; what it can't say is left out, not made up."""

import json
from pathlib import Path

import pytest

from stages.common.files import read_table
from tests.clones import clone, staged

pytestmark = [pytest.mark.slow, pytest.mark.proof]


@pytest.mark.parametrize("name", ["image", "text", "audio"])
def test_one_modality_is_measured(name: str, tmp_path: Path) -> None:
    folder = clone(tmp_path / "clone")
    text = (folder / "params.yaml").read_text(encoding="utf-8")
    every = "modalities:\n  image: image\n  text: text\n  audio: audio\n"
    assert every in text
    (folder / "params.yaml").write_text(text.replace(every, f"modalities:\n  {name}: {name}\n"), encoding="utf-8")
    staged(folder)
    summary = json.loads((folder / "metrics/summary.json").read_text(encoding="utf-8"))
    families = {"ceiling", "fidelity", "coverage", "memorisation"}
    assert {family: list(values) for family, values in summary.items()} == {family: [name] for family in families}
    table = read_table(folder / "metrics/table.csv", text=("metric",)).set_index("metric").to_dict("index")
    assert 0 <= table[f"confidence.{name}"]["value"] <= 1
    assert 0 <= table[f"classes.{name}"]["value"] <= 10 and 0 < table[f"classes.{name}"]["ceiling"] <= 10
    assert not [metric for metric in table if str(metric).startswith("coherence.")]
    page = (folder / "data/report/index.html").read_text(encoding="utf-8")
    assert "From nothing" in page and "Given and made" not in page
