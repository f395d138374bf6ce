"""Data that the built-in judges know nothing of: without labels, in another language, of one modality. Really run."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from stages.common.files import read_json, read_table
from tests.clones import clone, staged
from tests.data.home import Home, clip, picture

pytestmark = [pytest.mark.slow, pytest.mark.proof]

WORDS = ("\u8d64\u3044\u56db\u89d2", "\u9752\u3044\u56db\u89d2", "\u7dd1\u8272\u306e\u56db\u89d2")  # of three kinds
NUMBER = 90


def rebuilt(folder: Path, names: Sequence[str], *, labels: bool) -> tuple[dict[str, Any], dict[str, Any]]:
    """The pipeline on samples of three kinds, every seventh without a label; what it says of readers and figures."""
    home = Home(clone(folder))
    home.mine.mkdir()
    rows = []
    for n in range(NUMBER):
        kind = n % 3
        row = {"id": f"s{n}", "text": f"{WORDS[kind]} {n}"}
        home.put({f"{n}.png": picture(80 * kind + n % 40), f"{n}.wav": clip(200 + 300 * kind + n)})
        row |= {"image": f"{n}.png", "audio": f"{n}.wav"}
        kept = {key: row[key] for key in ("id", *names)}
        rows.append(kept | ({"kind": "" if n % 7 == 3 else "abc"[kind]} if labels else {}))
    home.put({"manifest.jsonl": "\n".join(json.dumps(row) for row in rows)})
    home.set("manifest", names)
    staged(home.folder)
    page = (home.folder / "data/report/index.html").read_text(encoding="utf-8")
    assert "From nothing" in page
    table = read_table(home.folder / "metrics/table.csv", text=("metric", "note"))
    assert table["value"].notna().all()
    readers = read_json(home.folder / "data/judge/readers.json")
    return {name: reader["by"] for name, reader in readers.items()}, read_json(home.folder / "metrics/summary.json")


def test_without_labels_matchers_tell_what_belongs_together(tmp_path: Path) -> None:
    names = ("image", "text", "audio")
    readers, summary = rebuilt(tmp_path, names, labels=False)
    assert readers == dict.fromkeys(names, "matcher")
    outputs = {f"{one}_to_{other}" for one in names for other in names if one != other}
    assert set(summary) == {"match", "fidelity", "coverage", "memorisation"}
    assert set(summary["match"]) == {"joint", "worst", *outputs}
    assert all(0 <= value <= 1 for value in summary["match"].values())


def test_captions_in_another_language_are_read_by_a_classifier(tmp_path: Path) -> None:
    readers, summary = rebuilt(tmp_path, ("image", "text"), labels=True)
    assert readers == {"image": "classifier", "text": "classifier"}
    assert set(summary) == {"coherence", "consistency", "ceiling", "fidelity", "coverage", "memorisation"}
    assert set(summary["coherence"]) == {"joint", "worst", "image_to_text", "text_to_image"}
    assert set(summary["ceiling"]) == {"image", "text"}


@pytest.mark.parametrize("name", ["image", "text", "audio"])
def test_one_modality_without_labels_is_still_measured(name: str, tmp_path: Path) -> None:
    readers, summary = rebuilt(tmp_path, (name,), labels=False)
    assert readers == {name: "matcher"}
    assert {family: list(found) for family, found in summary.items()} == {
        family: [name] for family in ("fidelity", "coverage", "memorisation")
    }
