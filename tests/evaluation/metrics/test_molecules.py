"""Molecules that were made: what counts as valid, different and new, and whose weight is the one asked for."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from stages.common.modality import Modality
from stages.common.shards import write_shard
from stages.data.kinds import molecule
from stages.data.sources.molecule_properties import property_of
from stages.evaluation.metrics.evaluated_data import CLEAN, MADE, Dataset, Outputs
from stages.evaluation.metrics.judge_inference import Predictions
from stages.evaluation.metrics.molecules import molecule_properties, molecules
from stages.evaluation.metrics.result import Result
from tests.evaluation.datasets import dataset

NAMES = [Modality("formula", "molecule"), Modality("weight", "number"), Modality("age", "number")]
TRAIN = ["C" * length for length in range(1, 21)]
TEST = ["C" * length + "O" for length in range(1, 21)]
REAL = {"train": TRAIN, "test": TEST}


def weights(smiles: Sequence[str]) -> np.ndarray:
    return np.array([property_of("weight", molecule.molecule(one)) for one in smiles])


def numbers(told: Iterable[float]) -> Predictions:
    written = [f"{one:.4f}" for one in told]
    return Predictions({}, np.ones(len(written)), captions=written)


def found(folder: Path, made: Mapping[str, list[str]]) -> dict[str, Result]:
    """The figures of what was `made`: of nothing, of the weight, of noise, through the codec; else as real."""
    made = dict.fromkeys(("nothing", "weight", "reconstructed", "decoded_noise"), TEST) | dict(made)
    fitted = molecule.fit(molecule.Settings(length=30), TRAIN + TEST, folder)
    tokens = [molecule.tensor(molecule.read(one.encode(), fitted), fitted) for one in TRAIN + TEST]
    (folder / CLEAN).mkdir(parents=True)
    np.save(folder / CLEAN / "formula.clean.npy", np.stack(tokens))
    keys = [f"{number:06d}" for number in range(len(TEST))]
    for tar, smiles in made.items():
        files = [(key, {"formula.smi": one.encode()}) for key, one in zip(keys, smiles, strict=False)]
        write_shard(folder / MADE / f"{tar}.tar", files)
    samples = pd.DataFrame({"split": np.repeat(list(REAL), 20)}).assign(
        **{f"has_{name}": True for name in NAMES}, id=[f"{number:06d}" for number in range(40)]
    )
    real = {
        split: {"weight": numbers(weights(smiles)), "age": numbers(np.arange(20.0))} for split, smiles in REAL.items()
    }
    rest = Predictions({}, np.ones(20))
    truth = samples[samples["split"] == "test"].reset_index(drop=True)
    outputs = Outputs({"formula": rest, "age": real["test"]["age"]}, truth, real["test"], keys)
    of_age = Outputs({"formula": rest, "weight": real["test"]["weight"]}, truth, real["test"], keys)
    whole = Outputs({"formula": rest, **real["test"]}, truth, real["test"], keys)
    scene: Dataset = replace(
        dataset(), names=NAMES, samples=samples, fitted={"formula": fitted}, real=real, reconstructed=whole,
        outputs={(): whole, ("weight",): outputs, ("age",): of_age},
    )  # fmt: skip
    rng = np.random.default_rng(1)
    return {result.metric: result for result in [*molecules(scene, rng), *molecule_properties(scene, rng)]}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / MADE).mkdir(parents=True)
    return tmp_path


def test_real_molecules_are_valid_different_new_and_as_heavy_as_asked(folder: Path) -> None:
    figures = found(folder, {})
    assert list(figures) == [
        "molecule.validity.formula", "molecule.uniqueness.formula", "molecule.novelty.formula",
        "property_error.weight.weight_to_formula",
    ]  # fmt: skip
    for name in ("validity", "uniqueness", "novelty"):
        assert figures[f"molecule.{name}.formula"].value == figures[f"molecule.{name}.formula"].ceiling == 1
    wrong = figures["property_error.weight.weight_to_formula"]
    assert wrong.value == wrong.ceiling < 1e-4 and wrong.floor > 0.8


def test_what_is_no_molecule_is_not_valid_and_counts_no_further(folder: Path) -> None:
    figures = found(folder, {"nothing": ["", "C1CC", "no", "CO", "OC"], "decoded_noise": ["", "C", "", ""]})
    valid, unique, new = (figures[f"molecule.{name}.formula"] for name in ("validity", "uniqueness", "novelty"))
    assert (valid.value, valid.n, valid.floor) == (0.4, 5, 0.25)
    assert (unique.value, unique.n, unique.floor) == (0.5, 2, 0.5), "two spellings of methanol"
    assert (new.value, new.n) == (1, 1)


def test_copies_of_training_molecules_are_not_new(folder: Path) -> None:
    figures = found(folder, {"nothing": ["C", "C(C)C", "CCO", "N"]})
    new = figures["molecule.novelty.formula"]
    assert (new.value, new.n, new.floor, new.ceiling) == (0.5, 4, 0, 1)


def test_nothing_valid_has_one_figure(folder: Path) -> None:
    figures = found(folder, {"nothing": ["", "", ""]})
    assert figures["molecule.validity.formula"].value == 0
    assert "molecule.uniqueness.formula" not in figures and "molecule.novelty.formula" not in figures


def test_the_error_is_a_share_of_how_far_the_mean_lies(folder: Path) -> None:
    heavier = [f"{one}" + "C" for one in TEST]  # by a CH2 each
    figures = found(folder, {"weight": heavier, "reconstructed": heavier})
    wrong = figures["property_error.weight.weight_to_formula"]
    spread = np.abs(weights(TEST) - weights(TRAIN).mean()).mean()
    assert wrong.value == pytest.approx(14.027 / spread, rel=1e-3) == wrong.ceiling and wrong.n == 20


def test_what_is_no_molecule_weighs_nothing(folder: Path) -> None:
    wrong = found(folder, {"weight": [""] * 20})["property_error.weight.weight_to_formula"]
    assert wrong.value == pytest.approx(wrong.floor) and wrong.value > 1


def test_data_without_molecules_have_none() -> None:
    rng = np.random.default_rng(1)
    assert molecules(dataset(), rng) == [] == molecule_properties(dataset(), rng)
