"""The solids: voxels, pictures, words and tones hold what the index says; bytes depend on the seed alone."""

import io
import os
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
from PIL import Image
from scipy.ndimage import label

from stages.common.modality import Modality, suffix_of
from stages.common.shards import read_shard
from stages.data.records.split import SPLITS, Shares
from stages.data.sources import solid_pictures, solid_sounds, solids
from stages.data.sources.built_in_shards import Attributes
from stages.data.sources.solid_shapes import SIDE
from stages.evaluation.judges.loading import key_attribute

SHARES = Shares(train=0.4, validation=0.1, judge=0.2, test=0.3)
ONE = solids.Solids(count=1, samples=40, shard_size=30, shares=SHARES)
TWO = solids.Solids(count=2, samples=40, shard_size=30, shares=SHARES)
MODALITIES = {name: Modality(name, kind) for name, kind in solids.GIVES.items()}
OF_ONE, OF_TWO = [MODALITIES[name] for name in solids.OF_ONE], list(MODALITIES.values())
SCENE = [MODALITIES[name] for name in ("front", "top", "volume", "audio", "text")]
SUMMARY = [MODALITIES[name] for name in ("image", "long", "short")]
Acquired = tuple[Path, pd.DataFrame, Attributes]


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Acquired:
    folder = tmp_path_factory.mktemp("alone")
    return folder, *solids.acquire(ONE, 1, OF_ONE, folder)


@pytest.fixture(scope="module")
def together(tmp_path_factory: pytest.TempPathFactory) -> Acquired:
    folder = tmp_path_factory.mktemp("together")
    return folder, *solids.acquire(TWO, 1, OF_TWO, folder)


def contents(folder: Path) -> dict[str, dict[str, bytes]]:
    """Of every sample what it holds, by modality."""
    names = {suffix_of(name): str(name) for name in OF_TWO}
    found = (sample for path in sorted(folder.glob("*.tar")) for sample in read_shard(path))
    return {key: {names[suffix]: content for suffix, content in files.items()} for key, files in found}


def grid(payload: bytes) -> np.ndarray:
    return np.asarray(np.load(io.BytesIO(payload)) > 0)


def levels(payload: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(payload))).astype(int)


def inked(picture: np.ndarray) -> np.ndarray:
    """(P, P, 3) levels -> (P, P) bool: what is neither paper nor wall nor floor, which are grey."""
    return np.asarray(np.ptp(picture, axis=-1) > 30)


def test_every_sample_is_indexed_and_complete(alone: Acquired, together: Acquired) -> None:
    for (folder, index, attributes), names in ((alone, OF_ONE), (together, OF_TWO)):
        found = contents(folder)
        assert list(found) == index["id"].tolist() == [f"{number:06d}" for number in range(40)]
        assert list(index) == ["id", "split", "shard", *attributes] and set(index["split"]) == set(SPLITS)
        assert index["shard"].value_counts().to_dict() == {"solids-000.tar": 30, "solids-001.tar": 10}
        assert all(files.keys() == set(names) for files in found.values())
        for name, about in attributes.items():
            assert set(index[name]) <= {*about["values"]} | ({""} if name == "pose" else set())


def test_a_solid_alone_is_what_the_index_says(alone: Acquired) -> None:
    folder, index, _ = alone
    files = contents(folder)
    for row in index.to_dict("records"):
        matter, picture = grid(files[row["id"]]["volume"]), levels(files[row["id"]]["image"])
        words = re.findall(r"\w+", files[row["id"]]["text"].decode())
        assert label(matter)[1] == 1 and not matter[[0, -1]].any() and not matter[:, :, [0, -1]].any()
        assert all(row[name] in words for name in ("shape", "size", "colour"))
        assert (row["pose"] == "") == (row["shape"] == "ball") and (row["pose"] or "a") in [*words, "a"]
        assert sum(word in solids.POSES for word in words) == (row["shape"] != "ball")
        ink = solid_pictures.COLOURS[row["colour"]]
        there = picture[inked(picture)]
        assert len(there) > 20 and np.argmax(there.mean(0)) == np.argmax(ink)
        extents = [int(matter.any(axes).sum()) for axes in ((1, 2), (0, 2), (0, 1))]
        if row["pose"] in ("upright", "lying"):  # the long side; a ring is thin along its axis
            longer = extents[2] > extents[0]
            assert longer == (row["pose"] == "upright"), row
        low, high = (solids.LARGEST * share for share in solids.SIZES[row["size"]])
        assert 0.7 * low - 0.5 < max(extents) / 2 < high + 1.5


def test_two_solids_are_what_the_index_says(together: Acquired) -> None:
    folder, index, _ = together
    files = contents(folder)
    for row in index.to_dict("records"):
        found, matter = files[row["id"]], grid(files[row["id"]]["volume"])
        assert label(matter)[1] == 2 and matter[:, :, 0].any()
        halves = {"left": matter[: SIDE // 2], "right": matter[SIDE // 2 :]}
        reach = {side: max(int(half.any(axes).sum()) for axes in ((1, 2), (0, 1))) for side, half in halves.items()}
        other = {"left": "right", "right": "left"}[row["larger"]]
        assert reach[row["larger"]] >= reach[other]
        for side, half in halves.items():
            y = np.argwhere(half)[:, 1].mean()
            assert row[f"{side}_place"] == ("near" if y < SIDE / 2 else "far")
            top = levels(found["top"])
            columns = slice(0, 16) if side == "left" else slice(16, 32)
            ink = solid_pictures.COLOURS[row[f"{side}_colour"]]
            for picture in (top, levels(found["front"])):
                part = picture[:, columns]
                assert np.argmax(part[inked(part)].mean(0)) == np.argmax(ink)
            across = inked(top[:, columns]).any(1)
            assert row[f"{side}_place"] == ("far" if np.flatnonzero(across).mean() < 15.5 else "near")
            assert f"{row[f'{side}_place']} {side}" in found["text"].decode()
            assert f"{row[f'{side}_colour']} {row[f'{side}_shape']}" in found["long"].decode()


def test_the_summary_keeps_the_larger_solid_and_its_side(together: Acquired) -> None:
    folder, index, _ = together
    files = contents(folder)
    for row in index.to_dict("records"):
        side = row["larger"]
        assert (row["main_shape"], row["main_colour"], row["main_side"], row["main_place"]) == (
            row[f"{side}_shape"], row[f"{side}_colour"], side, row[f"{side}_place"]
        )  # fmt: skip
        wanted = f"a {row['main_colour']} {row['main_shape']} on the {side}"
        assert files[row["id"]]["short"].decode() == wanted
        assert files[row["id"]]["image"] == files[row["id"]]["front"]


def test_a_tone_says_shape_place_and_size() -> None:
    rng = np.random.default_rng(1)
    for shape, pitch_hz in solid_sounds.PITCHES_HZ.items():
        far, near = (
            solid_sounds.tone({"shape": shape, "place": place, "size": "large"}, rng) for place in ("far", "near")
        )
        spectra = [np.abs(np.fft.rfft(wave)) for wave in (far, near)]
        strongest = [spectrum.argmax() * solid_sounds.RATE_HZ / len(far) for spectrum in spectra[:1]]
        assert abs(strongest[0] / pitch_hz - 1) < 0.06
        above = [
            (spectrum[int(1.5 * pitch_hz * len(wave) / solid_sounds.RATE_HZ) :] ** 2).sum() / (spectrum**2).sum()
            for spectrum, wave in zip(spectra, (far, near), strict=True)
        ]
        assert above[0] < 0.01 < 0.2 < above[1]
    small = solid_sounds.tone({"shape": "ball", "place": "far", "size": "small"}, rng)
    assert len(small) < 0.7 * len(far)
    one = {"shape": "ball", "place": "far", "size": "small"}
    wave, rate_hz = soundfile.read(io.BytesIO(solid_sounds.clip(one, one, rng)))
    assert rate_hz == solid_sounds.RATE_HZ and 0.85 < np.abs(wave).max() < 0.91


def test_what_ties_the_modalities_together() -> None:
    shown = {"shapes": (solids.ALONE, OF_ONE), "scene": (solids.TOGETHER, SCENE), "summary": (solids.TOGETHER, SUMMARY)}
    keys = {
        name: key_attribute(
            known, {one: [a for a, about in known.items() if one in about["shown_by"]] for one in names}
        )
        for name, (known, names) in shown.items()
    }
    assert keys == {"shapes": "shape", "scene": "left_shape", "summary": "main_shape"}


def test_only_what_is_shown_is_an_attribute(tmp_path: Path) -> None:
    index, attributes = solids.acquire(TWO, 1, SUMMARY, tmp_path)
    assert "left_shape" not in attributes and "left_shape" not in index
    assert attributes["main_shape"]["shown_by"] == SUMMARY and attributes["other_shape"]["shown_by"] == [
        "image",
        "long",
    ]


def test_all_combinations_are_equally_frequent() -> None:
    every = int(np.prod([len(about["values"]) for about in solids.ALONE.values()]))
    index = solids.plan(ONE.model_copy(update={"samples": 2 * every}), 1)
    counts = index[index["shape"] != "ball"].groupby(["shape", "size", "pose", "colour"]).size()
    assert len(counts) == 5 * 36 and set(counts) == {2}


def test_bytes_do_not_depend_on_the_number_of_workers(
    alone: Acquired, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, index, attributes = alone
    monkeypatch.setattr(os, "cpu_count", lambda: 1)
    again, same = solids.acquire(ONE, 1, OF_ONE, tmp_path)
    pd.testing.assert_frame_equal(again, index)
    assert same == attributes
    for path in sorted(folder.glob("*.tar")):
        assert (tmp_path / path.name).read_bytes() == path.read_bytes()


def test_another_seed_is_another_set() -> None:
    first, again, other = (solids.plan(TWO, seed) for seed in (1, 1, 2))
    pd.testing.assert_frame_equal(first, again)
    assert not first.equals(other)


def test_one_solid_has_no_room(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"acquire\.solids\.count: expected 2 for top, long, got 1; ") as refused:
        solids.acquire(ONE, 1, [MODALITIES[name] for name in ("volume", "top", "long")], tmp_path)
    assert "\n" not in str(refused.value)
