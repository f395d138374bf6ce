"""Data as people have them: words for splits, layouts of other tools, names that differ in what one does not see."""

import json
import unicodedata

import pytest

from stages.data import acquire, preprocess
from stages.data.kinds import text
from stages.data.records import remarks
from stages.data.records.truncation import truncated
from tests.data.home import Home, clip, picture
from tests.data.sources.test_tar_shards import tar

COUNT = 24


def collect(home: Home, source: str, **settings: object) -> None:
    home.set(source, **settings)  # type: ignore[arg-type]
    acquire.main()


def told(home: Home) -> list[str]:
    return remarks.read(home.folder / "data/acquire")


@pytest.mark.parametrize("validation", ["val", "Valid", "DEV", "validation"])
def test_folders_bear_the_words_that_people_use_for_splits(validation: str, home: Home) -> None:
    splits = {"Train": "train", validation: "validation", "test": "test"}
    home.put(
        {
            f"{word}/{kind}/{n}.png": picture(9 * n + 300 * place)
            for place, word in enumerate(splits)
            for n in range(COUNT)
            for kind in ("cat",)
        }
    )
    home.put(
        {
            f"{word}/dog/{n}.png": picture(9 * n + 300 * place + 1000)
            for place, word in enumerate(splits)
            for n in range(COUNT)
        }
    )
    collect(home, "folder")
    index = home.index()
    drawn = index.index.str.startswith("Train") & (index["split"] == "judge")
    assert index["split"][~drawn].tolist() == [splits[key.partition("/")[0]] for key in index.index[~drawn]]
    assert 4 <= drawn.sum() <= 16 and home.attributes()["class"]["values"] == ["cat", "dog"]
    assert told(home) == [
        f"the data names no split for it, so of its 48 train samples were taken: {drawn.sum()} for judge"
    ]


def test_columns_hold_the_words_that_people_use_for_splits(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["Train", "dev", "valid", "val", "Test", "judge", "TRAIN", "training", "testing", "validation"]
    rows = [f"s{n},caption {n},{words[n % 10]}" for n in range(40)]
    home.put({"manifest.csv": "\n".join(["id,text,split", *rows, "odd,caption,blue", "odder,words,blue"])})
    collect(home, "manifest", modalities=["text"])
    assert home.index()["split"].value_counts().to_dict() == {"validation": 16, "train": 12, "test": 8, "judge": 4}
    assert told(home) == [] and home.rejects()["odd"][1].startswith("expected a split of train, validation")
    home.set("manifest", modalities=["text"], limit=0.01)
    with pytest.raises(SystemExit):
        preprocess.main()
    assert "got 2 (2 x expected a split of train, validation, judge, test, got 'blue'" in capsys.readouterr().err


@pytest.mark.parametrize("source", ["folder", "manifest"])
@pytest.mark.parametrize("table", ["metadata.csv", "metadata.jsonl"])
@pytest.mark.parametrize("caption", ["text", "caption"])
def test_a_table_beside_the_files_is_read(source: str, table: str, caption: str, home: Home) -> None:
    rows = [{"file_name": f"deep/{n}.png", caption: f"caption {n}", "kind": "xyz"[n % 3]} for n in range(COUNT)]
    put_table(home, table, rows)
    home.put({f"deep/{n}.png": picture(9 * n) for n in range(COUNT + 1)} | {"README.md": "about"})
    collect(home, source, modalities=["image", "text"])
    assert home.samples()["deep/5"] == {"png": picture(45), "txt": b"caption 5"}
    assert home.attributes()["kind"]["values"] == ["x", "y", "z"]
    assert home.rejects() == {
        f"deep/{COUNT}": (f"deep/{COUNT}.png", "expected a row of metadata that names it, got none")
    }


def put_table(home: Home, name: str, rows: list[dict[str, str]]) -> None:
    lines = (
        [",".join(rows[0]), *(",".join(row.values()) for row in rows)]
        if name.endswith("csv")
        else map(json.dumps, rows)
    )
    home.put({name: "\n".join(lines)})


def test_each_split_may_have_its_table(home: Home) -> None:
    for place, split in enumerate(("train", "val", "test")):
        rows = [{"file_name": f"{n}.wav", "transcription": f"{split} {n}", "speaker": "ab"[n % 2]} for n in range(8)]
        put_table(home, f"{split}/metadata.csv", [*rows, rows[0] | {"transcription": "said otherwise"}])
        home.put({f"{split}/{n}.wav": clip(100 + 10 * n + 100 * place) for n in range(8)})
    collect(home, "folder", modalities=["text", "audio"])
    index = home.index()
    assert home.samples()["val/3"] == {"wav": clip(230), "txt": b"val 3"}
    assert (index["split"][index.index.str.startswith("val/")] == "validation").all()
    assert home.samples()["test/0#2"]["txt"] == b"said otherwise" and len(index) == 27
    assert home.attributes() == {"speaker": {"values": ["a", "b"], "shown_by": ["text", "audio"]}}
    assert home.rejects() == {}


def test_a_row_may_name_a_file_of_each_modality(home: Home) -> None:
    rows = [{"image_file_name": f"{n}.png", "audio_file_name": f"a/{n}.wav", "text": f"{n}"} for n in range(COUNT)]
    put_table(home, "metadata.csv", [*rows, {"image_file_name": "", "audio_file_name": "", "text": "none"}])
    home.put({f"{n}.png": picture(9 * n) for n in range(COUNT)} | {f"a/{n}.wav": clip(100 + n) for n in range(COUNT)})
    collect(home, "folder")
    assert home.samples()["3"] == {"png": picture(27), "txt": b"3", "wav": clip(103)}
    assert home.rejects() == {
        "": ("metadata.csv line 26", "expected a file in the column file_name, got an empty cell; fill it")
    }


def test_no_file_in_a_shard_is_dropped_without_a_word(home: Home) -> None:
    """`s1.left.png` is of kind `left.png`: in WebDataset a kind is all that follows the first dot."""
    files: dict[str, bytes] = {}
    for n in range(COUNT):
        files |= {
            f"s{n}.left.png": picture(n),
            f"s{n}.right.png": picture(n + 30),
            f"s{n}.txt": f"caption {n}".encode(),
        }
    home.put({"0.tar": tar(files | {"t.wav.data": b"?", "t.txt": b"a caption", "22.05.png": picture(90)})})
    collect(home, "shards", modalities=["text"])
    rule = "(a kind is what follows the first dot of a name)"
    assert told(home) == [
        f"{COUNT} x files of kind 'left.png' {rule}: no modality reads them",
        f"{COUNT} x files of kind 'right.png' {rule}: no modality reads them",
        f"1 x files of kind 'wav.data' {rule}: no modality reads them",
    ]
    assert home.rejects() == {
        "22": (
            "0.tar",
            f"expected one of text, got files of kind '05.png' {rule}",
        )
    }
    preprocess.main()
    assert remarks.read(home.folder / "data/preprocess")[:3] == told(home), "they reach the page by `preprocess`"


def test_a_file_beside_a_sample_that_no_modality_reads_is_told(home: Home) -> None:
    home.put({f"{n}.png": picture(9 * n) for n in range(COUNT)} | {"3.heic": b"?", "4.HEIC": b"?"})
    collect(home, "folder", modalities=["image"])
    assert told(home) == ["2 x files of kind 'heic': no modality reads them"]


@pytest.mark.parametrize("there", ["NFC", "NFD"])
@pytest.mark.parametrize("written", ["NFC", "NFD"])
def test_accents_are_composed_on_one_system_and_not_on_another(there: str, written: str, home: Home) -> None:
    name = {form: unicodedata.normalize(form, "caf\u00e9/cr\u00e8me") for form in ("NFC", "NFD")}
    home.put({f"{n}.png": picture(n) for n in range(COUNT)} | {f"{name[there]}.png": picture(90)})
    rows = [f"{n},{n}.png" for n in range(COUNT)]
    home.put({"manifest.csv": "\n".join(["id,image", *rows, f"caf\u00e9,{name[written]}.png"])})
    collect(home, "manifest", modalities=["image"])
    assert home.samples()["caf\u00e9"] == {"png": picture(90)}


def test_names_that_differ_in_nothing_but_that_are_an_error(home: Home) -> None:
    both = [unicodedata.normalize(form, "caf\u00e9") for form in ("NFC", "NFD")]
    home.put({f"{n}.png": picture(n) for n in range(COUNT)} | {f"{name}.png": picture(80) for name in both})
    home.put({"manifest.csv": "\n".join(["id,image", *(f"{n},{n}.png" for n in range(COUNT)), f"x,{both[0]}.png"])})
    collect(home, "manifest", modalities=["image"])
    assert home.rejects()["x"][1] == "image: expected one file 'caf\u00e9.png', got 2 whose accents differ in bytes"
    (home.mine / "manifest.csv").unlink()
    collect(home, "folder", modalities=["image"])
    assert home.rejects()["caf\u00e9"][1].startswith("expected one file of kind image a sample, got ")


def test_files_of_one_sample_may_compose_their_accents_otherwise(home: Home) -> None:
    for n in range(COUNT):
        composed, apart = (unicodedata.normalize(form, f"\u00e9t\u00e9/{n}") for form in ("NFC", "NFD"))
        home.put({f"{composed}.png": picture(n), f"{apart}.txt": f"caption {n}"})
    collect(home, "folder", modalities=["image", "text"])
    assert home.samples()["\u00e9t\u00e9/7"] == {"png": picture(7), "txt": b"caption 7"}
    assert len(home.index()) == COUNT


def test_a_name_is_taken_as_it_stands_before_spaces_are_cut_off(home: Home) -> None:
    home.put({f"{n}.png": picture(n) for n in range(COUNT)} | {" spaced .png": picture(90), "spaced .png": picture(91)})
    rows = [f"{n}, {n}.png " for n in range(COUNT)]
    home.put({"manifest.csv": "\n".join(["id,image", *rows, "exact, spaced .png", "cut,  spaced .png"])})
    collect(home, "manifest", modalities=["image"])
    assert home.samples()["exact"] == {"png": picture(90)} and home.samples()["cut"] == {"png": picture(91)}
    assert home.samples()["3"] == {"png": picture(3)} and home.rejects() == {}


def test_a_file_that_differs_only_in_case_is_named(home: Home) -> None:
    home.put({f"{n}.png": picture(n) for n in range(COUNT)} | {"UP.PNG": picture(90)})
    home.put({"manifest.csv": "\n".join(["id,image", *(f"{n},{n}.png" for n in range(COUNT)), "up,up.png"])})
    collect(home, "manifest", modalities=["image"])
    reason = "image: expected a file, got none of that name; 'UP.PNG' differs only in the case of letters"
    assert home.rejects() == {"up": ("up.png", reason)}


@pytest.mark.parametrize(("long", "warns"), [(1, False), (4, True)])
def test_captions_and_clips_that_are_cut_are_counted(
    long: int, warns: bool, home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    captions = [f"word {n} " + ("and more " * (60 + n) if n < long else "") for n in range(40)]
    home.put({f"{n}.txt": caption for n, caption in enumerate(captions)})
    home.put({f"{n}.wav": clip(100 + 5 * n, seconds=5 if n == 7 else 0.3) for n in range(40)})
    collect(home, "folder", modalities=["text", "audio"])
    preprocess.main()
    found = remarks.read(home.folder / "data/preprocess")
    start = f"{'warning: ' if warns else ''}{long} of 40 captions are cut at preprocess.text.length, "
    assert len(found) == 2 and found[0].startswith(start)
    assert found[1].startswith("1 of 40 clips are cut at preprocess.audio.frames, ")
    said = capsys.readouterr().out.splitlines()
    assert [f"preprocess: {remark}" for remark in found] == said[-2:]
    needed = int(found[0].split("; ")[1].split()[0])
    assert 40 < needed < 600


def test_of_many_the_length_that_holds_nearly_all_is_told() -> None:
    cuts = {"text": text.CUT}
    settings = {"text": text.Settings(vocabulary=300, length=24)}
    lengths = [10] * 900 + [30] * 95 + [500] * 5
    assert truncated({"text": lengths}, settings, cuts) == [
        "warning: 100 of 1000 captions are cut at preprocess.text.length, 24 tokens; 30 would hold 99% of them, 500 all"
    ]
    assert truncated({"text": [24, 3]}, settings, cuts) == []
    assert truncated({"text": [10] * 999 + [25]}, settings, cuts) == [
        "1 of 1000 captions are cut at preprocess.text.length, 24 tokens; 25 would hold all"
    ]
