"""The grammar: a caption says exactly what was told, and what is not of the grammar is not read."""

import string

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.data.sources import caption_grammar
from stages.data.sources.digits import ATTRIBUTES

VALUES = {name: tuple(map(str, about["values"])) for name, about in ATTRIBUTES.items()}
LABELS = st.fixed_dictionaries({name: st.sampled_from(values) for name, values in VALUES.items()})


@given(LABELS, st.integers(0, 2**32), st.floats(0, 1))
def test_what_is_told_is_what_is_read(labels: dict[str, str], seed: int, leave_out: float) -> None:
    caption = caption_grammar.write(labels, leave_out=leave_out, rng=np.random.default_rng(seed))
    said = caption_grammar.read(caption, VALUES)
    assert said is not None, caption
    assert said.items() <= labels.items()
    for name in labels.keys() - said.keys():
        for value in VALUES[name]:
            assert value not in caption.replace("!", " ").replace(",", " ").split(), f"'{caption}' tells {name}"


@given(LABELS, st.integers(0, 2**32))
def test_all_is_told_or_nothing(labels: dict[str, str], seed: int) -> None:
    whole = caption_grammar.write(labels, leave_out=0, rng=np.random.default_rng(seed))
    said = caption_grammar.read(whole, VALUES)
    assert said is not None
    assert labels["digit"] == said["digit"]
    assert said == {name: labels[name] for name in said}
    silent = caption_grammar.write(labels, leave_out=1, rng=np.random.default_rng(seed))
    assert caption_grammar.read(silent, VALUES) == {}


@pytest.mark.parametrize("wording", range(len(caption_grammar.WORDINGS)))
def test_every_wording_can_tell_every_attribute(wording: int) -> None:
    fragments = "".join(fragment for fragment, _ in caption_grammar.WORDINGS[wording])
    for name in VALUES:
        assert fragments.count(f"{{{name}}}") == 1


def test_each_attribute_is_left_out_as_often_as_asked() -> None:
    labels = {name: values[0] for name, values in VALUES.items()}
    rng = np.random.default_rng(1)
    said = [
        caption_grammar.read(caption_grammar.write(labels, leave_out=0.3, rng=rng), VALUES) or {} for _ in range(3000)
    ]
    for name in VALUES:
        assert np.mean([name not in one for one in said]) == pytest.approx(0.3, abs=0.04)


def test_digits_are_spelt_in_half_of_the_captions() -> None:
    rng = np.random.default_rng(1)
    told = [caption_grammar.write({"digit": "7"}, leave_out=0, rng=rng) for _ in range(1000)]
    assert np.mean(["seven" in caption for caption in told]) == pytest.approx(0.5, abs=0.05)
    assert all(caption_grammar.read(caption, VALUES) == {"digit": "7"} for caption in told)


@given(st.text(string.printable, max_size=60))
def test_garbage_says_nothing(garbage: str) -> None:
    assert caption_grammar.read(garbage + "\u00a7", VALUES) is None
    assert caption_grammar.read("the digit 12 in red ink; there is a voice", VALUES) is None
    assert caption_grammar.read("", VALUES) is None


@given(LABELS, st.integers(0, 2**32), st.integers(0, 200))
def test_half_a_caption_never_says_what_was_not_told(labels: dict[str, str], seed: int, length: int) -> None:
    caption = caption_grammar.write(labels, leave_out=0.2, rng=np.random.default_rng(seed))[:length]
    said = caption_grammar.read(caption, VALUES)
    assert said is None or said.items() <= labels.items()
