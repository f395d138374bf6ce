"""Matching: what belongs together is found, what does not is a matter of chance."""

from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from stages.common.modality import PICTURE
from stages.evaluation.judge import needs_matcher
from stages.evaluation.judges.classifier import classes, labelled_loss, train_classifier
from stages.evaluation.judges.inputs import INPUTS
from stages.evaluation.judges.loading import key_attribute
from stages.evaluation.judges.matcher import Matcher, train_matcher
from stages.evaluation.metrics.evaluated_data import Outputs
from stages.evaluation.metrics.matching import first_of, matching
from stages.learning.training import Training, stream
from tests.evaluation.datasets import dataset

TRAINING = Training(steps=120, batch=32, learning_rate=0.003)
RNG = np.random.default_rng(0)


def captions(kinds: np.ndarray) -> torch.Tensor:
    """(N, 8) tokens: two words of a kind of its own, among words that say nothing."""
    tokens = torch.tensor(RNG.integers(40, 60, (len(kinds), 8)))
    tokens[:, 2], tokens[:, 5] = torch.tensor(3 + kinds), torch.tensor(13 + kinds)
    return tokens


def blocks(kinds: np.ndarray) -> torch.Tensor:
    """(N, 16, 16, 3) bytes of white pictures whose block has the ink of its kind."""
    inks = torch.tensor(np.random.default_rng(1).integers(0, 256, (10, 3)), dtype=torch.uint8)
    pictures = torch.full((len(kinds), 16, 16, 3), 255, dtype=torch.uint8)
    pictures[:, 4:12, 4:12] = inks[torch.tensor(kinds)][:, None, None]
    return pictures


def test_a_matcher_finds_what_belongs_together_and_chance_does_not(tmp_path: Path) -> None:
    kinds = RNG.integers(10, size=400)
    items = {"image": blocks(kinds), "text": captions(kinds)}
    there = {name: torch.tensor(RNG.random(400) < 0.8) for name in items}
    matcher, curve = train_matcher("grid", items, there, TRAINING, seed=1, state=tmp_path)
    assert set(curve.table()) == {"step", "image", "text", "image_text"}
    fresh = np.arange(10).repeat(4)
    with torch.no_grad():
        left, right = matcher("image", INPUTS[PICTURE](blocks(fresh))).numpy(), matcher("text", captions(fresh)).numpy()
    others = (40 - 4) / 39 + 3 / 39 / 2  # of its own kind are three more, told apart by chance
    assert first_of(left, right, 2).mean() > others - 0.06
    assert abs(first_of(left, RNG.permutation(right), 2).mean() - 0.5) < 0.15


def test_where_labels_tell_what_belongs_together_only_the_first_among_ten_is_asked_for() -> None:
    scene = dataset()
    where = {name: replace(items, embedded=items.features) for name, items in scene.joint.items.items()}
    outputs = Outputs({"audio": where["audio"]}, scene.joint.truth, where, scene.joint.keys)
    matcher = Matcher("grid", {"image": 3})
    judges = replace(scene.judges, matcher=matcher)
    asked = replace(scene, judges=judges, outputs={(): scene.joint, ("image",): outputs})
    (found,) = matching(asked, RNG)
    assert found.metric == "retrieval.image_to_audio" and found.value == found.ceiling > found.floor
    assert matching(scene, RNG) == [], "there is no matcher"


def test_one_modality_teaches_features_of_its_own(tmp_path: Path) -> None:
    kinds = RNG.integers(10, size=200)
    there = {"image": torch.ones(200, dtype=torch.bool)}
    matcher, _ = train_matcher("grid", {"image": blocks(kinds)}, there, TRAINING, seed=1, state=tmp_path)
    with torch.no_grad():
        embedded = matcher("image", INPUTS[PICTURE](blocks(np.arange(10)))).numpy()
    assert (embedded @ embedded.T - np.eye(10)).max() < 0.95, "other inks lie elsewhere"


@given(st.integers(0, 2**32 - 1), st.integers(2, 7), st.integers(2, 4))
def test_the_chance_to_be_first_is_that_of_all_draws(seed: int, count: int, choices: int) -> None:
    """Against every draw of rivals, of vectors among which are equals."""
    choices = min(choices, count)
    wanted, found = np.random.default_rng(seed).integers(-1, 2, (2, count, 2)).astype(float)
    similarity, expected = wanted @ found.T, []
    for row in range(count):
        own, others = similarity[row, row], np.delete(similarity[row], row)
        draws = [np.array(drawn) for drawn in combinations(others, choices - 1)]
        expected.append(np.mean([(drawn <= own).all() / (1 + (drawn == own).sum()) for drawn in draws]))
    np.testing.assert_allclose(first_of(wanted, found, choices), expected)


def test_one_place_for_all_is_chance() -> None:
    """A matcher that puts everything at one place knows nothing, however sure it is."""
    same = np.ones((50, 3))
    for choices in (2, 10):
        np.testing.assert_allclose(first_of(same, same, choices), 1 / choices)


def test_labels_that_are_not_there_teach_nothing() -> None:
    column, values = pd.Series(["b", "", "a", "c"]), ["a", "b"]
    assert classes(column, values).tolist() == [1, -1, 0, -1]
    scores = torch.randn(4, 2, generator=stream(1, "scores"), requires_grad=True)
    labelled_loss(scores, classes(column, values)).backward()
    assert scores.grad is not None
    assert (scores.grad.abs().sum(1) > 0).tolist() == [True, False, True, False]
    assert labelled_loss(scores, torch.full((4,), -1)) == 0


def test_a_classifier_reads_words_that_no_grammar_knows(tmp_path: Path) -> None:
    kinds = RNG.integers(10, size=300)
    values = {"kind": [str(number) for number in range(10)]}
    labels = pd.DataFrame({"kind": np.where(RNG.random(300) < 0.2, "", kinds.astype(str))})
    judge, _ = train_classifier("text", "grid", captions(kinds), labels, values, TRAINING, seed=1, state=tmp_path)
    fresh = RNG.integers(10, size=100)
    with torch.no_grad():
        found = judge.scores(judge(captions(fresh)))["kind"].argmax(1).numpy()
    assert (found == fresh).mean() > 0.95


@pytest.mark.parametrize(
    ("reads", "key"),
    [
        ({"image": ["digit", "ink"], "text": ["digit", "ink"]}, "digit"),
        ({"image": ["ink"], "text": ["ink"]}, "ink"),
        ({"image": ["digit", "ink"]}, "digit"),
        ({"image": ["digit"], "text": ["ink"]}, None),
        ({"image": [], "text": []}, None),
    ],
)
def test_the_key_attribute_ties_modalities_together(reads: dict[str, list[str]], key: str | None) -> None:
    attributes = {
        "digit": {"values": list("0123456789"), "shown_by": ["image"]},
        "ink": {"values": ["red", "blue"], "shown_by": ["image"]},
    }
    assert key_attribute(attributes, reads) == key
    readers = {name: {"by": "classifier" if found else "matcher", "reads": found} for name, found in reads.items()}
    assert needs_matcher(readers, attributes) == (key is None)
