"""Files: one step, same values same bytes, round trips."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from stages.common.files import (
    growing,
    read_json,
    read_table,
    read_tensors,
    replace,
    write_json,
    write_table,
    write_tensors,
)
from tests.clones import ROOT

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def test_replace_makes_folders_and_leaves_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b.txt"
    replace(path, "first")
    replace(path, b"second")
    assert path.read_bytes() == b"second"
    assert list(path.parent.iterdir()) == [path]


def test_replace_never_edits_what_another_name_is_linked_to(tmp_path: Path) -> None:
    """DVC may have linked an output to its cache."""
    path, cached = tmp_path / "out", tmp_path / "cached"
    replace(path, "old")
    os.link(path, cached)
    replace(path, "new")
    assert cached.read_text() == "old"
    assert path.read_text() == "new"


def test_replace_leaves_the_old_file_when_there_is_no_room(tmp_path: Path) -> None:
    path = tmp_path / "out"
    replace(path, "old")
    program = (
        "import resource, signal, sys; from pathlib import Path; from stages.common.files import replace\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN); resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "replace(Path(sys.argv[1]), b'x' * 5000)\n"
    )
    done = subprocess.run([sys.executable, "-c", program, path], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 1
    assert "File too large" in done.stderr
    assert path.read_text() == "old"


@given(st.dictionaries(st.text(), JSON, max_size=4))
def test_json_comes_back(values: dict[str, object]) -> None:
    path = Path("/dev/shm" if Path("/dev/shm").is_dir() else "/tmp") / f"json-{os.getpid()}"
    try:
        write_json(path, values)
        assert read_json(path) == values
    finally:
        path.unlink(missing_ok=True)


def test_json_does_not_depend_on_the_order_of_keys(tmp_path: Path) -> None:
    write_json(tmp_path / "1", {"a": 1, "b": {"c": 2, "d": 3}})
    write_json(tmp_path / "2", {"b": {"d": 3, "c": 2}, "a": 1})
    assert (tmp_path / "1").read_bytes() == (tmp_path / "2").read_bytes()


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_json_refuses_what_it_has_no_word_for(value: float, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "out.json", {"loss": [value]})
    assert not list(tmp_path.iterdir())


def test_table_keeps_leading_zeros_and_empty_cells_of_text(tmp_path: Path) -> None:
    table = pd.DataFrame({"id": ["000007", "12"], "share": [1 / 3, 2.0], "seen": [True, False], "told": ["", "NA"]})
    write_table(tmp_path / "t.csv", table)
    back = read_table(tmp_path / "t.csv", text=("id", "told"))
    assert back["id"].tolist() == ["000007", "12"]
    assert back["seen"].tolist() == [True, False]
    assert back["share"].to_numpy() == pytest.approx([1 / 3, 2.0], rel=1e-9)
    assert b"\r" not in (tmp_path / "t.csv").read_bytes()
    assert back["told"].tolist() == ["", "NA"]


def test_a_missing_number_comes_back_as_missing(tmp_path: Path) -> None:
    write_table(tmp_path / "t.csv", pd.DataFrame({"metric": ["NA", "null"], "low": [0.5, float("nan")]}))
    back = read_table(tmp_path / "t.csv", text=("metric",))
    assert back["metric"].tolist() == ["NA", "null"]
    assert back["low"].tolist() == pytest.approx([0.5, float("nan")], nan_ok=True)


def test_a_table_without_rows_comes_back(tmp_path: Path) -> None:
    write_table(tmp_path / "t.csv", pd.DataFrame(columns=["id", "reason"]))
    assert read_table(tmp_path / "t.csv", text=("id", "reason")).columns.tolist() == ["id", "reason"]


def test_tensors_come_back_and_have_the_same_bytes_in_any_order(tmp_path: Path) -> None:
    tensors = {"b": np.arange(6, dtype=np.float32).reshape(2, 3).T, "a": np.array([True, False]), "c": np.zeros((0, 2))}
    about = {"width": 3, "names": ["b", "a"], "noise": 0.5}
    write_tensors(tmp_path / "1", tensors, about)
    write_tensors(tmp_path / "2", dict(reversed(tensors.items())), dict(reversed(about.items())))
    assert (tmp_path / "1").read_bytes() == (tmp_path / "2").read_bytes()
    back = read_tensors(tmp_path / "1")
    assert back.keys() == tensors.keys()
    for name, tensor in tensors.items():
        np.testing.assert_array_equal(back[name], tensor)
        assert back[name].dtype == tensor.dtype
    size = int.from_bytes((tmp_path / "1").read_bytes()[:8], "little")
    assert json.loads((tmp_path / "1").read_bytes()[8 : 8 + size])["__metadata__"].keys() == {"about"}


@given(
    row=arrays(st.sampled_from([np.uint8, np.uint16, np.float32]), array_shapes(min_dims=0, max_dims=3, max_side=4)),
    counts=st.lists(st.integers(0, 5), max_size=4),
)
def test_a_growing_file_is_the_rows_that_went_in(row: np.ndarray, counts: list[int]) -> None:
    path = Path("/dev/shm" if Path("/dev/shm").is_dir() else "/tmp") / f"growing-{os.getpid()}.npy"
    pieces = [np.stack([row] * count) if count else np.zeros((0, *row.shape), row.dtype) for count in counts]
    try:
        with growing(path, row) as append:
            for piece in pieces:
                append(piece)
        back = np.load(path)
        assert back.shape == (sum(counts), *row.shape)
        assert back.dtype == row.dtype
        np.testing.assert_array_equal(back, np.broadcast_to(row, back.shape))
    finally:
        path.unlink(missing_ok=True)


def test_a_growing_file_has_the_bytes_of_one_written_at_once(tmp_path: Path) -> None:
    rows = np.arange(3000, dtype=np.uint8).reshape(-1, 2)
    with growing(tmp_path / "grown.npy", rows[0]) as append:
        append(rows[:1000])
        append(rows[1000:])
    grown = np.load(tmp_path / "grown.npy", mmap_mode="r")
    np.testing.assert_array_equal(grown, rows)


def test_a_growing_file_refuses_rows_of_another_kind(tmp_path: Path) -> None:
    with growing(tmp_path / "grown.npy", np.zeros(3, np.uint8)) as append:
        with pytest.raises(AssertionError):
            append(np.zeros((2, 4), np.uint8))
        with pytest.raises(AssertionError):
            append(np.zeros((2, 3), np.float32))
