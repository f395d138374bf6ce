"""The independent ear hears digits, each clip on its own."""

import io

import pytest
import soundfile

from stages.data.sources import espeak
from stages.data.sources.caption_grammar import WORDS
from stages.evaluation.metrics.speech_recognition import recognised

DIGITS = {word: str(number) for number, word in enumerate(WORDS)}


@pytest.fixture(scope="module")
def clips() -> list[bytes]:
    """Every digit said twice."""
    say = espeak.open_speaker()
    spoken = []
    for voice in ("en-us+m3", "en-us+f2"):
        for word in WORDS:
            clip, buffer = say(word, voice, 50.0, 150.0), io.BytesIO()
            soundfile.write(buffer, clip.wave, clip.rate_hz, format="WAV", subtype="PCM_16")
            spoken.append(buffer.getvalue())
    return spoken


def test_most_digits_are_heard_and_order_does_not_matter(clips: list[bytes]) -> None:
    found = recognised(clips, DIGITS)
    assert (found == [str(i % 10) for i in range(20)]).mean() >= 0.7
    assert (recognised(clips[::-1], DIGITS)[::-1] == found).all()
