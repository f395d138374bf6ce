"""Layer 5, second stage: every metric with its interval, n, floor and ceiling.

Floor: shuffled pairs for coherence, an untrained generator for fidelity and coverage, copies of training items for
memorisation. Ceiling: real test data through the same code (for fidelity and coverage: train against test).
Writes below data/evaluate: `table.csv`, every figure, and `summary.json`, the compact one.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd
import torch
from pydantic import Field
from sklearn.feature_extraction.text import TfidfVectorizer

from stages.common.files import read_json, read_table, write_json, write_table
from stages.common.learning import set_up
from stages.common.params import Run, Strict, load, load_modalities
from stages.common.progress import progress
from stages.common.seeds import draws
from stages.common.shards import SUFFIXES, read_shard
from stages.common.stage import stage
from stages.common.subsets import proper_subsets, subset_name
from stages.data.modalities import restore
from stages.evaluation.coherence import KEY, Items, coherence
from stages.evaluation.coherence import figure as coherence_figure
from stages.evaluation.fidelity import Rows, copied, covered, kernels
from stages.evaluation.figure import LEVEL, Figure, mean_of_cells, table
from stages.evaluation.judge import load_judges
from stages.evaluation.labels import MALFORMED, UNTOLD, Judged, Judges, judge, read_captions, tensors

CLEAN, MADE = Path("data/preprocess"), Path("data/generate")


class Evaluate(Strict):
    """Section `evaluate`."""

    replicates: Annotated[int, Field(ge=10)]  # bootstrap samples of the kernel distance


@dataclass(frozen=True)
class Scene:
    """What every metric needs."""

    names: list[str]
    samples: pd.DataFrame
    values: dict[str, list[str]]  # of each attribute
    shown: dict[str, list[str]]  # modalities that always show it
    judges: Judges
    fitted: dict[str, Any]

    def real(self, split: str) -> dict[str, Judged]:
        """The real items of a split as the judges see them, by modality."""
        rows = (self.samples["split"] == split).to_numpy()
        items = {n: np.load(CLEAN / f"{n}.clean.npy", mmap_mode="r")[rows] for n in self.names}
        return {n: judge(n, i, self.judges, self.fitted[n], self.values) for n, i in items.items()}

    def made(self, label: str) -> tuple[list[str], dict[str, Judged]]:
        """The keys and the generated items of one tar as the judges see them, by modality."""
        keys, files = zip(*read_shard(MADE / f"{label}.tar"), strict=True)
        judged = {}
        for name in self.names:
            payloads = [file[SUFFIXES[name]] for file in files if SUFFIXES[name] in file]
            if name == "text" and payloads:
                judged[name] = read_captions([payload.decode() for payload in payloads], self.values)
            elif payloads:
                items = tensors(name, payloads, self.fitted[name])
                judged[name] = judge(name, items, self.judges, self.fitted[name], self.values)
        return list(keys), judged


def main() -> None:
    """Write data/evaluate."""
    with stage("evaluate") as door, torch.no_grad():
        settings, run = load(Evaluate, "evaluate"), load(Run, "run")
        set_up(run.threads)
        scene, rng = set_scene(load_modalities()), draws(run.seed, "evaluate")
        test = scene.samples[scene.samples["split"] == "test"].reset_index(drop=True)
        real, place = scene.real("test"), {key: row for row, key in enumerate(test["id"])}
        made: dict[tuple[str, ...], tuple[Items, pd.DataFrame, Items]] = {}
        for subset in progress(proper_subsets(scene.names), title="evaluate"):
            keys, items = scene.made(subset_name(subset))
            rows = np.array([place[key] for key in keys]) if subset else np.arange(len(test))
            made[subset] = (items, test.iloc[rows], {name: judged.take(rows) for name, judged in real.items()})
        figures = coherence(made, scene.shown, rng)
        figures += ceilings(scene, test, real, rng) + reconstruction(scene, test, place, rng)
        figures += balance(scene, made[()][0], rng)
        figures += health(scene, made[()][0], real, draws(run.seed, "evaluate/health"))
        figures += likeness(scene, made[()][0], real, settings.replicates, rng)
        figures += extraction(scene)
        write_table(door.out / "table.csv", table(figures))
        write_json(door.out / "summary.json", summary(figures))


def set_scene(names: list[str]) -> Scene:
    attributes = read_json(CLEAN / "attributes.json")
    return Scene(
        names=names,
        samples=read_table(CLEAN / "samples.csv", text=("id", *attributes)),
        values={attribute: about["values"] for attribute, about in attributes.items()},
        shown={attribute: about["shown_by"] for attribute, about in attributes.items()},
        judges=load_judges(Path("data/judge")),
        fitted=restore(names, CLEAN),
    )


def correct(judged: Judged, truth: pd.DataFrame, attribute: str) -> np.ndarray:
    """(n,) bool: did the judge find the true label, where the item carries one?"""
    labels = judged.labels[attribute]
    return (labels == truth[attribute].to_numpy(str))[labels != UNTOLD]


def accuracy(metric: str, right: np.ndarray, truth: pd.Series, ceiling: float, rng: np.random.Generator) -> Figure:
    """A judge's accuracy; the floor is that of always naming the most frequent label."""
    floor = truth.value_counts(normalize=True).max()
    return Figure(metric, *mean_of_cells([right], rng), len(right), float(floor), ceiling)


def ceilings(scene: Scene, test: pd.DataFrame, real: Items, rng: np.random.Generator) -> list[Figure]:
    """What the judges reach on real test data: the digit's figure is `ceiling.<modality>`."""
    figures = []
    for name, judged in real.items():
        for attribute in judged.labels:
            metric = f"ceiling.{name}" + ("" if attribute == "digit" else f".{attribute}")
            figures.append(accuracy(metric, correct(judged, test, attribute), test[attribute], 1.0, rng))
            if name == "audio" and attribute == "digit" and "voice_seen" in test:
                unheard = (~test["voice_seen"].astype(bool)).to_numpy()
                if unheard.any():
                    right = correct(judged, test, attribute)[unheard]
                    figures.append(accuracy("ceiling.audio.unheard_voices", right, test[attribute], 1.0, rng))
    return figures


def reconstruction(
    scene: Scene, test: pd.DataFrame, place: Mapping[str, int], rng: np.random.Generator
) -> list[Figure]:
    """What the judges find in test items that went through their codec and back."""
    keys, items = scene.made("everything")
    truth, figures = test.iloc[[place[key] for key in keys]], []
    for name, judged in items.items():
        for attribute in judged.labels:
            right = correct(judged, truth, attribute)
            figures.append(accuracy(f"reconstruction.{name}.{attribute}", right, truth[attribute], 1.0, rng))
    ceiling = {f.metric: f.value for f in ceilings(scene, test, scene.real("test"), rng)}
    return [
        replace(f, ceiling=ceiling[f"ceiling.{n}" + ("" if a == "digit" else f".{a}")])
        for f in figures
        for _, n, a in [f.metric.split(".")]
    ]


def balance(scene: Scene, items: Items, rng: np.random.Generator) -> list[Figure]:
    """Largest relative deviation of a label's share among joint samples from its share in the whole data set."""
    figures = []
    for name, judged in items.items():
        for attribute, labels in judged.labels.items():
            real, told = scene.samples[attribute], labels[(labels != UNTOLD) & (labels != MALFORMED)]
            share = real.value_counts(normalize=True)

            def deviation(drawn: np.ndarray, share: pd.Series = share) -> float:
                counts = Counter(drawn.tolist())
                return max(abs(counts[value] / len(drawn) / part - 1) for value, part in share.items())

            if len(told):
                drawn = [deviation(rng.choice(told, len(told))) for _ in range(200)]
                chance = deviation(rng.choice(real, len(told)))
                one_label = deviation(np.full(len(told), share.index[0]))
                low, high = np.percentile(drawn, (2.5, 97.5))
                figures.append(
                    Figure(f"balance.{name}.{attribute}", deviation(told), low, high, len(told), one_label, chance)
                )
    return figures


def health(scene: Scene, items: Items, real: Items, rng: np.random.Generator) -> list[Figure]:
    """Does a judge recognise what was made from nothing, and how many of the key attribute's values are there?

    Of captions the certainty is the share that are sentences of the grammar.
    """
    figures, untrained = [], scene.made("untrained")[1]
    for name in items:
        sure, lost, ceiling = (judged[name].certainty for judged in (items, untrained, real))
        figures.append(coherence_figure(f"confidence.{name}", [(sure, lost, ceiling)], rng))
        if KEY in items[name].labels:
            labels = told(items[name].labels[KEY])
            drawn = [len(set(rng.choice(labels, len(labels)))) for _ in range(200)] if len(labels) else [0]
            low, high = np.percentile(drawn, LEVEL)
            most = len(set(told(real[name].labels[KEY])))
            figures.append(Figure(f"classes.{name}", len(set(labels)), low, high, len(labels), 1.0, most))
    return figures


def told(labels: np.ndarray) -> np.ndarray:
    """The labels that name a value."""
    return labels[(labels != UNTOLD) & (labels != MALFORMED)]


def likeness(scene: Scene, items: Items, real: Items, replicates: int, rng: np.random.Generator) -> list[Figure]:
    """Kernel distance, coverage and memorisation of joint samples, per modality."""
    train, _, untrained = scene.real("train"), None, scene.made("untrained")[1]
    words = TfidfVectorizer(ngram_range=(1, 3), token_pattern=r"\w+")
    if "text" in items:
        words.fit(scene.real("judge")["text"].captions)
    figures = []
    for name in items:
        scale = length(real[name])
        rows = {
            kind: features(judged, words, scale)
            for kind, judged in {
                "made": items[name], "real": real[name], "train": train[name], "untrained": untrained[name]
            }.items()
        }  # fmt: skip
        figures += distances(name, rows, replicates, rng)
    return figures


def length(judged: Judged) -> float:
    """Root mean square length of judge features; TF-IDF rows have length 1 already."""
    return 1.0 if judged.features is None else float(np.sqrt((judged.features**2).sum(1).mean()))


def features(judged: Judged, words: TfidfVectorizer, scale: float) -> Rows:
    """(N, E) judge features of unit mean square length; for captions TF-IDF of their words."""
    return words.transform(judged.captions) if judged.features is None else judged.features / scale


def distances(name: str, rows: Mapping[str, Rows], replicates: int, rng: np.random.Generator) -> list[Figure]:
    """The three figures of one modality from the features of made, real (test), train and untrained items."""
    made, real, train = rows["made"], rows["real"], rows["train"]
    count, test = made.shape[0], real.shape[0]
    fresh = train[rng.permutation(train.shape[0])[:count]]
    between = kernels(made, real)
    once = between.distance(np.ones(count), np.ones(test))
    drawn = [
        between.distance(
            rng.multinomial(count, np.full(count, 1 / count)), rng.multinomial(test, np.full(test, 1 / test))
        )
        for _ in range(replicates)
    ]
    low, high = np.percentile(drawn, (2.5, 97.5))
    ends = [
        kernels(other, real).distance(np.ones(other.shape[0]), np.ones(test)) for other in (rows["untrained"], fresh)
    ]
    inside = covered(made, real)
    reach = [float(covered(other, real).mean()) for other in (rows["untrained"], fresh)]
    control, copies = copied(real, train).mean(), copied(made, train)
    share, least, most = mean_of_cells([copies], rng)
    twins = float(copied(train, train).mean())
    return [
        Figure(f"fidelity.{name}", once, float(low), float(high), count, *ends),
        Figure(f"coverage.{name}", *mean_of_cells([inside], rng), test, *reach),
        Figure(f"memorisation.{name}", share - control, least - control, most - control, count, twins - control, 0.0),
    ]


def extraction(scene: Scene) -> list[Figure]:
    """Reconstruction errors that `extract` measured; the ceiling is the error of a PCA of the same width."""
    test, figures = int((scene.samples["split"] == "test").sum()), []
    for name in scene.names:
        error = read_json(Path("data/extract") / name / "reconstruction.json")
        nan = float("nan")
        figures.append(Figure(f"extract.{name}.error", error["codec"], nan, nan, test, error["pca"], 0.0))
    return figures


SUMMARY = ("coherence.", "ceiling.", "fidelity.", "coverage.", "memorisation.")  # of the full table's metrics


def summary(figures: list[Figure]) -> dict[str, dict[str, float]]:
    """The compact table: one- and two-part names of the families above, one observed modality at most."""
    compact: dict[str, dict[str, float]] = {}
    for figure in figures:
        family, _, rest = figure.metric.partition(".")
        if figure.metric.startswith(SUMMARY) and "." not in rest and "+" not in rest:
            compact.setdefault(family, {})[rest] = round(figure.value, 6)
    return compact


if __name__ == "__main__":
    main()
