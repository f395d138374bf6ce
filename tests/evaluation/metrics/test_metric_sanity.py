"""The metrics' own sanity, on real handwriting: what must hold does, and what fails is named with its reason."""

from functools import cache
from typing import Any

import numpy as np
import pytest

from stages.evaluation.metrics.metric_sanity import CHECKS, EXPECTED, holds, sanity
from tests.evaluation.datasets import dataset

FLAWS = {  # checks that a metric may fail, and why
    ("recall", "noise"): "samples that noise drives apart have wide neighbourhoods, which hold every real item",
    ("coherence.joint", "label dropped"): "what is left may be easier or harder to read than what was dropped",
}
FAINT = {("fidelity", "label dropped"), ("frechet", "label dropped"), ("recall", "label dropped")}  # a tenth is missing


@cache
def measured() -> dict[tuple[str, str], dict[str, Any]]:
    rows = sanity(dataset(), np.random.default_rng(0)).to_dict("records")
    return {(str(row["metric"]), str(row["check"])): {str(key): value for key, value in row.items()} for row in rows}


@pytest.mark.parametrize("metric", EXPECTED)
@pytest.mark.parametrize("check", CHECKS)
def test_a_metric_does_what_it_must_unless_its_flaw_is_known(metric: str, check: str) -> None:
    row = measured()[metric, check]
    if (metric, check) in FAINT:  # the right way, if not always beyond chance
        assert (row["after"] > row["before"]) == (row["expected"] == "rises")
    elif (metric, check) not in FLAWS:
        assert row["passes"], row


def test_noise_makes_recall_better_which_is_its_known_flaw() -> None:
    row = measured()["recall", "noise"]
    assert not row["passes"] and row["after"] > row["before"]


def test_order_changes_nothing_at_all() -> None:
    for (_, check), row in measured().items():
        if check == "reordered":
            assert row["passes"] and row["after"] == pytest.approx(row["before"], abs=1e-9)


def test_the_table_has_every_check_of_every_metric() -> None:
    assert list(measured()) == [(metric, check) for metric in EXPECTED for check in CHECKS]


@pytest.mark.parametrize(
    ("expected", "changes", "passes"),
    [
        ("rises", [0.3, 0.2, 0.25], True),
        ("rises", [0.3, -0.2, 0.1], False),  # by chance
        ("falls", [0.3, 0.2, 0.25], False),
        ("stays", [0.3, -0.2, 0.1], True),
        ("stays", [0.3, 0.2, 0.25], False),
        ("falls or stays", [-0.3, -0.2, -0.25], True),
        ("stays", [0.0, 0.0, 0.0], True),
        ("falls", [0.0, 0.0, 0.0], False),
    ],
)
def test_a_change_counts_when_every_draw_would_show_it(expected: str, changes: list[float], passes: bool) -> None:
    assert holds(expected, np.array(changes)) == passes
