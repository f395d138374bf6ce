"""What our judges and metrics say of a method's samples: exactly those of `evaluate`, for every method alike.

Samples become files and are read again, as those of `generate` are. Observed are whole test samples.
"""

import math
from collections.abc import Mapping, Sequence
from time import process_time

import numpy as np

from stages.common.files import read_json, read_table
from stages.common.modality import kind_of
from stages.common.modality_subsets import usual_subsets
from stages.common.seeds import draws
from stages.data.kinds.modalities import MODALITIES, restore
from stages.evaluation.judges.loading import key_attribute, load_judges
from stages.evaluation.metrics.coherence import agreement, determined, hidden
from stages.evaluation.metrics.distribution_measures import kernel_distance, neighbourhoods
from stages.evaluation.metrics.evaluated_data import CLEAN, JUDGES, Dataset, Outputs
from stages.evaluation.metrics.judge_inference import Predictions, judge, judge_files
from stages.evaluation.metrics.unconditional_quality import measured
from stages.features.chunked_items import stored
from tools.peers.trained import Given, Sample

SAMPLES, OBSERVED = 1000, 500  # made from nothing; test samples observed
TIMED = 500  # samples whose making is timed
SPLITS = ("test", "judge")  # the latter for the words of captions


class Scoring:
    """Judges, and real items as they see them."""

    def __init__(self, names: Sequence[str]) -> None:
        self.names, attributes = list(names), read_json(JUDGES / "attributes.json")
        self.values = {attribute: about["values"] for attribute, about in attributes.items()}
        self.shown_by = {attribute: about["shown_by"] for attribute, about in attributes.items()}
        self.samples = read_table(CLEAN / "samples.csv", text=("id", *attributes))
        self.judges, self.fitted = load_judges(JUDGES, names), restore(names, CLEAN)
        self.key = key_attribute(attributes, self.judges.reads) or ""
        self.items = {name: self.clean("test", name) for name in names}
        self.real = {split: {name: self.seen(name, self.clean(split, name)) for name in names} for split in SPLITS}
        self.truth = self.samples[self.samples["split"] == "test"].reset_index(drop=True)

    def clean(self, split: str, name: str) -> np.ndarray:
        """(N, ...) items of a split."""
        items: np.ndarray = stored(CLEAN / f"{name}.clean.npy", (self.samples["split"] == split).to_numpy())[:]
        return items

    def seen(self, name: str, items: np.ndarray) -> Predictions:
        return judge(name, items, self.judges, self.fitted[name], self.values, self.key)

    def read(self, name: str, items: np.ndarray) -> Predictions:
        """What the judge finds in (N, ...) made items, as files."""
        write = MODALITIES[kind_of(name)].write
        files = [write(one, self.fitted[name]) for one in items]
        return judge_files(name, files, self.judges, self.fitted[name], self.values, self.key)

    def score(self, sample: Sample, seed: int) -> dict[str, float]:
        """All figures of one method."""
        begin = process_time()
        sample({}, TIMED, self.names)
        figures = {"per_second": TIMED / (process_time() - begin)}
        outputs = {subset: self.outputs(sample, subset) for subset in usual_subsets(self.names)}
        figures |= self.coherence(outputs, draws(seed, "peers/coherence"))
        dataset = self.dataset(outputs)
        for name in self.names:
            made, real = (measured(dataset, name)(part[name]) for part in (outputs[()].items, self.real["test"]))
            figures[f"coverage.{name}"] = float(neighbourhoods(made, real).coverage.mean())
            figures[f"fidelity.{name}"] = kernel_distance(made, real)
        return figures

    def coherence(self, outputs: Mapping[tuple[str, ...], Outputs], rng: np.random.Generator) -> dict[str, float]:
        """The means that `evaluate` has, without their intervals; NaN where no caption names the digit."""
        right, others = {}, []
        for subset, made in outputs.items():
            for target, attribute, (outcomes, _, _) in determined(subset, made, self.shown_by, rng) if subset else ():
                if attribute == self.key:
                    right[f"coherence.{'+'.join(subset)}_to_{target}"] = float(outcomes.mean())
                else:
                    others.append(outcomes.mean())
        together = agreement(outputs[()].items, self.key, self.names)
        figures = {"coherence.joint": float(together.mean()) if len(together) else math.nan} | right
        figures |= {"coherence.worst": min(right.values()), "coherence.attributes": float(np.mean(others))}
        found = hidden(outputs, self.shown_by, self.key, rng)
        return figures | {row.metric: row.value for row in found}

    def outputs(self, sample: Sample, subset: Sequence[str]) -> Outputs:
        """What is made of the first test samples, of which `subset` is observed."""
        count = OBSERVED if subset else SAMPLES
        rows = np.arange(min(count, len(self.truth)))
        given = {name: self.items[name][rows] for name in subset}
        made = sample(given, len(rows) if subset else count, [name for name in self.names if name not in subset])
        seen = {name: self.read(name, items) for name, items in made.items()}
        if not subset:
            return Outputs(seen, self.truth, self.real["test"], list(self.truth["id"]))
        real = {name: predicted.take(rows) for name, predicted in self.real["test"].items()}
        truth = self.truth.iloc[rows].reset_index(drop=True)
        return Outputs(seen, truth, real, list(truth["id"]))

    def dataset(self, outputs: Mapping[tuple[str, ...], Outputs]) -> Dataset:
        """What `measured` asks; no more of what `evaluate` looks at."""
        return Dataset(
            names=self.names, samples=self.samples, values=self.values, shown_by=self.shown_by, key=self.key,
            judges=self.judges, fitted=self.fitted, real=self.real, outputs=dict(outputs), reconstructed=outputs[()],
            decoded_noise={}, chains={}, out_of_domain=None,
        )  # fmt: skip

    def real_items(self, given: Given, count: int, wanted: Sequence[str]) -> dict[str, np.ndarray]:
        """A method that has nothing to learn: train items for samples from nothing, what belongs to what is given."""
        split = "test" if given else "train"
        return {name: self.clean(split, name)[:count] for name in wanted}
