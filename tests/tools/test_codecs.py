"""Codecs are compared on the same data, with as many numbers, and rows of other data stay."""

import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from tests.clones import ROOT


def compared(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tools.codecs", "--seconds", "1"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_every_codec_has_a_row_beside_a_pca(mine: Path) -> None:
    table = mine / "metrics/codecs.csv"
    pd.DataFrame({"data": ["digits", "others"], "codec": ["gone", "kept"]}).to_csv(table, index=False)
    done = compared(mine)
    assert done.returncode == 0, done.stderr
    rows = pd.read_csv(table)
    assert rows["data"].tolist() == ["others"] + ["digits"] * 9 and rows["codec"][0] == "kept"
    codecs = {"image": ["pca", "autoencoder", "mixer"], "text": ["pca", "recurrent", "transformer"]}
    codecs["audio"] = codecs["image"]
    figures = {"image": "psnr_db", "text": "wrong_tokens", "audio": "distance_db"}
    for name, figure in figures.items():
        part = rows[rows["modality"] == name]
        assert part["codec"].tolist() == codecs[name] and part[figure].notna().all()
        numbers = part.loc[part["codec"] != "transformer", "numbers"]  # it has at least one for each token
        assert (numbers / numbers.iloc[0]).between(0.9, 1.1).all()
        assert part["seen"].between(0, 3).all() or name == "text", "the built-in captions are read by their grammar"
        assert (part["seconds"].iloc[1:] > 0.3).all()


def test_without_judges_it_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_text("{}", encoding="utf-8")
    command = [sys.executable, "-m", "tools.codecs"]
    done = subprocess.run(
        command, cwd=tmp_path, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False
    )
    assert (
        done.returncode == 2 and done.stderr.startswith("codecs: expected data/judge") and done.stderr.count("\n") == 1
    )
