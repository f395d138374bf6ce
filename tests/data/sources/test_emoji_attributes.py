"""Labels: what names say, spelled out, and that each kind has bases enough for judges to learn it."""

import pandas as pd
import pytest

from stages.data.sources.emoji_attributes import HAIRS, KINDS, OTHER, PERSONS, SKINS, labelled, parts
from stages.data.sources.emoji_names import captions

FEWEST = 15  # bases of a kind


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    """The labels of all emoji by English name."""
    named = list(captions("en").values())
    return labelled(named).set_index(pd.Index(named, name="name"))


@pytest.mark.parametrize(
    ("name", "base", "kind", "skin", "person", "hair"),
    [
        ("woman astronaut dark skin tone", "astronaut", "person", "dark", "woman", ""),
        ("astronaut", "astronaut", "", "default", "person", ""),
        ("man medium-light skin tone red hair", "person", "person", "medium-light", "man", "red"),
        ("person bald", "person", "person", "default", "person", "bald"),
        ("woman walking facing right", "walking", "person", "default", "woman", ""),
        ("merman light skin tone", "mer", "", "light", "man", ""),
        ("Mrs. Claus", "Claus", "", "default", "woman", ""),
        ("older person", "old", "person", "default", "person", ""),
        ("women holding hands light skin tone dark skin tone", "holding hands", "person", "", "woman", ""),
        ("woman and man holding hands medium skin tone", "holding hands", "person", "medium", "", ""),
        ("family man woman girl boy", "family", "person", "", "", ""),
        ("person fencing", "fencing", "person", "", "", ""),
        ("waving hand dark skin tone", "waving hand", "hand", "dark", "", ""),
        ("flag Germany", "flag Germany", "flag", "", "", ""),
        ("grinning face with big eyes", "grinning face with big eyes", "face", "", "", ""),
        ("heart with arrow", "heart with arrow", "heart", "", "", ""),
        ("bow and arrow", "bow and arrow", "other", "", "", ""),
        ("two-thirty", "two-thirty", "clock", "", "", ""),
        ("three o’clock", "three o’clock", "clock", "", "", ""),  # noqa: RUF001
        ("man’s shoe", "man’s shoe", "other", "", "", ""),  # noqa: RUF001
        ("white hair", "white hair", "other", "", "", ""),
        ("banana", "banana", "other", "", "", ""),
    ],
)
def test_labels_spelled_out(
    name: str, base: str, kind: str, skin: str, person: str, hair: str, table: pd.DataFrame
) -> None:
    if name in table.index:
        assert table.loc[name].to_dict() == {"base": base, "kind": kind, "skin": skin, "person": person, "hair": hair}
    else:  # no emoji by itself
        assert parts(name).base == base


def test_a_kind_has_bases_enough(table: pd.DataFrame) -> None:
    counts = table[table["kind"] != ""].groupby("kind")["base"].nunique()
    assert set(counts.index) == {*KINDS, OTHER}
    assert counts.min() >= FEWEST, counts


def test_labels_are_known_values(table: pd.DataFrame) -> None:
    known = {"kind": [*KINDS, OTHER], "skin": SKINS, "person": PERSONS.values(), "hair": HAIRS.values()}
    for attribute, values in known.items():
        assert set(table[attribute]) == {"", *values}


def test_an_attribute_varies_within_each_base_that_has_it(table: pd.DataFrame) -> None:
    for attribute in ("skin", "person"):
        said = table[table[attribute] != ""]
        assert (said.groupby("base")[attribute].nunique() > 1).all()


def test_a_base_has_no_word_of_what_was_taken_off(table: pd.DataFrame) -> None:
    peopled = table.loc[table["person"] != "", "base"].unique()
    assert not [base for base in peopled if "skin tone" in base or set(base.split()) & (PERSONS.keys() - {"person"})]


def test_labels_depend_on_what_is_there() -> None:
    """Without its variants a base has nothing to tell."""
    alone = labelled(["snowboarder", "man walking"])
    assert alone[["skin", "person"]].to_numpy().tolist() == [["", ""], ["", ""]]
    assert labelled(["man walking", "woman walking"])["person"].tolist() == ["man", "woman"]
