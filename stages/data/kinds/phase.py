"""The phase that magnitudes lack, guessed: fast Griffin-Lim (Perraudin, Balazs, Sondergaard 2013, algorithm 2).

Librosa's `griffinlim` makes the same waves and takes three times as long; the tests hold this one against it.
Axes: T frames, K = window / 2 + 1 frequencies, L samples. Frames are centred and overlap by three quarters.
"""

from functools import cache

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from scipy.fft import irfft, rfft

OVERLAP = 4  # frames that cover a sample; a window is so many hops
MOMENTUM = 0.99
EPSILON = float(np.finfo(np.float32).tiny)


def griffin_lim(magnitudes: np.ndarray, hop: int, iterations: int) -> np.ndarray:
    """(T, K) float32 magnitudes -> a wave, (L,) float32 with L = (T - 1) hop, whose spectrum has nearly these."""
    spectrum, before = magnitudes * phases(*magnitudes.shape), np.zeros((), np.complex64)
    for _ in range(iterations):
        rebuilt = analysed(synthesised(spectrum, hop), hop)
        ahead = rebuilt - np.float32(MOMENTUM / (1 + MOMENTUM)) * before
        power = ahead.real**2 + ahead.imag**2  # half the time of `abs`, which also guards against underflow
        spectrum, before = ahead * (magnitudes / np.sqrt(power + EPSILON)), rebuilt
    return synthesised(spectrum, hop)


def analysed(wave: np.ndarray, hop: int) -> np.ndarray:
    """A wave of whole hops -> its spectrum, (T, K) complex64."""
    padded = np.pad(wave, OVERLAP * hop // 2)
    spectrum: np.ndarray = rfft(sliding_window_view(padded, OVERLAP * hop)[::hop] * window(hop))
    return spectrum


def synthesised(spectrum: np.ndarray, hop: int) -> np.ndarray:
    """(T, K) -> the wave whose spectrum is nearest to it: frames weighted, added and divided by what they weigh."""
    frames = irfft(spectrum) * window(hop)
    wave = added(frames, hop) / weight(len(frames), hop)
    half = OVERLAP * hop // 2
    return wave[half:-half]


def added(frames: np.ndarray, hop: int) -> np.ndarray:
    """Overlapping frames (T, OVERLAP hop) summed where they lie: ((T + OVERLAP - 1) hop,)."""
    total = np.zeros((len(frames) + OVERLAP - 1, hop), np.float32)
    for part in range(OVERLAP):
        total[part : part + len(frames)] += frames[:, part * hop : (part + 1) * hop]
    return total.reshape(-1)


@cache
def window(hop: int) -> np.ndarray:
    """The periodic Hann window."""
    length = OVERLAP * hop
    return (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(length) / length)).astype(np.float32)


@cache
def weight(count: int, hop: int) -> np.ndarray:
    """The squared windows of so many frames, summed; 1 where there is nearly none."""
    total = added(np.tile(window(hop) ** 2, (count, 1)), hop)
    return np.where(total > EPSILON, total, np.float32(1))


@cache
def phases(frames: int, frequencies: int) -> np.ndarray:
    """Where the guess begins: the same for every clip, so that none depends on another."""
    turns = np.random.RandomState(0).random((frequencies, frames)).T
    return np.exp(2j * np.pi * turns).astype(np.complex64)
