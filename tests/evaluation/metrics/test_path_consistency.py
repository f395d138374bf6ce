"""Consistency: nought for who says the same by every way, one for who says nothing alike; real data in between."""

from dataclasses import replace
from itertools import permutations

import numpy as np
import pandas as pd
import pytest

from stages.common.modality_subsets import proper_subsets
from stages.evaluation.judges.loading import Judges
from stages.evaluation.metrics.evaluated_data import Dataset, Outputs, Predicted
from stages.evaluation.metrics.judge_inference import MALFORMED, UNSTATED, Predictions
from stages.evaluation.metrics.path_consistency import consistency, variation, within
from stages.evaluation.metrics.result import Result

COUNT = 400
NAMES = ["image", "text", "audio"]
VALUES = {"digit": list("0123456789"), "colour": ["red", "green", "blue"], "pitch": ["low", "high"]}
SHOWN = {"digit": ["image", "audio"], "colour": ["image"], "pitch": ["audio"]}
RNG = np.random.default_rng(0)
TRUTH = pd.DataFrame({attribute: RNG.choice(values, COUNT) for attribute, values in VALUES.items()})
SILENT = RNG.random(COUNT) < 0.3  # captions that leave the digit out


def items(name: str, *, silent: bool = False) -> Predictions:
    shown_by = [a for a in SHOWN if name == "text" or name in SHOWN[a]]
    labels = {attribute: TRUTH[attribute].to_numpy(str) for attribute in shown_by}
    if silent and name == "text":
        labels["digit"] = np.where(SILENT, UNSTATED, labels["digit"])
    return Predictions(labels, np.ones(COUNT))


def noise(name: str) -> Predictions:
    labels = {a: np.full(100, MALFORMED if name == "text" else VALUES[a][0]) for a in items(name).labels}
    return Predictions(labels, np.zeros(100))


def dataset(names: list[str] = NAMES, *, silent: bool = False) -> Dataset:
    """A generator that makes what is true, by every way; captions may leave the digit out."""
    real: Predicted = {name: items(name, silent=silent) for name in names}
    keys = [f"{number:06d}" for number in range(COUNT)]
    outputs = {
        observed: Outputs({name: real[name] for name in names if name not in observed}, TRUTH, real, keys)
        for observed in proper_subsets(names)
    }
    chains: dict[tuple[str, ...], Outputs] = {
        chain: Outputs({chain[2]: real[chain[2]]}, TRUTH, real, keys) for chain in permutations(names, 3)
    }
    return Dataset(
        names=names, samples=TRUTH, values=VALUES, shown_by=SHOWN, key="digit",
        judges=Judges({}, {}, {}, None), fitted={}, real={"test": real},
        outputs=outputs, reconstructed=outputs[()], decoded_noise={name: noise(name) for name in names}, chains=chains,
        out_of_domain=None,
    )  # fmt: skip


def results(of: Dataset) -> dict[str, Result]:
    return {result.metric: result for result in consistency(of, np.random.default_rng(1))}


def changed(of: Dataset, chain: tuple[str, str, str], attribute: str, labels: np.ndarray) -> Dataset:
    """The last link of one chain says something else."""
    said = replace(
        of.chains[chain].items[chain[2]], labels=of.chains[chain].items[chain[2]].labels | {attribute: labels}
    )
    return replace(of, chains=of.chains | {chain: replace(of.chains[chain], items={chain[2]: said})})


def test_who_says_the_same_by_every_way_scores_nought() -> None:
    found = results(dataset())
    assert {"consistency.chained", "consistency.marginals"} <= found.keys()
    assert {"consistency.chained.digit.image_text_audio", "consistency.marginals.colour.audio_to_image"} <= found.keys()
    for metric, result in found.items():
        assert result.value == 0 == result.low, metric
        assert 0 <= result.ceiling_low <= result.ceiling <= result.ceiling_high < result.floor <= 1, metric
        assert not np.isnan([result.high, result.floor]).any() and result.n > 0, metric


def test_swapped_digits_are_seen_though_each_is_as_frequent() -> None:
    swapped = TRUTH["digit"].replace({"3": "5", "5": "3"}).to_numpy(str)
    found = results(changed(dataset(), ("image", "text", "audio"), "digit", swapped))
    result = found["consistency.chained.digit.image_text_audio"]
    share = TRUTH["digit"].isin(["3", "5"]).mean()
    assert result.value == pytest.approx(share) and result.low > result.ceiling_high
    assert found["consistency.chained.digit.text_image_audio"].value == 0


def test_what_a_caption_in_the_middle_leaves_out_is_no_fault() -> None:
    guessed = np.where(SILENT, "0", TRUTH["digit"].to_numpy(str))
    found = results(changed(dataset(silent=True), ("image", "text", "audio"), "digit", guessed))
    result = found["consistency.chained.digit.image_text_audio"]
    assert result.value == 0 and result.n == (~SILENT).sum()


def test_a_chain_may_hold_fewer_samples() -> None:
    plain, rows = dataset(), np.arange(50, 150)
    short: dict[tuple[str, ...], Outputs] = {}
    for chain, outputs in plain.chains.items():
        items = {name: predicted.take(rows) for name, predicted in outputs.items.items()}
        short[chain] = replace(outputs, items=items, keys=[outputs.keys[row] for row in rows])
    found = results(replace(plain, chains=short))
    for metric, result in found.items():
        assert result.value == 0, metric
        assert result.n == 100 or ".chained." not in metric


def test_another_share_of_a_colour_is_seen_in_chains_and_in_marginals() -> None:
    plain = dataset()
    red = np.full(COUNT, "red")
    missing = (TRUTH["colour"] != "red").mean()
    found = results(changed(plain, ("text", "audio", "image"), "colour", red))
    assert found["consistency.chained.colour.text_audio_image"].value == pytest.approx(missing)
    alone = replace(plain.outputs[()].items["image"], labels=plain.outputs[()].items["image"].labels | {"colour": red})
    joint = replace(plain.outputs[()], items=dict(plain.outputs[()].items) | {"image": alone})
    found = results(replace(plain, outputs=plain.outputs | {(): joint}))
    for observed in ("text", "audio", "text+audio"):
        assert found[f"consistency.marginals.colour.{observed}_to_image"].value == pytest.approx(missing)
    assert found["consistency.marginals.pitch.text_to_audio"].value == 0


@pytest.mark.parametrize("names", [["image"], ["text"], ["image", "text"]])
def test_what_can_not_be_asked_is_left_out(names: list[str]) -> None:
    families = {metric.split(".")[1] for metric in results(dataset(names))}
    assert families == ({"marginals"} if len(names) > 1 else set())


def test_total_variation_is_a_distance_from_nought_to_one() -> None:
    one, other = np.array([0.5, 0.5, 0.0]), np.array([0.0, 0.5, 0.5])
    assert variation(one, one) == 0 and variation(one, other) == 0.5 == variation(other, one)
    assert variation(np.array([1.0, 0.0]), np.array([0.0, 1.0])) == 1


def test_a_draw_within_strata_takes_as_many_from_each() -> None:
    strata = np.array(["b", "a", "b", "c", "a", "b"] * 20)
    rows = within(strata, np.random.default_rng(0))
    assert sorted(strata[rows]) == sorted(strata) and len(set(rows)) < len(rows)
