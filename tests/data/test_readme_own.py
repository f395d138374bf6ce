"""The README's way with data of your own: import it by DVC, point the pipeline at it, and it knows what changed."""

import json
import re
import shlex
from pathlib import Path

import pytest

from stages.common.files import read_json, read_table
from tests.clones import ROOT, clone, succeed
from tests.data.home import clip


def commands(word: str) -> list[list[str]]:
    """The README's commands on that data set."""
    text = (ROOT / "README.md").read_text(encoding="utf-8").replace("\\\n", " ")
    return [shlex.split(line) for line in re.findall(r"^dvc .*$", text, re.MULTILINE) if word in line]


@pytest.mark.slow
def test_spoken_digits_are_imported_from_their_repository(tmp_path: Path) -> None:
    """The README's commands as they stand, but for the address: a repository like the real one, on this machine."""
    there, here = tmp_path / "there", clone(tmp_path / "here")
    (there / "recordings").mkdir(parents=True)
    names = [f"{digit}_{who}_{take}" for digit in range(3) for who in ("jackson", "theo") for take in range(8)]
    for number, name in enumerate(names):
        (there / f"recordings/{name}.wav").write_bytes(clip(100 + 4 * number, rate_hz=8000))
    succeed(there, "git", "init", "--quiet")
    succeed(there, "git", "add", "--all")
    succeed(there, "git", "-c", "user.name=t", "-c", "user.email=t@localhost", "commit", "--quiet", "-m", "Start")
    fetch, run = commands("data/fsdd")
    succeed(here, *(f"file://{there}" if word.startswith("https://") else word for word in fetch))
    succeed(here, *run, "preprocess")
    assert read_table(here / "data/preprocess/rejects.csv").empty
    assert read_json(here / "data/preprocess/attributes.json") == {
        "digit": {"values": ["0", "1", "2"], "shown_by": ["audio"]},
        "speaker": {"values": ["jackson", "theo"], "shown_by": ["audio"]},
    }
    samples = read_table(here / "data/preprocess/samples.csv", text=("id",))
    assert sorted(samples["id"]) == names
    assert not {"acquire", "preprocess"} & set(json.loads(succeed(here, "dvc", "status", "--json")))
    (here / "data/fsdd/0_jackson_0.wav").write_bytes(clip(99))
    assert "acquire" in json.loads(succeed(here, "dvc", "status", "--json")), "changed data must be acquired again"
