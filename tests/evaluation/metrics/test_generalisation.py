"""What is new to the models is measured apart, each kind of novelty by itself."""

from dataclasses import replace

import numpy as np

from stages.evaluation.metrics.evaluated_data import Dataset, Outputs
from stages.evaluation.metrics.generalisation import held_out
from tests.evaluation.datasets import SHARES, dataset


def told() -> Dataset:
    """Half of the test samples are new combinations, a quarter new bases; of the latter only chance is made."""
    real = dataset()
    samples, test = real.samples.assign(held_out=None), real.joint
    rows = np.arange(SHARES["test"])
    novelty = np.where(rows % 4 == 0, "base", np.where(rows % 2 == 1, "combination", ""))
    mixed = rows.copy()
    mixed[novelty == "base"] = np.random.default_rng(1).permutation(mixed[novelty == "base"])
    outputs = Outputs(
        {"audio": test.items["audio"].take(mixed)}, test.truth.assign(held_out=novelty), test.real, test.keys
    )
    return replace(real, samples=samples, outputs={(): test, ("image",): outputs}, learned={"image": outputs})


def test_each_kind_of_novelty_has_its_figure() -> None:
    found = {result.metric: result for result in held_out(told(), np.random.default_rng(1))}
    assert list(found) == [f"held_out.{kind}.image_to_audio" for kind in ("base", "combination", "learned")]
    base, combination, learned = found.values()
    assert learned.n == SHARES["test"] and base.value < learned.value < combination.value
    assert base.n == 125 and combination.n == 250
    assert base.value < 0.25 and combination.value == combination.ceiling > 0.8
    assert abs(base.value - base.floor) < 0.1


def test_data_that_do_not_say_have_none() -> None:
    assert held_out(dataset(), np.random.default_rng(1)) == []
