"""A table of your own: every format gives the same samples, and what is wrong with it is said in words."""

import json
from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest

from stages.data import acquire, preprocess
from tests.data.home import Home, clip, picture

COUNT = 24


def rows() -> list[dict[str, str | None]]:
    """Complete samples, but for the first three, each of which lacks another modality."""
    made: list[dict[str, str | None]] = [
        {"id": f"{n:03d}", "image": f"p/{n}.png", "text": f"block, {n}", "audio": f"{n}.wav", "kind": "AB"[n % 2]}
        for n in range(COUNT)
    ]
    for row, name in zip(made, ("image", "text", "audio"), strict=False):
        row[name] = None
    return made


def media() -> dict[str, bytes]:
    return {f"p/{n}.png": picture(n) for n in range(COUNT)} | {f"{n}.wav": clip(100 + n) for n in range(COUNT)}


def as_csv(frame: pd.DataFrame, **how: str) -> bytes:
    return frame.to_csv(index=False, **how).encode()  # type: ignore[call-overload]


WRITERS: dict[str, tuple[str, Callable[[pd.DataFrame], bytes]]] = {
    "csv": ("manifest.csv", as_csv),
    "carriage returns": ("manifest.csv", lambda frame: as_csv(frame, lineterminator="\r\n")),
    "byte order mark": ("manifest.csv", lambda frame: b"\xef\xbb\xbf" + as_csv(frame)),
    "semicolons": ("manifest.csv", lambda frame: as_csv(frame, sep=";")),
    "tabs, UTF-16": ("manifest.csv", lambda frame: as_csv(frame, sep="\t").decode().encode("utf-16")),
    "json lines": (
        "manifest.jsonl",
        lambda frame: "\n".join(json.dumps(row) for row in frame.to_dict("records")).encode(),
    ),
    "parquet": ("manifest.parquet", lambda frame: frame.to_parquet(index=False)),
}


def collect(home: Home, table: bytes | str, name: str = "manifest.csv", **own: Any) -> None:
    home.put({**media(), name: table})
    home.set("manifest", **own)
    acquire.main()


def refused(home: Home, table: bytes | str, capsys: pytest.CaptureFixture[str], name: str = "manifest.csv") -> str:
    """What is said of a table that can't be used; nothing may be left of it."""
    with pytest.raises(SystemExit) as ended:
        collect(home, table, name)
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert said.startswith("acquire: ") and said.count("\n") == 1, said
    assert not list((home.folder / "data").glob("*")), "something half-written stayed"
    return said


@pytest.mark.parametrize(("name", "write"), WRITERS.values(), ids=WRITERS)
def test_every_format_gives_the_same_samples(name: str, write: Callable[[pd.DataFrame], bytes], home: Home) -> None:
    collect(home, write(pd.DataFrame(rows(), dtype=object)), name)
    files = media()
    for row in rows():
        there = {"png": row["image"] and files[row["image"]], "wav": row["audio"] and files[row["audio"]]}
        there["txt"] = row["text"] and row["text"].encode()
        assert home.samples()[str(row["id"])] == {suffix: it for suffix, it in there.items() if it}
    assert home.index()["kind"].tolist() == [row["kind"] for row in rows()]
    assert home.attributes() == {"kind": {"values": ["A", "B"], "shown_by": ["image", "text", "audio"]}}
    assert home.rejects() == {}


def test_pictures_and_clips_may_be_inside_parquet(home: Home) -> None:
    frame = pd.DataFrame(
        {
            "id": [str(n) for n in range(COUNT)],
            "image": [{"bytes": picture(n), "path": None} for n in range(COUNT)],
            "audio": [clip(100 + n) for n in range(COUNT)],
        }
    )
    collect(home, frame.to_parquet(index=False), "manifest.parquet")
    assert home.samples()["3"] == {"png": picture(3), "wav": clip(103)}
    assert home.index().at["3", "image_file"] == "manifest.parquet row 4"


def test_numbers_and_truths_become_labels_as_they_are_written(home: Home) -> None:
    frame = pd.DataFrame({"id": range(COUNT), "text": [f"t{n}" for n in range(COUNT)]})
    frame["digit"] = pd.array([None, *(n % 3 for n in range(1, COUNT))], dtype="Int64")
    frame["loud"] = [n % 2 == 0 for n in range(COUNT)]
    collect(home, frame.to_parquet(index=False), "manifest.parquet")
    assert home.attributes()["digit"]["values"] == ["0", "1", "2"]
    assert home.attributes()["loud"]["values"] == ["false", "true"]
    assert home.index().at["0", "digit"] == "", "what is missing is no label"


def test_captions_may_lie_in_files_and_be_empty(home: Home) -> None:
    table = pd.DataFrame({"id": range(COUNT), "text": [f"t/{n}.txt" for n in range(COUNT)]})
    home.put({f"t/{n}.txt": f"caption {n}" * (n > 0) for n in range(COUNT)})
    collect(home, as_csv(table))
    assert home.samples()["0"] == {"txt": b""}
    assert home.samples()["7"] == {"txt": b"caption 7"}


def test_an_empty_caption_and_none_are_two_things_in_json(home: Home) -> None:
    lines = [{"id": n, "image": f"p/{n}.png", "text": ("", None, "said")[n % 3]} for n in range(COUNT)]
    collect(home, "\r\n".join(map(json.dumps, lines)), "manifest.jsonl")
    assert [home.samples()[key].get("txt") for key in "012"] == [b"", None, b"said"]


@pytest.mark.parametrize(
    ("header", "told"),
    [
        ("ID,image,text", "expected a column 'id', got 'ID'; rename it"),
        ("id,imgae,text", "expected a column 'image', got 'imgae'; rename it"),
        ("id,image_path,text", "expected a column 'image', got 'image_path'"),
        ("id,image,caption", "expected a column 'text', got 'caption'"),
        ("id,Sound,text", "expected a column 'audio', got 'Sound'"),
        ("id,image,spilt", "expected a column 'split', got 'spilt'"),
        ("image,text,kind", "expected a column 'id', got image, text, kind; add it"),
        ("id,kind,colour", "expected a column of image, text, audio, got id, kind, colour"),
        ("id,image,image", "expected each column once, got 'image' twice"),
        ("", "expected rows of samples, got none"),
    ],
)
def test_wrong_columns_are_told_the_nearest_right_one(
    header: str, told: str, home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    assert told in refused(home, f"{header}\n1,p/1.png,a\n" if header else "", capsys)


def test_a_label_whose_name_comes_near_is_a_label_when_it_is_named(home: Home) -> None:
    table = pd.DataFrame({"id": range(COUNT), "image": [f"p/{n}.png" for n in range(COUNT)]})
    table["sound"] = ["loud", "soft"] * (COUNT // 2)
    collect(home, as_csv(table), attributes={"sound": ["image"]})
    assert home.attributes() == {"sound": {"values": ["loud", "soft"], "shown_by": ["image"]}}


def test_two_tables_are_one_too_many(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    home.put({"manifest.jsonl": "{}"})
    assert "expected one of manifest.csv, manifest.jsonl" in refused(home, "id,image\n", capsys)


@pytest.mark.parametrize("name", ["manifest.parquet", "manifest.jsonl"])
def test_what_is_no_table_is_refused(name: str, home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    assert "expected" in refused(home, b"\x00\xffno table", capsys, name)


def test_rows_that_are_none_are_listed_and_the_others_kept(home: Home) -> None:
    table = as_csv(pd.DataFrame(rows(), dtype=object))
    lines = table.split(b"\n")
    lines[5] = b"004,p/4.png,caf\xe9,4.wav,A"  # Latin-1 among UTF-8
    lines[6] = b"005,p/5.png,a, stray, comma,5.wav,A"
    lines[7] = b"006,p/6.png"
    collect(home, b"\n".join(lines))
    assert len(home.index()) == COUNT - 3
    told = home.table("acquire/rejects.csv")
    assert told["file"].tolist() == ["manifest.csv line 6", "manifest.csv line 7", "manifest.csv line 8"]
    assert told["reason"][0].startswith("expected UTF-8, got another encoding")
    assert told["reason"][1].startswith("expected 5 cells, got 7")
    assert told["reason"][2].startswith("expected 5 cells, got 2")


def test_lines_that_are_no_json_are_listed(home: Home) -> None:
    lines = [json.dumps(row) for row in rows()]
    collect(home, "\n".join(["{", "[1]", "[" * 100000, *lines]), "manifest.jsonl")
    assert len(home.index()) == COUNT
    told = home.table("acquire/rejects.csv")
    assert told["file"].tolist() == [f"manifest.jsonl line {n}" for n in (1, 2, 3)]
    assert set(told["reason"]) == {"expected a JSON object, got something else"}


@pytest.mark.parametrize("names", [["image"], ["text"], ["audio"], ["text", "audio"]])
def test_modalities_that_are_not_asked_for_are_not_read(names: list[str], home: Home) -> None:
    home.put({**media(), "manifest.csv": as_csv(pd.DataFrame(rows(), dtype=object))})
    for name in {"image", "audio"} - set(names):
        for path in home.mine.rglob({"image": "*.png", "audio": "*.wav"}[name]):
            path.unlink()
    home.set("manifest", names)
    acquire.main()
    suffixes = {{"image": "png", "text": "txt", "audio": "wav"}[name] for name in names}
    assert {suffix for files in home.samples().values() for suffix in files} == suffixes
    assert home.attributes()["kind"]["shown_by"] == names
    lacking = [key for key, files in home.samples().items() if not files]
    assert not lacking


ODD = ("a.b.c", "a/b", "../a", "__a__", "\u0645\u06cc\u200c\u062e", "a b", "%2E", "NA", "1" * 200, "-")


@pytest.mark.parametrize("odd", ODD)
def test_any_word_can_be_an_id_and_a_label(odd: str, home: Home) -> None:
    lines = [{"id": f"{n}", "text": f"t{n}", "kind": "ab"[n % 2]} for n in range(COUNT)]
    lines += [{"id": odd, "text": "odd", "kind": odd}, {"id": "other", "text": "odd too", "kind": odd}]
    collect(home, "\n".join(map(json.dumps, lines)), "manifest.jsonl")
    assert home.samples()[odd] == {"txt": b"odd"}
    assert home.index().at[odd, "kind"] == odd
    assert home.rejects() == {}
    home.set("manifest", ["text"])
    preprocess.main()
    assert odd in set(home.table("preprocess/samples.csv")["id"])


@pytest.mark.parametrize("odd", ["", "1" * 201, "a\0b", "\ud800", "\x7f"])
def test_what_no_table_can_keep_is_listed(odd: str, home: Home) -> None:
    lines = [{"id": f"{n}", "text": f"t{n}"} for n in range(COUNT)]
    lines += [{"id": odd, "text": "odd"}, {"id": "x", "text": "x", "kind": "a\0b"}]
    lines += [{"id": "y", "image": "a\r\nb"}, {"id": "z", "text": "half \ud83d"}]
    collect(home, "\n".join(map(json.dumps, lines)), "manifest.jsonl")
    assert len(home.index()) == COUNT
    reasons = home.table("acquire/rejects.csv")["reason"]
    assert [reason.startswith(("expected ", "image: expected ")) for reason in reasons] == [True] * 4
