"""A data set for the recipe `medical`: schematic chest pictures, reports and a measurement. Drawings, no patients.

Shared: whether there is a mass and on which side, likewise an effusion, and whether the heart is enlarged; each is
drawn independently of the others. The number is the cardiothoracic ratio, which every picture has. Private are build
and exposure of the picture, wording and order of the report. `mass` is also a modality, as an entry of a form.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
from pydantic import Field, PositiveInt

from stages.common.params import Strict
from stages.common.seeds import draws
from stages.data.records.split import Shares, assign
from stages.data.sources import report_grammar
from stages.data.sources.built_in_shards import Attributes, Row, in_shards, numbered, told, write_samples
from stages.data.sources.chest_drawing import RATIOS, SIDES, as_png, draw

GIVES = {"image": "image", "text": "text", "ratio": "number", "mass": "label"}  # modalities that there are
ABSENT = {"mass": "none", "effusion": "none", "heart": "normal"}  # the value that means: not there
ATTRIBUTES: Attributes = {
    "mass": {"values": ["none", *SIDES], "shown_by": ["image", "text", "mass"]},
    "effusion": {"values": ["none", *SIDES], "shown_by": ["image", "text"]},
    "heart": {"values": list(RATIOS), "shown_by": ["image", "text", "ratio"]},
}
LICENCE = "Pictures, reports and numbers: made here by rule, of no patient."


class Findings(Strict):
    """Section `acquire.findings`."""

    samples: PositiveInt  # patients, of one picture and one report each
    size: Annotated[int, Field(ge=28, le=128)]  # side of a picture, pixels
    present: Annotated[float, Field(ge=0, le=1)]  # chance that a finding is there
    unmentioned: Annotated[float, Field(ge=0, le=1)]  # chance that a report does not mention an absent finding
    shard_size: PositiveInt  # samples a tar shard
    shares: Shares  # of the samples, per split


def acquire(settings: Findings, seed: int, names: Sequence[str], out: Path) -> tuple[pd.DataFrame, Attributes]:
    """Write shards of the modalities `names` below `out`; returns the index (a row a sample) and the attributes, of
    which each says by what value it is `absent`."""
    groups = plan(settings, seed).groupby("shard")
    jobs = ((out / str(name), rows, settings, seed, names) for name, rows in groups)
    made = in_shards(build_shard, jobs, groups.ngroups)
    attributes = told(ATTRIBUTES, names, made)
    return made, {name: about | {"absent": [ABSENT[name]]} for name, about in attributes.items()}


def plan(settings: Findings, seed: int) -> pd.DataFrame:
    """What each sample has, in which split and shard; every combination of findings is spread over the splits."""
    rng = draws(seed, "acquire/findings")
    index = pd.DataFrame({finding: values_of(finding, settings, rng) for finding in ABSENT})
    index["ratio"] = [round(float(rng.uniform(*RATIOS[heart])), 3) for heart in index["heart"]]
    kinds = index[list(ABSENT)].agg(" ".join, axis=1).to_numpy(str)
    index["split"] = assign(kinds, settings.shares, draws(seed, "acquire/split"))
    return numbered(index, "findings", settings.shard_size)


def values_of(finding: str, settings: Findings, rng: np.random.Generator) -> np.ndarray:
    """(samples,) of str: absent, or one of the other values, each as often."""
    others = [value for value in ATTRIBUTES[finding]["values"] if value != ABSENT[finding]]
    there = rng.random(settings.samples) < settings.present
    return np.where(there, rng.choice(others, settings.samples), ABSENT[finding])


def build_shard(path: Path, rows: pd.DataFrame, settings: Findings, seed: int, names: Sequence[str]) -> pd.DataFrame:
    """Draw the samples of one shard and report on them; returns their rows of the index."""

    def samples() -> Iterator[tuple[Row, dict[str, bytes]]]:
        for row in rows.to_dict("records"):
            rng = draws(seed, f"acquire/{row['id']}")
            seen = {finding: row[finding] for finding in ABSENT}
            report = report_grammar.write(seen, ABSENT, settings.unmentioned, rng)
            files = {"text": report.encode(), "ratio": f"{row['ratio']:.3f}".encode(), "mass": row["mass"].encode()}
            files["image"] = as_png(draw(seen, row["ratio"], settings.size, rng))
            yield row, files

    return write_samples(path, samples(), names)
