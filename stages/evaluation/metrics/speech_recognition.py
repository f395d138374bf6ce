"""An independent ear: a speech recogniser that this project did not train listens to clips, a few words to choose from.

PocketSphinx with the acoustic model of American English that its package ships (Huggins-Daines et al. 2006). It is
weaker than the judge, on real clips too, but owes nothing to our data; compare its figure with its own ceiling.
"""

import io
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import librosa
import numpy as np
import pandas as pd
import soundfile
from pocketsphinx import Decoder

from stages.common.modality import kind_of, suffix_of
from stages.common.modality_subsets import subset_name
from stages.common.shards import read_shard
from stages.common.workers import in_processes
from stages.data.kinds import audio
from stages.data.kinds.generated_to_tensors import tensors
from stages.data.sources.caption_grammar import WORDS
from stages.evaluation.metrics.coherence import outcomes
from stages.evaluation.metrics.evaluated_data import MADE, Dataset
from stages.evaluation.metrics.judge_inference import MALFORMED
from stages.evaluation.metrics.result import Result, share
from stages.evaluation.metrics.transcription import english, says_labels

RAW = Path("data/acquire")
RATE_HZ = 16000  # what the acoustic model was trained at
PAUSE = np.zeros(RATE_HZ // 5, np.float32)  # the recogniser wants to hear the silence around a word
MOST = 400  # clips a figure
CHUNK = 50  # clips a worker hears at a time


def speech_recognition(dataset: Dataset, rng: np.random.Generator) -> list[Result]:
    """Share of clips in which it hears the word: that was given; made from nothing, that which our judge hears; and
    of real clips that went through the codec and back, `recognition.codec`, that which is said.

    Left out where the clips say no words that it knows; of several modalities of clips the first is heard. Where the
    data have a language, English clips alone are: made from nothing, those that our judge takes for such. Floor: the
    same words against shuffled clips.
    """
    voice = next((name for name in dataset.names if kind_of(name) == "audio"), None)
    words = vocabulary(dataset)
    if voice is None or dataset.key is None or not words:
        return []
    test = dataset.rows("test").query(f"has_{voice}")
    test = test[english(test)].reset_index(drop=True)
    clips = vocoded(recordings(test, suffix_of(voice)), dataset.fitted[voice])
    real = outcomes(recognised(clips, words), test[dataset.key].to_numpy(str)[:MOST])
    kept = dataset.reconstructed.truth
    wanted = {"codec": ("reconstructed", kept[dataset.key].to_numpy(str), english(kept))}  # what is said in which tar
    for observed, outputs in dataset.outputs.items():
        if voice in observed or len(observed) > 1:
            continue
        said = outputs.items[voice].labels[dataset.key] if not observed else outputs.truth[dataset.key].to_numpy(str)
        if observed and observed[0] not in dataset.shown_by[dataset.key]:
            if dataset.key not in outputs.real[observed[0]].labels:
                continue  # it never says
            said = outputs.real[observed[0]].labels[dataset.key]
        heard = english(outputs.truth if observed else pd.DataFrame(outputs.items[voice].labels))
        wanted[f"{subset_name(observed)}_to_{voice}"] = subset_name(observed), said, heard
    results = []
    for metric, (tar, said, heard) in wanted.items():
        rows = np.flatnonzero(heard)[:MOST]
        files = [sample[suffix_of(voice)] for _, sample in read_shard(MADE / f"{tar}.tar", only=[suffix_of(voice)])]
        found = recognised([files[row] for row in rows], words)
        value, floor = (outcomes(one, said[rows]) for one in (found, rng.permutation(found)))
        if len(value):
            results.append(share(f"recognition.{metric}", [value], [floor], [real], rng))
    return results


def vocabulary(dataset: Dataset) -> dict[str, str]:
    """What the clips may say, each word with its label; nothing where they may say something else.

    Labels that are digits are said by name. Others are said as they are, where English captions are labels and nothing
    else, and the recogniser has them in its dictionary.
    """
    values = dataset.values.get(str(dataset.key), [])
    if values == [str(number) for number in range(len(WORDS))]:
        return dict(zip(WORDS, values, strict=True))
    if not says_labels(dataset):
        return {}
    words = {value.lower(): value for value in values}
    ear = recogniser()
    return words if all(ear.lookup_word(one) for word in words for one in word.split()) else {}


def recordings(rows: pd.DataFrame, suffix: str) -> list[bytes]:
    """The recorded clips of the first rows, as they were acquired."""
    keys = list(rows.head(MOST)["id"])
    index = pd.read_csv(RAW / "index.csv", dtype=str).set_index("id")["shard"]
    clips: dict[str, bytes] = dict.fromkeys(keys, b"")
    for shard in sorted(set(index[keys])):
        for key, files in read_shard(RAW / shard, only=[suffix]):
            if key in clips:
                clips[key] = files[suffix]
    return list(clips.values())


def vocoded(clips: Sequence[bytes], fitted: Any) -> list[bytes]:
    """Real clips as our writer gives them. It hears these better than the recordings (0.67 against 0.52 of 400), so
    only they are a fair ceiling."""
    return [audio.write(levels, fitted) for levels in tensors("audio", clips, fitted)]


def recognised(clips: Sequence[bytes], words: Mapping[str, str]) -> np.ndarray:
    """The label of the word heard in each WAV file; MALFORMED where none was."""
    jobs = ((clips[i : i + CHUNK], tuple(words)) for i in range(0, len(clips), CHUNK))
    return np.array([words.get(heard, MALFORMED) for part in in_processes(recognise_all, jobs) for heard in part])


def recognise_all(clips: Sequence[bytes], words: tuple[str, ...]) -> list[str]:
    return [recognise(clip, words) for clip in clips]


def recognise(clip: bytes, words: tuple[str, ...]) -> str:
    """The word in one clip, in a fresh utterance, its level brought to full scale; "" where none is heard."""
    channels, rate_hz = soundfile.read(io.BytesIO(clip), dtype="float32", always_2d=True)
    wave = librosa.resample(channels.mean(1), orig_sr=rate_hz, target_sr=RATE_HZ, res_type="soxr_hq")
    wave = np.concatenate([PAUSE, wave / max(float(np.abs(wave).max(initial=0)), 1e-6), PAUSE])
    ear = recogniser(words)
    ear.reinit_feat()  # else the clip before still counts: of 800, 4 were heard otherwise in another order
    ear.start_utt()
    ear.process_raw((wave * 32000).astype(np.int16).tobytes(), no_search=False, full_utt=True)
    ear.end_utt()
    said = ear.hyp()
    return "" if said is None else str(said.hypstr)


@cache
def recogniser(words: tuple[str, ...] = ()) -> Decoder:
    """One a process and choice of words: it takes long to load. `full_utt` normalises each clip by itself."""
    ear = Decoder(lm=None, loglevel="FATAL")
    if words:
        ear.add_jsgf_string("words", f"#JSGF V1.0; grammar words; public <word> = {' | '.join(words)};")
        ear.activate_search("words")
    return ear
