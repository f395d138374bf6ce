"""Where files are: below the data root, whatever a manifest says."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.data.sources import paths
from stages.data.sources.paths import inside, read_place


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "root/deep").mkdir(parents=True)
    (tmp_path / "root/deep/a.txt").write_text("inside")
    (tmp_path / "secret.txt").write_text("outside")
    return tmp_path / "root"


def test_files_below_the_root_are_read(root: Path) -> None:
    os.symlink(root / "deep/a.txt", root / "link.txt")
    os.symlink(root, root.parent / "root too")
    for name in ("deep/a.txt", "deep/../deep/a.txt", "link.txt", str(root / "deep/a.txt")):
        assert read_place(name, root) == b"inside"
        assert read_place(name, root.parent / "root too") == b"inside"


@pytest.mark.parametrize(
    "name", ["../secret.txt", "deep/../../secret.txt", "link.txt", "linked/secret.txt", "/etc/hostname", "~/secret.txt"]
)
def test_what_leaves_the_root_is_refused(name: str, root: Path) -> None:
    os.symlink(root.parent / "secret.txt", root / "link.txt")
    os.symlink(root.parent, root / "linked")
    with pytest.raises(ValueError, match=r"^expected a (path inside the data's folder|file, got none)"):
        read_place(name, root)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("none.png", "expected a file, got none of that name"),
        ("deep", "expected a file, got a folder or a device"),
        ("", "expected a file, got a folder or a device"),
        ("pipe", "expected a file, got a folder or a device"),
        ("lost.txt", "expected a file, got none of that name"),
        ("round.txt", "expected a path that leads to a file, got one that can't be followed"),
        ("a\0b", "expected a path, got one with a zero byte"),
        ("deep/a.txt/b", "expected a readable file, got: Not a directory"),
        ("x" * 300, "expected a readable file, got: File name too long"),
    ],
)
def test_what_can_not_be_read_is_said_in_words(name: str, reason: str, root: Path) -> None:
    os.mkfifo(root / "pipe")
    os.symlink("nowhere", root / "lost.txt")
    os.symlink("round.txt", root / "round.txt")
    with pytest.raises(ValueError, match=f"^{reason}$"):
        read_place(name, root)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_one_may_not_read_is_said_in_words(root: Path) -> None:
    (root / "deep/a.txt").chmod(0)
    with pytest.raises(ValueError, match=r"^expected a readable file, got: Permission denied$"):
        read_place("deep/a.txt", root)


@pytest.mark.parametrize(
    "url",
    ["file:///etc/passwd", "local:///etc/passwd", "simplecache::file:///etc/passwd", "https://a::file:///b", "zip://a"],
)
def test_a_url_that_may_lead_to_this_machine_is_refused(url: str, root: Path) -> None:
    with pytest.raises(ValueError, match=r"^expected a (URL of http|path inside|file, got none)"):
        read_place(url, root)


@given(st.text(max_size=30))
def test_any_text_is_read_or_refused_in_words(name: str) -> None:
    with pytest.raises(ValueError, match=r"^expected a "):
        read_place(name, Path("/tmp/no-such-folder"))


def test_links_into_the_dvc_cache_are_followed(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`dvc config cache.type symlink` makes data such links."""
    (root.parent / ".dvc").mkdir()
    cached = root.parent / ".dvc/cache/files/md5/ab/cd"
    cached.parent.mkdir(parents=True)
    cached.write_text("cached")
    os.symlink(cached, root / "a.txt")
    monkeypatch.chdir(root.parent)
    paths.dvc_cache.cache_clear()
    assert inside("a.txt", root) == cached.resolve()
    with pytest.raises(ValueError, match="leaves it"):
        inside("../.dvc/cache/files/md5/ab/cd", root)
    paths.dvc_cache.cache_clear()


def test_a_file_larger_than_the_memory_should_hold_is_refused(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paths, "LARGEST", 4)
    with pytest.raises(ValueError, match=r"^expected a file of at most 0 MiB, got a larger one$"):
        read_place("deep/a.txt", root)
