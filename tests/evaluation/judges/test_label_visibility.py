"""Which modality shows a label: what its judge can read in items that it has not seen."""

import numpy as np
import pandas as pd
import pytest
import torch

from stages.evaluation.judges.classifier import Classifier
from stages.evaluation.judges.label_visibility import LEAST, label_visibility, resolved, unseen_rows
from stages.learning.training import stream

pytestmark = pytest.mark.usefixtures("shown_as_they_are")

VALUES = {"colour": ["blue", "red"], "speaker": ["jo", "kim", "lu"]}


def judge() -> Classifier:
    """Reads the colour in the first level of a picture, and takes everyone for the same speaker."""
    made = Classifier("image", "grid", 1, VALUES)
    made.trunk = torch.nn.Flatten()
    colour, speaker = torch.nn.Linear(4, 2), torch.nn.Linear(4, 3)
    with torch.no_grad():
        for head in (colour, speaker):
            head.weight.zero_()
            head.bias.zero_()
        colour.weight[1, 0], colour.bias[1] = 1.0, -0.5
        speaker.weight[:, 1] = torch.tensor([1.0, 2.0, 3.0])
    made.heads.update({"colour": colour, "speaker": speaker})
    return made


def samples(count: int = 600) -> tuple[torch.Tensor, pd.DataFrame]:
    drawn = torch.rand(count, 1, 2, 2, generator=stream(1, "test"))
    colours = np.where(drawn[:, 0, 0, 0] > 0.5, "red", "blue")
    return drawn, pd.DataFrame({"colour": colours, "speaker": np.resize(["jo", "kim", "lu", "jo", ""], count)})


@pytest.mark.parametrize("assumed", [True, False])
def test_what_the_judge_can_not_read_is_not_shown_unless_it_was_given(assumed: bool) -> None:
    items, columns = samples()
    about = {
        name: {"values": values, "shown_by": ["image", "audio"], "assumed": assumed} for name, values in VALUES.items()
    }
    found = {row["attribute"]: row for row in label_visibility("image", judge(), items, columns, columns, about)}
    assert found["colour"]["right"] == 1 and found["colour"]["shown"]
    assert found["speaker"]["n"] == 480, "samples without the label say nothing"
    assert found["speaker"]["right"] == pytest.approx(0.25) and found["speaker"]["most_frequent"] == pytest.approx(0.5)
    assert found["speaker"]["gain"] == pytest.approx(-0.25)
    assert -0.4 < found["speaker"]["low"] < -0.25 < found["speaker"]["high"] < -0.1
    assert found["speaker"]["shown"] != assumed and found["speaker"]["by"] == ("measured" if assumed else "given")
    known = resolved(about, list(found.values()))
    assert known["colour"] == {"values": ["blue", "red"], "shown_by": ["image", "audio"]}
    assert known["speaker"]["shown_by"] == (["audio"] if assumed else ["image", "audio"])


def test_a_few_right_by_chance_show_nothing() -> None:
    """Of 20 items a third more than chance is no proof; of 600 it is; and a hundredth more never is."""
    items, columns = samples()
    about = {name: {"values": values, "shown_by": ["image"], "assumed": True} for name, values in VALUES.items()}
    shown_by = {}
    for count, right in ((20, 0.65), (600, 0.65), (600, 0.51)):
        mixed = columns.copy()
        wrong = np.arange(600) % 100 >= 100 * right
        mixed.loc[wrong, "colour"] = np.where(columns["colour"][wrong] == "red", "blue", "red")
        picked = np.linspace(0, 599, count).astype(int)
        rows = label_visibility("image", judge(), items[picked], mixed.iloc[picked], columns, about)
        shown_by[count, right] = rows[0]["shown"]
    assert shown_by == {(20, 0.65): False, (600, 0.65): True, (600, 0.51): False}
    assert 0 < LEAST < 0.2


def test_where_no_item_has_the_label_nothing_is_measured() -> None:
    items, columns = samples()
    about = {name: {"values": values, "shown_by": ["image"], "assumed": True} for name, values in VALUES.items()}
    rows = label_visibility("image", judge(), items, columns.assign(speaker=""), columns, about)
    assert rows[1]["n"] == 0 and rows[1]["shown"] and np.isnan(rows[1]["right"])
    rows = label_visibility("image", judge(), items[:0], columns[:0], columns, about)
    assert [row["n"] for row in rows] == [0, 0]


def test_neither_what_taught_the_judge_nor_what_the_figures_rest_on_is_looked_at() -> None:
    splits = ["train"] * 5000 + ["validation"] * 300 + ["judge"] * 900 + ["test"] * 700
    table = pd.DataFrame({"split": splits, "has_image": np.arange(len(splits)) % 2 == 0})
    rows = unseen_rows(table, "image")
    assert (
        rows.sum() == 2000 and set(table["split"][rows]) == {"train", "validation"} and table["has_image"][rows].all()
    )
    assert unseen_rows(table[table["split"] == "test"], "image").sum() == 0


def test_what_is_forgotten_is_read_no_more() -> None:
    made = judge()
    made.forget("speaker")
    assert made.card["values"] == {"colour": ["blue", "red"]} and list(made.scores(torch.zeros(2, 4))) == ["colour"]
    assert VALUES["speaker"], "its own values, not those of the caller"
