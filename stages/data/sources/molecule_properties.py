"""Properties of molecules that RDKit computes, by the names that modalities of numbers may have.

Sources of the estimates: logP, Wildman and Crippen 1999, J. Chem. Inf. Comput. Sci. 39:868; polar surface area, Ertl et
al. 2000, J. Med. Chem. 43:3714; QED, Bickerton et al. 2012, Nature Chemistry 4:90.
"""

from functools import cache
from typing import Any

INSTALL = "python -m pip install --constraint requirements.lock '.[molecule]'"
PROPERTIES = {  # name: module of RDKit's chemistry and its function
    "weight": ("Descriptors", "MolWt"),  # of a mole, g
    "logp": ("Crippen", "MolLogP"),  # log10 of how much better it dissolves in octanol than in water
    "tpsa": ("rdMolDescriptors", "CalcTPSA"),  # surface of the polar atoms, square angstroms
    "qed": ("QED", "qed"),  # likeness to drugs, 0 to 1
}


@cache
def rdkit() -> Any:
    """RDKit with its modules, which says nothing of what it can't read: an extra, loaded when it is first needed.

    Raises ValueError with the command that installs it when it is not there.
    """
    try:
        import rdkit.Chem.Crippen
        import rdkit.Chem.Descriptors
        import rdkit.Chem.Draw.rdMolDraw2D
        import rdkit.Chem.QED
        import rdkit.Chem.rdMolDescriptors
        import rdkit.Chem.Scaffolds.MurckoScaffold
        import rdkit.rdBase
        import rdkit.RDConfig
    except ImportError as error:
        raise ValueError(f"expected the library rdkit, got none; {INSTALL}") from error
    rdkit.rdBase.DisableLog("rdApp.*")
    return rdkit


def molecule(smiles: str) -> Any:
    """What RDKit makes of SMILES; None where it makes nothing."""
    return rdkit().Chem.MolFromSmiles(smiles)


def property_of(name: str, found: Any) -> float:
    """A property of one of RDKit's molecules; of what is none, None or without atoms, it is 0."""
    if found is None or not found.GetNumAtoms():
        return 0.0
    module, function = PROPERTIES[name]
    return float(getattr(getattr(rdkit().Chem, module), function)(found))
