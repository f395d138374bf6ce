"""Clips: whatever the file, a trimmed wave; its levels and back to a sound one recognises."""

import io

import librosa
import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from stages.data.kinds import audio
from stages.data.kinds.phase import griffin_lim

SETTINGS = audio.Settings(
    rate_hz=16000, bands=64, frames=64, hop=256, floor_db=-70.0, shift=0.3, gain_db=6, noise_db=-35, griffin_lim=32
)


def tone(pitch_hz: float = 140, seconds: float = 0.5, rate_hz: int = 16000) -> np.ndarray:
    """Fourteen harmonics that swell and fade: (L,) float32 with peak 1."""
    t = np.arange(int(seconds * rate_hz)) / rate_hz
    wave = sum(np.sin(2 * np.pi * pitch_hz * k * t) / k for k in range(1, 15)) * np.hanning(len(t))
    return np.asarray(wave / np.abs(wave).max(), np.float32)


def encode(wave: np.ndarray, rate_hz: int = 16000, kind: str = "WAV", subtype: str | None = "PCM_16") -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, wave, rate_hz, format=kind, subtype=subtype)
    return buffer.getvalue()


def levels(payload: bytes) -> np.ndarray:
    return audio.tensor(audio.read(payload, SETTINGS), SETTINGS)


def correlation(left: np.ndarray, right: np.ndarray) -> float:
    """The best over a shift of a few frames: trimming may move a clip by one."""
    shifted = (np.roll(left, shift, 1).ravel() for shift in range(-3, 4))
    return float(max(np.corrcoef(one.astype(float), right.ravel().astype(float))[0, 1] for one in shifted))


def pitch(wave: np.ndarray) -> float:
    loud = wave[len(wave) // 4 : -len(wave) // 4]
    return float(np.median(librosa.yin(loud, fmin=55, fmax=500, sr=16000, frame_length=1024)))


def test_a_clip_is_trimmed_mono_with_peak_one() -> None:
    quiet = np.zeros(8000, np.float32)
    wave = audio.read(encode(np.concatenate([quiet, 0.3 * tone(), quiet])), SETTINGS)
    assert wave.ndim == 1
    assert wave.dtype == np.float32
    assert np.abs(wave).max() == pytest.approx(1)
    assert 0.3 * 16000 < len(wave) < 0.6 * 16000


@pytest.mark.parametrize(
    ("kind", "subtype"), [("WAV", "PCM_U8"), ("WAV", "PCM_24"), ("WAV", "FLOAT"), ("FLAC", "PCM_16")]
)
def test_every_kind_of_file_sounds_the_same(kind: str, subtype: str) -> None:
    assert correlation(levels(encode(tone(), kind=kind, subtype=subtype)), levels(encode(tone()))) > 0.8


def test_channels_and_rate_do_not_matter() -> None:
    stereo = np.stack([tone(rate_hz=44100)] * 2, 1)
    read = audio.read(encode(stereo, 44100), SETTINGS)
    assert pitch(read) == pytest.approx(140, rel=0.02)
    assert correlation(audio.tensor(read, SETTINGS), levels(encode(tone()))) > 0.9


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"RIFF",
        encode(tone())[:30],
        encode(np.zeros(0, np.float32)),
        encode(np.zeros(8000, np.float32)),
        encode(np.full(8000, np.nan, np.float32), subtype="FLOAT"),
        encode(np.append(tone(), np.inf).astype(np.float32), subtype="FLOAT"),
        encode(1e30 * tone(), subtype="FLOAT"),
    ],
    ids=["empty", "cut", "header", "no samples", "silence", "nan", "infinity", "too loud"],
)
def test_what_is_no_sound_is_refused_in_words(payload: bytes) -> None:
    with pytest.raises(ValueError, match=r"^expected "):
        audio.read(payload, SETTINGS)


@pytest.mark.parametrize("payload", [b"no sound", encode(tone())[:30]], ids=["garbage", "cut"])
def test_a_reason_is_the_same_every_time(payload: bytes) -> None:
    """It is a tracked output, and soundfile's words name an address in memory."""
    with pytest.raises(ValueError, match=r"^expected a sound file, got \d+ bytes that do not decode \([\w '.]+\)$"):
        audio.read(payload, SETTINGS)


@given(st.binary(max_size=300))
def test_garbage_is_refused_in_words(payload: bytes) -> None:
    with pytest.raises(ValueError, match=r"^expected "):
        audio.read(payload, SETTINGS)


@pytest.mark.parametrize("samples", [1, 2, 100, 16000 * 20])
def test_very_short_and_very_long_clips_have_the_same_shape(samples: int) -> None:
    wave = np.resize(tone(), samples) + np.float32(0.1)
    assert levels(encode(wave)).shape == audio.blank(SETTINGS).shape == (64, 64)


def test_a_tensor_spans_its_levels_and_ignores_loudness() -> None:
    loud, soft = levels(encode(tone())), levels(encode(0.1 * tone(), subtype="FLOAT"))
    assert loud.dtype == np.uint8
    assert loud.max() == 255
    assert loud.min() == 0
    assert np.abs(loud.astype(int) - soft).max() <= 1


@pytest.mark.parametrize("pitch_hz", [110, 140, 240])
def test_what_is_written_sounds_like_what_was_read(pitch_hz: float) -> None:
    original = levels(encode(tone(pitch_hz)))
    payload = audio.write(original, SETTINGS)
    about = soundfile.info(io.BytesIO(payload))
    assert (about.format, about.subtype, about.samplerate, about.channels) == ("WAV", "PCM_16", 16000, 1)
    assert about.frames == 64 * 256
    back = audio.read(payload, SETTINGS)
    assert correlation(original, audio.tensor(back, SETTINGS)) > (0.9 if pitch_hz < 200 else 0.8)
    assert pitch(back) == pytest.approx(pitch_hz, rel=0.03)


@pytest.mark.parametrize(("seconds", "hop"), [(1.0, 256), (0.3, 100), (3.0, 32)])
def test_the_guessed_phase_is_librosas(seconds: float, hop: int) -> None:
    wave = tone(180)[: int(16000 * seconds) // hop * hop]
    magnitudes = np.abs(librosa.stft(wave, n_fft=4 * hop, hop_length=hop))
    wanted = librosa.griffinlim(magnitudes, n_iter=12, hop_length=hop, n_fft=4 * hop, random_state=0)
    found = griffin_lim(np.ascontiguousarray(magnitudes.T), hop, 12)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, wanted, atol=1e-3 * np.abs(wanted).max())


def test_writing_is_repeatable_and_takes_anything() -> None:
    noise = np.random.default_rng(1).integers(0, 256, (64, 64), dtype=np.uint8)
    assert audio.write(noise, SETTINGS) == audio.write(noise, SETTINGS)
    silent, _ = soundfile.read(io.BytesIO(audio.write(audio.blank(SETTINGS), SETTINGS)))
    assert np.abs(silent).max() < 1e-3


def test_augmenting_repeats_with_its_stream_and_moves_the_sound() -> None:
    wave = audio.read(encode(tone()), SETTINGS)
    first, again, other = (audio.augment(wave, SETTINGS, np.random.default_rng(seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert first.shape != other.shape or (first != other).any()
    assert np.isfinite(first).all()
    assert len(wave) <= len(first) <= SETTINGS.frames * SETTINGS.hop
    assert audio.tensor(first, SETTINGS).shape == (64, 64)
    assert first.dtype == np.float32


@pytest.mark.parametrize("kind", ["WAV", "FLAC", "OGG", "MP3", "AIFF"])
@pytest.mark.parametrize("rate_hz", [8000, 22050, 48000])
@pytest.mark.parametrize("channels", [1, 2, 6])
def test_every_format_rate_and_number_of_channels(kind: str, rate_hz: int, channels: int) -> None:
    if kind == "MP3" and channels > 2:
        pytest.skip("MP3 has two channels at most")
    wave = np.stack([tone(140, 0.8, rate_hz)] * channels, 1)
    read = audio.read(encode(wave, rate_hz, kind, None), SETTINGS)
    assert pitch(read) == pytest.approx(140, rel=0.03)
    assert audio.tensor(read, SETTINGS).shape == (64, 64)


@pytest.mark.parametrize("seconds", [0.1, 1, 200, 400])
def test_any_length_and_of_long_ones_the_beginning(seconds: float) -> None:
    room = SETTINGS.frames * SETTINGS.hop
    wave = np.resize(tone(140, 1), int(seconds * 16000)) if seconds >= 1 else tone(140, seconds)
    read = audio.read(encode(wave), SETTINGS)
    assert np.abs(read[:room]).max() == pytest.approx(1)
    assert audio.length(read, SETTINGS) == -(-len(read) // SETTINGS.hop)
    assert levels(encode(wave)).shape == (64, 64)
    if seconds > 1:
        assert audio.length(read, SETTINGS) == pytest.approx(min(seconds, audio.LONGEST) * 16000 / 256, rel=0.02, abs=1)
        beginning = audio.read(encode(wave[: 2 * room]), SETTINGS)
        np.testing.assert_allclose(read[:room], beginning[:room], atol=1e-3)


@pytest.mark.parametrize("opposite", [-1.0, -0.999])
def test_channels_that_cancel_each_other_are_no_silence(opposite: float) -> None:
    stereo = np.stack([tone(), opposite * tone()], 1)
    with pytest.raises(ValueError, match=r"^expected channels that add up, got 2 that cancel each other; keep one"):
        audio.read(encode(stereo), SETTINGS)
    audio.read(encode(np.stack([tone(140), tone(210)], 1)), SETTINGS)
    with pytest.raises(ValueError, match=r"^expected a sound, got silence"):
        audio.read(encode(np.zeros((16000, 2), np.float32)), SETTINGS)


@pytest.mark.parametrize("kind", ["WAV", "AIFF", "FLAC", "OGG", "MP3"])
def test_a_file_that_was_cut_is_refused(kind: str) -> None:
    whole = encode(tone(140, 3), kind=kind, subtype=None)
    audio.read(whole, SETTINGS)
    with pytest.raises(ValueError, match=r"^expected a (whole sound file|sound)"):
        audio.read(whole[: len(whole) // 2], SETTINGS)


@pytest.mark.parametrize("size", [0, 0xFFFFFFFF, 0x7FFFFFFF])
def test_a_wav_that_was_written_as_a_stream_is_read(size: int) -> None:
    """Its head does not know how long it is."""
    streamed = bytearray(encode(tone()))
    streamed[4:8] = size.to_bytes(4, "little")
    assert len(audio.read(bytes(streamed), SETTINGS)) > 1000


def test_a_head_that_promises_too_much_costs_no_memory(capfd: pytest.CaptureFixture[str]) -> None:
    """Reading as many samples as an MP3 promises raised MemoryError."""
    whole = bytearray(encode(tone(140, 1), kind="MP3", subtype=None))
    place = max(whole.find(b"Xing"), whole.find(b"Info"))
    whole[place + 8 : place + 12] = b"\x7f\xff\xff\xff"
    with pytest.raises(ValueError, match=r"^expected a whole sound file, got \d+ bytes that end too soon"):
        audio.read(bytes(whole), SETTINGS)
    assert capfd.readouterr().err == "", "the decoder speaks to stderr by itself"


@pytest.mark.parametrize(("rate_hz", "channels"), [(200, 1), (2**30, 1), (16000, 200)])
def test_a_head_that_says_what_can_not_be_is_refused(rate_hz: int, channels: int) -> None:
    with pytest.raises(ValueError, match=r"^expected at most 32 channels at 1000 to 768000 Hz, got "):
        audio.read(encode(np.zeros((10, channels), np.float32), rate_hz), SETTINGS)
