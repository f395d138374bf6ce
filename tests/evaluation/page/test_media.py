"""What the page shows: media as they are, or lighter; what can't be read stays as it is."""

import base64
import io

import numpy as np
import pytest
import soundfile
from PIL import Image

from stages.data.kinds.audio import SECONDS
from stages.data.kinds.image import SIDE
from stages.evaluation.page.media import as_data_uri


def decoded(uri: str) -> tuple[str, bytes]:
    kind, _, content = uri.removeprefix("data:").partition(";base64,")
    return kind, base64.b64decode(content)


def photo(side: int) -> bytes:
    buffer = io.BytesIO()
    levels = np.random.default_rng(1).integers(0, 255, (side, side, 3), dtype=np.uint8)
    Image.fromarray(levels).save(buffer, "PNG")
    return buffer.getvalue()


def clip(seconds: float, rate_hz: int = 16000, channels: int = 1) -> bytes:
    buffer = io.BytesIO()
    wave = 0.3 * np.sin(2 * np.pi * 220 * np.arange(int(seconds * rate_hz)) / rate_hz)
    soundfile.write(buffer, np.stack([wave] * channels, 1), rate_hz, format="WAV", subtype="PCM_16")
    return buffer.getvalue()


def test_media_are_shown_as_they_are() -> None:
    assert decoded(as_data_uri("image", photo(40))) == ("image/png", photo(40))
    assert decoded(as_data_uri("audio", clip(1))) == ("audio/wav", clip(1))
    assert as_data_uri("text", b" a caption \n") == as_data_uri("text", b" a caption \n", light=True) == "a caption"


@pytest.mark.parametrize("side", [64, 1000])
def test_a_lighter_picture_is_the_same_picture(side: int) -> None:
    kind, payload = decoded(as_data_uri("image", photo(side), light=True))
    picture = Image.open(io.BytesIO(payload))
    assert kind == "image/webp" and picture.size == (min(side, SIDE),) * 2
    assert len(payload) < 0.5 * len(photo(side))


@pytest.mark.parametrize(("rate_hz", "channels"), [(16000, 1), (44100, 2), (8000, 1)])
def test_a_lighter_clip_is_the_same_clip(rate_hz: int, channels: int) -> None:
    kind, payload = decoded(as_data_uri("audio", clip(2, rate_hz, channels), light=True))
    wave, rate = soundfile.read(io.BytesIO(payload))
    assert kind == "audio/ogg" and len(wave) / rate == pytest.approx(2, abs=0.02)
    heard = np.abs(np.fft.rfft(wave)).argmax() * rate / len(wave)
    assert heard == pytest.approx(220, abs=2)
    assert len(payload) < 0.4 * len(clip(2, rate_hz, channels))


def test_of_a_long_recording_the_beginning_is_heard() -> None:
    wave, rate = soundfile.read(io.BytesIO(decoded(as_data_uri("audio", clip(60), light=True))[1]))
    assert len(wave) / rate == pytest.approx(SECONDS, abs=0.1)


@pytest.mark.parametrize("kind", ["image", "audio"])
def test_what_can_not_be_read_stays_as_it_is(kind: str) -> None:
    assert decoded(as_data_uri(kind, b"torn", light=True))[1] == b"torn"
