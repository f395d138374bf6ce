"""Attribute inference: does what is made of an item betray what the item leaves out, because the models remember it?

Of items that leave an attribute out, such as captions that do not say the digit, the rest is made, and the judge reads
the attribute in it. It comes out right as often for the train split as for the test split, unless the models learned by
heart whose item this is. Floor: the test split.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import torch

from stages.common.modality import suffix_of
from stages.evaluation.metrics.evaluated_data import Dataset
from stages.evaluation.metrics.judge_inference import UNSTATED, Predictions, judge_files
from stages.evaluation.metrics.result import Result, share
from stages.generation.sampler import Sampler

SIDES = ("train", "test")
FEWEST = 20  # items a side, for a figure


def attributes(dataset: Dataset, sampler: Sampler, most: int, rng: np.random.Generator) -> list[Result]:
    """A figure for each attribute that items of a modality leave out, and each other modality that shows it."""
    results = []
    for name in dataset.names:
        left_out = {attribute: {side: unstated(dataset, side, name, attribute) for side in SIDES}
                    for attribute in dataset.real["test"][name].labels}  # fmt: skip
        for attribute, rows in left_out.items():
            if min(map(len, rows.values())) < FEWEST:
                continue
            targets = [target for target in dataset.shown_by.get(attribute, []) if target != name]
            chosen = {side: rng.permutation(found)[:most] for side, found in rows.items()}
            hits = {side: dict(right(dataset, sampler, side, name, attribute, chosen[side], targets)) for side in SIDES}
            for target in targets:
                learned, new = hits["train"][target], hits["test"][target]
                metric = f"attribute_inference.{attribute}.{name}_to_{target}"
                results.append(share(metric, [learned], [new], [], rng))
    return results


def unstated(dataset: Dataset, side: str, name: str, attribute: str) -> np.ndarray:
    """Numbers, within a split, of the samples whose item leaves the attribute out though the sample has it."""
    table = dataset.rows(side)
    there = table[f"has_{name}"].to_numpy(bool) & (table[attribute].fillna("").to_numpy(str) != "")
    return np.flatnonzero(there & (dataset.real[side][name].labels[attribute] == UNSTATED))


def right(
    dataset: Dataset, sampler: Sampler, side: str, name: str, attribute: str, rows: np.ndarray, targets: Sequence[str]
) -> Iterator[tuple[str, np.ndarray]]:
    """For each target, whether (n,) the attribute comes out as it is in the samples."""
    numbers = torch.from_numpy(np.flatnonzero(dataset.samples["split"] == side)[rows])
    given = sampler.dataset.clean[numbers.to(sampler.dataset.clean.device)]
    made = sampler.sample(f"attacks/{side}/{name}/{attribute}", given, [name], targets)
    files, truth = sampler.decode(made, targets), dataset.rows(side)[attribute].to_numpy(str)[rows]
    for target in targets:
        payloads = [file[suffix_of(target)] for file in files]
        read: Predictions = judge_files(
            target, payloads, dataset.judges, dataset.fitted[target], dataset.values, dataset.key
        )
        yield target, read.labels[attribute] == truth
