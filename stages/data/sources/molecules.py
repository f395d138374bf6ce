"""A built-in data set: small molecules, real ones, with their drawings, a description and properties.

Shared by molecule, drawing and description: how many rings, whether one is aromatic, whether there is a halogen or
nitrogen, the size. Numbers are computed by RDKit. Private are how atoms are joined (molecule and drawing tell it, the
description only in part) and how the formula is laid out on the paper.

A third of the test molecules have a scaffold, the rings and what joins them (Bemis and Murcko 1996, J. Med. Chem.
39:2887), that training does not have: then the column `held_out` says so. What is acyclic, or has a scaffold that many
have, such as benzene, is split molecule by molecule.
"""

import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd
from PIL import Image
from pydantic import Field, PositiveInt

from stages.common.params import Strict
from stages.common.seeds import draws
from stages.data.records.split import Shares, assign
from stages.data.sources.built_in_shards import Attributes, Row, in_shards, numbered, told, write_samples
from stages.data.sources.molecule_captions import ELEMENTS, NO, RINGS, SIZES, YES, described, labelled
from stages.data.sources.molecule_properties import PROPERTIES, molecule, property_of, rdkit

FILE = "NCI/first_5K.smi"  # below the data that RDKit ships: SMILES and a number a line
SHOWN = ["molecule", "image", "text"]
GIVES = {"molecule": "molecule", "image": "image", "text": "text", "rings": "label"}  # modalities: name -> kind
GIVES |= dict.fromkeys(PROPERTIES, "number")
ATTRIBUTES: Attributes = {
    "rings": {"values": list(RINGS), "shown_by": [*SHOWN, "rings"]},
    "aromatic": {"values": [YES, NO], "shown_by": SHOWN},
    "halogen": {"values": [YES, NO], "shown_by": SHOWN},
    "nitrogen": {"values": [YES, NO], "shown_by": SHOWN},
    "size": {"values": list(SIZES), "shown_by": SHOWN},
}
LICENCE = (
    "Molecules: the first 5,000 of the Open NCI Database (U.S. National Cancer Institute, Developmental Therapeutics "
    "Program), public domain, as RDKit ships them (BSD-3-Clause). Drawings, numbers and descriptions: made here."
)
FEWEST = 6  # heavy atoms
PRELOAD = ("rdkit.Chem.Draw", "rdkit.Chem.QED")  # what takes long to load
CHARGES = {("N", 1), ("O", -1)}  # that may be: in nitro groups and their like
COMMON = 0.02  # share of the molecules above which a scaffold is split
DIGITS = 3  # behind the point of a number
FINER = 4  # times as large as the picture it is drawn
LINE, FONT = 1.3, 8.0  # pixels of the picture: the width of a bond, the height of a letter
MARGIN = 0.12  # share of its side


class Molecules(Strict):
    """Section `acquire.molecules`."""

    samples: PositiveInt  # molecules
    atoms: Annotated[int, Field(ge=FEWEST, le=40)]  # most heavy atoms of one
    size: Annotated[int, Field(ge=28, le=128)]  # side of a drawing, pixels
    shard_size: PositiveInt  # samples a tar shard
    shares: Shares  # of the scaffolds, per split; of the molecules where many have one scaffold, or none


def acquire(settings: Molecules, seed: int, names: Sequence[str], out: Path) -> tuple[pd.DataFrame, Attributes]:
    """Write shards of the modalities `names` below `out`; returns the index (a row a sample) and the attributes.

    Raises ValueError when RDKit is missing, or there are fewer molecules than are asked for.
    """
    index = plan(settings, seed)
    groups = index.groupby("shard")
    jobs = ((out / str(name), rows, settings.size, names) for name, rows in groups)
    made = in_shards(build_shard, jobs, groups.ngroups, preload=PRELOAD)
    return made, told(ATTRIBUTES, names, made)


def plan(settings: Molecules, seed: int) -> pd.DataFrame:
    """Which molecule each sample is, its labels, its scaffold, its split and its shard."""
    known = molecules(settings.atoms)
    if settings.samples > len(known):
        raise ValueError(
            f"acquire.molecules.samples: expected at most {len(known)}, of at most {settings.atoms} heavy atoms, got "
            f"{settings.samples}; lower it or raise atoms"
        )
    chosen = draws(seed, "acquire/molecules").permutation(len(known))[: settings.samples]
    found = [known[number] for number in chosen]
    murcko = rdkit().Chem.Scaffolds.MurckoScaffold
    index = pd.DataFrame([labelled(molecule(smiles)) for smiles in found])
    index["smiles"] = found
    index["scaffold"] = [murcko.MurckoScaffoldSmiles(smiles) for smiles in found]
    index["split"] = splits(index, settings.shares, draws(seed, "acquire/split"))
    learned = set(index.loc[index["split"] == "train", "scaffold"])
    new = (index["split"] == "test") & ~index["scaffold"].isin(learned)
    index["held_out"] = np.where(new, "scaffold", "")
    index = numbered(index, "molecules", settings.shard_size)
    first = ["id", "split", "shard", *ATTRIBUTES]
    return index[[*first, *(column for column in index if column not in first)]]


def molecules(most: int) -> list[str]:
    """The canonical SMILES of the molecules that RDKit ships, those that are `usable`, each once, in their order.

    Raises ValueError when the file is missing.
    """
    file = Path(rdkit().RDConfig.RDDataDir) / FILE
    if not file.is_file():
        raise ValueError(f"expected RDKit with its data, got no {file}; take the wheel from PyPI")
    read = [molecule(line.split()[0]) for line in file.read_text(encoding="ascii").splitlines()]
    return list(dict.fromkeys(rdkit().Chem.MolToSmiles(one) for one in read if usable(one, most)))


def usable(found: Any, most: int) -> bool:
    """Is it one neutral molecule of the elements that captions name, of at most so many heavy atoms, and not tiny?"""
    if found is None or not FEWEST <= found.GetNumHeavyAtoms() <= most or len(rdkit().Chem.GetMolFrags(found)) > 1:
        return False
    atoms = list(found.GetAtoms())
    charged = [(atom.GetSymbol(), atom.GetFormalCharge()) for atom in atoms if atom.GetFormalCharge()]
    return (
        {atom.GetSymbol() for atom in atoms} <= {*ELEMENTS}
        and {*charged} <= CHARGES
        and sum(charge for _, charge in charged) == 0
        and not any(atom.GetNumRadicalElectrons() or atom.GetIsotope() for atom in atoms)
    )


def splits(index: pd.DataFrame, shares: Shares, rng: np.random.Generator) -> np.ndarray:
    """The split of each sample: those of one scaffold in one, but where many have it, or there is none."""
    counts = index["scaffold"].map(index["scaffold"].value_counts())
    alone = index["scaffold"].eq("") | (counts > COMMON * len(index))
    group = index["scaffold"].mask(alone, index["smiles"])
    firsts = index.assign(group=group).drop_duplicates("group")
    found = dict(zip(firsts["group"], assign(firsts["rings"].to_numpy(str), shares, rng), strict=True))
    return group.map(found).to_numpy(str)


def build_shard(path: Path, rows: pd.DataFrame, size: int, names: Sequence[str]) -> pd.DataFrame:
    """Draw, describe and compute the samples of one shard; returns their rows of the index."""

    def samples() -> Iterator[tuple[Row, dict[str, bytes]]]:
        for row in rows.to_dict("records"):
            found = molecule(row["smiles"])
            files = {"molecule": row["smiles"].encode(), "text": described(found).encode()}
            files |= {"rings": row["rings"].encode()}
            files |= {name: f"{property_of(name, found):.{DIGITS}f}".encode() for name in PROPERTIES if name in names}
            if "image" in names:
                files["image"] = drawn(found, size)
            yield row, files

    return write_samples(path, samples(), names)


def drawn(found: Any, size: int) -> bytes:
    """The formula of a molecule as PNG bytes, `size` pixels to a side: black bonds, letters in the colour of their
    element. It is drawn finer and scaled down, so that thin lines stay smooth."""
    page = rdkit().Chem.Draw.rdMolDraw2D.MolDraw2DCairo(FINER * size, FINER * size)
    options = page.drawOptions()
    options.bondLineWidth, options.scaleBondWidth = FINER * LINE, False
    options.fixedFontSize, options.padding = round(FINER * FONT), MARGIN
    page.DrawMolecule(found)
    page.FinishDrawing()
    with Image.open(io.BytesIO(page.GetDrawingText())) as fine:
        picture = fine.convert("RGB").resize((size, size), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()
