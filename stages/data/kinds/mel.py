"""Mel filters, and the silence around a sound.

Librosa's `filters.mel` and `effects.trim` give the same, and take more than a second to be loaded, which is most of
what a first sample takes; the tests hold these against them. Axes: T frames, L samples.
"""

from functools import cache

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

LINEAR_HZ = 200 / 3  # a mel, below the bend
BEND_HZ = 1000.0
BEND = BEND_HZ / LINEAR_HZ  # mel
STEP = np.log(6.4) / 27  # a mel above it, natural logarithm of the frequency
QUIETEST = 1e-10  # power: what is less counts as this


@cache
def filters(rate_hz: int, window: int, bands: int) -> np.ndarray:
    """(bands, window / 2 + 1) float32: triangles on Slaney's scale (Auditory Toolbox, 1998), each of the same area."""
    top = BEND + np.log(rate_hz / 2 / BEND_HZ) / STEP  # half of every rate lies above the bend
    mels = np.linspace(0, top, bands + 2)
    edges = np.where(mels < BEND, LINEAR_HZ * mels, BEND_HZ * np.exp(STEP * (mels - BEND)))  # Hz
    slopes = np.subtract.outer(edges, np.fft.rfftfreq(window, 1 / rate_hz))
    widths = np.diff(edges)[:, None]
    weights = np.maximum(0, np.minimum(-slopes[:-2] / widths[:-1], slopes[2:] / widths[1:])).astype(np.float32)
    weights *= (2 / (edges[2:] - edges[:-2]))[:, None]
    return weights


def trimmed(wave: np.ndarray, hop: int, silence_db: float) -> np.ndarray:
    """(L,) without the frames at both ends, of four hops and a hop apart, that lie so far below the loudest."""
    frames = sliding_window_view(np.pad(wave, 2 * hop), 4 * hop)[::hop]  # (T, 4 hop), centred
    decibels = 10 * np.log10(np.maximum(np.square(frames).mean(1), QUIETEST))
    loud = np.flatnonzero(decibels - decibels.max() > -silence_db)
    return wave[loud[0] * hop : (loud[-1] + 1) * hop]
