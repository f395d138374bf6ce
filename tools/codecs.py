"""`make codecs`: every codec of each modality on the data of this working tree, with as many numbers and seconds.

Numbers are those of the codec that params.yaml chooses: what a vector an item has, a vector a token shares out. A codec
learns for `--seconds`, in as many steps as a short training beforehand says. A PCA of as many numbers stands beside it.
Rows of this data in metrics/codecs.csv are written anew, those of other data stay.
`psnr_db`, `wrong_tokens`, `distance_db`: of test items and what comes back, the peak signal-to-noise ratio of pictures,
the share of wrong tokens, the log-spectral distance of clips (root mean square over bands, mean over frames).
`seen`: how far what comes back lies from the item in the features of the judge, as a share of how far two items lie
apart; a distance like LPIPS (Zhang et al. 2018, arXiv:1801.03924), whose network is another. Axes: N items.
"""

import argparse
import math
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple, get_args

import numpy as np
import pandas as pd
import torch

from stages.common.costs import COSTS
from stages.common.files import read_json, write_table
from stages.common.modality import SPECTRUM, TOKENS, in_files, tensor_of
from stages.common.params import Run, load, load_modalities, load_named, read_yaml
from stages.common.seeds import draws
from stages.data.kinds.audio import LEVELS
from stages.data.kinds.modalities import restore
from stages.evaluation.judges.loading import Judges, key_attribute, load_judges
from stages.evaluation.metrics.evaluated_data import CLEAN, JUDGES
from stages.evaluation.metrics.judge_inference import judge
from stages.features import linear
from stages.features.chunked_items import Items
from stages.features.codecs import SETTINGS, codec_of
from stages.features.extract import split_items
from stages.features.reconstruction import Codec, losses
from stages.learning.training import set_up
from stages.learning.validation import FEWEST
from tools.refusal import one_line

OUT = Path("metrics/codecs.csv")
TRIAL = 30  # steps that tell how long one takes
NO_NUMBERS = ("pixels", "pretrained")  # codecs that bring their own number of features


class Judging(NamedTuple):
    """What a judge of one modality needs."""

    judges: Judges
    fitted: Any  # of `preprocess`
    values: dict[str, list[str]]  # of each attribute
    key: str | None


def judging_of(name: str) -> Judging:
    """As `judge` and `preprocess` left it."""
    attributes, judges = read_json(JUDGES / "attributes.json"), load_judges(JUDGES, load_modalities())
    values = {attribute: about["values"] for attribute, about in attributes.items()}
    return Judging(judges, restore([name], CLEAN)[name], values, key_attribute(attributes, judges.reads))


def main() -> None:
    """Write the table, and print it."""
    parser = argparse.ArgumentParser(prog="codecs", description="every codec on this data, at the same cost")
    parser.add_argument("--seconds", type=float, default=45.0, metavar="S", help="that each learns: 45")
    seconds = parser.parse_args().seconds
    with one_line("codecs"):
        if not (JUDGES / "readers.json").exists():
            raise ValueError("expected data/judge and data/preprocess, got none; dvc pull, or dvc repro judge")
        source = read_yaml(Path("params.yaml"))["acquire"]["source"]
        set_up(load(Run, "run").threads)
        media = [name for name in load_modalities() if in_files(name)]
        rows = [{"data": source} | row for name in media for row in compared(name, seconds)]
        known = pd.read_csv(OUT) if OUT.exists() else pd.DataFrame(columns=["data"])
        table = pd.concat([known[known["data"] != source], pd.DataFrame(rows)], ignore_index=True)
        write_table(OUT, table)
    print(table.to_string(index=False, na_rep=""))


def compared(name: str, seconds: float) -> Iterator[dict[str, Any]]:
    """A row for each codec of a modality, the PCA first."""
    settings: Any = load_named(SETTINGS, "extract", [name])[name]
    seed, judging = load(Run, "run").seed, judging_of(name)
    train, held, test, items = split_items(name)
    tokens = train.shape[1] - 1 if tensor_of(name) == TOKENS else 1  # of a codec that has a vector a token
    numbers = settings.width * (tokens if settings.codec == "transformer" else 1)
    pca = linear.fit(items, numbers, draws(seed, f"codecs/{name}/linear"))
    about = {"modality": name, "shape": "x".join(map(str, train.shape[1:]))}
    yield about | {"codec": "pca", "numbers": numbers} | lost(name, pca, test, judging)
    for choice in get_args(type(settings).model_fields["codec"].annotation):
        if choice in NO_NUMBERS:
            continue
        width = max(1, round(numbers / tokens)) if choice == "transformer" else numbers
        chosen = settings.model_copy(update={"codec": choice, "width": width, "steps": TRIAL})

        def fit(settings: Any, held: Items | None, choice: str = choice) -> tuple[Codec, float]:
            with TemporaryDirectory() as state:
                codec, _ = codec_of(name, choice).fit(
                    settings, getattr(settings, choice), items, held,
                    seed=seed, name=f"codecs/{name}/{choice}", state=Path(state),
                )  # fmt: skip
            work = COSTS.works[-1]
            return codec, work["end"] - work["begin"]

        _, trial = fit(chosen, None)  # looks at items held out are as many, however few the steps
        steps = max(TRIAL, math.floor(TRIAL * seconds / trial))
        codec, took = fit(chosen.model_copy(update={"steps": steps}), held if len(held) >= FEWEST else None)
        features = codec.encode(test[:1])[0].numel()
        cost = {"codec": choice, "numbers": features, "steps": steps, "seconds": round(took, 1)}
        yield about | cost | lost(name, codec, test, judging)


def lost(name: str, codec: Codec, items: Items, judging: Judging) -> dict[str, float]:
    """What (N, ...) test items lose on their way through a codec and back."""
    real = items[:]
    with torch.no_grad():
        made = codec.decode(codec.encode(real))
        wrong, size = (part.sum() for part in losses(real, made))
        if tensor_of(name) == SPECTRUM:
            gap = (made.astype(float) - real) / LEVELS * judging.fitted.floor_db
            measured = {"distance_db": np.sqrt(np.square(gap).mean(1)).mean()}
        elif tensor_of(name) == TOKENS:
            measured = {"wrong_tokens": wrong / size}
        else:
            measured = {"psnr_db": -10 * math.log10(wrong / size)}
        return {key: round(float(value), 4) for key, value in measured.items()} | seen(name, real, made, judging)


def seen(name: str, real: np.ndarray, made: np.ndarray, judging: Judging) -> dict[str, float]:
    """How far (N, ...) items lie from the real ones in the judge's features; nothing where a grammar reads them."""
    one, other = (judge(name, part, *judging).features for part in (real, made))
    if one is None or other is None:
        return {}
    apart = np.square(one - np.roll(one, len(one) // 2, 0)).sum(1).mean()
    return {"seen": round(float(np.square(one - other).sum(1).mean() / apart), 4)}


if __name__ == "__main__":
    main()
