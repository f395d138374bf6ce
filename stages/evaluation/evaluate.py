"""Layer 5, second stage: every metric with its interval, n, floor and ceiling.

Floor: shuffled pairs for coherence and matching, an untrained generator for fidelity and coverage, copies of
training items for memorisation. Ceiling: real test data through the same code (for fidelity and coverage: train
against test).
Writes below data/evaluate: `table.csv`, every figure; `summary.json`, the compact one; `sanity.csv`, how the metrics
themselves behave; `suspects.csv`, the samples that are most like a training item.
"""

from typing import Annotated

import numpy as np
import torch
from pydantic import Field

from stages.common.files import write_json, write_table
from stages.common.learning import set_up
from stages.common.params import Run, Strict, load, load_modalities
from stages.common.seeds import draws
from stages.common.stage import stage
from stages.evaluation.coherence import coherence
from stages.evaluation.confusion import confusion
from stages.evaluation.consistency import consistency
from stages.evaluation.contribution import contributions
from stages.evaluation.elsewhere import elsewhere
from stages.evaluation.explain import explained
from stages.evaluation.extraction import extraction
from stages.evaluation.figure import Figure, summary, table
from stages.evaluation.hearing import hearing
from stages.evaluation.likeness import likeness
from stages.evaluation.matching import matching
from stages.evaluation.readings import ceilings, reconstruction
from stages.evaluation.sanity import sanity
from stages.evaluation.scene import Scene, set_scene
from stages.evaluation.suspects import suspects
from stages.evaluation.variety import balance, freedom, health


class Evaluate(Strict):
    """Section `evaluate`."""

    replicates: Annotated[int, Field(ge=10)]  # bootstrap samples of a distance


def main() -> None:
    """Write data/evaluate."""
    with stage("evaluate") as door, torch.no_grad():
        settings, run = load(Evaluate, "evaluate"), load(Run, "run")
        set_up(run.threads)
        scene = set_scene(load_modalities())
        figures = explained(measured(scene, settings.replicates, run.seed))
        write_table(door.out / "table.csv", table(figures))
        write_json(door.out / "summary.json", summary(figures))
        write_table(door.out / "sanity.csv", sanity(scene, draws(run.seed, "evaluate/sanity")))
        write_table(door.out / "suspects.csv", suspects(scene))
        write_json(door.out / "scene.json", {"key": scene.key, "test": len(scene.rows("test"))})
        write_table(door.out / "contribution.csv", contributions(scene, draws(run.seed, "evaluate/contribution")))
        write_table(door.out / "confusion.csv", confusion(scene))


def measured(scene: Scene, replicates: int, seed: int) -> list[Figure]:
    """Every figure, family by family; each has a random stream of its own."""

    def rng(name: str) -> np.random.Generator:
        return draws(seed, f"evaluate/{name}")

    return [
        *coherence(scene.ways, scene.shown, scene.key, draws(seed, "evaluate")),
        *matching(scene, rng("matching")),
        *consistency(scene, rng("consistency")),
        *elsewhere(scene, rng("elsewhere")),
        *ceilings(scene, rng("ceilings")),
        *reconstruction(scene, rng("reconstruction")),
        *balance(scene, rng("balance")),
        *health(scene, rng("health")),
        *freedom(scene, replicates, rng("freedom")),
        *hearing(scene, rng("hearing")),
        *likeness(scene, replicates, rng),
        *extraction(scene, rng("extraction")),
    ]


if __name__ == "__main__":
    main()
