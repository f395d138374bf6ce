"""The other built-in data set goes the whole way: every stage works where most samples have some labels alone.

With the codecs, the judges and the comparison of guidance that its preset chooses.
"""

from pathlib import Path

import pytest

from stages.common.files import read_json, read_table
from tests.clones import clone, staged
from tests.data.sources.test_emoji_font import needs_font
from tests.toy import edit

pytestmark = [pytest.mark.slow, needs_font]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone in which all stages ran on emoji."""
    folder = clone(tmp_path_factory.mktemp("emoji"))
    edit(folder / "params.yaml", "source: digits", "source: emoji")
    edit(folder / "params.yaml", "image:\n    codec: autoencoder", "image:\n    codec: mixer")
    edit(folder / "params.yaml", "text:\n    codec: recurrent", "text:\n    codec: transformer")
    edit(folder / "params.yaml", "network: grid", "network: pooled")
    edit(folder / "params.yaml", "compared_guidance: []", "compared_guidance: [1.0, 2.5]")
    edit(folder / "params.yaml", "retrieval: false", "retrieval: true")
    return staged(folder)


def test_what_belongs_together_is_judged_by_kind(built: Path) -> None:
    assert read_json(built / "data/evaluate/dataset.json")["key"] == "kind"
    found = set(read_table(built / "metrics/table.csv")["metric"])
    assert {"coherence.joint", "coherence.image_to_text", "coherence.text_to_image", "fidelity.image"} <= found
    assert {"attribute.skin.text_to_image", "ceiling.image", "ceiling.audio.skin"} <= found
    assert {"retrieval.text_to_image", "retrieval.image+audio_to_text"} <= found
    assert not [metric for metric in found if metric.startswith("match.")], "labels tell what belongs together"


def test_labels_with_gaps_and_what_is_held_out_come_through(built: Path) -> None:
    raw = read_table(built / "data/acquire/index.csv", text=("id",)).set_index("id")
    clean = read_table(built / "data/preprocess/samples.csv", text=("id",)).set_index("id")
    same = ["split", "kind", "skin", "person", "emoji", "base", "held_out", "voice"]
    assert raw.loc[clean.index, same].equals(clean[same]) and len(raw) == len(clean)
    assert clean["kind"].isna().any() and clean["skin"].isna().any()
    found = set(read_table(built / "metrics/table.csv")["metric"])
    assert {"held_out.base.text_to_image", "held_out.learned.text_to_image"} <= found


def test_values_of_guidance_are_compared_and_drawn(built: Path) -> None:
    curve = read_table(built / "data/evaluate/guidance.csv", text=("made",))
    assert set(curve["guidance"]) == {1.0, 2.5} and set(curve["made"]) == {"image", "text", "audio"}
    assert ((curve["coverage"] >= 0) & (curve["coverage"] <= 1)).all()
    assert 'id="guidance"' in (built / "data/report/index.html").read_text(encoding="utf-8")


def test_the_cards_of_the_models_have_the_licence(built: Path) -> None:
    assert "Noto Color Emoji" in (built / "data/train/generator.json").read_text(encoding="utf-8")
