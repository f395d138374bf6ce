"""A basis that nobody's data went into: the lowest frequencies of a discrete cosine transform.

It stands in for principal components where a model may tell little of any one item: these are made of the items, and
noise that hid them would drown them. What is measured along it, the mean and how values spread, is one look with noise
(Dwork et al. 2006, doi:10.1007/11681878_14, as normal noise): a sum to which no item brings more than a fixed length.
The spread is measured in bands of frequencies, as that of pictures and sounds falls off evenly.
Axes: P values of an item, K components, F bands.
"""

import math

import numpy as np
import torch
from scipy.fft import idct
from torch import Tensor

from stages.features.chunked_items import Items, chunks
from stages.features.randomised_pca import PCA, levels
from stages.learning.privacy import Private

BANDS = 16  # F, at most
COLOURS = np.array([[1, 1, 1], [1, 0, -1], [1, -2, 1]]) / np.sqrt([[3], [2], [6]])  # brightness and two differences
CHROMA = 2.0  # times that a difference's frequencies count: eyes and cameras see fewer of them
GREY = 0.5  # what is taken off before the mean is known, levels from 0 to 1


def cosines(shape: tuple[int, ...], most: int) -> Tensor:
    """The `most` lowest frequencies, (K, P) of unit length, of items (H, W), (H, W, C) or more axes."""
    colour = len(shape) > 2 and shape[-1] == 3
    axes = [idct(np.eye(size), norm="ortho").T for size in shape[:-1] + (() if colour else shape[-1:])]
    weights = [np.arange(size) / size for size in shape[: len(axes)]]
    if colour:
        axes.append(COLOURS)
    squares = sum(np.square(part).reshape([-1 if at == axis else 1 for at in range(len(axes))])
                  for axis, part in enumerate(weights))  # fmt: skip
    order = np.broadcast_to(squares, shape).copy()
    if colour:
        order[..., 1:] *= CHROMA**2
    chosen = np.argsort(order.ravel(), kind="stable")[:most]
    places = np.unravel_index(chosen, shape)
    rows = [axis[place] for axis, place in zip(axes, places, strict=True)]  # (K, size) each
    basis = rows[0]
    for part in rows[1:]:
        basis = (basis[:, :, None] * part[:, None]).reshape(len(basis), -1)
    return torch.from_numpy(basis).float()


def look(items: Items, most: int, private: Private) -> PCA:
    """Mean, components and variances of (N, *shape) uint8 items as far as a noised look shows them."""
    basis = cosines(items.shape[1:], most)  # (K, P)
    longest = GREY * math.sqrt(basis.shape[1])  # of an item
    values = torch.cat([(levels(part) - GREY) @ basis.T for part in chunks(items)]) / longest  # (N, K), within 1
    bands = np.array_split(np.arange(len(basis)), min(BANDS, len(basis)))
    energies = torch.stack([values[:, band].square().sum(1) for band in bands], 1)  # (N, F), within 1
    units = len(private.members[1])
    seen = private.look(torch.cat([values, energies], 1), math.sqrt(2), "look") / units
    mean, energy = seen[: len(basis)], seen[len(basis) :]
    blur = (private.noise * math.sqrt(2) / units) ** 2  # variance of the noise on each value of the mean
    spread = torch.empty(len(basis), dtype=torch.float64)
    for band, total in zip(bands, energy, strict=True):
        known = private.noise * math.sqrt(2) / units / len(band)  # what is measured as less is noise
        spread[band] = ((total - (mean[band].square() - blur).sum()) / len(band)).clamp(min=known)
    spread = longest**2 * spread
    return PCA(GREY + longest * mean.float() @ basis, basis, spread.float())
