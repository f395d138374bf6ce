"""Cleaning: what is broken is listed, what is missing is masked, and bytes do not depend on the workers."""

import io
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
from joblib.externals.loky import get_reusable_executor
from PIL import Image

from stages.common.files import read_json, read_table, write_json, write_table
from stages.common.params import read_yaml
from stages.common.shards import write_shard
from stages.data import preprocess
from stages.data.kinds import text
from stages.data.kinds.modalities import MODALITIES, restore
from tests.clones import ROOT

TRAIN, TEST = 12, 4
TOTAL = TRAIN + TEST + 2
LOST = 3  # a train sample whose picture does not decode


def picture(level: int) -> bytes:
    page = Image.new("RGB", (28, 28), (255, 255, 255))
    page.paste((level, 0, 0), (8, 6, 20, 22))
    buffer = io.BytesIO()
    page.save(buffer, "PNG")
    return buffer.getvalue()


def clip(pitch_hz: float) -> bytes:
    buffer = io.BytesIO()
    wave = 0.5 * np.sin(2 * np.pi * pitch_hz * np.arange(8000) / 16000)
    soundfile.write(buffer, wave, 16000, format="WAV", subtype="PCM_16")
    return buffer.getvalue()


def sources() -> dict[str, dict[str, bytes]]:
    """Complete samples, and one of each defect."""
    whole = {
        f"{n:06d}": {"png": picture(10 * n), "txt": f"block {n}".encode(), "wav": clip(100 + 10 * n)}
        for n in range(TOTAL)
    }
    whole["000001"].pop("wav")
    whole["000002"].pop("png")
    whole[f"{LOST:06d}"]["png"] = b"no picture"
    whole["000014"].pop("txt")
    return whole


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A pipeline at the raw shards, as the working folder."""
    raw, samples = tmp_path / "data/acquire", sources()
    index = pd.DataFrame({"id": list(samples)})
    index["split"] = ["train"] * TRAIN + ["test"] * TEST + ["validation", "judge"]
    index["shard"] = [f"raw-{number // 5}.tar" for number in range(len(index))]
    index["kind"] = "block"
    for shard, rows in index.groupby("shard"):
        write_shard(raw / str(shard), [(key, samples[key]) for key in rows["id"]])
    write_table(raw / "index.csv", index)
    write_json(raw / "attributes.json", {"kind": {"values": ["block"], "shown_by": ["image"]}})
    shutil.copy(ROOT / "dvc.yaml", tmp_path)
    shutil.copytree(ROOT / "stages", tmp_path / "stages", ignore=shutil.ignore_patterns("__pycache__"))
    set_limit(tmp_path, "0.1")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(os, "cpu_count", lambda: 1)  # no workers to start, where they are not what is tested
    yield tmp_path
    get_reusable_executor().shutdown()  # idle workers stay in the folder in which they were started


def set_limit(folder: Path, limit: str) -> None:
    params = (ROOT / "tests/tiny.yaml").read_text(encoding="utf-8")
    assert params.count("reject_limit: 0.05") == 1
    (folder / "params.yaml").write_text(
        params.replace("reject_limit: 0.05", f"reject_limit: {limit}"), encoding="utf-8"
    )


def arrays(folder: Path) -> dict[str, np.ndarray]:
    return {path.stem: np.load(path) for path in sorted((folder / "data/preprocess").glob("*.npy"))}


def test_what_is_broken_is_listed_and_what_is_missing_is_masked(house: Path) -> None:
    preprocess.main()
    rejects = read_table(house / "data/preprocess/rejects.csv", text=("id",))
    assert rejects["id"].tolist() == [f"{LOST:06d}"]
    assert rejects["file"].tolist() == ["raw-0.tar"]
    assert rejects["reason"][0].startswith("image: expected a picture, got 10 bytes")
    assert "0x" not in rejects["reason"][0], "an address in memory differs from run to run"
    table = read_table(house / "data/preprocess/samples.csv", text=("id",)).set_index("id")
    assert len(table) == TOTAL - 1
    for name, lacking in {"image": ["000002"], "text": ["000014"], "audio": ["000001"]}.items():
        assert table.index[~table[f"has_{name}"]].tolist() == lacking
        clean = arrays(house)[f"{name}.clean"]
        fitted = restore([name], house / "data/preprocess")[name]
        blank = MODALITIES[name].blank(fitted)
        empty = [key for key, item in zip(table.index, clean, strict=True) if np.array_equal(item, blank)]
        assert empty == lacking


def test_rows_of_tables_and_tensors_belong_together(house: Path) -> None:
    preprocess.main()
    table = read_table(house / "data/preprocess/samples.csv", text=("id",))
    made, variants = arrays(house), read_yaml(house / "params.yaml")["preprocess"]["variants"]
    train = int((table["split"] == "train").sum())
    for name in ("image", "text", "audio"):
        assert len(made[f"{name}.clean"]) == len(table)
        assert len(made[f"{name}.augmented"]) == train * variants
    fitted = restore(["text"], house / "data/preprocess")["text"]
    told = [text.write(tokens, fitted).decode() for tokens in made["text.clean"]]
    assert told == [
        f"block {int(key)}" if there else "" for key, there in zip(table["id"], table["has_text"], strict=True)
    ]
    reds = made["image.augmented"][:, 14, 14, 0].reshape(train, variants)
    seen = table[table["split"] == "train"]
    for key, there, copies in zip(seen["id"], seen["has_image"], reds, strict=True):
        assert (np.abs(copies.astype(int) - (10 * int(key) if there else 0)) <= 3).all()


def test_labels_come_through_as_they_stand(house: Path) -> None:
    """What looks like a number or like nothing is a label all the same."""
    index = read_table(house / "data/acquire/index.csv", text=("id",))
    labels = index["id"].map(lambda key: ("007", "NA", "None")[int(key) % 3])
    write_table(house / "data/acquire/index.csv", index.assign(kind=labels))
    preprocess.main()
    table = read_table(house / "data/preprocess/samples.csv", text=("id", "kind"))
    assert table["kind"].tolist() == labels[index["id"].isin(table["id"])].tolist()


def test_the_tokeniser_learns_from_the_train_split_alone(house: Path) -> None:
    preprocess.main()
    before = (house / "data/preprocess/text/tokenizer.json").read_bytes()
    index = read_table(house / "data/acquire/index.csv", text=("id",))
    changed = sources()
    for key in index.loc[index["split"] == "test", "id"]:
        changed[key]["txt"] = b"zebra zebra zebra zebra"
    for shard, rows in index.groupby("shard"):
        write_shard(house / "data/acquire" / str(shard), [(key, changed[key]) for key in rows["id"]])
    preprocess.main()
    assert (house / "data/preprocess/text/tokenizer.json").read_bytes() == before
    assert b"zebra" in b"".join(path.read_bytes() for path in (house / "data/acquire").glob("*.tar"))


def test_too_many_rejects_are_refused_with_the_reasons(house: Path, capsys: pytest.CaptureFixture[str]) -> None:
    set_limit(house, "0.05")
    with pytest.raises(SystemExit) as ended:
        preprocess.main()
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert "expected at most 5% of 18 samples to be rejected, got 1 (1 x image: expected a picture" in said
    assert "raise preprocess.reject_limit" in said
    assert not (house / "data/preprocess").exists()


def test_the_most_frequent_reasons_come_first() -> None:
    rejects = pd.DataFrame({"reason": ["rare"] + ["often"] * 5 + ["second"] * 3 + ["third"] * 2})
    with pytest.raises(ValueError, match=r"got 11 \(5 x often; 3 x second; 2 x third\)"):
        preprocess.check_rejects(rejects, 100, 0.1)
    preprocess.check_rejects(rejects, 110, 0.1)


def test_a_sample_without_any_file_of_ours_is_rejected(house: Path) -> None:
    index = read_table(house / "data/acquire/index.csv", text=("id",))
    rows = index[index["shard"] == "raw-1.tar"]
    files = sources() | {"000006": {"xyz": b"?"}}
    write_shard(house / "data/acquire/raw-1.tar", [(key, files[key]) for key in rows["id"]])
    set_limit(house, "0.5")
    preprocess.main()
    rejects = read_table(house / "data/preprocess/rejects.csv", text=("id",)).set_index("id")["reason"]
    assert rejects.get("000006") == "expected one of image, text, audio, got xyz"


def test_bytes_do_not_depend_on_the_number_of_workers(house: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    for workers in (1, 2):
        monkeypatch.setattr(os, "cpu_count", lambda workers=workers: workers)
        preprocess.main()
        made.append(
            {path.name: path.read_bytes() for path in (house / "data/preprocess").rglob("*.*") if path.is_file()}
        )
    assert made[0] == made[1]
    assert read_json(house / "data/preprocess/attributes.json")["kind"]["values"] == ["block"]
