"""A data set of the recipe `speech`: words in three languages, said by six speakers of eSpeak NG, who speak them all.

Text and clip share the word and its language; clip and label share the speaker. Private to a clip are pitch and speed,
which vary around the speaker's own. Each speaker says each word in each language, but for the combinations that are
held out for test: there the word, the language and the speaker were heard in training, any two of them together, and
never all three. Then a speaker is to say a word that nobody has heard from them.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations, product
from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
from pydantic import Field, PositiveInt

from stages.common.params import Strict
from stages.common.seeds import draws
from stages.data.records.split import Shares, assign
from stages.data.sources import espeak
from stages.data.sources.built_in_shards import Attributes, Row, in_shards, numbered, told, write_samples

WORDS: Mapping[str, Mapping[str, str]] = {  # in English, which is its label, and in the other languages
    "water": {"de": "Wasser", "es": "agua"},
    "dog": {"de": "Hund", "es": "perro"},
    "tree": {"de": "Baum", "es": "árbol"},
    "sun": {"de": "Sonne", "es": "sol"},
    "book": {"de": "Buch", "es": "libro"},
    "milk": {"de": "Milch", "es": "leche"},
    "apple": {"de": "Apfel", "es": "manzana"},
    "night": {"de": "Nacht", "es": "noche"},
    "summer": {"de": "Sommer", "es": "verano"},
    "green": {"de": "grün", "es": "verde"},
    "window": {"de": "Fenster", "es": "ventana"},
    "coffee": {"de": "Kaffee", "es": "café"},
    "music": {"de": "Musik", "es": "música"},
    "shoe": {"de": "Schuh", "es": "zapato"},
    "fire": {"de": "Feuer", "es": "fuego"},
    "house": {"de": "Haus", "es": "casa"},
    "yellow": {"de": "gelb", "es": "amarillo"},
    "lemon": {"de": "Zitrone", "es": "limón"},
    "table": {"de": "Tisch", "es": "mesa"},
    "money": {"de": "Geld", "es": "dinero"},
}
VOICES = {"en": "en-us", "de": "de", "es": "es"}  # of eSpeak NG, by language
SPEAKERS = ("m1", "m3", "john", "f2", "f5", "belinda")  # its variants: three men, three women
PITCHES = (42.0, 58.0)  # espeakPITCH; 50 is the speaker's own
SPEEDS = (140.0, 190.0)  # words a minute
GIVES = {"text": "text", "voice": "audio", "speaker": "label"}  # modalities that there are: name -> kind
ATTRIBUTES: Attributes = {
    "word": {"values": list(WORDS), "shown_by": ["text", "voice"]},
    "language": {"values": list(VOICES), "shown_by": ["text", "voice"]},
    "speaker": {"values": list(SPEAKERS), "shown_by": ["voice", "speaker"]},
}
LICENCE = "Clips: made here with eSpeak NG, a program under GPL-3.0-or-later. Words: written here."
KNOWN, NEW = "utterance", "combination"  # what is new about a test sample: how it is said, or who says what


class Spoken(Strict):
    """Section `acquire.spoken`."""

    samples: PositiveInt  # evenly of all combinations of word, language and speaker
    combinations: Annotated[float, Field(ge=0, le=0.5)]  # share of these that is held out for test
    shard_size: PositiveInt  # samples a tar shard
    shares: Shares  # of the other samples, per split


def acquire(settings: Spoken, seed: int, names: Sequence[str], out: Path) -> tuple[pd.DataFrame, Attributes]:
    """Write shards of the modalities `names` below `out`; returns the index (a row a sample) and the attributes.

    Raises ValueError when there are too few samples for four splits.
    """
    index = plan(settings, seed)
    groups = index.groupby("shard")
    jobs = ((out / str(name), rows, seed, names) for name, rows in groups)
    made = in_shards(build_shard, jobs, groups.ngroups)
    attributes = told(ATTRIBUTES, names, made)
    return made, {name: about for name, about in attributes.items() if about["shown_by"]}


def plan(settings: Spoken, seed: int) -> pd.DataFrame:
    """What each sample says, in which language, who says it, and in which split, shard and way it is new."""
    everything = list(product(WORDS, VOICES, SPEAKERS))
    chosen = draws(seed, "acquire/samples").permutation(settings.samples) % len(everything)
    index = pd.DataFrame([everything[number] for number in chosen], columns=list(ATTRIBUTES))
    new = np.isin(chosen, held_out(everything, settings.combinations, draws(seed, "acquire/combinations")))
    index["split"] = "test"
    index.loc[~new, "split"] = assign(chosen[~new], settings.shares, draws(seed, "acquire/split"))
    index["held_out"] = np.where(new, NEW, np.where(index["split"] == "test", KNOWN, ""))
    return numbered(index, "spoken", settings.shard_size)


def held_out(everything: Sequence[tuple[str, ...]], share: float, rng: np.random.Generator) -> list[int]:
    """Which of the combinations are held out: at most the given share, at random.

    What stays has every two labels of each combination together.
    """
    left: dict[tuple[str, ...], int] = {}  # of each two labels that belong together, how many combinations have them
    for one in everything:
        for pair in combinations(one, 2):
            left[pair] = left.get(pair, 0) + 1
    held: list[int] = []
    for number in map(int, rng.permutation(len(everything))):
        pairs = list(combinations(everything[number], 2))
        if len(held) < round(share * len(everything)) and all(left[pair] > 1 for pair in pairs):
            held.append(number)
            for pair in pairs:
                left[pair] -= 1
    return held


def build_shard(path: Path, rows: pd.DataFrame, seed: int, names: Sequence[str]) -> pd.DataFrame:
    """Write and say the samples of one shard; returns their rows of the index."""
    say = espeak.open_speaker() if "voice" in names else None

    def samples() -> Iterator[tuple[Row, dict[str, bytes]]]:
        for row in rows.to_dict("records"):
            word = written(row["word"], row["language"])
            files = {"text": word.encode(), "speaker": row["speaker"].encode()}
            if say is not None:
                rng = draws(seed, f"acquire/{row['id']}")
                voice = f"{VOICES[row['language']]}+{row['speaker']}"
                files["voice"] = espeak.as_wav(say(word, voice, rng.uniform(*PITCHES), rng.uniform(*SPEEDS)))
            yield row, files

    return write_samples(path, samples(), names)


def written(word: str, language: str) -> str:
    """A word in one of the languages.

    >>> written("dog", "en"), written("dog", "es")
    ('dog', 'perro')
    """
    return WORDS[word].get(language, word)
