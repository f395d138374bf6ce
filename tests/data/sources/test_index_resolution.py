"""What you leave open: splits that share nothing, attributes that are kinds and not names."""

from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.data.records.rejects import Reject
from stages.data.records.split import SPLITS, Shares
from stages.data.sources.index_resolution import attributes_of, groups, resolve, splits_of
from stages.data.sources.packing import Own, Packed, Sample

SHARES = Shares(train=0.5, validation=0.1, judge=0.2, test=0.2)
OWN = Own(pattern="", attributes={}, shard_size=10, shares=SHARES)
NAMES = ("image", "audio")


def packed(
    count: int, *, labels: Mapping[str, Sequence[str]] | None = None, splits: Sequence[str] = (), contents: int = 0,
    group: Sequence[str] = (),
) -> list[Packed]:  # fmt: skip
    """Samples of which each has its own content, or one of few `contents`."""
    return [
        Packed(
            Sample(
                f"{n}",
                {"image": f"{n}.png"},
                {label: values[n % len(values)] for label, values in (labels or {}).items()},
                splits[n % len(splits)] if splits else "",
                group[n % len(group)] if group else "",
            ),
            "a.tar",
            (f"image {n % contents if contents else n}",),
        )
        for n in range(count)
    ]


def test_without_a_word_all_splits_are_drawn_in_their_shares() -> None:
    samples = packed(200, labels={"kind": "ab"})
    found, told = splits_of(samples, "kind", SHARES, 1)
    assert told == []
    assert {split: found.count(split) for split in SPLITS} == {"train": 100, "validation": 20, "judge": 40, "test": 40}
    for kind in (0, 1):
        assert abs(found[kind::2].count("test") - 20) <= 1
    assert found == splits_of(samples, "kind", SHARES, 1)[0]
    assert found != splits_of(samples, "kind", SHARES, 2)[0]


def test_what_is_given_is_kept_and_the_rest_comes_out_of_train() -> None:
    given_ = ["train", "train", "train", "test"]
    found, told = splits_of(packed(200, splits=given_), None, SHARES, 1)
    assert [split == "test" for split in found] == [split == "test" for split in given_ * 50]
    counts = {split: found.count(split) for split in SPLITS}
    assert counts == {"train": 94, "validation": 18, "judge": 38, "test": 50}
    assert told == [
        "the data names no split for it, so of its 150 train samples were taken: 18 for validation, 38 for judge"
    ]
    whole = packed(200, splits=SPLITS)
    assert splits_of(whole, None, SHARES, 1) == (list(SPLITS) * 50, [])


@pytest.mark.parametrize("contents", [60, 100])
def test_one_picture_is_in_one_split(contents: int) -> None:
    found, _ = splits_of(packed(200, contents=contents), None, SHARES, 1)
    assert found[:contents] == found[contents : 2 * contents]
    assert set(found) == set(SPLITS)


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=40))
def test_groups_are_the_connected_samples(pairs: list[tuple[int, int]]) -> None:
    """Whoever shares a picture or a clip, however many steps away, is in the group, and nobody else."""
    samples = [Packed(Sample("", {}), "", (f"image {left}", f"audio {right}")) for left, right in pairs]
    found = groups(samples)
    sets: list[set[str]] = []
    for one in samples:
        joined = {*one.contents}.union(*(other for other in sets if other & {*one.contents}))
        sets = [other for other in sets if not other & joined] + [joined]
    expected = [next(place for place, other in enumerate(sets) if set(one.contents) <= other) for one in samples]
    assert len(set(zip(found.tolist(), expected, strict=True))) == len(set(expected)) == len(set(found.tolist()))


def test_a_group_of_your_own_counts_instead_of_content() -> None:
    samples = packed(200, contents=2, group=[f"speaker {n}" for n in range(40)])
    found, _ = splits_of(samples, None, SHARES, 1)
    assert found == found[:40] * 5
    assert set(found) == set(SPLITS)


@pytest.mark.parametrize(
    ("samples", "told"),
    [
        (packed(1), "expected enough groups for 4 splits, got 1; add samples"),
        (packed(300, contents=1), "expected enough groups for 4 splits, got 1"),
        (packed(200, splits=["test", "judge"]), "expected samples of the split train, got only judge, test"),
        (packed(200, splits=["train", ""]), "expected a split for every sample or for none, got none for '1'"),
        (packed(3, splits=["train", "test", "judge"]), "expected enough groups for 2 splits, got 1"),
        ([], r"expected samples that can be used, got none \(no sample at all\)"),
    ],
    ids=["one", "identical", "no train", "some", "few", "none"],
)
def test_what_can_not_be_split_is_refused(samples: list[Packed], told: str) -> None:
    with pytest.raises(ValueError, match=f"^{told}"):
        resolve(samples, [], OWN, NAMES, 1)


def test_labels_that_name_samples_are_no_attributes() -> None:
    labels = {"kind": ["a", "b", ""], "all": ["same"], "name": [f"n{n}" for n in range(30)]}
    found, told = attributes_of(packed(30, labels=labels), {}, NAMES)
    assert found == {"kind": {"values": ["a", "b"], "shown_by": ["image", "audio"], "assumed": True}}
    assert told == [
        "'all' is not taken for an attribute: 1 values in 30 samples; name it in acquire.own.attributes if it is one",
        "'name' is not taken for an attribute: 30 values in 30 samples; name it in acquire.own.attributes if it is one",
    ]


def test_who_names_attributes_gets_these_and_no_others() -> None:
    samples = packed(30, labels={"kind": "ab", "all": ["same"], "other": "xyz"})
    found, told = attributes_of(samples, {"all": ["audio"], "kind": ["text", "image"]}, NAMES)
    assert told == []
    assert found == {
        "all": {"values": ["same"], "shown_by": ["audio"], "assumed": False},
        "kind": {"values": ["a", "b"], "shown_by": ["image"], "assumed": False},
    }


def test_what_is_wrong_with_the_data_is_said_where_no_split_is_left() -> None:
    refused = [Reject(f"{n}", "", "expected a split of train, got 'blue'") for n in range(12)]
    told = r"^expected samples of the split train, got only test; 12 samples were rejected: 12 x expected a split of"
    with pytest.raises(ValueError, match=told):
        resolve(packed(20, splits=["test"]), refused, OWN, NAMES, 1)


@pytest.mark.parametrize(
    ("wanted", "labels", "told"),
    [
        ({"knid": []}, {"kind": "ab"}, "expected some of kind, got 'knid'; did you mean 'kind'"),
        ({"kind": ["picture"]}, {"kind": "ab"}, r"acquire.own.attributes.kind: expected some of image, text, audio"),
        ({}, {"shard": "ab"}, "expected a label by another name, got 'shard'"),
        ({}, {"has_tail": "ab"}, "expected a label by another name, got 'has_tail'"),
    ],
)
def test_attributes_that_can_not_be_are_refused(
    wanted: dict[str, list[str]], labels: dict[str, str], told: str
) -> None:
    with pytest.raises(ValueError, match=told):
        attributes_of(packed(30, labels=labels), wanted, NAMES)


def test_ten_thousand_classes_are_spread() -> None:
    samples = packed(30000, labels={"kind": [f"k{n}" for n in range(10000)]})
    index, attributes, *_ = resolve(samples, [], OWN, NAMES, 1)
    assert len(attributes["kind"]["values"]) == 10000
    assert index["split"].value_counts()["train"] == 15000
