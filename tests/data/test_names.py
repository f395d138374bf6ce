"""Modalities under names that nothing in the code knows, two kinds twice: every source finds each of them."""

import io
import json

import numpy as np
import pandas as pd
import pytest

from stages.common.modality import suffix_of
from stages.common.params import load_modalities
from stages.data import acquire, preprocess
from stages.data.kinds.modalities import restore
from stages.data.records import remarks
from tests.data.home import Home, clip, picture
from tests.data.sources.test_tar_shards import tar

NAMES = {
    "front": "image", "back": "image", "english": "text", "german": "text", "voice": "audio", "flight": "video",
    "egg": "volume", "pigment": "molecule",
}  # fmt: skip
TOLD = ("english", "german", "pigment")  # cells may hold them
COUNT = 24
FILES = {
    "front": "front.png", "back": "back.png", "english": "english.txt", "german": "german.txt", "voice": "wav",
    "flight": "flight.gif", "egg": "npy", "pigment": "smi",
}  # fmt: skip


def sample(number: int) -> dict[str, bytes]:
    """What each modality shows; every fifth lacks its back."""
    media = {"front": picture(number), "back": picture(100 + number), "voice": clip(100 + 9 * number)}
    media |= {"flight": picture(200 + number, "GIF"), "egg": solid(number)}
    told = {"english": f"bird {number}", "german": f"Vogel {number}", "pigment": "CO" + "C" * number}
    encoded = {name: text.encode() for name, text in told.items()}
    return {name: made for name, made in (media | encoded).items() if name != "back" or number % 5}


def solid(number: int) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.ones((9, 9, 1 + number % 9), np.uint8))
    return buffer.getvalue()


def as_folder(home: Home) -> str:
    for n in range(COUNT):
        home.put({f"{n}.{FILES[name]}": made for name, made in sample(n).items()})
    return "folder"


def as_shards(home: Home) -> str:
    files = {f"{n}.{FILES[name]}": made for n in range(COUNT) for name, made in sample(n).items()}
    home.put({"all.tar": tar(files)})
    return "shards"


def as_shards_with_records(home: Home) -> str:
    files: dict[str, bytes] = {}
    for n in range(COUNT):
        made = sample(n)
        files[f"{n}.json"] = json.dumps({name: made.pop(name).decode() for name in TOLD}).encode()
        files |= {f"{n}.{FILES[name]}": content for name, content in made.items()}
    home.put({"all.tar": tar(files)})
    return "shards"


def as_manifest(home: Home) -> str:
    rows = []
    for n in range(COUNT):
        made, row = sample(n), {"id": str(n)}
        for name, content in made.items():
            row[name] = content.decode() if name in TOLD else f"media/{n}.{FILES[name]}"
            if name not in TOLD:
                home.put({row[name]: content})
        rows.append(row)
    home.put({"manifest.csv": pd.DataFrame(rows).to_csv(index=False)})
    return "manifest"


def as_metadata(home: Home) -> str:
    rows = []
    for n in range(COUNT):
        made, row = sample(n), {"id": str(n)}
        for name, content in made.items():
            if name in TOLD:
                row[name] = content.decode()
            else:  # the column says which, whatever the file is called
                row[f"{name}_file_name"] = f"{n}-{name}.{FILES[name].rpartition('.')[2]}"
                home.put({row[f"{name}_file_name"]: content})
        rows.append(row)
    home.put({"metadata.jsonl": "\n".join(map(json.dumps, rows))})
    return "folder"


SOURCES = (as_folder, as_shards, as_shards_with_records, as_manifest, as_metadata)


@pytest.mark.parametrize("source", SOURCES)
def test_every_source_finds_each_modality_by_its_name(source: object, home: Home) -> None:
    assert callable(source)
    home.set(source(home), NAMES)
    acquire.main()
    expected = {suffix_of(name): name for name in load_modalities()}
    for n in (3, 5):
        assert home.samples()[str(n)] == {end: sample(n)[name] for end, name in expected.items() if name in sample(n)}
    assert len(home.index()) == COUNT and home.rejects() == {}


def test_a_file_that_two_modalities_could_be_is_left_out_and_said(home: Home) -> None:
    as_folder(home)
    home.put({"3.png": picture(77), "lost.png": picture(78)})
    home.set("folder", NAMES)
    acquire.main()
    assert home.samples()["3"]["front.png"] == picture(3)
    assert home.rejects()["lost"][1].startswith("expected a file of")


def test_each_is_cleaned_by_settings_of_its_own(home: Home) -> None:
    as_folder(home)
    home.set("folder", NAMES, sections={"preprocess": {"back": {"size": 32}, "german": {"length": 9}}})
    acquire.main()
    preprocess.main()
    clean = {name: np.load(home.folder / f"data/preprocess/{name}.clean.npy") for name in NAMES}
    assert clean["front"].shape[1:] == (28, 28, 3) and clean["back"].shape[1:] == (32, 32, 3)
    assert clean["german"].shape[1] == 9 != clean["english"].shape[1]
    assert clean["flight"].shape[1:] == (16, 16, 6 * 3) and clean["egg"].shape[1:] == (16, 16, 16)
    assert clean["pigment"].shape[1:] == (40,)
    samples = home.table("preprocess/samples.csv").set_index("id")
    assert (samples["has_back"] == "False").sum() == -(-COUNT // 5)
    fitted = restore(load_modalities(), home.folder / "data/preprocess")
    words = {name: set(fitted[name].tokenizer.get_vocab()) for name in ("english", "german")}
    assert "bird" in words["english"] - words["german"], "each has a tokeniser of its own"


def test_settings_below_a_name_that_is_no_modality_are_refused(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    as_folder(home)
    home.set("folder", NAMES, sections={"preprocess": {"side": {"size": 32}}})
    acquire.main()
    with pytest.raises(SystemExit):
        preprocess.main()
    assert "preprocess.side: expected a known key, got 'side'" in capsys.readouterr().err


def test_what_is_built_in_has_names_of_its_own(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    home.set("digits", NAMES)
    with pytest.raises(SystemExit):
        acquire.main()
    assert "expected some of image, text, audio, as digits have them, got back, front" in capsys.readouterr().err


VALUED = {"front": "image", "mood": "label", "age": "number"}


@pytest.mark.parametrize("source", ["manifest", "shards", "folder"])
def test_cells_of_a_table_may_be_modalities(source: str, home: Home) -> None:
    """Labels stay labels too, so that judges of what is seen learn to read them; a number is none."""
    rows = [{"id": str(n), "front": f"{n}.png", "mood": ["glad", "sad", ""][n % 3], "age": n / 2} for n in range(COUNT)]
    if source == "manifest":
        home.put({f"{n}.png": picture(n) for n in range(COUNT)})
        home.put({"manifest.csv": pd.DataFrame(rows).to_csv(index=False)})
    elif source == "folder":
        home.put({f"{n}.png": picture(n) for n in range(COUNT)})
        told = [{**row, "file_name": row["front"]} for row in rows]
        home.put({"metadata.jsonl": "\n".join(json.dumps(row) for row in told)})
    else:
        files = {f"{n}.png": picture(n) for n in range(COUNT)}
        files |= {f"{row['id']}.json": json.dumps({"mood": row["mood"], "age": row["age"]}).encode() for row in rows}
        home.put({"all.tar": tar(dict(sorted(files.items())))})
    home.set(source, VALUED)
    acquire.main()
    assert home.samples()["4"] == {"front.png": picture(4), "mood.label": b"sad", "age.number": b"2.0"}
    assert "mood.label" not in home.samples()["5"], "an empty cell says nothing"
    assert home.attributes() == {"mood": {"values": ["glad", "sad"], "shown_by": ["front", "mood"]}}
    preprocess.main()
    assert home.rejects("preprocess") == {}
    samples = home.table("preprocess/samples.csv").set_index("id")
    assert samples.at["5", "has_mood"] == "False" and samples.at["5", "has_age"] == "True"


def test_a_cell_that_is_no_number_is_a_reject(home: Home) -> None:
    rows = [{"id": str(n), "front": f"{n}.png", "mood": "ab"[n % 2], "age": n} for n in range(COUNT)]
    home.put({f"{n}.png": picture(n) for n in range(COUNT)})
    home.put({"manifest.csv": pd.DataFrame(rows).replace({"age": {3: "three"}}).to_csv(index=False)})
    home.set("manifest", VALUED)
    acquire.main()
    preprocess.main()
    assert home.rejects("preprocess")["3"][1] == (
        "age: expected a number, got 'three'; correct it, or call it label or text in modalities"
    )


def test_one_modality_of_text_may_stand_in_a_record_by_its_name(home: Home) -> None:
    """And is not what the record calls a caption, where it has both."""
    files: dict[str, bytes] = {}
    for n in range(COUNT):
        record = {"german": f"Vogel {n}"} | ({"caption": f"bird {n}"} if n % 2 else {})
        files |= {f"{n}.json": json.dumps(record).encode(), f"{n}.png": picture(n)}
    home.put({"all.tar": tar(files)})
    home.set("shards", {"front": "image", "german": "text"})
    acquire.main()
    assert {files["german.txt"] for files in home.samples().values()} == {f"Vogel {n}".encode() for n in range(COUNT)}


def test_a_picture_that_two_columns_name_is_both_and_nothing_is_said_to_be_unread(home: Home) -> None:
    rows = [{"id": str(n), "front_file_name": f"{n}.png", "back_file_name": f"{n}.png"} for n in range(COUNT)]
    home.put({f"{n}.png": picture(n) for n in range(COUNT)})
    home.put({"metadata.jsonl": "\n".join(map(json.dumps, rows))})
    home.set("folder", {"front": "image", "back": "image"})
    acquire.main()
    assert home.samples()["3"] == {"front.png": picture(3), "back.png": picture(3)}
    assert not [remark for remark in remarks.read(home.folder / "data/acquire") if "no modality reads" in remark]
