"""Layer 5, first stage: the judges, trained on the judge split, which neither codecs, fusion nor generator see.

Each modality is read by the best there is for it. `exact`: labels and numbers say what they are. `grammar`: where the
grammar of the built-in captions reads every real caption, it does so exactly. `classifier`: where there are labels, one
head for every attribute that the modality always shows, as sure as it is right on the validation split. `matcher`:
where there are none. One matcher of all modalities that are files is trained when one of them has no other judge, or
when no attribute ties two modalities together: then it tells what belongs together. `judge.retrieval` asks for one in
any case.
Where no one said which modality shows a label, that is measured, and a label that is not shown is not asked for.
Writes below data/judge: `readers.json`, by what each modality is read and which attributes that finds;
`attributes.json`, as `preprocess` left it, but measured; `label_visibility.csv`, what was measured; and of each
classifier and the matcher its weights, its card and its loss curve.
"""

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import pandas as pd
from torch import Tensor, from_numpy

from stages.common.files import read_json, read_table, write_json, write_table
from stages.common.modality import KINDS, in_files, kind_of
from stages.common.params import Run, Strict, load, load_modalities, load_named
from stages.data.kinds.modalities import MODALITIES, restore
from stages.data.sources import caption_grammar
from stages.evaluation.judges.classifier import Classifier, calibrate, train_classifier
from stages.evaluation.judges.inputs import CLEAN, clean_items
from stages.evaluation.judges.label_visibility import COLUMNS, label_visibility, resolved, unseen_rows
from stages.evaluation.judges.loading import CLASSIFIER, EXACT, GRAMMAR, MATCHER, key_attribute
from stages.evaluation.judges.matcher import Matcher, train_matcher
from stages.learning.curve import Curve
from stages.learning.distributed import others_leave, training_stage
from stages.learning.model_cards import origin
from stages.learning.networks import write_weights
from stages.learning.training import Training, set_up


class Judge(Strict):
    """Section `judge`, but for what it says of each kind."""

    network: Literal["grid", "pooled"]  # what looks at pictures and spectra
    matcher: Training
    retrieval: bool  # teach a matcher where labels tell what belongs together, too


def main() -> None:
    """Write data/judge."""
    with training_stage("judge") as context:
        settings, run, names = load(Judge, "judge"), load(Run, "run"), load_modalities()
        media = [name for name in names if in_files(name)]  # labels and numbers say what they are
        budgets = load_named(dict.fromkeys(KINDS, Training), "judge", media)
        set_up(run.threads)
        attributes = read_json(CLEAN / "attributes.json")
        samples = read_table(CLEAN / "samples.csv", text=("id", *attributes))
        own = samples["split"].eq("judge").to_numpy()
        readers: dict[str, dict[str, Any]] = {}
        taught: dict[str, tuple[Classifier | Matcher, Curve]] = {}
        found: list[dict[str, Any]] = []  # which modality shows which label
        for name in names:
            if name not in media:
                readers[name] = {"by": EXACT, "reads": [name] if name in attributes else []}
                continue
            rows = own & samples[f"has_{name}"].to_numpy(bool)
            values = visible_in(name, attributes, samples[rows])
            if name.kind == "text" and grammatical(name, rows, attributes):
                readers[name] = {"by": GRAMMAR, "reads": list(attributes)}
            elif values:
                items = clean_items(name, rows)
                classifier, curve = train_classifier(
                    name,
                    settings.network,
                    items,
                    samples[rows],
                    values,
                    budgets[name],
                    seed=run.seed,
                    state=context.state,
                )
                found += examined(name, classifier, samples, rows, attributes)
                if classifier.values:
                    taught[name] = (classifier, curve)
                    readers[name] = {"by": CLASSIFIER, "reads": list(classifier.values)}
            readers.setdefault(name, {"by": MATCHER, "reads": []})
        attributes = resolved(attributes, found)
        if media and (settings.retrieval or needs_matcher(readers, attributes)):
            clean: dict[str, Tensor] = {name: clean_items(name, own) for name in media}
            there: dict[str, Tensor] = {name: from_numpy(samples[f"has_{name}"].to_numpy(bool)[own]) for name in media}
            taught["matcher"] = train_matcher(
                settings.network, clean, there, settings.matcher, seed=run.seed, state=context.state
            )
        others_leave()
        for one, (judge, curve) in taught.items():
            write_weights(context.out / f"{one}.safetensors", judge)
            looked_at = [one] if one in names else media
            inputs = [CLEAN / "samples.csv", *(CLEAN / f"{shown}.clean.npy" for shown in looked_at)]
            card = origin(settings, run, inputs, {"losses": curve.last()})
            write_json(context.out / f"{one}.json", judge.card | {"origin": card})
            write_table(context.out / f"{one}.curve.csv", curve.table())
        write_json(context.out / "readers.json", readers)
        write_json(context.out / "attributes.json", attributes)
        write_table(context.out / "label_visibility.csv", pd.DataFrame(found, columns=COLUMNS))


def examined(
    name: str, classifier: Classifier, samples: pd.DataFrame, learned: np.ndarray, attributes: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """What a modality is found to show, by a classifier that is made as sure as it is right and forgets the rest."""
    unseen = samples["split"].eq("validation").to_numpy() & samples[f"has_{name}"].to_numpy(bool)
    calibrate(classifier, clean_items(name, unseen), samples[unseen])
    fresh = unseen_rows(samples, name)
    found = label_visibility(name, classifier, clean_items(name, fresh), samples[fresh], samples[learned], attributes)
    for hidden in (row["attribute"] for row in found if not row["shown"]):
        classifier.forget(hidden)
    return found


def visible_in(name: str, attributes: Mapping[str, Any], samples: pd.DataFrame) -> dict[str, list[str]]:
    """The values of the attributes that the modality always shows and some of its samples are labelled with."""
    shown = {a: about["values"] for a, about in attributes.items() if name in about["shown_by"]}
    return {attribute: values for attribute, values in shown.items() if samples[attribute].isin(values).any()}


def grammatical(name: str, rows: np.ndarray, attributes: Mapping[str, Any]) -> bool:
    """Does the grammar read every caption at `rows`, and find some of the attributes in them?"""
    known = {attribute: tuple(about["values"]) for attribute, about in attributes.items()}
    fitted, tokens = restore([name], CLEAN)[name], np.load(CLEAN / f"{name}.clean.npy", mmap_mode="r")[rows]
    said = [
        caption_grammar.read(MODALITIES[kind_of(name)].write(row, fitted).decode("utf-8", "replace"), known)
        for row in tokens
    ]
    return all(stated is not None for stated in said) and any(said)


def needs_matcher(readers: Mapping[str, Mapping[str, Any]], attributes: Mapping[str, Any]) -> bool:
    """Is a modality without another judge, or all of them without an attribute that ties them together?"""
    unread = any(reader["by"] == MATCHER for reader in readers.values())
    return unread or key_attribute(attributes, {name: reader["reads"] for name, reader in readers.items()}) is None


if __name__ == "__main__":
    main()
