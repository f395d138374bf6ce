"""Shards: what goes in comes out, and bytes depend on the samples alone."""

import tarfile
import tempfile
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from webdataset import WebDataset

from stages.common.shards import read_shard, write_shard

FILES = st.dictionaries(st.sampled_from(["png", "txt", "wav", "json"]), st.binary(max_size=600), min_size=1)


@given(st.lists(FILES, max_size=5))
def test_samples_come_back(samples: list[dict[str, bytes]]) -> None:
    keyed = [(f"{number:06d}", files) for number, files in enumerate(samples)]
    with tempfile.TemporaryDirectory() as folder:
        write_shard(Path(folder) / "shard.tar", keyed)
        assert list(read_shard(Path(folder) / "shard.tar")) == keyed


def test_bytes_do_not_depend_on_time_or_order_of_files(tmp_path: Path) -> None:
    write_shard(tmp_path / "1.tar", [("a", {"txt": b"one", "png": b"\x89"}), ("b", {"txt": b""})])
    time.sleep(1.1)  # tar counts seconds
    write_shard(tmp_path / "2.tar", [("a", {"png": b"\x89", "txt": b"one"}), ("b", {"txt": b""})])
    assert (tmp_path / "1.tar").read_bytes() == (tmp_path / "2.tar").read_bytes()


def test_no_owner_and_no_time_is_told(tmp_path: Path) -> None:
    write_shard(tmp_path / "1.tar", [("a", {"txt": b"one", "png": b"\x89"})])
    with tarfile.open(tmp_path / "1.tar") as tar:
        members = tar.getmembers()
    assert [member.name for member in members] == ["a.png", "a.txt"]
    assert {(m.mtime, m.uid, m.gid, m.uname, m.gname) for m in members} == {(0, 0, 0, "", "")}


def test_an_empty_shard_has_no_samples(tmp_path: Path) -> None:
    write_shard(tmp_path / "none.tar", [])
    assert list(read_shard(tmp_path / "none.tar")) == []


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # it leaves the file to be collected
def test_webdataset_reads_them(tmp_path: Path) -> None:
    samples = [("a", {"txt": b"one", "png": b"\x89"}), ("b", {"txt": b""})]
    write_shard(tmp_path / "1.tar", samples)
    read = WebDataset(str(tmp_path / "1.tar"), shardshuffle=False, handler=None)
    assert [(s["__key__"], {k: v for k, v in s.items() if k[:2] != "__"}) for s in read] == samples
