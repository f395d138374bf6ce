"""WebDataset shards of your own, near or far: they become shards of ours."""

import io
import json
import tarfile
from collections.abc import Iterator, Mapping

import pytest

from stages.data import acquire
from tests.data.home import Home, clip, picture, serving

COUNT = 24
UNREACHABLE = "image: expected a file at the URL, got none that can be reached"


def tar(files: Mapping[str, bytes], kind: str = "w") -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=kind) as out:  # type: ignore[call-overload]
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            out.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def files(first: int, count: int = COUNT // 2) -> dict[str, bytes]:
    made: dict[str, bytes] = {}
    for n in range(first, first + count):
        made |= {f"d/{n}.JPG": picture(9 * n, "JPEG"), f"d/{n}.cls": b"ab"[n % 2 : n % 2 + 1]}
        made |= {f"d/{n}.flac": clip(100 + n, "FLAC"), f"d/{n}.mask.png": picture(9), f"d/{n}.npy": b"?"}
        made[f"d/{n}.json"] = json.dumps({"caption": f"c{n}", "place": "xyz"[n % 3], "url": f"u{n}"}).encode()
    return made


def collect(home: Home, **settings: object) -> None:
    home.set("shards", **settings)  # type: ignore[arg-type]
    acquire.main()


@pytest.fixture
def server(home: Home) -> Iterator[str]:
    """The folder `mine/web` at a URL."""
    (home.mine / "web").mkdir()
    with serving(home.mine / "web") as address:
        yield address


def check(home: Home) -> None:
    assert home.samples()["d/5"] == {"png": picture(45, "JPEG"), "wav": clip(105, "FLAC"), "txt": b"c5"}
    assert home.index().index.tolist() == [f"d/{n}" for n in range(COUNT)]
    assert home.attributes()["class"]["values"] == ["a", "b"]
    assert home.attributes()["place"]["values"] == ["x", "y", "z"]
    assert home.attributes().keys() == {"class", "place"}, "what names each sample is no attribute"


@pytest.mark.parametrize("kind", ["w", "w:gz"])
def test_shards_of_a_folder(kind: str, home: Home) -> None:
    suffix = "tar.gz" if kind == "w:gz" else "tar"
    home.put({f"{n}.{suffix}": tar(files(n * COUNT // 2), kind) for n in (0, 1)})
    collect(home, shard_size=5)
    check(home)
    assert home.index()["shard"].value_counts().max() == 5
    assert home.rejects() == {}


def test_shards_at_urls(home: Home, server: str) -> None:
    home.put({f"web/{n}.tar": tar(files(n * COUNT // 2)) for n in (0, 1)})
    home.put({"shards.txt": f"{server}/{{0..1}}.tar\r\n\r\n"})
    collect(home)
    check(home)


def test_files_at_urls(home: Home, server: str) -> None:
    home.put({f"web/{n}.png": picture(n) for n in range(COUNT)})
    lines = [f"{n},{server}/{n}.png" for n in range(COUNT)]
    closed = "http://127.0.0.1:9/x.png"
    home.put({"manifest.csv": "\n".join(["id,image", *lines, f"lost,{server}/lost.png", f"closed,{closed}"])})
    home.set("manifest")
    acquire.main()
    assert home.samples()["7"] == {"png": picture(7)}
    assert home.rejects()["lost"] == (f"{server}/lost.png", UNREACHABLE)
    assert home.rejects()["closed"] == (closed, UNREACHABLE)


def test_what_is_wrong_in_a_shard_is_listed(home: Home) -> None:
    more = {"d/0.png": picture(0), "e/1.json": b"{", "e/2.npy": b"?", "e/3.png": b"1", "e/3.jpg": b"2"}
    home.put({"0.tar": tar(files(0, COUNT)), "1.tar": tar(more)})
    collect(home)
    told = {key: reason for key, (_, reason) in home.rejects().items()}
    assert told == {
        "d/0": "expected each id once, got it in 0.tar already; give each sample an id of its own",
        "e/1": "expected a JSON object, got something else",
        "e/2": "expected one of image, text, audio, got files of kind 'npy'",
        "e/3": "expected one file of kind image a sample, got two; give each sample an id of its own",
    }
    check(home)


@pytest.mark.parametrize(
    "whole", [tar(files(0)), tar(files(0), "w:gz"), b"no tar", b""], ids=["cut", "gz", "none", "empty"]
)
def test_a_broken_shard_stops_the_stage(whole: bytes, home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    """How many samples are lost nobody knows."""
    home.put({"0.tar": tar(files(100)), "1.tar": whole[: len(whole) * 2 // 3 + 100]})
    home.set("shards")
    with pytest.raises(SystemExit) as ended:
        acquire.main()
    said = capsys.readouterr().err
    assert ended.value.code == 2 and said.count("\n") == 1
    assert "1.tar: expected a readable tar shard, got one that breaks off after" in said
    assert not list((home.folder / "data").glob("*"))


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("", "expected *.tar or shards.txt"),
        ("../0.tar", "expected a path inside the data's folder, got one that leaves it"),
        ("file:///etc/passwd", "got 'file'"),
        ("simplecache::file:///etc/passwd", "expected a URL of http"),
        ("none.tar", "expected a readable tar shard"),
        (
            "http://127.0.0.1:9/0.tar",
            "http://127.0.0.1:9/0.tar: expected a file at the URL, got none that can be reached",
        ),
    ],
)
def test_a_list_that_leads_nowhere_is_refused(
    line: str, told: str, home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    home.put({"shards.txt": line})
    home.set("shards")
    with pytest.raises(SystemExit):
        acquire.main()
    assert told in capsys.readouterr().err
