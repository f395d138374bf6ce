"""The most suspicious samples: a copy is found and stands beside what it was copied from."""

import numpy as np
from scipy.sparse import csr_array

from stages.evaluation.metrics.nearest_training_items import NEAREST, SHOWN, near_copies, neighbours
from tests.evaluation.datasets import dataset, handwriting


def test_copies_come_first_each_beside_its_original() -> None:
    plain = dataset()
    fresh = plain.real["judge"]["image"].features
    assert fresh is not None
    rng, train = np.random.default_rng(3), plain.real["train"]["image"].features
    assert train is not None
    thief = np.concatenate([fresh[:100], train[7:12] + 0.001 * rng.normal(size=(5, train.shape[1]))])
    table = near_copies(dataset({"image": thief, "audio": fresh[:105]}))
    assert list(table.columns) == ["modality", "key", "rank", "train_id", "ratio"]
    assert list(table["rank"]) == list(range(1, NEAREST + 1)) * 2 * SHOWN
    assert not table.duplicated(["modality", "key", "train_id"]).any()
    found = table[table["rank"] == 1]
    assert list(found["modality"]) == ["image"] * SHOWN + ["audio"] * SHOWN
    seen = found[found["modality"] == "image"]
    assert sorted(seen["key"][:5]) == [f"{number:06d}" for number in range(100, 105)]
    assert list(seen["train_id"][:5].astype(int)) == list(seen["key"][:5].astype(int) - 100 + 7)
    assert seen["ratio"].is_monotonic_increasing and (seen["ratio"][:5] < 0.1).all() and (seen["ratio"][5:] > 0.1).all()


def test_handwriting_is_read_well_enough_to_test_with() -> None:
    rows, labels, _ = handwriting()
    real = dataset().real["test"]["image"]
    assert len(rows) == len(labels) == 5000
    assert (real.labels["digit"] == dataset().rows("test")["digit"].to_numpy(str)).mean() > 0.85


def test_of_items_that_are_equal_one_stands_beside_a_sample() -> None:
    """Ten items, three times each: each is found once, the nearest first."""
    train = np.repeat(np.arange(10.0)[:, None], 3, axis=0)
    for rows in (train, csr_array(train)):
        (near,) = neighbours(np.array([[3.1]]), rows)
        assert [train[item, 0] for item in near] == [3, 4, 2, 5, 1, 6, 0, 7]
    assert neighbours(np.array([[0.2]]), train[:4]) == [[0, 3]]
