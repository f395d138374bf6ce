"""Layer 5, second stage: every metric with its interval, n, floor and ceiling.

Floor: shuffled pairs for coherence and matching, decoded noise for fidelity and coverage, copies of training items for
memorisation. Ceiling: real test data through the same code (for fidelity and coverage: train against test).
Writes below data/evaluate: `table.csv`, every result; `summary.json`, the compact one; `sanity.csv`, how the metrics
themselves behave; `near_copies.csv`, the samples that are most like a training item; `contribution.csv`, what each
observed modality adds; `guidance.csv`, what guidance brings and costs; `confusion.csv`, which label comes out for
which; `dataset.json`, what the page says of it all.
"""

from dataclasses import asdict
from typing import Annotated

import numpy as np
import pandas as pd
import torch
from pydantic import Field

from stages.common.files import write_json, write_table
from stages.common.params import Run, Strict, load, load_modalities
from stages.common.seeds import draws
from stages.common.stage import stage
from stages.evaluation.attacks.attack import attacked
from stages.evaluation.attacks.settings import Attacks
from stages.evaluation.metrics.better_than_real import with_notes
from stages.evaluation.metrics.closed import closed
from stages.evaluation.metrics.codec_error import codec_errors
from stages.evaluation.metrics.coherence import coherence
from stages.evaluation.metrics.confusion import confusion
from stages.evaluation.metrics.evaluated_data import Dataset, load_dataset
from stages.evaluation.metrics.generalisation import held_out
from stages.evaluation.metrics.guidance import guidance_curve
from stages.evaluation.metrics.invented import invented
from stages.evaluation.metrics.judge_accuracy import codec_accuracy, judge_accuracy
from stages.evaluation.metrics.label_baseline import label_baseline
from stages.evaluation.metrics.matching import matching
from stages.evaluation.metrics.metric_sanity import sanity
from stages.evaluation.metrics.modality_contribution import contributions
from stages.evaluation.metrics.mode_collapse import balance, entropy_left, recognisability
from stages.evaluation.metrics.molecules import molecule_properties, molecules
from stages.evaluation.metrics.motion import motion
from stages.evaluation.metrics.nearest_training_items import near_copies
from stages.evaluation.metrics.number_error import number_error
from stages.evaluation.metrics.out_of_domain import out_of_domain
from stages.evaluation.metrics.path_consistency import consistency
from stages.evaluation.metrics.result import Result, summary
from stages.evaluation.metrics.speech_recognition import speech_recognition
from stages.evaluation.metrics.transcription import transcription
from stages.evaluation.metrics.translation import translation
from stages.evaluation.metrics.unconditional_quality import distribution
from stages.generation.sampler import Generate
from stages.learning.training import set_up


class Evaluate(Strict):
    """Section `evaluate`."""

    replicates: Annotated[int, Field(ge=10)]  # bootstrap samples of a distance
    attacks: Attacks | None = None  # on what the models learned from; null: none


def main() -> None:
    """Write data/evaluate."""
    with stage("evaluate") as context, torch.no_grad():
        settings, run = load(Evaluate, "evaluate"), load(Run, "run")
        set_up(run.threads)
        names = load_modalities()
        dataset = load_dataset(names)
        results = with_notes(measured(dataset, settings.replicates, run.seed))
        if settings.attacks is not None:
            making = load(Generate, "generate")
            results += attacked(dataset, names, settings.attacks, making, run, context.state)
        write_table(context.out / "table.csv", pd.DataFrame([asdict(result) for result in results]))
        write_json(context.out / "summary.json", summary(results))
        write_table(context.out / "sanity.csv", sanity(dataset, draws(run.seed, "evaluate/sanity")))
        write_table(context.out / "contribution.csv", contributions(dataset, draws(run.seed, "evaluate/contribution")))
        write_table(context.out / "guidance.csv", guidance_curve(dataset, draws(run.seed, "evaluate/guidance")))
        write_table(context.out / "confusion.csv", confusion(dataset))
        write_table(context.out / "near_copies.csv", near_copies(dataset))
        write_json(context.out / "dataset.json", {"key": dataset.key, "test": len(dataset.rows("test"))})


def measured(dataset: Dataset, replicates: int, seed: int) -> list[Result]:
    """Every figure, family by family; each has a random stream of its own."""

    def rng(name: str) -> np.random.Generator:
        return draws(seed, f"evaluate/{name}")

    return [
        *coherence(dataset.outputs, dataset.shown_by, dataset.key, rng("coherence")),
        *matching(dataset, rng("matching")),
        *consistency(dataset, rng("consistency")),
        *out_of_domain(dataset, rng("out_of_domain")),
        *number_error(dataset, rng("number_error")),
        *invented(dataset, rng("invented")),
        *translation(dataset, rng("translation")),
        *motion(dataset, rng("motion")),
        *transcription(dataset, rng("transcription")),
        *label_baseline(dataset, rng("label_baseline")),
        *closed(dataset, rng("closed")),
        *held_out(dataset, rng("held_out")),
        *molecules(dataset, rng("molecules")),
        *molecule_properties(dataset, rng("molecule_properties")),
        *judge_accuracy(dataset, rng("judge_accuracy")),
        *codec_accuracy(dataset, rng("codec_accuracy")),
        *balance(dataset, rng("balance")),
        *recognisability(dataset, rng("recognisability")),
        *entropy_left(dataset, replicates, rng("entropy")),
        *speech_recognition(dataset, rng("speech_recognition")),
        *distribution(dataset, replicates, rng),
        *codec_errors(dataset, rng("codec_errors")),
    ]


if __name__ == "__main__":
    main()
