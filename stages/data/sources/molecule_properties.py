"""Properties of molecules that RDKit computes, by the names that number modalities may have.

Sources of the estimates: logP, Wildman and Crippen 1999, J. Chem. Inf. Comput. Sci. 39:868; polar surface area, Ertl et
al. 2000, J. Med. Chem. 43:3714; QED, Bickerton et al. 2012, Nature Chemistry 4:90.
"""

from importlib import import_module
from typing import Any

INSTALL = "python -m pip install --constraint requirements.lock '.[molecule]'"
PROPERTIES = {  # name: module of RDKit and its function
    "weight": ("Chem.Descriptors", "MolWt"),  # of a mole, g
    "logp": ("Chem.Crippen", "MolLogP"),  # log10 of how much better it dissolves in octanol than in water
    "tpsa": ("Chem.rdMolDescriptors", "CalcTPSA"),  # surface of the polar atoms, square angstroms
    "qed": ("Chem.QED", "qed"),  # likeness to drugs, 0 to 1
}


def rdkit(module: str) -> Any:
    """A module of RDKit. Raises ValueError with the command that installs it when it is not there."""
    try:
        return import_module(f"rdkit.{module}")
    except ImportError as error:
        raise ValueError(f"expected the library rdkit, got none; {INSTALL}") from error


def property_of(name: str, molecule: Any) -> float:
    """A property of one of RDKit's molecules; of what is none, None or without atoms, it is 0."""
    if molecule is None or not molecule.GetNumAtoms():
        return 0.0
    module, function = PROPERTIES[name]
    return float(getattr(rdkit(module), function)(molecule))
