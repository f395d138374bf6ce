"""Molecules that were made: are they molecules, different ones, new ones; and have they the properties asked for?

Made from nothing, each a share of what the one before leaves (Polykovskiy et al. 2020, arXiv:1811.12823):

- validity: RDKit reads it, and it has an atom. Floor: decoded noise.
- uniqueness: none of those before is the same. Floor: always the same one.
- novelty: the train split does not have it. Floor: copies of training molecules.

Ceilings: real test molecules. Symbols of SELFIES are always some molecule, and noise is always new: high shares say
that nothing broke and nothing was learned by heart. Whether molecules are sensible, `fidelity.*` and `coverage.*` tell.

Properties: where a number of the name of one (`weight`) is given, and a molecule made, how far its property lies from
that number, as a share of how far the mean of the train split does on average. Floor: the same molecules, shuffled.
Ceiling: real molecules through their codec and back. What is no molecule has properties of 0.
"""

from collections.abc import Sequence

import numpy as np

from stages.common.modality import kind_of
from stages.common.modality_subsets import subset_name
from stages.data.kinds import molecule
from stages.data.sources.molecule_properties import PROPERTIES, property_of
from stages.evaluation.metrics.evaluated_data import CLEAN, Dataset
from stages.evaluation.metrics.number_error import values
from stages.evaluation.metrics.result import Result, share
from stages.evaluation.metrics.translation import made


def molecules(dataset: Dataset, rng: np.random.Generator) -> list[Result]:
    """Validity, uniqueness and novelty of each modality of molecules."""
    results = []
    for name in of_kind(dataset, "molecule"):
        train, test = set(real(dataset, name, "train")), real(dataset, name, "test")
        found, noise = (canonical(list(made(tar, name).values())) for tar in ("nothing", "decoded_noise"))
        valid = [smiles for smiles in found if smiles]
        sides = {
            "validity": tuple(np.array(side) != "" for side in (found, noise, test)),
            "uniqueness": (first_times(valid), first_times(valid[:1] * len(valid)), first_times(test)),
            "novelty": (unknown(set(valid), train), unknown(train, train), unknown(set(test), train)),
        }
        results += [
            share(f"molecule.{what}.{name}", [value], [floor], [ceiling], rng)
            for what, (value, floor, ceiling) in sides.items()
            if len(value)
        ]
    return results


def molecule_properties(dataset: Dataset, rng: np.random.Generator) -> list[Result]:
    """A figure for each property and each direction in which it is given and a molecule made."""
    results, targets = [], of_kind(dataset, "molecule")
    for name in [name for name in of_kind(dataset, "number") if name in PROPERTIES and targets]:
        mean = values(dataset.present("train", name)).mean()
        spread = np.abs(values(dataset.present("test", name)) - mean).mean()
        if not spread > 0:  # all numbers are the same
            continue
        for target in targets:
            kept = dataset.reconstructed
            again = properties(name, list(made("reconstructed", target).values()))
            lost = np.abs(again - values(kept.real[name])) / spread
            for observed, outputs in dataset.conditional.items():
                if name in observed and target in outputs.items:
                    got = properties(name, list(made(subset_name(observed), target).values()))
                    asked = values(outputs.real[name])
                    wrong, chance = np.abs(got - asked) / spread, np.abs(rng.permutation(got) - asked) / spread
                    direction = f"{subset_name(observed)}_to_{target}"
                    results.append(share(f"property_error.{name}.{direction}", [wrong], [chance], [lost], rng))
    return results


def of_kind(dataset: Dataset, kind: str) -> list[str]:
    return [name for name in dataset.names if kind_of(name) == kind]


def real(dataset: Dataset, name: str, split: str) -> list[str]:
    """The real molecules of a split, as canonical SMILES."""
    rows = (dataset.samples["split"].eq(split) & dataset.samples[f"has_{name}"].astype(bool)).to_numpy()
    tokens = np.load(CLEAN / f"{name}.clean.npy", mmap_mode="r")[rows]
    return canonical([molecule.write(row, dataset.fitted[name]).decode() for row in tokens])


def canonical(told: Sequence[str]) -> list[str]:
    """One spelling of each molecule; nothing of what is none."""
    found = [molecule.molecule(smiles) for smiles in told]
    return [molecule.chem().MolToSmiles(one) if one is not None and one.GetNumAtoms() else "" for one in found]


def first_times(told: Sequence[str]) -> np.ndarray:
    """(n,) bool: has none before it been the same?"""
    return np.array([one not in told[:number] for number, one in enumerate(told)], bool)


def unknown(told: set[str], train: set[str]) -> np.ndarray:
    """(n,) bool: is it none of the train split?"""
    return np.array([one not in train for one in sorted(told)], bool)


def properties(name: str, told: Sequence[str]) -> np.ndarray:
    """(n,) a property of each molecule."""
    return np.array([property_of(name, molecule.molecule(smiles)) for smiles in told])
