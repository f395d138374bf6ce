"""Files of your own: what has one name is one sample, folders and names tell labels and splits."""

import os
from pathlib import Path

import pytest

from stages.data import acquire
from tests.data.home import Home, clip, picture

COUNT = 24


def collect(home: Home, **settings: object) -> None:
    home.set("folder", **settings)  # type: ignore[arg-type]
    acquire.main()


def test_files_of_one_name_are_one_sample(home: Home) -> None:
    for n in range(COUNT):
        home.put({f"s{n}.PNG": picture(n), f"s{n}.txt": f"caption {n}", f"s{n}.wav": clip(100 + n)})
    (home.mine / "s3.txt").unlink()
    home.put({"README.md": "about", ".DS_Store": "?", "LICENSE": "free", ".hidden/s1.png": picture(200)})
    collect(home)
    assert home.samples()["s7"] == {"png": picture(7), "txt": b"caption 7", "wav": clip(107)}
    assert home.samples()["s3"].keys() == {"png", "wav"}
    assert len(home.index()) == COUNT
    assert home.rejects() == {}
    assert home.attributes() == {}


def test_folders_are_classes(home: Home) -> None:
    home.put({f"{kind}/{n}.jpg": picture(9 * n, "JPEG") for n in range(COUNT) for kind in ("cats", "dogs/black")})
    collect(home)
    assert home.attributes()["class"]["values"] == ["cats", "dogs/black"]
    assert home.index().at["dogs/black/3", "class"] == "dogs/black"
    assert (home.index().groupby("class")["split"].nunique() == 4).all(), "each class has its share of each split"


def test_folders_may_be_splits(home: Home) -> None:
    for split in ("train", "validation", "judge", "test"):
        home.put({f"{split}/{kind}/{n}.png": picture(hash_of(split, kind, n)) for kind in "ab" for n in range(3)})
    collect(home)
    index = home.index()
    assert [key.partition("/")[0] for key in index.index] == index["split"].tolist()
    assert home.attributes()["class"]["values"] == ["a", "b"]


def hash_of(*parts: object) -> int:
    return sum(ord(letter) * (7**place) for place, letter in enumerate("".join(map(str, parts)))) % 60000


def test_a_pattern_reads_labels_from_names(home: Home) -> None:
    """As in the Free Spoken Digit Dataset: 7_jackson_32.wav."""
    names = [f"{n % 2}_{who}_{n // 2}" for n in range(COUNT) for who in ("jackson", "theo")]
    home.put({f"recordings/{name}.wav": clip(100 + place) for place, name in enumerate(names)})
    home.put({"recordings/odd.wav": clip(99)})
    pattern = r"(?P<digit>\d)_(?P<speaker>\w+)_\d+$"
    collect(home, modalities=["audio"], pattern=pattern, attributes={"digit": [], "speaker": ["audio"]})
    assert home.attributes()["digit"] == {"values": ["0", "1"], "shown_by": ["audio"]}
    assert home.attributes()["speaker"]["values"] == ["jackson", "theo"]
    assert home.index().at["recordings/1_theo_3", "speaker"] == "theo"
    told = home.rejects()["recordings/odd"]
    assert told == (
        "recordings/odd.wav",
        "expected a path that acquire.own.pattern is found in, got another; correct either",
    )


def test_a_pattern_may_tell_which_files_belong_together(home: Home) -> None:
    for n in range(COUNT):
        home.put({f"images/{n}.png": picture(n), f"captions/{n}.txt": f"c{n}"})
    collect(home, pattern=r"^(images|captions)/(?P<id>.+)$")
    assert home.samples()["5"] == {"png": picture(5), "txt": b"c5"}
    assert len(home.index()) == COUNT


def test_what_can_not_be_a_sample_is_listed(home: Home) -> None:
    home.put({f"{n}.png": picture(n) for n in range(COUNT)})
    home.put({"photo.heic": b"?", "two.png": picture(90), "two.jpg": picture(91, "JPEG"), "3.heic": b"?"})
    os.symlink(home.mine, home.mine / "loop")
    os.symlink("/etc/hostname", home.mine / "away.txt")
    collect(home)
    told = home.rejects()
    assert told.keys() == {"photo", "two", "loop", "away"}
    assert told["photo"][1].startswith("expected a file of png, jpg") and told["photo"][1].endswith("convert it")
    assert told["two"] == ("two.jpg", "expected one file of kind image a sample, got two.png too; move one away")
    assert told["away"][1] == "text: expected a path inside the data's folder, got one that leaves it"
    assert len(home.index()) == COUNT


@pytest.mark.parametrize("path", ["nowhere", "params.yaml"])
def test_a_folder_that_is_none_is_refused(path: str, home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    home.set("folder")
    text = (home.folder / "params.yaml").read_text(encoding="utf-8")
    Path("params.yaml").write_text(text.replace("path: mine", f"path: {path}"), encoding="utf-8")
    with pytest.raises(SystemExit):
        acquire.main()
    assert f"acquire.path: expected a folder, got '{path}'" in capsys.readouterr().err


def test_a_pattern_that_is_none_is_refused(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    home.set("folder", pattern="(")
    with pytest.raises(SystemExit):
        acquire.main()
    assert "acquire.own.pattern: expected a regular expression" in capsys.readouterr().err


def test_a_name_that_is_no_text_is_listed(home: Home) -> None:
    home.put({f"{n}.png": picture(n) for n in range(COUNT)} | {"\udcff.png": picture(90), "a\rb.png": picture(91)})
    collect(home)
    assert set(home.rejects()) == {"\\udcff", "a\\rb"}
    assert len(home.index()) == COUNT
