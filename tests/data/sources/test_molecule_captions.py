"""What is said of molecules whose structure is known."""

import pytest

from stages.data.sources.molecule_captions import described, labelled, rings_of
from stages.data.sources.molecule_properties import PROPERTIES, molecule, property_of

SAID = {
    "CCCCCC": "a small molecule of carbon with no ring",
    "c1ccccc1": "a small molecule of carbon with one aromatic ring",
    "C1CCCCC1O": "a small molecule of carbon and oxygen with one ring and an alcohol",
    "Oc1ccccc1Cl": "a small molecule of carbon, oxygen and chlorine with one aromatic ring and a phenol",
    "CC(=O)Oc1ccccc1C(=O)O": "a medium molecule of carbon and oxygen with one aromatic ring, a carboxylic acid and an "
    "ester",
    "O=C(NCC)c1ccc2c(c1)CCC2": "a large molecule of carbon, nitrogen and oxygen with two rings (one aromatic) and an "
    "amide",
    "c1ccc2ccccc2c1": "a small molecule of carbon with two aromatic rings",
    "FC(F)(F)CC=O": "a small molecule of carbon, oxygen and fluorine with no ring and an aldehyde",
    "CCC(=O)CCOCC": "a small molecule of carbon and oxygen with no ring, a ketone and an ether",
    "NCCCCC#N": "a small molecule of carbon and nitrogen with no ring, an amine and a nitrile",
    "O=[N+]([O-])CCC": "a small molecule of carbon, nitrogen and oxygen with no ring and a nitro group",
    "CCCCCS": "a small molecule of carbon and sulfur with no ring and a thiol",
    "CCS(=O)(=O)CCBr": "a small molecule of carbon, oxygen, sulfur and bromine with no ring and a sulfonyl group",
}
LABELS = {
    "CCCCCC": ("0", "no", "no", "no", "small"),
    "Fc1ccncc1": ("1", "yes", "yes", "yes", "small"),
    "C1CCC2CCCCC2C1C": ("2", "no", "no", "no", "medium"),
    "c1ccc2cc3ccccc3cc2c1": ("3+", "yes", "no", "no", "large"),
    "C12C3C4C1C5C2C3C45": ("3+", "no", "no", "no", "small"),
}


@pytest.mark.parametrize(("smiles", "words"), SAID.items())
def test_a_molecule_is_described_by_rule(smiles: str, words: str) -> None:
    assert described(molecule(smiles)) == words
    assert described(molecule(smiles)).split()[1] == labelled(molecule(smiles))["size"]


@pytest.mark.parametrize(("smiles", "labels"), LABELS.items())
def test_labels(smiles: str, labels: tuple[str, ...]) -> None:
    assert labelled(molecule(smiles)) == dict(
        zip(("rings", "aromatic", "halogen", "nitrogen", "size"), labels, strict=True)
    )


def test_a_ring_is_aromatic_as_a_whole() -> None:
    assert rings_of(molecule("C1CCc2ccccc2C1")) == (2, 1)
    assert rings_of(molecule("c1ccc(-c2ccccc2)cc1")) == (2, 2)


@pytest.mark.parametrize(
    ("name", "smiles", "value"),
    [("weight", "CCO", 46.069), ("tpsa", "CCO", 20.23), ("logp", "c1ccccc1", 1.6866), ("weight", "O", 18.015)],
)
def test_properties_are_those_of_the_tables(name: str, smiles: str, value: float) -> None:
    """Weights by the atomic weights of IUPAC, the rest by the tables of the papers."""
    assert property_of(name, molecule(smiles)) == pytest.approx(value, abs=2e-3)


@pytest.mark.parametrize("name", PROPERTIES)
def test_what_is_no_molecule_has_properties_of_zero(name: str) -> None:
    assert property_of(name, molecule("C1CC")) == property_of(name, molecule("")) == 0
    assert property_of(name, molecule("CC(=O)Nc1ccc(O)cc1")) > 0, "paracetamol has all of them above zero"
