"""A built-in data set: emoji as Noto Color Emoji draws them, their names in 14 languages, and eSpeak NG saying these.

All modalities share what the name says; of that kind, skin, person and hair are labels (`emoji_attributes.py`).
Private are the drawing's details, the voice and, where several are asked for, the language. A modality of text that is
called as a language (`de: text`) is the name in that one.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
from pydantic import AfterValidator, Field, PositiveInt

from stages.common.params import Strict
from stages.common.seeds import draws
from stages.data.records.split import Shares
from stages.data.sources import emoji_font, espeak
from stages.data.sources.built_in_shards import Attributes, Row, in_shards, numbered, told, write_samples
from stages.data.sources.emoji_attributes import HAIRS, KINDS, OTHER, PERSONS, SKINS, labelled
from stages.data.sources.emoji_names import LANGUAGES, Language, captions, code_points
from stages.data.sources.emoji_splits import held_out, splits

ALL = ["image", "text", "audio"]  # kinds
GIVES = {kind: kind for kind in ALL} | dict.fromkeys(LANGUAGES, "text")  # modalities that there are: name -> kind
ATTRIBUTES: Attributes = {
    "kind": {"values": [*KINDS, OTHER], "shown_by": ALL},
    "skin": {"values": list(SKINS), "shown_by": ALL},
    "person": {"values": list(dict.fromkeys(PERSONS.values())), "shown_by": ALL},
    "hair": {"values": list(HAIRS.values()), "shown_by": ALL},
    "language": {"values": list(LANGUAGES), "shown_by": ["text", "audio"]},
}
# The voices of eSpeak NG for a language. It has one for Japanese, which reads every kanji as "Chinese letter".
VOICES: Mapping[str, tuple[str, ...]] = {
    "en": espeak.ACCENTS, "zh": ("cmn",),
    **{language: (language,) for language in ("es", "ko", "pt", "it", "fr", "de", "fa", "id", "ru", "tr", "ar")},
}  # fmt: skip
SPEEDS = (140.0, 200.0)  # of the clips, words a minute
PITCHES = (30.0, 70.0)  # espeakPITCH; 50 is the speaker's own
LICENCE = (
    "Pictures: the font Noto Color Emoji (Google), SIL Open Font License 1.1. Names: Unicode CLDR (Unicode License) as "
    "the package emoji has them (BSD). Clips: made here with eSpeak NG, a program under GPL-3.0-or-later."
)


def once_each(languages: list[Language]) -> list[Language]:
    if len(set(languages)) < len(languages):
        raise ValueError("each language once")
    return languages


class Emoji(Strict):
    """Section `acquire.emoji`."""

    font: str  # path of NotoColorEmoji.ttf; "": where systems keep it
    pictures: PositiveInt  # emoji, at most
    variants: PositiveInt  # of a base, at least
    size: Annotated[int, Field(ge=28, le=128)]  # side of a picture, pixels
    languages: Annotated[list[Language], Field(min_length=1), AfterValidator(once_each)]  # of captions and clips
    utterances: PositiveInt  # clips and captions per picture
    combinations: Annotated[float, Field(ge=0, le=1)]  # share of the combinations of the train split that are held out
    shard_size: PositiveInt  # samples a tar shard
    shares: Shares  # of the bases, per split


def acquire(settings: Emoji, seed: int, names: Sequence[str], out: Path) -> tuple[pd.DataFrame, Attributes]:
    """Write shards of the modalities `names` below `out`; returns the index (a row a sample) and the attributes.

    Raises ValueError when the font is missing or unfit, or eSpeak NG can't speak a language.
    """
    if "audio" in names and (mute := [language for language in settings.languages if language not in VOICES]):
        raise ValueError(
            f"acquire.emoji.languages: expected languages that eSpeak NG can read, {', '.join(VOICES)}, got "
            f"{', '.join(mute)}; take it out, or audio out of modalities"
        )
    emoji, pictures = drawable(settings, draws(seed, "acquire/pictures"))
    index = plan(emoji, settings, seed)
    groups = index.groupby("shard")
    jobs = (
        (out / str(name), rows, [pictures[one] for one in rows["emoji"]], settings.languages, seed, names)
        for name, rows in groups
    )
    made = in_shards(build_shard, jobs, groups.ngroups)
    made["emoji"] = made["emoji"].map(code_points)
    attributes = told(varied(made), names, made)
    if "language" in attributes:  # a modality that is called as one has no other
        attributes["language"]["shown_by"] = [
            name for name in attributes["language"]["shown_by"] if name not in LANGUAGES
        ]
    first = ["id", "split", "shard", *attributes]
    return made[[*first, *(column for column in made if column not in first)]], attributes


def drawable(settings: Emoji, rng: np.random.Generator) -> tuple[pd.DataFrame, dict[str, bytes]]:
    """The emoji that are used, a row each with its base and labels, in random order of the bases; their pictures.

    Those are left out that the font has no picture of, and of those with the same picture all but the one of the
    shortest name: the flag of France, which Clipperton Island flies too; one snowboarder, whose skin doesn't show.
    """
    named = captions("en")
    bases = labelled(list(named.values()))["base"].to_numpy()
    order = some(bases, settings.variants, settings.pictures, rng)
    chosen = [one for one, base in zip(named, bases, strict=True) if base in order]
    drawn = emoji_font.pictures(emoji_font.find_font(settings.font), chosen, settings.size)
    shown: dict[bytes, str] = {}  # of each picture, which emoji it shows
    for one, picture in sorted(zip(chosen, drawn, strict=True), key=lambda pair: len(named[pair[0]])):
        if picture is not None:
            shown.setdefault(picture, one)
    pictures = {one: picture for picture, one in shown.items()}
    kept = [one for one in chosen if one in pictures]
    table = labelled([named[one] for one in kept])
    table.insert(0, "emoji", kept)
    return table.sort_values("base", key=lambda column: column.map(order), kind="stable", ignore_index=True), pictures


def some(bases: np.ndarray, fewest: int, most: int, rng: np.random.Generator) -> dict[str, int]:
    """Bases of `fewest` variants or more, which are `most` in all or less, and their places in a random order.

    `bases` has that of each emoji.
    """
    known, counts = np.unique(bases, return_counts=True)
    order: dict[str, int] = {}
    for number in rng.permutation(len(known)):
        if fewest <= counts[number] <= most:
            most -= counts[number]
            order[str(known[number])] = len(order)
    return order


def plan(emoji: pd.DataFrame, settings: Emoji, seed: int) -> pd.DataFrame:
    """Which emoji each sample shows, in which split and shard, and in which way the models have not seen it."""
    emoji = emoji.assign(split=splits(emoji, settings.shares, draws(seed, "acquire/split")))
    emoji["held_out"] = np.where(emoji["split"] == "test", "base", "")
    train = emoji[emoji["split"] == "train"]
    new = train.index[held_out(train, settings.combinations, draws(seed, "acquire/combinations"))]
    emoji.loc[new, ["split", "held_out"]] = ["test", "combination"]
    return numbered(emoji.loc[emoji.index.repeat(settings.utterances)], "emoji", settings.shard_size)


def build_shard(
    path: Path, rows: pd.DataFrame, pictures: Sequence[bytes], languages: Sequence[str], seed: int,
    names: Sequence[str],
) -> pd.DataFrame:  # fmt: skip
    """Name and say the samples of one shard; returns their rows of the index, completed."""
    say = espeak.open_speaker() if "audio" in names else None
    own = [name for name in names if name in LANGUAGES]
    called = {language: captions(language) for language in {*languages, *own}}

    def samples() -> Iterator[tuple[Row, dict[str, bytes]]]:
        for row, picture in zip(rows.to_dict("records"), pictures, strict=True):
            rng = draws(seed, f"acquire/{row['id']}")
            language = str(rng.choice(languages))
            caption = called[language][row["emoji"]]
            files = {"image": picture, "text": caption.encode()}
            files |= {name: called[name][row["emoji"]].encode() for name in own}
            if "text" in names or "audio" in names:
                row["language"] = language
            if say is not None:
                row["voice"] = f"{rng.choice(VOICES[language])}+{rng.choice(espeak.SPEAKERS)}"
                clip = say(caption, row["voice"], rng.uniform(*PITCHES), rng.uniform(*SPEEDS))
                files["audio"] = espeak.as_wav(clip)
            yield row, files

    return write_samples(path, samples(), names)


def varied(made: pd.DataFrame) -> Attributes:
    """The attributes that differ among the samples, and of their values those that are there."""
    there = {name: set(made[name]) - {""} for name in ATTRIBUTES if name in made}
    return {
        name: about | {"values": [value for value in about["values"] if value in there[name]]}
        for name, about in ATTRIBUTES.items()
        if len(there.get(name, ())) > 1
    }
