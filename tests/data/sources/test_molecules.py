"""The molecules: real, different, neutral; splits by scaffold; bytes that depend on the seed alone."""

import io
import os
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from stages.common.modality import Modality, suffix_of
from stages.common.params import validate
from stages.common.shards import read_shard
from stages.data.kinds import molecule as kind
from stages.data.records.split import SPLITS, Shares
from stages.data.sources import molecule_properties, molecules
from stages.data.sources.built_in_shards import Attributes
from stages.data.sources.molecule_captions import described, labelled
from stages.data.sources.molecule_properties import PROPERTIES, property_of
from stages.evaluation.judges.loading import key_attribute

SETTINGS = molecules.Molecules(
    samples=300, atoms=14, size=40, shard_size=120,
    shares=Shares(train=0.5, validation=0.1, judge=0.2, test=0.2),
)  # fmt: skip
NAMES = [Modality(name, one) for name, one in molecules.GIVES.items()]
Acquired = tuple[Path, pd.DataFrame, Attributes]


@pytest.fixture(scope="module")
def acquired(tmp_path_factory: pytest.TempPathFactory) -> Acquired:
    """A small data set: its folder, its index and its attributes."""
    folder = tmp_path_factory.mktemp("acquired")
    return folder, *molecules.acquire(SETTINGS, 1, NAMES, folder)


def samples(folder: Path) -> dict[str, dict[str, bytes]]:
    return dict(sample for path in sorted(folder.glob("*.tar")) for sample in read_shard(path))


def test_every_sample_is_indexed_and_complete(acquired: Acquired) -> None:
    folder, index, attributes = acquired
    found = samples(folder)
    assert list(found) == index["id"].tolist() == [f"{number:06d}" for number in range(300)]
    assert list(index)[: 3 + len(attributes)] == ["id", "split", "shard", *attributes]
    assert (index["shard"].value_counts() <= 120).all() and set(index["split"]) == set(SPLITS)
    assert all(files.keys() == {suffix_of(name) for name in NAMES} for files in found.values())
    assert index["smiles"].is_unique


def test_what_stands_in_the_files_is_true(acquired: Acquired) -> None:
    folder, index, _ = acquired
    found = samples(folder)
    for row in index.to_dict("records"):
        files, one = found[row["id"]], kind.molecule(row["smiles"])
        assert files["smi"].decode() == row["smiles"] == kind.chem().MolToSmiles(one)
        assert 6 <= one.GetNumHeavyAtoms() <= 14 and "." not in row["smiles"]
        assert labelled(one).items() <= row.items() and files["txt"].decode() == described(one)
        assert files["rings.label"].decode() == row["rings"]
        for name in PROPERTIES:
            assert float(files[f"{name}.number"]) == pytest.approx(property_of(name, one), abs=1e-3)


def test_a_drawing_has_ink_on_paper_and_letters_in_colour(acquired: Acquired) -> None:
    folder, index, _ = acquired
    found = samples(folder)
    for row in index.to_dict("records"):
        levels = np.asarray(Image.open(io.BytesIO(found[row["id"]]["png"]))).astype(int)
        assert levels.shape == (40, 40, 3)
        assert 0.5 < (levels.min(-1) > 200).mean() < 0.99, "mostly paper"
        blue, green = (
            np.clip(levels[..., one] - levels[..., [other]].max(-1), 0, None).max() for one, other in ((2, 0), (1, 0))
        )
        if row["nitrogen"] == "yes":
            assert blue > 60
        if "Cl" in row["smiles"]:
            assert green > 60


def test_a_scaffold_that_few_have_is_in_one_split(acquired: Acquired) -> None:
    _, index, _ = acquired
    counts = index["scaffold"].value_counts()
    few = index[index["scaffold"].ne("") & (index["scaffold"].map(counts) <= molecules.COMMON * len(index))]
    assert len(few) > 50 and (few.groupby("scaffold")["split"].nunique() == 1).all()
    train = set(index.loc[index["split"] == "train", "scaffold"])
    new = index["held_out"] == "scaffold"
    assert 0 < new.sum() < (index["split"] == "test").sum(), "of benzene and what is acyclic there are in all splits"
    assert (index.loc[new, "split"] == "test").all() and not train & set(index.loc[new, "scaffold"])
    assert set(index.loc[(index["split"] == "test") & ~new, "scaffold"]) <= train


def test_rings_are_the_key_and_labels_are_known(acquired: Acquired) -> None:
    _, index, attributes = acquired
    assert key_attribute(attributes, dict.fromkeys(NAMES, attributes)) == "rings"
    for name, about in attributes.items():
        assert set(index[name]) <= {*about["values"]} and index[name].nunique() > 1
        assert about["shown_by"] == ["molecule", "image", "text", *(["rings"] if name == "rings" else [])]


def test_seeds_alone_make_a_difference(acquired: Acquired, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, index, _ = acquired
    monkeypatch.setattr(os, "cpu_count", lambda: 1)
    few = [Modality("molecule", "molecule"), Modality("weight", "number")]
    again, attributes = molecules.acquire(SETTINGS, 1, few, tmp_path / "same")
    pd.testing.assert_frame_equal(again, index)
    assert attributes["rings"]["shown_by"] == ["molecule"]
    kept = {
        key: {"smi": files["smi"], "weight.number": files["weight.number"]} for key, files in samples(folder).items()
    }
    assert samples(tmp_path / "same") == kept
    other, _ = molecules.acquire(SETTINGS, 2, few, tmp_path / "other")
    assert other["smiles"].tolist() != index["smiles"].tolist()


@pytest.mark.parametrize(
    ("smiles", "well"),
    [
        ("c1ccccc1C", True), ("O=[N+]([O-])c1ccccc1", True), ("CCO", False), ("CCCCCC.O", False), ("CCCCC[P]", False),
        ("C[N+](C)(C)CCC", False), ("CCCCC[O-]", False), ("CCCCC[CH2]", False), ("[13CH3]CCCCC", False),
        ("C1CC", False),
        ("CC[S+]([O-])CCC", False), ("CCCCCCCCCC", True), ("CCCCCCCCCCC", False),
    ],
)  # fmt: skip
def test_ions_radicals_mixtures_and_tiny_ones_are_left_out(smiles: str, well: bool) -> None:
    assert molecules.usable(kind.molecule(smiles), 10) == well


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"atoms": 5}, "greater than or equal to 6, got 5"),
        ({"atoms": 41}, "less than or equal to 40"),
        ({"size": 20}, "greater than or equal to 28, got 20"),
        ({"samples": 0}, "greater than 0"),
        ({"file": "x"}, "expected a known key, got 'file'"),
    ],
)
def test_a_wrong_setting_is_one_line(changed: dict[str, object], told: str) -> None:
    with pytest.raises(ValueError, match=r"acquire\.molecules") as refused:
        validate(molecules.Molecules, SETTINGS.model_dump() | changed, "acquire.molecules")
    assert told in str(refused.value) and "\n" not in str(refused.value)


def test_more_than_there_are_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(
        ValueError, match=r"acquire\.molecules\.samples: expected at most \d+, of at most 14 heavy atoms"
    ):
        molecules.acquire(SETTINGS.model_copy(update={"samples": 9999}), 1, NAMES, tmp_path)


def test_without_rdkit_or_its_data_it_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(molecule_properties.rdkit().RDConfig, "RDDataDir", str(tmp_path))
    with pytest.raises(ValueError, match=r"^expected RDKit with its data, got no .*first_5K\.smi; take the wheel"):
        molecules.molecules(14)
    molecule_properties.rdkit.cache_clear()
    monkeypatch.setitem(sys.modules, "rdkit.Chem.QED", None)
    with pytest.raises(
        ValueError, match=r"^expected the library rdkit, got none; python -m pip install .*\[molecule\]"
    ):
        molecules.molecules(14)
    molecule_properties.rdkit.cache_clear()
