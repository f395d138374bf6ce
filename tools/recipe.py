"""`make recipe NAME=...`: what a recipe measured, and what it makes, from the latest run of its preset.

A recipe is a preset for one field of use; docs/recipes has a page of each. Its figures become rows of
metrics/recipes.csv; those of the other recipes stay. A sheet of its first samples becomes docs/recipes/NAME.png; for
translation there is a table metrics/recipe-translation.csv, too.
"""

import io
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import permutations, product
from pathlib import Path
from tempfile import TemporaryDirectory

import dvc.api
import pandas as pd

from stages.common.files import replace, write_table
from stages.common.modality import Modality, suffix_of
from stages.common.shards import read_shard
from tools.experiments import fetch, latest
from tools.refusal import one_line
from tools.sheet import raw, sheet

OUT, PAGES = Path("metrics"), Path("docs/recipes")
MEASURED = "coherence.joint"  # a figure that every run has
SHOWN = 12  # examples in a table


@dataclass(frozen=True)
class Recipe:
    """What its page shows and promises."""

    figures: str  # a pattern of them
    above: Sequence[str]  # those of them that lie above their floor with intervals that do not meet
    directions: Sequence[Sequence[str]]  # of the sheet: what is observed, () for nothing
    hidden: Sequence[str] = ()  # what the sheet leaves out
    rare: Mapping[str, float] = field(default_factory=dict)  # of a family, where less is better: the most that it is


def each(figure: str, *parts: Sequence[str]) -> Iterator[str]:
    """The figures with every combination of the parts in its gaps."""
    return (figure.format(*chosen) for chosen in product(*parts))


def ways(*names: str) -> list[str]:
    """Every direction between two of the modalities."""
    return [f"{one}_to_{other}" for one, other in permutations(names, 2)]


RECIPES = {
    "translation": Recipe(
        r"translation\.(combination\.|base\.)?(image\+)?(de|en|zh)_to_(de|en|zh)|coherence\.joint|"
        r"(coherence|attribute\.person)\.(de|en|zh|image)_to_(de|en|zh|image)|"
        r"held_out\.\w+\.(en_to_(de|zh)|image_to_en)|ceiling\.(image|de|en|zh)",
        above=(
            *each("translation.combination.{}", ways("en", "de", "zh")),
            *each("translation.combination.image+{}", ways("en", "de", "zh")),
            *each("coherence.{}", ("joint", *ways("image", "en", "de", "zh"))),
            *each("attribute.person.{}", ways("en", "de", "zh")),
        ),
        directions=(("en",), ("image",), ("image", "de"), ()),
        hidden=("zh",),  # in letters that the font of the sheet lacks; the page has a table
    ),
    "summary": Recipe(
        r"translation\.(image\+)?long_to_short|coherence\.(joint|worst|\w+_to_\w+)|attribute\.\w+\.\w+_to_\w+|"
        r"(ceiling|codec_accuracy)\.\w+",
        above=(
            "translation.long_to_short", "translation.image+long_to_short", "coherence.joint",
            *each("coherence.{}", ways("image", "long", "short")),
            *each("attribute.main_{}.{}", ("colour", "side"), ways("image", "long", "short")),
        ),
        directions=((), ("long",), ("short",), ("image",)),
    ),
    "sentiment": Recipe(
        r"coherence\.(joint|[a-z+]+_to_(text|mood|voice))|label_baseline\..*|"
        r"held_out\.(combination|word)\.(text_to_mood|mood_to_text|voice_to_mood)|(ceiling|codec_error)\.(text|voice)",
        above=(
            *each("coherence.{}", ("text_to_mood", "voice_to_mood", "mood_to_text")),
            *each("label_baseline.{}", ("text_to_mood", "mood.mood_to_text")),
        ),
        directions=(("text",), ("mood",), ("voice",), ()),
    ),
    "speech": Recipe(
        r"coherence\.(joint|text_to_voice|voice_to_text)|attribute\.speaker\.(speaker|voice|text\+speaker)_to_\w+|"
        r"attribute\.language\.(text_to_voice|voice_to_text)|transcription\.(combination\.)?voice_to_text|"
        r"recognition\.(codec|text_to_voice|nothing_to_voice)|held_out\.\w+\.(text\+speaker_to_voice|text_to_voice)|"
        r"ceiling\.(text|voice)(\.\w+)?|codec_accuracy\.voice(\.\w+)?|codec_error\.voice|coverage\.voice|"
        r"memorisation\.voice",
        above=(
            "recognition.text_to_voice", "transcription.voice_to_text", "transcription.combination.voice_to_text",
            "coherence.joint", "attribute.language.text_to_voice", "held_out.combination.text+speaker_to_voice",
            *each("attribute.speaker.{}", ways("speaker", "voice")),
        ),
        directions=(("text", "speaker"), ("voice",), ("text",), ()),
    ),
    "video": Recipe(
        r"coherence\.(joint|\w+_to_\w+)|attribute\.(direction|speed)\.\w+_to_\w+|motion\..+|"
        r"ceiling\.(video|audio|text)(\.\w+)?|codec_accuracy\..+|coverage\..+",
        above=(
            "coherence.joint",
            *each("{}.{}", ("coherence", "attribute.direction", "attribute.speed"), ways("text", "audio", "video")),
            *each("motion.{}_to_video", ("text", "audio")),
        ),
        directions=((), ("text",), ("audio",), ("video",)),
    ),
    "shapes": Recipe(
        r"coherence\.(joint|worst|\w+_to_\w+)|attribute\.\w+\.\w+_to_\w+|closed\.[\w+]+|(ceiling|codec_accuracy)\.[\w.]+",
        above=(
            "coherence.joint",
            *each("{}.{}", ("coherence", "attribute.size", "attribute.pose"), ways("image", "text", "volume")),
            *each("attribute.colour.{}", ways("text", "image")),
            *each("closed.{}", ("volume", "image_to_volume", "text_to_volume")),
        ),
        directions=((), ("text",), ("image",), ("volume",)),
    ),
    "medical": Recipe(
        r"coherence\.(joint|(image|text|mass)_to_(image|text|mass))|attribute\.\w+\.(image|text|ratio)_to_(image|text)|"
        r"(invented|missed)\.[\w+]+|number_error\.(\w+\+)?\w+_to_ratio|"
        r"ceiling\.(image|text)(\.\w+)?|codec_accuracy\.(image|text)\.\w+",
        above=(
            "coherence.joint",
            *each("{}.{}", ("coherence", "attribute.effusion", "attribute.heart"), ways("text", "image")),
        ),
        directions=(("text",), ("image",), ("mass", "ratio"), ()),
        rare={"invented": 0.1, "missed": 0.1},
    ),
    "molecules": Recipe(
        r"molecule\.\w+\.molecule|property_error\..*|number_error\.(molecule|image|text)_to_\w+|coherence\.joint|"
        r"coherence\.(text|image|rings|molecule)_to_(text|image|rings|molecule)|"
        r"attribute\.(aromatic|halogen|nitrogen|size)\.text_to_molecule|held_out\.\w+\.(text|image)_to_molecule|"
        r"ceiling\.(molecule|image|text)|coverage\.(molecule|image)|codec_accuracy\.(molecule|image|text)",
        above=(
            "molecule.novelty.molecule", "held_out.scaffold.text_to_molecule",
            *each("coherence.{}", ("joint", "text_to_molecule", "molecule_to_image")),
        ),
        directions=(("text",), ("image",), ("weight", "logp"), ()),
        rare={"property_error.weight": 1.1},
    ),
    "scene": Recipe(
        r"coherence\.(joint|worst|attributes|\w+_to_\w+)|attribute\.\w+\.(text|top)_to_\w+|closed\.\w+|"
        r"ceiling\.\w+|codec_accuracy\.[\w.]+",
        above=(
            "coherence.joint", "coherence.attributes",
            *each("coherence.{}", ways("front", "top", "volume", "audio", "text")),
            *each("attribute.{}.text_to_{}", ("left_place", "right_shape"), ("front", "top", "volume", "audio")),
            *each("attribute.left_colour.{}", ("text_to_front", "text_to_top", "top_to_front", "top_to_text")),
        ),
        directions=((), ("top",), ("text",), ("audio",)),
    ),
    "polymnist": Recipe(
        r"coherence\.(joint|worst|(m\d\+?)+_to_m\d)|(ceiling|codec_accuracy|coverage|memorisation)\.m\d(\.digit)?",
        above=("coherence.worst", *each("coherence.{}", ("joint", *ways("m0", "m1", "m2", "m3", "m4")))),
        directions=((), ("m0",), ("m3",), ("m1", "m2", "m3", "m4")),
    ),
}  # fmt: skip


def main(names: list[str]) -> None:
    """Write the figures to metrics/recipes.csv, and the sheet; say what is promised and not kept."""
    with one_line("recipe"):
        if len(names) != 1 or names[0] not in RECIPES:
            got = f"'{' '.join(names)}'" if names else "none"
            raise ValueError(f"expected one of {', '.join(RECIPES)}, got {got}; make recipe NAME=...")
        name = names[0]
        rev = latest(name, MEASURED, f"make recipe NAME={name}")
        table = pd.read_csv(io.StringIO(dvc.api.read("metrics/table.csv", rev=rev)))
        found = table[table["metric"].map(lambda metric: bool(re.fullmatch(RECIPES[name].figures, metric)))]
        found.insert(0, "recipe", name)
        file = OUT / "recipes.csv"
        kept = pd.read_csv(file) if file.exists() else pd.DataFrame(columns=["recipe"])
        write_table(file, pd.concat([kept[kept["recipe"] != name], found], ignore_index=True))
        replace(PAGES / f"{name}.png", sheet(rev, RECIPES[name].directions, RECIPES[name].hidden))
        if name == "translation":
            write_table(OUT / f"recipe-{name}.csv", translated(rev))
    print(found.to_string(index=False))
    for broken in unkept(RECIPES[name], found):
        print(f"{name}: {broken}", file=sys.stderr)


def unkept(recipe: Recipe, found: pd.DataFrame) -> Iterator[str]:
    """What a recipe promises and its figures do not hold, a line each."""
    rows = {str(row["metric"]): row for row in found.to_dict("records")}
    for metric in recipe.above:
        if (row := rows.get(metric)) is None:
            yield f"{metric}: promised, and not measured"
        elif not row["low"] > (most := max(row["floor"], row["floor_high"])):
            yield f"{metric}: promised above {most:.3f}, got an interval from {row['low']:.3f}"
    for family, rate in recipe.rare.items():
        if not (chosen := [metric for metric in rows if metric.startswith(f"{family}.")]):
            yield f"{family}: promised, and not measured"
        for metric in chosen:
            row = rows[metric]
            if not row["high"] <= rate < row["floor_low"]:
                yield f"{metric}: promised at most {rate}, got an interval to {row['high']:.3f}"


def translated(rev: str) -> pd.DataFrame:
    """The first test samples of which a combination is new: their English name, and what was made of it."""
    with TemporaryDirectory() as place:
        folder = Path(place)
        fetch(rev, ["data/preprocess/samples.csv", "data/acquire/index.csv", "data/generate/en.tar"], folder)
        samples = pd.read_csv(folder / "samples.csv", dtype=str).set_index("id")
        new = samples.index[samples["held_out"] == "combination"]
        made = {key: files for key, files in read_shard(folder / "en.tar") if key in new}
        keys = list(made)[:SHOWN]
        true = raw(rev, keys, folder)
    names = {name: suffix_of(Modality(name, "text")) for name in ("en", "de", "zh")}
    rows = [
        {"given": true[key][names["en"]].decode()}
        | {f"{side}_{name}": files[names[name]].decode("utf-8", "replace") for name in ("de", "zh")
           for side, files in (("made", made[key]), ("true", true[key]))}
        for key in keys
    ]  # fmt: skip
    return pd.DataFrame(rows)


if __name__ == "__main__":
    main(sys.argv[1:])
