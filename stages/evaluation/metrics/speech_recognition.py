"""An independent ear: a speech recogniser that this project did not train listens to clips, ten words to choose from.

PocketSphinx with the acoustic model of American English that its package ships (Huggins-Daines et al. 2006). It is
weaker than the judge, on real clips too, but owes nothing to our data; compare its figure with its own ceiling.
"""

import io
from collections.abc import Sequence
from functools import cache
from itertools import islice
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

RAW = Path("data/acquire")
RATE_HZ = 16000  # what the acoustic model was trained at
PAUSE = np.zeros(RATE_HZ // 5, np.float32)  # the recogniser wants to hear the silence around a word
MOST = 400  # clips a figure
CHUNK = 50  # clips a worker hears at a time


def speech_recognition(dataset: Dataset, rng: np.random.Generator) -> list[Result]:
    """Share of clips in which it hears the digit: that was given; made from nothing, that which our judge hears; and
    of real clips that went through the codec and back, `recognition.codec`, that which is said.

    Left out where the clips do not say digits; of several modalities of clips the first is heard. Floor: the same words
    against shuffled clips.
    """
    digits = [str(number) for number in range(len(WORDS))]
    voice = next((name for name in dataset.names if kind_of(name) == "audio"), None)
    if voice is None or dataset.key is None or dataset.values[dataset.key] != digits:
        return []
    test = dataset.rows("test").query(f"has_{voice}").reset_index(drop=True)
    clips = vocoded(recordings(test, suffix_of(voice)), dataset.fitted[voice])
    real = outcomes(recognised(clips), test[dataset.key].to_numpy(str)[:MOST])
    wanted = {
        "codec": ("reconstructed", dataset.reconstructed.truth[dataset.key].to_numpy(str))
    }  # what is said in which tar
    for observed, outputs in dataset.outputs.items():
        if voice in observed or len(observed) > 1:
            continue
        said = outputs.items[voice].labels[dataset.key] if not observed else outputs.truth[dataset.key].to_numpy(str)
        if observed and observed[0] not in dataset.shown_by[dataset.key]:
            said = outputs.real[observed[0]].labels[dataset.key]
        wanted[f"{subset_name(observed)}_to_{voice}"] = subset_name(observed), said
    results = []
    for metric, (tar, said) in wanted.items():
        files = islice(read_shard(MADE / f"{tar}.tar", only=[suffix_of(voice)]), MOST)
        words = recognised([sample[suffix_of(voice)] for _, sample in files])
        value, floor = (outcomes(found, said[: len(words)]) for found in (words, rng.permutation(words)))
        if len(value):
            results.append(share(f"recognition.{metric}", [value], [floor], [real], rng))
    return results


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


def recognised(clips: Sequence[bytes]) -> np.ndarray:
    """The digit heard in each WAV file; MALFORMED where none was."""
    jobs = ((clips[i : i + CHUNK],) for i in range(0, len(clips), CHUNK))
    return np.array([digit for part in in_processes(recognise_all, jobs) for digit in part])


def recognise_all(clips: Sequence[bytes]) -> list[str]:
    return [recognise(clip) for clip in clips]


def recognise(clip: bytes) -> str:
    """One clip, in a fresh utterance, its level brought to full scale."""
    channels, rate_hz = soundfile.read(io.BytesIO(clip), dtype="float32", always_2d=True)
    wave = librosa.resample(channels.mean(1), orig_sr=rate_hz, target_sr=RATE_HZ, res_type="soxr_hq")
    wave = np.concatenate([PAUSE, wave / max(float(np.abs(wave).max(initial=0)), 1e-6), PAUSE])
    ear = recogniser()
    ear.reinit_feat()  # else the clip before still counts: of 800, 4 were heard otherwise in another order
    ear.start_utt()
    ear.process_raw((wave * 32000).astype(np.int16).tobytes(), no_search=False, full_utt=True)
    ear.end_utt()
    said = ear.hyp()
    return str(WORDS.index(said.hypstr)) if said is not None and said.hypstr in WORDS else MALFORMED


@cache
def recogniser() -> Decoder:
    """One a process: it takes long to load. `full_utt` normalises each clip by itself."""
    ear = Decoder(lm=None, loglevel="FATAL")
    ear.add_jsgf_string("digits", f"#JSGF V1.0; grammar digits; public <digit> = {' | '.join(WORDS)};")
    ear.activate_search("digits")
    return ear
