"""A judge is as sure as it is right."""

import pandas as pd
import pytest
import torch
from torch import Tensor, nn

from stages.evaluation.judges.backbones import WIDTH
from stages.evaluation.judges.classifier import Classifier, calibrate
from stages.learning.training import stream

pytestmark = pytest.mark.usefixtures("shown_as_they_are")

VALUES = ["a", "b", "c"]


def judge(sharpness: float = 1.0) -> Classifier:
    """Reads its scores off the first three values of an item."""
    made = Classifier("image", "grid", 1, {"letter": VALUES})
    made.trunk = nn.Identity()
    with torch.no_grad():
        weight, bias = made.heads["letter"].parameters()
        weight.copy_(sharpness * torch.eye(len(VALUES), WIDTH))
        bias.zero_()
    return made


def shown_by(count: int, right: float) -> tuple[Tensor, pd.DataFrame]:
    """Items whose scores say one letter, as clearly as the next; the judge is right about a share of them."""
    said = torch.arange(count) % len(VALUES)
    items = torch.zeros(count, WIDTH)
    items[torch.arange(count), said] = 1
    chance = torch.rand(count, generator=stream(1, "slips"))
    truth = torch.where(chance < right, said, (said + 1) % len(VALUES))
    return items, pd.DataFrame({"letter": [VALUES[place] for place in truth]})


def confidence(made: Classifier, items: Tensor) -> float:
    with torch.no_grad():
        return made.scores(made(items))["letter"].softmax(-1).amax(-1).mean().item()


@pytest.mark.parametrize("right", [0.6, 0.8, 0.95])
@pytest.mark.parametrize("sharpness", [0.5, 3.0, 30.0])
def test_it_is_as_sure_as_it_is_right(right: float, sharpness: float) -> None:
    items, labels = shown_by(3000, right)
    made = judge(sharpness)
    before = made.scores(made(items))["letter"].argmax(-1)
    calibrate(made, items, labels)
    assert confidence(made, items) == pytest.approx(right, abs=0.02)
    assert torch.equal(made.scores(made(items))["letter"].argmax(-1), before)


def test_a_few_items_that_are_all_right_do_not_make_it_certain() -> None:
    items, labels = shown_by(8, right=1)
    made = judge()
    calibrate(made, items, labels)
    assert confidence(made, items) == pytest.approx(1 - 2 / 3 / 10, abs=0.01)


@pytest.mark.parametrize("count", [0, 5])
def test_without_labels_nothing_changes(count: int) -> None:
    made = judge(2.0)
    calibrate(made, torch.zeros(count, WIDTH), pd.DataFrame({"letter": [""] * count}))
    items, _ = shown_by(9, right=1)
    assert confidence(made, items) == confidence(judge(2.0), items)
