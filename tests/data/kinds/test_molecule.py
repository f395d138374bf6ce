"""Molecules: real ones come back, what is none is refused in one line, and any symbols make one or nothing."""

from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.common.special_tokens import END, MARKS, PAD, START
from stages.data.kinds import molecule

REAL = {  # by what is special about them
    "ethanol": "CCO",
    "hydrogen": "[H][H]",
    "a charge": "C[N+](C)(C)C",
    "a nitro group": "O=[N+]([O-])c1ccccc1",
    "a salt": "[Na+].CC(=O)[O-]",
    "alanine, left": "C[C@H](N)C(=O)O",
    "alanine, right": "C[C@@H](N)C(=O)O",
    "two centres": "C[C@H]1CC[C@@H](C)CC1",
    "a sulfoxide": "CC[S@](C)=O",
    "a double bond, trans": "F/C=C/F",
    "a double bond, cis": "F/C=C\\F",
    "an isotope": "[13CH3]C",
    "fused rings": "c1ccc2[nH]ccc2c1",
    "a bridge": "C1CC2CCC1C2",
    "a spiro atom": "C1CCC2(CC1)CCNC2",
    "caffeine": "Cn1c(=O)c2c(ncn2C)n(C)c1=O",
    "aspirin": "CC(=O)Oc1ccccc1C(=O)O",
    "penicillin G": "CC1(C)S[C@@H]2[C@H](NC(=O)Cc3ccccc3)C(=O)N2[C@H]1C(=O)O",
    "cubane": "C12C3C4C1C5C2C3C45",
    "halogens": "FC(Cl)(Br)I",
    "boron, silicon, selenium": "OB(O)c1c[se]cc1[Si](C)(C)C",
    "six bonds": "FS(F)(F)(F)(F)F",
}
LENGTH = 60


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> molecule.Molecules:
    return molecule.fit(molecule.Settings(length=LENGTH), REAL.values(), tmp_path_factory.mktemp("molecules"))


def canonical(smiles: str) -> str:
    return str(molecule.chem().MolToSmiles(molecule.molecule(smiles)))


def through(payload: bytes, fitted: molecule.Molecules) -> str:
    return molecule.write(molecule.tensor(molecule.read(payload, fitted), fitted), fitted).decode()


@pytest.mark.parametrize("smiles", REAL.values(), ids=REAL)
def test_a_molecule_comes_back_in_its_canonical_spelling(fitted: molecule.Molecules, smiles: str) -> None:
    once = through(smiles.encode(), fitted)
    assert once == canonical(smiles) == through(once.encode(), fitted)


def test_mirror_images_are_two_molecules(fitted: molecule.Molecules) -> None:
    assert through(b"C[C@H](N)C(=O)O", fitted) != through(b"C[C@@H](N)C(=O)O", fitted)
    assert through(b"F/C=C/F", fitted) != through(b"F/C=C\\F", fitted)


@pytest.mark.parametrize("spelling", ["OCC", "C(O)C", "[CH3][CH2][OH]", " CCO\n", "CCO ethanol", "CCO\tC\tmore words"])
def test_spellings_of_a_molecule_are_one_and_a_name_behind_it_counts_not(
    fitted: molecule.Molecules, spelling: str
) -> None:
    assert through(spelling.encode(), fitted) == "CCO"


def test_a_tensor_is_marks_symbols_padding(fitted: molecule.Molecules) -> None:
    tokens = molecule.tensor(molecule.read(b"CCO", fitted), fitted)
    assert tokens.shape == molecule.blank(fitted).shape == (LENGTH,)
    assert tokens.dtype == molecule.blank(fitted).dtype == np.uint16
    assert tokens[0] == START and tokens[4] == END and (tokens[5:] == PAD).all() and (tokens[1:4] >= MARKS).all()
    assert molecule.write(molecule.blank(fitted), fitted) == b""


@pytest.mark.parametrize(
    ("payload", "told"),
    [
        (b"", "expected a molecule as SMILES, got ''; correct it"),
        (b" \n", "expected a molecule as SMILES, got ''; correct it"),
        (b"ethanol", "expected a molecule as SMILES, got 'ethanol'; correct it"),
        (b"C1CC", "expected a molecule as SMILES, got 'C1CC'; correct it"),
        (b"C(C)(C)(C)(C)C", "expected a molecule as SMILES, got 'C(C)(C)(C)(C)C'; correct it"),
        (b"\xff\x00\x01", "expected a molecule as SMILES, got '\ufffd\x00\x01'; correct it"),
        (b"C" * (molecule.LONGEST + 1), f"expected a molecule as SMILES, got '{'C' * 60}'; correct it"),
        (b"*CC", "expected a molecule that SELFIES can write, got '*CC'; take it out"),
        (b"[NH3]->[Fe]", "expected a molecule that SELFIES can write, got '[NH3]->[Fe]'; take it out"),
        (b"C" * 59, "expected at most 58 symbols, got 59; raise the length in preprocess"),
        (b"C[As](C)C", "expected symbols that the train split has, got [As]; add such molecules"),
    ],
)
def test_what_is_no_usable_molecule_is_one_line(fitted: molecule.Molecules, payload: bytes, told: str) -> None:
    with pytest.raises(ValueError, match=r"^expected") as refused:
        molecule.read(payload, fitted)
    assert str(refused.value) == told
    assert len(str(refused.value).splitlines()) == 1


@given(st.one_of(st.binary(max_size=30), st.text("CNOSPFBrclno()[]=#+-@/\\.123%*~$>H \n", max_size=30).map(str.encode)))
def test_bytes_are_read_or_refused_in_one_line(fitted: molecule.Molecules, payload: bytes) -> None:
    try:
        symbols = molecule.read(payload, fitted)
    except ValueError as error:
        assert type(error) is ValueError and str(error).startswith("expected") and len(str(error).splitlines()) == 1
    else:
        assert set(symbols) <= {*fitted.symbols}
        assert through(payload, fitted) == canonical(payload.decode("utf-8", "replace").split()[0])


@given(st.lists(st.integers(0, 1000), min_size=LENGTH, max_size=LENGTH))
def test_any_tokens_write_a_molecule_that_is_read_or_nothing(fitted: molecule.Molecules, numbers: list[int]) -> None:
    tokens = np.array(numbers, np.uint16) % (MARKS + len(fitted.symbols) + 2)
    written = molecule.write(tokens, fitted).decode()
    assert written == "" or canonical(written) == written


def test_symbols_are_those_of_the_train_split_in_an_order_that_is_always_the_same(tmp_path: Path) -> None:
    """What is no molecule among them is passed over: `preprocess` refuses it later."""
    settings, told = molecule.Settings(length=20), ["CCO", "C#N", "no molecule", ""]
    for folder, smiles in ((tmp_path / "a", told), (tmp_path / "b", told[::-1])):
        folder.mkdir()
        assert molecule.fit(settings, smiles, folder).symbols == ("[#N]", "[C]", "[O]")
        assert molecule.restore(settings, [], folder) == molecule.fit(settings, smiles, folder)


def test_without_molecules_nothing_can_be_written(tmp_path: Path) -> None:
    """All may be missing."""
    empty = molecule.fit(molecule.Settings(length=4), [], tmp_path)
    assert molecule.write(np.array([START, MARKS, END, PAD], np.uint16), empty) == b""


def test_a_molecule_is_not_augmented(fitted: molecule.Molecules) -> None:
    symbols = molecule.read(b"CCO", fitted)
    assert molecule.augment(symbols, fitted, np.random.default_rng(1)) == symbols


@pytest.mark.parametrize("light", [False, True])
@given(payload=st.one_of(st.sampled_from([smiles.encode() for smiles in REAL.values()]), st.binary(max_size=30)))
def test_anything_is_shown_as_a_drawing(light: bool, payload: bytes) -> None:
    media, drawing = molecule.shown(payload, light)
    assert media == "image/svg+xml"
    assert ElementTree.fromstring(drawing).tag.endswith("svg")


def test_a_drawing_shows_the_molecule_and_what_is_none_is_empty_paper() -> None:
    bonds = [
        molecule.shown(payload, False)[1].count(b"bond-") for payload in (b"c1ccccc1", b"CO", b"C1CC", b"<b>&", b"")
    ]
    assert bonds[0] > bonds[1] > 0 == bonds[2] == bonds[3] == bonds[4]
