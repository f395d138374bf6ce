"""What is said of a molecule: labels that its formula, its drawing and its caption show, and the caption, by rule.

The same molecule is always described in the same words: "a small molecule of carbon, nitrogen and chlorine with two
rings (one aromatic), an amide and a nitro group".
"""

from collections.abc import Sequence
from functools import cache
from typing import Any

from stages.data.sources.molecule_properties import rdkit

SIZES = {"small": 10, "medium": 13, "large": 1000}  # class: most heavy atoms
MANY = 3  # rings from which on they are not told apart
RINGS = ("0", "1", "2", "3+")
YES, NO = "yes", "no"
ELEMENTS = {
    "C": "carbon", "N": "nitrogen", "O": "oxygen", "S": "sulfur", "F": "fluorine", "Cl": "chlorine", "Br": "bromine",
}  # fmt: skip  # those that there are, in the order in which they are told
HALOGENS = {"F", "Cl", "Br"}
WORDS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
GROUPS = {  # functional groups: SMARTS, a pattern of atoms in the language of Daylight's
    "a carboxylic acid": "[CX3](=O)[OX2H1]",
    "an ester": "[CX3](=O)[OX2][#6]",
    "an amide": "[CX3](=O)[NX3]",
    "an aldehyde": "[CX3H1](=O)[#6]",
    "a ketone": "[#6][CX3](=O)[#6]",
    "an alcohol": "[CX4][OX2H1]",
    "a phenol": "c[OX2H1]",
    "an ether": "[#6;!$(C=O)][OX2][#6;!$(C=O)]",
    "an amine": "[NX3;!$(N[C,S]=[O,S,N]);!$(N[!#6])]",
    "a nitrile": "C#[NX1]",
    "a nitro group": "[NX3+](=O)[O-]",
    "a thiol": "[#6][SX2H1]",
    "a sulfonyl group": "[SX4](=O)(=O)",
}


@cache
def patterns() -> dict[str, Any]:
    """The functional groups, as RDKit searches for them."""
    return {name: rdkit().Chem.MolFromSmarts(pattern) for name, pattern in GROUPS.items()}


def labelled(molecule: Any) -> dict[str, str]:
    """The labels of one of RDKit's molecules, by attribute."""
    there, rings = elements(molecule), rings_of(molecule)[0]
    atoms = molecule.GetNumHeavyAtoms()
    return {
        "rings": RINGS[min(rings, MANY)],
        "aromatic": YES if rings_of(molecule)[1] else NO,
        "halogen": YES if HALOGENS & there else NO,
        "nitrogen": YES if "N" in there else NO,
        "size": next(size for size, most in SIZES.items() if atoms <= most),
    }


def elements(molecule: Any) -> set[str]:
    """The symbols of the elements beside hydrogen."""
    return {atom.GetSymbol() for atom in molecule.GetAtoms()}


def rings_of(molecule: Any) -> tuple[int, int]:
    """How many rings there are (the smallest set that makes up all), and how many of them are aromatic."""
    rings = molecule.GetRingInfo().BondRings()
    bonds = [[molecule.GetBondWithIdx(bond) for bond in ring] for ring in rings]
    return len(rings), sum(all(bond.GetIsAromatic() for bond in ring) for ring in bonds)


def described(molecule: Any) -> str:
    """The caption of one of RDKit's molecules."""
    there = elements(molecule)
    of = listed([word for symbol, word in ELEMENTS.items() if symbol in there])
    groups = [name for name, pattern in patterns().items() if molecule.HasSubstructMatch(pattern)]
    return f"a {labelled(molecule)['size']} molecule of {of} with {listed([ringed(*rings_of(molecule)), *groups])}"


def ringed(rings: int, aromatic: int) -> str:
    """How many rings, in words.

    >>> ringed(0, 0), ringed(1, 1), ringed(2, 2), ringed(3, 1)
    ('no ring', 'one aromatic ring', 'two aromatic rings', 'three rings (one aromatic)')
    """
    plural = "rings" if rings > 1 else "ring"
    count = WORDS[rings] if rings < len(WORDS) else "many"
    if aromatic in (0, rings):
        return f"{count} {'aromatic ' if aromatic else ''}{plural}"
    return f"{count} {plural} ({WORDS[aromatic]} aromatic)"


def listed(words: Sequence[str]) -> str:
    """Words in a row.

    >>> listed(["one"]), listed(["one", "two", "three"])
    ('one', 'one, two and three')
    """
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1])))
