"""Mel filters, trimming and resampling are librosa's."""

import librosa
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.data.kinds.audio import resampled
from stages.data.kinds.mel import filters, trimmed


@pytest.mark.parametrize("rate_hz", [8000, 16000, 22050, 48000])
@pytest.mark.parametrize(("window", "bands"), [(128, 16), (1024, 64), (1200, 80), (2048, 256)])
@pytest.mark.filterwarnings("ignore:Empty filters")  # which many bands of a short window are
def test_the_filters_are_librosas(rate_hz: int, window: int, bands: int) -> None:
    wanted = librosa.filters.mel(sr=rate_hz, n_fft=window, n_mels=bands)
    found = filters(rate_hz, window, bands)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, wanted)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 1000), hop=st.sampled_from([32, 100, 256]), before=st.integers(0, 3000),
    loud=st.integers(1, 3000), after=st.integers(0, 3000), hiss=st.sampled_from([0.0, 1e-7, 1e-3, 0.02]),
)  # fmt: skip
def test_silence_is_cut_where_librosa_cuts_it(
    seed: int, hop: int, before: int, loud: int, after: int, hiss: float
) -> None:
    rng = np.random.default_rng(seed)
    wave = np.concatenate([np.zeros(before), rng.standard_normal(loud), np.zeros(after)])
    wave = (wave + hiss * rng.standard_normal(len(wave))).astype(np.float32)
    wanted, _ = librosa.effects.trim(wave, top_db=40, frame_length=4 * hop, hop_length=hop)
    np.testing.assert_array_equal(trimmed(wave, hop, 40), wanted)


def test_of_what_is_silent_nothing_is_cut() -> None:
    assert len(trimmed(np.zeros(1000, np.float32), 32, 40)) == 1000


@pytest.mark.parametrize(("rate_hz", "wanted_hz"), [(16000, 16000), (44100, 16000), (8000, 16000), (22050, 24000)])
@pytest.mark.parametrize("length", [1, 999, 20000])
def test_another_rate_is_librosas(rate_hz: int, wanted_hz: int, length: int) -> None:
    wave = np.random.default_rng(1).standard_normal(length).astype(np.float32)
    wanted = librosa.resample(wave, orig_sr=rate_hz, target_sr=wanted_hz, res_type="soxr_hq")
    np.testing.assert_array_equal(resampled(wave, rate_hz, wanted_hz), wanted)
