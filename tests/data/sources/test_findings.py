"""The drawn chest pictures: what the labels say is in the picture and in the report, and nothing else is."""

import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from pydantic import ValidationError

from stages.common.modality import Modality
from stages.common.shards import read_shard
from stages.data.kinds import image
from stages.data.records.split import SPLITS, Shares
from stages.data.sources import findings, report_grammar
from stages.data.sources.chest_drawing import RATIOS, draw, patient

SETTINGS = findings.Findings(
    samples=60, size=48, present=0.5, unmentioned=0.4, shard_size=40,
    shares=Shares(train=0.4, validation=0.1, judge=0.2, test=0.3),
)  # fmt: skip
ALL = [Modality(name, kind) for name, kind in findings.GIVES.items()]
NOTHING_THERE = {"mass": "none", "effusion": "none"}
SIDES = ("left", "right")


@pytest.fixture(scope="module")
def acquired(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, pd.DataFrame]:
    """A small data set: its folder and its index."""
    folder = tmp_path_factory.mktemp("acquired")
    return folder, findings.acquire(SETTINGS, 1, ALL, folder)[0]


def samples(folder: Path) -> dict[str, dict[str, bytes]]:
    return dict(sample for path in sorted(folder.glob("*.tar")) for sample in read_shard(path))


def read(report: str) -> dict[str, str]:
    """What a report says, by the table that writes it; what it does not mention is absent."""
    said = dict(findings.ABSENT)
    for phrase in [] if report in report_grammar.NOTHING else report.replace(";", ",").split(", "):
        meant = [
            (finding, side if value == "side" else value)
            for finding, known in report_grammar.PHRASES.items()
            for value, phrases in known.items()
            for side in SIDES
            if phrase in [one.format(side=side) for one in phrases]
        ]
        assert len(set(meant)) == 1, phrase
        said |= dict(meant)
    return said


def test_every_sample_is_indexed_and_complete(acquired: tuple[Path, pd.DataFrame]) -> None:
    folder, index = acquired
    found = samples(folder)
    assert list(found) == index["id"].tolist() and index["shard"].nunique() == 2
    assert all(files.keys() == {"png", "txt", "ratio.number", "mass.label"} for files in found.values())
    assert set(index["split"]) == set(SPLITS)
    for finding, about in findings.ATTRIBUTES.items():
        assert set(index[finding]) == set(about["values"])


def test_reports_and_entries_say_what_the_labels_say(acquired: tuple[Path, pd.DataFrame]) -> None:
    folder, index = acquired
    found = samples(folder)
    for row in index.to_dict("records"):
        files = found[row["id"]]
        assert read(files["txt"].decode()) == {finding: row[finding] for finding in findings.ABSENT}
        assert files["mass.label"].decode() == row["mass"]
        low, high = RATIOS[row["heart"]]
        assert low <= float(files["ratio.number"]) == row["ratio"] <= high


def test_what_is_there_is_always_stated_and_what_is_absent_with_its_chance() -> None:
    rng = np.random.default_rng(1)
    there = {"mass": "left", "effusion": "right", "heart": "enlarged"}
    assert read(report_grammar.write(there, findings.ABSENT, 1.0, rng)) == there
    assert report_grammar.write(findings.ABSENT, findings.ABSENT, 1.0, rng) in report_grammar.NOTHING
    reports = [report_grammar.write(findings.ABSENT, findings.ABSENT, 0.0, rng) for _ in range(30)]
    assert all(len(report.replace(";", ",").split(", ")) == len(findings.ABSENT) for report in reports)
    assert len(set(reports)) > 20


@pytest.mark.parametrize("finding", ["mass", "effusion"])
@pytest.mark.parametrize("side", SIDES)
def test_a_finding_is_drawn_on_its_side_alone(finding: str, side: str) -> None:
    """The same patient with it and without it: the left lung is on the right of the picture."""
    for seed in range(20):
        without, with_it = (
            draw(NOTHING_THERE | change, 0.42, 48, np.random.default_rng(seed)).astype(int)
            for change in ({}, {finding: side})
        )
        middle = round(48 * patient(np.random.default_rng(seed)).middle)
        gain = (with_it - without)[:, middle:] if side == "left" else (with_it - without)[:, :middle]
        rest = (with_it - without)[:, :middle] if side == "left" else (with_it - without)[:, middle:]
        assert (gain > 40).sum() >= 12 and not rest[:, 1:-1].any()
        rows = np.flatnonzero((gain > 40).any(1)) / 48
        assert rows.max() < 0.55 if finding == "mass" else rows.min() > 0.4


@pytest.mark.parametrize("ratio", [0.36, 0.47, 0.53, 0.66])
def test_the_ratio_can_be_measured_on_the_picture(ratio: float) -> None:
    """The heart's width over the thorax': what a heart of that ratio adds to one that is too thin to be seen."""
    for seed in range(10):
        thin, drawn = (draw(NOTHING_THERE, one, 128, np.random.default_rng(seed)).astype(int) for one in (0.01, ratio))
        left, right = np.flatnonzero((abs(drawn - thin) > 5).any(0))[[0, -1]]
        thorax = 2 * patient(np.random.default_rng(seed)).half * 128
        assert (right - left + 1) / thorax == pytest.approx(ratio, abs=0.03)


def test_patients_and_exposures_differ() -> None:
    pictures = [draw(NOTHING_THERE, 0.42, 48, np.random.default_rng(seed)).astype(int) for seed in range(20)]
    assert np.ptp([picture.mean() for picture in pictures]) > 20
    assert min(abs(one - other).mean() for one, other in zip(pictures[1:], pictures, strict=False)) > 5


def test_cleaning_leaves_the_pictures_as_they_are(acquired: tuple[Path, pd.DataFrame]) -> None:
    settings = image.Settings(size=48, colour=False, turn=0, zoom=0, shear=0, shift=0)
    for files in samples(acquired[0]).values():
        picture = np.asarray(Image.open(io.BytesIO(files["png"])))
        assert (image.read(files["png"], settings)[..., 0] == picture).all()


def test_findings_are_independent_and_as_frequent_as_asked_for() -> None:
    index = findings.plan(SETTINGS.model_copy(update={"samples": 4000, "present": 0.3}), 1)
    there = np.stack([index[finding] != value for finding, value in findings.ABSENT.items()])
    assert there.mean(1) == pytest.approx(0.3, abs=0.03)
    assert np.abs(np.corrcoef(there) - np.eye(3)).max() < 0.06
    for split in SPLITS:  # each of them has as much of everything
        assert there[:, index["split"] == split].mean(1) == pytest.approx(there.mean(1), abs=0.01)


def test_the_same_seed_gives_the_same_bytes(acquired: tuple[Path, pd.DataFrame], tmp_path: Path) -> None:
    folder, index = acquired
    again, _ = findings.acquire(SETTINGS, 1, ALL, tmp_path)
    pd.testing.assert_frame_equal(again, index)
    for path in sorted(folder.glob("*.tar")):
        assert (tmp_path / path.name).read_bytes() == path.read_bytes()
    assert findings.plan(SETTINGS, 2)["mass"].tolist() != index["mass"].tolist()


def test_attributes_say_which_value_means_absent_and_what_is_not_asked_for_is_not_made(tmp_path: Path) -> None:
    names = [name for name in ALL if name in ("text", "ratio")]
    _, attributes = findings.acquire(SETTINGS, 1, names, tmp_path)
    assert {name: about["shown_by"] for name, about in attributes.items()} == {
        "mass": ["text"], "effusion": ["text"], "heart": ["text", "ratio"],
    }  # fmt: skip
    assert {name: about["absent"] for name, about in attributes.items()} == {
        name: [value] for name, value in findings.ABSENT.items()
    }
    assert all(files.keys() == {"txt", "ratio.number"} for files in samples(tmp_path).values())


@pytest.mark.parametrize("wrong", [{"samples": 0}, {"size": 20}, {"present": 1.5}, {"unmentioned": -0.1}])
def test_settings_out_of_range_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValidationError, match=next(iter(wrong))):
        findings.Findings(**(SETTINGS.model_dump() | wrong))


def test_too_few_samples_for_every_split_are_refused() -> None:
    with pytest.raises(ValueError, match="expected enough groups for 4 splits, got 2"):
        findings.plan(SETTINGS.model_copy(update={"samples": 2}), 1)
