"""Layer 5, first stage: the judges, trained on the judge split, which neither codecs, fusion nor generator see.

Each modality is read by the best there is for it. `grammar`: where the grammar of the built-in captions reads every
real caption, it does so exactly. `classifier`: where there are labels, one head for every attribute that the modality
always shows, as sure as it is right on the validation split. `matcher`: where there are none. One matcher of all
modalities is trained when one of them has no other judge, or when no attribute ties two of them together: then it
tells what belongs together.
Where no one told which modality shows a label, that is measured, and a label that is not shown is not asked for.
Writes below data/judge: `readers.json`, by what each modality is read and which attributes that finds;
`attributes.json`, as `preprocess` left it, but measured; `showing.csv`, what was measured; and of each classifier and
the matcher its weights, its card and its loss curve.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from safetensors.torch import load_file
from torch import from_numpy

from stages.common.cards import last, origin
from stages.common.files import read_json, read_table, write_json, write_table
from stages.common.learning import Training, set_up
from stages.common.networks import write_weights
from stages.common.params import Run, Strict, load, load_modalities
from stages.common.processes import alone, training_stage
from stages.common.together import device
from stages.data.modalities import MODALITIES, restore
from stages.data.sources import captions
from stages.evaluation.classifier import Classifier, calibrate, teach
from stages.evaluation.matcher import Matcher, teach_matcher
from stages.evaluation.senses import CLEAN, clean_items
from stages.evaluation.showing import COLUMNS, rows_unseen, settled, showing

GRAMMAR, CLASSIFIER, MATCHER = "grammar", "classifier", "matcher"


class Judge(Strict):
    """Section `judge`."""

    image: Training
    text: Training
    audio: Training
    match: Training  # of the matcher


@dataclass(frozen=True)
class Judges:
    """What reads each modality, and the trained networks among it."""

    readers: Mapping[str, str]  # modality -> GRAMMAR, CLASSIFIER or MATCHER
    reads: Mapping[str, list[str]]  # modality -> the attributes found in it
    classifiers: Mapping[str, Classifier]
    matcher: Matcher | None


def main() -> None:
    """Write data/judge."""
    with training_stage("judge") as door:
        settings, run, names = load(Judge, "judge"), load(Run, "run"), load_modalities()
        set_up(run.threads)
        attributes = read_json(CLEAN / "attributes.json")
        samples = read_table(CLEAN / "samples.csv", text=("id", *attributes))
        own = samples["split"].eq("judge").to_numpy()
        readers: dict[str, dict[str, Any]] = {}
        taught: dict[str, tuple[Classifier | Matcher, pd.DataFrame]] = {}
        found: list[dict[str, Any]] = []  # which modality shows which label
        for name in names:
            rows = own & samples[f"has_{name}"].to_numpy(bool)
            values = shown_in(name, attributes, samples[rows])
            if name == "text" and grammatical(rows, attributes):
                readers[name] = {"by": GRAMMAR, "reads": list(attributes)}
            elif values:
                items, budget = clean_items(name, rows), getattr(settings, name)
                classifier, curve = teach(name, items, samples[rows], values, budget, seed=run.seed, state=door.state)
                found += examined(name, classifier, samples, rows, attributes)
                if classifier.values:
                    taught[name] = (classifier, curve)
                    readers[name] = {"by": CLASSIFIER, "reads": list(classifier.values)}
            readers.setdefault(name, {"by": MATCHER, "reads": []})
        attributes = settled(attributes, found)
        if needs_matcher(readers, attributes):
            clean = {name: clean_items(name, own) for name in names}
            there = {name: from_numpy(samples[f"has_{name}"].to_numpy(bool)[own]) for name in names}
            taught["match"] = teach_matcher(clean, there, settings.match, seed=run.seed, state=door.state)
        alone()
        for name, (judge, curve) in taught.items():
            write_weights(door.out / f"{name}.safetensors", judge)
            inputs = [
                CLEAN / "samples.csv",
                *(CLEAN / f"{shown}.clean.npy" for shown in ([name] if name in names else names)),
            ]
            write_json(
                door.out / f"{name}.json",
                judge.card | {"origin": origin(settings, run, inputs, {"losses": last(curve)})},
            )
            write_table(door.out / f"{name}.curve.csv", curve)
        write_json(door.out / "readers.json", readers)
        write_json(door.out / "attributes.json", attributes)
        write_table(door.out / "showing.csv", pd.DataFrame(found, columns=COLUMNS))


def examined(
    name: str, classifier: Classifier, samples: pd.DataFrame, learned: np.ndarray, attributes: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """What a modality is found to show, by a classifier that is made as sure as it is right and forgets the rest."""
    unseen = samples["split"].eq("validation").to_numpy() & samples[f"has_{name}"].to_numpy(bool)
    calibrate(classifier, clean_items(name, unseen), samples[unseen])
    fresh = rows_unseen(samples, name)
    found = showing(name, classifier, clean_items(name, fresh), samples[fresh], samples[learned], attributes)
    for hidden in (row["attribute"] for row in found if not row["shown"]):
        classifier.forget(hidden)
    return found


def shown_in(name: str, attributes: Mapping[str, Any], samples: pd.DataFrame) -> dict[str, list[str]]:
    """The values of the attributes that the modality always shows and some of its samples are labelled with."""
    shown = {a: about["values"] for a, about in attributes.items() if name in about["shown_by"]}
    return {attribute: values for attribute, values in shown.items() if samples[attribute].isin(values).any()}


def grammatical(rows: np.ndarray, attributes: Mapping[str, Any]) -> bool:
    """Does the grammar read every caption at `rows`, and find some of the attributes in them?"""
    known = {attribute: tuple(about["values"]) for attribute, about in attributes.items()}
    fitted, tokens = restore(["text"], CLEAN)["text"], np.load(CLEAN / "text.clean.npy", mmap_mode="r")[rows]
    said = [captions.read(MODALITIES["text"].write(row, fitted).decode("utf-8", "replace"), known) for row in tokens]
    return all(told is not None for told in said) and any(said)


def needs_matcher(readers: Mapping[str, Mapping[str, Any]], attributes: Mapping[str, Any]) -> bool:
    """Is a modality without another judge, or all of them without an attribute that ties them together?"""
    unread = any(reader["by"] == MATCHER for reader in readers.values())
    return unread or key_attribute(attributes, {name: reader["reads"] for name, reader in readers.items()}) is None


def key_attribute(attributes: Mapping[str, Any], reads: Mapping[str, Collection[str]]) -> str | None:
    """The attribute that ties the modalities together: built in, the digit. None where there is no such.

    Of those found in two modalities (or in the only one) that which most always show, then that of most values.
    """
    least = min(2, len(reads))
    found = [a for a in attributes if sum(a in attributes_read for attributes_read in reads.values()) >= least]
    return max(found, key=lambda a: (len(attributes[a]["shown_by"]), len(attributes[a]["values"])), default=None)


def load_judges(folder: Path) -> Judges:
    """What this stage kept in `folder`, networks on the device."""
    readers = read_json(folder / "readers.json")
    classifiers, matcher = {}, None
    for name, reader in readers.items():
        if reader["by"] == CLASSIFIER:
            card = read_json(folder / f"{name}.json")
            classifiers[name] = Classifier(name, card["inputs"], card["values"])
            classifiers[name].load_state_dict(load_file(folder / f"{name}.safetensors"))
            classifiers[name].to(device()).eval().requires_grad_(False)
    if (folder / "match.json").exists():
        matcher = Matcher(read_json(folder / "match.json")["inputs"])
        matcher.load_state_dict(load_file(folder / "match.safetensors"))
        matcher.to(device()).eval().requires_grad_(False)
    return Judges(
        {name: reader["by"] for name, reader in readers.items()},
        {name: reader["reads"] for name, reader in readers.items()},
        classifiers,
        matcher,
    )


if __name__ == "__main__":
    main()
